//! A fork in the midst of use: the child begins anew, and the parent goes on.

use cryptoki_sys::*;

use super::{Check, Stage};
use crate::outcome::{Outcome, same};

pub const CHECKS: &[Check] = &[("library: a forked child begins anew", fork)];

fn fork(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let key = session.private_key("p256");
    session.sign(CKM_ECDSA, key, &[7; 32])?;
    // SAFETY: the child calls nothing but the library and _exit; no other thread of ours runs now.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let code = in_the_child(stage);
        // SAFETY: it ends this process without running what is its parent's.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: the place of the status is valid, and the child is ours.
    let waited = unsafe { libc::waitpid(child, &mut status, 0) };
    same("the child", waited, child)?;
    let code = libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status));
    same("the step at which the child failed", code, Some(0))?;
    same(
        "the parent's signature",
        session.sign(CKM_ECDSA, key, &[7; 32])?.len(),
        64,
    )
}

/// 0, or the number of the step that failed.
fn in_the_child(stage: &Stage) -> i32 {
    if stage.module.slots() != Err(CKR_CRYPTOKI_NOT_INITIALIZED) {
        return 1;
    }
    if stage.module.initialize().is_err() {
        return 2;
    }
    let Ok(session) = stage.session() else {
        return 3;
    };
    let key = session.private_key("p256");
    if session.sign(CKM_ECDSA, key, &[7; 32]).is_err() {
        return 4;
    }
    drop(session);
    match stage.module.finalize() {
        Ok(()) => 0,
        Err(_) => 5,
    }
}
