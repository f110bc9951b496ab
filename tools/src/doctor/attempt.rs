//! What OpenSSH asks a key to sign, in which form, and which answers it takes.

use cryptoki_sys::*;
use kmip_p11::crypto::verify;
use kmip_p11::model::public_key::{Curve, PublicKey};
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};

/// RFC 8017, 9.2, note 1: what stands before the digest.
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 32,
];
const SHA512_INFO: [u8; 19] = [
    0x30, 0x51, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3, 5, 0, 4, 64,
];

/// As many bytes as a login signs.
const MESSAGE_LEN: usize = 260;

/// One signature as OpenSSH wants it.
pub struct Attempt {
    /// For people.
    pub name: &'static str,
    /// For C_SignInit.
    pub mechanism: CK_MECHANISM_TYPE,
    /// For C_Sign.
    pub data: Vec<u8>,
    /// Bytes that OpenSSH has room for.
    pub room: usize,
    scheme: SignScheme,
    /// The digest, or the message.
    signed: Vec<u8>,
}

/// All that OpenSSH asks of such a key. What is signed begins with a text that no login has.
pub fn attempts(key: &PublicKey) -> Vec<Attempt> {
    match key {
        PublicKey::Rsa { modulus, .. } => [
            ("rsa-sha2-256", Hash::Sha256, SHA256_INFO),
            ("rsa-sha2-512", Hash::Sha512, SHA512_INFO),
        ]
        .map(|(name, hash, info)| rsa(name, hash, &info, modulus.len()))
        .into(),
        PublicKey::Ec { curve, .. } => vec![ecdsa(*curve)],
        PublicKey::Ed25519(_) => vec![Attempt {
            name: "ssh-ed25519",
            mechanism: CKM_EDDSA,
            data: sample(MESSAGE_LEN),
            room: 64,
            scheme: SignScheme::Ed25519,
            signed: sample(MESSAGE_LEN),
        }],
        PublicKey::MlDsa { .. } => vec![],
    }
}

fn rsa(name: &'static str, hash: Hash, info: &[u8], room: usize) -> Attempt {
    let digest = sample(hash.digest_len());
    Attempt {
        name,
        mechanism: CKM_RSA_PKCS,
        data: [info, &digest].concat(),
        room,
        scheme: SignScheme::RsaPkcs1(hash),
        signed: digest,
    }
}

/// The room is what OpenSSL wants for the DER of such a signature.
fn ecdsa(curve: Curve) -> Attempt {
    let (name, hash, room) = match curve {
        Curve::P256 => ("ecdsa-sha2-nistp256", Hash::Sha256, 72),
        Curve::P384 => ("ecdsa-sha2-nistp384", Hash::Sha384, 104),
        Curve::P521 => ("ecdsa-sha2-nistp521", Hash::Sha512, 139),
    };
    Attempt {
        name,
        mechanism: CKM_ECDSA,
        data: sample(hash.digest_len()),
        room,
        scheme: SignScheme::Ecdsa(hash),
        signed: sample(hash.digest_len()),
    }
}

/// A signature over it is worth nothing anywhere: it is neither a login nor a digest of anything.
fn sample(length: usize) -> Vec<u8> {
    let text = b"kmip-ssh doctor: not a login. ";
    text.iter().copied().cycle().take(length).collect()
}

impl Attempt {
    /// What OpenSSH checks, and that it is a signature.
    pub fn judge(&self, key: &PublicKey, signature: &[u8]) -> Result<(), String> {
        let length = signature.len();
        let fits = match key {
            PublicKey::Rsa { .. } => length <= self.room,
            PublicKey::Ec { .. } => (64..=132).contains(&length) && length.is_multiple_of(2),
            PublicKey::Ed25519(_) => length == 64,
            PublicKey::MlDsa { .. } => false,
        };
        if !fits {
            return Err(format!(
                "a signature of {length} bytes, which OpenSSH refuses"
            ));
        }
        let input = match key {
            PublicKey::Ed25519(_) => SignInput::Message(&self.signed),
            _ => SignInput::Digest(&self.signed),
        };
        match verify(key, self.scheme, input, &padded(key, signature)) {
            true => Ok(()),
            false => Err("a signature that does not verify".into()),
        }
    }
}

/// OpenSSH puts zeros before an RSA signature that is too short.
fn padded(key: &PublicKey, signature: &[u8]) -> Vec<u8> {
    let missing = key.signature_len().saturating_sub(signature.len());
    [&vec![0; missing], signature].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmip_p11::crypto::private_key::PrivateKey;
    use kmip_p11::model::public_key::KeyType;

    #[test]
    fn every_key_is_asked_for_what_openssh_asks() {
        for (key_type, lengths) in [
            (KeyType::Rsa(2048), &[51, 83][..]),
            (KeyType::Ec(Curve::P256), &[32]),
            (KeyType::Ec(Curve::P384), &[48]),
            (KeyType::Ec(Curve::P521), &[64]),
            (KeyType::Ed25519, &[260]),
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            let attempts = attempts(key.public());
            let data: Vec<_> = attempts.iter().map(|it| it.data.len()).collect();
            assert_eq!(data, lengths);
            for attempt in attempts {
                let input = match key_type {
                    KeyType::Ed25519 => SignInput::Message(&attempt.signed),
                    _ => SignInput::Digest(&attempt.signed),
                };
                let mut signature = key.sign(attempt.scheme, input).unwrap();
                assert_eq!(attempt.judge(key.public(), &signature), Ok(()));
                signature[5] ^= 1;
                assert!(attempt.judge(key.public(), &signature).is_err());
                assert!(attempt.judge(key.public(), &[1; 300]).is_err());
            }
        }
    }
}
