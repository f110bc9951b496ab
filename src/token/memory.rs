//! A token in memory: for tests and documentation; its keys end with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::catalog::{Catalog, KeyNumber, Page, Wanted};
use super::{NewKey, PinTries, Revocation, Token, TokenInfo, Wish};
use crate::crypto::private_key::{PrivateKey, PrivateKeyError};
use crate::error::{Result, TokenErrorKind};
use crate::model::key::{Custody, Found, Hidden, Key, ObjectId, State};
use crate::model::signature::{SignInput, SignScheme};
use crate::model::validity::Validity;

/// Keys in this process, by their number.
pub struct MemoryToken {
    label: String,
    pin: Option<&'static str>,
    public_is_open: bool,
    logged_in: AtomicBool,
    has_catalog: bool,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    of: BTreeMap<KeyNumber, (Key, PrivateKey)>,
    /// The highest number that was ever given.
    last: KeyNumber,
}

impl MemoryToken {
    /// An empty token.
    pub fn new(label: &str) -> Self {
        Self {
            label: label.into(),
            pin: None,
            public_is_open: false,
            logged_in: AtomicBool::new(false),
            has_catalog: false,
            keys: Mutex::default(),
        }
    }

    /// The same, with keys that are there only for those who know the PIN.
    pub fn behind(self, pin: &'static str) -> Self {
        Self {
            pin: Some(pin),
            ..self
        }
    }

    /// The same, with public keys that are there for everybody.
    pub fn with_open_public(self) -> Self {
        Self {
            public_is_open: true,
            ..self
        }
    }

    /// The same, with a catalog instead of listings.
    pub fn with_catalog(self) -> Self {
        Self {
            has_catalog: true,
            ..self
        }
    }

    fn opened(&self) -> Result {
        match self.pin.is_none() || self.logged_in.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(self.error(TokenErrorKind::LoginRequired, "give the PIN first".into())),
        }
    }

    fn insert(&self, private: PrivateKey, wanted: &NewKey) -> Key {
        let mut keys = self.keys.lock();
        keys.last += 1;
        let number = keys.last;
        let public = private.public().clone();
        let key = Key {
            id: ObjectId(number.to_string()),
            public_id: None,
            name: wanted.name.clone(),
            own_label: None,
            key_id: public.key_id(),
            public,
            state: match wanted.activate {
                true => State::Active,
                false => State::PreActive,
            },
            validity: Validity::default(),
            may_sign: true,
            custody: Custody {
                extractable: Some(wanted.extractable),
                ..Custody::default()
            },
            groups: wanted.groups.clone(),
            created: None,
            certificates: vec![],
            remarks: vec![],
        };
        keys.of.insert(number, (key.clone(), private));
        key
    }

    fn change<T>(&self, key: &Key, change: impl FnOnce(&mut Key) -> T) -> Result<T> {
        let mut keys = self.keys.lock();
        let found = keys.of.values_mut().find(|(held, _)| held.id == key.id);
        let (held, _) = found.ok_or_else(|| self.gone(key))?;
        Ok(change(held))
    }

    fn gone(&self, key: &Key) -> crate::error::Error {
        let reason = format!("there is no key {}", key.id);
        self.error(TokenErrorKind::Gone, reason)
    }

    fn unusable(&self, error: PrivateKeyError) -> crate::error::Error {
        self.error(TokenErrorKind::BadInput, error.to_string())
    }
}

impl Token for MemoryToken {
    fn info(&self) -> TokenInfo {
        TokenInfo {
            label: self.label.clone(),
            manufacturer: "kmip-p11",
            model: "memory",
            serial: "0".into(),
            login_required: self.pin.is_some(),
            public_is_open: self.public_is_open,
            pin_tries: PinTries::All,
            user: None,
        }
    }

