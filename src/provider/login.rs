//! Who is logged in to a token: one user, in all sessions of the process.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};

use cryptoki_sys::*;
use parking_lot::Mutex;

use crate::error::{Error, Result, TokenErrorKind};
use crate::token::SharedToken;

/// Bytes of a PIN. A bearer token may be that long; OpenSSH reads 1023.
pub const PIN_BYTES: RangeInclusive<usize> = 1..=4096;

/// The login of a token.
pub struct Login {
    token: SharedToken,
    required: bool,
    is_there: AtomicBool,
    /// Held while a PIN is tried, which may take a request: those who only look do not wait for it.
    turn: Mutex<()>,
}

impl Login {
    /// Nobody is logged in.
    pub fn new(token: SharedToken) -> Self {
        Self {
            required: token.info().login_required,
            token,
            is_there: AtomicBool::new(false),
            turn: Mutex::new(()),
        }
    }

    /// C_Login (v3.2, 5.6.8). A token that needs no PIN takes any: OpenSSH logs in whenever it found no key.
    pub fn begin(&self, user: CK_USER_TYPE, pin: &[u8]) -> Result {
        if user != CKU_USER {
            return Err(Error::UserTypeInvalid(user));
        }
        let _turn = self.turn.lock();
        if self.is_there() {
            return Err(Error::UserAlreadyLoggedIn);
        }
        if self.required {
            self.token.login(self.pin(pin)?)?;
        }
        self.is_there.store(true, Ordering::Release);
        Ok(())
    }

    /// C_LoginUser (v3.2, 5.6.9): there is one user, who may be named.
    pub fn begin_as(&self, user: CK_USER_TYPE, pin: &[u8], name: &[u8]) -> Result {
        let known = self.token.info().user;
        let is_known = known.is_some_and(|known| known.as_bytes() == name);
        match name.is_empty() || is_known {
            true => self.begin(user, pin),
            false => Err(Error::ArgumentsBad(
                "the slot's kmip.username is not the user's name given",
            )),
        }
    }

    /// C_SetPIN (v3.2, 5.5.9), of a token whose PIN is its own.
    pub fn change_pin(&self, old: &[u8], new: &[u8]) -> Result {
        const NONE: Error = Error::FunctionNotSupported("the slot has no PIN that is its own");
        if !self.required {
            return Err(NONE);
        }
        let _turn = self.turn.lock();
        let changed = self.token.set_pin(self.pin(old)?, self.pin(new)?);
        if changed.is_ok() {
            log::info!("slot {:?}: its PIN is changed", self.token.info().label);
        }
        changed.map_err(|error| match &error {
            Error::Token(token) if token.kind == TokenErrorKind::Impossible => {
                log::warn!("{error}");
                NONE
            }
            _ => error,
        })
    }

