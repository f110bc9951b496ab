//! A slot behind a PIN, through the library: before it, with a wrong one, with the right one, and after it.

use cryptoki_sys::*;
use ffi_tests::configuration::own_log;
use ffi_tests::session::{Session, class};

use super::{Check, KEYS, Stage};
use crate::outcome::{Outcome, demand, same};

pub const CHECKS: &[Check] = &[
    ("library, PIN: before it no private key is there", before),
    ("library, PIN: a wrong one", wrong),
    ("library, PIN: the right one signs, in all sessions", right),
    (
        "library, PIN: closing the last session is a logout",
        closing,
    ),
    ("library, PIN: it is in no log", silence),
];

/// Nobody is logged in, and no private key can be seen or used.
fn is_closed(session: &Session<'_>) -> Outcome {
    same("the state", session.state()?, CKS_RW_PUBLIC_SESSION)?;
    let found = session.find(&class(CKO_PRIVATE_KEY))?;
    same("private keys", found, vec![])?;
    let refused = session.sign_init(CKM_ECDSA, 1);
    let known = [Err(CKR_USER_NOT_LOGGED_IN), Err(CKR_KEY_HANDLE_INVALID)];
    demand(
        known.contains(&refused),
        format!("C_SignInit: {refused:x?}"),
    )
}

fn is_open(session: &Session<'_>) -> Outcome {
    same("the state", session.state()?, CKS_RW_USER_FUNCTIONS)?;
    let found = session.find(&class(CKO_PRIVATE_KEY))?.len();
    same("private keys", found, KEYS.len())?;
    let key = session.private_key("p256");
    same(
        "CKA_PRIVATE",
        session.attribute(key, CKA_PRIVATE)?,
        vec![CK_TRUE],
    )?;
    let signature = session.sign(CKM_ECDSA, key, &[7; 32])?;
    same("a signature", signature.len(), 64)
}

fn before(stage: &Stage) -> Outcome {
    let flags = stage.module.token_info(stage.slot())?.flags;
    let wanted = CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED;
    let all = wanted | CKF_PROTECTED_AUTHENTICATION_PATH;
    same("the flags", flags & all, wanted)?;
    is_closed(&stage.session()?)
}

fn wrong(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let refused = session.login(CKU_USER, "open barley");
    same("C_Login", refused, Err(CKR_PIN_INCORRECT))?;
    same(
        "an empty one",
        session.login(CKU_USER, ""),
        Err(CKR_PIN_LEN_RANGE),
    )?;
    is_closed(&session)?;
    session.login(CKU_USER, &stage.pin)?;
    is_open(&session)
}

fn right(stage: &Stage) -> Outcome {
    let (one, other) = (stage.session()?, stage.session()?);
    one.login(CKU_USER, &stage.pin)?;
    is_open(&one)?;
    is_open(&other)?;
    let twice = other.login(CKU_USER, &stage.pin);
    same("twice", twice, Err(CKR_USER_ALREADY_LOGGED_IN))?;
    let key = other.private_key("p256");
    one.logout()?;
    let label = other.attribute(key, CKA_LABEL);
    same("a handle of before", label, Err(CKR_OBJECT_HANDLE_INVALID))?;
    is_closed(&one)?;
    is_closed(&other)
}

fn closing(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    session.login(CKU_USER, &stage.pin)?;
    is_open(&session)?;
    drop(session);
    is_closed(&stage.session()?)
}

fn silence(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let _ = session.login(CKU_USER, "open barley");
    session.login(CKU_USER, &stage.pin)?;
    let log = own_log();
    demand(!log.is_empty(), "there is no log")?;
    for secret in ["barley", &stage.pin] {
        demand(!log.contains(secret), "the log has a PIN")?;
    }
    Ok(())
}
