//! kmip-p11.
pub mod kmip;
