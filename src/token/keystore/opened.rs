//! An opened keystore: the keys that seal, and the key pairs that were unsealed lately.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use super::sealing::Keys;
use crate::crypto::private_key::PrivateKey;
use crate::model::key::ObjectId;

/// So many key pairs are kept unsealed: as many as an agent may show, and few enough to be sure of what
/// memory they take.
const MOST_PAIRS: usize = 64;

/// How long a pair is used without another look at its row: what one process revokes, no other uses
/// for longer.
pub const SEEN_LASTS: Duration = Duration::from_secs(1);

/// What a login opens, and a logout wipes: aws-lc clears the memory of keys that it gives back.
pub struct Opened {
    /// What seals and authenticates.
    pub keys: Keys,
    pairs: RwLock<HashMap<ObjectId, Arc<Pair>>>,
    begun: Instant,
}

/// An unsealed key pair.
pub struct Pair {
    /// It signs.
    pub private: PrivateKey,
    /// The code of the row that it was in: another one, another row.
    pub code: Vec<u8>,
    /// When its row was last seen, in milliseconds since the keystore was opened.
    seen: AtomicU64,
}

impl Opened {
    /// Nothing is unsealed yet.
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            pairs: RwLock::default(),
            begun: Instant::now(),
        }
    }

    /// A pair whose row was seen a moment ago.
    pub fn fresh(&self, id: &ObjectId) -> Option<Arc<Pair>> {
        let pair = Arc::clone(self.pairs.read().get(id)?);
        let age = self.now().saturating_sub(pair.seen.load(Ordering::Relaxed));
        (u128::from(age) < SEEN_LASTS.as_millis()).then_some(pair)
    }

    /// The pair of a row that was seen just now, if it was unsealed from the very same.
    pub fn same(&self, id: &ObjectId, code: &[u8]) -> Option<Arc<Pair>> {
        let pair = Arc::clone(self.pairs.read().get(id)?);
        if pair.code != code {
            return None;
        }
        pair.seen.store(self.now(), Ordering::Relaxed);
        Some(pair)
    }

    /// Keeps a pair in the place of the one that was seen longest ago, if there are too many.
    pub fn keep(&self, id: &ObjectId, private: PrivateKey, code: Vec<u8>) -> Arc<Pair> {
        let pair = Arc::new(Pair {
            private,
            code,
            seen: AtomicU64::new(self.now()),
        });
        let mut pairs = self.pairs.write();
        if pairs.len() >= MOST_PAIRS && !pairs.contains_key(id) {
            let seen = |(_, pair): &(&ObjectId, &Arc<Pair>)| pair.seen.load(Ordering::Relaxed);
            let oldest = pairs.iter().min_by_key(seen).map(|(id, _)| id.clone());
            oldest.and_then(|id| pairs.remove(&id));
        }
        pairs.insert(id.clone(), Arc::clone(&pair));
        pair
    }

    /// The pair is not what it was, or gone.
    pub fn forget(&self, id: &ObjectId) {
        self.pairs.write().remove(id);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
