//! Is it a signature? Asked of the openssl program, which has no line in common with us, and of another
//! ML-DSA than ours.

use kmip_p11::model::signature::der_ecdsa;

use crate::ml_dsa;
use crate::process::run;
use crate::scratch::Scratch;
use crate::tool;

/// How a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 with "sha256", "sha384" or "sha512".
    Rsa(&'static str),
    /// RSASSA-PSS with such a hash in digest and mask, and that many bytes of salt.
    Pss(&'static str, usize),
    /// ECDSA with such a hash; r and s side by side.
    Ecdsa(&'static str),
    /// Ed25519.
    Ed25519,
    /// ML-DSA.
    MlDsa,
}

/// True if openssl, or the other ML-DSA, takes it for a signature over `message` by the key of this
/// SubjectPublicKeyInfo.
pub fn verifies(scheme: Scheme, spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let scratch = Scratch::new();
    let signature = match scheme {
        Scheme::MlDsa => return ml_dsa::verifies(spki, message, signature),
        Scheme::Ecdsa(_) => der_ecdsa(signature).unwrap_or_default(),
        _ => signature.to_vec(),
    };
    let key = scratch.write("key.der", spki);
    let message = scratch.write("message", message);
    let signature = scratch.write("signature", signature);
    let mut openssl = tool::command("openssl");
    match scheme {
        Scheme::Rsa(hash) | Scheme::Ecdsa(hash) | Scheme::Pss(hash, _) => {
            openssl.args(["dgst", &format!("-{hash}"), "-keyform", "DER"]);
            if let Scheme::Pss(_, salt) = scheme {
                let salt = format!("rsa_pss_saltlen:{salt}");
                openssl.args(["-sigopt", "rsa_padding_mode:pss", "-sigopt", &salt]);
            }
            openssl
                .arg("-verify")
                .arg(key)
                .arg("-signature")
                .arg(signature)
                .arg(message);
        }
        Scheme::Ed25519 | Scheme::MlDsa => {
            openssl.args(["pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER"]);
            openssl.arg("-inkey").arg(key).arg("-in").arg(message);
            openssl.arg("-sigfile").arg(signature);
        }
    }
    run(&mut openssl).status.success()
}

/// The digest of a message by "sha256", "sha384" or "sha512".
pub fn digest(hash: &str, message: &[u8]) -> Vec<u8> {
    let scratch = Scratch::new();
    let message = scratch.write("message", message);
    let mut openssl = tool::command("openssl");
    openssl
        .args(["dgst", &format!("-{hash}"), "-binary"])
        .arg(message);
    let finished = run(&mut openssl);
    assert!(finished.status.success(), "{}", finished.report());
    finished.stdout
}

/// RFC 8017, 9.2, note 1: what stands before the digest in a DigestInfo.
pub fn digest_info(hash: &str, message: &[u8]) -> Vec<u8> {
    let (last, length) = match hash {
        "sha256" => (1, 32),
        "sha384" => (2, 48),
        _ => (3, 64),
    };
    let mut info = vec![0x30, 17 + length, 0x30, 13, 6, 9];
    info.extend([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last, 5, 0, 4, length]);
    info.extend(digest(hash, message));
    info
}
