//! The words of a token and its device: what a token asks of another PKCS#11 module, and what comes back.
//!
//! A device is a module in this process ([`super::local::Local`]), or the same behind a socket in a
//! process of its own: requests, replies and faults are plain data. Each request stands alone, so that any session
//! serves it and any may be asked again. Keys are named by the numbers that the last
//! [`Request::Objects`] gave; a number that the device does not know is
//! [`FaultKind::NoSuchObject`]: list again, and find the object by its CKA_ID or public key.
//!
//! # A key that arrives wrapped
//! 1. [`Request::Objects`] has the wrapping keys too: [`Class::Secret`] (AES) and [`Class::Private`]
//!    (RSA), by `label`, with `unwrap` true. [`Request::GenerateWrappingKey`] makes an AES key, and
//!    [`Request::Wrap`] brings it out under another one.
//! 2. [`Request::Unwrap`] gives the number of a session object: private, sensitive, not
//!    extractable, there until [`Request::Destroy`], or until the device lost its sessions. For
//!    CKM_RSA_AES_KEY_WRAP, whose value is an RSA-OAEP wrapped AES key and then the key wrapped by
//!    AES-KWP, unwrap twice: first `into: Unwrapped::AesKey`, then with that key's number.
//! 3. [`Request::Sign`] with that number, and verify with the public half; at the end [`Request::Destroy`].
//!
//! [`super::conversation::Conversation`] logs in again and asks again where that helps.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use super::fault::{Fault, FaultKind};
pub use super::secret::Secret;
use crate::config::TokenChoice;
use crate::model::cipher::RsaPadding;
use crate::model::mechanism_call::MechanismCall;
use crate::model::public_key::KeyType;

/// Answers requests. Blocks; may be asked by several threads at once.
pub trait Device: Send + Sync {
    /// One request and what comes of it.
    fn ask(&self, request: &Request) -> Result<Reply, Fault>;
}

/// A digest of this file: two builds that speak otherwise find out before anything is asked.
pub const VOCABULARY: u64 = fnv_1a(include_bytes!("device.rs"));

const fn fnv_1a(text: &[u8]) -> u64 {
    let (mut digest, mut rest) = (0xcbf2_9ce4_8422_2325_u64, text);
    while let [byte, others @ ..] = rest {
        digest = (digest ^ *byte as u64).wrapping_mul(0x100_0000_01b3);
        rest = others;
    }
    digest
}

/// What a process for a module is told first, after it has said its [`VOCABULARY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The module's shared object.
    pub module: PathBuf,
    /// Which of its tokens.
    pub token: TokenChoice,
    /// How many sessions there may be at once.
    pub sessions: usize,
}

/// The number of an object in its module; it is worth nothing after the module was closed.
pub type Handle = u64;

