//! Tokens that come and go, and the threads that wait for that.

use std::collections::BTreeMap;
use std::time::Duration;

use cryptoki_sys::CK_SLOT_ID;
use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};

/// How often a thread that waits looks at the slots: nobody else tells when a token is put in.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What was last told of the slots.
#[derive(Default)]
pub struct SlotEvents {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// Whether the token of each slot was there when it was last told.
    told: BTreeMap<CK_SLOT_ID, bool>,
    is_over: bool,
}

/// A slot, and whether its token is in it now.
pub type Presence = (CK_SLOT_ID, bool);

impl SlotEvents {
    /// A slot whose token has come or gone since that was last told of it; each change is told once, and of the
    /// first picture of a slot nothing. C_Initialize takes none: it asks no token.
    pub fn next(&self, slots: impl Iterator<Item = Presence>) -> Option<CK_SLOT_ID> {
        // Looking may take a while: those who end the waiting do not wait for it.
        let now: Vec<_> = slots.collect();
        let told = &mut self.state.lock().told;
        let mut changes = now.into_iter();
        let (slot, _) = changes.find(|(slot, is_there)| {
            told.insert(*slot, *is_there)
                .is_some_and(|was_there| was_there != *is_there)
        })?;
        Some(slot)
    }

    /// The same, as soon as there is one.
    ///
    /// # Errors
    /// CKR_CRYPTOKI_NOT_INITIALIZED after [`SlotEvents::end`].
    pub fn wait<I: Iterator<Item = Presence>>(&self, slots: impl Fn() -> I) -> Result<CK_SLOT_ID> {
        loop {
            if let Some(slot) = self.next(slots()) {
                return Ok(slot);
            }
            let mut state = self.state.lock();
            if !state.is_over {
                self.ended.wait_for(&mut state, LOOK_EVERY);
            }
            if state.is_over {
                return Err(Error::NotInitialized);
            }
        }
    }

    /// C_Finalize: whoever waits waits no longer.
    pub fn end(&self) {
        self.state.lock().is_over = true;
        self.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once() {
        let events = SlotEvents::default();
        let next = |now: [Presence; 2]| events.next(now.into_iter());
        assert_eq!(next([(0, true), (1, false)]), None);
        assert_eq!(next([(0, false), (1, true)]), Some(0));
        assert_eq!(next([(0, false), (1, true)]), Some(1));
        assert_eq!(next([(0, false), (1, true)]), None);
        assert_eq!(next([(0, false), (1, false)]), Some(1));
    }

    #[test]
    fn the_end_wakes_all_who_wait() {
        let events = SlotEvents::default();
        std::thread::scope(|scope| {
            let waits = [(); 3].map(|()| scope.spawn(|| events.wait(std::iter::empty)));
            events.end();
            for wait in waits {
                assert_eq!(wait.join().unwrap(), Err(Error::NotInitialized));
            }
        });
    }
}
