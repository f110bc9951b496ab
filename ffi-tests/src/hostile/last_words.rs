//! Which call it was that killed the process: told by the signal's handler.

use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

static TEXT: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);
static HELD: Mutex<String> = Mutex::new(String::new());

/// From now on, a process that is killed by a bad address says this first.
pub fn about_to(what: String) {
    let mut held = HELD.lock().expect("nobody panics with it");
    *held = what + "\n";
    TEXT.store(held.as_mut_ptr(), SeqCst);
    LENGTH.store(held.len(), SeqCst);
    let handler = told as extern "C" fn(libc::c_int);
    for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT] {
        // SAFETY: the handler does nothing that a handler may not do.
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
}

extern "C" fn told(signal: libc::c_int) {
    // SAFETY: a text that lives until another one is set; only functions that a handler may call.
    unsafe {
        libc::write(2, TEXT.load(SeqCst).cast(), LENGTH.load(SeqCst));
        libc::signal(signal, libc::SIG_DFL);
    }
}
