//! `kmip-ssh`.
fn main() {}
