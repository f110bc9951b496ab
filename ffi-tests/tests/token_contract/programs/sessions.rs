//! Sessions: many at once, logins that nobody needs, and the end of all.

use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::session::class;

use super::{Check, KEYS, Stage};
use crate::outcome::{Outcome, same};

pub const CHECKS: &[Check] = &[
    ("library: three hundred sessions", many),
    ("library: a login that is not needed is taken", login),
    ("library: all sessions are closed at once", all_closed),
    ("library: finalized and initialized again", again),
];

fn many(stage: &Stage) -> Outcome {
    let mut sessions = vec![];
    for _ in 0..300 {
        sessions.push(stage.session()?);
    }
    let counted = stage.module.token_info(stage.slot())?.ulSessionCount;
    same("sessions", counted, 300)?;
    for session in sessions.iter().step_by(25) {
        let key = session.private_key("p256");
        same(
            "a signature",
            session.sign(CKM_ECDSA, key, &[7; 32])?.len(),
            64,
        )?;
    }
    Ok(())
}

fn login(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    session.login(CKU_USER, "any")?;
    same("the state", session.state()?, CKS_RW_USER_FUNCTIONS)?;
    let twice = session.login(CKU_USER, "any");
    same("twice", twice, Err(CKR_USER_ALREADY_LOGGED_IN))?;
    session.logout()?;
    same("no login", session.logout(), Err(CKR_USER_NOT_LOGGED_IN))?;
    let found = session.find(&class(CKO_PRIVATE_KEY))?.len();
    same("keys after it", found, KEYS.len())?;
    let officer = session.login(CKU_SO, "any");
    same("a security officer", officer, Err(CKR_USER_TYPE_INVALID))
}

fn all_closed(stage: &Stage) -> Outcome {
    let (one, other) = (stage.session()?, stage.session()?);
    let answered = call!(stage.module, C_CloseAllSessions, stage.slot());
    same("the answer", answered, CKR_OK)?;
    for session in [&one, &other] {
        same(
            "its state",
            session.state(),
            Err(CKR_SESSION_HANDLE_INVALID),
        )?;
    }
    let counted = stage.module.token_info(stage.slot())?.ulSessionCount;
    same("sessions", counted, 0)
}

fn again(stage: &Stage) -> Outcome {
    for _ in 0..3 {
        let session = stage.session()?;
        let key = session.private_key("p256");
        session.sign(CKM_ECDSA, key, &[7; 32])?;
        drop(session);
        stage.module.finalize()?;
        let closed = stage.module.slots();
        same("after its end", closed, Err(CKR_CRYPTOKI_NOT_INITIALIZED))?;
        stage.module.initialize()?;
    }
    Ok(())
}
