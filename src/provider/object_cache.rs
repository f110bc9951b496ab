//! What a token holds, remembered for a while: listing and attributes cost no request.

mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use cryptoki_sys::*;
use parking_lot::{Mutex, MutexGuard};

#[cfg(feature = "fuzzing")]
pub(crate) use snapshot::told;
use snapshot::{Handles, Snapshot};

use super::listing_file::{Disk, Kept, ListingFile, Look, Stamp};
use super::token_object::TokenObject;
use crate::error::{Error, Result, TokenError, TokenErrorKind};
use crate::model::attribute::Template;
use crate::model::key::{Found, Hidden, ObjectId};
use crate::token::SharedToken;

/// How long a failure answers for the token, so that the searches that follow in the same breath
/// do not each wait for the deadline.
const FAILURE_LASTS: Duration = Duration::from_secs(2);

/// The attributes that all objects of a kind share. A search by these alone names no key that could
/// have been made a moment ago.
const OF_A_KIND: [CK_ATTRIBUTE_TYPE; 5] = [
    CKA_CLASS,
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_KEY_TYPE,
    CKA_CERTIFICATE_TYPE,
];

/// How long what was heard is believed, and where else it is kept.
#[derive(Debug, Clone)]
pub struct CacheRules {
    /// A listing answers for the token this long.
    pub time_to_live: Duration,
    /// A search without result asks the token again, but not sooner than this after the last time.
    pub min_refresh: Duration,
    /// A listing of this age still answers for a token that does not.
    pub stale: Duration,
    /// The file for other processes, if there is to be one.
    pub disk: Option<Disk>,
}

/// The latest snapshot, and what is known of its age.
struct Latest {
    snapshot: Arc<Snapshot>,
    /// When the token was asked for it.
    listed: Instant,
    /// When it was last seen to be the latest, here or in the file.
    confirmed: Instant,
    /// How long it answers for the token after that: one that is partial, no longer than the token is spared.
    lasts: Duration,
    /// Something has been changed since: it answers for a token that does not, and nothing else.
    outdated: bool,
}

#[derive(Default)]
struct Known {
    latest: Option<Latest>,
    /// How often something was changed: a listing that was on its way then does not show it.
    changes: u64,
    /// When that was, last; what a file has from before does not show it either.
    changed: Option<SystemTime>,
}

/// A token's latest snapshot, and the handles that its objects have had since C_Initialize.
pub struct ObjectCache {
    token: SharedToken,
    rules: CacheRules,
    file: Option<ListingFile>,
    known: Mutex<Known>,
    failure: Mutex<Option<(Instant, Error)>>,
    /// Held by the one thread that asks the token; the others wait here for its answer.
    turn: Mutex<Turn>,
}

/// What the thread that asks needs to know.
#[derive(Default)]
struct Turn {
    handles: Handles,
    /// What is left out, and why, as the log was told: once is enough.
    reported: HashSet<(ObjectId, String)>,
    /// The file as it was last read or written here.
    stamp: Stamp,
    /// What the token had learnt, as it is in that file.
    learnt: Vec<u8>,
    /// When the token was asked for what is in that file.
    listed_at: Option<SystemTime>,
}

