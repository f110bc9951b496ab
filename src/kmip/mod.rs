//! The KMIP protocol: requests and responses, their encoding in every version from 1.0 to 2.1, and connections to servers.
//!
//! Nothing here knows of PKCS#11 or SSH, and nothing outside this folder is used.
//! A [`Client`] takes a batch of [`Request`]s and returns an [`Answer`] for each.

mod attribute;
mod client;
mod connection;
mod credential;
mod cryptography;
mod deadline;
mod enums;
mod error;
mod json;
mod key_block;
mod message;
mod object;
mod refusal;
mod request;
mod response;
mod tags;
#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
mod tests;
mod tls;
pub mod ttlv;
mod version;
mod wiped;
mod wrapping;

pub use attribute::{Attribute, AttributeReference, UsageMask, Value};
pub use client::{
    Answer, Client, Condition, Encoding, Order, ServerAddress, ServerInfo, ServerStatus, Settings,
    Transport,
};
pub use connection::Traffic;
pub use credential::Credential;
pub use cryptography::CryptographicParameters;
pub use enums::*;
pub use error::{Error, ErrorKind, Phase};
pub use key_block::{KeyBlock, KeyMaterial};
pub use object::ManagedObject;
pub use refusal::Refusal;
pub use request::{CipherInput, Request, SignInput, StorageStatusMask, Unencodable};
pub use response::{Capabilities, Response};
pub use tags::Tag;
pub use tls::{TlsFileError, TlsFileProblem, TlsFiles};
pub use version::{UnknownVersion, Version};
pub use wiped::Secret;
pub use wrapping::{KeyInformation, KeyWrappingData, KeyWrappingSpecification};
