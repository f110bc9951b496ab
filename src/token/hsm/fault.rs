//! What a module's return values mean to a token.

use cryptoki::error::{Error, RvError};

use super::device::{Fault, FaultKind};

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
        Rv::KeyHandleInvalid | Rv::ObjectHandleInvalid => FaultKind::NoSuchObject,
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
        Rv::DataInvalid | Rv::WrappedKeyInvalid | Rv::WrappedKeyLenRange => FaultKind::Input,
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
