//! The function tables, and the macros that make them from the list in `functions.rs`.
use std::cell::Cell;
use std::ffi::CStr;
use std::ptr;

use cryptoki_sys::*;

use super::argument;
use super::functions::{V2_40, V3_0, V3_2};
use crate::error::{Error, Result};
use crate::model::output::Output;

/// Turns the list of functions into entry points and the three function tables.
///
/// The tables are struct literals: a function missing from the list, or twice in it, or with
/// another signature than the standard's, does not compile.
macro_rules! cryptoki {
    (
        v2_40 { $($(#[$m2:meta])* $f2:ident $(($($a2:tt)*) => $h2:path)?),* $(,)? }
        v3_0 { $($(#[$m3:meta])* $f3:ident $(($($a3:tt)*) => $h3:path)?),* $(,)? }
        v3_2 { $($(#[$m4:meta])* $f4:ident $(($($a4:tt)*) => $h4:path)?),* $(,)? }
    ) => {
        $($crate::ffi::table::entry_point!($(#[$m2])* $f2 $(($($a2)*) $h2)?);)*
        $($crate::ffi::table::entry_point!($(#[$m3])* $f3 $(($($a3)*) $h3)?);)*
        $($crate::ffi::table::entry_point!($(#[$m4])* $f4 $(($($a4)*) $h4)?);)*

        /// Each function, the version that it came with, and whether it is there.
        #[cfg(test)]
        pub(super) static FUNCTIONS: &[(&str, &str, bool)] = &[
            $((stringify!($f2), "2.40", $crate::ffi::table::is_there!($($h2)?)),)*
            $((stringify!($f3), "3.0", $crate::ffi::table::is_there!($($h3)?)),)*
            $((stringify!($f4), "3.2", $crate::ffi::table::is_there!($($h4)?)),)*
        ];

        pub(super) static V2_40: CK_FUNCTION_LIST = CK_FUNCTION_LIST {
            version: CK_VERSION { major: 2, minor: 40 },
            $($f2: $crate::ffi::table::member!($f2 $($h2)?),)*
        };
        pub(super) static V3_0: CK_FUNCTION_LIST_3_0 = CK_FUNCTION_LIST_3_0 {
            version: CK_VERSION { major: 3, minor: 0 },
            $($f2: $crate::ffi::table::member!($f2 $($h2)?),)*
            $($f3: $crate::ffi::table::member!($f3 $($h3)?),)*
        };
        pub(super) static V3_2: CK_FUNCTION_LIST_3_2 = CK_FUNCTION_LIST_3_2 {
            version: CK_VERSION { major: 3, minor: 2 },
            $($f2: $crate::ffi::table::member!($f2 $($h2)?),)*
            $($f3: $crate::ffi::table::member!($f3 $($h3)?),)*
            $($f4: $crate::ffi::table::member!($f4 $($h4)?),)*
        };
    };
}

/// A table's member: the function of that name, or "not supported".
macro_rules! member {
    ($name:ident $handler:path) => {
        Some($name)
    };
    ($name:ident) => {
        $crate::ffi::boundary::Unsupported::ENTRY
    };
}

/// Whether a function of the list has something that answers it.
#[cfg(test)]
macro_rules! is_there {
    ($handler:path) => {
        true
    };
    () => {
        false
    };
}

/// One `extern "C"` function. Each rule takes one argument off the list and adds its C
/// parameters to the first group and the value for the handler to the second.
macro_rules! entry_point {
    ($name:ident) => {}; // not supported: there is nothing to enter
    ($(#[$meta:meta])* $name:ident ($($args:tt)*) $handler:path) => {
        $crate::ffi::table::entry_point!([$(#[$meta])*] $name $handler; () (); $($args)*,);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); provider, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)*)
            ($($v)* &*$crate::ffi::process::provider()?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); session, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* session: CK_SESSION_HANDLE,)
            ($($v)* &mut *$crate::ffi::process::provider()?.session(session)?.session.lock(),);
            $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); taken $take:ident, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* session: CK_SESSION_HANDLE,)
            ($($v)* $crate::ffi::process::provider()?.session(session)?.session.lock().$take(),);
            $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: value $t:ty, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: $t,) ($($v)* $a,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: pointer $t:ty, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut $t,) ($($v)* $a,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: output $t:ty, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut $t, length: *mut CK_ULONG,)
            ($($v)* unsafe { $crate::ffi::argument::output($a, length) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: input, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut u8, length: CK_ULONG,)
            ($($v)* &unsafe { $crate::ffi::argument::input($a, length) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: secret, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut u8, length: CK_ULONG,)
            ($($v)* &unsafe { $crate::ffi::argument::secret($a, length) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: filled $t:ty, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h;
            ($($p)* $a: *mut $t, capacity: CK_ULONG, count: *mut CK_ULONG,)
            ($($v)* unsafe { $crate::ffi::argument::filled($a, capacity, count) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: place $t:ty, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut $t, length: CK_ULONG,)
            ($($v)* unsafe { $crate::ffi::argument::place($a, length) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: template, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut CK_ATTRIBUTE, count: CK_ULONG,)
            ($($v)* unsafe { $crate::ffi::argument::template($a, count) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: attributes, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut CK_ATTRIBUTE, count: CK_ULONG,)
            ($($v)* unsafe { $crate::ffi::argument::attributes($a, count) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: mechanism, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut CK_MECHANISM,)
            ($($v)* unsafe { $crate::ffi::argument::mechanism($a) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: message, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut std::ffi::c_void, length: CK_ULONG,)
            ($($v)* unsafe { $crate::ffi::parameter::message($a, length) }?,); $($rest)*);
    };
    ([$($m:tt)*] $n:ident $h:path; ($($p:tt)*) ($($v:tt)*); $a:ident: set $t:ty, $($rest:tt)*) => {
        $crate::ffi::table::entry_point!([$($m)*] $n $h; ($($p)* $a: *mut $t,)
            ($($v)* unsafe { $crate::ffi::argument::set($a) }?,); $($rest)*);
    };
    ([$($meta:tt)*] $name:ident $handler:path; ($($param:ident: $type:ty,)*) ($($value:expr,)*); $(,)?) => {
        $($meta)*
        #[allow(non_snake_case, missing_docs)]
        #[allow(clippy::missing_safety_doc, clippy::undocumented_unsafe_blocks)]
        pub unsafe extern "C" fn $name($($param: $type),*) -> CK_RV {
            // SAFETY (of `argument::*`): PKCS#11 makes the caller promise what they rely on.
            $crate::ffi::boundary::call(stringify!($name), || $handler($($value),*))
        }
    };
}
#[cfg(test)]
pub(super) use is_there;
pub(super) use {cryptoki, entry_point, member};

/// What `C_GetInterfaceList` gives away; the first one is the default.
struct Interfaces([CK_INTERFACE; 3]);

// SAFETY: the pointers are to statics that nobody writes to.
unsafe impl Sync for Interfaces {}

static INTERFACES: Interfaces = Interfaces([
    interface_of(&raw const V3_2 as *const _),
    interface_of(&raw const V3_0 as *const _),
    interface_of(&raw const V2_40 as *const _),
]);

const NAME: &CStr = c"PKCS 11";

const fn interface_of(table: *const std::ffi::c_void) -> CK_INTERFACE {
    CK_INTERFACE {
        pInterfaceName: NAME.as_ptr() as *mut CK_UTF8CHAR,
        pFunctionList: table as *mut _,
        flags: 0, // not CKF_INTERFACE_FORK_SAFE: a child has to call C_Initialize again
    }
}

pub(super) fn function_list(list: &Cell<CK_FUNCTION_LIST_PTR>) -> Result {
    list.set((&raw const V2_40).cast_mut());
    Ok(())
}

pub(super) fn interface_list(mut interfaces: Output<CK_INTERFACE>) -> Result {
    interfaces.put(&INTERFACES.0)
}

pub(super) fn interface(
    name: *mut CK_UTF8CHAR,
    version: *mut CK_VERSION,
    interface: &Cell<CK_INTERFACE_PTR>,
    flags: CK_FLAGS,
) -> Result {
    // SAFETY: the caller gives null or a C string.
    let is_named = name.is_null() || unsafe { argument::is_text(name, NAME) };
    // SAFETY: the caller gives null or a version.
    let version = unsafe { version.as_ref() };
    let found = INTERFACES.0.iter().find(|known| {
        // SAFETY: every function table starts with its version.
        let known_version = unsafe { ptr::read(known.pFunctionList.cast::<CK_VERSION>()) };
        is_named
            && version
                .is_none_or(|v| (v.major, v.minor) == (known_version.major, known_version.minor))
            && flags & known.flags == flags
    });
    let found = found.ok_or(Error::ArgumentsBad("no such interface"))?;
    interface.set(ptr::from_ref(found).cast_mut());
    Ok(())
}
