//! A mechanism as a program asks for it: its number, and its parameter read to the last field.

use cryptoki_sys::CK_MECHANISM_TYPE;
use serde::{Deserialize, Serialize};

/// A mechanism with its parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MechanismCall {
    /// Its number.
    pub number: CK_MECHANISM_TYPE,
    /// What came with it.
    pub parameter: Parameter,
}

/// A mechanism's parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parameter {
    /// There is none.
    None,
    /// CK_RSA_PKCS_PSS_PARAMS (v3.2, 6.1.10).
    Pss {
        /// The hash, by its mechanism.
        hash: u64,
        /// The mask generation function.
        mgf: u64,
        /// Bytes of salt.
        salt: u64,
    },
    /// CK_EDDSA_PARAMS (v3.2, 6.3.15).
    Eddsa {
        /// The message is hashed first (Ed25519ph).
        prehash: bool,
        /// At most 255 bytes.
        context: Vec<u8>,
    },
    /// CK_SIGN_ADDITIONAL_CONTEXT (v3.2, 6.67).
    SignContext {
        /// CKH_HEDGE_PREFERRED, CKH_HEDGE_REQUIRED or CKH_DETERMINISTIC_REQUIRED.
        hedge: u64,
        /// At most 255 bytes.
        context: Vec<u8>,
    },
    /// The IV of a block cipher.
    Iv([u8; 16]),
    /// CK_AES_CTR_PARAMS (v3.2, 6.13.7).
    Ctr {
        /// So many of the last bits count.
        bits: u64,
        /// The first counter block.
        block: [u8; 16],
    },
    /// CK_GCM_PARAMS (v3.2, 6.13.9).
    Gcm {
        /// The IV.
        iv: Vec<u8>,
        /// What is authenticated only.
        aad: Vec<u8>,
        /// Bits of the tag.
        tag_bits: u64,
    },
    /// CK_RSA_PKCS_OAEP_PARAMS (v3.2, 6.1.7).
    Oaep {
        /// The hash, by its mechanism.
        hash: u64,
        /// The mask generation function.
        mgf: u64,
        /// Where the label is from.
        source: u64,
        /// The label.
        label: Vec<u8>,
    },
    /// One of a form that is not known for this mechanism: no token takes it.
    Unknown,
}

impl MechanismCall {
    /// A mechanism without parameter.
    pub fn plain(number: CK_MECHANISM_TYPE) -> Self {
        let parameter = Parameter::None;
        Self { number, parameter }
    }
}
