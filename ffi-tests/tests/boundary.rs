//! The C boundary: C_Initialize's arguments, and arguments that no caller should give.

use std::ffi::c_void;
use std::ptr::null_mut;

use cryptoki_sys::*;
use ffi_tests::module::{Module, answer};
use ffi_tests::own_process::alone;
use ffi_tests::scene::NoServer;
use ffi_tests::session::Session;
use ffi_tests::{call, here};

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
            let rv = call!(module, C_InitPIN, 1, null_mut(), 0);
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
            call!(module, C_Finalize, std::ptr::dangling_mut::<c_void>()),
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
            pReserved: std::ptr::dangling_mut::<c_void>(),
            ..none
        };
        assert_eq!(with(reserved), CKR_ARGUMENTS_BAD);
        assert_eq!(module.initialize(), Ok(()), "failures leave nothing behind");
    });
}

/// Each of these calls answers CKR_ARGUMENTS_BAD.
macro_rules! all_bad {
    ($module:ident: $($function:ident($($argument:expr),*);)*) => { $(
        let rv = call!($module, $function $(, $argument)*);
        assert_eq!(rv, CKR_ARGUMENTS_BAD, "{}", stringify!($function($($argument),*)));
    )* };
}

#[test]
fn null_in_place_of_something_to_fill_is_refused() {
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slots().expect("slots")[0];
        let session = Session::open(&module, slot).expect("a session");
        let (h, flags, mut byte) = (session.handle, CKF_SERIAL_SESSION, 0);
        all_bad! { module:
            C_GetInfo(null_mut());
            C_GetFunctionList(null_mut());
            C_GetSlotList(CK_TRUE, null_mut(), null_mut());
            C_GetSlotInfo(slot, null_mut());
            C_GetTokenInfo(slot, null_mut());
            C_GetMechanismList(slot, null_mut(), null_mut());
            C_GetMechanismInfo(slot, CKM_ECDSA, null_mut());
            C_OpenSession(slot, flags, null_mut(), None, null_mut());
            C_GetSessionInfo(h, null_mut());
            C_FindObjects(h, null_mut(), 1, null_mut());
            C_Sign(h, &mut byte, 1, &mut byte, null_mut());
            C_SignFinal(h, &mut byte, null_mut());
        }
    });
}

#[test]
fn null_with_a_length_and_absurd_lengths_are_refused() {
    const HUGE: CK_ULONG = 1 << 60;
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slots().expect("slots")[0];
        let session = Session::open(&module, slot).expect("a session");
        let (h, mut byte, mut one, mut all) = (session.handle, 0, 1, CK_ULONG::MAX);
        let mut template = CK_ATTRIBUTE::default();
        let template = &raw mut template;
        let mut inside = CK_ATTRIBUTE {
            type_: CKA_ID,
            pValue: null_mut(),
            ulValueLen: HUGE,
        };
        all_bad! { module:
            C_FindObjectsInit(h, null_mut(), 1);
            C_FindObjectsInit(h, template, HUGE);
            C_FindObjectsInit(h, template, CK_ULONG::MAX);
            C_FindObjectsInit(h, &mut inside, 1);
            C_GetAttributeValue(h, 1, null_mut(), 1);
            C_GetAttributeValue(h, 1, template, HUGE);
            C_Sign(h, null_mut(), 1, &mut byte, &mut one);
            C_Sign(h, &mut byte, CK_ULONG::MAX, &mut byte, &mut one);
            C_Sign(h, &mut byte, 1, &mut byte, &mut all);
            C_SignUpdate(h, null_mut(), 1);
            C_SignUpdate(h, &mut byte, CK_ULONG::MAX);
            C_Login(h, CKU_USER, null_mut(), 1);
            C_Login(h, CKU_USER, &mut byte, CK_ULONG::MAX);
        }
    });
}

/// A copy that no memory can hold would end the process, were it not refused.
#[test]
fn data_without_memory_for_its_copy_is_refused() {
    const HUGE: CK_ULONG = 1 << 62;
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slots().expect("slots")[0];
        let session = Session::open(&module, slot).expect("a session");
        let (h, mut byte, mut one) = (session.handle, 0, 1);
        let rv = call!(module, C_Sign, h, &mut byte, HUGE, &mut byte, &mut one);
        assert_eq!(rv, CKR_HOST_MEMORY);
        let rv = call!(module, C_Login, h, CKU_USER, &mut byte, HUGE);
        assert_eq!(rv, CKR_HOST_MEMORY);
    });
}

