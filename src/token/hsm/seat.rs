//! A token in its slot, as this process uses it: its sessions, its login, its objects by number.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use aws_lc_rs::digest;
use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use parking_lot::{Mutex, RwLock};

use super::device::{Fault, FaultKind, Handle, Secret, TokenFacts};
use super::module::Module;
use super::sessions::Sessions;
use crate::config::TokenChoice;

/// A token and what of it is in use; several devices may share it.
pub struct Seat {
    /// Its module.
    pub module: Arc<Module>,
    /// Where it is in it.
    pub slot: Slot,
    sessions: Sessions,
    /// Keeps the objects that go with their session: closed with the seat, or when all sessions are lost.
    nursery: Mutex<Option<Session>>,
    objects: RwLock<HashMap<Handle, ObjectHandle>>,
    login: Mutex<Login>,
}

/// A login is the token's, for all sessions of a process.
#[derive(Default)]
struct Login {
    /// Whose logins are not over.
    users: HashSet<u64>,
    /// The digest of the PIN that opened it: a module that is open takes any other.
    pin: Option<Vec<u8>>,
}

impl Seat {
    /// The one token of the module that is the chosen one.
    pub fn find(
        module: Arc<Module>,
        choice: &TokenChoice,
        most: usize,
    ) -> Result<Arc<Self>, Fault> {
        let slot = chosen(&module, choice)?;
        let mut seats = module.seats.lock();
        seats.retain(|(_, seat)| seat.strong_count() > 0);
        let known = seats.iter().find(|(number, _)| *number == slot.id());
        if let Some(seat) = known.and_then(|(_, seat)| seat.upgrade()) {
            return Ok(seat);
        }
        let seat = Arc::new(Self {
            module: Arc::clone(&module),
            slot,
            sessions: Sessions::new(most),
            nursery: Mutex::default(),
            objects: RwLock::default(),
            login: Mutex::default(),
        });
        seats.push((slot.id(), Arc::downgrade(&seat)));
        Ok(seat)
    }

    /// Works in one of its sessions.
    pub fn with<T>(&self, work: impl FnOnce(&Session) -> Result<T, Fault>) -> Result<T, Fault> {
        self.sessions.with(&|| self.open_session(), work)
    }

    /// Works in the session that keeps what it makes.
    pub fn with_nursery<T>(
        &self,
        work: impl FnOnce(&Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let mut nursery = self.nursery.lock();
        let session = match nursery.take() {
            Some(session) => session,
            None => self.open_session()?,
        };
        work(nursery.insert(session))
    }

    /// For reading and writing, unless the token can only be read.
    fn open_session(&self) -> Result<Session, Fault> {
        let functions = &self.module.functions;
        match functions.open_rw_session(self.slot) {
            Err(Error::Pkcs11(RvError::TokenWriteProtected, _)) => {
                Ok(functions.open_ro_session(self.slot)?)
            }
            opened => Ok(opened?),
        }
    }

    /// All sessions are lost, with what was made in them.
    pub fn forget(&self) {
        self.sessions.forget();
        *self.nursery.lock() = None;
        self.objects.write().clear();
        *self.login.lock() = Login::default();
    }

    /// The object of that number.
    pub fn object(&self, handle: Handle) -> Result<ObjectHandle, Fault> {
        let known = self.objects.read().get(&handle).copied();
        known.ok_or_else(|| {
            let said = format!("the module has shown no object {handle}");
            Fault::new(FaultKind::NoSuchObject, said)
        })
    }

    /// Takes a note of an object; gives its number.
    pub fn note(&self, object: ObjectHandle) -> Handle {
        self.objects.write().insert(object.handle(), object);
        object.handle()
    }

    /// The object is no more.
    pub fn forget_object(&self, handle: Handle) {
        self.objects.write().remove(&handle);
    }

    /// C_Login for one user of the seat (v3.2, 5.6.8).
    pub fn login(&self, user: u64, pin: &Secret) -> Result<(), Fault> {
        let mut login = self.login.lock();
        let (given, pin) = (fingerprint(pin), auth_pin(pin)?);
        let was_open = self.with(|session| match session.login(UserType::User, Some(&pin)) {
            Ok(()) => Ok(false),
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, Function::Login)) => Ok(true),
            Err(error) => Err(error.into()),
        })?;
        if was_open && login.pin.as_ref().is_some_and(|right| *right != given) {
            let said = "another PIN has opened the token";
            return Err(Fault::new(FaultKind::WrongPin, said));
        }
        login.pin = Some(given);
        login.users.insert(user);
        Ok(())
    }

    /// C_SetPIN of the user (v3.2, 5.5.9).
    pub fn set_pin(&self, old: &Secret, new: &Secret) -> Result<(), Fault> {
        let mut login = self.login.lock();
        let (from, to) = (auth_pin(old)?, auth_pin(new)?);
        self.with(|session| Ok(session.set_pin(&from, &to)?))?;
        login.pin = login.pin.take().map(|_| fingerprint(new));
        Ok(())
    }

    /// C_Logout, when the last of those who are logged in leaves.
    pub fn logout(&self, user: u64) -> Result<(), Fault> {
        let mut login = self.login.lock();
        if !login.users.remove(&user) || !login.users.is_empty() {
            return Ok(());
        }
        login.pin = None;
        *self.nursery.lock() = None;
        self.with(|session| match session.logout() {
            Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)) => Ok(()),
            ended => Ok(ended?),
        })
    }

    /// What it tells now.
    pub fn facts(&self) -> Result<TokenFacts, Fault> {
        let token = self.module.functions.get_token_info(self.slot)?;
        Ok(TokenFacts {
            module: self.module.description.clone(),
            slot: self.slot.id(),
            label: token.label().into(),
            manufacturer: token.manufacturer_id().into(),
            model: token.model().into(),
            serial: token.serial_number().into(),
            login_required: token.login_required(),
            write_protected: token.write_protected(),
            pin_count_low: token.user_pin_count_low(),
            pin_final_try: token.user_pin_final_try(),
            pin_locked: token.user_pin_locked(),
        })
    }
}

