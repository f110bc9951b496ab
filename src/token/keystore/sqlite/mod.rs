//! A keystore in an SQLite file.
//!
//! Each call opens the file and closes it again. So no descriptor and no lock is held between calls,
//! which a fork, a host program that closes what it does not know, or a file that was put in
//! another's place would spoil. Keys that sign are kept unsealed above this, and seldom looked up.

mod copy;
mod failure;
mod opened;
mod pages;
mod rows;
mod schema;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, OpenFlags, OptionalExtension, Statement, Transaction, TransactionBehavior, params,
};
use rustix::fs::StatVfsMountFlags;

use self::failure::Failures;
use self::opened::Opened;
use super::draft::Draft;
use super::store::{
    CertificateRow, KeyPage, KeyRow, SCHEMA, Store, StoreError, Stored, TokenRow, Which,
};
use crate::config::{Content, judge_unopened};
use crate::error::TokenErrorKind;
use crate::forks::Stay;

/// How long a call waits for other processes: far below the two minutes that sshd gives a login.
const PATIENCE: Duration = Duration::from_secs(5);

const SECRET: Content = Content::Secret("keystore");

/// A keystore in a file.
pub struct SqliteStore {
    path: PathBuf,
    patience: Duration,
}

impl SqliteStore {
    /// The store in the file of that name; looks at nothing yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            patience: PATIENCE,
        }
    }

    /// Makes the file, with that token in it, and the directory if there is none. A file that is
    /// there is left alone.
    ///
    /// # Errors
    /// If there is something already, or the file cannot be made.
    pub fn create(path: &Path, token: &TokenRow) -> Stored<Self> {
        let store = Self::new(path);
        if fs::symlink_metadata(path).is_ok() {
            return Err(store.is_there());
        }
        store.make_directory()?;
        let draft = Draft::beside(path).map_err(|error| store.system("made", &error))?;
        let fill = || {
            let mut connection = store.raw(draft.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            schema::migrate(&mut connection)?;
            insert_token(&connection, token)?;
            write_ahead(&connection)
        };
        fill().map_err(|error| store.failure(error))?;
        draft.place(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => store.is_there(),
            _ => store.system("made", &error),
        })?;
        store.open().map(|_| Self::new(path))
    }

    fn is_there(&self) -> StoreError {
        let place = self.path.display();
        let reason = format!("there is a file {place} already, and it was left as it is");
        StoreError::new(TokenErrorKind::Denied, reason)
    }

    /// Only for us: what is made by a command of ours is not readable by accident of a umask.
    fn make_directory(&self) -> Stored {
        let Some(directory) = self.path.parent().filter(|it| !it.as_os_str().is_empty()) else {
            return Ok(());
        };
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory);
        made.map_err(|error| self.system("made", &error))
    }

    fn failures(&self) -> Failures<'_> {
        Failures {
            path: &self.path,
            patience: self.patience,
        }
    }

    fn failure(&self, error: rusqlite::Error) -> StoreError {
        self.failures().of_sqlite(&error)
    }

    fn system(&self, what: &str, error: &std::io::Error) -> StoreError {
        self.failures().of_system(what, error)
    }

    /// A connection to the keystore, after all that can be seen to be wrong with the file.
    fn open(&self) -> Stored<Opened> {
        let stay = Stay::begin();
        judge_unopened(&self.path, SECRET).map_err(|fault| self.failures().of_fault(&fault))?;
        let failure = |error| self.failure(error);
        let access = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let mut connection = match self.is_on_a_read_only_disk() {
            true => self.immutable()?,
            false => self.raw(&self.path, access).map_err(failure)?,
        };
        let header = |key| connection.pragma_query_value(None, key, |row| row.get::<_, u32>(0));
        let application = header("application_id").map_err(failure)?;
        let version = header("user_version").map_err(failure)?;
        self.failures().judge_header(application, version)?;
        if version < SCHEMA {
            schema::migrate(&mut connection).map_err(failure)?;
        }
        Ok(Opened::new(connection, stay))
    }

    fn raw(&self, path: &Path, access: OpenFlags) -> rusqlite::Result<Connection> {
        let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(self.patience)?;
        // What is in the file is data: no statement in it is run.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.execute_batch(
            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON;
             PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;",
        )?;
        Ok(connection)
    }

    fn is_on_a_read_only_disk(&self) -> bool {
        let found = rustix::fs::statvfs(&self.path);
        found.is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
    }

    /// Nobody writes a read-only disk, so no locks are needed, which could not be made there. What was
    /// last written must not be in a log that only a writer can read back.
    fn immutable(&self) -> Stored<Connection> {
        if fs::metadata(copy::log_of(&self.path)).is_ok_and(|log| log.len() > 0) {
            return Err(self.failures().unfinished());
        }
        let uri = copy::uri(&self.path, "immutable=1");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        self.raw(Path::new(&uri), flags)
            .map_err(|error| self.failure(error))
    }

    /// Runs `work` in a transaction that nobody else writes beside.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Stored<T>) -> Stored<T> {
        let failure = |error| self.failure(error);
        let mut connection = self.open()?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failure)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(failure)?;
        Ok(done)
    }

    /// The same, for statements that fail only as SQLite's do.
    fn run<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Stored<T> {
        self.write(|transaction| work(transaction).map_err(|error| self.failure(error)))
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Stored<T> {
        let connection = self.open()?;
        work(&connection).map_err(|error| self.failure(error))
    }
}

