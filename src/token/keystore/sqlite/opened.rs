//! A connection, and until it is closed no fork: SQLite has locks of the whole process.

use std::ops::{Deref, DerefMut};

use rusqlite::Connection;

use crate::forks::Stay;

/// The connection is closed before a fork may begin.
pub struct Opened {
    connection: Connection,
    _stay: Stay,
}

impl Opened {
    /// A connection that was opened in that stay.
    pub fn new(connection: Connection, stay: Stay) -> Self {
        Self {
            connection,
            _stay: stay,
        }
    }
}

impl Deref for Opened {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Opened {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
