//! What a token holds, remembered for a while: listing and attributes cost no request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki_sys::{CK_OBJECT_CLASS, CK_OBJECT_HANDLE};
use parking_lot::Mutex;

use super::objects::objects_of;
use crate::error::{Error, Result, TokenError, TokenErrorKind};
use crate::model::attribute::{Attributes, Template};
use crate::model::key::{Found, Hidden, Key, ObjectId};
use crate::token::SharedToken;

/// How long a failure answers for the token, so that the searches that follow in the same breath
/// do not each wait for the deadline.
const FAILURE_LASTS: Duration = Duration::from_secs(2);

/// How long what was heard is believed.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// A snapshot answers for the token this long.
    pub time_to_live: Duration,
    /// A search without result asks the token again, but not sooner than this after the last time.
    pub min_refresh: Duration,
}

/// A PKCS#11 object, as it was when the token was last asked.
pub struct Object {
    /// The number that programs hold; stays the object's own over all snapshots.
    pub handle: CK_OBJECT_HANDLE,
    /// Which of the key's objects it is.
    pub class: CK_OBJECT_CLASS,
    /// All that C_GetAttributeValue tells.
    pub attributes: Attributes,
    /// The key that it belongs to.
    pub key: Arc<Key>,
}

/// The objects of a token as they were at one moment. Never changed, only replaced.
pub struct Snapshot {
    objects: Vec<Arc<Object>>,
    by_handle: HashMap<CK_OBJECT_HANDLE, Arc<Object>>,
}

/// The latest snapshot, and when the token was asked for it unless it is known to be outdated.
struct Latest {
    snapshot: Arc<Snapshot>,
    asked: Option<Instant>,
}

/// A token's latest snapshot, and the handles that its objects have had since C_Initialize.
pub struct ObjectCache {
    token: SharedToken,
    lifetimes: Lifetimes,
    latest: Mutex<Option<Latest>>,
    failure: Mutex<Option<(Instant, Error)>>,
    /// Held by the one thread that asks the token; the others wait here for its answer.
    refresh: Mutex<Handles>,
}

#[derive(Default)]
struct Handles {
    known: HashMap<(ObjectId, CK_OBJECT_CLASS), CK_OBJECT_HANDLE>,
    /// What is left out, and why, as the log was told: once is enough.
    reported: HashSet<(ObjectId, String)>,
}

impl ObjectCache {
    /// Knows nothing yet, and asks nobody.
    pub fn new(token: SharedToken, lifetimes: Lifetimes) -> Self {
        Self {
            token,
            lifetimes,
            latest: Mutex::default(),
            failure: Mutex::default(),
            refresh: Mutex::default(),
        }
    }

    /// The handles of all objects that match, in the token's order.
    ///
    /// What was not found may have been made a moment ago: then the token is asked once more. A
    /// search that is `exact`, by an object's ID, needs no fresh snapshot for what an old one has:
    /// its use will show whether it is still there.
    pub fn search(&self, template: &Template, exact: bool) -> Result<Vec<CK_OBJECT_HANDLE>> {
        let begun = Instant::now();
        if exact
            && let Some(old) = self.fresh(Duration::MAX, begun)
            && let handles @ [_, ..] = old.search(template).as_slice()
        {
            return Ok(handles.to_vec());
        }
        let snapshot = self.snapshot(self.lifetimes.time_to_live, begun)?;
        match snapshot.search(template) {
            handles if handles.is_empty() => {
                let newer = self.snapshot(self.lifetimes.min_refresh, begun)?;
                Ok(newer.search(template))
            }
            handles => Ok(handles),
        }
    }

    /// The object with that handle, if it is still there.
    pub fn object(&self, handle: CK_OBJECT_HANDLE) -> Option<Arc<Object>> {
        self.last()?.by_handle.get(&handle).cloned()
    }

    /// After the token said that something is gone: the next search asks it.
    pub fn expire(&self) {
        if let Some(latest) = self.latest.lock().as_mut() {
            latest.asked = None;
        }
    }

    /// A fresh snapshot - or an old one, if the token does not answer.
    fn snapshot(&self, age: Duration, begun: Instant) -> Result<Arc<Snapshot>> {
        if let Some(fresh) = self.fresh(age, begun) {
            return Ok(fresh);
        }
        let mut handles = self.refresh.lock();
        if let Some(fresh) = self.fresh(age, begun) {
            return Ok(fresh); // another thread asked while this one waited
        }
        let asked = Instant::now();
        let ask = || self.token.find().map_err(unlisted);
        let answer = self.recent_failure().map_or_else(ask, Err);
        match (answer, self.last()) {
            (Ok(found), _) => Ok(self.replace(&mut handles, found, asked)),
            (Err(error), stale) => {
                self.remember(&error, stale.is_some());
                stale.ok_or(error)
            }
        }
    }

    fn last(&self) -> Option<Arc<Snapshot>> {
        let latest = self.latest.lock();
        latest.as_ref().map(|latest| Arc::clone(&latest.snapshot))
    }

