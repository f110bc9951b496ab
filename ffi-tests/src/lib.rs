//! Tests of the shipped library as C programs and OpenSSH see it: what they all stand on.
//!
//! `module` and `session` call the library as a C program does; `openssh` runs the real programs;
//! `kmip_server`, `configuration` and `keys` make the world that both look at. Nothing that is
//! started here outlives the test that wanted it, and everything stays on the loopback interface.

pub mod api_token;
pub mod attribute_lists;
pub mod certificate;
pub mod ciphers;
pub mod configuration;
pub mod counting_allocator;
pub mod counting_proxy;
pub mod delivery;
pub mod fake_server;
pub mod faulty_module;
pub mod gcm_messages;
pub mod guarded;
pub mod hostile;
pub mod hsm;
pub mod keys;
pub mod keystore_scene;
pub mod kmip_server;
pub mod late_configuration;
pub mod locked;
pub mod memory_scan;
pub mod ml_dsa;
pub mod module;
pub mod oddities;
pub mod openssh;
pub mod own_process;
pub mod passage;
pub mod place;
pub mod postgres_server;
pub mod process;
pub mod scene;
pub mod scratch;
pub mod secret_keys;
pub mod session;
pub mod session_objects;
pub mod signature;
pub mod source;
pub mod surface;
pub mod terminal;
pub mod tool;
pub mod verifying;

pub use kmip_server::{Case, ServerKind};

/// Two tests of one body: against PyKMIP, and against Cosmian.
///
/// `fn name(case) { .. }` becomes the tests `name::on_pykmip` and `name::on_cosmian`; `case` says
/// which of the two it is.
#[macro_export]
macro_rules! on_each_server {
    ($($(#[$meta:meta])* fn $name:ident($case:ident) $body:block)*) => { $(
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            fn body($case: $crate::Case) $body

            #[test]
            fn on_pykmip() {
                let test = concat!(module_path!(), "::on_pykmip");
                body($crate::Case::new($crate::ServerKind::PyKmip, test))
            }

            #[test]
            fn on_cosmian() {
                let test = concat!(module_path!(), "::on_cosmian");
                if $crate::ServerKind::Cosmian.is_wanted(test) {
                    body($crate::Case::new($crate::ServerKind::Cosmian, test))
                }
            }
        }
    )* };
}
