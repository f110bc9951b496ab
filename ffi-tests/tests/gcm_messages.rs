//! AES-GCM message by message, and keys wrapped by it with associated data.

use cryptoki_sys::*;
use ffi_tests::ciphers::Way::{Decrypt, Encrypt};
use ffi_tests::ciphers::{PLENTY, mechanism, plain};
use ffi_tests::gcm_messages::Message;
use ffi_tests::here;
use ffi_tests::secret_keys::{in_session, of_digits, secret, with};
use ffi_tests::session::Session;
use ffi_tests::session_objects::Objects;

/// Test case 16 of McGrew and Viega's "The Galois/Counter Mode of Operation".
const KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
const IV: &str = "cafebabefacedbaddecaf888";
const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
const PLAIN: &str = concat!(
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
);
const CIPHERTEXT: &str = concat!(
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa",
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
);
const TAG: &str = "76fc6ece0f4e1768cddf8853bb2d551b";

fn key(objects: &Objects<'_>) -> CK_OBJECT_HANDLE {
    objects
        .create(&secret(CKK_AES, &of_digits(KEY)))
        .expect("a key")
}

/// A message as it was encrypted, ready to be decrypted.
fn sealed() -> Message {
    let tag = of_digits(TAG);
    Message {
        tag,
        ..Message::of(&of_digits(IV))
    }
}

#[test]
fn messages_are_those_of_the_standard_whole_and_in_parts() {
    in_session(here!(), |session, objects| {
        let (key, aad, data) = (key(objects), of_digits(AAD), of_digits(PLAIN));
        session.messages_init(Encrypt, key).expect("begun");
        session.messages_init(Decrypt, key).expect("begun");
        for _ in 0..2 {
            let mut message = Message::of(&of_digits(IV));
            let asked = session.message(Encrypt, &mut message, &aad, &data, None);
            assert_eq!((asked.answer, asked.length), (CKR_OK, 60));
            let small = session.message(Encrypt, &mut message, &aad, &data, Some(59));
            assert_eq!((small.answer, small.length), (CKR_BUFFER_TOO_SMALL, 60));
            assert_eq!(message.tag, [0; 16]);
            let made = session.message(Encrypt, &mut message, &aad, &data, Some(60));
            assert_eq!(made.good(), Ok(of_digits(CIPHERTEXT)));
            assert_eq!(message, sealed());
            let mut message = Message::of(&of_digits(IV));
            session
                .message_begin(Encrypt, &mut message, &aad)
                .expect("begun");
            let whole = session.message(Encrypt, &mut message, &aad, &data, PLENTY);
            assert_eq!(whole.answer, CKR_OPERATION_ACTIVE);
            let parts = [(&data[..7], 0), (&data[7..], CKF_END_OF_MESSAGE)];
            let made = parts.map(|(part, flags)| {
                let made = session.message_next(Encrypt, &mut message, part, flags);
                made.good().expect("made")
            });
            assert_eq!(made.concat(), of_digits(CIPHERTEXT));
            assert_eq!(message, sealed());
            let back = session.message(Decrypt, &mut message, &aad, &of_digits(CIPHERTEXT), PLENTY);
            assert_eq!(back.good().as_ref(), Ok(&data));
            session
                .message_begin(Decrypt, &mut message, &aad)
                .expect("begun");
            let sealed = of_digits(CIPHERTEXT);
            let parts = [(&sealed[..50], 0), (&sealed[50..], CKF_END_OF_MESSAGE)];
            let back = parts.map(|(part, flags)| {
                let back = session.message_next(Decrypt, &mut message, part, flags);
                back.good().expect("decrypted")
            });
            assert_eq!(
                back,
                [vec![], data.clone()],
                "nothing before its tag was right"
            );
        }
        for way in [Encrypt, Decrypt] {
            assert_eq!(session.messages_final(way), Ok(()));
            let over = session.messages_final(way);
            assert_eq!(over, Err(CKR_OPERATION_NOT_INITIALIZED));
        }
    });
}