impl ObjectCache {
    /// Knows nothing yet, and asks nobody.
    pub fn new(token: SharedToken, rules: CacheRules) -> Self {
        let file = rules.disk.clone();
        Self {
            file: file.map(|disk| ListingFile::new(disk, Arc::clone(&token))),
            token,
            rules,
            known: Mutex::default(),
            failure: Mutex::default(),
            turn: Mutex::default(),
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
            && let Some(old) = self.current(|_| true)
            && let handles @ [_, ..] = old.search(template).as_slice()
        {
            return Ok(handles.to_vec());
        }
        let snapshot = self.snapshot(begun)?;
        let handles = snapshot.search(template);
        if !handles.is_empty() || !(names_one(template) || snapshot.is_empty()) {
            return Ok(handles);
        }
        Ok(self.newer(begun)?.search(template))
    }

    /// The object with that handle, if it is still there.
    pub fn object(&self, handle: CK_OBJECT_HANDLE) -> Option<TokenObject> {
        self.last(|_| true)?.object(handle)
    }

    /// After something was changed, or the token said that something is gone: the next search asks,
    /// in this process and in others. A listing that is on its way does not count.
    pub fn expire(&self) {
        let mut known = self.known.lock();
        known.changes += 1;
        known.changed = Some(SystemTime::now());
        if let Some(latest) = known.latest.as_mut() {
            latest.outdated = true;
        }
        drop(known);
        self.forget_file();
    }

    /// After a logout (v3.2, 5.6.10): what was seen is gone, and its handles are never used again.
    /// Waits for a listing that is under way. What is on disk is public, and stays.
    pub fn forget(&self) {
        let mut turn = self.turn.lock();
        turn.handles.forget();
        (turn.stamp, turn.listed_at) = (Stamp::default(), None);
        self.known.lock().latest = None;
        *self.failure.lock() = None;
    }

    /// Other processes ask the token themselves.
    pub fn forget_file(&self) {
        if let Some(file) = &self.file {
            file.expire();
        }
    }

    /// A snapshot that is good enough for a search: young, or found in the file, or new - or old, if
    /// the token does not answer.
    fn snapshot(&self, begun: Instant) -> Result<Arc<Snapshot>> {
        let young =
            |latest: &Latest| latest.listed >= begun || latest.confirmed.elapsed() < latest.lasts;
        if let Some(snapshot) = self.current(young) {
            return Ok(snapshot);
        }
        let mut turn = self.turn.lock();
        if let Some(snapshot) = self.current(young) {
            return Ok(snapshot); // another thread asked while this one waited
        }
        match self.in_file(&mut turn) {
            Some(snapshot) => Ok(snapshot),
            None => self.ask(turn),
        }
    }

    /// A snapshot from the token, not older than `min_refresh` or the search that wants it: so
    /// however many searches wait for a token, it is asked twice at most.
    fn newer(&self, begun: Instant) -> Result<Arc<Snapshot>> {
        let new = |latest: &Latest| {
            latest.listed >= begun || latest.listed.elapsed() < self.rules.min_refresh
        };
        if let Some(snapshot) = self.current(new) {
            return Ok(snapshot);
        }
        let turn = self.turn.lock();
        match self.current(new) {
            Some(snapshot) => Ok(snapshot),
            None => self.ask(turn),
        }
    }

    fn ask(&self, mut turn: MutexGuard<'_, Turn>) -> Result<Arc<Snapshot>> {
        let asking = Asking {
            asked: Instant::now(),
            asked_at: SystemTime::now(),
            changes: self.known.lock().changes,
            before: self
                .file
                .as_ref()
                .map(ListingFile::stamp)
                .unwrap_or_default(),
        };
        let ask = || self.token.find().map_err(unlisted);
        let answer = self.recent_failure().map_or_else(ask, Err);
        match answer {
            Ok(found) => Ok(self.replace(&mut turn, found, &asking)),
            Err(error) => {
                let stale = self.last(|latest| latest.listed.elapsed() <= self.rules.stale);
                self.remember(&error, stale.is_some());
                stale.ok_or(error)
            }
        }
    }

    /// The snapshot, if it is not outdated and good enough.
    fn current(&self, good: impl FnOnce(&Latest) -> bool) -> Option<Arc<Snapshot>> {
        self.last(|latest| !latest.outdated && good(latest))
    }

    fn last(&self, good: impl FnOnce(&Latest) -> bool) -> Option<Arc<Snapshot>> {
        let known = self.known.lock();
        let latest = known.latest.as_ref().filter(|latest| good(latest))?;
        Some(Arc::clone(&latest.snapshot))
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

    fn replace(&self, turn: &mut Turn, found: Found, asking: &Asking) -> Arc<Snapshot> {
        turn.report(found.hidden);
        let private = self.token.info().login_required;
        let snapshot = Arc::new(Snapshot::new(&mut turn.handles, found.keys, private));
        let (spared, whole) = (self.rules.min_refresh, self.rules.time_to_live);
        let mut known = self.known.lock();
        let outdated = known.changes != asking.changes;
        known.latest = Some(Latest {
            snapshot: Arc::clone(&snapshot),
            listed: asking.asked,
            confirmed: asking.asked,
            lasts: if found.is_partial { spared } else { whole },
            outdated,
        });
        drop(known);
        *self.failure.lock() = None;
        turn.stamp = Stamp::default();
        turn.listed_at = Some(asking.asked_at);
        if !outdated && !found.is_partial {
            self.keep(turn, &snapshot, asking.before);
        }
        snapshot
    }
}

/// When the token was asked, and what had been changed and written by then.
struct Asking {
    asked: Instant,
    asked_at: SystemTime,
    changes: u64,
    before: Stamp,
}

/// The file of the listing, where the slot has one.
impl ObjectCache {
    /// The listing in the file, if it is young enough, or the one here, if the file still says so.
    fn in_file(&self, turn: &mut Turn) -> Option<Arc<Snapshot>> {
        let file = self.file.as_ref()?;
        match file.look(turn.stamp) {
            Look::Same => {
                let mut known = self.known.lock();
                let latest = known.latest.as_mut().filter(|latest| !latest.outdated)?;
                let listed_at = turn.listed_at?;
                file.is_young(listed_at).then(|| {
                    latest.confirmed = Instant::now();
                    Arc::clone(&latest.snapshot)
                })
            }
            Look::Other(kept, stamp) => self.take_over(turn, kept, stamp),
            Look::Nothing => None,
        }
    }

    /// What the file has, unless more is known here.
    fn take_over(&self, turn: &mut Turn, kept: Kept, stamp: Stamp) -> Option<Arc<Snapshot>> {
        let known_since = turn.listed_at.max(self.known.lock().changed);
        if known_since.is_some_and(|since| kept.listed_at <= since) {
            return None;
        }
        let age = kept.listed_at.elapsed().ok()?;
        let listed = Instant::now().checked_sub(age)?;
        self.token.recall(&kept.learnt);
        let private = self.token.info().login_required;
        let snapshot = Arc::new(Snapshot::new(&mut turn.handles, kept.keys, private));
        (turn.stamp, turn.learnt) = (stamp, kept.learnt);
        turn.listed_at = Some(kept.listed_at);
        self.known.lock().latest = Some(Latest {
            snapshot: Arc::clone(&snapshot),
            listed,
            confirmed: Instant::now(),
            lasts: self.rules.time_to_live,
            outdated: false,
        });
        Some(snapshot)
    }

    /// Writes the listing, unless the file is no longer as it was `before`.
    fn keep(&self, turn: &mut Turn, snapshot: &Snapshot, before: Stamp) {
        let (Some(file), Some(listed_at)) = (&self.file, turn.listed_at) else {
            return;
        };
        turn.learnt = self.token.learnt();
        if let Some(stamp) = file.keep(listed_at, &turn.learnt, snapshot.keys(), before) {
            turn.stamp = stamp;
        }
    }

    /// After a signature: what the token has learnt by it saves other processes a round trip. Nobody
    /// waits for that.
    pub fn keep_learnt(&self) {
        if self.file.is_none() {
            return;
        }
        let (Some(snapshot), Some(mut turn)) = (self.current(|_| true), self.turn.try_lock())
        else {
            return;
        };
        if self.token.learnt() != turn.learnt {
            let before = turn.stamp;
            self.keep(&mut turn, &snapshot, before);
        }
    }
}

/// Whether a search is for something of its own, and not for all of a kind.
fn names_one(template: &Template) -> bool {
    template.iter().any(|(kind, _)| !OF_A_KIND.contains(kind))
}

/// The codes of other kinds speak of a key or a mechanism, which no search has: to a program, a
/// token that cannot be listed has failed.
pub fn unlisted(error: Error) -> Error {
    match error {
        Error::Token(token) if token.kind != TokenErrorKind::LoginRequired => {
            Error::Token(TokenError {
                kind: TokenErrorKind::Unreachable,
                ..token
            })
        }
        other => other,
    }
}

impl Turn {
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
