//! Where a panic of ours is told: in the log, never on the host program's stderr.

use std::sync::atomic::{AtomicBool, Ordering};

/// Once is enough, and safe: after a fork in the middle of a panic, the standard library's lock on
/// the hook is never released.
static SENT_TO_LOG: AtomicBool = AtomicBool::new(false);

/// Sends the place and message of every panic to the log. A cdylib has its own copy of the standard
/// library, so that the host's hook is left alone even if the host is a Rust program.
pub fn log_them() {
    if !SENT_TO_LOG.swap(true, Ordering::Relaxed) {
        std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
    }
}
