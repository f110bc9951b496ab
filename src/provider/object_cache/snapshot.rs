//! A snapshot: the objects of a token as they were at one moment, small, and found by handle, ID and label.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use cryptoki_sys::*;

use crate::model::attribute::Template;
use crate::model::key::{Key, ObjectId};
use crate::provider::objects::{Part, parts_of};
use crate::provider::token_object::TokenObject;

/// Never changed, only replaced.
pub struct Snapshot {
    objects: Vec<TokenObject>,
    /// Places in `objects`, in the order of the handles.
    by_handle: Vec<u32>,
    /// Places of the first object of each key, in the order of CKA_ID and of CKA_LABEL.
    by_id: Vec<u32>,
    by_label: Vec<u32>,
}

/// The handles that a token's objects have had since C_Initialize.
#[derive(Default)]
pub struct Handles {
    known: HashMap<[u8; 16], CK_OBJECT_HANDLE>,
    last: CK_OBJECT_HANDLE,
}

impl Handles {
    /// From now on all objects get new ones.
    pub fn forget(&mut self) {
        self.known.clear();
    }

    /// An object is known by a digest of its name and class, which is smaller than the name.
    fn of(&mut self, id: &ObjectId, class: CK_OBJECT_CLASS) -> CK_OBJECT_HANDLE {
        let mut context = Context::new(&SHA256);
        context.update(&class.to_be_bytes());
        context.update(id.0.as_bytes());
        let digest = context.finish();
        let known = digest.as_ref().first_chunk().copied().unwrap_or_default();
        *self.known.entry(known).or_insert_with(|| {
            self.last += 1;
            self.last
        })
    }
}

impl Snapshot {
    /// Of keys in the token's order. `private` is what CKA_PRIVATE says of private keys.
    pub fn new(handles: &mut Handles, keys: Vec<Key>, private: bool) -> Self {
        let (mut objects, mut firsts) = (Vec::with_capacity(2 * keys.len()), vec![]);
        firsts.reserve_exact(keys.len());
        for key in keys.into_iter().map(Arc::new) {
            firsts.push(objects.len() as u32);
            objects.extend(parts_of(&key).map(|part| TokenObject {
                handle: handles.of(part.id(&key), part.class()),
                key: Arc::clone(&key),
                part,
                private,
            }));
        }
        let mut snapshot = Self {
            by_handle: (0..objects.len() as u32).collect(),
            by_id: firsts.clone(),
            by_label: firsts,
            objects,
        };
        snapshot.sort();
        snapshot
    }

    fn sort(&mut self) {
        let object = |place: &u32| self.objects.get(*place as usize);
        self.by_handle
            .sort_by_key(|place| object(place).map(|it| it.handle));
        let id = |place: &u32| object(place).map(|it| it.key.key_id.as_slice());
        self.by_id.sort_by(|a, b| id(a).cmp(&id(b)));
        self.by_label
            .sort_by_cached_key(|place| object(place).map(|it| it.key.label()));
    }

    /// The object with that handle.
    pub fn object(&self, handle: CK_OBJECT_HANDLE) -> Option<TokenObject> {
        let handle_at = |place: &u32| self.objects.get(*place as usize).map(|it| it.handle);
        let found = self
            .by_handle
            .binary_search_by_key(&Some(handle), handle_at)
            .ok()?;
        let place = *self.by_handle.get(found)?;
        self.objects.get(place as usize).cloned()
    }

    /// The handles of all objects that match, in the token's order. By CKA_ID or CKA_LABEL only
    /// those objects are looked at that have it.
    pub fn search(&self, template: &Template) -> Vec<CK_OBJECT_HANDLE> {
        let value = |wanted| {
            let mut values = template.iter().filter(|(kind, _)| *kind == wanted);
            values.next().map(|(_, value)| value.as_slice())
        };
        let keys = match (value(CKA_ID), value(CKA_LABEL)) {
            (Some(id), _) => self.equal(&self.by_id, id, |key| Cow::Borrowed(&key.key_id)),
            (None, Some(label)) => self.equal(&self.by_label, label, |key| {
                Cow::Owned(key.label().into_bytes())
            }),
            (None, None) => return handles_of(self.objects.iter(), template),
        };
        handles_of(keys.iter().flat_map(|first| self.of_key(*first)), template)
    }

