//! A token whose keys a KMIP server manages and an HSM uses: they come wrapped, and nobody between the two can read them.

mod delivering;
mod setup;
mod shelf;
mod vault;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;

use self::delivering::{Refused, Way};
use self::shelf::Shelf;
use self::vault::Vault;
use super::hsm::device::Fault;
use super::hsm::{conversation, error_kind};
use super::kmip::KmipToken;
use super::{DeliveryTask, NewKey, Probe, Remnant, Revocation, Token, TokenInfo, Told, Wish};
use crate::config;
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, TokenErrorKind};
use crate::model::certificate::Certificate;
use crate::model::key::{Custody, Found, Hidden, Key, ObjectId, OtherUses, State};
use crate::model::signature::{SignInput, SignScheme};

/// Keys on KMIP servers, used in an HSM.
pub struct DeliveredToken {
    label: String,
    config: config::Delivered,
    kmip: KmipToken,
    vault: Arc<Vault>,
    shelf: Shelf,
    /// The wrapping key that was used last.
    way: Mutex<Option<Way>>,
    refused: Refused,
}

impl DeliveredToken {
    /// A token of the slot with that label; asks nobody.
    pub fn new(label: &str, config: config::Delivered, filter: config::KeyFilter) -> Self {
        let delivery = &config.delivery;
        Self {
            label: label.into(),
            kmip: KmipToken::for_delivery(label, config.kmip.clone(), filter),
            vault: Arc::new(Vault::new(conversation(config.hsm.clone()))),
            shelf: Shelf::new(delivery.keep, delivery.uses),
            way: Mutex::default(),
            refused: Refused::default(),
            config,
        }
    }

    /// Whether the PIN of C_Login is the HSM's; else it is the server's.
    fn pin_is_of_hsm(&self) -> bool {
        self.config.hsm.pin == config::PinSource::Login
    }

    /// That the HSM's PIN was given, if it is the one of the slot.
    fn opened(&self) -> Result {
        match self.vault.has_pin() {
            true => Ok(()),
            false => Err(self.error(TokenErrorKind::LoginRequired, "give the PIN first".into())),
        }
    }

    fn hsm_fault(&self, doing: &str, fault: &Fault) -> Error {
        let reason = format!("the HSM could not {doing}: {fault}");
        self.error(error_kind(fault.kind), reason)
    }

    /// Hides what the HSM cannot use, with the reason.
    fn hide_unusable(&self, found: &mut Found) {
        let keys = std::mem::take(&mut found.keys);
        for key in keys {
            match self.cannot_deliver(&key) {
                None => found.keys.push(in_hsm(key)),
                Some(reason) => found.hidden.push(Hidden {
                    id: key.id.clone(),
                    reason,
                    key: Some(key),
                }),
            }
        }
    }

    fn shown(&self, found: Result<Found>) -> Result<Found> {
        let mut found = found?;
        let usable = |key: &&Key| key.state == State::Active && key.unusable().is_none();
        let usable: Vec<_> = found.keys.iter().filter(usable).collect();
        self.shelf
            .retain(|id| usable.iter().any(|key| key.id == *id));
        self.hide_unusable(&mut found);
        Ok(found)
    }
}

/// A program sees how the HSM guards it: what the server does is the server's.
fn in_hsm(key: Key) -> Key {
    let custody = Custody {
        sensitive: Some(true),
        extractable: Some(false),
        ..key.custody
    };
    // There, it signs and does nothing else.
    let other_uses = OtherUses::default();
    Key {
        custody,
        other_uses,
        ..key
    }
}

impl Token for DeliveredToken {
    fn info(&self) -> TokenInfo {
        let of_kmip = self.kmip.info();
        TokenInfo {
            model: "KMIP + HSM",
            login_required: self.pin_is_of_hsm() || of_kmip.login_required,
            // The server tells what there is without the HSM's PIN.
            public_is_open: self.pin_is_of_hsm() || of_kmip.public_is_open,
            ..of_kmip
        }
    }

