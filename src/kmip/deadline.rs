//! Deadlines: one per call, asked before every wait.

use super::error::{ErrorKind, Phase};
use std::time::{Duration, Instant};

/// When a call must have ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(pub Instant);

impl Deadline {
    /// A deadline so much later than now; at most a day, which no caller waits for.
    pub fn after(time: Duration) -> Deadline {
        const DAY: Duration = Duration::from_secs(86_400);
        Deadline(Instant::now() + time.min(DAY))
    }

    /// The time left, never zero.
    pub fn remaining(self, phase: Phase) -> Result<Duration, ErrorKind> {
        let left = self.left();
        // A socket rounds less than a microsecond to zero, which it takes for "for ever".
        if left < Duration::from_micros(1) {
            Err(ErrorKind::Timeout { phase })
        } else {
            Ok(left)
        }
    }

    /// An earlier deadline, that leaves as much time for each of the other `parts - 1` parts.
    pub fn share(self, parts: usize) -> Deadline {
        let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
        Deadline(Instant::now() + self.left() / parts)
    }

    /// The same, but no later than so much from now.
    pub fn within(self, time: Duration) -> Deadline {
        Deadline(self.0.min(Instant::now() + time))
    }

    /// The time left; zero if there is none.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub fn has_passed(self) -> bool {
        self.0 <= Instant::now()
    }
}
