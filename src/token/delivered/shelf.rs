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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PinSource;
    use crate::token::hsm::Conversation;
    use crate::token::hsm::device::{Device, Fault, Reply, Request};

    /// Notes what is destroyed.
    #[derive(Default)]
    struct Noting(Arc<Mutex<Vec<Handle>>>);

    impl Device for Noting {
        fn ask(&self, request: &Request) -> Result<Reply, Fault> {
            if let Request::Destroy(objects) = request {
                self.0.lock().extend(objects);
            }
            Ok(Reply::Done)
        }
    }

    /// A shelf with two keys, each of which has made a signature, and what is destroyed.
    fn shelf(keep: Duration, uses: u64) -> (Shelf, Arc<Mutex<Vec<Handle>>>) {
        let device = Noting::default();
        let destroyed = Arc::clone(&device.0);
        // Without a PIN it asks nothing by itself.
        let hsm = Conversation::new(Box::new(device), PinSource::Login);
        let (vault, shelf) = (Arc::new(Vault::new(hsm)), Shelf::new(keep, uses));
        for object in [1, 2] {
            let loan = Arc::new(Loan::new(object, Arc::clone(&vault)));
            shelf.put(&id(object), loan);
        }
        (shelf, destroyed)
    }

    fn id(object: Handle) -> ObjectId {
        ObjectId(object.to_string())
    }

    #[test]
    fn a_key_is_destroyed_after_its_last_use_and_not_before_that_has_ended() {
        let (shelf, destroyed) = shelf(Duration::from_secs(3600), 3);
        let second = shelf.take(&id(1)).unwrap();
        let third = shelf.take(&id(1)).unwrap();
        assert!(shelf.take(&id(1)).is_none());
        drop(second);
        assert!(destroyed.lock().is_empty());
        drop(third);
        assert_eq!(*destroyed.lock(), [1]);
        assert!(shelf.take(&id(2)).is_some());
    }

    #[test]
    fn one_use_is_the_delivery_itself() {
        let (shelf, destroyed) = shelf(Duration::from_secs(3600), 1);
        assert_eq!(*destroyed.lock(), [1, 2]);
        assert!(shelf.take(&id(1)).is_none());
    }

    #[test]
    fn a_key_past_its_time_is_never_used_again() {
        let (shelf, destroyed) = shelf(Duration::ZERO, 1000);
        assert!(destroyed.lock().is_empty());
        assert!(shelf.take(&id(1)).is_none());
        destroyed.lock().sort_unstable();
        assert_eq!(*destroyed.lock(), [1, 2]);
    }

    #[test]
    fn what_is_not_listed_any_more_and_what_is_logged_out_of_is_destroyed() {
        let (shelf, destroyed) = shelf(Duration::from_secs(3600), 1000);
        shelf.retain(|kept| *kept == id(2));
        assert_eq!(*destroyed.lock(), [1]);
        shelf.clear();
        assert_eq!(*destroyed.lock(), [1, 2]);
    }
}
