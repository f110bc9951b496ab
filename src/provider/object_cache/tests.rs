//! The snapshot's rules, held with tokens that are slow, down or changed.

mod disk;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use super::*;
use crate::model::key::Key;
use crate::model::public_key::{Curve, KeyType};
use crate::model::signature::{SignInput, SignScheme};
use crate::token::memory::MemoryToken;
use crate::token::{NewKey, Token, TokenInfo};

/// Counts what it is asked, takes its time, and fails on demand.
struct Slow {
    inner: MemoryToken,
    finds: AtomicUsize,
    down: AtomicBool,
    partial: AtomicBool,
    identity: Mutex<Option<[u8; 32]>>,
    learnt: Mutex<Vec<u8>>,
}

impl Token for Slow {
    fn info(&self) -> TokenInfo {
        self.inner.info()
    }
    fn find(&self) -> Result<Found> {
        std::thread::sleep(Duration::from_millis(50));
        self.finds.fetch_add(1, SeqCst);
        match self.down.load(SeqCst) {
            true => Err(self.error(TokenErrorKind::Unreachable, "down".into())),
            false => self.inner.find().map(|found| Found {
                is_partial: self.partial.load(SeqCst),
                ..found
            }),
        }
    }
    fn identity(&self) -> Option<[u8; 32]> {
        *self.identity.lock()
    }
    fn learnt(&self) -> Vec<u8> {
        self.learnt.lock().clone()
    }
    fn recall(&self, learnt: &[u8]) {
        *self.learnt.lock() = learnt.to_vec();
    }
    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.inner.sign(key, scheme, input)
    }
}

fn slow() -> Arc<Slow> {
    let inner = MemoryToken::new("slow");
    add(&inner, "first");
    Arc::new(Slow {
        inner,
        finds: AtomicUsize::new(0),
        down: AtomicBool::new(false),
        partial: AtomicBool::new(false),
        identity: Mutex::new(Some([7; 32])),
        learnt: Mutex::default(),
    })
}

fn add(token: &MemoryToken, name: &str) -> Key {
    let wanted = NewKey::new(name, KeyType::Ec(Curve::P256));
    token.generate(&wanted).unwrap()
}

fn cache(token: &Arc<Slow>, live: u64, refresh: u64) -> ObjectCache {
    ObjectCache::new(token.clone(), rules(live, refresh))
}

fn rules(live: u64, refresh: u64) -> CacheRules {
    CacheRules {
        time_to_live: Duration::from_millis(live),
        min_refresh: Duration::from_millis(refresh),
        stale: Duration::from_secs(3600),
        disk: None,
    }
}

fn labelled(name: &str) -> Template {
    vec![(CKA_LABEL, name.as_bytes().to_vec())]
}

#[test]
fn many_threads_one_request() {
    let token = slow();
    let cache = cache(&token, 60_000, 60_000);
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| assert_eq!(cache.search(&vec![], false).unwrap().len(), 2));
        }
    });
    assert_eq!(token.finds.load(SeqCst), 1);
}

#[test]
fn a_listing_that_lacks_something_is_soon_asked_for_again() {
    let token = slow();
    token.partial.store(true, SeqCst);
    let partial = cache(&token, 60_000, 1);
    for asked in 1..3 {
        assert_eq!(partial.search(&vec![], false).unwrap().len(), 2);
        assert_eq!(token.finds.load(SeqCst), asked);
        std::thread::sleep(Duration::from_millis(5));
    }
    token.partial.store(false, SeqCst);
    for _ in 0..2 {
        assert_eq!(partial.search(&vec![], false).unwrap().len(), 2);
        assert_eq!(token.finds.load(SeqCst), 3);
    }
}

#[test]
fn an_old_answer_is_better_than_none_and_a_failure_is_no_empty_list() {
    let token = slow();
    let stale = cache(&token, 1, 1);
    assert_eq!(stale.search(&vec![], false).unwrap().len(), 2);
    token.down.store(true, SeqCst);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(stale.search(&vec![], false).unwrap().len(), 2);
    let empty = cache(&token, 1, 1);
    let asked = token.finds.load(SeqCst);
    assert!(empty.search(&vec![], false).is_err());
    assert!(empty.search(&vec![], false).is_err());
    assert_eq!(
        token.finds.load(SeqCst),
        asked + 1,
        "a failure is remembered"
    );
}

#[test]
fn a_miss_asks_once_more_but_not_at_once() {
    let token = slow();
    let eager = cache(&token, 60_000, 0);
    assert!(eager.search(&labelled("second"), false).unwrap().is_empty());
    add(&token.inner, "second");
    assert_eq!(eager.search(&labelled("second"), false).unwrap().len(), 2);
    let patient = cache(&token, 60_000, 60_000);
    patient.search(&vec![], false).unwrap();
    let asked = token.finds.load(SeqCst);
    assert!(
        patient
            .search(&labelled("third"), false)
            .unwrap()
            .is_empty()
    );
    assert_eq!(token.finds.load(SeqCst), asked);
}

#[test]
fn an_exact_search_is_content_with_an_old_snapshot() {
    let token = slow();
    let cache = cache(&token, 1, 1);
    cache.search(&vec![], false).unwrap();
    std::thread::sleep(Duration::from_millis(5));
    let asked = token.finds.load(SeqCst);
    assert_eq!(cache.search(&labelled("first"), true).unwrap().len(), 2);
    assert_eq!(token.finds.load(SeqCst), asked);
}

