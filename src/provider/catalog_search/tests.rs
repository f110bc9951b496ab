//! The rules of searches in a catalog, held with one in memory.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use super::*;
use crate::error::{Error, TokenErrorKind};
use crate::model::key::Found;
use crate::model::public_key::{Curve, KeyType};
use crate::model::signature::{SignInput, SignScheme};
use crate::provider::search::TokenSearch;
use crate::provider::{CacheRules, Slot};
use crate::token::memory::MemoryToken;
use crate::token::{NewKey, Token, TokenInfo, Wish};

const RULES: CacheRules = CacheRules {
    time_to_live: Duration::from_secs(60),
    min_refresh: Duration::from_secs(60),
    stale: Duration::from_secs(60),
    disk: None,
};

/// Counts what its catalog is asked, fails on demand, and can not be listed.
struct Near {
    inner: Arc<MemoryToken>,
    pages: AtomicUsize,
    lookups: AtomicUsize,
    down: AtomicBool,
}

impl Near {
    fn reachable(&self) -> Result {
        match self.down.load(SeqCst) {
            true => Err(self.error(TokenErrorKind::Denied, "down".into())),
            false => Ok(()),
        }
    }
}

impl Token for Near {
    fn info(&self) -> TokenInfo {
        self.inner.info()
    }
    fn login(&self, pin: &str) -> Result {
        self.inner.login(pin)
    }
    fn logout(&self) {
        self.inner.logout();
    }
    fn find(&self) -> Result<Found> {
        panic!("a token with a catalog is not listed")
    }
    fn catalog(self: Arc<Self>) -> Option<Arc<dyn Catalog>> {
        Some(self)
    }
    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.inner.sign(key, scheme, input)
    }
}

impl Catalog for Near {
    fn page(&self, wanted: &Wanted, after: KeyNumber, limit: usize) -> Result<Page> {
        self.pages.fetch_add(1, SeqCst);
        self.reachable()?;
        self.inner.page(wanted, after, limit)
    }
    fn key(&self, number: KeyNumber) -> Result<Option<Key>> {
        self.lookups.fetch_add(1, SeqCst);
        self.reachable()?;
        Catalog::key(&*self.inner, number)
    }
}

fn near(inner: MemoryToken) -> Arc<Near> {
    Arc::new(Near {
        inner: Arc::new(inner),
        pages: AtomicUsize::new(0),
        lookups: AtomicUsize::new(0),
        down: AtomicBool::new(false),
    })
}

/// A token with keys of these names, and a slot for it.
fn with_keys<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> (Arc<Near>, Slot) {
    let token = near(MemoryToken::new("near"));
    for name in names {
        add(&token, name.as_ref());
    }
    let slot = Slot::new(0, token.clone(), RULES);
    (token, slot)
}

fn add(token: &Near, name: &str) -> Key {
    let wanted = NewKey::new(name, KeyType::Ed25519);
    token.inner.generate(&wanted).unwrap()
}

fn found(slot: &Slot, template: Template) -> Vec<CK_OBJECT_HANDLE> {
    let mut search = slot.search(template, false).unwrap();
    slot.found(&mut search, usize::MAX).unwrap()
}

fn labelled(name: &str) -> Template {
    vec![(CKA_LABEL, name.as_bytes().to_vec())]
}

fn of_class(class: CK_OBJECT_CLASS) -> (CK_ATTRIBUTE_TYPE, Vec<u8>) {
    (CKA_CLASS, class.to_ne_bytes().to_vec())
}

fn handle(number: KeyNumber, part: Part, logouts: u64) -> CK_OBJECT_HANDLE {
    Handle::new(number, part, logouts).unwrap().0
}

#[test]
fn every_attribute_of_a_template_counts() {
    let (token, slot) = with_keys(["a", "b"]);
    let p256 = NewKey::new("c", KeyType::Ec(Curve::P256));
    let key = token.inner.generate(&p256).unwrap();
    let private = handle(3, Part::Private, 0);
    let pair = [handle(3, Part::Public, 0), private];
    let ec = (CKA_KEY_TYPE, CKK_EC.to_ne_bytes().to_vec());
    let id = (CKA_ID, key.key_id.clone());
    assert_eq!(found(&slot, vec![]).len(), 6);
    assert_eq!(found(&slot, vec![ec.clone()]), pair);
    assert_eq!(found(&slot, labelled("c")), pair);
    assert_eq!(found(&slot, vec![id.clone()]), pair);
    assert_eq!(
        found(&slot, vec![(CKA_SIGN, vec![CK_TRUE]), id.clone()]),
        [private]
    );
    assert_eq!(
        found(&slot, vec![of_class(CKO_PRIVATE_KEY), id.clone()]),
        [private]
    );
    let rsa = (CKA_KEY_TYPE, CKK_RSA.to_ne_bytes().to_vec());
    let other = (CKA_LABEL, b"a".to_vec());
    for wrong in [
        rsa,
        other,
        (CKA_TOKEN, vec![CK_FALSE]),
        of_class(CKO_CERTIFICATE),
    ] {
        assert!(found(&slot, vec![id.clone(), wrong]).is_empty());
    }
}

