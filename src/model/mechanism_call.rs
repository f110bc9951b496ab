//! A mechanism as a program asks for it: its number, and its parameter read to the last field.

use cryptoki_sys::*;
use serde::{Deserialize, Serialize};

use super::signature::Hash;

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
    /// CK_GCM_WRAP_PARAMS (v3.2, 6.13.9), with an IV of the program's.
    GcmWrap {
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
    /// CK_ECDH1_DERIVE_PARAMS (v3.2, 6.3.18).
    Ecdh {
        /// CKD_NULL, or what makes a key of the secret.
        kdf: u64,
        /// What goes into the key besides the secret.
        shared: Vec<u8>,
        /// The other one's public key.
        public: Vec<u8>,
    },
    /// The initial value of a key wrap, of at most 8 bytes.
    WrapIv(Vec<u8>),
    /// CK_MAC_GENERAL_PARAMS (v3.2, 6.13.10): so many bytes of the code.
    MacLength(u64),
    /// One of a form that is not known for this mechanism: no token takes it.
    Unknown,
}

impl Parameter {
    /// The PSS parameters by which the hash is in digest and mask, and the salt as long as it.
    pub fn pss(hash: Hash) -> Self {
        let (digest, mgf) = match hash {
            Hash::Sha256 => (CKM_SHA256, CKG_MGF1_SHA256),
            Hash::Sha384 => (CKM_SHA384, CKG_MGF1_SHA384),
            Hash::Sha512 => (CKM_SHA512, CKG_MGF1_SHA512),
        };
        Parameter::Pss {
            hash: digest,
            mgf,
            salt: hash.digest_len() as u64,
        }
    }

    /// True if it is one of ML-DSA's (v3.2, 6.67) without a context: the crypto library knows none. Whether
    /// a signature is hedged is nothing to those who verify it.
    pub fn lacks_context(&self) -> bool {
        match self {
            Parameter::None => true,
            Parameter::SignContext { context, .. } => context.is_empty(),
            _ => false,
        }
    }

    /// True if a token that surely hedges its ML-DSA signatures, or does not, signs as it wants.
    pub fn is_met_by(&self, hedges: bool) -> bool {
        match self {
            Parameter::SignContext { hedge, .. } => match *hedge {
                CKH_HEDGE_PREFERRED => true,
                CKH_HEDGE_REQUIRED => hedges,
                _ => false,
            },
            _ => true,
        }
    }

    /// The hash of such parameters.
    pub fn pss_hash(&self) -> Option<Hash> {
        Hash::ALL.into_iter().find(|hash| Self::pss(*hash) == *self)
    }
}

impl MechanismCall {
    /// A mechanism without parameter.
    pub fn plain(number: CK_MECHANISM_TYPE) -> Self {
        let parameter = Parameter::None;
        Self { number, parameter }
    }
}