    /// A PIN as PKCS#11 has it: UTF-8.
    fn pin<'pin>(&self, pin: &'pin [u8]) -> Result<&'pin str> {
        if !PIN_BYTES.contains(&pin.len()) {
            return Err(Error::PinLenRange {
                got: pin.len(),
                least: *PIN_BYTES.start(),
                most: *PIN_BYTES.end(),
            });
        }
        let text = std::str::from_utf8(pin);
        text.map_err(|_| {
            let reason = "the PIN is not UTF-8".to_owned();
            self.token.error(TokenErrorKind::WrongPin, reason)
        })
    }

    /// The end of a login. True if there was one.
    ///
    /// What a PIN has shown goes with it, by `forget`. A token without one keeps its connections
    /// and its listing.
    pub fn end(&self, forget: impl FnOnce()) -> bool {
        let _turn = self.turn.lock();
        let was_there = self.is_there.swap(false, Ordering::AcqRel);
        if was_there && self.required {
            self.token.logout();
            forget();
        }
        was_there
    }

    /// Whether the user is logged in.
    pub fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Acquire)
    }

    /// Whether there is a user who could be logged in.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// C_Login has to come before all else.
    pub fn is_missing(&self) -> bool {
        self.required && !self.is_there()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::model::public_key::KeyType;
    use crate::provider::{CacheRules, Slot};
    use crate::token::memory::MemoryToken;
    use crate::token::{NewKey, Token};

    const RULES: CacheRules = CacheRules {
        time_to_live: Duration::from_secs(60),
        min_refresh: Duration::from_secs(60),
        stale: Duration::from_secs(60),
        disk: None,
    };

    /// A slot with one key, behind that PIN if there is one.
    fn slot(pin: Option<&'static str>) -> Slot {
        let open = MemoryToken::new("memory");
        let wanted = NewKey::new("web", KeyType::Ed25519);
        open.generate(&wanted).unwrap();
        let token = match pin {
            Some(pin) => open.behind(pin),
            None => open,
        };
        Slot::new(0, Arc::new(token), RULES)
    }

    #[test]
    fn a_token_that_is_open_for_public_keys_shows_them_alone_before_the_login() {
        let open = MemoryToken::new("memory");
        open.generate(&NewKey::new("web", KeyType::Ed25519))
            .unwrap();
        let token = open.behind("1234").with_open_public();
        let slot = Slot::new(0, Arc::new(token), RULES);
        assert_eq!(objects(&slot), [1]);
        assert!(slot.object(2).unwrap().is_none());
        slot.login.begin(CKU_USER, b"1234").unwrap();
        assert_eq!(objects(&slot), [1, 2]);
    }

    fn objects(slot: &Slot) -> Vec<CK_OBJECT_HANDLE> {
        let mut search = slot.search(vec![], false).unwrap();
        slot.found(&mut search, 9).unwrap()
    }

    fn kind(answer: Result) -> CK_RV {
        answer.map_or_else(|error| CK_RV::from(&error), |()| CKR_OK)
    }

    #[test]
    fn nothing_is_there_before_the_login_and_after_the_logout() {
        let slot = slot(Some("1234"));
        assert!(objects(&slot).is_empty());
        slot.login.begin(CKU_USER, b"1234").unwrap();
        let before = objects(&slot);
        assert_eq!(before, [1, 2]);
        assert!(slot.object(1).unwrap().is_some());
        slot.logout().unwrap();
        assert!(objects(&slot).is_empty());
        slot.login.begin(CKU_USER, b"1234").unwrap();
        assert_eq!(
            objects(&slot),
            [3, 4],
            "handles of before are never used again"
        );
        assert!(slot.object(1).unwrap().is_none());
    }

    #[test]
    fn only_the_right_pin_opens() {
        let slot = slot(Some("1234"));
        let begin = |user, pin: &[u8]| kind(slot.login.begin(user, pin));
        assert_eq!(begin(CKU_USER, b"1235"), CKR_PIN_INCORRECT);
        assert_eq!(begin(CKU_USER, b"\xff\xfe"), CKR_PIN_INCORRECT);
        assert_eq!(begin(CKU_USER, b""), CKR_PIN_LEN_RANGE);
        assert_eq!(begin(CKU_USER, &[b'1'; 4097]), CKR_PIN_LEN_RANGE);
        assert_eq!(begin(CKU_SO, b"1234"), CKR_USER_TYPE_INVALID);
        assert!(!slot.login.is_there() && objects(&slot).is_empty());
        assert_eq!(begin(CKU_USER, b"1234"), CKR_OK);
        assert_eq!(begin(CKU_USER, b"1234"), CKR_USER_ALREADY_LOGGED_IN);
        let named = slot.login.begin_as(CKU_USER, b"1234", b"alice");
        assert_eq!(kind(named), CKR_ARGUMENTS_BAD);
        assert_eq!(kind(slot.logout()), CKR_OK);
        assert_eq!(kind(slot.logout()), CKR_USER_NOT_LOGGED_IN);
        assert_eq!(kind(slot.login.begin_as(CKU_USER, b"1234", b"")), CKR_OK);
    }

    #[test]
    fn a_token_without_pin_takes_any_and_keeps_what_it_showed() {
        let slot = slot(None);
        assert_eq!(objects(&slot), [1, 2]);
        slot.login.begin(CKU_USER, b"").unwrap();
        slot.logout().unwrap();
        assert_eq!(objects(&slot), [1, 2]);
        assert!(slot.object(1).unwrap().is_some());
    }
}
