//! A slot: a token, who is logged in to it, and what it was last seen to hold.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::description::{self, Described};
use super::holdings::Holdings;
use super::login::{Login, PIN_BYTES};
use super::object::Object;
use super::object_cache::CacheRules;
use super::search::{Search, TokenSearch};
use super::session_object::SessionObjects;
use super::token_object::TokenObject;
use crate::error::{Error, Result, TokenErrorKind};
use crate::model::attribute::Template;
use crate::model::cipher::RsaPadding;
use crate::model::key::Key;
use crate::model::key_mechanism::KeyMechanism;
use crate::model::local_mechanism::LocalMechanism;
use crate::model::mechanism::Offer;
use crate::model::mechanism_call::MechanismCall;
use crate::model::output::Output;
use crate::model::public_key::PublicKey;
use crate::model::signature::{SignInput, SignScheme};
use crate::token::{PinTries, SharedToken, TokenInfo};

/// What is told of the curves of a mechanism (v3.2, 6.3).
const CURVES: CK_FLAGS = CKF_EC_F_P
    | CKF_EC_F_2M
    | CKF_EC_ECPARAMETERS
    | CKF_EC_OID
    | CKF_EC_UNCOMPRESS
    | CKF_EC_COMPRESS
    | CKF_EC_CURVENAME;

/// A slot, its token always present.
pub struct Slot {
    /// Its number in this library.
    pub id: CK_SLOT_ID,
    /// What its token holds.
    pub(super) objects: Holdings,
    /// What the program keeps beside it.
    pub session_objects: SessionObjects,
    pub(super) token: SharedToken,
    /// Who may use it now.
    pub login: Login,
}

impl Slot {
    /// A slot for a token; asks nobody.
    pub fn new(id: CK_SLOT_ID, token: SharedToken, rules: CacheRules) -> Self {
        Self {
            id,
            objects: Holdings::new(token.clone(), rules),
            session_objects: SessionObjects::default(),
            login: Login::new(token.clone()),
            token,
        }
    }

    /// C_GetSlotInfo (v3.2, 5.5.2).
    pub fn info(&self) -> CK_SLOT_INFO {
        let token = self.token.info();
        CK_SLOT_INFO {
            slotDescription: padded(&format!("kmip-p11: {}", token.label)),
            manufacturerID: padded(crate::MANUFACTURER),
            flags: match self.is_present() {
                true => CKF_TOKEN_PRESENT,
                false => 0,
            },
            hardwareVersion: CK_VERSION::default(),
            firmwareVersion: CK_VERSION::default(),
        }
    }

    /// Whether its token is in it.
    pub fn is_present(&self) -> bool {
        self.token.is_present()
    }

    /// C_GetTokenInfo (v3.2, 5.5.3) with the counts of open sessions.
    pub fn token_info(&self, sessions: CK_ULONG, rw_sessions: CK_ULONG) -> CK_TOKEN_INFO {
        let token = self.token.info();
        CK_TOKEN_INFO {
            label: padded(&token.label),
            manufacturerID: padded(token.manufacturer),
            model: padded(token.model),
            serialNumber: padded(&token.serial),
            flags: CKF_TOKEN_INITIALIZED | authentication(&token),
            ulMaxSessionCount: CK_EFFECTIVELY_INFINITE,
            ulSessionCount: sessions,
            ulMaxRwSessionCount: CK_EFFECTIVELY_INFINITE,
            ulRwSessionCount: rw_sessions,
            ulMaxPinLen: *PIN_BYTES.end() as CK_ULONG,
            ulMinPinLen: match token.login_required {
                true => *PIN_BYTES.start() as CK_ULONG,
                false => 0,
            },
            ulTotalPublicMemory: CK_UNAVAILABLE_INFORMATION,
            ulFreePublicMemory: CK_UNAVAILABLE_INFORMATION,
            ulTotalPrivateMemory: CK_UNAVAILABLE_INFORMATION,
            ulFreePrivateMemory: CK_UNAVAILABLE_INFORMATION,
            hardwareVersion: CK_VERSION::default(),
            firmwareVersion: CK_VERSION::default(),
            utcTime: [b' '; 16],
        }
    }

