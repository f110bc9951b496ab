//! What one call may cost: time, and messages. A server that answers quickly and badly ends a call as surely as one that is slow.

use crate::kmip::deadline::Deadline;
use crate::kmip::error::ErrorKind;
use std::cell::Cell;

/// Enough to find a dozen bad objects among hundreds by halving; a call without trouble takes one or two.
const MESSAGES: u32 = 256;

/// What is left of it; shared by all parts of a call.
#[derive(Clone, Copy)]
pub(super) struct Effort<'a> {
    pub deadline: Deadline,
    messages: &'a Cell<u32>,
    /// A request that must not be repeated may have reached a server.
    committed: &'a Cell<bool>,
    /// The server that has answered last.
    answered: &'a Cell<Option<usize>>,
    /// Servers that are not to be asked, by their place.
    pub avoided: &'a [usize],
}

impl<'a> Effort<'a> {
    /// Gives the effort of one call to `call`.
    pub fn spent_by<T>(deadline: Deadline, call: impl FnOnce(Effort<'_>) -> T) -> T {
        let (messages, committed) = (Cell::new(MESSAGES), Cell::new(false));
        call(Effort {
            deadline,
            messages: &messages,
            committed: &committed,
            answered: &Cell::new(None),
            avoided: &[],
        })
    }

    /// The same with another deadline.
    pub fn until(self, deadline: Deadline) -> Self {
        Effort { deadline, ..self }
    }

    /// The same, but these servers are not asked.
    pub fn avoiding<'b>(self, avoided: &'b [usize]) -> Effort<'b>
    where
        'a: 'b,
    {
        Effort { avoided, ..self }
    }

    /// Notes whether what leaves now, or did until now, is something that must not be sent twice.
    pub fn commit(self, committed: bool) {
        self.committed.set(committed);
    }

    pub fn is_committed(self) -> bool {
        self.committed.get()
    }

    /// Notes which server has answered.
    pub fn answered_by(self, server: usize) {
        self.answered.set(Some(server));
    }

    /// The server that has answered last, if any has.
    pub fn answerer(self) -> Option<usize> {
        self.answered.get()
    }

    /// Takes one message off.
    pub fn spend(self) -> Result<(), ErrorKind> {
        self.check()?;
        self.messages.set(self.messages.get().saturating_sub(1));
        Ok(())
    }

    /// An error if nothing is left.
    pub fn check(self) -> Result<(), ErrorKind> {
        match self.messages.get() {
            0 => Err(ErrorKind::GaveUp { messages: MESSAGES }),
            _ => Ok(()),
        }
    }
}