#[test]
fn misaligned_pointers_are_refused() {
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slots().expect("slots")[0];
        let session = Session::open(&module, slot).expect("a session");
        let mut memory = [0_u64; 32];
        let odd = memory.as_mut_ptr().cast::<u8>().wrapping_add(1);
        all_bad! { module:
            C_GetSlotList(CK_TRUE, null_mut(), odd.cast());
            C_GetTokenInfo(slot, odd.cast());
            C_FindObjectsInit(session.handle, odd.cast(), 1);
            C_SignInit(session.handle, odd.cast(), 1);
        }
    });
}

#[test]
fn sessions_are_serial_and_never_asynchronous() {
    alone(here!(), NoServer::new, || {
        let module = Module::initialized();
        let slot = module.slots().expect("slots")[0];
        let mut handle = 0;
        let mut open = |flags| {
            call!(
                module,
                C_OpenSession,
                slot,
                flags,
                null_mut(),
                None,
                &mut handle
            )
        };
        assert_eq!(open(0), CKR_SESSION_PARALLEL_NOT_SUPPORTED);
        let asynchronous = CKF_SERIAL_SESSION | CKF_ASYNC_SESSION;
        assert_eq!(open(asynchronous), CKR_SESSION_ASYNC_NOT_SUPPORTED);
        assert_eq!(open(CKF_SERIAL_SESSION | 1 << 20), CKR_OK);
        let mut info = CK_SESSION_INFO::default();
        assert_eq!(call!(module, C_GetSessionInfo, handle, &mut info), CKR_OK);
        assert_eq!(info.flags, CKF_SERIAL_SESSION);
    });
}

/// The interface of that name and version.
fn interface(
    module: &Module,
    name: *mut u8,
    version: Option<(u8, u8)>,
) -> Result<CK_VERSION, CK_RV> {
    let get = module.symbol(c"C_GetInterface");
    // SAFETY: the symbol is a function of this type.
    let get: CK_C_GetInterface = unsafe { std::mem::transmute(get) };
    let mut version = version.map(|(major, minor)| CK_VERSION { major, minor });
    let version = version.as_mut().map_or(null_mut(), std::ptr::from_mut);
    let mut found: CK_INTERFACE_PTR = null_mut();
    // SAFETY: null, or a version; the name is each test's.
    answer(unsafe { get.expect("not null")(name, version, &mut found, 0) })?;
    // SAFETY: the library gave an interface, whose table begins with its version.
    Ok(unsafe { *(*found).pFunctionList.cast::<CK_VERSION>() })
}

#[test]
fn interfaces_are_found_by_name_and_version() {
    let module = Module::load();
    let get = |name: *mut u8, version| {
        let found = interface(&module, name, version);
        found.map(|version| (version.major, version.minor))
    };
    let name = c"PKCS 11".as_ptr().cast_mut().cast();
    assert_eq!(get(null_mut(), None), Ok((3, 2)));
    assert_eq!(get(name, Some((3, 0))), Ok((3, 0)));
    assert_eq!(get(name, Some((2, 40))), Ok((2, 40)));
    assert_eq!(get(name, Some((3, 1))), Err(CKR_ARGUMENTS_BAD));
    for other in [c"PKCS 12", c"PKCS 1", c"", c"PKCS 111"] {
        let other = other.as_ptr().cast_mut().cast();
        assert_eq!(get(other, None), Err(CKR_ARGUMENTS_BAD));
    }
}

/// At the end of the memory there is: reading on would be the end of the process.
#[test]
fn a_name_without_end_is_read_no_further_than_it_differs() {
    let module = Module::load();
    let (page, access) = (4096, libc::PROT_READ | libc::PROT_WRITE);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: two new pages, of which the second is then closed.
    let end = unsafe {
        let start = libc::mmap(null_mut(), 2 * page, access, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        let end = start.cast::<u8>().add(page);
        assert_eq!(libc::mprotect(end.cast(), page, libc::PROT_NONE), 0);
        end
    };
    // SAFETY: within the first page.
    let name = unsafe { end.sub(7) };
    // SAFETY: as above.
    unsafe { name.copy_from_nonoverlapping(b"PKCS 12".as_ptr(), 7) };
    let found = interface(&module, name, None);
    assert_eq!(found.map(|_| ()), Err(CKR_ARGUMENTS_BAD));
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
