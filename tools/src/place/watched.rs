//! A token whose slow requests show a sign of life on the terminal, and whose changes other processes see.

use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::Result;
use kmip_p11::model::key::{Found, Key};
use kmip_p11::model::mechanism::Mechanism;
use kmip_p11::model::signature::{SignInput, SignScheme};
use kmip_p11::provider::ListingFile;
use kmip_p11::token::{NewKey, Probe, Revocation, SharedToken, Token, TokenInfo};

use crate::progress::shown_if_slow;

/// A token, and what is said while it is asked.
pub struct Watched {
    token: SharedToken,
    doing: String,
    listing: Option<ListingFile>,
}

impl Watched {
    /// Says that it asks these servers. `listing` is where the slot's listing is kept.
    pub fn new(token: SharedToken, servers: &[String], listing: Option<ListingFile>) -> Self {
        let doing = format!("asking {}", servers.join(", "));
        Self {
            token,
            doing,
            listing,
        }
    }

    fn ask<T>(&self, request: impl FnOnce(&dyn Token) -> T) -> T {
        shown_if_slow(&self.doing, || request(&*self.token))
    }

    /// The next `ssh` asks the server, whatever came of the change: it may have happened in part.
    fn change<T>(&self, request: impl FnOnce(&dyn Token) -> T) -> T {
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

    fn mechanisms(&self) -> Vec<&'static Mechanism> {
        self.token.mechanisms()
    }

    fn find(&self) -> Result<Found> {
        self.ask(|token| token.find())
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.ask(|token| token.sign(key, scheme, input))
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

    fn activate(&self, key: &Key) -> Result {
        self.change(|token| token.activate(key))
    }

    fn revoke(&self, key: &Key, revocation: &Revocation) -> Result {
        self.change(|token| token.revoke(key, revocation))
    }

    fn destroy(&self, key: &Key) -> Result {
        self.change(|token| token.destroy(key))
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.change(|token| token.rename(key, name))
    }
}
