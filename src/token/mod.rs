//! Where keys live: one trait, and an implementation for each kind of place.

pub mod catalog;
mod check_signature;
mod delivered;
pub mod hsm;
pub mod keystore;
mod kmip;
pub mod memory;
mod naming;
mod selection;
mod terms;

use std::sync::Arc;

use zeroize::Zeroizing;

pub use check_signature::check_signature;
pub use naming::check_name;
pub use selection::key_kind;
pub use terms::{DeliveryTask, Half, NewKey, Probe, Remnant, Revocation, Told, Wish};

#[cfg(feature = "fuzzing")]
pub(crate) use kmip::fuzzing::listed;

use catalog::Catalog;

use crate::config;
use crate::crypto::private_key::PrivateKey;
use crate::crypto::verify;
use crate::error::{Error, Result, TokenError, TokenErrorKind};
use crate::model::certificate::Certificate;
use crate::model::cipher::RsaPadding;
use crate::model::key::{Found, Key, ObjectId, OtherUses};
use crate::model::mechanism::{Mechanism, Offer};
use crate::model::mechanism_call::MechanismCall;
use crate::model::public_key::PublicKey;
use crate::model::signature::{SignInput, SignScheme};

/// A place that keeps keys and uses them: a KMIP server, an HSM slot, a keystore, memory.
///
/// Every request is complete in itself, so that it may travel alone, be sent again, or be served
/// by any connection of a pool. Implementations block; they hold no lock while they wait.
pub trait Token: Send + Sync {
    /// What is known of the token; asks nobody.
    fn info(&self) -> TokenInfo;

    /// The mechanisms that may work; asks no server.
    fn mechanisms(&self) -> Vec<Offer> {
        Mechanism::all().iter().map(Offer::of_row).collect()
    }

    /// Whether the token is there; of one that can be pulled out, what was last seen.
    fn is_present(&self) -> bool {
        true
    }

    /// Tries the PIN with the keys' place, and uses it until [`Token::logout`]: for tokens whose
    /// [`TokenInfo::login_required`] is true.
    ///
    /// # Errors
    /// [`TokenErrorKind::WrongPin`], or whatever kept the PIN from being tried.
    fn login(&self, _pin: &str) -> Result {
        Ok(())
    }

    /// Forgets the PIN, and all connections that were made with it.
    fn logout(&self) {}

    /// The keys for programs with all that is told of them, in a bounded number of round trips.
    fn find(&self) -> Result<Found>;

    /// Like [`Token::find`], but with the keys that the slot's names keep from programs among the
    /// hidden: for people.
    fn survey(&self) -> Result<Found> {
        self.find()
    }

    /// The token's own catalog of its keys, if it is near enough to be asked at each search; else
    /// [`Token::find`] is what is known of them.
    fn catalog(self: Arc<Self>) -> Option<Arc<dyn Catalog>> {
        None
    }

    /// One signature, verified with the key's public half, in PKCS#11's form.
    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>>;

    /// The same by an offer of the token's own, over data and with a parameter as the program gave
    /// them.
    fn sign_by(&self, _key: &Key, call: &MechanismCall, _data: &[u8]) -> Result<Vec<u8>> {
        Err(self.unable(&format!("sign by mechanism {:#x}", call.number)))
    }

    /// The message of an RSA ciphertext.
    ///
    /// # Errors
    /// [`TokenErrorKind::BadCiphertext`] for whatever is wrong with it, [`TokenErrorKind::Denied`] if
    /// the key may not decrypt.
    fn decrypt(
        &self,
        _key: &Key,
        _padding: &RsaPadding,
        _data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        Err(self.unable("decrypt"))
    }