/// A search for nothing that a token of keys can have asks nobody.
#[test]
fn what_no_key_can_match_is_not_looked_for() {
    let (token, slot) = with_keys(["a"]);
    let short = (CKA_CLASS, vec![1]);
    let bytes = (CKA_LABEL, vec![0xff]);
    let secret = (CKA_KEY_TYPE, CKK_AES.to_ne_bytes().to_vec());
    for template in [
        of_class(CKO_DATA),
        short,
        bytes,
        secret,
        (CKA_TOKEN, vec![0]),
    ] {
        assert!(found(&slot, vec![template]).is_empty());
    }
    assert_eq!(token.pages.load(SeqCst), 0);
}

#[test]
fn pages_are_read_as_they_are_asked_for() {
    let names = (0..3 * PAGE + 1).map(|number| number.to_string());
    let (token, slot) = with_keys(names);
    let mut search = slot.search(vec![], false).unwrap();
    assert_eq!(token.pages.load(SeqCst), 1);
    assert!(slot.found(&mut search, 0).unwrap().is_empty());
    assert_eq!(slot.found(&mut search, 2 * PAGE).unwrap().len(), 2 * PAGE);
    assert_eq!(token.pages.load(SeqCst), 1);
    assert_eq!(slot.found(&mut search, 1).unwrap().len(), 1);
    assert_eq!(token.pages.load(SeqCst), 2);
    let rest = slot.found(&mut search, usize::MAX).unwrap();
    assert_eq!(rest.len(), 2 * (2 * PAGE + 1) - 1);
    assert!(slot.found(&mut search, 9).unwrap().is_empty());
    assert_eq!(token.pages.load(SeqCst), 4);
}

#[test]
fn keys_may_be_made_and_destroyed_during_a_search() {
    let names = (0..PAGE + 10).map(|number| number.to_string());
    let (token, slot) = with_keys(names);
    let mut search = slot.search(vec![of_class(CKO_PRIVATE_KEY)], false).unwrap();
    let first = slot.found(&mut search, 1).unwrap();
    for number in [1, 2, PAGE as u64 + 1] {
        let key = Catalog::key(&*token.inner, number).unwrap().unwrap();
        token.inner.lose(&key);
    }
    add(&token, "new");
    let rest = slot.found(&mut search, usize::MAX).unwrap();
    assert_eq!(first, [handle(1, Part::Private, 0)]);
    let last = handle(PAGE as u64 + 11, Part::Private, 0);
    assert_eq!((rest.len(), rest.last()), (PAGE - 1 + 9 + 1, Some(&last)));
    let gone = rest
        .iter()
        .filter(|it| slot.object(**it).unwrap().is_none());
    assert_eq!(
        gone.count(),
        1,
        "the one that was read before it was destroyed"
    );
}

/// A number is its key's alone: a handle means the same key to all processes, or none.
#[test]
fn a_handle_is_the_same_in_every_process_and_ends_with_its_key() {
    let (token, first) = with_keys(["a", "b"]);
    let second = Slot::new(0, token.clone(), RULES);
    let handles = found(&first, vec![]);
    assert_eq!(found(&second, vec![]), handles);
    let key = second
        .token_object(handles[3])
        .unwrap()
        .unwrap()
        .key
        .clone();
    token.inner.lose(&key);
    add(&token, "c");
    assert!(first.token_object(handles[3]).unwrap().is_none());
    assert!(found(&second, labelled("c"))[0] > handles[3]);
    assert_eq!(found(&second, labelled("a")), handles[..2]);
    assert!(first.token_object(0).unwrap().is_none());
    assert!(first.token_object(CK_OBJECT_HANDLE::MAX).unwrap().is_none());
}

#[test]
fn what_was_just_read_is_not_read_again() {
    let (token, slot) = with_keys(["a", "b"]);
    let handles = found(&slot, labelled("b"));
    let (public, private) = (slot.token_object(handles[0]), slot.token_object(handles[1]));
    let (public, private) = (public.unwrap().unwrap(), private.unwrap().unwrap());
    assert!(Arc::ptr_eq(&public.key, &private.key));
    assert_eq!(token.lookups.load(SeqCst), 0);
    slot.token_object(handle(1, Part::Public, 0)).unwrap();
    slot.token_object(handle(1, Part::Private, 0)).unwrap();
    assert_eq!(token.lookups.load(SeqCst), 1);
}

#[test]
fn a_search_sees_the_wishes_of_a_moment_ago() {
    let (token, slot) = with_keys(["a"]);
    let key = slot
        .token_object(found(&slot, labelled("a"))[0])
        .unwrap()
        .unwrap()
        .key;
    token
        .inner
        .present(&key, &Wish::Label(Some("b".into())))
        .unwrap();
    assert!(found(&slot, labelled("a")).is_empty());
    let object = slot
        .object(found(&slot, labelled("b"))[0])
        .unwrap()
        .unwrap();
    assert_eq!(object.attributes().get(CKA_LABEL), Some(&b"b"[..]));
}

