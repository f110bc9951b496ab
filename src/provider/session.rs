//! A session: a program's view of one slot, with its search and its operation.

use std::cell::Cell;
use std::sync::Arc;

use cryptoki_sys::*;

use super::object::Object;
use super::operation::{Means, SignOperation};
use super::search::Search;
use super::signing::Signing;
use super::slot::Slot;
use crate::error::{Error, Result};
use crate::model::attribute::{Attributes, Template, is_secret};
use crate::model::mechanism_call::MechanismCall;
use crate::model::output::{AttributeSlot, Output};

/// An open session.
pub struct Session {
    slot: Arc<Slot>,
    flags: CK_FLAGS,
    search: Option<Search>,
    sign: Option<SignOperation>,
    /// A C_SignInit was refused because of the operation above.
    refused: bool,
    seen: Seen,
}

/// The object last looked at: programs ask for its attributes one after the other.
#[derive(Default)]
struct Seen(Option<(Object, Attributes)>);

impl Seen {
    fn attributes(&mut self, object: &Object) -> &Attributes {
        let seen = self.0.take();
        let seen = seen.filter(|(seen, _)| seen.is_same(object));
        let (_, attributes) = self
            .0
            .insert(seen.unwrap_or_else(|| (object.clone(), object.attributes())));
        attributes
    }
}

impl Session {
    /// A session with nothing under way.
    pub fn new(slot: Arc<Slot>, flags: CK_FLAGS) -> Self {
        Self {
            slot,
            flags,
            search: None,
            sign: None,
            refused: false,
            seen: Seen::default(),
        }
    }

    /// C_GetSessionInfo (v3.2, 5.6.4).
    pub fn info(&mut self, info: &Cell<CK_SESSION_INFO>) -> Result {
        let state = match (self.flags & CKF_RW_SESSION != 0, self.slot.login.is_there()) {
            (false, false) => CKS_RO_PUBLIC_SESSION,
            (false, true) => CKS_RO_USER_FUNCTIONS,
            (true, false) => CKS_RW_PUBLIC_SESSION,
            (true, true) => CKS_RW_USER_FUNCTIONS,
        };
        info.set(CK_SESSION_INFO {
            slotID: self.slot.id,
            state,
            flags: self.flags,
            ulDeviceError: 0,
        });
        Ok(())
    }

    /// C_Login (v3.2, 5.6.8). No key of ours asks for the PIN at each use: CKU_CONTEXT_SPECIFIC has
    /// nothing to look at.
    pub fn login(&mut self, user: CK_USER_TYPE, pin: &[u8]) -> Result {
        match user {
            CKU_CONTEXT_SPECIFIC if self.sign.is_some() => Ok(()),
            CKU_CONTEXT_SPECIFIC => Err(Error::OperationNotInitialized),
            _ => self.slot.begin_login(user, pin),
        }
    }

    /// C_LoginUser (v3.2, 5.6.9).
    pub fn login_user(&mut self, user: CK_USER_TYPE, pin: &[u8], name: &[u8]) -> Result {
        match user {
            CKU_CONTEXT_SPECIFIC => self.login(user, pin),
            _ => self.slot.begin_login_as(user, pin, name),
        }
    }

    /// C_Logout (v3.2, 5.6.10).
    pub fn logout(&mut self) -> Result {
        self.slot.logout()
    }

    /// C_FindObjectsInit (v3.2, 5.7.7). A listing that fails is an error, never an empty one.
    pub fn find_init(&mut self, template: Template) -> Result {
        if self.search.is_some() {
            return Err(Error::OperationActive);
        }
        let exact = template.iter().any(|(kind, _)| *kind == CKA_ID);
        self.search = Some(self.slot.search(template, exact)?);
        Ok(())
    }

    /// C_FindObjects (v3.2, 5.7.8).
    pub fn find(&mut self, mut handles: Output<CK_OBJECT_HANDLE>) -> Result {
        let search = self.search.as_mut().ok_or(Error::OperationNotInitialized)?;
        let found = self.slot.found(search, handles.capacity())?;
        handles.put(&found)
    }

    /// C_FindObjectsFinal (v3.2, 5.7.9).
    pub fn find_final(&mut self) -> Result {
        let ended = self.search.take().map(drop);
        ended.ok_or(Error::OperationNotInitialized)
    }