    /// The snapshot, if the token was asked for it less than `age` ago, or since the search that
    /// wants it has begun: so however many searches wait for a token, it is asked twice at most.
    fn fresh(&self, age: Duration, begun: Instant) -> Option<Arc<Snapshot>> {
        let latest = self.latest.lock();
        let latest = latest.as_ref()?;
        let asked = latest.asked?;
        (asked >= begun || asked.elapsed() < age).then(|| Arc::clone(&latest.snapshot))
    }

    fn recent_failure(&self) -> Option<Error> {
        let failure = self.failure.lock().clone();
        failure
            .filter(|(since, _)| since.elapsed() < FAILURE_LASTS)
            .map(|(_, error)| error)
    }

    /// Repeating a failure does not make it last longer. Logged here is the one that an old
    /// snapshot hides; of any other the call that fails tells.
    fn remember(&self, error: &Error, is_hidden: bool) {
        if self.recent_failure().is_none() {
            if is_hidden {
                log::warn!("an old listing of the keys serves, for want of a new one: {error}");
            }
            *self.failure.lock() = Some((Instant::now(), error.clone()));
        }
    }

    fn replace(&self, handles: &mut Handles, found: Found, asked: Instant) -> Arc<Snapshot> {
        handles.report(found.hidden);
        let private = self.token.info().login_required;
        let snapshot = Arc::new(Snapshot::new(handles, found.keys, private));
        *self.latest.lock() = Some(Latest {
            snapshot: Arc::clone(&snapshot),
            asked: Some(asked),
        });
        *self.failure.lock() = None;
        snapshot
    }
}

/// The codes of other kinds speak of a key or a mechanism, which no search has: to a program, a
/// token that cannot be listed has failed.
fn unlisted(error: Error) -> Error {
    match error {
        Error::Token(token) => Error::Token(TokenError {
            kind: TokenErrorKind::Unreachable,
            ..token
        }),
        other => other,
    }
}

impl Handles {
    fn of(&mut self, id: ObjectId, class: CK_OBJECT_CLASS) -> CK_OBJECT_HANDLE {
        let next = self.known.len() as CK_OBJECT_HANDLE + 1;
        *self.known.entry((id, class)).or_insert(next)
    }

    /// Logs what is left out, unless it was so the last time and for the same reason.
    fn report(&mut self, hidden: Vec<Hidden>) {
        let now = hidden.into_iter().map(|hidden| (hidden.id, hidden.reason));
        let now: HashSet<_> = now.collect();
        for (id, reason) in now.difference(&self.reported) {
            log::info!("object {id} is not shown: {reason}");
        }
        self.reported = now;
    }
}

impl Snapshot {
    fn new(handles: &mut Handles, keys: Vec<Key>, private: bool) -> Self {
        let mut objects = vec![];
        for key in keys.into_iter().map(Arc::new) {
            for object in objects_of(&key, private) {
                objects.push(Arc::new(Object {
                    handle: handles.of(object.id, object.class),
                    class: object.class,
                    attributes: object.attributes,
                    key: Arc::clone(&key),
                }));
            }
        }
        let by_handle = objects.iter().map(|o| (o.handle, o.clone())).collect();
        Self { objects, by_handle }
    }

    fn search(&self, template: &Template) -> Vec<CK_OBJECT_HANDLE> {
        let matching = |o: &&Arc<Object>| o.attributes.match_template(template);
        self.objects
            .iter()
            .filter(matching)
            .map(|o| o.handle)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

    use cryptoki_sys::*;

    use super::*;
    use crate::model::public_key::{Curve, KeyType};
    use crate::model::signature::{SignInput, SignScheme};
    use crate::token::memory::MemoryToken;
    use crate::token::{NewKey, Token, TokenInfo};

    /// Counts what it is asked, takes its time, and fails on demand.
    struct Slow {
        inner: MemoryToken,
        finds: AtomicUsize,
        down: AtomicBool,
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
                false => self.inner.find(),
            }
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
        })
    }

    fn add(token: &MemoryToken, name: &str) -> Key {
        let wanted = NewKey {
            name: name.into(),
            key_type: KeyType::Ec(Curve::P256),
            groups: vec![],
            activate: true,
        };
        token.generate(&wanted).unwrap()
    }

    fn cache(token: &Arc<Slow>, live: u64, refresh: u64) -> ObjectCache {
        let lifetimes = Lifetimes {
            time_to_live: Duration::from_millis(live),
            min_refresh: Duration::from_millis(refresh),
        };
        ObjectCache::new(token.clone(), lifetimes)
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
        token.inner.destroy(&key).unwrap();
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
        let mut handles = Handles::default();
        handles.report(vec![hidden("1", "it is pre-active"), hidden("2", "x")]);
        handles.report(vec![hidden("1", "it is deactivated")]);
        let reported: Vec<_> = handles.reported.into_iter().collect();
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
        token.inner.destroy(&key).unwrap();
        cache.expire();
        assert_eq!(cache.search(&vec![], false).unwrap().len(), 2);
        assert!(cache.object(first[0]).is_none());
    }
}