#[test]
fn what_was_changed_does_not_decrypt_and_ends_nothing() {
    in_session(here!(), |session, objects| {
        session.messages_init(Decrypt, key(objects)).expect("begun");
        let (aad, data) = (of_digits(AAD), of_digits(CIPHERTEXT));
        let decrypt = |message: &mut Message, aad: &[u8], data: &[u8]| {
            session.message(Decrypt, message, aad, data, PLENTY).answer
        };
        let mut wrong = sealed();
        wrong.tag[15] ^= 1;
        assert_eq!(decrypt(&mut wrong, &aad, &data), CKR_AEAD_DECRYPT_FAILED);
        let failed = decrypt(&mut sealed(), &aad[1..], &data);
        assert_eq!(failed, CKR_AEAD_DECRYPT_FAILED);
        let failed = decrypt(&mut sealed(), &aad, &data[1..]);
        assert_eq!(failed, CKR_AEAD_DECRYPT_FAILED);
        session
            .message_begin(Decrypt, &mut wrong, &aad)
            .expect("begun");
        let end = session.message_next(Decrypt, &mut wrong, &data, CKF_END_OF_MESSAGE);
        assert_eq!((end.answer, end.bytes[0]), (CKR_AEAD_DECRYPT_FAILED, 0xa5));
        assert_eq!(decrypt(&mut sealed(), &aad, &data), CKR_OK);
    });
}

/// An IV that is made here decrypts what was encrypted with it, keeps the bits of the program, and does not
/// come again.
fn generated(session: &Session<'_>, generator: CK_GENERATOR_FUNCTION) -> Vec<u8> {
    let mut message = Message::of(&[0xff; 12]);
    (message.generator, message.fixed_bits) = (generator, 28);
    let made = session.message(Encrypt, &mut message, b"", b"data", PLENTY);
    let made = made.good().expect("made");
    message.generator = CKG_NO_GENERATE;
    let back = session.message(Decrypt, &mut message, b"", &made, PLENTY);
    assert_eq!(back.good(), Ok(b"data".to_vec()));
    assert_eq!(
        (&message.iv[..3], message.iv[3] & 0xf0),
        (&[0xff; 3][..], 0xf0)
    );
    message.iv
}

#[test]
fn ivs_are_generated_and_none_twice() {
    in_session(here!(), |session, objects| {
        let key = key(objects);
        session.messages_init(Decrypt, key).expect("begun");
        session.messages_init(Encrypt, key).expect("begun");
        for generator in [CKG_GENERATE, CKG_GENERATE_RANDOM, CKG_GENERATE_COUNTER] {
            let ivs = [(); 3].map(|()| generated(session, generator));
            assert!(ivs[0] != ivs[1] && ivs[1] != ivs[2] && ivs[0] != ivs[2]);
        }
        let counted = [(); 2].map(|()| generated(session, CKG_GENERATE_COUNTER));
        let [one, other] = counted.map(|iv| u64::from_be_bytes(iv[4..].try_into().expect("8")));
        assert_eq!(one.wrapping_add(1), other);
        let mut message = Message::of(&[0; 12]);
        for (generator, fixed_bits) in [
            (CKG_GENERATE_RANDOM, 33),
            (CKG_GENERATE_COUNTER, CK_ULONG::MAX),
            (CKG_GENERATE_COUNTER_XOR, 0),
            (99, 0),
        ] {
            (message.generator, message.fixed_bits) = (generator, fixed_bits);
            let refused = session.message(Encrypt, &mut message, b"", b"data", PLENTY);
            assert_eq!(refused.answer, CKR_MECHANISM_PARAM_INVALID);
        }
    });
}

