//! The objects of a token with a catalog: read page by page, found by number, kept for a moment only.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use parking_lot::Mutex;

use super::object_cache::unlisted;
use super::objects::{Part, parts_of};
use super::token_object::TokenObject;
use crate::error::Result;
use crate::model::attribute::Template;
use crate::model::key::Key;
use crate::token::SharedToken;
use crate::token::catalog::{Catalog, Family, KeyNumber, Page, Wanted};

/// Keys in a page of a search that names none.
const PAGE: usize = 256;
/// Keys in a page of a search by CKA_ID or CKA_LABEL, which few keys have.
const FEW: usize = 16;
/// Keys that are kept after they were read, and how long: a program asks for the attributes of an
/// object one after the other, and signs with what it found. What others change is seen after that.
const KEPT: usize = 16;
const KEPT_FOR: Duration = Duration::from_secs(1);

/// A handle is the key's number, the logouts before it was seen (private objects alone), and the part.
const PART_BITS: u32 = 12;
const LOGOUT_BITS: u32 = 12;
const NUMBER_BITS: u32 = CK_OBJECT_HANDLE::BITS - LOGOUT_BITS - PART_BITS;

/// The objects of a token with a catalog. Handles need no memory: they are made of numbers.
pub struct CatalogObjects {
    token: SharedToken,
    catalog: Arc<dyn Catalog>,
    logouts: AtomicU64,
    /// The keys that were read last, the latest first.
    kept: Mutex<VecDeque<(Instant, KeyNumber, Arc<Key>)>>,
}

/// A search that reads on as the program asks.
pub struct CatalogSearch {
    template: Template,
    wanted: Wanted,
    /// Where the next page begins.
    next: Option<KeyNumber>,
    /// What matched of the pages read so far, and was not given.
    ready: VecDeque<(CK_OBJECT_HANDLE, CK_OBJECT_CLASS)>,
}

impl CatalogObjects {
    /// Asks nobody.
    pub fn new(token: SharedToken, catalog: Arc<dyn Catalog>) -> Self {
        Self {
            token,
            catalog,
            logouts: AtomicU64::new(0),
            kept: Mutex::default(),
        }
    }

    /// A search, with its first page: a token that does not answer fails here, and not later.
    pub fn search(&self, template: Template) -> Result<CatalogSearch> {
        let wanted = wanted(&template);
        let mut search = CatalogSearch {
            next: wanted.is_some().then_some(0),
            wanted: wanted.unwrap_or_default(),
            template,
            ready: VecDeque::new(),
        };
        self.read_on(&mut search)?;
        Ok(search)
    }

    /// The next objects of classes that may be seen. What failed to be read is asked for again by
    /// the next call, after what was found is given.
    pub fn next(
        &self,
        search: &mut CatalogSearch,
        room: usize,
        is_visible: impl Fn(CK_OBJECT_CLASS) -> bool,
    ) -> Result<Vec<CK_OBJECT_HANDLE>> {
        let mut found = vec![];
        while found.len() < room {
            match search.ready.pop_front() {
                Some((handle, class)) if is_visible(class) => found.push(handle),
                Some(_) => {}
                None if search.next.is_none() => break,
                None => match self.read_on(search) {
                    Err(error) if found.is_empty() => return Err(error),
                    Err(_) => break,
                    Ok(()) => {}
                },
            }
        }
        Ok(found)
    }

    /// Reads one page, if there is one more.
    fn read_on(&self, search: &mut CatalogSearch) -> Result {
        let Some(after) = search.next else {
            return Ok(());
        };
        let names_one = search.wanted.key_id.is_some() || search.wanted.label.is_some();
        let limit = if names_one { FEW } else { PAGE };
        let page = self.catalog.page(&search.wanted, after, limit);
        let Page { keys, next } = page.map_err(unlisted)?;
        // A catalog that does not go forward would never end.
        search.next = next.filter(|next| *next > after);
        let private = self.token.info().login_required;
        for (number, key) in keys {
            let key = Arc::new(key);
            if names_one {
                self.keep(number, &key);
            }
            let objects = self.objects_of(number, &key, private);
            let matching = objects.filter(|object| object.matches(&search.template));
            search
                .ready
                .extend(matching.map(|object| (object.handle, object.class())));
        }
        Ok(())
    }

