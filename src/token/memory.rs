//! A token in memory: for tests and documentation; its keys end with it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

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
    keys: Mutex<BTreeMap<usize, (Key, PrivateKey)>>,
}

impl MemoryToken {
    /// An empty token.
    pub fn new(label: &str) -> Self {
        Self {
            label: label.into(),
            pin: None,
            public_is_open: false,
            logged_in: AtomicBool::new(false),
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

    fn opened(&self) -> Result {
        match self.pin.is_none() || self.logged_in.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(self.error(TokenErrorKind::LoginRequired, "give the PIN first".into())),
        }
    }

    fn insert(&self, private: PrivateKey, wanted: &NewKey) -> Key {
        let mut keys = self.keys.lock();
        let number = keys.last_key_value().map_or(1, |(last, _)| last + 1);
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
        keys.insert(number, (key.clone(), private));
        key
    }

    fn change<T>(&self, key: &Key, change: impl FnOnce(&mut Key) -> T) -> Result<T> {
        let mut keys = self.keys.lock();
        let found = keys.values_mut().find(|(held, _)| held.id == key.id);
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
        for (key, _) in self.keys.lock().values() {
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

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.opened()?;
        let keys = self.keys.lock();
        let found = keys.values().find(|(held, _)| held.id == key.id);
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
        let found = keys.values().find(|(held, _)| held.id == key.id);
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
        self.keys.lock().retain(|_, (held, _)| held.id != key.id);
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
