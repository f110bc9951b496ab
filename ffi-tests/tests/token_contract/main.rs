//! The contract of a token, whatever keeps its keys: one set of checks for every kind of place.
//!
//! `checks` look at a token as its administrator does, `programs` through the C interface of the shipped library, and
//! `login` through it behind a PIN. A check works, or is refused as `exceptions` says that this kind refuses it; all else
//! fails. docs/tokens.md tells what came of each check on each kind; `KMIP_P11_WRITE_DOCS=1` writes it anew.

mod checks;
mod document;
mod exceptions;
mod outcome;
mod programs;
mod reported;

use ffi_tests::place::Kind;

/// Three tests of each kind: they run beside each other.
macro_rules! hold {
    ($($module:ident: $kind:expr;)*) => { $(
        mod $module {
            use super::*;

            #[test]
            fn as_a_token() {
                checks::hold($kind, concat!(stringify!($module), "::as_a_token"));
            }

            #[test]
            fn through_the_library() {
                programs::hold($kind, concat!(stringify!($module), "::through_the_library"));
            }

            #[test]
            fn behind_a_pin() {
                programs::hold_locked($kind, concat!(stringify!($module), "::behind_a_pin"));
            }
        }
    )* };
}

hold! {
    memory: Kind::Memory;
    fake_kmip: Kind::FakeKmip;
    pykmip: Kind::PyKmip;
    cosmian: Kind::Cosmian;
    hsm: Kind::Hsm;
    hsm_process: Kind::HsmProcess;
    kryoptic: Kind::Kryoptic;
    kryoptic_process: Kind::KryopticProcess;
    delivered: Kind::Delivered;
    keystore_sqlite: Kind::KeystoreSqlite;
    keystore_postgres: Kind::KeystorePostgres;
}
