//! What opens a keystore: each kind of seal wraps the data key in its own way.

mod credential_file;
mod hsm_key;
mod kmip_key;
mod pin;

use zeroize::Zeroizing;

pub use credential_file::CredentialFile;
pub use hsm_key::HsmKey;
pub use kmip_key::KmipKey;
pub use pin::Pin;

use super::frame::Frame;
use super::sealing::{DataKey, Keys};
use super::store::{StoreError, Stored, TokenRow};
use crate::error::{Error, TokenError, TokenErrorKind};

/// A kind of seal, with the secret that it needs.
pub trait Wrapping {
    /// Its word in the row `token` and in the configuration.
    fn kind(&self) -> &'static str;

    /// Wraps a data key for that token: what to note of how it was done, and the wrapped key.
    fn wrap(&self, token: &TokenRow, data_key: &DataKey) -> Stored<(Vec<u8>, Vec<u8>)>;

    /// The bytes that were wrapped.
    ///
    /// # Errors
    /// [`TokenErrorKind::WrongPin`] or another kind, with what to do about it.
    fn unwrap(&self, token: &TokenRow) -> Stored<Zeroizing<Vec<u8>>>;
}

/// Wraps the data key, and writes into the row all that belongs to it.
pub fn wrap(with: &dyn Wrapping, token: &mut TokenRow, data_key: &DataKey) -> Stored {
    with.kind().clone_into(&mut token.seal);
    (token.seal_parameters, token.data_key) = with.wrap(token, data_key)?;
    token.check_value = data_key.keys(&token.serial)?.check_value(token);
    Ok(())
}

/// The data key, and what is made of it; checked to be that of the token.
pub fn unwrap(with: &dyn Wrapping, token: &TokenRow) -> Stored<(DataKey, Keys)> {
    let bytes = with.unwrap(token)?;
    let altered = || {
        StoreError::new(
            TokenErrorKind::Failed,
            "what opens the keystore was altered in the database; restore the last backup",
        )
    };
    let data_key = DataKey::from_bytes(&bytes).ok_or_else(altered)?;
    let keys = data_key.keys(&token.serial)?;
    match keys.are_of(token) {
        true => Ok((data_key, keys)),
        false => Err(altered()),
    }
}

/// A failure of the place where the wrapping key is, without the slot, which is named again where it
/// is told.
fn told(error: Error) -> StoreError {
    match error {
        Error::Token(TokenError { kind, reason, .. }) => {
            StoreError::new(kind, format!("the keystore cannot be opened: {reason}"))
        }
        other => StoreError::new(TokenErrorKind::Failed, other.to_string()),
    }
}

/// What a wrapped data key is bound to, where the wrapping can bind it.
fn binding(token: &TokenRow, kind: &str, parameters: &[u8]) -> Vec<u8> {
    Frame::of("kmip-p11 wrapped data key")
        .number(token.format)
        .text(&token.serial)
        .text(kind)
        .bytes(parameters)
        .done()
}
