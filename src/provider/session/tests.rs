//! A session against a token in memory.

use std::mem::MaybeUninit;
use std::time::Duration;

use super::*;
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::output::{AttributeSlot, Output};
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
        list: vec![],
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