/// After this, readers and writers do not wait for each other.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")
}

fn insert_token(connection: &Connection, token: &TokenRow) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT INTO token (one, {}) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows::TOKEN_COLUMNS
    );
    let done = connection.execute(&sql, &rows::token_values(token)[..]);
    done.map(drop)
}

fn token_of(connection: &Connection) -> rusqlite::Result<TokenRow> {
    let sql = format!("SELECT {} FROM token", rows::TOKEN_COLUMNS);
    connection.query_row(&sql, [], rows::token)
}

fn write_token(connection: &Connection, token: &TokenRow) -> rusqlite::Result<()> {
    let sql = format!(
        "UPDATE token SET ({}) = (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows::TOKEN_COLUMNS
    );
    let done = connection.execute(&sql, &rows::token_values(token)[..]);
    done.map(drop)
}

fn key_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<KeyRow>> {
    let sql = format!("SELECT {} FROM keys WHERE id = ?", rows::KEY_COLUMNS);
    connection.query_row(&sql, [id], rows::key).optional()
}

fn insert_key(connection: &Connection) -> rusqlite::Result<Statement<'_>> {
    let sql = format!("INSERT INTO keys ({}) VALUES ({MARKS})", own_columns());
    connection.prepare(&sql)
}

fn insert_certificate(
    connection: &Connection,
    certificate: &CertificateRow,
) -> rusqlite::Result<()> {
    let CertificateRow { id, key_id, der } = certificate;
    let sql = "INSERT INTO certificates (id, key_id, der) VALUES (?, ?, ?)";
    connection.execute(sql, params![id, key_id, der]).map(drop)
}

/// Without the number, which the database gives.
fn own_columns() -> &'static str {
    rows::KEY_COLUMNS.trim_start_matches("number, ")
}

const MARKS: &str = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?";

impl Store for SqliteStore {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn is_local(&self) -> bool {
        true
    }

    /// What cannot be looked at is there, and says what is wrong with it when it is used.
    fn exists(&self) -> bool {
        let looked = fs::symlink_metadata(&self.path);
        !matches!(looked, Err(error) if error.kind() == ErrorKind::NotFound)
    }

    fn token(&self) -> Stored<TokenRow> {
        self.read(token_of)
    }

    fn change_token(&self, change: &mut dyn FnMut(&mut TokenRow) -> Stored<bool>) -> Stored {
        self.write(|transaction| {
            let mut token = token_of(transaction).map_err(|error| self.failure(error))?;
            match change(&mut token)? {
                true => write_token(transaction, &token).map_err(|error| self.failure(error)),
                false => Ok(()),
            }
        })
    }

    fn keys(&self, each: &mut dyn FnMut(KeyRow) -> Stored) -> Stored {
        let connection = self.open()?;
        let failure = |error| self.failure(error);
        let sql = format!("SELECT {} FROM keys ORDER BY number", rows::KEY_COLUMNS);
        let mut statement = connection.prepare(&sql).map_err(failure)?;
        let mut found = statement.query([]).map_err(failure)?;
        while let Some(row) = found.next().map_err(failure)? {
            each(rows::key(row).map_err(failure)?)?;
        }
        Ok(())
    }

