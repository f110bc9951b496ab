//! Secrets that keys agree on: those of the token that say they do, and those of a session.

use cryptoki_sys::*;
use ffi_tests::session::{Session, class};
use ffi_tests::session_objects::{Objects, number};

use super::{Check, Stage};
use crate::outcome::{Outcome, same};

pub const CHECKS: &[Check] = &[(
    "library: what says that it derives agrees on a secret, and nothing else does",
    agreeing,
)];

fn agreeing(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let objects = Objects::of(&stage.module, &session);
    let mut of_curves = class(CKO_PRIVATE_KEY);
    of_curves.push((CKA_KEY_TYPE, number(CKK_EC)));
    for key in session.find(&of_curves)? {
        let parameters = session.attribute(key, CKA_EC_PARAMS)?;
        let pair = || {
            let public = vec![(CKA_EC_PARAMS, parameters.clone())];
            objects.pair(CKM_EC_KEY_PAIR_GEN, &public, &vec![(CKA_DERIVE, vec![1])])
        };
        let [own, other] = [pair()?, pair()?];
        let agreed = secret(&session, &objects, own[1], other[0])?;
        let swapped = secret(&session, &objects, other[1], own[0])?;
        same("of a session", agreed, swapped)?;
        let theirs = secret(&session, &objects, key, own[0]);
        let wanted = match session.attribute(key, CKA_DERIVE)?[..] {
            [CK_TRUE] => Ok(secret(&session, &objects, own[1], key)?),
            _ => Err(CKR_KEY_FUNCTION_NOT_PERMITTED),
        };
        same("of the token", theirs, wanted)?;
    }
    Ok(())
}

fn secret(
    session: &Session<'_>,
    objects: &Objects<'_>,
    private: CK_OBJECT_HANDLE,
    other: CK_OBJECT_HANDLE,
) -> Result<Vec<u8>, CK_RV> {
    let point = session.attribute(other, CKA_EC_POINT)?;
    let open = vec![(CKA_SENSITIVE, vec![0]), (CKA_EXTRACTABLE, vec![1])];
    let key = objects.agree(private, (CKD_NULL, b"", &point), &open)?;
    session.attribute(key, CKA_VALUE)
}
