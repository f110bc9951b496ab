//! The shipped file and its C boundary: symbols, tables, arguments, processes, silence.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_void};
use std::ptr::{null_mut, slice_from_raw_parts};

use cryptoki_sys::*;
use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::module::{Module, answer, library};
use ffi_tests::own_process::{Surroundings, alone};
use ffi_tests::process::run;
use ffi_tests::scratch::Scratch;
use ffi_tests::session::Session;
use ffi_tests::{call, here, kmip_server, tool};

/// A slot whose server nobody is: what needs no server must work all the same.
struct NoServer {
    configuration: Configuration,
    _certificates: Scratch,
}

impl NoServer {
    fn new() -> Self {
        let certificates = Scratch::new();
        let endpoint = kmip_server::certificates(&certificates, "127.0.0.1:1");
        Self {
            configuration: Configuration::new(&[SlotEntry::new("nobody", endpoint)]),
            _certificates: certificates,
        }
    }
}

impl Surroundings for NoServer {
    fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        self.configuration.environment()
    }
}

fn lines_of(program: &str, options: &[&str]) -> Vec<String> {
    let finished = run(tool::command(program).args(options).arg(library()));
    finished.text().lines().map(str::to_owned).collect()
}

#[test]
fn three_symbols_are_exported_and_no_more() {
    let lines = lines_of("nm", &["-D", "--defined-only"]);
    let names: BTreeSet<_> = lines
        .iter()
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    let expected = ["C_GetFunctionList", "C_GetInterface", "C_GetInterfaceList"];
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn the_library_stays_mapped_after_dlclose() {
    let lines = lines_of("readelf", &["-d", "--wide"]);
    let flags = lines.iter().find(|line| line.contains("FLAGS_1"));
    assert!(
        flags.is_some_and(|flags| flags.contains("NODELETE")),
        "{flags:?}"
    );
}

#[test]
fn nothing_but_the_c_library_is_needed() {
    let lines = lines_of("readelf", &["-d", "--wide"]);
    let needed = lines.iter().filter(|line| line.contains("(NEEDED)"));
    let names: Vec<_> = needed
        .filter_map(|line| line.split(['[', ']']).nth(1))
        .collect();
    let allowed = [
        "libc.so",
        "libm.so",
        "libgcc_s.so",
        "ld-linux",
        "libpthread.so",
        "libdl.so",
    ];
    assert!(!names.is_empty());
    for name in names {
        assert!(
            allowed.iter().any(|known| name.starts_with(known)),
            "{name} is needed"
        );
    }
}

/// Every interface, with the words of its table after the version.
fn interfaces(module: &Module) -> Vec<(CK_INTERFACE, CK_VERSION)> {
    let list = module.symbol(c"C_GetInterfaceList");
    // SAFETY: the symbol is a function of this type.
    let list: CK_C_GetInterfaceList = unsafe { std::mem::transmute(list) };
    let list = list.expect("not null");
    let (mut count, mut interfaces) = (0, vec![CK_INTERFACE::default(); 9]);
    // SAFETY: null asks for the number; the buffer then has room for it.
    unsafe {
        assert_eq!(list(null_mut(), &mut count), CKR_OK);
        assert_eq!(count, 3);
        assert_eq!(list(interfaces.as_mut_ptr(), &mut count), CKR_OK);
    }
    interfaces.truncate(count as usize);
    // SAFETY: every table begins with its version.
    let version = |i: &CK_INTERFACE| unsafe { *i.pFunctionList.cast::<CK_VERSION>() };
    interfaces.iter().map(|i| (*i, version(i))).collect()
}

#[test]
fn three_interfaces_have_tables_without_a_gap() {
    let module = Module::load();
    let expected = [(3, 2, 104), (3, 0, 92), (2, 40, 68)];
    for ((interface, version), expected) in interfaces(&module).into_iter().zip(expected) {
        let (major, minor, functions) = expected;
        assert_eq!((version.major, version.minor), (major, minor));
        // SAFETY: the names are C strings, the tables have that many functions after the version.
        let (name, words) = unsafe {
            let table =
                slice_from_raw_parts(interface.pFunctionList.cast::<usize>(), functions + 1);
            (CStr::from_ptr(interface.pInterfaceName.cast()), &*table)
        };
        assert_eq!(name, c"PKCS 11");
        assert!(words[1..].iter().all(|&function| function != 0));
    }
}

/// C_GetInterface with these wishes.
fn interface(
    module: &Module,
    name: Option<&CStr>,
    version: Option<(u8, u8)>,
    flags: CK_FLAGS,
) -> Result<*mut c_void, CK_RV> {
    let get = module.symbol(c"C_GetInterface");
    // SAFETY: the symbol is a function of this type.
    let get: CK_C_GetInterface = unsafe { std::mem::transmute(get) };
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version
        .as_mut()
        .map_or(null_mut(), |version| version as *mut _);
    let name = name.map_or(null_mut(), |name| name.as_ptr().cast_mut().cast());
    let mut found: CK_INTERFACE_PTR = null_mut();
    // SAFETY: null or valid, each of them.
    answer(unsafe { get.expect("not null")(name, version, &mut found, flags) })?;
    // SAFETY: the library gave it.
    Ok(unsafe { (*found).pFunctionList })
}

#[test]
fn an_interface_is_found_by_name_and_version() {
    let module = Module::load();
    let all: Vec<_> = interfaces(&module)
        .iter()
        .map(|(i, _)| i.pFunctionList)
        .collect();
    let name = Some(c"PKCS 11");
    assert_eq!(
        interface(&module, None, None, 0),
        Ok(all[0]),
        "the newest is the default"
    );
    assert_eq!(interface(&module, name, None, 0), Ok(all[0]));
    assert_eq!(interface(&module, name, Some((3, 0)), 0), Ok(all[1]));
    assert_eq!(interface(&module, name, Some((2, 40)), 0), Ok(all[2]));
    assert_eq!(interface(&module, None, Some((2, 40)), 0), Ok(all[2]));
    for (name, version, flags) in [
        (Some(c"Vendor"), None, 0),
        (name, Some((3, 1)), 0),
        (name, None, CKF_INTERFACE_FORK_SAFE),
    ] {
        assert_eq!(
            interface(&module, name, version, flags),
            Err(CKR_ARGUMENTS_BAD)
        );
    }
}

#[test]
fn nothing_works_before_c_initialize() {
    alone(
        here!(),
        || (),
        || {
            let module = Module::load();
            let mut count = 0;
            let rv = call!(module, C_GetSlotList, CK_TRUE, null_mut(), &mut count);
            assert_eq!(rv, CKR_CRYPTOKI_NOT_INITIALIZED);
            assert_eq!(module.finalize(), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
            assert_eq!(
                call!(module, C_CloseSession, 1),
                CKR_CRYPTOKI_NOT_INITIALIZED
            );
            // What the module does not have answers so even then.
            let rv = call!(module, C_CopyObject, 1, 2, null_mut(), 0, null_mut());
            assert_eq!(rv, CKR_FUNCTION_NOT_SUPPORTED);
        },
    );
}

#[test]
fn c_initialize_is_once_and_c_finalize_undoes_it() {
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        assert_eq!(module.initialize(), Err(CKR_CRYPTOKI_ALREADY_INITIALIZED));
        assert_eq!(
            call!(module, C_Finalize, 1 as *mut c_void),
            CKR_ARGUMENTS_BAD
        );
        assert_eq!(module.slots().map(|slots| slots.len()), Ok(1));
        assert_eq!(module.finalize(), Ok(()));
        assert_eq!(module.finalize(), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
        assert_eq!(module.slots(), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
    });
}

unsafe extern "C" fn make(_: *mut *mut c_void) -> CK_RV {
    CKR_OK
}

unsafe extern "C" fn use_one(_: *mut c_void) -> CK_RV {
    CKR_OK
}

/// The arguments of C_Initialize with all four callbacks, or with one of them.
fn arguments(flags: CK_FLAGS, all: bool) -> CK_C_INITIALIZE_ARGS {
    CK_C_INITIALIZE_ARGS {
        CreateMutex: Some(make),
        DestroyMutex: all.then_some(use_one),
        LockMutex: all.then_some(use_one),
        UnlockMutex: all.then_some(use_one),
        flags,
        pReserved: null_mut(),
    }
}

#[test]
fn c_initialize_takes_its_arguments_as_the_specification_says() {
    alone(here!(), NoServer::new, || {
        let module = Module::load();
        let with = |mut arguments: CK_C_INITIALIZE_ARGS| {
            let rv = call!(module, C_Initialize, (&raw mut arguments).cast());
            if rv == CKR_OK {
                assert_eq!(module.finalize(), Ok(()));
            }
            rv
        };
        let none = CK_C_INITIALIZE_ARGS::default();
        let flags = |flags| CK_C_INITIALIZE_ARGS { flags, ..none };
        assert_eq!(with(none), CKR_OK);
        assert_eq!(with(flags(CKF_OS_LOCKING_OK)), CKR_OK);
        assert_eq!(with(flags(CKF_LIBRARY_CANT_CREATE_OS_THREADS)), CKR_OK);
        assert_eq!(with(arguments(CKF_OS_LOCKING_OK, true)), CKR_OK);
        assert_eq!(with(arguments(0, true)), CKR_CANT_LOCK);
        assert_eq!(with(arguments(CKF_OS_LOCKING_OK, false)), CKR_ARGUMENTS_BAD);
        let reserved = CK_C_INITIALIZE_ARGS {
            pReserved: 1 as *mut c_void,
            ..none
        };
        assert_eq!(with(reserved), CKR_ARGUMENTS_BAD);
        assert_eq!(module.initialize(), Ok(()), "failures leave nothing behind");
    });
}

#[test]
fn null_pointers_and_absurd_lengths_are_refused() {
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slots().expect("slots")[0];
        let session = Session::open(&module, slot).expect("a session");
        let h = session.handle;
        let (mut byte, mut length) = (0_u8, 1);
        let mut template = CK_ATTRIBUTE::default();
        let template = &raw mut template;
        let bad = CKR_ARGUMENTS_BAD;
        let null = null_mut::<CK_ULONG>();

        assert_eq!(call!(module, C_GetInfo, null_mut()), bad);
        assert_eq!(call!(module, C_GetSlotList, CK_TRUE, null_mut(), null), bad);
        assert_eq!(call!(module, C_GetSlotInfo, slot, null_mut()), bad);
        assert_eq!(call!(module, C_GetTokenInfo, slot, null_mut()), bad);
        assert_eq!(
            call!(module, C_GetMechanismList, slot, null_mut(), null),
            bad
        );
        assert_eq!(
            call!(module, C_GetMechanismInfo, slot, CKM_ECDSA, null_mut()),
            bad
        );
        assert_eq!(call!(module, C_GetSessionInfo, h, null_mut()), bad);
        let flags = CKF_SERIAL_SESSION;
        assert_eq!(
            call!(
                module,
                C_OpenSession,
                slot,
                flags,
                null_mut(),
                None,
                null_mut()
            ),
            bad
        );
        assert_eq!(call!(module, C_FindObjectsInit, h, null_mut(), 1), bad);
        assert_eq!(call!(module, C_FindObjectsInit, h, template, 1 << 60), bad);
        assert_eq!(
            call!(module, C_FindObjectsInit, h, template, CK_ULONG::MAX),
            bad
        );
        assert_eq!(call!(module, C_GetAttributeValue, h, 1, null_mut(), 1), bad);
        assert_eq!(
            call!(module, C_GetAttributeValue, h, 1, template, 1 << 60),
            bad
        );
        assert_eq!(
            call!(module, C_Sign, h, null_mut(), 1, &mut byte, &mut length),
            bad
        );
        assert_eq!(
            call!(
                module,
                C_Sign,
                h,
                &mut byte,
                CK_ULONG::MAX,
                &mut byte,
                &mut length
            ),
            bad
        );
        assert_eq!(
            call!(module, C_Sign, h, &mut byte, 1, &mut byte, null_mut()),
            bad
        );
        length = CK_ULONG::MAX;
        assert_eq!(
            call!(module, C_Sign, h, &mut byte, 1, &mut byte, &mut length),
            bad
        );
        assert_eq!(call!(module, C_SignUpdate, h, null_mut(), 1), bad);
        assert_eq!(call!(module, C_Login, h, CKU_USER, null_mut(), 1), bad);
    });
}