/// What a token asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The token: its names, its flags. Answered by [`Reply::Token`].
    Token,
    /// All its mechanisms that can be used here. [`Reply::Mechanisms`].
    Mechanisms,
    /// The user's PIN, for all sessions. [`Reply::Done`].
    Login(Secret),
    /// The end of that, for those who asked for it. [`Reply::Done`].
    Logout,
    /// Another PIN of the user, in the place of the first. [`Reply::Done`].
    SetPin(Secret, Secret),
    /// Everything that can be seen now. [`Reply::Objects`].
    Objects,
    /// A signature over `data` as it is. [`Reply::Bytes`], as the module gives it.
    Sign {
        /// A private key.
        key: Handle,
        /// How.
        mechanism: MechanismCall,
        /// What the mechanism takes.
        data: Vec<u8>,
    },
    /// The module's own verdict on a signature. [`Reply::Verdict`].
    Verify {
        /// A public key.
        key: Handle,
        /// How.
        mechanism: MechanismCall,
        /// What was signed.
        data: Vec<u8>,
        /// The signature.
        signature: Vec<u8>,
    },
    /// A new pair of token objects. [`Reply::Pair`].
    GeneratePair(NewPair),
    /// A pair that was made elsewhere, as a PKCS#8 PrivateKeyInfo. [`Reply::Pair`].
    ImportPair(Secret, NewPair),
    /// An X.509 certificate as a token object that everybody sees. [`Reply::Object`].
    TakeCertificate {
        /// CKA_LABEL.
        label: String,
        /// CKA_ID.
        id: Vec<u8>,
        /// CKA_VALUE: its DER.
        certificate: Vec<u8>,
    },
    /// A new AES key of 256 bits that wraps and unwraps, sensitive and not extractable unless said
    /// otherwise. [`Reply::Object`].
    GenerateWrappingKey {
        /// CKA_LABEL.
        label: String,
        /// CKA_ID.
        id: Vec<u8>,
        /// Whether it may leave the token, wrapped by another key.
        extractable: bool,
    },
    /// A new RSA pair of token objects that wraps and unwraps; the private half is sensitive and
    /// never extractable. [`Reply::Pair`].
    GenerateWrappingPair {
        /// CKA_LABEL of both halves.
        label: String,
        /// CKA_ID of both halves.
        id: Vec<u8>,
        /// Bits of the modulus.
        bits: u32,
    },
    /// Somebody's RSA public key as a session object that wraps. [`Reply::Object`].
    TakePublicKey {
        /// The modulus n.
        modulus: Vec<u8>,
        /// The public exponent e.
        exponent: Vec<u8>,
    },
    /// CKA_EXTRACTABLE becomes false, for good. [`Reply::Done`].
    Confine(Handle),
    /// A key that leaves the token wrapped. [`Reply::Bytes`].
    Wrap {
        /// The key that wraps.
        with: Handle,
        /// The key that leaves.
        key: Handle,
        /// How.
        wrapping: Wrapping,
    },
    /// A wrapped key that becomes a session object: private, sensitive, not extractable.
    /// [`Reply::Object`].
    Unwrap {
        /// The key that unwraps.
        with: Handle,
        /// How.
        wrapping: Wrapping,
        /// What is wrapped: a PKCS#8 PrivateKeyInfo, or the bytes of an AES key.
        wrapped: Vec<u8>,
        /// What it becomes.
        into: Unwrapped,
    },
    /// A new AES key of 256 bits that encrypts and decrypts, sensitive and not extractable.
    /// [`Reply::Object`].
    GenerateCipherKey {
        /// CKA_LABEL.
        label: String,
        /// CKA_ID.
        id: Vec<u8>,
    },
    /// CKM_AES_CBC_PAD with an AES key; it authenticates nothing. [`Reply::Bytes`].
    Encrypt {
        /// An AES key.
        key: Handle,
        /// The IV.
        iv: [u8; 16],
        /// What is encrypted.
        data: Secret,
    },
    /// What [`Request::Encrypt`] gave. [`Reply::Secret`].
    Decrypt {
        /// The same key.
        key: Handle,
        /// The same IV.
        iv: [u8; 16],
        /// What was encrypted.
        data: Vec<u8>,
    },
    /// The message of an RSA ciphertext. [`Reply::Secret`].
    Open {
        /// A private key.
        key: Handle,
        /// How it is padded.
        padding: RsaPadding,
        /// The ciphertext.
        data: Vec<u8>,
    },
    /// Other names for objects; `None` leaves as it is. [`Reply::Done`].
    Name {
        /// The objects: all, or those up to the first that cannot be changed.
        objects: Vec<Handle>,
        /// CKA_LABEL.
        label: Option<String>,
        /// CKA_ID.
        id: Option<Vec<u8>>,
    },
    /// The end of objects. [`Reply::Done`].
    Destroy(Vec<Handle>),
    /// Random bytes, at most 4096. [`Reply::Bytes`].
    Random(u32),
}

/// A pair to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPair {
    /// CKA_LABEL of both halves.
    pub label: String,
    /// Its kind.
    pub key_type: KeyType,
    /// CKA_EXTRACTABLE.
    pub extractable: bool,
    /// Whether CKA_DECRYPT, and CKA_ENCRYPT of the public half, are to be true; else it is the module's choice.
    pub decrypts: bool,
}

/// How a key is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wrapping {
    /// CKM_AES_KEY_WRAP (RFC 3394).
    AesKw,
    /// CKM_AES_KEY_WRAP_PAD (RFC 5649).
    AesKwp,
    /// CKM_RSA_PKCS_OAEP with SHA-1 in hash and mask: what old modules know alone.
    RsaOaepSha1,
    /// CKM_RSA_PKCS_OAEP with SHA-256 in hash and mask.
    RsaOaepSha256,
}

