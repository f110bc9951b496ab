//! A token in memory: for tests and documentation; its keys end with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::catalog::{Catalog, KeyNumber, Page, Wanted};
use super::selection::select;
use super::{NewKey, PinTries, Revocation, Token, TokenInfo, Wish};
use crate::config::KeyFilter;
use crate::crypto::private_key::{PrivateKey, PrivateKeyError};
use crate::error::{Result, TokenErrorKind};
use crate::model::certificate::Certificate;
use crate::model::cipher::RsaPadding;
use crate::model::key::{Custody, Found, Key, ObjectId, OtherUses, State};
use crate::model::mechanism::Offer;
use crate::model::public_key::PublicKey;
use crate::model::signature::{SignInput, SignScheme};
use crate::model::validity::Validity;

/// Keys in this process, by their number.
pub struct MemoryToken {
    label: String,
    pin: Option<&'static str>,
    public_is_open: bool,
    logged_in: AtomicBool,
    has_catalog: bool,
    filter: KeyFilter,
    keys: Arc<Mutex<Keys>>,
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
            filter: KeyFilter::default(),
            keys: Arc::default(),
        }
    }

    /// Another token with the same keys, as another process would have it of a place outside: what one
    /// changes, the other sees. Nobody is logged in to it.
    pub fn another(&self) -> Self {
        Self {
            label: self.label.clone(),
            filter: self.filter.clone(),
            keys: Arc::clone(&self.keys),
            logged_in: AtomicBool::new(false),
            ..*self
        }
    }

    /// The same, which shows what that filter lets through.
    pub fn showing(self, filter: KeyFilter) -> Self {
        Self { filter, ..self }
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

    /// A key goes, whatever its state is: as when somebody else had revoked and destroyed it.
    pub fn lose(&self, key: &Key) {
        self.keys.lock().of.retain(|_, (held, _)| held.id != key.id);
    }

    fn opened(&self) -> Result {
        match self.pin.is_none() || self.logged_in.load(Ordering::Relaxed) {
            true => Ok(()),
            false => Err(self.error(TokenErrorKind::LoginRequired, "give the PIN first".into())),
        }
    }

    fn insert(&self, private: PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.opened()?;
        self.named(&wanted.name)?;
        let mut keys = self.keys.lock();
        self.is_free(&keys, &wanted.name)?;
        keys.last += 1;
        let number = keys.last;
        let public = private.public().clone();
        let key_type = public.key_type();
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
            other_uses: OtherUses::of(key_type),
            mechanisms: None,
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
        Ok(key)
    }

    fn is_free(&self, keys: &Keys, name: &str) -> Result {
        match keys.of.values().find(|(held, _)| held.name == name) {
            None => Ok(()),
            Some((held, _)) => {
                let reason = format!(
                    "a key called {name:?} is there already ({}); choose another name, or rename \
                     or destroy that one",
                    held.id
                );
                Err(self.error(TokenErrorKind::BadInput, reason))
            }
        }
    }

    fn change<T>(&self, key: &Key, change: impl FnOnce(&mut Key) -> T) -> Result<T> {
        self.opened()?;
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

    fn mechanisms(&self) -> Vec<Offer> {
        Offer::in_process()
    }

    fn find(&self) -> Result<Found> {
        if !self.public_is_open {
            self.opened()?;
        }
        let keys = self.keys.lock();
        let held = keys.of.values().map(|(key, _)| key.clone()).collect();
        Ok(select(held, &self.filter))
    }

    fn catalog(self: Arc<Self>) -> Option<Arc<dyn Catalog>> {
        match self.has_catalog {
            true => Some(self),
            false => None,
        }
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.opened()?;
        self.signable(key, scheme, input)?;
        let keys = self.keys.lock();
        let found = keys.of.values().find(|(held, _)| held.id == key.id);
        let (held, private) = found.ok_or_else(|| self.gone(key))?;
        if let Some(why) = held.unusable() {
            let reason = format!("key {:?} may not sign: {why}", held.name);
            return Err(self.error(TokenErrorKind::Denied, reason));
        }
        let signature = private.sign(scheme, input);
        self.verified(key, scheme, input, signature.map_err(|e| self.unusable(e))?)
    }

    fn decrypt(&self, key: &Key, padding: &RsaPadding, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.opened()?;
        self.usable(key, |uses| uses.decrypt)?;
        let keys = self.keys.lock();
        let found = keys.of.values().find(|(held, _)| held.id == key.id);
        let (held, private) = found.ok_or_else(|| self.gone(key))?;
        self.usable(held, |uses| uses.decrypt)?;
        self.opened_by(private.decrypt(padding, data))
    }

    fn agree(&self, key: &Key, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>> {
        self.opened()?;
        let keys = self.keys.lock();
        let found = keys.of.values().find(|(held, _)| held.id == key.id);
        let (held, private) = found.ok_or_else(|| self.gone(key))?;
        self.usable(held, |uses| uses.agree)?;
        private.agree(peer).map_err(|e| self.unusable(e))
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        let private = PrivateKey::generate(wanted.key_type).map_err(|e| self.unusable(e))?;
        self.insert(private, wanted)
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        let copy = private.copy().map_err(|e| self.unusable(e))?;
        self.insert(copy, wanted)
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
        let state = self.change(key, |held| held.state)?;
        if !matches!(state, State::PreActive | State::Active) {
            let reason = format!("key {:?} is {state}; make a new key", key.name);
            return Err(self.error(TokenErrorKind::Denied, reason));
        }
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
        let state = self.change(key, |held| held.state)?;
        if state == State::Active {
            let reason = format!(
                "key {:?} is active; revoke it before it is destroyed",
                key.name
            );
            return Err(self.error(TokenErrorKind::Denied, reason));
        }
        self.lose(key);
        Ok(())
    }

    fn certify(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        self.opened()?;
        let mut keys = self.keys.lock();
        keys.last += 1;
        let id = ObjectId(keys.last.to_string());
        let found = keys.of.values_mut().find(|(held, _)| held.id == key.id);
        let (held, _) = found.ok_or_else(|| self.gone(key))?;
        let certificate = self.certificate_of(held, id, der)?;
        if let Some(there) = held.certificates.iter().find(|it| it.der() == der) {
            return Ok(there.clone());
        }
        held.certificates.push(certificate.clone());
        Ok(certificate)
    }

    fn uncertify(&self, key: &Key, certificate: &ObjectId) -> Result {
        let removed = self.change(key, |held| {
            let place = held
                .certificates
                .iter()
                .position(|it| it.id == *certificate);
            place.map(|place| held.certificates.remove(place))
        })?;
        let missing = || {
            let reason = format!("key {} has no certificate {certificate}", key.id);
            self.error(TokenErrorKind::Gone, reason)
        };
        removed.map(drop).ok_or_else(missing)
    }

    fn present(&self, key: &Key, wish: &Wish) -> Result {
        self.change(key, |held| match wish {
            Wish::Id(id) => held.key_id = id.clone().unwrap_or_else(|| held.public.key_id()),
            Wish::Label(label) => held.own_label.clone_from(label),
        })
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.named(name)?;
        self.change(key, |_| ())?;
        self.is_free(&self.keys.lock(), name)?;
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
