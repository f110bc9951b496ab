//! How data is encrypted: the modes of AES and the paddings of RSA, with parameters that can be.

use cryptoki_sys::*;
use serde::{Deserialize, Serialize};

use super::mechanism_call::Parameter;

/// Bytes of an AES block.
pub const BLOCK: usize = 16;

/// A mode of AES, without its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AesKind {
    /// Each block by itself.
    Ecb,
    /// Cipher block chaining of whole blocks.
    Cbc,
    /// The same with padding (PKCS #7).
    CbcPad,
    /// Counter mode.
    Ctr,
    /// Galois/counter mode.
    Gcm,
}

/// A mode of AES (v3.2, 6.13).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AesMode {
    /// Each block by itself.
    Ecb,
    /// Cipher block chaining (SP 800-38A, 6.2).
    Cbc {
        /// The block before the first.
        iv: [u8; BLOCK],
        /// Whether the last block is padded.
        padded: bool,
    },
    /// Counter mode (SP 800-38A, 6.5).
    Ctr {
        /// The first counter block.
        block: [u8; BLOCK],
        /// So many of its last bits count: 1 to 128.
        bits: u32,
    },
    /// Galois/counter mode (SP 800-38D).
    Gcm(GcmMode),
}

/// The parameters of Galois/counter mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcmMode {
    /// At least a byte; 12 are usual.
    pub iv: Vec<u8>,
    /// What is authenticated, and not encrypted.
    pub aad: Vec<u8>,
    /// Bytes of the tag: one of [`TAG_LENS`].
    pub tag_len: usize,
}

/// Bytes of the tags that SP 800-38D, 5.2.1.2, allows.
pub const TAG_LENS: [usize; 7] = [4, 8, 12, 13, 14, 15, 16];

/// How RSA encrypts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RsaPadding {
    /// RSAES-PKCS1-v1_5 (RFC 8017, 7.2).
    Pkcs1,
    /// RSAES-OAEP (RFC 8017, 7.1).
    Oaep {
        /// The hash of both the label and the mask.
        hash: OaepHash,
        /// Most often empty.
        label: Vec<u8>,
    },
}

/// The hashes that OAEP is used with, each in label and mask alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OaepHash {
    /// SHA-1, which is no weakness here.
    Sha1,
    /// SHA-256
    Sha256,
    /// SHA-384
    Sha384,
    /// SHA-512
    Sha512,
}

impl AesMode {
    /// A mode with its parameter.
    ///
    /// # Errors
    /// What is wrong with the parameter.
    pub fn new(kind: AesKind, parameter: &Parameter) -> Result<Self, &'static str> {
        match (kind, parameter) {
            (AesKind::Ecb, Parameter::None) => Ok(Self::Ecb),
            (AesKind::Ecb, _) => Err("takes no parameter"),
            (AesKind::Cbc, Parameter::Iv(iv)) => Ok(Self::Cbc {
                iv: *iv,
                padded: false,
            }),
            (AesKind::CbcPad, Parameter::Iv(iv)) => Ok(Self::Cbc {
                iv: *iv,
                padded: true,
            }),
            (AesKind::Cbc | AesKind::CbcPad, _) => Err("takes an IV of 16 bytes"),
            (AesKind::Ctr, Parameter::Ctr { bits, block }) => match u32::try_from(*bits) {
                Ok(bits @ 1..=128) => Ok(Self::Ctr {
                    block: *block,
                    bits,
                }),
                _ => Err("counts in 1 to 128 bits"),
            },
            (AesKind::Ctr, _) => Err("takes a CK_AES_CTR_PARAMS"),
            (AesKind::Gcm, Parameter::Gcm { iv, aad, tag_bits }) => {
                GcmMode::new(iv.clone(), aad.clone(), *tag_bits).map(Self::Gcm)
            }
            (AesKind::Gcm, _) => Err("takes a CK_GCM_PARAMS with an IV of at least a byte"),
        }
    }
}

