//! The conversation with a device: the PIN is given where it is needed, and what a lost session or a
//! token that was out for a moment has broken is asked again.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::device::{Device, Fault, FaultKind, Reply, Request, Secret};
use crate::config::{self, Content, PinSource};

/// How often a request is made, at most.
const TRIES: usize = 3;

/// A device, and the PIN that opens its token.
pub struct Conversation {
    device: Box<dyn Device>,
    source: PinSource,
    /// The PIN of C_Login.
    given: Mutex<Option<Secret>>,
    /// A configured PIN that was wrong: to try it again would lock the token.
    refused: Mutex<Option<(Secret, Fault)>>,
    is_open: AtomicBool,
}

impl Conversation {
    /// With that device; asks nothing yet.
    pub fn new(device: Box<dyn Device>, source: PinSource) -> Self {
        Self {
            device,
            source,
            given: Mutex::default(),
            refused: Mutex::default(),
            is_open: AtomicBool::new(false),
        }
    }

    /// True if the private keys can be used, or could without anybody's help.
    pub fn has_pin(&self) -> bool {
        self.source != PinSource::Login || self.given.lock().is_some()
    }

    /// Tries the PIN of C_Login, and keeps it until [`Conversation::logout`].
    pub fn login(&self, pin: &str) -> Result<(), Fault> {
        let pin = Secret(Zeroizing::new(pin.as_bytes().to_vec()));
        self.repeated(&Request::Login(pin.clone()))?;
        self.is_open.store(true, Ordering::Release);
        *self.given.lock() = Some(pin);
        Ok(())
    }

    /// Another PIN in the place of the one of C_Login.
    pub fn set_pin(&self, old: &str, new: &str) -> Result<(), Fault> {
        let [old, new] = [old, new].map(|pin| Secret(Zeroizing::new(pin.as_bytes().to_vec())));
        self.ask(&Request::SetPin(old, new.clone()))?;
        let mut given = self.given.lock();
        *given = given.take().map(|_| new);
        Ok(())
    }

    /// Forgets the PIN of C_Login.
    pub fn logout(&self) {
        *self.given.lock() = None;
        if self.is_open.swap(false, Ordering::AcqRel)
            && let Err(fault) = self.device.ask(&Request::Logout)
        {
            log::debug!("C_Logout: {fault}");
        }
    }

    /// Asks with the token open, if there is a PIN that opens it.
    pub fn ask(&self, request: &Request) -> Result<Reply, Fault> {
        self.open()?;
        match self.repeated(request) {
            Err(fault) if fault.kind == FaultKind::NotLoggedIn && self.has_pin() => {
                self.is_open.store(false, Ordering::Release);
                self.open()?;
                self.repeated(request)
            }
            answer => answer,
        }
    }

    /// Asks as it is, whether the token is open or not.
    pub fn ask_anyone(&self, request: &Request) -> Result<Reply, Fault> {
        self.repeated(request)
    }

    /// Gives the PIN, unless the token is open or there is none.
    fn open(&self) -> Result<(), Fault> {
        if self.is_open.load(Ordering::Acquire) || !self.has_pin() {
            return Ok(());
        }
        let Some(pin) = self.pin()? else {
            return Ok(());
        };
        if let Some((wrong, fault)) = &*self.refused.lock()
            && *wrong == pin
        {
            return Err(fault.clone());
        }
        match self.repeated(&Request::Login(pin.clone())) {
            Ok(_) => {
                self.is_open.store(true, Ordering::Release);
                Ok(())
            }
            Err(fault) => {
                if fault.kind == FaultKind::WrongPin && self.source != PinSource::Login {
                    *self.refused.lock() = Some((pin, fault.clone()));
                }
                Err(fault)
            }
        }
    }

    fn pin(&self) -> Result<Option<Secret>, Fault> {
        let missing = |said: String| Fault::new(FaultKind::NotLoggedIn, said);
        match &self.source {
            PinSource::Login => Ok(self.given.lock().clone()),
            PinSource::Variable(name) => match std::env::var(name) {
                Ok(pin) => Ok(Some(Secret(Zeroizing::new(pin.into_bytes())))),
                Err(_) => Err(missing(format!(
                    "the environment has no variable {name} with the PIN (hsm.pin_env)"
                ))),
            },
            PinSource::File(path) => {
                let secret = config::read_trusted(path, Content::Secret("PIN"));
                let mut pin = secret.map_err(|fault| missing(format!("hsm.pin_file: {fault}")))?;
                if pin.last() == Some(&b'\n') {
                    pin.pop();
                }
                Ok(Some(Secret(pin)))
            }
        }
    }

    /// Once more, if only the sessions were lost. Without them there is no login: what needs one is
    /// told so, and asks again.
    fn repeated(&self, request: &Request) -> Result<Reply, Fault> {
        let mut answer = self.device.ask(request);
        for _ in 1..TRIES {
            match &answer {
                Err(fault) if is_lost(fault.kind) => {
                    if self.is_open.swap(false, Ordering::AcqRel) {
                        self.open()?;
                    }
                    answer = self.device.ask(request);
                }
                _ => break,
            }
        }
        answer
    }
}

fn is_lost(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::SessionsLost | FaultKind::Removed)
}
