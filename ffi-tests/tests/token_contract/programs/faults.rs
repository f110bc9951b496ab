//! What programs get wrong: data, mechanisms and handles that do not fit, and keys that are gone.

use cryptoki_sys::*;
use ffi_tests::keys::Keyring;
use ffi_tests::place::ended;
use ffi_tests::process::{PATIENCE, wait_for};
use ffi_tests::scene::LABEL;
use ffi_tests::verifying::Mechanism;
use kmip_p11::model::public_key::{Curve, KeyType};

use super::{Check, Stage};
use crate::outcome::{Fault, Outcome, demand, same};

pub const CHECKS: &[Check] = &[
    ("library: no digest is refused", data),
    ("library: CKM_RSA_PKCS, no DigestInfo", no_digest_info),
    ("library: another key's mechanism is refused", mechanism),
    ("library: handles of nothing are refused", handles),
    (
        "library: a new key is found, and a key that is gone is not",
        comes_and_goes,
    ),
];

fn data(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let p256 = session.private_key("p256");
    let wrong = session.sign(CKM_ECDSA, p256, &[7; 33]);
    demand(wrong.is_err(), "33 bytes are signed as a digest")?;
    let right = session.sign(CKM_ECDSA, p256, &[7; 32])?;
    same("the next", right.len(), 64)
}

fn no_digest_info(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let rsa = session.private_key("rsa2048");
    let data = b"no DigestInfo";
    let signed = session.sign(CKM_RSA_PKCS, rsa, data);
    demand(signed != Err(CKR_DATA_INVALID), "it is not signed")?;
    let signature = signed?;
    let public = session.public_half(rsa)?;
    let plain = Mechanism::plain(CKM_RSA_PKCS);
    let verified = session.verify(plain, public, data, &signature);
    same("C_Verify", verified, Ok(()))?;
    let long = session.sign(CKM_RSA_PKCS, rsa, &[7; 246]);
    same("246 bytes", long, Err(CKR_DATA_LEN_RANGE))
}

fn mechanism(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let [rsa, p256] = ["rsa2048", "p256"].map(|name| session.private_key(name));
    for (mechanism, key) in [
        (CKM_ECDSA, rsa),
        (CKM_EDDSA, rsa),
        (CKM_RSA_PKCS, p256),
        (CKM_EDDSA, p256),
    ] {
        let refused = session.sign_init(mechanism, key);
        same("the answer", refused, Err(CKR_KEY_TYPE_INCONSISTENT))?;
    }
    let nothing = session.sign_init(CKM_VENDOR_DEFINED + 77, rsa);
    same("no mechanism", nothing, Err(CKR_MECHANISM_INVALID))
}

fn handles(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let nobody = 0xFFFF_FFF0;
    let asked = session.attribute(nobody, CKA_LABEL);
    same("an object", asked, Err(CKR_OBJECT_HANDLE_INVALID))?;
    let refused = session.sign_init(CKM_ECDSA, nobody);
    same("a key", refused, Err(CKR_KEY_HANDLE_INVALID))?;
    let id = session.attribute(session.private_key("p256"), CKA_ID)?;
    let public = session.find(&vec![
        (CKA_CLASS, CKO_PUBLIC_KEY.to_ne_bytes().to_vec()),
        (CKA_ID, id),
    ])?;
    let refused = session.sign_init(CKM_ECDSA, public[0]);
    demand(refused.is_err(), "a public key signs")?;
    let closed = stage.session()?;
    let handle = closed.handle();
    drop(closed);
    let mut info = CK_SESSION_INFO::default();
    let answered = ffi_tests::call!(stage.module, C_GetSessionInfo, handle, &mut info);
    same("a closed session", answered, CKR_SESSION_HANDLE_INVALID)
}

/// The administrator is another token, as in another process.
fn comes_and_goes(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    session.private_key("p256");
    let keyring = Keyring::of_environment(LABEL);
    let key = keyring.make("visitor", KeyType::Ec(Curve::P256));
    let template = vec![
        (CKA_CLASS, CKO_PRIVATE_KEY.to_ne_bytes().to_vec()),
        (CKA_LABEL, key.label().into_bytes()),
    ];
    let found = session.find(&template)?;
    same("the new key", found.len(), 1)?;
    session.sign(CKM_ECDSA, found[0], &[7; 32])?;
    let gone = ended(&**keyring.token(), &key);
    gone.map_err(|error| Fault::Deviates(error.to_string()))?;
    // A process may believe for a moment what it has seen of a key.
    let refused = || session.sign(CKM_ECDSA, found[0], &[7; 32]).err();
    let signed = wait_for(PATIENCE, refused);
    let gone = [
        Some(CKR_KEY_HANDLE_INVALID),
        Some(CKR_KEY_FUNCTION_NOT_PERMITTED),
    ];
    demand(gone.contains(&signed), format!("it signs: {signed:x?}"))?;
    same("after its end", session.find(&template)?, vec![])
}