    fn login(&self, pin: &str) -> Result {
        match self.pin {
            Some(right) if right != pin => {
                Err(self.error(TokenErrorKind::WrongPin, "the PIN is wrong".into()))
            }
            _ => {
                self.logged_in.store(true, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    fn logout(&self) {
        self.logged_in.store(false, Ordering::Relaxed);
    }

    fn find(&self) -> Result<Found> {
        if !self.public_is_open {
            self.opened()?;
        }
        let mut found = Found::default();
        for (key, _) in self.keys.lock().of.values() {
            match key.unusable() {
                None => found.keys.push(key.clone()),
                Some(reason) => found.hidden.push(Hidden {
                    id: key.id.clone(),
                    key: Some(key.clone()),
                    reason,
                }),
            }
        }
        Ok(found)
    }

    fn catalog(self: Arc<Self>) -> Option<Arc<dyn Catalog>> {
        match self.has_catalog {
            true => Some(self),
            false => None,
        }
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.opened()?;
        let keys = self.keys.lock();
        let found = keys.of.values().find(|(held, _)| held.id == key.id);
        let (_, private) = found.ok_or_else(|| self.gone(key))?;
        let signature = private.sign(scheme, input);
        self.verified(key, scheme, input, signature.map_err(|e| self.unusable(e))?)
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        let private = PrivateKey::generate(wanted.key_type).map_err(|e| self.unusable(e))?;
        Ok(self.insert(private, wanted))
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        let copy = private.copy().map_err(|e| self.unusable(e))?;
        Ok(self.insert(copy, wanted))
    }

    fn export(&self, key: &Key) -> Result<PrivateKey> {
        self.opened()?;
        let keys = self.keys.lock();
        let found = keys.of.values().find(|(held, _)| held.id == key.id);
        let (held, private) = found.ok_or_else(|| self.gone(key))?;
        match held.custody.extractable {
            Some(true) => private.copy().map_err(|e| self.unusable(e)),
            _ => {
                let reason = format!("key {} is not extractable", key.id);
                Err(self.error(TokenErrorKind::Denied, reason))
            }
        }
    }

    fn activate(&self, key: &Key) -> Result {
        self.change(key, |held| held.state = State::Active)
    }

    fn revoke(&self, key: &Key, revocation: &Revocation) -> Result {
        let state = match revocation.compromised {
            true => State::Compromised,
            false => State::Deactivated,
        };
        self.change(key, |held| held.state = state)
    }

    fn destroy(&self, key: &Key) -> Result {
        self.change(key, |_| ())?;
        let mut keys = self.keys.lock();
        keys.of.retain(|_, (held, _)| held.id != key.id);
        Ok(())
    }

    fn present(&self, key: &Key, wish: &Wish) -> Result {
        self.change(key, |held| match wish {
            Wish::Id(id) => held.key_id = id.clone().unwrap_or_else(|| held.public.key_id()),
            Wish::Label(label) => held.own_label.clone_from(label),
        })
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.change(key, |held| held.name = name.into())
    }
}

impl Catalog for MemoryToken {
    fn page(&self, wanted: &Wanted, after: KeyNumber, limit: usize) -> Result<Page> {
        if !self.public_is_open {
            self.opened()?;
        }
        let keys = self.keys.lock();
        let mut rest = keys.of.range(after + 1..).peekable();
        let read: Vec<_> = rest.by_ref().take(limit).collect();
        let last = read.last().map(|(number, _)| **number);
        let shown = |key: &Key| key.unusable().is_none() && wanted.includes(key);
        let shown = read.into_iter().filter(|(_, (key, _))| shown(key));
        Ok(Page {
            keys: shown
                .map(|(number, (key, _))| (*number, key.clone()))
                .collect(),
            next: rest.peek().and(last),
        })
    }

    fn key(&self, number: KeyNumber) -> Result<Option<Key>> {
        if !self.public_is_open {
            self.opened()?;
        }
        let keys = self.keys.lock();
        let key = keys.of.get(&number).map(|(key, _)| key);
        Ok(key.filter(|key| key.unusable().is_none()).cloned())
    }
}