    fn is_present(&self) -> bool {
        self.vault.is_present()
    }

    fn login(&self, pin: &str) -> Result {
        match self.pin_is_of_hsm() {
            true => self
                .vault
                .login(pin)
                .map_err(|fault| self.hsm_fault("be opened", &fault)),
            false => self.kmip.login(pin),
        }
    }

    fn set_pin(&self, old: &str, new: &str) -> Result {
        match self.pin_is_of_hsm() {
            true => self
                .vault
                .set_pin(old, new)
                .map_err(|fault| self.hsm_fault("change its PIN", &fault)),
            false => Err(self.unable("change a PIN of a KMIP server")),
        }
    }

    fn logout(&self) {
        self.shelf.clear();
        *self.way.lock() = None;
        self.vault.logout();
        self.kmip.logout();
    }

    fn find(&self) -> Result<Found> {
        self.shown(self.kmip.find())
    }

    fn survey(&self) -> Result<Found> {
        self.shown(self.kmip.survey())
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.opened()?;
        self.signable(key, scheme, input)?;
        let signature = self.signed_in_hsm(key, scheme, input)?;
        let signature = key.public.signature_from_token(signature);
        self.verified(key, scheme, input, signature)
            .inspect_err(|_| self.shelf.forget(&key.id))
    }

    fn identity(&self) -> Option<[u8; 32]> {
        let of_kmip = self.kmip.identity()?;
        let said = format!("{:?}", (of_kmip, &self.config.hsm, &self.config.delivery));
        digest(&SHA256, said.as_bytes()).as_ref().try_into().ok()
    }

    fn learnt(&self) -> Vec<u8> {
        self.kmip.learnt()
    }

    fn recall(&self, learnt: &[u8]) {
        self.kmip.recall(learnt);
    }

    fn probe(&self) -> Result<Probe> {
        let mut probe = self.kmip.probe()?;
        match self.delivery(DeliveryTask::Look) {
            Ok(told) => {
                probe.facts.extend(told.facts);
                probe.warnings.extend(told.warnings);
            }
            Err(error) => probe.warnings.push(error.to_string()),
        }
        Ok(probe)
    }

    fn usual_group(&self) -> Option<String> {
        self.kmip.usual_group()
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        self.opened()?;
        self.kmip.generate(wanted)
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.opened()?;
        self.kmip.import(private, wanted)
    }

    fn activate(&self, key: &Key) -> Result {
        self.opened()?;
        self.kmip.activate(key)
    }

    fn revoke(&self, key: &Key, revocation: &Revocation) -> Result {
        self.opened()?;
        self.shelf.forget(&key.id);
        self.kmip.revoke(key, revocation)
    }

    fn destroy(&self, key: &Key) -> Result {
        self.opened()?;
        self.shelf.forget(&key.id);
        self.kmip.destroy(key)
    }

    fn remnant(&self, id: &ObjectId) -> Result<Option<Remnant>> {
        self.kmip.remnant(id)
    }

    fn remove(&self, remnant: &Remnant) -> Result {
        self.opened()?;
        self.kmip.remove(remnant)
    }

    fn rekey(&self, key: &Key) -> Result<Key> {
        self.opened()?;
        self.shelf.forget(&key.id);
        self.kmip.rekey(key)
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.opened()?;
        self.kmip.rename(key, name)
    }

    fn present(&self, key: &Key, wish: &Wish) -> Result {
        self.opened()?;
        self.kmip.present(key, wish)
    }

    fn certify(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        self.opened()?;
        self.kmip.certify(key, der)
    }

    fn uncertify(&self, key: &Key, certificate: &ObjectId) -> Result {
        self.opened()?;
        self.kmip.uncertify(key, certificate)
    }

    fn describe(&self, key: &Key) -> Result<Vec<Told>> {
        self.kmip.describe(key)
    }

    fn delivery(&self, task: DeliveryTask) -> Result<Probe> {
        self.carry_out(task)
    }
}
