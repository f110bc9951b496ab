//! The vocabulary: plain data that every room speaks in, without I/O and without locks.

pub mod attribute;
pub mod certificate;
pub mod elements;
pub mod key;
pub mod mechanism;
pub mod mechanism_call;
pub mod output;
pub mod public_key;
pub mod signature;
pub mod text;
pub mod validity;