    /// C_GetMechanismList (v3.2, 5.5.5).
    pub fn mechanisms(&self, mut list: Output<CK_MECHANISM_TYPE>) -> Result {
        let numbers: Vec<_> = self.offered().into_keys().collect();
        list.put(&numbers)
    }

    /// C_GetMechanismInfo (v3.2, 5.5.6).
    pub fn mechanism_info(
        &self,
        number: CK_MECHANISM_TYPE,
        info: &Cell<CK_MECHANISM_INFO>,
    ) -> Result {
        let known = self.offered().remove(&number);
        info.set(known.ok_or(Error::MechanismInvalid(number))?);
        Ok(())
    }

    /// What the token does, and what is done here for every token; by number.
    pub(super) fn offered(&self) -> BTreeMap<CK_MECHANISM_TYPE, CK_MECHANISM_INFO> {
        let of_token = self.token.mechanisms().into_iter();
        let of_token = of_token.map(|offer| (offer.number, offer.info));
        let local = LocalMechanism::all().iter();
        let local = local.map(|row| (row.number, row.info()));
        let of_keys = KeyMechanism::all().iter();
        let of_keys = of_keys.map(|row| (row.number, row.info()));
        let mut all = BTreeMap::<_, CK_MECHANISM_INFO>::new();
        for (number, info) in of_token.chain(local).chain(of_keys) {
            match all.entry(number) {
                Entry::Vacant(place) => {
                    place.insert(info);
                }
                // Which curves there are, the token knows.
                Entry::Occupied(mut known) => known.get_mut().flags |= info.flags & !CURVES,
            }
        }
        all
    }

    /// The mechanism of that number, if the token itself has it.
    pub fn mechanism(&self, number: CK_MECHANISM_TYPE) -> Result<Offer> {
        let mut offers = self.token.mechanisms().into_iter();
        let found = offers.find(|offer| offer.number == number);
        found.ok_or(Error::MechanismInvalid(number))
    }

    /// C_Logout (v3.2, 5.6.10).
    pub fn logout(&self) -> Result {
        match self.forget_login() {
            true => Ok(()),
            false => Err(Error::UserNotLoggedIn),
        }
    }

    /// Closing the last session logs out, too (v3.2, 5.6.7). True if somebody was logged in.
    pub fn forget_login(&self) -> bool {
        let was_there = self.login.end(|| self.objects.forget());
        self.session_objects.forget_private();
        was_there
    }

    /// A search for all objects that match, of the program's own and of the token's.
    pub fn search(&self, template: Template, exact: bool) -> Result<Search> {
        if let Some(described) = description::search(self, &template) {
            return Ok(Search {
                session: described.into(),
                ..Search::default()
            });
        }
        let private_too = !self.login.is_missing();
        let own = self.session_objects.search(&template, private_too);
        Ok(Search {
            session: own.into(),
            token: self.token_search(template, exact)?,
        })
    }

    /// Before a login there are no private ones, and of a token that tells nothing before it, none:
    /// OpenSSH asks for the PIN of a token that is empty, not of one that fails.
    fn token_search(&self, template: Template, exact: bool) -> Result<TokenSearch> {
        match self.login.is_missing() && !self.token.info().public_is_open {
            true => Ok(TokenSearch::default()),
            false => self.objects.search(template, exact),
        }
    }

