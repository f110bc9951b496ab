//! Doors for the fuzz targets in `ffi-tests/fuzz`: what reads hostile bytes, and is nobody else's business.

use std::sync::Arc;
use std::time::Duration;

use crate::crypto::private_key::PrivateKey;
use crate::ffi;
use crate::model::key::Found;
use crate::provider::{CacheRules, Provider, content, told};
use crate::token::memory::MemoryToken;
use crate::token::{self, NewKey, SharedToken, Token};

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

/// Begins anew, as C_Initialize does, with one slot: these keys in memory.
///
/// # Panics
/// If one cannot be kept there.
pub fn begin(keys: &[PrivateKey]) {
    let token = MemoryToken::new("fuzzed");
    for (number, key) in keys.iter().enumerate() {
        let wanted = NewKey::new(format!("key-{number}"), key.public().key_type());
        assert!(token.import(key, &wanted).is_ok());
    }
    let hour = Duration::from_secs(3600);
    let rules = CacheRules {
        time_to_live: hour,
        min_refresh: hour,
        stale: hour,
        disk: None,
    };
    ffi::begin_with(Provider::new([(Arc::new(token) as SharedToken, rules)]));
}
