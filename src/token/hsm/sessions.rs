//! The sessions of a token: a bounded number, each used by one call at a time.

use cryptoki::session::Session;
use parking_lot::{Condvar, Mutex};

use super::device::{Fault, FaultKind};

/// Open sessions, and how many there may be.
pub struct Sessions {
    state: Mutex<State>,
    /// A session came back, or one may be opened.
    changed: Condvar,
    most: usize,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    /// The idle ones and those in use.
    open: usize,
    /// Which sessions these are: those of an earlier generation are closed when they come back.
    generation: u64,
}

impl Sessions {
    /// At most so many; none is opened yet.
    pub fn new(most: usize) -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            most,
        }
    }

    /// Works in a session; waits for one while all are in use.
    pub fn with<T>(
        &self,
        open: &dyn Fn() -> Result<Session, Fault>,
        work: impl FnOnce(&Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (session, generation) = self.take(open)?;
        let outcome = work(&session);
        match &outcome {
            Err(fault) if matches!(fault.kind, FaultKind::SessionsLost | FaultKind::Removed) => {
                self.forget_one(session, generation);
                self.forget();
            }
            // An operation may be left in it, which would refuse the next one. The new session
            // comes first: with the last one the login would end.
            Err(fault) if may_be_busy(fault.kind) => {
                self.give_back(open().unwrap_or(session), generation);
            }
            _ => self.give_back(session, generation),
        }
        outcome
    }

    /// Closes all sessions: those in use when they come back.
    pub fn forget(&self) {
        let mut state = self.state.lock();
        state.generation += 1;
        state.open = 0;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        self.changed.notify_all();
        drop(idle);
    }

    fn take(&self, open: &dyn Fn() -> Result<Session, Fault>) -> Result<(Session, u64), Fault> {
        let mut state = self.state.lock();
        loop {
            let generation = state.generation;
            if let Some(session) = state.idle.pop() {
                return Ok((session, generation));
            }
            if state.open >= self.most {
                self.changed.wait(&mut state);
                continue;
            }
            state.open += 1;
            drop(state);
            let opened = open();
            state = self.state.lock();
            match opened {
                Ok(session) => return Ok((session, generation)),
                Err(fault) => {
                    if state.generation == generation {
                        state.open -= 1;
                    }
                    // The module has fewer sessions than we may have.
                    if fault.kind != FaultKind::Full || state.open == 0 {
                        return Err(fault);
                    }
                    self.changed.wait(&mut state);
                }
            }
        }
    }

    fn give_back(&self, session: Session, generation: u64) {
        let mut state = self.state.lock();
        let outdated = match state.generation == generation {
            true => {
                state.idle.push(session);
                None
            }
            false => Some(session),
        };
        drop(state);
        self.changed.notify_one();
        drop(outdated);
    }

    fn forget_one(&self, session: Session, generation: u64) {
        let mut state = self.state.lock();
        if state.generation == generation {
            state.open -= 1;
        }
        drop(state);
        drop(session);
    }
}

/// Whether such a fault may come after an operation has begun and before it has ended.
fn may_be_busy(kind: FaultKind) -> bool {
    use FaultKind as Kind;
    !matches!(
        kind,
        Kind::NotLoggedIn
            | Kind::WrongPin
            | Kind::PinLocked
            | Kind::NoSuchObject
            | Kind::Mechanism
            | Kind::Parameter
            | Kind::KeyType
            | Kind::Denied
            | Kind::ReadOnly
    )
}