    /// The next objects of a search, at most `room`: fewer only if there are no more. What may not
    /// be seen now is left out.
    pub fn found(&self, search: &mut Search, room: usize) -> Result<Vec<CK_OBJECT_HANDLE>> {
        let open = !self.login.is_missing();
        let open_public = open || self.token.info().public_is_open;
        let own = room.min(search.session.len());
        let mut found: Vec<_> = search.session.drain(..own).collect();
        let rest = room - found.len();
        let of_token = self
            .objects
            .next(&mut search.token, rest, |class| match class {
                CKO_PRIVATE_KEY => open,
                _ => open_public,
            });
        match of_token {
            Ok(of_token) => found.extend(of_token),
            // What failed is asked for again by the next call, after what was found is given.
            Err(_) if !found.is_empty() => {}
            Err(error) => return Err(error),
        }
        Ok(found)
    }

    /// The object with that handle, if it is still there and may be seen.
    pub fn object(&self, handle: CK_OBJECT_HANDLE) -> Result<Option<Object>> {
        match self.session_objects.get(handle) {
            Some(own) => {
                let is_visible = !own.is_private() || !self.login.is_missing();
                Ok(is_visible.then_some(Object::Session(own)))
            }
            None => match description::object(self, handle) {
                Some(it) => Ok(Some(Object::Session(Arc::new(it)))),
                None => Ok(self.token_object(handle)?.map(Object::Token)),
            },
        }
    }

    /// The same among the token's.
    pub fn token_object(&self, handle: CK_OBJECT_HANDLE) -> Result<Option<TokenObject>> {
        let is_missing = self.login.is_missing();
        if is_missing && !self.token.info().public_is_open {
            return Ok(None);
        }
        let object = self.objects.object(handle)?;
        Ok(object.filter(|object| !is_missing || object.class() != CKO_PRIVATE_KEY))
    }

    /// C_Login (v3.2, 5.6.8). What was shown before it may be less than there is.
    pub fn begin_login(&self, user: CK_USER_TYPE, pin: &[u8]) -> Result {
        self.login.begin(user, pin)?;
        self.widen();
        Ok(())
    }

    /// C_LoginUser (v3.2, 5.6.9).
    pub fn begin_login_as(&self, user: CK_USER_TYPE, pin: &[u8], name: &[u8]) -> Result {
        self.login.begin_as(user, pin, name)?;
        self.widen();
        Ok(())
    }

    fn widen(&self) {
        let token = self.token.info();
        if token.login_required && token.public_is_open {
            self.objects.expire();
        }
    }

    /// One signature by the token.
    pub fn sign(&self, key: &Key, scheme: SignScheme, input: SignInput<'_>) -> Result<Vec<u8>> {
        self.heeded(self.token.sign(key, scheme, input))
    }

    /// The same by an offer of the token's own.
    pub fn sign_by(&self, key: &Key, call: &MechanismCall, data: &[u8]) -> Result<Vec<u8>> {
        self.heeded(self.token.sign_by(key, call, data))
    }

    /// One decryption by the token.
    pub fn decrypt(
        &self,
        key: &Key,
        padding: &RsaPadding,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        self.heeded(self.token.decrypt(key, padding, data))
    }

    /// One secret agreed on by the token.
    pub fn agree(&self, key: &Key, peer: &PublicKey) -> Result<Zeroizing<Vec<u8>>> {
        self.heeded(self.token.agree(key, peer))
    }

    /// A refusal or a signature by another key may mean that the key is no longer what the snapshot
    /// says: then the next search asks.
    fn heeded<T>(&self, signed: Result<T>) -> Result<T> {
        use TokenErrorKind::{Denied, Gone, Impossible, WrongSignature};
        match &signed {
            Ok(_) => self.objects.keep_learnt(),
            Err(Error::Token(error)) if matches!(error.kind, Gone | Denied | WrongSignature) => {
                self.objects.expire();
            }
            // Perhaps it only looks so from what another process learnt.
            Err(Error::Token(error)) if error.kind == Impossible => self.objects.forget_file(),
            Err(_) => {}
        }
        signed
    }
}

impl Described for Slot {
    fn mechanism_numbers(&self) -> Vec<CK_MECHANISM_TYPE> {
        self.offered().into_keys().collect()
    }

    fn shows_certificates(&self) -> bool {
        let token = self.token.info();
        token.public_is_open || !token.login_required
    }
}

