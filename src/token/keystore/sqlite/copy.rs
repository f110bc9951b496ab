//! Whole files: copies of a keystore, and their return.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rusqlite::OpenFlags;

use super::opened::Opened;

use super::super::draft::{Draft, with_suffix};
use super::super::random;
use super::{SECRET, SqliteStore, StoreError, Stored, schema, write_ahead};
use crate::config::judge_unopened;
use crate::error::TokenErrorKind;

/// The log that belongs to a database.
pub fn log_of(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

/// The path as an URI that SQLite takes, with a parameter.
pub fn uri(path: &Path, parameter: &str) -> OsString {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                uri.push(char::from(byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{uri}?{parameter}").into()
}

impl SqliteStore {
    /// Writes a copy, as the keystore is at one instant, to a new file.
    ///
    /// # Errors
    /// If there is such a file, or the keystore cannot be read or the file not written.
    pub fn backup(&self, target: &Path) -> Stored {
        let copied = SqliteStore::new(target);
        if fs::symlink_metadata(target).is_ok() {
            return Err(copied.is_there());
        }
        let connection = self.open()?;
        let draft = Draft::beside(target).map_err(|error| copied.system("written", &error))?;
        let into = draft.path().to_string_lossy();
        connection
            .execute("VACUUM INTO ?", [&*into])
            .map_err(|error| copied.failure(error))?;
        drop(connection);
        copied.verify(draft.path())?;
        let placed = draft.place(target);
        placed.map_err(|error| copied.system("written", &error))
    }

    /// Puts a copy in the keystore's place, after it was looked through. Returns the name that the
    /// keystore has from now on that was there before, if there was one.
    ///
    /// # Errors
    /// If the copy is not whole, or cannot be put there; then everything is as it was.
    pub fn restore(&self, backup: &Path) -> Stored<Option<PathBuf>> {
        let source = SqliteStore::new(backup);
        judge_unopened(backup, SECRET).map_err(|fault| source.failures().of_fault(&fault))?;
        self.make_directory()?;
        let system = |error: io::Error| self.system("restored", &error);
        let draft = Draft::beside(&self.path).map_err(system)?;
        fs::copy(backup, draft.path()).map_err(system)?;
        source.verify(draft.path())?;
        let made_ready = || {
            let mut connection = self.raw(draft.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            schema::migrate(&mut connection)?;
            write_ahead(&connection)
        };
        made_ready().map_err(|error| self.failure(error))?;
        let old = self.set_aside()?;
        match draft.place(&self.path) {
            Ok(()) => Ok(old),
            Err(error) => {
                if let Some(old) = &old {
                    fs::rename(old, &self.path).map_err(system)?;
                }
                Err(system(error))
            }
        }
    }

    /// Gives the file another name, when nobody is writing it and its log has been written back. What
    /// cannot even be opened is moved as it is.
    fn set_aside(&self) -> Stored<Option<PathBuf>> {
        if fs::symlink_metadata(&self.path).is_err() {
            return Ok(None);
        }
        let old = with_suffix(
            &self.path,
            &format!(
                ".{}.old",
                random::hex::<4>().map_err(|error| self.system("set aside", &error))?
            ),
        );
        let held = match self.open() {
            Ok(connection) => Some(self.alone(connection)?),
            Err(error) => {
                log::warn!("restored over a keystore that could not be used: {error}");
                None
            }
        };
        fs::rename(&self.path, &old).map_err(|error| self.system("set aside", &error))?;
        drop(held);
        for suffix in ["-wal", "-shm"] {
            let left = with_suffix(&self.path, suffix);
            if left.exists() {
                let moved = fs::rename(&left, with_suffix(&old, suffix));
                moved.map_err(|error| self.system("set aside", &error))?;
            }
        }
        Ok(Some(old))
    }

    /// Waits until nobody else uses the file, and keeps it so.
    fn alone(&self, connection: Opened) -> Stored<Opened> {
        let wait = || {
            connection.pragma_update(None, "journal_mode", "DELETE")?;
            connection.execute_batch("BEGIN EXCLUSIVE")
        };
        wait().map_err(|error| self.failure(error))?;
        Ok(connection)
    }

    /// Looks through a copy of this file that nobody else uses.
    fn verify(&self, copy: &Path) -> Stored {
        let failure = |error| self.failure(error);
        let connection = self
            .raw(copy, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(failure)?;
        let header = |key| connection.pragma_query_value(None, key, |row| row.get::<_, u32>(0));
        let application = header("application_id").map_err(failure)?;
        let version = header("user_version").map_err(failure)?;
        self.failures().judge_header(application, version)?;
        let verdict: String = connection
            .pragma_query_value(None, "integrity_check", |row| row.get(0))
            .map_err(failure)?;
        if verdict != "ok" {
            return Err(self.failures().damaged(&verdict));
        }
        let tokens: i64 = connection
            .query_row("SELECT count(*) FROM token", [], |row| row.get(0))
            .map_err(failure)?;
        match tokens {
            1 => Ok(()),
            _ => Err(StoreError::new(
                TokenErrorKind::Failed,
                format!("keystore {} has no token in it", self.path.display()),
            )),
        }
    }
}
