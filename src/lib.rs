//! kmip-p11: SSH keys that live on a KMIP server, in an HSM or in a keystore, used by unmodified OpenSSH.
//!
//! The house, from the street to the cellar. A room uses only what stands under it
//! (`docs/architecture.md` has the reasons, and a test holds the walls).
//!
//! * [`ffi`] is the C boundary: one list of functions, and the only `unsafe` code.
//! * [`startup`] goes from the configuration file to a provider; [`config`] reads that file, and
//!   [`logging`] says where diagnostics go.
//! * [`provider`] is the semantics of PKCS#11: slots, sessions, searches, operations.
//! * [`token`] is where keys live: one trait, and behind it KMIP servers, other modules' tokens, and keystores.
//! * [`kmip`] is the KMIP protocol, and knows nothing of PKCS#11.
//! * [`crypto`] is what is computed in this process; no signature of others leaves without it.
//! * [`model`] is the vocabulary that all rooms speak in, and [`error`] what can go wrong in it; `forks` keeps forks
//!   of the program out of what they would leave half done.
//! * [`ssh`] is OpenSSH's formats, for the command `kmip-ssh`.
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
mod forks;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
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
