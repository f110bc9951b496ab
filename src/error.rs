//! Everything that can go wrong, and the one place where it becomes a `CK_RV`.

mod wrapping;

use cryptoki_sys::*;

pub use wrapping::WrappingError;

/// A result whose error a Cryptoki call can answer with.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// Why a call failed, in words that its caller can act on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The object itself says that this is not done to it.
    #[error("{0}")]
    ActionProhibited(&'static str),
    /// A message that was not encrypted so by this key, or was changed since.
    #[error("the tag of the message is not right")]
    AeadDecryptFailed,
    /// Two `C_Initialize` without a `C_Finalize` between them.
    #[error("the library is already initialized")]
    AlreadyInitialized,
    /// An argument that the specification does not allow.
    #[error("{0}")]
    ArgumentsBad(&'static str),
    /// The attribute is not for its users to set, or not any more.
    #[error("attribute {0:#x} of the object cannot be set")]
    AttributeReadOnly(CK_ATTRIBUTE_TYPE),
    /// A value that the attribute cannot have.
    #[error("attribute {kind:#x}: {why}")]
    AttributeValueInvalid {
        /// The attribute.
        kind: CK_ATTRIBUTE_TYPE,
        /// What is wrong with its value.
        why: &'static str,
    },
    /// The object has no such attribute.
    #[error("the object has no attribute {0:#x}")]
    AttributeTypeInvalid(CK_ATTRIBUTE_TYPE),
    /// The attribute is part of a private key's secret.
    #[error("attribute {0:#x} of a private key is never given out")]
    AttributeSensitive(CK_ATTRIBUTE_TYPE),
    /// The caller's buffer cannot hold the answer; its size was told.
    #[error("the caller's buffer is too small")]
    BufferTooSmall,
    /// The caller wants locks of its own and forbids those of the operating system.
    #[error("mutex callbacks without CKF_OS_LOCKING_OK cannot be honoured")]
    CantLock,
    /// The configuration file is missing, wrong, or not to be trusted.
    #[error("{0}")]
    Configuration(String),
    /// A curve that no key is made on here.
    #[error("the curve is none of those that keys are made on here")]
    CurveNotSupported,
    /// What is to be signed has a wrong length.
    #[error("{got} bytes, where {wanted} are due")]
    DataLenRange {
        /// What the caller gave.
        got: usize,
        /// What the mechanism wants.
        wanted: &'static str,
    },
    /// A ciphertext that was not made by this key and mechanism, or was changed since.
    #[error("{0}")]
    EncryptedDataInvalid(&'static str),
    /// A ciphertext of a length that the mechanism never gives.
    #[error("{got} bytes to decrypt, where {wanted} are due")]
    EncryptedDataLenRange {
        /// What the caller gave.
        got: usize,
        /// What the mechanism gives.
        wanted: &'static str,
    },
    /// What should work, did not.
    #[error("{0}")]
    FunctionFailed(&'static str),
    /// A function that this token does not have.
    #[error("{0}")]
    FunctionNotSupported(&'static str),
    /// The relics of parallel sessions (v3.2, 5.20).
    #[error("functions do not run in parallel here")]
    FunctionNotParallel,
    /// The caller's data is larger than the memory that can be had.
    #[error("there is no memory for a copy of {0} bytes")]
    HostMemory(usize),
    /// The key's kind does not go with the mechanism.
    #[error("mechanism {mechanism} does not go with a key of type {key}")]
    KeyTypeInconsistent {
        /// The mechanism's name.
        mechanism: &'static str,
        /// The key's type.
        key: String,
    },
    /// The owner of the key does not let it be used so.
    #[error("the key may not be used so")]
    KeyFunctionNotPermitted,
    /// The key's value may not be digested.
    #[error("the value of this key cannot be digested")]
    KeyIndigestible,
    /// The key is too short or too long for what is asked.
    #[error("{0}")]
    KeySizeRange(&'static str),
    /// The owner of the key does not let it leave its place.
    #[error("the key is not extractable: it leaves its place in no form")]
    KeyUnextractable,
    /// The key is of no kind that the mechanism wraps.
    #[error("{0}")]
    KeyNotWrappable(&'static str),
    /// No such key, or no private key.
    #[error("no private key has the handle {0}")]
    KeyHandleInvalid(CK_OBJECT_HANDLE),
    /// A mechanism that the token does not offer.
    #[error("mechanism {0:#x} is not offered")]
    MechanismInvalid(CK_MECHANISM_TYPE),
    /// A parameter that the mechanism does not take.
    #[error("mechanism {0} takes no parameter")]
    MechanismParamInvalid(&'static str),
    /// A parameter that the mechanism cannot have.
    #[error("mechanism {mechanism} {why}")]
    ParameterInvalid {
        /// The mechanism's name.
        mechanism: &'static str,
        /// What it takes.
        why: &'static str,
    },
    /// Nothing has happened to any slot.
    #[error("no slot has changed")]
    NoEvent,
    /// `C_Initialize` has not been called in this process.
    #[error("the library is not initialized in this process")]
    NotInitialized,
    /// No such object, or it is gone.
    #[error("no object has the handle {0}")]
    ObjectHandleInvalid(CK_OBJECT_HANDLE),
    /// Another operation of the kind is under way in the session.
    #[error("an operation is already under way in this session")]
    OperationActive,
    /// The operation to go on with was never begun, or has ended.
    #[error("no operation is under way in this session")]
    OperationNotInitialized,
    /// A bug of ours, stopped at the boundary.
    #[error("a panic was caught; this is a bug in kmip-p11")]
    Panicked,
    /// An ML-DSA that does not exist.
    #[error("there is no such parameter set")]
    ParameterSetNotSupported,
    /// A PIN that is too short or too long to be one.
    #[error("the PIN has {got} bytes, not {least} to {most}")]
    PinLenRange {
        /// Bytes given.
        got: usize,
        /// Bytes of the shortest.
        least: usize,
        /// Bytes of the longest.
        most: usize,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    RandomNoRng,
    /// The operating system's randomness takes no seed from programs.
    #[error("the random numbers of the operating system are not seeded by programs")]
    RandomSeedNotSupported,
    /// No such session, or it was closed.
    #[error("no session has the handle {0}")]
    SessionHandleInvalid(CK_SESSION_HANDLE),
    /// A session for asynchronous calls, which are none of ours.
    #[error("CKF_ASYNC_SESSION is not supported")]
    SessionAsyncNotSupported,
    /// What was asked changes the token, and the session is for reading.
    #[error("the session is for reading only; open one with CKF_RW_SESSION")]
    SessionReadOnly,
    /// The specification wants CKF_SERIAL_SESSION in every session.
    #[error("CKF_SERIAL_SESSION is missing")]
    SessionParallelNotSupported,
    /// The signature is none of this key over this data.
    #[error("the signature does not verify")]
    SignatureInvalid,
    /// A signature of a length that the key never gives.
    #[error("a signature of {got} bytes, where {wanted} are due")]
    SignatureLenRange {
        /// What the caller gave.
        got: usize,
        /// What the key gives.
        wanted: usize,
    },
    /// No such slot.
    #[error("there is no slot {0}")]
    SlotIdInvalid(CK_SLOT_ID),
    /// A template lacks what the object cannot be without.
    #[error("the template lacks attribute {0:#x}")]
    TemplateIncomplete(CK_ATTRIBUTE_TYPE),
    /// A template that contradicts itself, the mechanism or the key.
    #[error("{0}")]
    TemplateInconsistent(&'static str),
    /// A token could not do what was asked of it.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The slot is empty.
    #[error("there is no token in slot {0}")]
    TokenNotPresent(CK_SLOT_ID),
    /// The user is logged in already.
    #[error("the user is already logged in")]
    UserAlreadyLoggedIn,
    /// Nobody is logged in.
    #[error("nobody is logged in")]
    UserNotLoggedIn,
    /// A kind of user that the token does not know.
    #[error("this token has no user of type {0}")]
    UserTypeInvalid(CK_USER_TYPE),
    /// A key could not be wrapped or unwrapped.
    #[error(transparent)]
    Wrapping(#[from] WrappingError),
}

/// What a token could not do, and why.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("slot {slot:?}: {reason}")]
pub struct TokenError {
    /// What kind of failure it is.
    pub kind: TokenErrorKind,
    /// The label of the slot's token.
    pub slot: String,
    /// What, where, and what to do about it: one line.
    pub reason: String,
}

/// The kinds of failure that callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenErrorKind {
    /// The token's place did not answer as it should: no connection, no trust, no time, garbage.
    Unreachable,
    /// A signature came back that its public key does not verify.
    WrongSignature,
    /// The token cannot do this at all; asking again will not help.
    Impossible,
    /// The token can, but does not let this client.
    Denied,
    /// The object is no longer there.
    Gone,
    /// The PIN does not open the token.
    WrongPin,
    /// There were too many wrong PINs: the right one does not open the token either, for now or at all.
    PinLocked,
    /// The token was taken out of its slot.
    Removed,
    /// The token can be read and not changed.
    ReadOnly,
    /// The token has no room for more.
    Full,
    /// The token is not open: the PIN has to be given first.
    LoginRequired,
    /// What was given to the token is not usable.
    BadInput,
    /// What was given to the token to be decrypted is nothing that it can.
    BadCiphertext,
    /// What was given to the token to be signed has a wrong length.
    BadLength,
    /// The mechanism's parameter is none that the token takes.
    BadParameter,
    /// The mechanism goes with keys of another type.
    OtherKeyType,
    /// The token answered with an error of another kind.
    Failed,
}

impl Error {
    /// True for answers that belong to ordinary traffic: nobody has to read of them in a log.
    pub fn is_routine(&self) -> bool {
        matches!(
            self,
            Error::AttributeTypeInvalid(_)
                | Error::AttributeSensitive(_)
                | Error::BufferTooSmall
                | Error::NotInitialized
                | Error::AlreadyInitialized
                | Error::FunctionNotSupported(_)
                | Error::FunctionNotParallel
                | Error::UserAlreadyLoggedIn
                | Error::NoEvent
                | Error::SignatureInvalid
        )
    }
}

impl From<&Error> for CK_RV {
    fn from(error: &Error) -> CK_RV {
        match error {
            Error::ActionProhibited(_) => CKR_ACTION_PROHIBITED,
            Error::AeadDecryptFailed => CKR_AEAD_DECRYPT_FAILED,
            Error::AlreadyInitialized => CKR_CRYPTOKI_ALREADY_INITIALIZED,
            Error::ArgumentsBad(_) => CKR_ARGUMENTS_BAD,
            Error::AttributeReadOnly(_) => CKR_ATTRIBUTE_READ_ONLY,
            Error::AttributeSensitive(_) => CKR_ATTRIBUTE_SENSITIVE,
            Error::AttributeTypeInvalid(_) => CKR_ATTRIBUTE_TYPE_INVALID,
            Error::AttributeValueInvalid { .. } => CKR_ATTRIBUTE_VALUE_INVALID,
            Error::BufferTooSmall => CKR_BUFFER_TOO_SMALL,
            Error::CantLock => CKR_CANT_LOCK,
            Error::Configuration(_) => CKR_FUNCTION_FAILED,
            Error::CurveNotSupported => CKR_CURVE_NOT_SUPPORTED,
            Error::DataLenRange { .. } => CKR_DATA_LEN_RANGE,
            Error::EncryptedDataInvalid(_) => CKR_ENCRYPTED_DATA_INVALID,
            Error::EncryptedDataLenRange { .. } => CKR_ENCRYPTED_DATA_LEN_RANGE,
            Error::FunctionNotParallel => CKR_FUNCTION_NOT_PARALLEL,
            Error::FunctionFailed(_) => CKR_FUNCTION_FAILED,
            Error::FunctionNotSupported(_) => CKR_FUNCTION_NOT_SUPPORTED,
            Error::HostMemory(_) => CKR_HOST_MEMORY,
            Error::KeyFunctionNotPermitted => CKR_KEY_FUNCTION_NOT_PERMITTED,
            Error::KeyHandleInvalid(_) => CKR_KEY_HANDLE_INVALID,
            Error::KeyIndigestible => CKR_KEY_INDIGESTIBLE,
            Error::KeyNotWrappable(_) => CKR_KEY_NOT_WRAPPABLE,
            Error::KeySizeRange(_) => CKR_KEY_SIZE_RANGE,
            Error::KeyTypeInconsistent { .. } => CKR_KEY_TYPE_INCONSISTENT,
            Error::KeyUnextractable => CKR_KEY_UNEXTRACTABLE,
            Error::MechanismInvalid(_) => CKR_MECHANISM_INVALID,
            Error::MechanismParamInvalid(_) | Error::ParameterInvalid { .. } => {
                CKR_MECHANISM_PARAM_INVALID
            }
            Error::NoEvent => CKR_NO_EVENT,
            Error::NotInitialized => CKR_CRYPTOKI_NOT_INITIALIZED,
            Error::ObjectHandleInvalid(_) => CKR_OBJECT_HANDLE_INVALID,
            Error::OperationActive => CKR_OPERATION_ACTIVE,
            Error::OperationNotInitialized => CKR_OPERATION_NOT_INITIALIZED,
            Error::Panicked => CKR_GENERAL_ERROR,
            Error::ParameterSetNotSupported => CKR_PARAMETER_SET_NOT_SUPPORTED,
            Error::PinLenRange { .. } => CKR_PIN_LEN_RANGE,
            Error::RandomNoRng => CKR_RANDOM_NO_RNG,
            Error::RandomSeedNotSupported => CKR_RANDOM_SEED_NOT_SUPPORTED,
            Error::SessionAsyncNotSupported => CKR_SESSION_ASYNC_NOT_SUPPORTED,
            Error::SessionHandleInvalid(_) => CKR_SESSION_HANDLE_INVALID,
            Error::SessionParallelNotSupported => CKR_SESSION_PARALLEL_NOT_SUPPORTED,
            Error::SessionReadOnly => CKR_SESSION_READ_ONLY,
            Error::SignatureInvalid => CKR_SIGNATURE_INVALID,
            Error::SignatureLenRange { .. } => CKR_SIGNATURE_LEN_RANGE,
            Error::SlotIdInvalid(_) => CKR_SLOT_ID_INVALID,
            Error::TemplateIncomplete(_) => CKR_TEMPLATE_INCOMPLETE,
            Error::TemplateInconsistent(_) => CKR_TEMPLATE_INCONSISTENT,
            Error::Token(error) => error.kind.into(),
            Error::TokenNotPresent(_) => CKR_TOKEN_NOT_PRESENT,
            Error::UserAlreadyLoggedIn => CKR_USER_ALREADY_LOGGED_IN,
            Error::UserNotLoggedIn => CKR_USER_NOT_LOGGED_IN,
            Error::UserTypeInvalid(_) => CKR_USER_TYPE_INVALID,
            Error::Wrapping(error) => error.into(),
        }
    }
}

impl From<TokenErrorKind> for CK_RV {
    fn from(kind: TokenErrorKind) -> CK_RV {
        match kind {
            TokenErrorKind::Unreachable | TokenErrorKind::WrongSignature => CKR_DEVICE_ERROR,
            TokenErrorKind::Impossible => CKR_MECHANISM_INVALID,
            TokenErrorKind::Denied => CKR_KEY_FUNCTION_NOT_PERMITTED,
            TokenErrorKind::Gone => CKR_KEY_HANDLE_INVALID,
            TokenErrorKind::WrongPin => CKR_PIN_INCORRECT,
            TokenErrorKind::PinLocked => CKR_PIN_LOCKED,
            TokenErrorKind::Removed => CKR_DEVICE_REMOVED,
            TokenErrorKind::ReadOnly => CKR_TOKEN_WRITE_PROTECTED,
            TokenErrorKind::Full => CKR_DEVICE_MEMORY,
            TokenErrorKind::LoginRequired => CKR_USER_NOT_LOGGED_IN,
            TokenErrorKind::BadInput => CKR_DATA_INVALID,
            TokenErrorKind::BadCiphertext => CKR_ENCRYPTED_DATA_INVALID,
            TokenErrorKind::BadLength => CKR_DATA_LEN_RANGE,
            TokenErrorKind::BadParameter => CKR_MECHANISM_PARAM_INVALID,
            TokenErrorKind::OtherKeyType => CKR_KEY_TYPE_INCONSISTENT,
            TokenErrorKind::Failed => CKR_FUNCTION_FAILED,
        }
    }
}
