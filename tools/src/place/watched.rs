//! A token whose slow requests show a sign of life on the terminal.

use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::Result;
use kmip_p11::model::key::{Found, Key};
use kmip_p11::model::mechanism::Mechanism;
use kmip_p11::model::signature::{SignInput, SignScheme};
use kmip_p11::token::{NewKey, Probe, Revocation, SharedToken, Token, TokenInfo, Told, Wish};

use crate::progress::shown_if_slow;

/// A token, and what is said while it is asked.
pub struct Watched {
    token: SharedToken,
    doing: String,
}

impl Watched {
    /// Says that it asks these servers.
    pub fn new(token: SharedToken, servers: &[String]) -> Self {
        let doing = format!("asking {}", servers.join(", "));
        Self { token, doing }
    }

    fn ask<T>(&self, request: impl FnOnce(&dyn Token) -> T) -> T {
        shown_if_slow(&self.doing, || request(&*self.token))
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

    fn survey(&self) -> Result<Found> {
        self.ask(|token| token.survey())
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.ask(|token| token.sign(key, scheme, input))
    }

    fn probe(&self) -> Result<Probe> {
        self.ask(|token| token.probe())
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        self.ask(|token| token.generate(wanted))
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.ask(|token| token.import(private, wanted))
    }

    fn activate(&self, key: &Key) -> Result {
        self.ask(|token| token.activate(key))
    }

    fn revoke(&self, key: &Key, revocation: &Revocation) -> Result {
        self.ask(|token| token.revoke(key, revocation))
    }

    fn destroy(&self, key: &Key) -> Result {
        self.ask(|token| token.destroy(key))
    }

    fn present(&self, key: &Key, wish: &Wish) -> Result {
        self.ask(|token| token.present(key, wish))
    }

    fn describe(&self, key: &Key) -> Result<Vec<Told>> {
        self.ask(|token| token.describe(key))
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.ask(|token| token.rename(key, name))
    }
}
