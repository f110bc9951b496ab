//! The C boundary: the only room with `unsafe` in it.
//!
//! What is assumed of a C caller is what PKCS#11 makes him promise, and is said once, at the head
//! of `argument.rs`; `functions.rs` is the list of all functions with what answers them.
#![allow(unsafe_code)]

mod argument;
mod boundary;
mod functions;
#[cfg(test)]
mod functions_document;
mod parameter;
mod process;
mod table;

pub use functions::{C_GetFunctionList, C_GetInterface, C_GetInterfaceList};
#[cfg(feature = "fuzzing")]
pub(crate) use process::begin_with;
