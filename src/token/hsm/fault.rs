//! Why a request came to nothing, and what a module's return values mean to a token.

use cryptoki::error::{Error, RvError};
use serde::{Deserialize, Serialize};

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{said}")]
pub struct Fault {
    /// Its kind.
    pub kind: FaultKind,
    /// What happened, for people: one line.
    pub said: String,
}

/// The kinds of fault that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// The module cannot be loaded or does not begin; or it is our own.
    NoModule,
    /// No token is the one that was chosen, or several are.
    NoToken,
    /// The token was taken out.
    Removed,
    /// The sessions are gone, and with them the login. Asking again opens new ones.
    SessionsLost,
    /// The PIN has to be given first.
    NotLoggedIn,
    /// The PIN is wrong.
    WrongPin,
    /// There were too many wrong PINs.
    PinLocked,
    /// No object has that number.
    NoSuchObject,
    /// The key must not be used in this way.
    Denied,
    /// The module does not know the mechanism, or not for this.
    Mechanism,
    /// The mechanism's parameter is none.
    Parameter,
    /// The mechanism and the key do not go together.
    KeyType,
    /// What was given has a wrong length.
    Length,
    /// What was given is no good.
    Input,
    /// The token can only be read.
    ReadOnly,
    /// The token has no room, or no further session.
    Full,
    /// The module's process ended or did not answer.
    NoAnswer,
    /// Anything else.
    Failed,
}

impl Fault {
    /// A fault of that kind.
    pub fn new(kind: FaultKind, said: impl Into<String>) -> Self {
        let said = said.into();
        Self { kind, said }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        match error {
            Error::Pkcs11(value, function) => {
                let said = format!("the module's C_{function:?} answered CKR_{}", name(value));
                Fault::new(kind(value), said)
            }
            Error::LibraryLoading(reason) => Fault::new(
                FaultKind::NoModule,
                format!("it cannot be loaded: {reason}"),
            ),
            Error::MissingSymbol(symbol) => {
                let said = format!("it is no PKCS#11 module: it has no {symbol}");
                Fault::new(FaultKind::NoModule, said)
            }
            Error::NullFunctionPointer => {
                Fault::new(FaultKind::Failed, "the module lacks the function")
            }
            other => Fault::new(FaultKind::Failed, format!("the module's answer: {other}")),
        }
    }
}

/// As PKCS#11 writes it: `PinIncorrect` is PIN_INCORRECT.
fn name(value: RvError) -> String {
    let mut name = String::new();
    for character in format!("{value:?}").chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(character.to_uppercase());
    }
    name
}

fn kind(value: RvError) -> FaultKind {
    use RvError as Rv;
    match value {
        Rv::TokenNotPresent | Rv::TokenNotRecognized | Rv::DeviceRemoved | Rv::SlotIdInvalid => {
            FaultKind::Removed
        }
        Rv::SessionHandleInvalid | Rv::SessionClosed | Rv::CryptokiNotInitialized => {
            FaultKind::SessionsLost
        }
        Rv::UserNotLoggedIn => FaultKind::NotLoggedIn,
        Rv::PinIncorrect | Rv::PinInvalid | Rv::PinLenRange => FaultKind::WrongPin,
        Rv::PinLocked | Rv::PinExpired => FaultKind::PinLocked,
        Rv::KeyHandleInvalid
        | Rv::ObjectHandleInvalid
        | Rv::UnwrappingKeyHandleInvalid
        | Rv::WrappingKeyHandleInvalid => FaultKind::NoSuchObject,
        Rv::KeyFunctionNotPermitted
        | Rv::ActionProhibited
        | Rv::KeyUnextractable
        | Rv::AttributeReadOnly => FaultKind::Denied,
        Rv::MechanismInvalid | Rv::FunctionNotSupported => FaultKind::Mechanism,
        Rv::MechanismParamInvalid => FaultKind::Parameter,
        Rv::KeyTypeInconsistent | Rv::KeySizeRange | Rv::WrappingKeyTypeInconsistent => {
            FaultKind::KeyType
        }
        Rv::DataLenRange => FaultKind::Length,
        Rv::DataInvalid
        | Rv::EncryptedDataInvalid
        | Rv::EncryptedDataLenRange
        | Rv::WrappedKeyInvalid
        | Rv::WrappedKeyLenRange => FaultKind::Input,
        Rv::TokenWriteProtected | Rv::SessionReadOnly => FaultKind::ReadOnly,
        Rv::DeviceMemory | Rv::SessionCount => FaultKind::Full,
        _ => FaultKind::Failed,
    }
}

#[cfg(test)]
mod tests {
    use cryptoki::context::Function;

    use super::*;

    #[test]
    fn return_values_have_their_names_and_kinds() {
        let fault = Fault::from(Error::Pkcs11(RvError::PinIncorrect, Function::Login));
        assert_eq!(
            fault.said,
            "the module's C_Login answered CKR_PIN_INCORRECT"
        );
        assert_eq!(fault.kind, FaultKind::WrongPin);
        let lost = Fault::from(Error::Pkcs11(RvError::SessionHandleInvalid, Function::Sign));
        assert_eq!(lost.kind, FaultKind::SessionsLost);
    }
}
