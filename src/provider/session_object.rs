//! Session objects (v3.2, 4.4): they live in this process, and no longer than the session that made them.

use std::collections::BTreeMap;
use std::sync::Arc;

use cryptoki_sys::*;
use parking_lot::RwLock;
use zeroize::Zeroizing;

use crate::crypto::private_key::PrivateKey;
use crate::model::attribute::{Attributes, Template};
use crate::model::attribute_rules::holds_secret;
use crate::model::public_key::PublicKey;

/// What a session object is made of, besides the attributes that are shown.
pub enum Material {
    /// Nothing: a certificate, data.
    None,
    /// The value of a secret key.
    Secret(Zeroizing<Vec<u8>>),
    /// A private key.
    Private(PrivateKey),
    /// A public key.
    Public(PublicKey),
}

/// A session object. It is never changed: another one takes its place.
pub struct SessionObject {
    /// The number that programs hold.
    pub handle: CK_OBJECT_HANDLE,
    attributes: Attributes,
    material: Arc<Material>,
}

/// The session objects of a slot: every session of the program sees them (v3.2, 4.4).
#[derive(Default)]
pub struct SessionObjects(RwLock<Held>);

#[derive(Default)]
struct Held {
    last: CK_OBJECT_HANDLE,
    objects: BTreeMap<CK_OBJECT_HANDLE, Arc<SessionObject>>,
}

/// The handles of session objects have this bit; those of token objects do not.
const SESSION: CK_OBJECT_HANDLE = 1 << (CK_OBJECT_HANDLE::BITS - 1);

impl SessionObject {
    /// One that no session has made: it tells something of the token.
    pub fn describing(handle: CK_OBJECT_HANDLE, attributes: Attributes) -> Self {
        Self {
            handle,
            attributes,
            material: Arc::new(Material::None),
        }
    }

    /// Its CKA_CLASS.
    pub fn class(&self) -> CK_OBJECT_CLASS {
        self.attributes.number(CKA_CLASS).unwrap_or(CKO_DATA)
    }

    /// What C_GetAttributeValue tells; a secret is not among them.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// What it is made of.
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// The same, for another object that is made of it.
    pub fn material_shared(&self) -> &Arc<Material> {
        &self.material
    }

    /// A part of the secret, where the key's owner lets it be seen (v3.2, 4.9, 4.10); `None` if he does
    /// not, or if it has no such part.
    pub fn revealed(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<Zeroizing<Vec<u8>>> {
        if !self.is_open() {
            return None;
        }
        match &*self.material {
            Material::Secret(value) if kind == CKA_VALUE => Some(value.clone()),
            Material::Private(key) => {
                let mut numbers = key.secret_numbers().ok()?.into_iter();
                let found = numbers.find(|(known, _)| *known == kind);
                found.map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Whether it is a key whose value may be read.
    pub fn is_open(&self) -> bool {
        let is_sensitive = self.attributes.is_true(CKA_SENSITIVE);
        !is_sensitive && self.attributes.is_true(CKA_EXTRACTABLE)
    }

    /// Whether it has each attribute of `template` with just that value.
    pub fn matches(&self, template: &Template) -> bool {
        template.iter().all(|(kind, value)| {
            let known = self.attributes.get(*kind);
            known.map_or_else(
                || {
                    let secret = holds_secret(*kind, self.class());
                    let revealed = secret.then(|| self.revealed(*kind)).flatten();
                    revealed.is_some_and(|known| *known == *value)
                },
                |known| known == value.as_slice(),
            )
        })
    }

    /// Whether only the user who is logged in may see it.
    pub fn is_private(&self) -> bool {
        self.attributes.is_true(CKA_PRIVATE)
    }
}

impl SessionObjects {
    /// Keeps a new object; the answer is its handle.
    pub fn insert(&self, attributes: Attributes, material: Arc<Material>) -> CK_OBJECT_HANDLE {
        let mut held = self.0.write();
        held.last += 1;
        let handle = SESSION | held.last;
        let object = SessionObject {
            handle,
            attributes: attributes.complete(),
            material,
        };
        held.objects.insert(handle, Arc::new(object));
        handle
    }

    /// The object with that handle.
    pub fn get(&self, handle: CK_OBJECT_HANDLE) -> Option<Arc<SessionObject>> {
        match handle & SESSION {
            0 => None,
            _ => self.0.read().objects.get(&handle).cloned(),
        }
    }

    /// Gives an object other attributes; false if it is gone.
    pub fn change(&self, handle: CK_OBJECT_HANDLE, attributes: Attributes) -> bool {
        let mut held = self.0.write();
        let Some(object) = held.objects.get_mut(&handle) else {
            return false;
        };
        *object = Arc::new(SessionObject {
            handle,
            attributes: attributes.complete(),
            material: Arc::clone(&object.material),
        });
        true
    }

    /// Removes an object; false if it is gone already.
    pub fn remove(&self, handle: CK_OBJECT_HANDLE) -> bool {
        self.0.write().objects.remove(&handle).is_some()
    }

    /// The handles of all that match, the oldest first.
    pub fn search(&self, template: &Template, private_too: bool) -> Vec<CK_OBJECT_HANDLE> {
        let held = self.0.read();
        let visible = held.objects.values();
        let visible = visible.filter(|object| private_too || !object.is_private());
        let found = visible.filter(|object| object.matches(template));
        found.map(|object| object.handle).collect()
    }

    /// After a logout (v3.2, 5.6.10): private session objects are destroyed.
    pub fn forget_private(&self) {
        let mut held = self.0.write();
        held.objects.retain(|_, object| !object.is_private());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(label: &str, private: bool) -> Attributes {
        Attributes::default()
            .ulong(CKA_CLASS, CKO_DATA)
            .bytes(CKA_LABEL, label)
            .bool(CKA_PRIVATE, private)
    }

    #[test]
    fn objects_are_found_changed_and_removed_by_handle() {
        let all = SessionObjects::default();
        let handle = all.insert(object("a", false), Arc::new(Material::None));
        assert!(handle > CK_OBJECT_HANDLE::MAX / 2);
        let old = all.get(handle).unwrap();
        assert!(all.change(handle, object("b", false)));
        let named = |label: &str| all.search(&vec![(CKA_LABEL, label.into())], true);
        assert_eq!((named("a"), named("b")), (vec![], vec![handle]));
        assert_eq!(old.attributes().get(CKA_LABEL), Some(&b"a"[..]));
        assert!(all.remove(handle) && !all.remove(handle) && all.get(handle).is_none());
    }

    #[test]
    fn private_objects_end_with_the_login_and_are_unseen_without_it() {
        let all = SessionObjects::default();
        let private = all.insert(object("a", true), Arc::new(Material::None));
        let public = all.insert(object("b", false), Arc::new(Material::None));
        assert_eq!(all.search(&vec![], true), [private, public]);
        assert_eq!(all.search(&vec![], false), [public]);
        all.forget_private();
        assert!(all.get(private).is_none() && all.get(public).is_some());
    }
}
