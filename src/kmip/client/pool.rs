//! Idle connections, kept for the next call.

use super::attempt::Line;
use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Connections that are in nobody's hands. Who takes one owns it, and puts it back only if it is still good.
pub(super) struct Pool {
    idle: Mutex<Vec<(Instant, Line)>>,
    limit: usize,
    maximum_idle: Duration,
}

impl Pool {
    pub fn new(limit: usize, maximum_idle: Duration) -> Pool {
        Pool {
            idle: Mutex::default(),
            limit,
            maximum_idle,
        }
    }

    /// The connection that was used last, if it still stands; the others may grow old and go.
    pub fn take(&self) -> Option<Line> {
        while let Some((since, mut line)) = self.pop() {
            if since.elapsed() <= self.maximum_idle && line.connection.is_alive() {
                return Some(line);
            }
        }
        None
    }

    fn pop(&self) -> Option<(Instant, Line)> {
        self.idle.lock().pop()
    }

    pub fn put(&self, line: Line) {
        let mut idle = self.idle.lock();
        idle.retain(|(since, _)| since.elapsed() <= self.maximum_idle);
        if idle.len() < self.limit {
            idle.push((Instant::now(), line));
        }
    }

    /// Drops all connections to a server: when one has failed, the others are no better.
    pub fn forget(&self, server: usize) {
        self.idle.lock().retain(|(_, line)| line.server != server);
    }
}