#[test]
fn an_exact_search_asks_again_for_what_turned_out_to_be_gone() {
    let token = slow();
    let cache = cache(&token, 60_000, 60_000);
    let old = cache.search(&labelled("first"), true).unwrap();
    let key = cache.object(old[0]).unwrap().key.clone();
    token.inner.lose(&key);
    add(&token.inner, "first"); // as after a restore: the same name for another object
    add(&token.inner, "second");
    assert_eq!(cache.search(&labelled("first"), true).unwrap(), old);
    cache.expire();
    assert!(!cache.search(&labelled("second"), true).unwrap().is_empty());
    assert!(
        cache
            .object(old[0])
            .is_none_or(|object| object.key.public != key.public)
    );
}

#[test]
fn searches_that_wait_for_each_other_do_not_ask_in_turn() {
    let token = slow();
    let cache = cache(&token, 0, 0);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| assert!(cache.search(&labelled("none"), false).unwrap().is_empty()));
        }
    });
    let asked = token.finds.load(SeqCst);
    assert!(asked <= 4, "20 searches asked {asked} times");
}

#[test]
fn a_search_without_result_asks_once_however_long_the_token_takes() {
    let token = slow();
    let impatient = cache(&token, 1, 1);
    assert!(
        impatient
            .search(&labelled("none"), false)
            .unwrap()
            .is_empty()
    );
    assert_eq!(token.finds.load(SeqCst), 1);
}

#[test]
fn what_is_left_out_is_forgotten_when_it_is_no_longer() {
    let hidden = |id: &str, reason: &str| Hidden {
        id: ObjectId(id.into()),
        key: None,
        reason: reason.into(),
    };
    let mut turn = Turn::default();
    turn.report(vec![hidden("1", "it is pre-active"), hidden("2", "x")]);
    turn.report(vec![hidden("1", "it is deactivated")]);
    let reported: Vec<_> = turn.reported.into_iter().collect();
    let latest = (ObjectId("1".into()), "it is deactivated".to_owned());
    assert_eq!(reported, [latest]);
}

#[test]
fn handles_outlive_snapshots_and_end_with_their_object() {
    let token = slow();
    let cache = cache(&token, 0, 0);
    let first = cache.search(&labelled("first"), false).unwrap();
    add(&token.inner, "second");
    assert_eq!(cache.search(&labelled("first"), false).unwrap(), first);
    let key = cache.object(first[0]).unwrap().key.clone();
    token.inner.lose(&key);
    cache.expire();
    assert_eq!(cache.search(&vec![], false).unwrap().len(), 2);
    assert!(cache.object(first[0]).is_none());
}

/// Gives its answer only when it is let, and says when it has it.
struct Gated {
    inner: MemoryToken,
    has_answer: std::sync::Barrier,
    may_answer: std::sync::Barrier,
    is_open: AtomicBool,
}

impl Token for Gated {
    fn info(&self) -> TokenInfo {
        self.inner.info()
    }
    fn find(&self) -> Result<Found> {
        let found = self.inner.find();
        if !self.is_open.load(SeqCst) {
            self.has_answer.wait();
            self.may_answer.wait();
        }
        found
    }
    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.inner.sign(key, scheme, input)
    }
}

#[test]
fn a_change_is_not_hidden_by_a_listing_that_was_on_its_way() {
    let token = Arc::new(Gated {
        inner: MemoryToken::new("gated"),
        has_answer: std::sync::Barrier::new(2),
        may_answer: std::sync::Barrier::new(2),
        is_open: AtomicBool::new(false),
    });
    add(&token.inner, "first");
    let cache = ObjectCache::new(token.clone(), rules(60_000, 60_000));
    std::thread::scope(|scope| {
        let early = scope.spawn(|| cache.search(&labelled("second"), false));
        token.has_answer.wait();
        token.is_open.store(true, SeqCst);
        add(&token.inner, "second");
        cache.expire();
        let late = scope.spawn(|| cache.search(&labelled("second"), false));
        token.may_answer.wait();
        early.join().unwrap().unwrap();
        assert_eq!(late.join().unwrap().unwrap().len(), 2);
    });
}

#[test]
fn an_answer_that_is_too_old_is_no_better_than_none() {
    let token = slow();
    let cache = ObjectCache::new(
        token.clone(),
        CacheRules {
            stale: Duration::from_millis(500),
            ..rules(1, 1)
        },
    );
    cache.search(&vec![], false).unwrap();
    token.down.store(true, SeqCst);
    assert_eq!(cache.search(&vec![], false).unwrap().len(), 2);
    std::thread::sleep(Duration::from_millis(600));
    assert!(cache.search(&vec![], false).is_err());
}

/// OpenSSH looks for certificates each time, and mostly there are none.
#[test]
fn a_kind_without_objects_is_no_reason_to_ask_again() {
    let token = slow();
    let cache = cache(&token, 60_000, 0);
    let certificates = vec![(CKA_CLASS, CKO_CERTIFICATE.to_ne_bytes().to_vec())];
    assert!(cache.search(&certificates, false).unwrap().is_empty());
    assert!(cache.search(&certificates, false).unwrap().is_empty());
    assert_eq!(token.finds.load(SeqCst), 1);
}
