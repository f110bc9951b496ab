//! The mechanisms of every slot: what this library does by itself, with digests, public keys and
//! the keys of a session.

use cryptoki_sys::*;

use super::digest::Digest;
use super::verification::Padding::{self, Ecdsa, Ed25519, MlDsa, Pkcs1, Pss};

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct LocalMechanism {
    /// Its number in PKCS#11.
    pub number: CK_MECHANISM_TYPE,
    /// Its name in PKCS#11.
    pub name: &'static str,
    /// What is done by it.
    pub work: Work,
}

/// What is done by a mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A digest is made.
    Digest(Digest),
    /// A key pair of that CKA_KEY_TYPE is made.
    GeneratePair(CK_KEY_TYPE),
    /// A signature is checked, after that digest was made of the message.
    Verify(Option<Digest>, Padding),
}

macro_rules! rows {
    ($($number:ident => $work:expr,)*) => {
        &[$(LocalMechanism { number: $number, name: stringify!($number), work: $work },)*]
    };
}

/// PKCS#11 v3.2, chapter 6.
static MECHANISMS: &[LocalMechanism] = rows! {
    CKM_SHA_1 => Work::Digest(Digest::Sha1),
    CKM_SHA224 => Work::Digest(Digest::Sha224),
    CKM_SHA256 => Work::Digest(Digest::Sha256),
    CKM_SHA384 => Work::Digest(Digest::Sha384),
    CKM_SHA512 => Work::Digest(Digest::Sha512),
    CKM_SHA512_256 => Work::Digest(Digest::Sha512_256),
    CKM_SHA3_256 => Work::Digest(Digest::Sha3_256),
    CKM_SHA3_384 => Work::Digest(Digest::Sha3_384),
    CKM_SHA3_512 => Work::Digest(Digest::Sha3_512),
    CKM_RSA_PKCS_KEY_PAIR_GEN => Work::GeneratePair(CKK_RSA),
    CKM_EC_KEY_PAIR_GEN => Work::GeneratePair(CKK_EC),
    CKM_EC_EDWARDS_KEY_PAIR_GEN => Work::GeneratePair(CKK_EC_EDWARDS),
    CKM_ML_DSA_KEY_PAIR_GEN => Work::GeneratePair(CKK_ML_DSA),
    CKM_RSA_PKCS => Work::Verify(None, Pkcs1),
    CKM_SHA1_RSA_PKCS => Work::Verify(Some(Digest::Sha1), Pkcs1),
    CKM_SHA224_RSA_PKCS => Work::Verify(Some(Digest::Sha224), Pkcs1),
    CKM_SHA256_RSA_PKCS => Work::Verify(Some(Digest::Sha256), Pkcs1),
    CKM_SHA384_RSA_PKCS => Work::Verify(Some(Digest::Sha384), Pkcs1),
    CKM_SHA512_RSA_PKCS => Work::Verify(Some(Digest::Sha512), Pkcs1),
    CKM_SHA3_256_RSA_PKCS => Work::Verify(Some(Digest::Sha3_256), Pkcs1),
    CKM_SHA3_384_RSA_PKCS => Work::Verify(Some(Digest::Sha3_384), Pkcs1),
    CKM_SHA3_512_RSA_PKCS => Work::Verify(Some(Digest::Sha3_512), Pkcs1),
    CKM_RSA_PKCS_PSS => Work::Verify(None, Pss),
    CKM_SHA256_RSA_PKCS_PSS => Work::Verify(Some(Digest::Sha256), Pss),
    CKM_SHA384_RSA_PKCS_PSS => Work::Verify(Some(Digest::Sha384), Pss),
    CKM_SHA512_RSA_PKCS_PSS => Work::Verify(Some(Digest::Sha512), Pss),
    CKM_ECDSA => Work::Verify(None, Ecdsa),
    CKM_ECDSA_SHA1 => Work::Verify(Some(Digest::Sha1), Ecdsa),
    CKM_ECDSA_SHA224 => Work::Verify(Some(Digest::Sha224), Ecdsa),
    CKM_ECDSA_SHA256 => Work::Verify(Some(Digest::Sha256), Ecdsa),
    CKM_ECDSA_SHA384 => Work::Verify(Some(Digest::Sha384), Ecdsa),
    CKM_ECDSA_SHA512 => Work::Verify(Some(Digest::Sha512), Ecdsa),
    CKM_ECDSA_SHA3_256 => Work::Verify(Some(Digest::Sha3_256), Ecdsa),
    CKM_ECDSA_SHA3_384 => Work::Verify(Some(Digest::Sha3_384), Ecdsa),
    CKM_ECDSA_SHA3_512 => Work::Verify(Some(Digest::Sha3_512), Ecdsa),
    CKM_EDDSA => Work::Verify(None, Ed25519),
    CKM_ML_DSA => Work::Verify(None, MlDsa),
};

impl LocalMechanism {
    /// All of them, in the table's order.
    pub fn all() -> &'static [LocalMechanism] {
        MECHANISMS
    }

    /// The one of that number.
    pub fn of(number: CK_MECHANISM_TYPE) -> Option<&'static LocalMechanism> {
        MECHANISMS.iter().find(|row| row.number == number)
    }

    /// The name of the one of that number.
    pub fn name_of(number: CK_MECHANISM_TYPE) -> &'static str {
        Self::of(number).map_or("of this number", |row| row.name)
    }

    /// Key sizes and what it serves for (v3.2, 5.5.6).
    pub fn info(&self) -> CK_MECHANISM_INFO {
        let (min, max, flags) = match self.work {
            Work::Digest(_) => (0, 0, CKF_DIGEST),
            Work::GeneratePair(key_type) => pair_sizes(key_type),
            Work::Verify(None, Pkcs1) => (2048, 8192, CKF_VERIFY | CKF_VERIFY_RECOVER),
            Work::Verify(_, Pkcs1 | Pss) => (2048, 8192, CKF_VERIFY),
            Work::Verify(_, Ecdsa) => {
                let curves = CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS;
                (256, 521, CKF_VERIFY | curves)
            }
            Work::Verify(_, Ed25519) => {
                let curves = CKF_EC_CURVENAME | CKF_EC_COMPRESS;
                (255, 255, CKF_VERIFY | curves)
            }
            // Bytes of public keys (v3.2, 6.67).
            Work::Verify(_, MlDsa) => (1312, 2592, CKF_VERIFY),
        };
        CK_MECHANISM_INFO {
            ulMinKeySize: min,
            ulMaxKeySize: max,
            flags,
        }
    }
}

/// Of the pairs that are made: bits, and of ML-DSA bytes of the public key.
fn pair_sizes(key_type: CK_KEY_TYPE) -> (CK_ULONG, CK_ULONG, CK_FLAGS) {
    let curve = CKF_EC_F_P | CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_UNCOMPRESS;
    let (least, most, flags) = match key_type {
        CKK_RSA => (2048, 4096, 0),
        CKK_EC => (256, 521, curve),
        CKK_EC_EDWARDS => (255, 255, CKF_EC_OID | CKF_EC_CURVENAME | CKF_EC_COMPRESS),
        _ => (1312, 2592, 0),
    };
    (least, most, flags | CKF_GENERATE_KEY_PAIR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique() {
        for row in LocalMechanism::all() {
            assert_eq!(LocalMechanism::of(row.number), Some(row));
        }
    }
}
