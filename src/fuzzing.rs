//! Doors for the fuzz targets in `ffi-tests/fuzz`: what reads hostile bytes, and is nobody else's business.

use crate::model::key::Found;
use crate::provider::{content, told};
use crate::token;

pub use crate::kmip::fuzzing::Reader;
pub use crate::provider::Kept;

/// What programs would see of the keys in a server's message: their attributes, counted in bytes,
/// and what was found.
pub fn objects(reader: &Reader, message: Vec<u8>) -> Option<(usize, Found)> {
    let found = token::listed(reader.answers(message)?);
    Some((told(found.keys.clone()), found))
}

/// What is behind the checksum and the identity of a listing on disk.
///
/// # Errors
/// What is wrong with it.
pub fn listing(body: &[u8]) -> Result<Kept, String> {
    content::decode_body(body)
}

/// The same, written.
///
/// # Errors
/// What cannot be written.
pub fn written(kept: &Kept) -> Result<Vec<u8>, String> {
    content::encode_body(vec![], kept.listed_at, &kept.learnt, kept.keys.iter())
}
