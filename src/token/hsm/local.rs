//! A device whose module is in this process.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::device::{Device, Fault, FaultKind, Reply, Request};
use super::module::Module;
use super::seat::Seat;
use crate::config::TokenChoice;

/// A token of a module that this process loads when it is first asked.
pub struct Local {
    module: PathBuf,
    choice: TokenChoice,
    sessions: usize,
    /// Who we are among those who share the token.
    user: u64,
    seat: Mutex<Option<Arc<Seat>>>,
}

impl Local {
    /// A device for that token, with at most so many sessions; loads nothing yet.
    pub fn new(module: PathBuf, choice: TokenChoice, sessions: usize) -> Self {
        static USERS: AtomicU64 = AtomicU64::new(0);
        Self {
            module,
            choice,
            sessions,
            user: USERS.fetch_add(1, Ordering::Relaxed),
            seat: Mutex::default(),
        }
    }

    fn seat(&self) -> Result<Arc<Seat>, Fault> {
        let mut place = self.seat.lock();
        if let Some(seat) = place.as_ref() {
            return Ok(Arc::clone(seat));
        }
        let module = Module::open(&self.module)?;
        let seat = Seat::find(module, &self.choice, self.sessions)?;
        *place = Some(Arc::clone(&seat));
        Ok(seat)
    }
}

impl Device for Local {
    fn ask(&self, request: &Request) -> Result<Reply, Fault> {
        let seat = self.seat()?;
        let answer = seat.answer(self.user, request);
        match &answer {
            Err(fault) if fault.kind == FaultKind::Removed => {
                seat.forget();
                *self.seat.lock() = None;
            }
            Err(fault) if fault.kind == FaultKind::SessionsLost => {
                seat.forget();
                seat.module.begin_again()?;
            }
            _ => {}
        }
        answer
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.get_mut() {
            // There is nobody to tell.
            let _ = seat.logout(self.user);
        }
    }
}
