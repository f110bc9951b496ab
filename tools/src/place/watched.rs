//! A token whose slow requests show a sign of life on the terminal, that gives the PIN when it is needed, and whose
//! changes other processes see.

use std::sync::atomic::{AtomicBool, Ordering};

use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::Result;
use kmip_p11::model::certificate::Certificate;
use kmip_p11::model::key::{Found, Key, ObjectId};
use kmip_p11::model::mechanism::Offer;
use kmip_p11::model::mechanism_call::MechanismCall;
use kmip_p11::model::signature::{SignInput, SignScheme};
use kmip_p11::provider::ListingFile;
use kmip_p11::token::{
    DeliveryTask, NewKey, Probe, Remnant, Revocation, SharedToken, Token, TokenInfo, Told, Wish,
};

use zeroize::Zeroizing;

use crate::progress::shown_if_slow;

/// A token, what is said while it is asked, and what opens it.
pub struct Watched {
    token: SharedToken,
    doing: String,
    pin: Option<Zeroizing<String>>,
    is_open: AtomicBool,
    listing: Option<ListingFile>,
}

impl Watched {
    /// Says that it asks these places. `listing` is where the slot's listing is kept.
    pub fn new(
        token: SharedToken,
        places: &[String],
        pin: Option<Zeroizing<String>>,
        listing: Option<ListingFile>,
    ) -> Self {
        Self {
            token,
            doing: format!("asking {}", places.join(", ")),
            pin,
            is_open: AtomicBool::new(false),
            listing,
        }
    }

    fn ask<T>(&self, request: impl FnOnce(&dyn Token) -> Result<T>) -> Result<T> {
        shown_if_slow(&self.doing, || {
            if let Some(pin) = &self.pin
                && !self.is_open.load(Ordering::Relaxed)
            {
                self.open(pin)?;
            }
            request(&*self.token)
        })
    }

    fn open(&self, pin: &str) -> Result<()> {
        self.token.login(pin)?;
        self.is_open.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// The next `ssh` asks the token itself, whatever came of the change: it may have happened in part.
    fn change<T>(&self, request: impl FnOnce(&dyn Token) -> Result<T>) -> Result<T> {
        let changed = self.ask(request);
        if let Some(listing) = &self.listing {
            listing.expire_all();
        }
        changed
    }
}

impl Token for Watched {
    fn info(&self) -> TokenInfo {
        self.token.info()
    }

    fn mechanisms(&self) -> Vec<Offer> {
        self.token.mechanisms()
    }

    fn is_present(&self) -> bool {
        self.token.is_present()
    }

    fn login(&self, pin: &str) -> Result<()> {
        shown_if_slow(&self.doing, || self.open(pin))
    }

    fn logout(&self) {
        self.token.logout();
        self.is_open.store(false, Ordering::Relaxed);
    }

    fn find(&self) -> Result<Found> {
        self.ask(|token| token.find())
    }

    fn survey(&self) -> Result<Found> {
        self.ask(|token| token.survey())
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.ask(|token| token.sign(key, scheme, input))
    }

    fn sign_by(&self, key: &Key, call: &MechanismCall, data: &[u8]) -> Result<Vec<u8>> {
        self.ask(|token| token.sign_by(key, call, data))
    }

    fn probe(&self) -> Result<Probe> {
        self.ask(|token| token.probe())
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        self.change(|token| token.generate(wanted))
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.change(|token| token.import(private, wanted))
    }

    fn export(&self, key: &Key) -> Result<PrivateKey> {
        self.ask(|token| token.export(key))
    }

    fn activate(&self, key: &Key) -> Result {
        self.change(|token| token.activate(key))
    }

    fn revoke(&self, key: &Key, revocation: &Revocation) -> Result {
        self.change(|token| token.revoke(key, revocation))
    }

    fn destroy(&self, key: &Key) -> Result {
        self.change(|token| token.destroy(key))
    }

    fn remnant(&self, id: &ObjectId) -> Result<Option<Remnant>> {
        self.ask(|token| token.remnant(id))
    }

    fn remove(&self, remnant: &Remnant) -> Result {
        self.change(|token| token.remove(remnant))
    }

    fn rekey(&self, key: &Key) -> Result<Key> {
        self.change(|token| token.rekey(key))
    }

    fn present(&self, key: &Key, wish: &Wish) -> Result {
        self.change(|token| token.present(key, wish))
    }

    fn certify(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        self.change(|token| token.certify(key, der))
    }

    fn uncertify(&self, key: &Key, certificate: &ObjectId) -> Result {
        self.change(|token| token.uncertify(key, certificate))
    }

    fn describe(&self, key: &Key) -> Result<Vec<Told>> {
        self.ask(|token| token.describe(key))
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.change(|token| token.rename(key, name))
    }

    fn delivery(&self, task: DeliveryTask) -> Result<Probe> {
        self.change(|token| token.delivery(task))
    }
}
