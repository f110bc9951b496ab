//! A token of another PKCS#11 module: its keys with our names, filters, checks and log.

mod answer;
mod certificates;
pub(super) mod cipher_key;
mod conversation;
mod decrypting;
pub mod device;
mod fault;
mod foreign_mechanism;
pub mod frame;
mod local;
mod making;
mod module;
mod pairing;
mod remote;
mod seat;
mod secret;
mod sessions;
mod signing;
mod template;
mod vouching;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cryptoki_sys::{CK_MECHANISM_INFO, CKF_HW, CKF_SIGN};
use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

pub use self::conversation::Conversation;
use self::device::{Device, Fault, FaultKind, MechanismFacts, Opening, Reply, Request, TokenFacts};
pub use self::local::Local;
use self::pairing::{Holders, Pairs};
use self::remote::Remote;
pub use self::signing::call_of;
use super::selection::select;
use super::{NewKey, PinTries, Probe, Revocation, Token, TokenInfo, Told, Wish};
use crate::config::{self, PinSource};
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, TokenError, TokenErrorKind};
use crate::model::certificate::Certificate;
use crate::model::cipher::RsaPadding;
use crate::model::key::{Found, Key, ObjectId};
use crate::model::mechanism::{Mechanism, Offer};
use crate::model::mechanism_call::MechanismCall;
use crate::model::signature::{SignInput, SignScheme};

/// How long it is believed that a token is in its slot, or is not.
const LOOK_LASTS: Duration = Duration::from_secs(1);

/// The keys of one token of a module.
pub struct HsmToken {
    label: String,
    module: String,
    source: PinSource,
    filter: config::KeyFilter,
    device: Conversation,
    /// Which objects a key is, as last listed.
    holders: RwLock<HashMap<ObjectId, Holders>>,
    seen: Mutex<Seen>,
    offers: Mutex<Option<Vec<Offer>>>,
}

/// The token as it was last looked at.
#[derive(Default)]
struct Seen {
    facts: TokenFacts,
    is_absent: bool,
    looked: Option<Instant>,
}

/// What is said to the token of that configuration; loads no module yet.
pub fn conversation(hsm: config::Hsm) -> Conversation {
    Conversation::new(device(&hsm), hsm.pin)
}

impl HsmToken {
    /// A token of the slot with that label; loads no module yet.
    pub fn new(label: &str, hsm: config::Hsm, filter: config::KeyFilter) -> Self {
        let module = hsm.module.display().to_string();
        Self {
            label: label.into(),
            module,
            source: hsm.pin.clone(),
            filter,
            device: conversation(hsm),
            holders: RwLock::default(),
            seen: Mutex::default(),
            offers: Mutex::default(),
        }
    }

    /// The error of a fault.
    fn failed(&self, fault: &Fault) -> Error {
        let kind = error_kind(fault.kind);
        if fault.kind == FaultKind::Removed {
            self.seen.lock().looked = None;
        }
        let reason = match fault.kind {
            FaultKind::NoModule => fault.said.clone(),
            _ => format!(
                "module {}: {}{}",
                self.module,
                fault.said,
                remedy(fault.kind)
            ),
        };
        Error::Token(TokenError {
            kind,
            slot: self.label.clone(),
            reason,
        })
    }

    fn ask(&self, request: &Request) -> Result<Reply> {
        self.device
            .ask(request)
            .map_err(|fault| self.failed(&fault))
    }

    fn unexpected(&self) -> Error {
        let reason = format!("module {}: an answer to another question", self.module);
        self.error(TokenErrorKind::Failed, reason)
    }

    /// Everything in the token; remembers which objects a key is.
    fn pairs(&self) -> Result<Pairs> {
        let Reply::Objects(objects) = self.ask(&Request::Objects)? else {
            return Err(self.unexpected());
        };
        let pairs = pairing::pairs(&objects, self.device.has_pin());
        self.holders.write().clone_from(&pairs.holders);
        Ok(pairs)
    }