    fn certificates(&self, each: &mut dyn FnMut(CertificateRow) -> Stored) -> Stored {
        let connection = self.open()?;
        let failure = |error| self.failure(error);
        let sql = "SELECT id, key_id, der FROM certificates ORDER BY number";
        let mut statement = connection.prepare(sql).map_err(failure)?;
        let mut found = statement.query([]).map_err(failure)?;
        while let Some(row) = found.next().map_err(failure)? {
            each(rows::certificate(row).map_err(failure)?)?;
        }
        Ok(())
    }

    fn page(&self, which: &Which, after: i64, limit: usize) -> Stored<KeyPage> {
        let page = pages::page(&mut *self.open()?, which, after, limit);
        page.map_err(|error| self.failure(error))
    }

    fn key(&self, id: &str) -> Stored<Option<KeyRow>> {
        self.read(|connection| key_of(connection, id))
    }

    fn insert(&self, key: &KeyRow, certificates: &[CertificateRow]) -> Stored<i64> {
        self.run(|transaction| {
            let number = insert_key(transaction)?.insert(&rows::key_values(key)[..])?;
            for certificate in certificates {
                insert_certificate(transaction, certificate)?;
            }
            Ok(number)
        })
    }

    fn insert_all(&self, next: &mut dyn FnMut() -> Stored<Option<KeyRow>>) -> Stored<i64> {
        self.write(|transaction| {
            let failure = |error| self.failure(error);
            let mut statement = insert_key(transaction).map_err(failure)?;
            let mut last = 0;
            while let Some(row) = next()? {
                let inserted = statement.insert(&rows::key_values(&row)[..]);
                last = inserted.map_err(failure)?;
            }
            Ok(last)
        })
    }

    fn change_key(&self, id: &str, change: &mut dyn FnMut(&mut KeyRow) -> Stored) -> Stored<bool> {
        self.write(|transaction| {
            let failure = |error| self.failure(error);
            let Some(mut key) = key_of(transaction, id).map_err(failure)? else {
                return Ok(false);
            };
            change(&mut key)?;
            let sql = format!(
                "UPDATE keys SET ({}) = ({MARKS}) WHERE id = ?",
                own_columns()
            );
            let mut values = rows::key_values(&key).to_vec();
            values.push(&id);
            transaction.execute(&sql, &values[..]).map_err(failure)?;
            Ok(true)
        })
    }

    fn remove(&self, id: &str) -> Stored<bool> {
        self.run(|transaction| {
            transaction.execute("DELETE FROM certificates WHERE key_id = ?", [id])?;
            let removed = transaction.execute("DELETE FROM keys WHERE id = ?", [id])?;
            Ok(removed > 0)
        })
    }

    fn insert_certificate(&self, certificate: &CertificateRow) -> Stored<Option<String>> {
        self.run(|transaction| {
            let CertificateRow { id, key_id, der } = certificate;
            if key_of(transaction, key_id)?.is_none() {
                return Ok(None);
            }
            let sql = "SELECT id FROM certificates WHERE key_id = ? AND der = ?";
            let there = transaction.query_row(sql, params![key_id, der], |row| row.get(0));
            if let Some(there) = there.optional()? {
                return Ok(Some(there));
            }
            insert_certificate(transaction, certificate)?;
            Ok(Some(id.clone()))
        })
    }

    fn remove_certificate(&self, key_id: &str, id: &str) -> Stored<bool> {
        self.run(|transaction| {
            let sql = "DELETE FROM certificates WHERE key_id = ? AND id = ?";
            Ok(transaction.execute(sql, [key_id, id])? > 0)
        })
    }

    fn count(&self) -> Stored<i64> {
        self.read(|connection| {
            connection.query_row("SELECT count(*) FROM keys", [], |row| row.get(0))
        })
    }

    fn facts(&self) -> Stored<Vec<(&'static str, String)>> {
        let mode: String = self.read(|connection| {
            connection.pragma_query_value(None, "journal_mode", |row| row.get(0))
        })?;
        let disk = match self.is_on_a_read_only_disk() {
            true => "read-only",
            false => "writable",
        };
        Ok(vec![
            ("file", self.place()),
            ("disk", disk.into()),
            ("SQLite", rusqlite::version().into()),
            ("journal", mode),
        ])
    }
}
