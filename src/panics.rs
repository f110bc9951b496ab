//! Where a panic of ours is told: in the log, never on the host program's stderr.

/// Sends the place and message of every panic to the log. A cdylib has its own copy of the standard
/// library, so that the host's hook is left alone even if the host is a Rust program.
pub fn log_them() {
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
}