    /// The objects of a key; asks only if they are not known.
    fn holders(&self, key: &Key) -> Result<Holders> {
        let known = |token: &Self| token.holders.read().get(&key.id).cloned();
        let found = match known(self) {
            Some(holders) => Some(holders),
            None => {
                self.pairs()?;
                known(self)
            }
        };
        found.ok_or_else(|| self.gone(key))
    }

    /// Looks at the token, unless that was a moment ago.
    fn look(&self) {
        let young = |looked: Instant| looked.elapsed() < LOOK_LASTS;
        if self.seen.lock().looked.is_some_and(young) {
            return;
        }
        let answer = self.device.ask_anyone(&Request::Token);
        let mut seen = self.seen.lock();
        seen.looked = Some(Instant::now());
        // Other faults are told by the calls that need the token: an empty slot would hide them.
        seen.is_absent = matches!(&answer, Err(fault) if fault.kind == FaultKind::Removed);
        if let Ok(Reply::Token(facts)) = answer {
            seen.facts = facts;
        }
    }

    fn offers_of(&self, facts: &[MechanismFacts]) -> Vec<Offer> {
        let usable = |it: &&MechanismFacts| it.sign && foreign_mechanism::signs(it.number);
        let own = facts.iter().filter(usable).map(|facts| Offer {
            number: facts.number,
            info: CK_MECHANISM_INFO {
                ulMinKeySize: facts.least,
                ulMaxKeySize: facts.most,
                flags: CKF_SIGN | facts.curves | if facts.hardware { CKF_HW } else { 0 },
            },
            row: None,
            hedges: false,
        });
        let mut offers: Vec<Offer> = own.collect();
        let numbers: Vec<_> = offers.iter().map(|offer| offer.number).collect();
        let has = |number| numbers.contains(&number);
        // Hashed here, signed there: what the module has no mechanism for.
        let rows = Mechanism::all().iter();
        let missing = rows.filter(|row| !has(row.number) && has(signing::base_of(row.number)));
        offers.extend(missing.map(Offer::of_row));
        offers
    }
}

impl Token for HsmToken {
    fn info(&self) -> TokenInfo {
        let seen = self.seen.lock();
        TokenInfo {
            label: self.label.clone(),
            manufacturer: crate::MANUFACTURER,
            model: "HSM",
            serial: seen.facts.serial.clone(),
            login_required: self.source == PinSource::Login,
            public_is_open: true,
            pin_tries: pin_tries(&seen.facts),
            user: None,
        }
    }

    fn mechanisms(&self) -> Vec<Offer> {
        if let Some(offers) = &*self.offers.lock() {
            return offers.clone();
        }
        match self.device.ask_anyone(&Request::Mechanisms) {
            Ok(Reply::Mechanisms(facts)) => {
                let offers = self.offers_of(&facts);
                *self.offers.lock() = Some(offers.clone());
                offers
            }
            Ok(_) => vec![],
            Err(fault) => {
                log::warn!("{}", self.failed(&fault));
                vec![]
            }
        }
    }

    fn is_present(&self) -> bool {
        self.look();
        !self.seen.lock().is_absent
    }

    fn login(&self, pin: &str) -> Result {
        let answer = self.device.login(pin);
        self.seen.lock().looked = None;
        answer.map_err(|fault| self.failed(&fault))
    }

    fn logout(&self) {
        self.device.logout();
    }

    fn set_pin(&self, old: &str, new: &str) -> Result {
        if self.info().login_required {
            let answer = self.device.set_pin(old, new);
            return answer.map_err(|fault| self.failed(&fault));
        }
        Err(self
            .unable("change a PIN that its configuration has; change it with the HSM's own tool"))
    }

    fn find(&self) -> Result<Found> {
        let pairs = self.pairs()?;
        let mut shown = select(pairs.found.keys, &self.filter);
        let offers = self.mechanisms();
        for key in &mut shown.keys {
            key.mechanisms = signing::mechanisms_of(key.public.key_type(), &offers);
        }
        shown.hidden.extend(pairs.found.hidden);
        Ok(shown)
    }

    fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.sign_scheme(key, scheme, input)
    }

    fn sign_by(&self, key: &Key, call: &MechanismCall, data: &[u8]) -> Result<Vec<u8>> {
        self.signature(key, call, data)
    }

    fn decrypt(&self, key: &Key, padding: &RsaPadding, data: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.message(key, padding, data)
    }

    fn probe(&self) -> Result<Probe> {
        self.probe_module()
    }

    fn generate(&self, wanted: &NewKey) -> Result<Key> {
        self.generate_pair(wanted)
    }

    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.import_pair(private, wanted)
    }

    fn activate(&self, key: &Key) -> Result {
        Err(self.stateless(key))
    }

    fn revoke(&self, key: &Key, _revocation: &Revocation) -> Result {
        Err(self.stateless(key))
    }

    fn destroy(&self, key: &Key) -> Result {
        self.destroy_pair(key)
    }

    fn rename(&self, key: &Key, name: &str) -> Result {
        self.rename_pair(key, name)
    }

    fn present(&self, key: &Key, wish: &Wish) -> Result {
        self.fulfil(key, wish)
    }

    fn certify(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        self.take_certificate(key, der)
    }

    fn uncertify(&self, key: &Key, certificate: &ObjectId) -> Result {
        self.destroy_certificate(key, certificate)
    }

    fn describe(&self, key: &Key) -> Result<Vec<Told>> {
        self.describe_pair(key)
    }
}

/// The device of a slot: its module here, or in a process of its own. Loads nothing yet.
pub fn device(hsm: &config::Hsm) -> Box<dyn Device> {
    let (module, token, sessions) = (hsm.module.clone(), hsm.token.clone(), hsm.sessions);
    match &hsm.process {
        None => Box::new(Local::new(module, token, sessions)),
        Some(process) => {
            let opening = Opening {
                module,
                token,
                sessions,
            };
            Box::new(Remote::new(opening, process.clone()))
        }
    }
}

fn pin_tries(facts: &TokenFacts) -> PinTries {
    match (facts.pin_locked, facts.pin_final_try, facts.pin_count_low) {
        (true, _, _) => PinTries::None,
        (_, true, _) => PinTries::Last,
        (_, _, true) => PinTries::Fewer,
        _ => PinTries::All,
    }
}

/// What a fault means to a caller of PKCS#11.
pub fn error_kind(kind: FaultKind) -> TokenErrorKind {
    match kind {
        FaultKind::NoModule | FaultKind::NoToken | FaultKind::NoAnswer => {
            TokenErrorKind::Unreachable
        }
        FaultKind::SessionsLost => TokenErrorKind::Unreachable,
        FaultKind::Removed => TokenErrorKind::Removed,
        FaultKind::NotLoggedIn => TokenErrorKind::LoginRequired,
        FaultKind::WrongPin => TokenErrorKind::WrongPin,
        FaultKind::PinLocked => TokenErrorKind::PinLocked,
        FaultKind::NoSuchObject => TokenErrorKind::Gone,
        FaultKind::Denied => TokenErrorKind::Denied,
        FaultKind::Mechanism => TokenErrorKind::Impossible,
        FaultKind::Parameter => TokenErrorKind::BadParameter,
        FaultKind::KeyType => TokenErrorKind::OtherKeyType,
        FaultKind::Length => TokenErrorKind::BadLength,
        FaultKind::Input => TokenErrorKind::BadInput,
        FaultKind::ReadOnly => TokenErrorKind::ReadOnly,
        FaultKind::Full => TokenErrorKind::Full,
        FaultKind::Failed => TokenErrorKind::Failed,
    }
}

fn remedy(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::WrongPin => {
            "; correct the PIN (hsm.pin_file, hsm.pin_env, or what C_Login gets)"
        }
        FaultKind::PinLocked => "; its security officer has to set a new PIN",
        FaultKind::Full => "; close other programs' sessions, or lower hsm.sessions",
        FaultKind::ReadOnly => "; the token is write-protected",
        _ => "",
    }
}
