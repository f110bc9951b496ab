//! A token in a database of our own: private keys are sealed in it, and used in this process.

mod catalog;
mod draft;
mod filling;
mod frame;
mod key_row;
mod life;
mod opened;
mod opening;
mod postgres;
mod random;
mod sealing;
mod signing;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
mod tries;
mod upkeep;
mod wrapping;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use zeroize::Zeroizing;

pub use filling::fill;
pub use opening::is_sealed_by_file;
pub use upkeep::{backup, change_pin, create, reseal, restore};

use self::opened::Opened;
use self::postgres::PostgresStore;
use self::sqlite::SqliteStore;
use self::store::{KeyRow, Store, StoreError, Stored, TokenRow};
use super::catalog::Catalog;
use super::selection::select;
use super::{NewKey, PinTries, Probe, Revocation, Token, TokenInfo, Told, Wish};
use crate::config::{Database, KeyFilter, Seal};
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, TokenError, TokenErrorKind};
use crate::model::certificate::Certificate;
use crate::model::cipher::RsaPadding;
use crate::model::key::{Found, Hidden, Key, ObjectId};
use crate::model::mechanism::Offer;
use crate::model::public_key::PublicKey;
use crate::model::signature::{SignInput, SignScheme};

/// How long what was seen of the token answers for it.
const SEEN_LASTS: Duration = Duration::from_secs(1);

/// The keys of one database.
pub struct KeystoreToken {
    label: String,
    seal: Seal,
    filter: KeyFilter,
    store: Stored<Box<dyn Store>>,
    opened: Mutex<Option<Arc<Opened>>>,
    seen: Mutex<Option<Seen>>,
}

/// What was last seen of the row `token`.
#[derive(Clone)]
struct Seen {
    at: Instant,
    serial: String,
    tries: PinTries,
}

/// The database of that place; looks at nothing yet.
fn store(database: &Database) -> Stored<Box<dyn Store>> {
    match database {
        Database::Sqlite(path) => Ok(Box::new(SqliteStore::new(path))),
        Database::Postgres(postgres) => Ok(Box::new(PostgresStore::new(postgres)?)),
    }
}

impl KeystoreToken {
    /// A token of the slot with that label; asks nobody.
    pub fn new(label: &str, config: &crate::config::Keystore, filter: KeyFilter) -> Self {
        Self {
            label: label.into(),
            seal: config.seal.clone(),
            filter,
            store: store(&config.database),
            opened: Mutex::default(),
            seen: Mutex::default(),
        }
    }

    /// A failure of the database, as one of the token's.
    fn failed(&self, error: StoreError) -> Error {
        self.error(error.kind, error.reason)
    }

    fn store(&self) -> Result<&dyn Store> {
        match &self.store {
            Ok(store) => Ok(&**store),
            Err(error) => Err(self.failed(error.clone())),
        }
    }

    /// Notes what programs are told of the token before it is asked.
    fn note(&self, token: &TokenRow) {
        *self.seen.lock() = Some(Seen {
            at: Instant::now(),
            serial: token.serial.clone(),
            tries: tries::told(token),
        });
    }

    /// What is known; a file on this machine may be looked at for it.
    fn seen(&self) -> Option<Seen> {
        let seen = self.seen.lock().clone();
        let young = |seen: &Seen| seen.at.elapsed() < SEEN_LASTS;
        let look = |store: &&dyn Store| store.is_local() && !seen.as_ref().is_some_and(young);
        if let Some(Ok(token)) = self.store().ok().filter(look).map(Store::token) {
            self.note(&token);
            return self.seen.lock().clone();
        }
        seen
    }

    /// It has to stay as it was first told: of a database that is far, it is not the keystore's own.
    fn serial(&self, seen: Option<&Seen>) -> String {
        match self.store() {
            Ok(store) if !store.is_local() => store.alias(),
            _ => seen.map_or(String::new(), |seen| seen.serial.clone()),
        }
    }

    /// All keys, and those whose row is not as it should be.
    fn all(&self) -> Result<(Vec<Key>, Vec<Hidden>)> {
        let failed = |error| self.failed(error);
        let opened = self.opened.lock().clone();
        let mut certificates = self.certificates()?;
        let (mut keys, mut hidden) = (vec![], vec![]);
        let mut each = |row: KeyRow| {
            let of_key = certificates.remove(&row.id).unwrap_or_default();
            let authentic = opened.as_ref().is_none_or(|it| it.keys.is_authentic(&row));
            match key_row::key(&row, of_key) {
                Ok(key) if authentic => keys.push(key),
                judged => hidden.push(Hidden {
                    id: ObjectId(row.id),
                    reason: match &judged {
                        Ok(_) => signing::ALTERED.into(),
                        Err(reason) => reason.clone(),
                    },
                    key: judged.ok(),
                }),
            }
            Ok(())
        };
        self.store()?.keys(&mut each).map_err(failed)?;
        Ok((keys, hidden))
    }

