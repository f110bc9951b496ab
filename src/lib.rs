//! kmip-p11: SSH keys that live on a KMIP server, used by unmodified OpenSSH.
#![deny(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::expect_used
    )
)]

pub mod config;
pub mod crypto;
pub mod error;
pub mod ffi;
pub mod kmip;
pub mod logging;
pub mod model;
mod panics;
pub mod provider;
pub mod ssh;
pub mod startup;
pub mod token;

use cryptoki_sys::CK_VERSION;

/// Who made this library, as PKCS#11 and people read it.
pub const MANUFACTURER: &str = "kmip-p11";

/// The library's version in PKCS#11's two bytes.
pub const VERSION: CK_VERSION = CK_VERSION { major: 0, minor: 1 };
