//! The library in its process: loaded again and again, and forked in the middle of calls.

use std::ptr::null_mut;

use cryptoki_sys::*;
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::scene::NoServer;
use ffi_tests::session::Session;
use ffi_tests::{call, here};

#[test]
fn it_can_be_loaded_and_unloaded_many_times() {
    alone(here!(), NoServer::new, || {
        for _ in 0..200 {
            let module = Module::initialized();
            let slot = module.slots().expect("slots")[0];
            drop(Session::open(&module, slot).expect("a session"));
            assert_eq!(module.finalize(), Ok(()));
        }
    });
}

/// In a forked child, where only async-signal-safe functions may be relied on - and this module.
fn child_starts_anew(module: &Module) -> bool {
    let mut count = 0;
    let count = &raw mut count;
    let initialized = || call!(module, C_GetSlotList, CK_TRUE, null_mut(), count);
    initialized() == CKR_CRYPTOKI_NOT_INITIALIZED
        && module.finalize() == Err(CKR_CRYPTOKI_NOT_INITIALIZED)
        && module.initialize() == Ok(())
        && module.slots().is_ok_and(|slots| slots.len() == 1)
        && module.finalize() == Ok(())
}

#[test]
fn a_forked_child_starts_anew_whatever_the_threads_of_its_parent_were_doing() {
    use std::sync::atomic::{AtomicBool, Ordering};
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slots().expect("slots")[0];
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (module, stop) = (&module, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        if number % 2 == 0 {
                            let _ = module.initialize(); // takes the root's lock for writing
                        }
                        let _ = Session::open(module, slot);
                    }
                });
            }
            for _ in 0..500 {
                // SAFETY: the child calls nothing that could wait for a thread it does not have.
                match unsafe { libc::fork() } {
                    0 => unsafe {
                        libc::alarm(10);
                        libc::_exit(i32::from(!child_starts_anew(&module)))
                    },
                    child => {
                        let mut status = 0;
                        // SAFETY: our own child, a valid place.
                        let ended = unsafe { libc::waitpid(child, &mut status, 0) };
                        if (ended, status) != (child, 0) {
                            stop.store(true, Ordering::Relaxed);
                            panic!("a child hung or failed: {status:#x}");
                        }
                    }
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert_eq!(module.finalize(), Ok(()));
    });
}