    /// The secret that the key agrees on with another one's public key: a point of the same curve.
    ///
    /// # Errors
    /// [`TokenErrorKind::Denied`] if the key may not do that.
    fn agree(&self, _key: &Key, _peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>> {
        Err(self.unable("agree on secrets"))
    }

    /// A digest of everything that decides what [`Token::find`] gives: where it asks, as whom, and
    /// what it shows. `None` for a token whose listing must not be kept for other processes.
    fn identity(&self) -> Option<[u8; 32]> {
        None
    }

    /// What was learnt of the token's place since it was last listed, to save others round trips;
    /// nothing secret. Asks nobody.
    fn learnt(&self) -> Vec<u8> {
        vec![]
    }

    /// Takes over what another process learnt, as far as nothing better is known. What turns out to
    /// be wrong, or can not be read, is forgotten.
    fn recall(&self, _learnt: &[u8]) {}

    /// What a connection to the token shows: for people who check an installation.
    fn probe(&self) -> Result<Probe> {
        Err(self.unable("tell about itself"))
    }

    /// Makes a key pair in the token.
    fn generate(&self, _wanted: &NewKey) -> Result<Key> {
        Err(self.unable("make keys"))
    }

    /// Takes in a key pair that was made elsewhere.
    fn import(&self, _private: &PrivateKey, _wanted: &NewKey) -> Result<Key> {
        Err(self.unable("take keys in"))
    }

    /// Gives a private key out, where its owner allowed that.
    fn export(&self, _key: &Key) -> Result<PrivateKey> {
        Err(self.unable("give private keys out"))
    }

    /// Lets a key be used from now on.
    fn activate(&self, _key: &Key) -> Result {
        Err(self.unable("activate keys"))
    }

    /// Ends the use of a key for good.
    fn revoke(&self, _key: &Key, _revocation: &Revocation) -> Result {
        Err(self.unable("revoke keys"))
    }

    /// Removes a key pair; it cannot be brought back.
    fn destroy(&self, _key: &Key) -> Result {
        Err(self.unable("destroy keys"))
    }

    /// What goes by that identifier and is part of no key, such as a half that a destruction left behind;
    /// none if there is no such object.
    fn remnant(&self, _id: &ObjectId) -> Result<Option<Remnant>> {
        Ok(None)
    }

    /// Removes what is part of no key; it cannot be brought back.
    fn remove(&self, _remnant: &Remnant) -> Result {
        Err(self.unable("remove parts of keys"))
    }

    /// Makes a new key pair in the place of another, whose names it takes over. What becomes of the other
    /// one is the token's affair: it may be as usable as before, or not any more.
    fn rekey(&self, _key: &Key) -> Result<Key> {
        Err(self.unable("make a new pair in the place of another"))
    }

    /// Gives a key pair another name.
    fn rename(&self, _key: &Key, _name: &str) -> Result {
        Err(self.unable("rename keys"))
    }

    /// Lets programs see a key by another CKA_ID or CKA_LABEL than its own.
    fn present(&self, _key: &Key, _wish: &Wish) -> Result {
        Err(self.unable("keep a CKA_ID or CKA_LABEL"))
    }

    /// Keeps an X.509 certificate of a key, in DER, and shows it with it. One that the key has already is
    /// not kept twice: the answer is the one that is there.
    ///
    /// # Errors
    /// [`TokenErrorKind::BadInput`] if it is no certificate, or speaks of another key
    /// ([`Token::certificate_of`]).
    fn certify(&self, _key: &Key, _der: &[u8]) -> Result<Certificate> {
        Err(self.unable("keep certificates"))
    }

    /// Removes a certificate of a key.
    ///
    /// # Errors
    /// [`TokenErrorKind::Gone`] if the key has none of that identifier.
    fn uncertify(&self, _key: &Key, _certificate: &ObjectId) -> Result {
        Err(self.unable("remove certificates"))
    }

    /// All that the token tells of a key, for people.
    fn describe(&self, _key: &Key) -> Result<Vec<Told>> {
        Ok(vec![])
    }

    /// Does what people want of the way by which keys get here, and tells how it stands then.
    fn delivery(&self, _task: DeliveryTask) -> Result<Probe> {
        Err(self.unable("deliver keys from a KMIP server into an HSM"))
    }

    /// Another PIN in the place of the old one, for all who use the token.
    ///
    /// # Errors
    /// As a login with the old PIN; [`TokenErrorKind::Impossible`] if there is none that could be changed here
    fn set_pin(&self, _old: &str, _new: &str) -> Result {
        Err(self.unable("change its PIN"))
    }

    /// The object group of keys that programs make, where the slot shows no others.
    fn usual_group(&self) -> Option<String> {
        None
    }

    /// The error for what this kind of token does not do.
    fn unable(&self, what: &str) -> Error {
        let reason = format!("this kind of token does not {what}");
        self.error(TokenErrorKind::Impossible, reason)
    }

    /// That it is a name for a key.
    fn named(&self, name: &str) -> Result {
        check_name(name).map_err(|why| {
            let reason = format!("{name:?} is no name for a key: {why}");
            self.error(TokenErrorKind::BadInput, reason)
        })
    }

    /// The certificate in that DER by that identifier, if it is one of the key's.
    fn certificate_of(&self, key: &Key, id: ObjectId, der: &[u8]) -> Result<Certificate> {
        let reason = match Certificate::from_der(id, der) {
            Ok(it) if it.public_key == key.public => return Ok(it),
            Ok(_) => format!("the certificate is of another key than {:?}", key.name),
            Err(error) => {
                format!("this is no X.509 certificate of a key that is known here: {error}")
            }
        };
        Err(self.error(TokenErrorKind::BadInput, reason))
    }

    /// That a key of that type signs by that scheme, and that a digest is as long as its hash says:
    /// what nobody has to be asked.
    fn signable(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result {
        match (scheme.goes_with(key.public.key_type()), scheme.takes(input)) {
            (true, true) => Ok(()),
            (false, _) => {
                let key_type = key.public.key_type();
                let reason = format!("a key of type {key_type} does not sign by {scheme}");
                Err(self.error(TokenErrorKind::BadInput, reason))
            }
            (true, false) => {
                let reason = format!(
                    "what is to be signed has a form or a length that {scheme} does not take"
                );
                Err(self.error(TokenErrorKind::BadInput, reason))
            }
        }
    }

    /// That a key may be used so now.
    fn usable(&self, key: &Key, used: fn(OtherUses) -> bool) -> Result {
        match used(key.other_uses_now()) {
            true => Ok(()),
            false => {
                let reason = format!(
                    "key {:?} ({}) is {} and may not be used so",
                    key.name,
                    key.id,
                    key.state_now()
                );
                Err(self.error(TokenErrorKind::Denied, reason))
            }
        }
    }

    /// What came out of a ciphertext, or the one answer for all that can be wrong with it.
    fn opened_by(&self, message: Option<Zeroizing<Vec<u8>>>) -> Result<Zeroizing<Vec<u8>>> {
        let unreadable = || {
            let reason = "this is no message that was encrypted so for this key";
            self.error(TokenErrorKind::BadCiphertext, reason.into())
        };
        message.ok_or_else(unreadable)
    }

    /// An error of this token's.
    fn error(&self, kind: TokenErrorKind, reason: String) -> Error {
        let slot = self.info().label;
        Error::Token(TokenError { kind, slot, reason })
    }

    /// `signature`, if it is one; what did not verify goes no further.
    fn verified(
        &self,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
        signature: Vec<u8>,
    ) -> Result<Vec<u8>> {
        if verify(&key.public, scheme, input, &signature) {
            return Ok(signature);
        }
        let reason = format!(
            "the signature that came back for key {:?} ({}) does not verify as {scheme}; \
             it was not used",
            key.name, key.id
        );
        Err(self.error(TokenErrorKind::WrongSignature, reason))
    }
}

/// A token that several rooms share.
pub type SharedToken = Arc<dyn Token>;

/// What C_GetTokenInfo tells (v3.2, 5.5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// At most 32 bytes.
    pub label: String,
    /// At most 32 bytes.
    pub manufacturer: &'static str,
    /// At most 16 bytes.
    pub model: &'static str,
    /// At most 16 bytes.
    pub serial: String,
    /// True only if private keys cannot be used without a PIN.
    pub login_required: bool,
    /// Whether public keys and certificates are shown before that PIN is given.
    pub public_is_open: bool,
    /// How many tries at the PIN are left.
    pub pin_tries: PinTries,
    /// The name of the user whose PIN it is, if he has one.
    pub user: Option<String>,
}

/// How many tries at a PIN are left, as far as PKCS#11 tells it (v3.2, 5.5.3: CKF_USER_PIN_*).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PinTries {
    /// As many as there can be, or nobody counts.
    #[default]
    All,
    /// A wrong one was given since the last right one.
    Fewer,
    /// The next wrong one locks the token.
    Last,
    /// The token is locked.
    None,
}

/// The token behind a slot; asks nobody.
pub fn open(slot: &config::Slot) -> SharedToken {
    match &slot.backend {
        config::Backend::Kmip(kmip) => Arc::new(kmip::KmipToken::new(
            &slot.label,
            kmip.clone(),
            slot.keys.clone(),
        )),
        config::Backend::Hsm(hsm) => Arc::new(hsm::HsmToken::new(
            &slot.label,
            hsm.clone(),
            slot.keys.clone(),
        )),
        config::Backend::Keystore(keystore) => Arc::new(keystore::KeystoreToken::new(
            &slot.label,
            keystore,
            slot.keys.clone(),
        )),
        config::Backend::Delivered(both) => Arc::new(delivered::DeliveredToken::new(
            &slot.label,
            both.clone(),
            slot.keys.clone(),
        )),
    }
}
