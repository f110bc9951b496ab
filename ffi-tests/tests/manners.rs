//! Process manners: many threads that begin and end at once, forks in the middle of calls, and unloading.

use std::ptr::{null_mut, without_provenance_mut};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::module::{Module, answer};
use ffi_tests::own_process::alone;
use ffi_tests::session::Session;
use ffi_tests::{call, here};
use kmip_p11::model::public_key::{Curve, KeyType};

const DIGEST: &[u8] = &[7; 32];
const THREADS: usize = 8;

fn scene() -> KeystoreScene {
    KeystoreScene::by_file().with(&[
        ("rsa", KeyType::Rsa(2048)),
        ("p256", KeyType::Ec(Curve::P256)),
    ])
}

fn signs(module: &Module) -> Result<usize, CK_RV> {
    let session = Session::open(module, 0)?;
    let key = session.private_key("p256");
    Ok(session.sign(CKM_ECDSA, key, DIGEST)?.len())
}

#[test]
fn of_many_who_initialize_at_once_one_does() {
    alone(here!(), scene, || {
        let module = Module::load();
        for _ in 0..50 {
            let (barrier, begun) = (Barrier::new(THREADS), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        barrier.wait();
                        match module.initialize() {
                            Ok(()) => begun.fetch_add(1, SeqCst),
                            Err(rv) => {
                                assert_eq!(rv, CKR_CRYPTOKI_ALREADY_INITIALIZED);
                                0
                            }
                        };
                        assert_eq!(signs(&module), Ok(64));
                    });
                }
            });
            assert_eq!(begun.load(SeqCst), 1);
            assert_eq!(module.finalize(), Ok(()));
        }
    });
}

unsafe extern "C" fn create(_: CK_VOID_PTR_PTR) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn touch(_: CK_VOID_PTR) -> CK_RV {
    CKR_OK
}

#[test]
fn the_arguments_of_c_initialize_are_all_or_none() {
    alone(here!(), scene, || {
        let module = Module::load();
        let with = |flags, callbacks: [bool; 4], reserved: bool| {
            let touch = |wanted: bool| wanted.then_some(touch as unsafe extern "C" fn(_) -> _);
            let mut args = CK_C_INITIALIZE_ARGS {
                CreateMutex: callbacks[0].then_some(create as unsafe extern "C" fn(_) -> _),
                DestroyMutex: touch(callbacks[1]),
                LockMutex: touch(callbacks[2]),
                UnlockMutex: touch(callbacks[3]),
                flags,
                pReserved: if reserved {
                    without_provenance_mut(8)
                } else {
                    null_mut()
                },
            };
            let rv = call!(module, C_Initialize, std::ptr::from_mut(&mut args).cast());
            if rv == CKR_OK {
                assert_eq!(module.finalize(), Ok(()));
            }
            rv
        };
        let os = CKF_OS_LOCKING_OK;
        assert_eq!(with(0, [false; 4], false), CKR_OK);
        assert_eq!(with(os, [false; 4], false), CKR_OK);
        assert_eq!(with(os, [true; 4], false), CKR_OK);
        assert_eq!(
            with(os | CKF_LIBRARY_CANT_CREATE_OS_THREADS, [false; 4], false),
            CKR_OK
        );
        assert_eq!(with(0, [true; 4], false), CKR_CANT_LOCK);
        for lone in 0..4 {
            let mut some = [true; 4];
            some[lone] = false;
            assert_eq!(with(os, some, false), CKR_ARGUMENTS_BAD);
            assert_eq!(with(os, some.map(|it| !it), false), CKR_ARGUMENTS_BAD);
        }
        assert_eq!(with(os, [false; 4], true), CKR_ARGUMENTS_BAD);
    });
}

/// Runs in a child of a fork; whether it came to its end in time, and well.
fn in_a_child(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls the module, as programs do, and ends without anything of the parent's.
    match unsafe { libc::fork() } {
        0 => {
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // SAFETY: it ends the child.
            unsafe { libc::_exit(i32::from(!done.unwrap_or(false))) }
        }
        pid => ended_well(pid),
    }
}

