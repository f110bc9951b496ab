//! A catalog: the keys of a token that is near and may hold a million, page by page and one by one.

use crate::error::Result;
use crate::model::key::Key;
use crate::model::public_key::KeyType;

/// The number of a key in its token: greater than zero and than that of any key that was there
/// before it, and never used again. So a number, once seen, names this key or none, in each process.
pub type KeyNumber = u64;

/// For tokens that find keys by themselves, so that nobody has to list them all beforehand.
///
/// What it gives is what programs may see: the slot's filter is applied, and no two keys have one
/// CKA_ID.
pub trait Catalog: Send + Sync {
    /// Keys that may meet `wanted`, in the order of their numbers, beginning after `after`; at most
    /// `limit` of them. The answer may have others too, since the caller looks at each again.
    fn page(&self, wanted: &Wanted, after: KeyNumber, limit: usize) -> Result<Page>;

    /// The key of that number, if it is still there and programs may see it.
    fn key(&self, number: KeyNumber) -> Result<Option<Key>>;
}

/// A part of a catalog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their numbers; perhaps none, though more follow.
    pub keys: Vec<(KeyNumber, Key)>,
    /// Where the next page begins; `None` if there is none.
    pub next: Option<KeyNumber>,
}

/// What a search fixes of a key; `None` and `false` where it fixes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// CKA_ID.
    pub key_id: Option<Vec<u8>>,
    /// CKA_LABEL, as [`Key::label`] gives it.
    pub label: Option<String>,
    /// CKA_KEY_TYPE.
    pub family: Option<Family>,
    /// Only keys with a certificate.
    pub certified: bool,
}

/// CKA_KEY_TYPE, which tells less than [`KeyType`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// CKK_RSA
    Rsa,
    /// CKK_EC
    Ec,
    /// CKK_EC_EDWARDS
    Edwards,
    /// CKK_ML_DSA
    MlDsa,
}

impl Family {
    /// That of a key of this type.
    pub fn of(key_type: KeyType) -> Self {
        match key_type {
            KeyType::Rsa(_) => Family::Rsa,
            KeyType::Ec(_) => Family::Ec,
            KeyType::Ed25519 => Family::Edwards,
            KeyType::MlDsa(_) => Family::MlDsa,
        }
    }
}

impl Wanted {
    /// Whether the key is such a one.
    pub fn includes(&self, key: &Key) -> bool {
        let same_id = self.key_id.as_ref().is_none_or(|id| *id == key.key_id);
        let same_label = || self.label.as_ref().is_none_or(|it| *it == key.label());
        let family = Family::of(key.public.key_type());
        let same_family = self.family.is_none_or(|wanted| wanted == family);
        let certified = !self.certified || !key.certificates.is_empty();
        same_id && same_family && certified && same_label()
    }
}