    /// C_GetAttributeValue (v3.2, 5.7.5): answers what it can, and goes on after what it cannot.
    pub fn attributes(&mut self, object: CK_OBJECT_HANDLE, slots: Vec<AttributeSlot>) -> Result {
        let object = self.object(object)?;
        let attributes = self.seen.attributes(&object);
        let mut verdict = Ok(());
        for AttributeSlot { kind, mut value } in slots {
            let answer = match attributes.get(kind) {
                Some(bytes) => value.put(bytes),
                None if is_secret(kind) && object.class() == CKO_PRIVATE_KEY => {
                    Err(Error::AttributeSensitive(kind))
                }
                None => Err(Error::AttributeTypeInvalid(kind)),
            };
            if answer.is_err() {
                value.unavailable();
                verdict = verdict.and(answer);
            }
        }
        verdict
    }

    /// C_SignInit (v3.2, 5.13.1); no mechanism ends the operation under way. Asks nobody.
    ///
    /// An operation that nobody ends would wedge the session for good, and OpenSSH never cancels:
    /// the second refusal in a row is not given, the new operation replaces the old one.
    pub fn sign_init(&mut self, mechanism: Option<MechanismCall>, key: CK_OBJECT_HANDLE) -> Result {
        let Some(mechanism) = mechanism else {
            self.sign = None;
            return Ok(());
        };
        if self.sign.is_some() && !std::mem::replace(&mut self.refused, true) {
            return Err(Error::OperationActive);
        }
        (self.sign, self.refused) = (None, false);
        if self.slot.login.is_missing() {
            return Err(Error::UserNotLoggedIn);
        }
        let offer = self.slot.mechanism(mechanism.number)?;
        let means = Means::new(offer, mechanism)?;
        let key = self.private_key(key)?;
        self.sign = Some(SignOperation::new(Arc::clone(&key.key), means)?);
        Ok(())
    }

