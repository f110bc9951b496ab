//! A token object: one part of a key, with the handle that programs hold.

use std::borrow::Cow;
use std::sync::Arc;

use cryptoki_sys::*;

use super::objects::Part;
use crate::model::attribute::{Attributes, Template};
use crate::model::key::Key;

/// An object of a token, as it was when the token was last asked. Its attributes are made when they are
/// asked for: kept, they would take ten times the memory of the key itself.
#[derive(Clone)]
pub struct TokenObject {
    /// The number that programs hold; the object's own as long as it is there.
    pub handle: CK_OBJECT_HANDLE,
    /// The key that it belongs to.
    pub key: Arc<Key>,
    /// Which of the key's objects it is.
    pub part: Part,
    /// What CKA_PRIVATE says of private keys.
    pub private: bool,
}

impl TokenObject {
    /// Its CKA_CLASS.
    pub fn class(&self) -> CK_OBJECT_CLASS {
        self.part.class()
    }

    /// Whether it is that object, as the token told of it that very time.
    pub fn is_same(&self, other: &TokenObject) -> bool {
        self.handle == other.handle && Arc::ptr_eq(&self.key, &other.key)
    }

    /// All that C_GetAttributeValue tells.
    pub fn attributes(&self) -> Attributes {
        self.part.attributes(&self.key, self.private)
    }

    /// Whether it has each attribute of `template` with just that value.
    pub fn matches(&self, template: &Template) -> bool {
        let mut others = vec![];
        for (kind, value) in template {
            match self.cheap(*kind) {
                Some(known) if *known == **value => {}
                Some(_) => return false,
                None => others.push((*kind, value.clone())),
            }
        }
        others.is_empty() || self.attributes().match_template(&others)
    }

    /// The attributes that searches go by, without the others.
    pub fn cheap(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<Cow<'_, [u8]>> {
        match kind {
            CKA_CLASS => Some(self.class().to_ne_bytes().to_vec().into()),
            CKA_TOKEN => Some(Cow::Borrowed(&[CK_TRUE])),
            CKA_ID => Some(Cow::Borrowed(&self.key.key_id)),
            CKA_LABEL => Some(self.key.label().into_bytes().into()),
            _ => None,
        }
    }
}
