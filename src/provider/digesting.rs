//! The calls that go on with a session's digest.

use cryptoki_sys::{CK_OBJECT_HANDLE, CKO_SECRET_KEY};

use super::object::Object;
use super::session_object::Material;
use super::underway::Turn;
use crate::crypto::Hasher;
use crate::error::{Error, Result};
use crate::model::digest::Digest;
use crate::model::output::{Output, Room};

/// From C_DigestInit to the end of C_Digest or C_DigestFinal.
pub struct DigestOperation {
    digest: Digest,
    hasher: Hasher,
    in_parts: bool,
}

impl DigestOperation {
    /// Nothing digested yet.
    pub fn new(digest: Digest) -> Self {
        Self {
            digest,
            hasher: Hasher::new(digest),
            in_parts: false,
        }
    }

    fn update(&mut self, part: &[u8]) {
        self.in_parts = true;
        self.hasher.update(part);
    }
}

/// A session's digest, for one call.
pub type Digesting<'session> = Turn<'session, DigestOperation>;

impl Digesting<'_> {
    /// C_Digest (v3.2, 5.12.2): it cannot end what C_DigestUpdate went on with, which stays.
    pub fn digest(self, data: &[u8], digest: Output<u8>) -> Result {
        self.end(digest, Some(data))
    }

    /// C_DigestUpdate (v3.2, 5.12.3).
    pub fn update(self, part: &[u8]) -> Result {
        let (mut operation, place) = self.operation()?;
        operation.update(part);
        place.keep(operation);
        Ok(())
    }

    /// C_DigestKey (v3.2, 5.12.4): the value of a secret key that its owner lets out.
    pub fn update_by_key(self, key: CK_OBJECT_HANDLE) -> Result {
        let object = self.slot.object(key)?;
        let (mut operation, place) = self.operation()?;
        match object {
            Some(Object::Session(object)) if object.class() == CKO_SECRET_KEY => {
                let Material::Secret(value) = object.material() else {
                    return Err(Error::KeyIndigestible);
                };
                operation.update(value);
            }
            Some(_) => return Err(Error::KeyIndigestible),
            None => return Err(Error::KeyHandleInvalid(key)),
        }
        place.keep(operation);
        Ok(())
    }

    /// C_DigestFinal (v3.2, 5.12.5).
    pub fn finish(self, digest: Output<u8>) -> Result {
        self.end(digest, None)
    }

    /// A question about the size, or too small an answer to it, leaves the operation (v3.2, 5.2).
    fn end(self, mut digest: Output<u8>, whole: Option<&[u8]>) -> Result {
        let (mut operation, place) = self.operation()?;
        if whole.is_some() && operation.in_parts {
            place.keep(operation);
            return Err(Error::OperationActive);
        }
        match digest.room_for(operation.digest.digest_len()) {
            Room::Enough => {
                operation.update(whole.unwrap_or_default());
                digest.put(&operation.hasher.finish())
            }
            room => {
                place.keep(operation);
                room.verdict()
            }
        }
    }
}
