//! The vocabulary: plain data that every room speaks in, without I/O and without locks.

pub mod agreement;
pub mod attribute;
pub mod attribute_list;
pub mod attribute_rules;
pub mod certificate;
pub mod cipher;
pub mod digest;
pub mod elements;
pub mod gcm_message;
pub mod given_key;
pub mod key;
pub mod key_mechanism;
pub mod key_wrap;
pub mod local_mechanism;
pub mod mac;
pub mod mechanism;
pub mod mechanism_call;
pub mod ml_dsa;
pub mod output;
pub mod public_key;
pub mod signature;
pub mod text;
pub mod validity;
pub mod verification;
