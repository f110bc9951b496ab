//! How two keys of a curve agree on a secret, and which bytes of it make a key: ECDH.

use cryptoki_sys::*;

use super::digest::Digest;
use super::given_key::point;
use super::mechanism_call::Parameter;
use super::public_key::{Curve, KeyType, PublicKey};

/// What CKM_ECDH1_DERIVE is asked for (v3.2, 6.3.19).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The other one's public key, on the same curve.
    pub peer: PublicKey,
    /// The digest of the derivation function of ANSI X9.63; without one, the secret itself is the key.
    pub kdf: Option<Digest>,
    /// What the function takes besides the secret.
    pub shared: Vec<u8>,
}

impl Agreement {
    /// What a parameter asks for of a key of that curve.
    ///
    /// # Errors
    /// What is wrong with the parameter.
    pub fn read(parameter: &Parameter, curve: Curve) -> Result<Self, &'static str> {
        let Parameter::Ecdh {
            kdf,
            shared,
            public,
        } = parameter
        else {
            return Err("takes a CK_ECDH1_DERIVE_PARAMS");
        };
        let kdf = derivation(*kdf)?;
        if kdf.is_none() && !shared.is_empty() {
            return Err("takes no shared data with CKD_NULL");
        }
        let peer = point(public, KeyType::Ec(curve));
        Ok(Self {
            peer: peer.map_err(|_| "takes an uncompressed point of the key's own curve")?,
            kdf,
            shared: shared.clone(),
        })
    }
}

/// The digest of a CK_EC_KDF_TYPE; none for CKD_NULL.
fn derivation(kdf: CK_EC_KDF_TYPE) -> Result<Option<Digest>, &'static str> {
    Ok(Some(match kdf {
        CKD_NULL => return Ok(None),
        CKD_SHA1_KDF => Digest::Sha1,
        CKD_SHA224_KDF => Digest::Sha224,
        CKD_SHA256_KDF => Digest::Sha256,
        CKD_SHA384_KDF => Digest::Sha384,
        CKD_SHA512_KDF => Digest::Sha512,
        CKD_SHA3_256_KDF => Digest::Sha3_256,
        CKD_SHA3_384_KDF => Digest::Sha3_384,
        CKD_SHA3_512_KDF => Digest::Sha3_512,
        _ => return Err("derives by CKD_NULL, or by X9.63 with SHA-1, SHA-2 or SHA-3"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kdf: CK_EC_KDF_TYPE, shared: &[u8], public: &[u8]) -> Parameter {
        Parameter::Ecdh {
            kdf,
            shared: shared.to_vec(),
            public: public.to_vec(),
        }
    }

    #[test]
    fn the_other_key_may_come_bare_or_as_an_octet_string() {
        let bare = [&[4][..], &[7; 64]].concat();
        let wrapped = [&[4, 65][..], &bare].concat();
        let [one, other] = [&bare, &wrapped].map(|public| {
            Agreement::read(&asked(CKD_SHA256_KDF, b"info", public), Curve::P256).unwrap()
        });
        assert_eq!(one, other);
        assert_eq!(one.kdf, Some(Digest::Sha256));
        assert_eq!(one.shared, b"info");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let bare = [&[4][..], &[7; 64]].concat();
        for (parameter, curve) in [
            (asked(CKD_NULL, b"info", &bare), Curve::P256),
            (asked(CKD_NULL, b"", &bare), Curve::P384),
            (asked(CKD_NULL, b"", &bare[1..]), Curve::P256),
            (asked(0, b"", &bare), Curve::P256),
            (asked(CKD_CPDIVERSIFY_KDF, b"", &bare), Curve::P256),
            (asked(CK_EC_KDF_TYPE::MAX, b"", &bare), Curve::P256),
            (Parameter::None, Curve::P256),
        ] {
            assert!(Agreement::read(&parameter, curve).is_err(), "{parameter:?}");
        }
    }
}