    /// The part of an index where the keys have that value.
    fn equal<'a>(
        &self,
        index: &'a [u32],
        wanted: &[u8],
        value: impl for<'k> Fn(&'k Key) -> Cow<'k, [u8]>,
    ) -> &'a [u32] {
        let compared = |place: &u32| {
            let object = self.objects.get(*place as usize);
            object.map(|it| value(&it.key).as_ref().cmp(wanted))
        };
        let start = index.partition_point(|place| compared(place).is_some_and(|it| it.is_lt()));
        let rest = index.get(start..).unwrap_or_default();
        let length = rest.partition_point(|place| compared(place).is_some_and(|it| it.is_eq()));
        rest.get(..length).unwrap_or_default()
    }

    /// The objects of the key whose first object stands at that place.
    fn of_key(&self, first: u32) -> impl Iterator<Item = &TokenObject> {
        let objects = self.objects.get(first as usize..).unwrap_or_default();
        let key = objects.first().map(|object| &object.key);
        let same =
            move |object: &&TokenObject| key.is_some_and(|key| Arc::ptr_eq(key, &object.key));
        objects.iter().take_while(same)
    }

    /// The keys, in the token's order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        let firsts = self.objects.iter().filter(|it| it.part == Part::Public);
        firsts.map(|object| &*object.key)
    }

    /// Whether it has no object at all.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }
}

/// A door for the fuzz targets: the bytes of all attributes of all objects of these keys.
#[cfg(feature = "fuzzing")]
pub(crate) fn told(keys: Vec<Key>) -> usize {
    let snapshot = Snapshot::new(&mut Handles::default(), keys, false);
    let handles = snapshot.search(&vec![]);
    let objects = handles.iter().filter_map(|handle| snapshot.object(*handle));
    let told = |object: TokenObject| {
        let attributes = object.attributes();
        let values = (0..0x700).filter_map(|kind| attributes.get(kind));
        values.map(<[u8]>::len).sum::<usize>()
    };
    objects.map(told).sum()
}

fn handles_of<'a>(
    objects: impl Iterator<Item = &'a TokenObject>,
    template: &Template,
) -> Vec<CK_OBJECT_HANDLE> {
    let matching = objects.filter(|object| object.matches(template));
    matching.map(|object| object.handle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::public_key::{Curve, KeyType};
    use crate::token::memory::MemoryToken;
    use crate::token::{NewKey, Token};

    fn keys(names: &[&str]) -> Vec<Key> {
        let token = MemoryToken::new("t");
        let mut number = 0;
        let make = |name: &&str| {
            number += 1;
            let wanted = NewKey::new(number.to_string(), KeyType::Ec(Curve::P256));
            let key = token.generate(&wanted).unwrap();
            // Servers have keys by names that no token of ours would give.
            let name = (*name).to_owned();
            Key { name, ..key }
        };
        names.iter().map(make).collect()
    }

    fn labelled(name: &str) -> Template {
        vec![(CKA_LABEL, name.as_bytes().to_vec())]
    }

    #[test]
    fn an_index_finds_what_a_walk_finds_in_the_same_order() {
        let keys = keys(&["b", "a", "b", "c"]);
        let snapshot = Snapshot::new(&mut Handles::default(), keys.clone(), false);
        assert_eq!(snapshot.search(&labelled("b")), [1, 2, 5, 6]);
        assert!(snapshot.search(&labelled("x")).is_empty());
        for (key, first) in keys.iter().zip([1, 3, 5, 7]) {
            let id = (CKA_ID, key.key_id.clone());
            assert_eq!(snapshot.search(&vec![id.clone()]), [first, first + 1]);
            let signs = (CKA_SIGN, vec![CK_TRUE]);
            assert_eq!(snapshot.search(&vec![id.clone(), signs]), [first + 1]);
            let other = (CKA_LABEL, b"other".to_vec());
            assert!(snapshot.search(&vec![other, id]).is_empty());
        }
        let private = vec![(CKA_CLASS, CKO_PRIVATE_KEY.to_ne_bytes().to_vec())];
        assert_eq!(snapshot.search(&private), [2, 4, 6, 8]);
        assert_eq!(snapshot.search(&vec![]).len(), 8);
    }

    #[test]
    fn objects_keep_their_handles_in_whatever_order_they_come() {
        let mut keys = keys(&["a", "b", "c"]);
        let mut handles = Handles::default();
        Snapshot::new(&mut handles, keys.clone(), false);
        keys.reverse();
        let later = Snapshot::new(&mut handles, keys, false);
        assert_eq!(later.search(&vec![]), [5, 6, 3, 4, 1, 2]);
        for handle in 1..=6 {
            assert_eq!(later.object(handle).map(|it| it.handle), Some(handle));
        }
        assert!(later.object(0).is_none() && later.object(7).is_none());
    }

    #[test]
    fn quick_answers_are_those_of_the_attributes() {
        let keys = keys(&["we\nb"]);
        let snapshot = Snapshot::new(&mut Handles::default(), keys, true);
        for object in &snapshot.objects {
            let attributes = object.attributes();
            for kind in [CKA_CLASS, CKA_TOKEN, CKA_ID, CKA_LABEL] {
                assert_eq!(object.cheap(kind).as_deref(), attributes.get(kind));
            }
        }
    }
}