/// A token without PIN claims a protected path of authentication, which is what its client
/// certificate is: then OpenSSH does not ask for a PIN when it finds no key.
fn authentication(token: &TokenInfo) -> CK_FLAGS {
    match token.login_required {
        true => CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | tries(token.pin_tries),
        false => CKF_PROTECTED_AUTHENTICATION_PATH,
    }
}

fn tries(left: PinTries) -> CK_FLAGS {
    match left {
        PinTries::All => 0,
        PinTries::Fewer => CKF_USER_PIN_COUNT_LOW,
        PinTries::Last => CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY,
        PinTries::None => CKF_USER_PIN_LOCKED,
    }
}

/// Text as PKCS#11 wants it in its structures: blank-padded, cut at a character, no final NUL.
pub fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    let fitting = |end: &usize| text.is_char_boundary(*end);
    let end = (0..=text.len().min(N)).rev().find(fitting).unwrap_or(0);
    for (place, byte) in field.iter_mut().zip(text.bytes().take(end)) {
        *place = byte;
    }
    field
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::time::Duration;

    use super::*;
    use crate::model::key::Found;
    use crate::model::public_key::KeyType;
    use crate::token::memory::MemoryToken;
    use crate::token::{NewKey, Token};

    /// Signs nothing, for that reason, and counts how often it is asked for its keys.
    struct Refusing {
        inner: MemoryToken,
        reason: TokenErrorKind,
        finds: AtomicUsize,
    }

    impl Token for Refusing {
        fn info(&self) -> TokenInfo {
            self.inner.info()
        }
        fn find(&self) -> Result<Found> {
            self.finds.fetch_add(1, SeqCst);
            self.inner.find()
        }
        fn sign(&self, _: &Key, _: SignScheme, _: SignInput<'_>) -> Result<Vec<u8>> {
            Err(self.error(self.reason, "no".into()))
        }
    }

    fn found(slot: &Slot, template: &Template) -> usize {
        let mut search = slot.search(template.clone(), true).unwrap();
        slot.found(&mut search, 9).unwrap().len()
    }

    /// How often a token is asked for its keys by two searches with a refused signature between.
    fn listings(reason: TokenErrorKind) -> usize {
        let inner = MemoryToken::new("refusing");
        let wanted = NewKey::new("web", KeyType::Ed25519);
        let key = inner.generate(&wanted).unwrap();
        let finds = AtomicUsize::new(0);
        let token = Arc::new(Refusing {
            inner,
            reason,
            finds,
        });
        let hour = Duration::from_secs(3600);
        let rules = CacheRules {
            time_to_live: hour,
            min_refresh: hour,
            stale: hour,
            disk: None,
        };
        let slot = Slot::new(0, token.clone(), rules);
        let template = vec![(CKA_ID, key.key_id.clone())];
        assert_eq!(found(&slot, &template), 2);
        let refused = slot.sign(&key, SignScheme::Ed25519, SignInput::Message(b"m"));
        assert!(refused.is_err());
        assert_eq!(found(&slot, &template), 2);
        token.finds.load(SeqCst)
    }

    #[test]
    fn a_signature_that_shows_the_listing_to_be_old_makes_the_next_search_ask() {
        for reason in [
            TokenErrorKind::Gone,
            TokenErrorKind::Denied,
            TokenErrorKind::WrongSignature,
        ] {
            assert_eq!(listings(reason), 2, "{reason:?}");
        }
        for reason in [TokenErrorKind::Unreachable, TokenErrorKind::Impossible] {
            assert_eq!(listings(reason), 1, "{reason:?}");
        }
    }

    #[test]
    fn texts_are_padded_with_blanks_and_cut_at_characters() {
        assert_eq!(&padded::<6>("abc"), b"abc   ");
        assert_eq!(&padded::<3>("abcd"), b"abc");
        assert_eq!(padded::<3>("abü"), *b"ab ");
    }
}