#[test]
fn before_the_login_only_what_is_public_is_found() {
    let one = || {
        let token = MemoryToken::new("near");
        let wanted = NewKey::new("a", KeyType::Ed25519);
        token.generate(&wanted).unwrap();
        token.behind("1234")
    };
    let (closed, open) = (one(), one().with_open_public());
    for (token, before) in [(closed, vec![]), (open, vec![handle(1, Part::Public, 0)])] {
        let slot = Slot::new(0, near(token), RULES);
        assert_eq!(found(&slot, vec![]), before);
        assert!(slot.object(handle(1, Part::Private, 0)).unwrap().is_none());
        slot.login.begin(CKU_USER, b"1234").unwrap();
        let pair = found(&slot, vec![]);
        assert_eq!(
            pair,
            [handle(1, Part::Public, 0), handle(1, Part::Private, 0)]
        );
        assert!(slot.object(pair[1]).unwrap().is_some());
        let mut search = slot.search(vec![], false).unwrap();
        slot.logout().unwrap();
        assert_eq!(slot.found(&mut search, 9).unwrap(), before);
        slot.login.begin(CKU_USER, b"1234").unwrap();
        assert!(
            slot.object(pair[1]).unwrap().is_none(),
            "of before the logout"
        );
        assert!(slot.object(pair[0]).unwrap().is_some());
        assert_eq!(found(&slot, vec![])[1], handle(1, Part::Private, 1));
    }
}

#[test]
fn a_catalog_that_does_not_answer_is_an_error_and_not_the_end() {
    let names = (0..PAGE + 1).map(|number| number.to_string());
    let (token, slot) = with_keys(names);
    let private = vec![of_class(CKO_PRIVATE_KEY)];
    let mut search = slot.search(private, false).unwrap();
    token.down.store(true, SeqCst);
    assert_eq!(slot.found(&mut search, usize::MAX).unwrap().len(), PAGE);
    let failed = slot.found(&mut search, usize::MAX);
    let of_token =
        |error: &Error| matches!(error, Error::Token(it) if it.kind == TokenErrorKind::Unreachable);
    assert!(failed.is_err_and(|error| of_token(&error)));
    assert!(
        slot.search(vec![], false)
            .is_err_and(|error| of_token(&error))
    );
    let object = slot.object(handle(1, Part::Public, 0));
    assert!(object.is_err_and(|error| of_token(&error)));
    token.down.store(false, SeqCst);
    assert_eq!(slot.found(&mut search, usize::MAX).unwrap().len(), 1);
}

#[test]
fn a_catalog_that_goes_in_circles_ends() {
    struct Circular;
    impl Catalog for Circular {
        fn page(&self, _: &Wanted, _: KeyNumber, _: usize) -> Result<Page> {
            Ok(Page {
                keys: vec![],
                next: Some(7),
            })
        }
        fn key(&self, _: KeyNumber) -> Result<Option<Key>> {
            Ok(None)
        }
    }
    let token = near(MemoryToken::new("near"));
    let objects = CatalogObjects::new(token, Arc::new(Circular));
    let mut search = objects.search(vec![]).unwrap();
    assert!(objects.next(&mut search, 9, |_| true).unwrap().is_empty());
    assert_eq!(search.next, None);
}

#[test]
fn a_handle_has_room_for_a_million_million_keys_and_four_thousand_certificates() {
    let last = (1 << NUMBER_BITS) - 1;
    for part in [Part::Public, Part::Private, Part::Certificate(4093)] {
        let handle = Handle::new(last, part, 5).unwrap();
        assert_eq!(handle.number(), last);
        assert!(Handle::new(last + 1, part, 5).is_none());
    }
    assert!(Handle::new(1, Part::Certificate(4094), 0).is_none());
    assert_ne!(
        handle(1, Part::Certificate(0), 0),
        handle(1, Part::Private, 0)
    );
}

#[test]
fn a_token_in_memory_has_a_catalog_if_it_is_told_to() {
    let plain: Arc<dyn Token> = Arc::new(MemoryToken::new("t"));
    assert!(plain.catalog().is_none());
    let token = MemoryToken::new("t").with_catalog();
    let key = token.generate(&NewKey::new("a", KeyType::Ed25519)).unwrap();
    let slot = Slot::new(0, Arc::new(token), RULES);
    assert_eq!(found(&slot, labelled("a")).len(), 2);
    slot.sign(&key, SignScheme::Ed25519, SignInput::Message(b"m"))
        .unwrap();
    let search = slot.search(vec![], false).unwrap();
    assert!(matches!(search.token, TokenSearch::Catalog(_)));
}
