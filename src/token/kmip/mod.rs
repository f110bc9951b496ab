//! A token on a KMIP server: managed objects are its keys, Sign makes its signatures.

mod access;
mod acquaintance;
mod bearer;
mod failure;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod inventory;
mod lifecycle;
mod managed;
mod material;
mod pairing;
mod probe;
mod proof;
mod registration;
mod released_key;
mod renewal;
mod request_form;
mod signing;
mod validity;

use std::sync::Arc;
use std::time::Instant;

use self::access::Access;
use self::failure::Failures;
use self::inventory::Inventory;
use self::proof::Proofs;
use self::request_form::{Experience, Form, FormMemory};
use super::selection::select;
use super::{NewKey, Probe, Revocation, Token, TokenInfo};
use crate::config;
use crate::crypto::private_key::PrivateKey;
use crate::error::Result;
use crate::kmip::Client;
use crate::model::key::{Found, Hidden, Key};
use crate::model::signature::{Hash, SignInput, SignScheme};

/// The keys of one client identity on one group of servers.
pub struct KmipToken {
    config: config::Kmip,
    filter: config::KeyFilter,
    failures: Failures,
    forms: FormMemory,
    proofs: Proofs,
    access: Access,
}

impl KmipToken {
    /// A token of the slot with that label; asks nobody.
    pub fn new(label: &str, config: config::Kmip, filter: config::KeyFilter) -> Self {
        let names = config.servers.iter().map(ToString::to_string);
        let failures = Failures {
            slot: label.into(),
            servers: names.collect::<Vec<_>>().join(" or "),
        };
        Self {
            access: Access::new(config.clone(), failures.clone()),
            config,
            filter,
            failures,
            forms: FormMemory::default(),
            proofs: Proofs::default(),
        }
    }

    fn client(&self) -> Result<Arc<Client>> {
        self.access.client()
    }

    /// When the call that begins now has to end, all its round trips included.
    fn deadline(&self) -> Instant {
        Instant::now() + self.config.deadline
    }

    /// The keys of these object groups, of all if there are none, and what is left out.
    fn pairs(&self, groups: &[String]) -> Result<(Vec<Key>, Vec<Hidden>)> {
        self.forget_recalled();
        let client = self.client()?;
        let deadline = self.deadline();
        let inventory = Inventory {
            client: &client,
            deadline,
            groups,
            failures: &self.failures,
        };
        let located = inventory.read()?;
        self.recall_server(&client);
        located.pair(&mut self.prover(deadline))
    }

    /// Takes over what is known of a server by its name, and so saves the flight to find it out.
    fn recall_server(&self, client: &Client) {
        let info = client.server_info();
        let vendor = info.and_then(|info| info.capabilities.vendor_identification.clone());
        if vendor.is_some_and(|vendor| vendor.starts_with("PyKMIP")) {
            let reason = "PyKMIP signs only messages, no digests, and only with RSA".to_owned();
            let fails = |scheme, form| {
                self.forms
                    .remember(scheme, form, Experience::Fails(reason.clone()));
            };
            fails(SignScheme::RsaPkcs1(Hash::Sha256), Form::DigestedData);
            fails(SignScheme::Ecdsa(Hash::Sha256), Form::DigestedData);
            fails(SignScheme::Ecdsa(Hash::Sha256), Form::Data);
            fails(SignScheme::Ed25519, Form::Data);
        }
    }
}

impl Token for KmipToken {
    fn info(&self) -> TokenInfo {
        TokenInfo {
            label: self.failures.slot.clone(),
            manufacturer: crate::MANUFACTURER,
            model: "KMIP",
            serial: serial(&self.failures.slot),
            login_required: self.config.pin.is_some(),
            user: self.config.credentials.username.clone(),
        }
    }

    fn login(&self, pin: &str) -> Result {
        self.access.login(pin)
    }

    fn logout(&self) {
        self.access.logout();
    }

    fn find(&self) -> Result<Found> {
        let (keys, hidden) = self.pairs(&self.filter.groups)?;
        let mut found = select(keys, &self.filter);
        found.hidden.extend(hidden);
        Ok(found)
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.signature(self.deadline(), key, scheme, input)
    }

    fn identity(&self) -> Option<[u8; 32]> {
        self.identity_digest()
    }

    fn learnt(&self) -> Vec<u8> {
        self.learnt_bytes()
    }

    fn recall(&self, learnt: &[u8]) {
        self.recall_bytes(learnt);
    }

    fn probe(&self) -> Result<Probe> {
        self.probe_server()
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        self.create_key_pair(wanted)
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.register(private, wanted)
    }

    fn activate(&self, key: &Key) -> Result {
        self.activate_pair(key)
    }

    fn revoke(&self, key: &Key, revocation: &Revocation) -> Result {
        self.revoke_pair(key, revocation)
    }

    fn destroy(&self, key: &Key) -> Result {
        self.destroy_pair(key)
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.rename_pair(key, name)
    }
}

/// Sixteen hexadecimal digits that stay with the label, for programs that tell tokens by serial.
fn serial(label: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, label.as_bytes());
    let digits = digest.as_ref().iter().take(8).map(|b| format!("{b:02x}"));
    digits.collect()
}