#[test]
fn handles_that_nobody_gave_are_refused_by_name() {
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slots().expect("slots")[0];
        let mut info = CK_SESSION_INFO::default();
        assert_eq!(
            call!(module, C_GetSessionInfo, 77, &mut info),
            CKR_SESSION_HANDLE_INVALID
        );
        assert_eq!(call!(module, C_CloseSession, 0), CKR_SESSION_HANDLE_INVALID);
        assert_eq!(
            module.token_info(slot + 77).err(),
            Some(CKR_SLOT_ID_INVALID)
        );
        let mut handle = 0;
        let rv = call!(
            module,
            C_OpenSession,
            slot,
            0,
            null_mut(),
            None,
            &mut handle
        );
        assert_eq!(rv, CKR_SESSION_PARALLEL_NOT_SUPPORTED);
        let session = Session::open(&module, slot).expect("a session");
        let key = session.sign_init(CKM_ECDSA, 77);
        assert_eq!(key, Err(CKR_KEY_HANDLE_INVALID));
        assert_eq!(
            session.attribute(77, CKA_ID).err(),
            Some(CKR_OBJECT_HANDLE_INVALID)
        );
        assert_eq!(
            session.sign_into(b"x", 64).err(),
            Some(CKR_OPERATION_NOT_INITIALIZED)
        );
        let rv = call!(module, C_FindObjectsFinal, session.handle);
        assert_eq!(rv, CKR_OPERATION_NOT_INITIALIZED);
    });
}

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
    let initialized = || call!(module, C_GetSlotList, CK_TRUE, null_mut(), &raw mut count);
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
