//! Delivered keys that are in the HSM now: each for a time and a number of uses, then destroyed.
//!
//! There is no thread that waits for the time to pass: a key whose time is over makes no signature any more, and is
//! destroyed with the next call that the slot gets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::hsm::device::Handle;
use super::vault::Vault;
use crate::model::key::ObjectId;

/// A key in the HSM, as long as somebody has this.
pub struct Loan {
    /// The number of the session object.
    pub object: Handle,
    vault: Arc<Vault>,
}

/// The keys that are there.
pub struct Shelf {
    keep: Duration,
    uses: u64,
    loans: Mutex<HashMap<ObjectId, Kept>>,
}

struct Kept {
    loan: Arc<Loan>,
    since: Instant,
    used: u64,
}

impl Loan {
    /// Of an object that was just unwrapped.
    pub fn new(object: Handle, vault: Arc<Vault>) -> Self {
        Self { object, vault }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.vault.destroy(self.object);
    }
}

impl Shelf {
    /// An empty one.
    pub fn new(keep: Duration, uses: u64) -> Self {
        Self {
            keep,
            uses,
            loans: Mutex::default(),
        }
    }

    /// A key for one use more, if it is there and may be used again.
    pub fn take(&self, id: &ObjectId) -> Option<Arc<Loan>> {
        self.sweep();
        let mut loans = self.loans.lock();
        let kept = loans.get_mut(id)?;
        kept.used += 1;
        let loan = Arc::clone(&kept.loan);
        if kept.used >= self.uses {
            loans.remove(id);
        }
        Some(loan)
    }

    /// Keeps a key that was used once already.
    pub fn put(&self, id: &ObjectId, loan: Arc<Loan>) {
        if self.uses <= 1 {
            return;
        }
        let kept = Kept {
            loan,
            since: Instant::now(),
            used: 1,
        };
        let replaced = self.loans.lock().insert(id.clone(), kept);
        drop(replaced);
    }

    /// Destroys what is past its time.
    pub fn sweep(&self) {
        self.retain(|_| true);
    }

    /// Destroys all but those, and what is past its time.
    pub fn retain(&self, stays: impl Fn(&ObjectId) -> bool) {
        let over = |kept: &Kept| kept.since.elapsed() >= self.keep;
        let mut loans = self.loans.lock();
        let gone: Vec<_> = loans
            .extract_if(|id, kept| over(kept) || !stays(id))
            .collect();
        // The HSM is asked without the lock.
        drop(loans);
        drop(gone);
    }

    /// Destroys that one.
    pub fn forget(&self, id: &ObjectId) {
        let gone = self.loans.lock().remove(id);
        drop(gone);
    }

    /// Destroys all.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.loans.lock());
        drop(all);
    }
}