impl GcmMode {
    /// The mode with that IV, that additional data and a tag of so many bits.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(iv: Vec<u8>, aad: Vec<u8>, tag_bits: u64) -> Result<Self, &'static str> {
        let tag_len = TAG_LENS
            .into_iter()
            .find(|len| *len as u64 * 8 == tag_bits)
            .ok_or("has tags of 128, 120, 112, 104, 96, 64 or 32 bits")?;
        match iv.is_empty() {
            true => Err("takes an IV of at least a byte"),
            false => Ok(Self { iv, aad, tag_len }),
        }
    }
}

impl OaepHash {
    /// All of them.
    pub const ALL: [OaepHash; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Bytes of a digest.
    pub const fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// Its mechanism, and that of its mask.
    pub const fn numbers(self) -> (CK_MECHANISM_TYPE, CK_RSA_PKCS_MGF_TYPE) {
        match self {
            Self::Sha1 => (CKM_SHA_1, CKG_MGF1_SHA1),
            Self::Sha256 => (CKM_SHA256, CKG_MGF1_SHA256),
            Self::Sha384 => (CKM_SHA384, CKG_MGF1_SHA384),
            Self::Sha512 => (CKM_SHA512, CKG_MGF1_SHA512),
        }
    }
}

impl RsaPadding {
    /// OAEP with its parameter (v3.2, 6.1.7).
    ///
    /// # Errors
    /// What is wrong with the parameter.
    pub fn oaep(parameter: &Parameter) -> Result<Self, &'static str> {
        let Parameter::Oaep {
            hash,
            mgf,
            source,
            label,
        } = parameter
        else {
            return Err("takes a CK_RSA_PKCS_OAEP_PARAMS");
        };
        let numbers = (*hash, *mgf);
        let known = OaepHash::ALL.into_iter().find(|it| it.numbers() == numbers);
        let hash = known.ok_or("takes SHA-1, SHA-256, SHA-384 or SHA-512, and the same in MGF1")?;
        let label = label.clone();
        match *source {
            CKZ_DATA_SPECIFIED => Ok(Self::Oaep { hash, label }),
            // As pkcs11-tool says that there is none.
            0 if label.is_empty() => Ok(Self::Oaep { hash, label }),
            _ => Err("takes CKZ_DATA_SPECIFIED as its source"),
        }
    }

    /// Bytes of the longest message for a modulus of so many.
    pub fn longest(&self, modulus_len: usize) -> usize {
        let overhead = match self {
            Self::Pkcs1 => 11,
            Self::Oaep { hash, .. } => 2 * hash.digest_len() + 2,
        };
        modulus_len.saturating_sub(overhead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oaep(hash: CK_MECHANISM_TYPE, mgf: CK_RSA_PKCS_MGF_TYPE, source: u64) -> Parameter {
        Parameter::Oaep {
            hash,
            mgf,
            source,
            label: vec![],
        }
    }

    #[test]
    fn oaep_takes_one_hash_for_both_and_a_label_that_is_there() {
        let good = RsaPadding::oaep(&oaep(CKM_SHA256, CKG_MGF1_SHA256, 1)).unwrap();
        assert_eq!(good.longest(256), 190);
        let unsaid = oaep(CKM_SHA256, CKG_MGF1_SHA256, 0);
        assert_eq!(RsaPadding::oaep(&unsaid).as_ref(), Ok(&good));
        for bad in [
            oaep(CKM_SHA256, CKG_MGF1_SHA1, 1),
            oaep(CKM_SHA256, CKG_MGF1_SHA256, 2),
            oaep(CKM_AES_CBC, CKG_MGF1_SHA256, 1),
            Parameter::None,
            Parameter::Unknown,
        ] {
            assert!(RsaPadding::oaep(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn counters_count_in_one_to_128_bits_and_tags_have_the_lengths_of_the_standard() {
        let block = [0; BLOCK];
        for (bits, good) in [(0, false), (1, true), (128, true), (129, false)] {
            let mode = AesMode::new(AesKind::Ctr, &Parameter::Ctr { bits, block });
            assert_eq!(mode.is_ok(), good, "{bits}");
        }
        for (bits, good) in [
            (128, true),
            (96, true),
            (32, true),
            (0, false),
            (100, false),
        ] {
            assert_eq!(GcmMode::new(vec![0], vec![], bits).is_ok(), good, "{bits}");
        }
        assert!(GcmMode::new(vec![], vec![], 128).is_err());
    }
}
