//! A token on a KMIP server: managed objects are its keys, Sign makes its signatures.

mod access;
mod acquaintance;
mod bearer;
mod certificates;
pub(super) mod cipher_key;
mod decrypting;
mod description;
mod failure;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod interrupted;
mod inventory;
mod lifecycle;
mod making;
mod managed;
mod mapping;
mod material;
mod own_words;
mod pairing;
mod probe;
mod proof;
mod reading;
mod registration;
mod released_key;
mod remnant;
mod renewal;
mod replacing;
mod request_form;
mod search;
mod settling;
mod signing;
mod validity;
mod wishes;
mod wrapped;
mod wrapping_key;

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use zeroize::Zeroizing;

use self::access::Access;
use self::failure::Failures;
use self::inventory::{Inventory, Scope};
use self::proof::Proofs;
use self::request_form::{Experience, Form, FormMemory};
use self::search::Habits;
use self::wishes::KeptForm;
pub use self::wrapped::{WrapUnder, Wrapped};
use super::selection::select;
use super::{NewKey, PinTries, Probe, Remnant, Revocation, Token, TokenInfo, Told, Wish};
use crate::config;
use crate::crypto::private_key::PrivateKey;
use crate::error::Result;
use crate::kmip::Client;
use crate::model::certificate::Certificate;
use crate::model::cipher::RsaPadding;
use crate::model::key::{Found, Key, ObjectId};
use crate::model::signature::{Hash, SignInput, SignScheme};

/// The keys of one client identity on one group of servers.
pub struct KmipToken {
    config: config::Kmip,
    filter: config::KeyFilter,
    /// Whether keys are for an HSM, and leave the server wrapped.
    delivers: bool,
    failures: Failures,
    forms: FormMemory,
    proofs: Proofs,
    access: Access,
    habits: Habits,
    kept_form: KeptForm,
    /// The warnings of the last listing.
    told: Mutex<Vec<String>>,
}

impl KmipToken {
    /// The same, for keys that are delivered into an HSM.
    pub fn for_delivery(label: &str, config: config::Kmip, filter: config::KeyFilter) -> Self {
        Self {
            delivers: true,
            ..Self::new(label, config, filter)
        }
    }

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
            delivers: false,
            filter,
            failures,
            forms: FormMemory::default(),
            proofs: Proofs::default(),
            habits: Habits::default(),
            kept_form: KeptForm::default(),
            told: Mutex::default(),
        }
    }

    fn client(&self) -> Result<Arc<Client>> {
        self.access.client()
    }

    /// When the call that begins now has to end, all its round trips included.
    fn deadline(&self) -> Instant {
        Instant::now() + self.config.deadline
    }

    /// The keys of that scope, and what is left out.
    fn pairs(&self, scope: Scope<'_>) -> Result<Found> {
        self.forget_recalled();
        let client = self.client()?;
        let deadline = self.deadline();
        let inventory = Inventory {
            client: &client,
            deadline,
            scope,
            failures: &self.failures,
            habits: &self.habits,
        };
        let located = inventory.read()?;
        self.recall_servers(&client);
        self.access.warn_of_servers(&client);
        let refused = located.refused.clone();
        let found = located.pair(&mut self.prover(deadline))?;
        // A server that lets none of its keys be read has failed; it has not said that it has none.
        match refused {
            Some(refusal) if found.keys.is_empty() => Err(self.failures.refusal(&refusal)),
            _ => Ok(found),
        }
    }

    /// What the slot shows of the keys of that scope.
    fn shown(&self, scope: Scope<'_>) -> Result<Found> {
        let found = self.pairs(scope)?;
        let mut shown = select(found.keys, &self.filter);
        shown.hidden.extend(found.hidden);
        (shown.warnings, shown.is_partial) = (found.warnings, found.is_partial);
        self.tell(&shown.warnings);
        Ok(shown)
    }

    /// Logs what the log was not told by the listing before.
    fn tell(&self, warnings: &[String]) {
        let mut told = self.told.lock();
        for warning in warnings.iter().filter(|warning| !told.contains(warning)) {
            log::warn!("slot {:?}: {warning}", self.failures.slot);
        }
        *told = warnings.to_vec();
    }

    /// Takes over what is known of servers by their names, and so saves the flight to find it out.
    fn recall_servers(&self, client: &Client) {
        let known = (0..client.servers().len()).map(|server| client.identity(server));
        for server in known.filter(|server| server.contains(" PyKMIP")) {
            let reason = "PyKMIP signs only messages, no digests, and only with RSA".to_owned();
            let fails = |scheme, form| {
                let experience = Experience::Fails(reason.clone());
                self.forms.remember(&server, scheme, form, experience);
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
            public_is_open: false,
            pin_tries: PinTries::All,
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
        let names = self.filter.names.exact().unwrap_or_default();
        let algorithms = material::algorithms(&self.filter.types);
        self.shown(Scope {
            groups: &self.filter.groups,
            names: &names,
            algorithms: &algorithms,
        })
    }

    fn survey(&self) -> Result<Found> {
        self.shown(Scope {
            groups: &self.filter.groups,
            ..Scope::default()
        })
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.signable(key, scheme, input)?;
        self.signature(self.deadline(), key, scheme, input)
    }

    fn decrypt(&self, key: &Key, padding: &RsaPadding, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.message(key, padding, data)
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

    fn usual_group(&self) -> Option<String> {
        self.filter.groups.first().cloned()
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        self.create_key_pair(wanted)
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.register(private, wanted)
    }

    fn export(&self, key: &Key) -> Result<PrivateKey> {
        self.given_away(key)
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

    fn remnant(&self, id: &ObjectId) -> Result<Option<Remnant>> {
        self.part_of_no_key(id)
    }

    fn remove(&self, remnant: &Remnant) -> Result {
        self.remove_remnant(remnant)
    }

    fn rekey(&self, key: &Key) -> Result<Key> {
        self.rekey_pair(key)
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.rename_pair(key, name)
    }

    fn present(&self, key: &Key, wish: &Wish) -> Result {
        self.fulfil(key, wish)
    }

    fn certify(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        self.register_certificate(key, der)
    }

    fn uncertify(&self, key: &Key, certificate: &ObjectId) -> Result {
        self.destroy_certificate(key, certificate)
    }

    fn describe(&self, key: &Key) -> Result<Vec<Told>> {
        self.describe_pair(key)
    }
}

/// Sixteen hexadecimal digits that stay with the label, for programs that tell tokens by serial.
fn serial(label: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, label.as_bytes());
    let digits = digest.as_ref().iter().take(8).map(|b| format!("{b:02x}"));
    digits.collect()
}