fn ended_well(pid: libc::pid_t) -> bool {
    let (begun, mut status) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(20) {
        // SAFETY: a child of this process, and a place for its status.
        if unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } == pid {
            return libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // SAFETY: the same child, which hangs.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    false
}

/// New threads all the time: each has new state in the crypto library.
#[test]
fn a_child_of_a_fork_in_the_middle_of_calls_begins_anew_and_signs() {
    alone(here!(), scene, || {
        let module = Module::initialized();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !done.load(SeqCst) {
                        std::thread::scope(|scope| {
                            scope.spawn(|| assert_eq!(signs(&module), Ok(64)));
                        });
                    }
                });
            }
            let mut well = 0;
            for _ in 0..100 {
                well += usize::from(in_a_child(|| {
                    let inherited = call!(module, C_GetInfo, &mut CK_INFO::default());
                    inherited == CKR_CRYPTOKI_NOT_INITIALIZED
                        && module.initialize() == Ok(())
                        && signs(&module) == Ok(64)
                        && module.finalize() == Ok(())
                }));
            }
            done.store(true, SeqCst);
            assert_eq!(well, 100, "children that did it all");
        });
        assert_eq!(signs(&module), Ok(64), "the parent goes on");
    });
}

#[test]
fn c_finalize_during_calls_ends_them_or_lets_them_end() {
    alone(here!(), scene, || {
        let module = Module::load();
        for _ in 0..20 {
            assert_eq!(module.initialize(), Ok(()));
            std::thread::scope(|scope| {
                let work = || {
                    let session = Session::open(&module, 0)?;
                    let key = session.private_key("rsa");
                    loop {
                        session.sign(CKM_SHA256_RSA_PKCS, key, DIGEST)?;
                    }
                };
                let threads =
                    [(); 4].map(|()| scope.spawn(move || -> Result<(), CK_RV> { work() }));
                std::thread::sleep(Duration::from_millis(5));
                assert_eq!(module.finalize(), Ok(()));
                for thread in threads {
                    let Ok(told) = thread.join() else {
                        continue; // it had no key yet
                    };
                    assert_eq!(told, Err(CKR_CRYPTOKI_NOT_INITIALIZED));
                }
            });
        }
    });
}

#[test]
fn one_session_takes_turns_and_many_go_side_by_side() {
    alone(here!(), scene, || {
        let module = Module::initialized();
        let shared = Session::open(&module, 0).expect("a session");
        let key = shared.private_key("p256");
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..50 {
                        assert_eq!(signs(&module), Ok(64));
                        // The operation is the session's: another thread may have begun it, or ended it.
                        let told = shared.sign(CKM_ECDSA, key, DIGEST).map(|it| it.len());
                        let fine = [
                            Ok(64),
                            Err(CKR_OPERATION_ACTIVE),
                            Err(CKR_OPERATION_NOT_INITIALIZED),
                        ];
                        assert!(fine.contains(&told), "{told:?}");
                    }
                });
            }
        });
    });
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

#[test]
fn it_is_loaded_and_unloaded_many_times() {
    alone(here!(), scene, || {
        let round = || {
            let module = Module::initialized();
            assert_eq!(signs(&module), Ok(64));
            assert_eq!(module.finalize(), Ok(()));
        };
        round();
        let before = descriptors();
        for _ in 0..30 {
            round();
        }
        assert_eq!(descriptors(), before);
    });
}

#[test]
fn a_program_may_end_in_any_way() {
    alone(here!(), scene, || {
        let module = Module::load();
        assert!(in_a_child(|| {
            let session = || Session::open(&module, 0).is_ok();
            module.initialize() == Ok(()) && session() && signs(&module) == Ok(64)
        }));
        // exit(3) runs what the library has registered, while threads are in calls.
        let exits = |with_threads: bool| {
            in_a_child(|| {
                assert_eq!(module.initialize(), Ok(()));
                if with_threads {
                    let module: &'static Module = Box::leak(Box::new(Module::load()));
                    for _ in 0..4 {
                        std::thread::spawn(move || while signs(module).is_ok() {});
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                // SAFETY: it ends the child.
                unsafe { libc::exit(0) }
            })
        };
        for with_threads in [false, true] {
            assert!(exits(with_threads), "threads: {with_threads}");
        }
        assert_eq!(answer(call!(module, C_Initialize, null_mut())), Ok(()));
    });
}