    /// Those that can be read, by the id of their key.
    fn certificates(&self) -> Result<HashMap<String, Vec<Certificate>>> {
        let mut all = HashMap::<_, Vec<_>>::new();
        let mut each = |row: store::CertificateRow| {
            match Certificate::from_der(ObjectId(row.id.clone()), &row.der) {
                Ok(certificate) => all.entry(row.key_id).or_default().push(certificate),
                Err(error) => log::warn!("certificate {} cannot be read: {error}", row.id),
            }
            Ok(())
        };
        let read = self.store()?.certificates(&mut each);
        read.map_err(|error| self.failed(error))?;
        Ok(all)
    }

    fn shown(&self) -> Result<Found> {
        let (keys, hidden) = self.all()?;
        let mut found = select(keys, &self.filter);
        found.hidden.extend(hidden);
        Ok(found)
    }
}

impl Token for KeystoreToken {
    fn info(&self) -> TokenInfo {
        let seen = self.seen();
        TokenInfo {
            label: self.label.clone(),
            manufacturer: crate::MANUFACTURER,
            model: "keystore",
            serial: self.serial(seen.as_ref()),
            login_required: self.seal == Seal::Pin,
            public_is_open: true,
            pin_tries: seen.map_or(PinTries::All, |seen| seen.tries),
            user: None,
        }
    }

    fn mechanisms(&self) -> Vec<Offer> {
        Offer::in_process()
    }

    /// Without a look at the database, which may be what failed.
    fn error(&self, kind: TokenErrorKind, reason: String) -> Error {
        let slot = self.label.clone();
        Error::Token(TokenError { kind, slot, reason })
    }

    /// A file that nobody has made yet is a token that nobody has put in.
    fn is_present(&self) -> bool {
        self.store().map_or(true, Store::exists)
    }

    fn login(&self, pin: &str) -> Result {
        self.open_by_pin(pin)
    }

    fn logout(&self) {
        *self.opened.lock() = None;
    }

    fn set_pin(&self, old: &str, new: &str) -> Result {
        if self.seal != Seal::Pin {
            return Err(self.unable("have a PIN"));
        }
        let changed = upkeep::seal_by_pin(self.store()?, old, new);
        changed.map_err(|error| self.failed(error))
    }

    fn find(&self) -> Result<Found> {
        self.shown()
    }

    fn catalog(self: Arc<Self>) -> Option<Arc<dyn Catalog>> {
        Some(self)
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.signature(key, scheme, input)
    }

    fn decrypt(&self, key: &Key, padding: &RsaPadding, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.usable(key, |uses| uses.decrypt)?;
        let pair = self.pair(key)?;
        self.opened_by(pair.private.decrypt(padding, data))
    }

    fn agree(&self, key: &Key, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>> {
        self.usable(key, |uses| uses.agree)?;
        let secret = self.pair(key)?.private.agree(peer);
        secret.map_err(|error| self.error(TokenErrorKind::BadInput, error.to_string()))
    }

    fn probe(&self) -> Result<Probe> {
        self.look()
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        self.make(wanted)
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.take_in(private, wanted, false)
    }

    fn export(&self, key: &Key) -> Result<PrivateKey> {
        self.give_out(key)
    }

    fn activate(&self, key: &Key) -> Result {
        self.begin_use(key)
    }

    fn revoke(&self, key: &Key, revocation: &Revocation) -> Result {
        self.end_use(key, revocation)
    }

    fn destroy(&self, key: &Key) -> Result {
        self.remove(key)
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.name(key, name)
    }

    fn present(&self, key: &Key, wish: &Wish) -> Result {
        self.show_as(key, wish)
    }

    fn certify(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        self.keep_certificate(key, der)
    }

    fn uncertify(&self, key: &Key, certificate: &ObjectId) -> Result {
        self.remove_certificate(key, certificate)
    }

    fn describe(&self, key: &Key) -> Result<Vec<Told>> {
        self.tell(key)
    }
}
