//! The shipped file: its symbols, what it needs, and the tables of functions it gives away.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_void};
use std::ptr::{null_mut, slice_from_raw_parts};

use cryptoki_sys::*;
use ffi_tests::module::{Module, answer, library};
use ffi_tests::process::{run, run_with_input};
use ffi_tests::tool;

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

/// What our header takes from the pkcs11.h of a version, as the standard has it.
fn pkcs11_h(major: u8) -> String {
    let types =
        "typedef unsigned long CK_RV, CK_ULONG, CK_FLAGS; typedef unsigned char CK_UTF8CHAR;
        typedef struct CK_VERSION CK_VERSION; typedef struct CK_FUNCTION_LIST CK_FUNCTION_LIST;";
    let interfaces = match major {
        2 => "",
        _ => "typedef struct CK_INTERFACE CK_INTERFACE;",
    };
    format!("#define CRYPTOKI_VERSION_MAJOR {major}\n{types}\n{interfaces}\n")
}

#[test]
fn the_header_compiles_after_that_of_any_version() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../include");
    for major in [2, 3] {
        let program = pkcs11_h(major) + "#include <kmip_p11.h>\n";
        let mut compiler = tool::command("cc");
        compiler.args([
            "-x",
            "c",
            "-Wall",
            "-Werror",
            "-fsyntax-only",
            "-I",
            folder,
            "-",
        ]);
        run_with_input(&mut compiler, program.as_bytes()).text();
    }
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