/// What a wrapped key becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unwrapped {
    /// A private key that signs.
    PrivateKey(KeyType),
    /// An AES key that unwraps.
    AesKey,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It happened.
    Done,
    /// To [`Request::Token`].
    Token(TokenFacts),
    /// To [`Request::Mechanisms`].
    Mechanisms(Vec<MechanismFacts>),
    /// To [`Request::Objects`].
    Objects(Vec<Object>),
    /// The public and the private key.
    Pair(Handle, Handle),
    /// One object.
    Object(Handle),
    /// A signature, a wrapped key, random bytes.
    Bytes(Vec<u8>),
    /// What was decrypted.
    Secret(Secret),
    /// Whether a signature is one; `None` if the module does not verify by that mechanism.
    Verdict(Option<bool>),
}

/// What C_GetInfo and C_GetTokenInfo tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    /// Who made the module, and what it says it is.
    pub module: String,
    /// The number of the token's slot.
    pub slot: u64,
    /// The token's label.
    pub label: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// CKF_LOGIN_REQUIRED.
    pub login_required: bool,
    /// CKF_WRITE_PROTECTED.
    pub write_protected: bool,
    /// CKF_USER_PIN_COUNT_LOW.
    pub pin_count_low: bool,
    /// CKF_USER_PIN_FINAL_TRY.
    pub pin_final_try: bool,
    /// CKF_USER_PIN_LOCKED.
    pub pin_locked: bool,
}

/// What C_GetMechanismInfo tells, as far as it is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MechanismFacts {
    /// Its number.
    pub number: u64,
    /// The smallest key.
    pub least: u64,
    /// The largest key.
    pub most: u64,
    /// CKF_SIGN.
    pub sign: bool,
    /// CKF_VERIFY.
    pub verify: bool,
    /// CKF_GENERATE_KEY_PAIR.
    pub generate_pair: bool,
    /// CKF_UNWRAP.
    pub unwrap: bool,
    /// CKF_HW.
    pub hardware: bool,
    /// CKF_EC_*, as they are.
    pub curves: u64,
}

/// The kinds of object that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Class {
    /// CKO_PRIVATE_KEY
    Private,
    /// CKO_PUBLIC_KEY
    Public,
    /// CKO_CERTIFICATE
    Certificate,
    /// CKO_SECRET_KEY
    Secret,
}

/// An object with what it tells; what it does not is `None` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its number.
    pub handle: Handle,
    /// Its class.
    pub class: Class,
    /// CKA_LABEL, as it is.
    pub label: Vec<u8>,
    /// CKA_ID.
    pub id: Vec<u8>,
    /// CKA_KEY_TYPE
    pub key_type: Option<u64>,
    /// CKA_MODULUS
    pub modulus: Vec<u8>,
    /// CKA_PUBLIC_EXPONENT
    pub exponent: Vec<u8>,
    /// CKA_EC_PARAMS
    pub ec_params: Vec<u8>,
    /// CKA_EC_POINT
    pub ec_point: Vec<u8>,
    /// CKA_PARAMETER_SET
    pub parameter_set: Option<u64>,
    /// CKA_VALUE of a public key.
    pub public_value: Vec<u8>,
    /// CKA_PUBLIC_KEY_INFO
    pub public_key_info: Vec<u8>,
    /// CKA_VALUE of a certificate.
    pub certificate: Vec<u8>,
    /// CKA_SIGN
    pub sign: Option<bool>,
    /// CKA_UNWRAP
    pub unwrap: Option<bool>,
    /// CKA_DECRYPT
    pub decrypt: Option<bool>,
    /// CKA_SENSITIVE
    pub sensitive: Option<bool>,
    /// CKA_EXTRACTABLE
    pub extractable: Option<bool>,
    /// CKA_ALWAYS_SENSITIVE
    pub always_sensitive: Option<bool>,
    /// CKA_NEVER_EXTRACTABLE
    pub never_extractable: Option<bool>,
    /// CKA_ALWAYS_AUTHENTICATE
    pub always_authenticate: Option<bool>,
}
