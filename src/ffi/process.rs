//! The process's one provider: made by `C_Initialize`, taken away by `C_Finalize` or by a fork.

use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Once};

use cryptoki_sys::{CK_C_INITIALIZE_ARGS, CKF_OS_LOCKING_OK};
use parking_lot::RwLock;

use crate::error::{Error, Result};
use crate::provider::Provider;
use crate::{forks, panics, startup};

/// What one process knows. A forked child leaves its parent's root untouched - locks another
/// thread held at the fork stay locked for ever, connections are the parent's - and starts anew.
struct Root {
    pid: u32,
    provider: RwLock<Option<Arc<Provider>>>,
}

static ROOT: AtomicPtr<Root> = AtomicPtr::new(std::ptr::null_mut());

fn root() -> &'static Root {
    let pid = std::process::id();
    let known = ROOT.load(Ordering::Acquire);
    // SAFETY: `ROOT` is null or a leaked box, never freed.
    if let Some(root) = unsafe { known.as_ref() }
        && root.pid == pid
    {
        return root;
    }
    let fresh = Box::into_raw(Box::new(Root {
        pid,
        provider: RwLock::new(None),
    }));
    let installed = match ROOT.compare_exchange(known, fresh, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => fresh,
        Err(faster) => {
            // SAFETY: just made by `Box::into_raw`, and nobody else has seen it.
            drop(unsafe { Box::from_raw(fresh) });
            faster
        }
    };
    // SAFETY: as above, and never null after the exchange.
    unsafe { &*installed }
}

/// The running provider. Calls in flight keep it alive past `C_Finalize`.
pub(super) fn provider() -> Result<Arc<Provider>> {
    let provider = root().provider.read();
    provider.clone().ok_or(Error::NotInitialized)
}

/// C_Initialize (v3.2, 5.4.1): checks its arguments, reads the configuration, asks no server.
pub(super) fn initialize(args: *mut c_void) -> Result {
    // SAFETY: the caller gives null or a CK_C_INITIALIZE_ARGS.
    if let Some(args) = unsafe { args.cast::<CK_C_INITIALIZE_ARGS>().as_ref() } {
        check(args)?;
    }
    let mut provider = root().provider.write();
    if provider.is_some() {
        return Err(Error::AlreadyInitialized);
    }
    panics::log_them();
    guard_forks();
    *provider = Some(Arc::new(startup::provider()?));
    Ok(())
}

/// A door for the fuzz targets: in the place of what was begun before.
#[cfg(feature = "fuzzing")]
pub(crate) fn begin_with(provider: Provider) {
    *root().provider.write() = Some(Arc::new(provider));
}

/// From now on, until the library is unloaded.
fn guard_forks() {
    static DONE: Once = Once::new();
    extern "C" fn prepare() {
        forks::prepare();
    }
    extern "C" fn parent() {
        forks::parent();
    }
    extern "C" fn child() {
        forks::child();
    }
    DONE.call_once(|| {
        // SAFETY: the handlers take no lock and allocate nothing; they are gone when the library is.
        let refused = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
        if refused != 0 {
            log::warn!("forks are not guarded (error {refused}): a child may hang");
        }
    });
}

/// C_Finalize (v3.2, 5.4.2). Calls still under way end on their own copy of the provider.
pub(super) fn finalize(reserved: *mut c_void) -> Result {
    if !reserved.is_null() {
        return Err(Error::ArgumentsBad("pReserved must be null"));
    }
    let provider = root().provider.write().take();
    provider.ok_or(Error::NotInitialized)?.end();
    Ok(())
}

/// We lock by the operating system alone; CKF_LIBRARY_CANT_CREATE_OS_THREADS is kept anyway.
fn check(args: &CK_C_INITIALIZE_ARGS) -> Result {
    if !args.pReserved.is_null() {
        return Err(Error::ArgumentsBad("pReserved must be null"));
    }
    let callbacks = [
        args.CreateMutex.is_some(),
        args.DestroyMutex.is_some(),
        args.LockMutex.is_some(),
        args.UnlockMutex.is_some(),
    ];
    match callbacks {
        [false, false, false, false] => Ok(()),
        [true, true, true, true] if args.flags & CKF_OS_LOCKING_OK != 0 => Ok(()),
        [true, true, true, true] => Err(Error::CantLock),
        _ => Err(Error::ArgumentsBad("mutex callbacks come all or none")),
    }
}
