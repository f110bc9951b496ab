//! The shipped library as a C program loads and calls it.
//!
//! # Safety
//! The `unsafe` blocks of this file and of `session` keep PKCS#11's contract with the caller: each
//! pointer handed over is null or valid for the length beside it until the call returns.

use std::ffi::{CStr, CString, c_void};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use cryptoki_sys::*;

/// A call's answer: what it gave, or the `CK_RV` that is not `CKR_OK`.
pub type Answer<T = ()> = Result<T, CK_RV>;

/// The library, loaded; unloaded on drop, as far as it lets itself be.
pub struct Module {
    handle: *mut c_void,
    list: CK_FUNCTION_LIST_PTR,
}

// SAFETY: the handle and the table are read only, and the library takes calls from all threads.
unsafe impl Send for Module {}
// SAFETY: as above.
unsafe impl Sync for Module {}

/// Calls a function of the table with these arguments: `call!(module, C_Finalize, null_mut())`.
///
/// Each pointer among them is null or valid for its length, unless the test is about such a one.
#[macro_export]
macro_rules! call {
    ($module:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let function = $module.list().$function.expect("no entry of the table is null");
        // Arguments of every number and type: they cannot be evaluated anywhere else.
        // SAFETY: the arguments are as PKCS#11 wants them; those that are not must be refused.
        #[allow(clippy::macro_metavars_in_unsafe)]
        let rv = unsafe { function($($argument),*) };
        rv
    }};
}

/// The library as cargo has built it for these tests. `target/debug/libkmip_p11.so` may be an older
/// one: only the file beside the test program is refreshed by `cargo test`.
pub fn library() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    let library = program.with_file_name("libkmip_p11.so");
    assert!(library.is_file(), "there is no {}", library.display());
    library
}

/// `CKR_OK` as success.
pub fn answer(rv: CK_RV) -> Answer {
    match rv {
        CKR_OK => Ok(()),
        other => Err(other),
    }
}

impl Default for Module {
    fn default() -> Self {
        Self::load()
    }
}

impl Module {
    /// Loads it as OpenSSH does: dlopen(RTLD_NOW), then C_GetFunctionList.
    pub fn load() -> Self {
        Self::load_from(&library())
    }

    /// The same with another module.
    pub fn load_from(path: &Path) -> Self {
        let path = CString::new(path.as_os_str().as_encoded_bytes()).expect("a path has no NUL");
        // SAFETY: see the module.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null(), "dlopen failed");
        let mut module = Self {
            handle,
            list: null_mut(),
        };
        let get = module.symbol(c"C_GetFunctionList");
        // SAFETY: the symbol is a function of this type.
        let get: CK_C_GetFunctionList = unsafe { std::mem::transmute(get) };
        // SAFETY: see the module.
        let rv = unsafe { get.expect("not null")(&mut module.list) };
        assert_eq!(rv, CKR_OK);
        assert!(!module.list.is_null());
        module
    }

    /// Loads it and calls C_Initialize(NULL), as OpenSSH does.
    #[track_caller]
    pub fn initialized() -> Self {
        let module = Self::load();
        assert_eq!(module.initialize(), Ok(()));
        module
    }

    /// The address of an exported symbol.
    pub fn symbol(&self, name: &CStr) -> *mut c_void {
        // SAFETY: see the module.
        let symbol = unsafe { libc::dlsym(self.handle, name.as_ptr()) };
        assert!(!symbol.is_null(), "there is no {name:?}");
        symbol
    }

    /// The table of functions of version 2.40.
    pub fn list(&self) -> &CK_FUNCTION_LIST {
        // SAFETY: C_GetFunctionList gave it, and it is valid while the library is loaded.
        unsafe { &*self.list }
    }

    /// The table of functions of version 3.2, which is the default interface.
    pub fn list_3_2(&self) -> &CK_FUNCTION_LIST_3_2 {
        let mut interface: CK_INTERFACE_PTR = null_mut();
        let get = self.symbol(c"C_GetInterface");
        // SAFETY: the symbol is a function of this type, and the default interface is asked for; its table
        // is valid while the library is loaded.
        unsafe {
            let get: CK_C_GetInterface = std::mem::transmute(get);
            let rv = get.expect("not null")(null_mut(), null_mut(), &mut interface, 0);
            assert_eq!(rv, CKR_OK);
            &*(*interface).pFunctionList.cast()
        }
    }

    /// C_Initialize(NULL).
    pub fn initialize(&self) -> Answer {
        answer(call!(self, C_Initialize, null_mut()))
    }

    /// C_Finalize(NULL).
    pub fn finalize(&self) -> Answer {
        answer(call!(self, C_Finalize, null_mut()))
    }

    /// C_GetSlotList(TRUE), asked twice as usual.
    pub fn slots(&self) -> Answer<Vec<CK_SLOT_ID>> {
        let mut count = 0;
        answer(call!(self, C_GetSlotList, CK_TRUE, null_mut(), &mut count))?;
        let mut slots = vec![0; count as usize];
        let buffer = slots.as_mut_ptr();
        answer(call!(self, C_GetSlotList, CK_TRUE, buffer, &mut count))?;
        slots.truncate(count as usize);
        Ok(slots)
    }

    /// C_GetTokenInfo.
    pub fn token_info(&self, slot: CK_SLOT_ID) -> Answer<CK_TOKEN_INFO> {
        let mut info = CK_TOKEN_INFO::default();
        answer(call!(self, C_GetTokenInfo, slot, &mut info))?;
        Ok(info)
    }

    /// The slot whose token has that label.
    #[track_caller]
    pub fn slot(&self, label: &str) -> CK_SLOT_ID {
        let slots = self.slots().expect("C_GetSlotList");
        let labelled = |slot: &CK_SLOT_ID| {
            let info = self.token_info(*slot).expect("C_GetTokenInfo");
            String::from_utf8_lossy(&info.label).trim_end() == label
        };
        let found = slots.into_iter().find(labelled);
        found.unwrap_or_else(|| panic!("no token has the label {label:?}"))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: the handle came from dlopen and is closed once.
        unsafe { libc::dlclose(self.handle) };
    }
}
