//! What is done to a keystore as a whole: making it, another PIN or seal, backups and their return.

use std::path::{Path, PathBuf};

use super::opening::{by_pin, unsealed, without_person};
use super::postgres::PostgresStore;
use super::sealing::{DataKey, FORMAT};
use super::sqlite::SqliteStore;
use super::store::{Store, StoreError, Stored, TokenRow};
use super::wrapping::{self, CredentialFile, Pin, Wrapping};
use super::{random, store};
use crate::config::{Database, Keystore, Seal};
use crate::error::{Error, Result, TokenError, TokenErrorKind};
use crate::model::validity::now;

/// Makes an empty keystore where the slot of that label wants it. With `keystore.seal = "pin"`, `pin`
/// is its PIN; a credential file is made, if there is none.
///
/// # Errors
/// [`TokenErrorKind::Denied`] if there is one already, which is left as it is.
pub fn create(label: &str, config: &Keystore, pin: Option<&str>) -> Result {
    let made = || {
        let mut token = TokenRow {
            format: FORMAT,
            serial: random::hex::<8>().map_err(|error| failed(&error.to_string()))?,
            created: now(),
            seal: String::new(),
            seal_parameters: vec![],
            data_key: vec![],
            check_value: vec![],
            failures: 0,
            last_failure: 0,
        };
        let with = new_wrapping(label, &config.seal, pin)?;
        seal_for_good(&*with, &mut token, &DataKey::generate()?)?;
        match &config.database {
            Database::Sqlite(path) => SqliteStore::create(path, &token).map(drop),
            Database::Postgres(postgres) => PostgresStore::create(postgres, &token).map(drop),
        }
    };
    made().map_err(|error| of_slot(label, error))
}

/// Changes the PIN of a keystore: its keys stay as they are, only what opens them is made anew.
///
/// # Errors
/// [`TokenErrorKind::WrongPin`] or [`TokenErrorKind::PinLocked`] as a login with the old PIN.
pub fn change_pin(label: &str, config: &Keystore, old: &str, new: &str) -> Result {
    reseal(label, config, Some(old), &Seal::Pin, Some(new))
}

/// Seals a keystore by something else: `pin` opens what `config` says, `new_pin` will open `seal`, as
/// far as they are sealed by one. The configuration has to be changed to `seal` afterwards.
///
/// # Errors
/// As a login, and if the new seal does not open what it has sealed; then, and after any other error, or
/// a kill at any point, it is sealed as before.
pub fn reseal(
    label: &str,
    config: &Keystore,
    pin: Option<&str>,
    seal: &Seal,
    new_pin: Option<&str>,
) -> Result {
    let done = || {
        let store = store(&config.database)?;
        let (data_key, _) = match (&config.seal, pin) {
            (Seal::Pin, Some(pin)) => by_pin(&*store, &Pin::new(pin))?,
            (seal, _) => unsealed(label, &*store, seal)?,
        };
        seal_anew(&*store, &*new_wrapping(label, seal, new_pin)?, &data_key)
    };
    done().map_err(|error| of_slot(label, error))
}

/// Another PIN for a keystore that one opens.
pub(super) fn seal_by_pin(store: &dyn Store, old: &str, new: &str) -> Stored {
    let (data_key, _) = by_pin(store, &Pin::new(old))?;
    seal_anew(store, &Pin::new(new), &data_key)
}

fn seal_anew(store: &dyn Store, with: &dyn Wrapping, data_key: &DataKey) -> Stored {
    let seen = store.token()?;
    let mut sealed = seen.clone();
    seal_for_good(with, &mut sealed, data_key)?;
    replace(store, &seen, &sealed)
}

/// Seals, and tries whether that opens: what can only be closed would lose all keys.
fn seal_for_good(with: &dyn Wrapping, token: &mut TokenRow, data_key: &DataKey) -> Stored {
    wrapping::wrap(with, token, data_key)?;
    let opened = wrapping::unwrap(with, token);
    opened.map(drop).map_err(|error| {
        let reason = format!("the seal was tried and does not open, nothing was changed: {error}");
        StoreError::new(error.kind, reason)
    })
}

/// Only what was seen is replaced: of two who change it at once, the second is told.
fn replace(store: &dyn Store, seen: &TokenRow, sealed: &TokenRow) -> Stored {
    store.change_token(&mut |token| {
        if token.check_value != seen.check_value {
            return Err(failed(
                "another program has sealed the keystore anew at the same time; try again",
            ));
        }
        let counted = (token.failures, token.last_failure);
        token.clone_from(sealed);
        (token.failures, token.last_failure) = counted;
        Ok(true)
    })
}

/// Writes a copy of the keystore, as it is at one instant, to a new file. What opens the one opens the
/// other: a credential file has to be kept as well.
///
/// # Errors
/// If there is such a file, or one of the two cannot be read or written.
pub fn backup(label: &str, config: &Keystore, target: &Path) -> Result {
    of_file(config)
        .and_then(|store| store.backup(target))
        .map_err(|error| of_slot(label, error))
}

/// Puts a copy in the keystore's place, after it was looked through. Returns the new name of the
/// keystore that was there before.
///
/// # Errors
/// If the copy is not whole, or cannot be put there; then everything is as it was.
pub fn restore(label: &str, config: &Keystore, source: &Path) -> Result<Option<PathBuf>> {
    of_file(config)
        .and_then(|store| store.restore(source))
        .map_err(|error| of_slot(label, error))
}

fn of_file(config: &Keystore) -> Stored<SqliteStore> {
    match &config.database {
        Database::Sqlite(path) => Ok(SqliteStore::new(path)),
        Database::Postgres(_) => Err(StoreError::new(
            TokenErrorKind::Impossible,
            "the keystore is in Postgres: use pg_dump and pg_restore",
        )),
    }
}

/// What will open it. What a PIN has to be like is its owner's business, but there has to be one.
fn new_wrapping<'a>(
    label: &str,
    seal: &'a Seal,
    pin: Option<&str>,
) -> Stored<Box<dyn Wrapping + 'a>> {
    match (seal, pin) {
        (Seal::Pin, Some(pin)) if !pin.is_empty() => Ok(Box::new(Pin::new(pin))),
        (Seal::Pin, _) => Err(StoreError::new(
            TokenErrorKind::BadInput,
            "a keystore that is sealed by a PIN needs one",
        )),
        (seal, _) => {
            if let Seal::File(path) = seal {
                CredentialFile(path).make()?;
            }
            without_person(label, seal)
        }
    }
}

fn failed(reason: &str) -> StoreError {
    StoreError::new(TokenErrorKind::Failed, reason)
}

fn of_slot(label: &str, error: StoreError) -> Error {
    Error::Token(TokenError {
        kind: error.kind,
        slot: label.into(),
        reason: error.reason,
    })
}