#[test]
fn parameters_keys_and_orders_that_cannot_be_are_refused() {
    in_session(here!(), |session, objects| {
        let aes = key(objects);
        let mute = with(secret(CKK_AES, &[1; 16]), &[(CKA_ENCRYPT, 0)]);
        let mute = objects.create(&mute).expect("a key");
        let generic = with(secret(CKK_GENERIC_SECRET, &[1; 16]), &[(CKA_ENCRYPT, 1)]);
        let generic = objects.create(&generic).expect("a key");
        let init = |by, key| session.messages_init_by(Encrypt, by, key);
        assert_eq!(init(plain(CKM_AES_CTR), aes), Err(CKR_MECHANISM_INVALID));
        let refused = init(plain(CKM_AES_GCM), mute);
        assert_eq!(refused, Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
        let refused = init(plain(CKM_AES_GCM), generic);
        assert_eq!(refused, Err(CKR_KEY_TYPE_INCONSISTENT));
        let mut extra = 0_u64;
        let refused = init(mechanism(CKM_AES_GCM, &mut extra), aes);
        assert_eq!(refused, Err(CKR_MECHANISM_PARAM_INVALID));
        let mut good = Message::of(&[1; 12]);
        let early = session.message(Encrypt, &mut good, b"", b"", PLENTY);
        assert_eq!(early.answer, CKR_OPERATION_NOT_INITIALIZED);
        session.messages_init(Encrypt, aes).expect("begun");
        assert_eq!(
            session.message_without_parameter(),
            CKR_MECHANISM_PARAM_INVALID
        );
        let early = session.message_next(Encrypt, &mut good, b"", 0);
        assert_eq!(early.answer, CKR_OPERATION_NOT_INITIALIZED);
        let mut bare = Message::of(&[]);
        let mut short = Message::of(&[1; 12]);
        short.tag.truncate(5);
        let mut long = Message::of(&[1; 12]);
        long.tag = vec![0; 17];
        for wrong in [&mut bare, &mut short, &mut long] {
            let refused = session.message(Encrypt, wrong, b"", b"data", PLENTY);
            assert_eq!(refused.answer, CKR_MECHANISM_PARAM_INVALID);
        }
        assert_eq!(
            session.message(Encrypt, &mut good, b"", b"", PLENTY).answer,
            CKR_OK
        );
    });
}

#[test]
fn a_key_wrapped_with_associated_data_comes_back_with_the_same_alone() {
    in_session(here!(), |session, objects| {
        let by = key(objects);
        let open = [(CKA_SENSITIVE, 0), (CKA_EXTRACTABLE, 1)];
        let travelling = with(secret(CKK_AES, &of_digits(PLAIN)[..32]), &open);
        let travelling = objects.create(&travelling).expect("a key");
        let mut iv = of_digits(IV);
        let mut parameter = CK_GCM_WRAP_PARAMS {
            pIv: iv.as_mut_ptr(),
            ulIvLen: 12,
            ivGenerator: CKG_NO_GENERATE,
            ulTagBits: 128,
            ..Default::default()
        };
        let gcm = mechanism(CKM_AES_GCM, &mut parameter);
        let wrapped = session.wrap_authenticated(gcm, [by, travelling], b"aad");
        let wrapped = wrapped.good().expect("wrapped");
        assert_eq!(wrapped[..32], of_digits(CIPHERTEXT)[..32]);
        assert_eq!(wrapped.len(), 48);
        let (mut class, mut kind) = (CKO_SECRET_KEY, CKK_AES);
        let attribute = |type_, place: &mut CK_ULONG| CK_ATTRIBUTE {
            type_,
            pValue: (&raw mut *place).cast(),
            ulValueLen: size_of::<CK_ULONG>() as CK_ULONG,
        };
        let mut template = [
            attribute(CKA_CLASS, &mut class),
            attribute(CKA_KEY_TYPE, &mut kind),
        ];
        let mut unwrap = |aad: &[u8], wrapped: &[u8]| {
            session.unwrap_authenticated(gcm, by, wrapped, &mut template, aad)
        };
        let back = unwrap(b"aad", &wrapped).expect("unwrapped");
        let check_values = [back, travelling].map(|it| session.attribute(it, CKA_CHECK_VALUE));
        assert_eq!(check_values[0], check_values[1]);
        assert_eq!(unwrap(b"", &wrapped), Err(CKR_WRAPPED_KEY_INVALID));
        assert_eq!(unwrap(b"aad", &wrapped[1..]), Err(CKR_WRAPPED_KEY_INVALID));
        assert_eq!(
            unwrap(b"aad", &wrapped[33..]),
            Err(CKR_WRAPPED_KEY_LEN_RANGE)
        );
        let closed = objects.create(&secret(CKK_AES, &[1; 16])).expect("a key");
        let refused = session.wrap_authenticated(gcm, [by, closed], b"");
        assert_eq!(refused.answer, CKR_KEY_UNEXTRACTABLE);
        let refused = session.wrap_authenticated(plain(CKM_AES_KEY_WRAP), [by, travelling], b"");
        assert_eq!(refused.answer, CKR_MECHANISM_INVALID);
        let refused = session.wrap_authenticated(plain(CKM_AES_GCM), [by, travelling], b"");
        assert_eq!(refused.answer, CKR_MECHANISM_PARAM_INVALID);
    });
}