    fn objects_of(
        &self,
        number: KeyNumber,
        key: &Arc<Key>,
        private: bool,
    ) -> impl Iterator<Item = TokenObject> {
        let logouts = self.logouts.load(Ordering::Acquire);
        let key = Arc::clone(key);
        let parts: Vec<_> = parts_of(&key).collect();
        parts.into_iter().filter_map(move |part| {
            Some(TokenObject {
                handle: Handle::new(number, part, logouts)?.0,
                key: Arc::clone(&key),
                part,
                private,
            })
        })
    }

    /// The object with that handle, if it is still there.
    pub fn object(&self, handle: CK_OBJECT_HANDLE) -> Result<Option<TokenObject>> {
        let handle = Handle(handle);
        let Some(key) = self.key(handle.number())? else {
            return Ok(None);
        };
        let private = self.token.info().login_required;
        let mut objects = self.objects_of(handle.number(), &key, private);
        Ok(objects.find(|object| object.handle == handle.0))
    }

    fn key(&self, number: KeyNumber) -> Result<Option<Arc<Key>>> {
        if number == 0 {
            return Ok(None);
        }
        if let Some(key) = self.kept(number) {
            return Ok(Some(key));
        }
        let read = self.catalog.key(number).map_err(unlisted)?.map(Arc::new);
        if let Some(key) = &read {
            self.keep(number, key);
        }
        Ok(read)
    }

    fn kept(&self, number: KeyNumber) -> Option<Arc<Key>> {
        let mut kept = self.kept.lock();
        kept.retain(|(since, _, _)| since.elapsed() < KEPT_FOR);
        let found = kept.iter().find(|(_, known, _)| *known == number);
        found.map(|(_, _, key)| Arc::clone(key))
    }

    fn keep(&self, number: KeyNumber, key: &Arc<Key>) {
        let mut kept = self.kept.lock();
        kept.retain(|(_, known, _)| *known != number);
        kept.push_front((Instant::now(), number, Arc::clone(key)));
        kept.truncate(KEPT);
    }

    /// After something was changed, or the token said that something is gone.
    pub fn expire(&self) {
        self.kept.lock().clear();
    }

    /// After a logout (v3.2, 5.6.10): handles of private objects are never used again.
    pub fn forget(&self) {
        self.logouts.fetch_add(1, Ordering::AcqRel);
        self.expire();
    }
}

struct Handle(CK_OBJECT_HANDLE);

impl Handle {
    /// `None` for what has no place in a handle: a key's 4,095th certificate.
    fn new(number: KeyNumber, part: Part, logouts: u64) -> Option<Self> {
        let (part, logouts) = match part {
            Part::Public => (0, 0),
            Part::Private => (1, logouts % (1 << LOGOUT_BITS)),
            Part::Certificate(place) => (2 + u64::from(place), 0),
        };
        let fits = number < 1 << NUMBER_BITS && part < 1 << PART_BITS;
        fits.then_some(Self((number << LOGOUT_BITS | logouts) << PART_BITS | part))
    }

    fn number(&self) -> KeyNumber {
        self.0 >> (LOGOUT_BITS + PART_BITS)
    }
}

/// What a template fixes of a key; `None` if no object can match it.
fn wanted(template: &Template) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    for (kind, value) in template {
        match *kind {
            CKA_TOKEN if **value != [CK_TRUE] => return None,
            CKA_CLASS => match number(value)? {
                CKO_CERTIFICATE => wanted.certified = true,
                CKO_PUBLIC_KEY | CKO_PRIVATE_KEY => {}
                _ => return None,
            },
            CKA_CERTIFICATE_TYPE => wanted.certified = true,
            CKA_KEY_TYPE => wanted.family = Some(family(number(value)?)?),
            CKA_ID => wanted.key_id = Some(value.clone()),
            CKA_LABEL => wanted.label = Some(String::from_utf8(value.clone()).ok()?),
            _ => {}
        }
    }
    Some(wanted)
}

fn number(value: &[u8]) -> Option<CK_ULONG> {
    value.try_into().ok().map(CK_ULONG::from_ne_bytes)
}

fn family(number: CK_KEY_TYPE) -> Option<Family> {
    match number {
        CKK_RSA => Some(Family::Rsa),
        CKK_EC => Some(Family::Ec),
        CKK_EC_EDWARDS => Some(Family::Edwards),
        CKK_ML_DSA => Some(Family::MlDsa),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
