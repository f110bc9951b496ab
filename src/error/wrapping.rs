//! What goes wrong where keys are wrapped: known faults have names of their own there (v3.2, 5.18.3, 5.18.4).

use cryptoki_sys::*;

use super::{Error, TokenErrorKind};

/// Why a key could not be wrapped or unwrapped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WrappingError {
    /// No such key to wrap with.
    #[error("no key to wrap with has the handle {0}")]
    WrappingHandle(CK_OBJECT_HANDLE),
    /// The key to wrap with does not go with the mechanism.
    #[error("mechanism {mechanism} does not wrap with a key of type {key}")]
    WrappingType {
        /// The mechanism's name.
        mechanism: &'static str,
        /// The key's type.
        key: String,
    },
    /// No such key to unwrap with.
    #[error("no key to unwrap with has the handle {0}")]
    UnwrappingHandle(CK_OBJECT_HANDLE),
    /// The key to unwrap with does not go with the mechanism.
    #[error("mechanism {mechanism} does not unwrap with a key of type {key}")]
    UnwrappingType {
        /// The mechanism's name.
        mechanism: &'static str,
        /// The key's type.
        key: String,
    },
    /// What was wrapped is no key, or was wrapped by another.
    #[error("{0}")]
    Invalid(&'static str),
    /// What was wrapped has a length that the mechanism never gives.
    #[error("a wrapped key of {got} bytes, where {wanted} are due")]
    Length {
        /// What the caller gave.
        got: usize,
        /// What the mechanism gives.
        wanted: &'static str,
    },
}

impl Error {
    /// The same of the key to wrap with, and of what it is to wrap.
    pub fn in_wrapping(self) -> Self {
        match self {
            Error::KeyHandleInvalid(handle) => WrappingError::WrappingHandle(handle).into(),
            Error::KeyTypeInconsistent { mechanism, key } => {
                WrappingError::WrappingType { mechanism, key }.into()
            }
            Error::DataLenRange { wanted, .. } => Error::KeySizeRange(wanted),
            other => other,
        }
    }

    /// The same of the key to unwrap with, and of what was wrapped.
    pub fn in_unwrapping(self) -> Self {
        match self {
            Error::KeyHandleInvalid(handle) => WrappingError::UnwrappingHandle(handle).into(),
            Error::KeyTypeInconsistent { mechanism, key } => {
                WrappingError::UnwrappingType { mechanism, key }.into()
            }
            Error::EncryptedDataInvalid(why) => WrappingError::Invalid(why).into(),
            Error::EncryptedDataLenRange { got, wanted } => {
                WrappingError::Length { got, wanted }.into()
            }
            Error::Token(error) if error.kind == TokenErrorKind::BadCiphertext => {
                WrappingError::Invalid("the token does not decrypt it").into()
            }
            other => other,
        }
    }
}

impl From<&WrappingError> for CK_RV {
    fn from(error: &WrappingError) -> CK_RV {
        match error {
            WrappingError::WrappingHandle(_) => CKR_WRAPPING_KEY_HANDLE_INVALID,
            WrappingError::WrappingType { .. } => CKR_WRAPPING_KEY_TYPE_INCONSISTENT,
            WrappingError::UnwrappingHandle(_) => CKR_UNWRAPPING_KEY_HANDLE_INVALID,
            WrappingError::UnwrappingType { .. } => CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT,
            WrappingError::Invalid(_) => CKR_WRAPPED_KEY_INVALID,
            WrappingError::Length { .. } => CKR_WRAPPED_KEY_LEN_RANGE,
        }
    }
}