/// By which it is seen whether two PINs are the same.
fn fingerprint(pin: &Secret) -> Vec<u8> {
    digest::digest(&digest::SHA256, &pin.0).as_ref().to_vec()
}

fn auth_pin(pin: &Secret) -> Result<AuthPin, Fault> {
    let text = std::str::from_utf8(&pin.0);
    let text = text.map_err(|_| Fault::new(FaultKind::WrongPin, "the PIN is not UTF-8"))?;
    Ok(AuthPin::from(text.to_owned()))
}

/// The slot with the one token that is chosen.
fn chosen(module: &Module, choice: &TokenChoice) -> Result<Slot, Fault> {
    let functions = &module.functions;
    let mut found = vec![];
    let mut others = vec![];
    for slot in functions.get_slots_with_token()? {
        // One slot that cannot be read does not hide the others.
        let Ok(token) = functions.get_token_info(slot) else {
            continue;
        };
        match is_chosen(choice, slot, &token) {
            true => found.push(slot),
            false if token.token_initialized() => others.push(name(slot, &token)),
            false => {}
        }
    }
    match found.as_slice() {
        [slot] => Ok(*slot),
        [] => {
            let said = format!("the token is not in the module; it has {}", list(&others));
            Err(Fault::new(FaultKind::Removed, said))
        }
        _ => {
            let names = found.iter().filter_map(|slot| {
                let token = functions.get_token_info(*slot).ok()?;
                Some(name(*slot, &token))
            });
            let said = format!(
                "several tokens of the module are meant: {}; write hsm.serial or hsm.slot",
                list(&names.collect::<Vec<_>>())
            );
            Err(Fault::new(FaultKind::NoToken, said))
        }
    }
}

fn is_chosen(choice: &TokenChoice, slot: Slot, token: &TokenInfo) -> bool {
    let same = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|it| it == is);
    token.token_initialized()
        && choice.slot.is_none_or(|number| number == slot.id())
        && same(&choice.label, token.label())
        && same(&choice.serial, token.serial_number())
        && same(&choice.manufacturer, token.manufacturer_id())
        && same(&choice.model, token.model())
}

fn name(slot: Slot, token: &TokenInfo) -> String {
    let (label, serial) = (token.label(), token.serial_number());
    format!("{label:?} (serial {serial}, slot {})", slot.id())
}

fn list(names: &[String]) -> String {
    match names.is_empty() {
        true => "no token".into(),
        false => names.join(", "),
    }
}
