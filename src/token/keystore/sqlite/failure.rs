//! What went wrong with the file, in words that name it and say what helps.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Error, ErrorCode};

use super::super::store::{KEY_IS_THERE, NAME_IS_TAKEN};
use super::schema::APPLICATION_ID;
use super::{SCHEMA, StoreError, Stored};
use crate::config::Fault;
use crate::error::TokenErrorKind;

/// SQLITE_IOERR_SHMSIZE: there was no room for the index of the log.
const NO_ROOM_FOR_INDEX: i32 = 4874;

/// Makes errors about one file.
pub struct Failures<'a> {
    pub path: &'a Path,
    pub patience: Duration,
}

impl Failures<'_> {
    fn about(&self, kind: TokenErrorKind, what: impl AsRef<str>) -> StoreError {
        let (path, what) = (self.path.display(), what.as_ref());
        StoreError::new(kind, format!("keystore {path} {what}"))
    }

    /// Of what SQLite says.
    pub fn of_sqlite(&self, error: &Error) -> StoreError {
        use TokenErrorKind::{Failed, ReadOnly};
        let Some(sqlite) = error.sqlite_error() else {
            // A value of another type than the column's: SQLite takes any.
            return self.damaged(&error.to_string());
        };
        match sqlite.code {
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                let waited = humantime::format_duration(self.patience);
                self.about(
                    Failed,
                    format!(
                        "was locked by another program for more than {waited}; try again, or see by \
                         \"fuser {}\" which program it is",
                        self.path.display()
                    ),
                )
            }
            ErrorCode::ReadOnly => self.about(
                ReadOnly,
                "cannot be written: the file, its directory or the disk is read-only; mount the disk \
                 for writing, or run \"chmod u+w\" on file and directory",
            ),
            ErrorCode::ConstraintViolation if error.to_string().contains("keys.cka_id") => self.about(
                TokenErrorKind::BadInput,
                "has another key with this CKA_ID; nothing was changed",
            ),
            ErrorCode::DiskFull => self.full(),
            ErrorCode::SystemIoFailure if sqlite.extended_code == NO_ROOM_FOR_INDEX => self.full(),
            ErrorCode::ConstraintViolation if error.to_string().contains("keys.name") => {
                StoreError::new(TokenErrorKind::BadInput, NAME_IS_TAKEN)
            }
            ErrorCode::ConstraintViolation if error.to_string().contains("keys.public_key") => {
                StoreError::new(TokenErrorKind::BadInput, KEY_IS_THERE)
            }
            ErrorCode::NotADatabase => self.foreign("it is no SQLite file"),
            ErrorCode::DatabaseCorrupt => self.damaged(&error.to_string()),
            ErrorCode::CannotOpen => self.about(
                Failed,
                format!(
                    "cannot be opened ({error}); the file and its directory have to be readable and \
                     writable by this user, who is uid {}",
                    rustix::process::geteuid().as_raw()
                ),
            ),
            ErrorCode::SystemIoFailure => self.about(
                Failed,
                format!("cannot be read or written ({error}); look for the disk's errors in the system's log"),
            ),
            _ => self.about(Failed, format!("does not do what it should: {error}")),
        }
    }

    /// Of what the system says when a file was to be `what`.
    pub fn of_system(&self, what: &str, error: &io::Error) -> StoreError {
        let kind = match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => TokenErrorKind::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TokenErrorKind::Full,
            _ => TokenErrorKind::Failed,
        };
        self.about(kind, format!("cannot be {what}: {error}"))
    }

    /// Of a file that is not there or not to be trusted.
    pub fn of_fault(&self, fault: &Fault) -> StoreError {
        match fault {
            Fault::Unreadable { reason, .. } if reason.kind() == io::ErrorKind::NotFound => self
                .about(
                    TokenErrorKind::Failed,
                    "is not there; make it with \"kmip-ssh init\", or correct keystore.path",
                ),
            fault => StoreError::new(TokenErrorKind::Failed, format!("keystore {fault}")),
        }
    }

    /// Whether the file is one of ours, and not of a later version.
    pub fn judge_header(&self, application: u32, version: u32) -> Stored {
        match (application, version) {
            (APPLICATION_ID, 1..=SCHEMA) => Ok(()),
            (APPLICATION_ID, SCHEMA..) => Err(self.about(
                TokenErrorKind::Failed,
                format!(
                    "was made by a later version of kmip-p11: its tables have version {version}, and this \
                     program knows those up to {SCHEMA}; use the later program"
                ),
            )),
            (0, 0) => Err(self.foreign("it is empty or a database of another program")),
            _ => Err(self.foreign("it is a database of another program")),
        }
    }

    fn full(&self) -> StoreError {
        self.about(
            TokenErrorKind::Full,
            "cannot grow: the disk is full; nothing was changed; make room and try again",
        )
    }

    /// Of a file whose content cannot be.
    pub fn damaged(&self, how: &str) -> StoreError {
        self.about(
            TokenErrorKind::Failed,
            format!("is damaged ({how}); keep it for a rescue and restore the last backup"),
        )
    }

    fn foreign(&self, why: &str) -> StoreError {
        self.about(
            TokenErrorKind::Failed,
            format!("is no keystore: {why}; correct keystore.path"),
        )
    }

    /// Of a read-only disk with a log that was not written back.
    pub fn unfinished(&self) -> StoreError {
        self.about(
            TokenErrorKind::ReadOnly,
            "is on a read-only disk and was not closed: its last changes are in the file of the same \
             name with -wal; mount the disk for writing once and list the keys",
        )
    }
}