    /// The operation under way, taken out for one call that goes on with it.
    pub fn signing(&mut self) -> Signing<'_> {
        self.refused = false;
        Signing {
            operation: self.sign.take(),
            place: &mut self.sign,
            slot: &self.slot,
        }
    }

    /// C_Sign, for callers whose arguments cannot be refused.
    pub fn sign(&mut self, data: &[u8], signature: Output<u8>) -> Result {
        self.signing().sign(data, signature)
    }

    /// C_SessionCancel (v3.2, 5.6.11).
    pub fn cancel(&mut self, flags: CK_FLAGS) -> Result {
        if flags & CKF_SIGN != 0 {
            self.sign = None;
        }
        if flags & CKF_FIND_OBJECTS != 0 {
            self.search = None;
        }
        Ok(())
    }

    /// C_GetFunctionStatus, C_CancelFunction (v3.2, 5.20).
    pub fn not_parallel(&mut self) -> Result {
        Err(Error::FunctionNotParallel)
    }

    fn object(&self, handle: CK_OBJECT_HANDLE) -> Result<Object> {
        let found = self.slot.object(handle)?;
        found.ok_or(Error::ObjectHandleInvalid(handle))
    }

    fn private_key(&self, handle: CK_OBJECT_HANDLE) -> Result<Object> {
        let object = self.slot.object(handle)?;
        let private = object.filter(|object| object.class() == CKO_PRIVATE_KEY);
        private.ok_or(Error::KeyHandleInvalid(handle))
    }
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;
    use std::time::Duration;

    use super::*;
    use crate::model::mechanism_call::Parameter;
    use crate::model::public_key::{Curve, KeyType};
    use crate::provider::CacheRules;
    use crate::token::memory::MemoryToken;
    use crate::token::{NewKey, Token};

    const EC: KeyType = KeyType::Ec(Curve::P256);

    fn by(number: CK_MECHANISM_TYPE) -> Option<MechanismCall> {
        Some(MechanismCall::plain(number))
    }

    /// A session on a token with one key of that type, whose private half has handle 2.
    fn session(key_type: KeyType) -> Session {
        let token = MemoryToken::new("memory");
        let wanted = NewKey::new("web", key_type);
        token.generate(&wanted).unwrap();
        let rules = CacheRules {
            time_to_live: Duration::from_secs(60),
            min_refresh: Duration::from_secs(60),
            stale: Duration::from_secs(60),
            disk: None,
        };
        let slot = Arc::new(Slot::new(0, Arc::new(token), rules));
        let mut session = Session::new(slot, CKF_SERIAL_SESSION);
        assert_eq!(found(&mut session, CKO_PRIVATE_KEY, 5), 1);
        session
    }

    const PRIVATE: CK_OBJECT_HANDLE = 2;

    /// How many objects of a class a search gives, at most `room`.
    fn found(session: &mut Session, class: CK_OBJECT_CLASS, room: usize) -> CK_ULONG {
        let template = vec![(CKA_CLASS, class.to_ne_bytes().to_vec())];
        session.find_init(template).unwrap();
        let (places, count) = (cells(room), Cell::new(99));
        session.find(Output::new(Some(&places), &count)).unwrap();
        session.find_final().unwrap();
        count.get()
    }

    fn cells<T: Copy>(n: usize) -> Vec<Cell<MaybeUninit<T>>> {
        (0..n).map(|_| Cell::new(MaybeUninit::uninit())).collect()
    }

    /// C_Sign with room for so many bytes (`None`: a question): its answer and the length told.
    fn sign(session: &mut Session, data: &[u8], room: Option<usize>) -> (Result, CK_ULONG) {
        let buffer = room.map(cells);
        let length = Cell::new(room.unwrap_or(0) as CK_ULONG);
        let answer = session.sign(data, Output::new(buffer.as_deref(), &length));
        (answer, length.get())
    }

    #[test]
    fn a_question_or_a_small_buffer_keeps_the_operation_and_a_signature_ends_it() {
        let mut session = session(EC);
        session.sign_init(by(CKM_ECDSA), PRIVATE).unwrap();
        assert_eq!(sign(&mut session, &[1; 32], None), (Ok(()), 64));
        let small = sign(&mut session, &[1; 32], Some(63));
        assert_eq!(small, (Err(Error::BufferTooSmall), 64));
        assert_eq!(sign(&mut session, &[1; 32], Some(80)), (Ok(()), 64));
        let over = sign(&mut session, &[1; 32], Some(80)).0;
        assert_eq!(over, Err(Error::OperationNotInitialized));
    }

    #[test]
    fn a_call_that_gets_no_further_than_its_arguments_ends_the_operation() {
        let mut session = session(EC);
        session.sign_init(by(CKM_ECDSA), PRIVATE).unwrap();
        drop(session.signing());
        assert_eq!(session.sign_init(by(CKM_ECDSA), PRIVATE), Ok(()));
    }

    #[test]
    fn an_error_ends_the_operation() {
        let mut session = session(EC);
        session.sign_init(by(CKM_ECDSA), PRIVATE).unwrap();
        let wrong = sign(&mut session, &[1; 31], Some(64)).0;
        assert!(matches!(wrong, Err(Error::DataLenRange { got: 31, .. })));
        assert_eq!(session.sign_init(by(CKM_ECDSA), PRIVATE), Ok(()));
    }

    #[test]
    fn parts_sign_like_the_whole_and_do_not_mix_with_it() {
        let mut session = session(KeyType::Rsa(2048));
        session.sign_init(by(CKM_SHA256_RSA_PKCS), PRIVATE).unwrap();
        for _ in 0..3 {
            session.signing().update(&[7; 700_000]).unwrap(); // more than is kept: hashed only
        }
        let mixed = sign(&mut session, b"more", Some(256)).0;
        assert_eq!(mixed, Err(Error::OperationActive));
        let (buffer, length) = (cells(256), Cell::new(256));
        assert_eq!(
            session
                .signing()
                .finish(Output::new(Some(&buffer), &length)),
            Ok(())
        );
        assert_eq!(length.get(), 256);
    }

    #[test]
    fn a_long_message_signs_like_its_parts() {
        let mut session = session(KeyType::Rsa(2048));
        let message = vec![7; 2_100_000];
        let (whole, parts) = ([0; 256].map(Cell::new), [0; 256].map(Cell::new));
        let length = Cell::new(256);
        session.sign_init(by(CKM_SHA256_RSA_PKCS), PRIVATE).unwrap();
        let signed = session.sign(&message, Output::to_cells(&whole, &length));
        assert_eq!(signed, Ok(()));
        session.sign_init(by(CKM_SHA256_RSA_PKCS), PRIVATE).unwrap();
        for part in message.chunks(700_000) {
            session.signing().update(part).unwrap();
        }
        let signed = session.signing().finish(Output::to_cells(&parts, &length));
        assert_eq!((signed, whole), (Ok(()), parts));
    }

    #[test]
    fn what_does_not_hash_cannot_be_longer_than_what_is_kept() {
        let mut session = session(KeyType::Ed25519);
        session.sign_init(by(CKM_EDDSA), PRIVATE).unwrap();
        session.signing().update(&[7; 1 << 20]).unwrap();
        let long = session.signing().update(&[7]);
        assert!(matches!(long, Err(Error::DataLenRange { .. })));
        assert_eq!(
            session.signing().update(&[7]),
            Err(Error::OperationNotInitialized)
        );
        session.sign_init(by(CKM_EDDSA), PRIVATE).unwrap();
        let (whole, _) = sign(&mut session, &[7; (1 << 20) + 1], Some(64));
        assert!(matches!(whole, Err(Error::DataLenRange { .. })));
    }

    #[test]
    fn a_wedged_session_gets_going_again() {
        let mut session = session(EC);
        session.sign_init(by(CKM_ECDSA), PRIVATE).unwrap();
        let refused = session.sign_init(by(CKM_ECDSA), PRIVATE);
        assert_eq!(refused, Err(Error::OperationActive));
        assert_eq!(sign(&mut session, &[1; 32], None).0, Ok(()));
        let refused = session.sign_init(by(CKM_ECDSA), PRIVATE);
        assert_eq!(refused, Err(Error::OperationActive));
        assert_eq!(session.sign_init(by(CKM_ECDSA), PRIVATE), Ok(()));
        session.sign_init(None, 0).unwrap();
        assert!(sign(&mut session, &[1; 32], Some(64)).0.is_err());
    }

    #[test]
    fn sign_init_says_what_does_not_fit() {
        let mut session = session(EC);
        let mut begin = |mechanism, key| session.sign_init(mechanism, key).unwrap_err();
        let key_type = begin(by(CKM_RSA_PKCS), PRIVATE);
        assert!(matches!(key_type, Error::KeyTypeInconsistent { .. }));
        assert_eq!(
            begin(by(CKM_AES_GCM), PRIVATE),
            Error::MechanismInvalid(CKM_AES_GCM)
        );
        assert_eq!(begin(by(CKM_ECDSA), 1), Error::KeyHandleInvalid(1)); // the public half
        let parameter = MechanismCall {
            number: CKM_ECDSA,
            parameter: Parameter::Unknown,
        };
        let parameter = begin(Some(parameter), PRIVATE);
        assert!(matches!(parameter, Error::MechanismParamInvalid(_)));
    }

    #[test]
    fn attributes_are_answered_one_by_one() {
        let mut session = session(KeyType::Rsa(2048));
        let (small, large) = (cells(1), cells(9));
        let lengths = [0, 1, 9, 0, 0].map(Cell::new);
        let slot = |kind, buffer, i: usize| AttributeSlot {
            kind,
            value: Output::new(buffer, &lengths[i]),
        };
        let answer = session.attributes(
            PRIVATE,
            vec![
                slot(CKA_LABEL, None, 0),
                slot(CKA_LABEL, Some(&small), 1),
                slot(CKA_LABEL, Some(&large), 2),
                slot(CKA_PRIVATE_EXPONENT, None, 3),
                slot(CKA_ENCRYPT, None, 4),
            ],
        );
        assert_eq!(answer, Err(Error::BufferTooSmall));
        let none = CK_UNAVAILABLE_INFORMATION;
        assert_eq!(lengths.map(|length| length.get()), [3, none, 3, none, none]);
        let gone = session.attributes(77, vec![]);
        assert_eq!(gone, Err(Error::ObjectHandleInvalid(77)));
    }

    #[test]
    fn searches_give_as_many_as_fit_and_end() {
        let mut session = session(EC);
        assert_eq!(found(&mut session, CKO_PUBLIC_KEY, 0), 0);
        assert_eq!(found(&mut session, CKO_PUBLIC_KEY, 9), 1);
        session.find_init(vec![]).unwrap();
        assert_eq!(session.find_init(vec![]), Err(Error::OperationActive));
        session.cancel(CKF_FIND_OBJECTS).unwrap();
        assert_eq!(session.find_final(), Err(Error::OperationNotInitialized));
    }

    #[test]
    fn a_token_without_pin_takes_any_login_once() {
        let mut session = session(EC);
        assert_eq!(session.login(CKU_USER, b"1234"), Ok(()));
        assert_eq!(
            session.login(CKU_USER, b""),
            Err(Error::UserAlreadyLoggedIn)
        );
        assert_eq!(
            session.login(CKU_SO, b""),
            Err(Error::UserTypeInvalid(CKU_SO))
        );
        let early = session.login(CKU_CONTEXT_SPECIFIC, b"");
        assert_eq!(early, Err(Error::OperationNotInitialized));
        assert_eq!(session.logout(), Ok(()));
        assert_eq!(session.logout(), Err(Error::UserNotLoggedIn));
    }
}
