//! Signatures by every mechanism that the token offers, each verified by openssl.

use cryptoki_sys::*;
use ffi_tests::session::Session;
use ffi_tests::signature::{Scheme, digest, digest_info, verifies};
use ffi_tests::verifying::Mechanism;

use super::{Check, Stage};
use crate::outcome::{Fault, Outcome, demand, same};

pub const CHECKS: &[Check] = &[
    ("library: each mechanism signs", mechanisms),
    (
        "library: the size is told, a small buffer costs nothing",
        sizes,
    ),
    ("library: a message in parts", parts),
    ("library: each signature is checked", verified),
    ("library: RSA-PSS", pss),
    ("library: eight threads sign at once", threads),
];

const MESSAGE: &[u8] = b"a message to be signed";
const HASHES: [&str; 3] = ["sha256", "sha384", "sha512"];

/// A mechanism, a key's name, what is given to C_Sign, and what is to be verified.
type Use = (CK_MECHANISM_TYPE, &'static str, Vec<u8>, Scheme);

/// All that we know of that mechanism.
fn uses(mechanism: CK_MECHANISM_TYPE) -> Vec<Use> {
    let whole = |key, scheme| vec![(mechanism, key, MESSAGE.to_vec(), scheme)];
    match mechanism {
        CKM_RSA_PKCS => HASHES
            .map(|hash| {
                (
                    mechanism,
                    "rsa2048",
                    digest_info(hash, MESSAGE),
                    Scheme::Rsa(hash),
                )
            })
            .to_vec(),
        CKM_ECDSA => ["p256", "p384", "p521"]
            .into_iter()
            .zip(HASHES)
            .map(|(key, hash)| (mechanism, key, digest(hash, MESSAGE), Scheme::Ecdsa(hash)))
            .collect(),
        CKM_SHA256_RSA_PKCS => whole("rsa2048", Scheme::Rsa("sha256")),
        CKM_SHA384_RSA_PKCS => whole("rsa2048", Scheme::Rsa("sha384")),
        CKM_SHA512_RSA_PKCS => whole("rsa2048", Scheme::Rsa("sha512")),
        CKM_ECDSA_SHA256 => whole("p256", Scheme::Ecdsa("sha256")),
        CKM_ECDSA_SHA384 => whole("p384", Scheme::Ecdsa("sha384")),
        CKM_ECDSA_SHA512 => whole("p521", Scheme::Ecdsa("sha512")),
        CKM_EDDSA => whole("ed25519", Scheme::Ed25519),
        _ => vec![],
    }
}

fn is_good(
    session: &Session<'_>,
    key: CK_OBJECT_HANDLE,
    scheme: Scheme,
    signature: &[u8],
) -> Outcome {
    let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO)?;
    let good = verifies(scheme, &spki, MESSAGE, signature);
    demand(good, format!("openssl does not verify {scheme:?}"))
}

fn mechanisms(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let mut tried = 0;
    let mut offered = stage.mechanisms()?;
    // Where Ed25519 is not to be had, all others have been tried.
    offered.sort_by_key(|mechanism| *mechanism == CKM_EDDSA);
    for mechanism in offered {
        for (mechanism, name, data, scheme) in uses(mechanism) {
            let key = session.private_key(name);
            let signed = session.sign(mechanism, key, &data);
            let signed = signed.map_err(|rv| {
                Fault::Deviates(format!("{name} by {mechanism:#x} {scheme:?}: {rv:#x}"))
            });
            is_good(&session, key, scheme, &signed?)?;
            tried += 1;
        }
    }
    demand(tried >= 7, "next to nothing was tried")
}

fn sizes(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    for (name, mechanism, data, size) in [
        ("rsa2048", CKM_RSA_PKCS, digest_info("sha256", MESSAGE), 256),
        ("p521", CKM_ECDSA, digest("sha512", MESSAGE), 132),
        ("ed25519", CKM_EDDSA, MESSAGE.to_vec(), 64),
    ] {
        session.sign_init(mechanism, session.private_key(name))?;
        same("the size", session.sign_size(&data)?, size)?;
        let small = session.sign_into(&data, size - 1);
        same("a small buffer", small, Err(CKR_BUFFER_TOO_SMALL))?;
        let signed = session.sign_into(&data, size);
        let signed = signed.map_err(|rv| Fault::Deviates(format!("{name}: {rv:#x}")))?;
        same("the signature", signed.len(), size)?;
        let after = session.sign_into(&data, size);
        same("after its end", after, Err(CKR_OPERATION_NOT_INITIALIZED))?;
    }
    Ok(())
}

fn parts(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let (first, second) = MESSAGE.split_at(5);
    for (name, mechanism, scheme) in [
        ("rsa2048", CKM_SHA512_RSA_PKCS, Scheme::Rsa("sha512")),
        ("p256", CKM_ECDSA_SHA256, Scheme::Ecdsa("sha256")),
    ] {
        let key = session.private_key(name);
        let signature = session.sign_in_parts(mechanism, key, &[first, b"", second])?;
        is_good(&session, key, scheme, &signature)?;
    }
    Ok(())
}

/// By C_Verify, which asks nobody: in one part and in several, and nothing that was changed.
fn verified(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    for (name, mechanism) in [("rsa2048", CKM_SHA256_RSA_PKCS), ("p384", CKM_ECDSA_SHA384)] {
        let private = session.private_key(name);
        let public = session.public_half(private)?;
        let signature = session.sign(mechanism, private, MESSAGE)?;
        let by = Mechanism::plain(mechanism);
        session.verify(by, public, MESSAGE, &signature)?;
        session.verify_init(by, public)?;
        let (first, second) = MESSAGE.split_at(3);
        session.verify_update(first)?;
        session.verify_update(second)?;
        session.verify_final(&signature)?;
        let other = session.verify(by, public, b"another", &signature);
        same("another message", other, Err(CKR_SIGNATURE_INVALID))?;
        let short = session.verify(by, public, MESSAGE, &signature[1..]);
        same("a short signature", short, Err(CKR_SIGNATURE_LEN_RANGE))?;
        let private = session.verify_init(by, private);
        same("the private half", private, Err(CKR_KEY_HANDLE_INVALID))?;
    }
    Ok(())
}

fn pss(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let key = session.private_key("rsa2048");
    for (number, hash, data) in [
        (CKM_SHA256_RSA_PKCS_PSS, "sha256", MESSAGE.to_vec()),
        (CKM_RSA_PKCS_PSS, "sha512", digest("sha512", MESSAGE)),
    ] {
        let by = Mechanism::pss(number, hash);
        let signature = session.sign_by(by, key, &data)?;
        let salt = if hash == "sha256" { 32 } else { 64 };
        is_good(&session, key, Scheme::Pss(hash, salt), &signature)?;
        let public = session.public_half(key)?;
        session.verify(by, public, &data, &signature)?;
    }
    Ok(())
}

fn threads(stage: &Stage) -> Outcome {
    std::thread::scope(|scope| {
        let work = |_| {
            scope.spawn(|| {
                let session = stage.session()?;
                let key = session.private_key("p256");
                let signature = session.sign(CKM_ECDSA_SHA256, key, MESSAGE)?;
                is_good(&session, key, Scheme::Ecdsa("sha256"), &signature)
            })
        };
        let threads: Vec<_> = (0..8).map(work).collect();
        threads.into_iter().try_for_each(|thread| {
            let ended = thread.join();
            ended.unwrap_or(Err(Fault::Deviates("a thread panicked".into())))
        })
    })
}
