//! Secret keys that the module makes in a session: what they say of themselves, and what they are worth.

use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::ciphers::{Way, mechanism, plain};
use ffi_tests::here;
use ffi_tests::module::answer;
use ffi_tests::scene::LABEL;
use ffi_tests::secret_keys::{digits, in_session, openssl, secret, with};
use ffi_tests::session::Template;
use ffi_tests::session_objects::number;

fn of_length(length: CK_ULONG) -> Template {
    vec![(CKA_VALUE_LEN, number(length))]
}

const OPEN: [(CK_ATTRIBUTE_TYPE, CK_BBOOL); 2] = [(CKA_SENSITIVE, 0), (CKA_EXTRACTABLE, 1)];

const KINDS: [(CK_MECHANISM_TYPE, CK_KEY_TYPE, CK_ULONG); 9] = [
    (CKM_AES_KEY_GEN, CKK_AES, 16),
    (CKM_AES_KEY_GEN, CKK_AES, 24),
    (CKM_AES_KEY_GEN, CKK_AES, 32),
    (CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 77),
    (CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, 20),
    (CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC, 28),
    (CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, 32),
    (CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC, 48),
    (CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC, 64),
];

#[test]
fn a_new_key_tells_where_it_comes_from_and_no_two_are_the_same() {
    in_session(here!(), |session, objects| {
        for (by, key_type, length) in KINDS {
            let of = |key, kind| session.attribute(key, kind);
            let closed = objects.generate(plain(by), &of_length(length));
            let closed = closed.expect("a key");
            for (kind, wanted) in [
                (CKA_CLASS, number(CKO_SECRET_KEY)),
                (CKA_KEY_TYPE, number(key_type)),
                (CKA_VALUE_LEN, number(length)),
                (CKA_KEY_GEN_MECHANISM, number(by)),
                (CKA_LOCAL, vec![1]),
                (CKA_TOKEN, vec![0]),
                (CKA_ALWAYS_SENSITIVE, vec![1]),
                (CKA_NEVER_EXTRACTABLE, vec![1]),
            ] {
                assert_eq!(of(closed, kind), Ok(wanted), "{kind:#x}");
            }
            assert_eq!(of(closed, CKA_VALUE), Err(CKR_ATTRIBUTE_SENSITIVE));
            let open = with(of_length(length), &OPEN);
            let open = [(); 2].map(|()| objects.generate(plain(by), &open).expect("a key"));
            let values = open.map(|key| of(key, CKA_VALUE).expect("it is open"));
            assert_eq!(values[0].len() as CK_ULONG, length);
            assert_ne!(values[0], values[1]);
            for kind in [CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
                assert_eq!(of(open[0], kind), Ok(vec![0]));
            }
            objects
                .set(open[0], &vec![(CKA_SENSITIVE, vec![1])])
                .expect("guarded");
            assert_eq!(of(open[0], CKA_ALWAYS_SENSITIVE), Ok(vec![0]));
        }
    });
}

#[test]
fn what_a_new_key_encrypts_openssl_decrypts() {
    in_session(here!(), |session, objects| {
        let template = with(of_length(32), &OPEN);
        let key = objects.generate(plain(CKM_AES_KEY_GEN), &template);
        let key = key.expect("a key");
        let mut iv = [9_u8; 16];
        let by = mechanism(CKM_AES_CBC_PAD, &mut iv);
        let made = session.ciphered(Way::Encrypt, by, key, b"a message");
        let value = digits(&session.attribute(key, CKA_VALUE).expect("it is open"));
        let arguments = [
            "enc",
            "-d",
            "-aes-256-cbc",
            "-K",
            &value,
            "-iv",
            &digits(&iv),
        ];
        assert_eq!(openssl(&arguments, &made.expect("made")), b"a message");
    });
}

#[test]
fn check_values_are_those_of_openssl_and_no_others_are_taken() {
    in_session(here!(), |session, objects| {
        let (aes, generic) = ([3_u8; 24], [3_u8; 50]);
        let zeros = ["enc", "-aes-192-ecb", "-nopad", "-K", &digits(&aes)];
        let of_aes = openssl(&zeros, &[0; 16])[..3].to_vec();
        let of_generic = openssl(&["dgst", "-sha1", "-binary"], &generic)[..3].to_vec();
        for (key, right) in [
            (secret(CKK_AES, &aes), of_aes),
            (secret(CKK_GENERIC_SECRET, &generic), of_generic),
        ] {
            let told = |template: &Template| {
                let key = objects.create(template)?;
                session.attribute(key, CKA_CHECK_VALUE)
            };
            let given = |value: &[u8]| {
                let value = (CKA_CHECK_VALUE, value.to_vec());
                key.iter().cloned().chain([value]).collect::<Template>()
            };
            assert_eq!(told(&key), Ok(right.clone()));
            assert_eq!(told(&given(&right)), Ok(right));
            assert_eq!(told(&given(&[])), Ok(vec![]));
            assert_eq!(told(&given(&[1, 2, 3])), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        }
    });
}

#[test]
fn templates_and_mechanisms_that_make_no_key_are_refused() {
    in_session(here!(), |_, objects| {
        let refused = |by, template: &Template| {
            let made = objects.generate(plain(by), template);
            made.expect_err("a refusal")
        };
        let aes = CKM_AES_KEY_GEN;
        assert_eq!(refused(aes, &vec![]), CKR_TEMPLATE_INCOMPLETE);
        for length in [0, 15, 33, CK_ULONG::MAX] {
            assert_eq!(
                refused(aes, &of_length(length)),
                CKR_ATTRIBUTE_VALUE_INVALID
            );
        }
        for length in [0, 65_537, CK_ULONG::MAX] {
            let generic = refused(CKM_GENERIC_SECRET_KEY_GEN, &of_length(length));
            assert_eq!(generic, CKR_ATTRIBUTE_VALUE_INVALID);
        }
        for (kind, value, wanted) in [
            (CKA_VALUE, vec![1; 16], CKR_ATTRIBUTE_READ_ONLY),
            (CKA_KEY_TYPE, number(CKK_DES3), CKR_TEMPLATE_INCONSISTENT),
            (
                CKA_CLASS,
                number(CKO_PRIVATE_KEY),
                CKR_TEMPLATE_INCONSISTENT,
            ),
            (CKA_LOCAL, vec![1], CKR_ATTRIBUTE_READ_ONLY),
            (CKA_CHECK_VALUE, vec![1, 2, 3], CKR_ATTRIBUTE_VALUE_INVALID),
            (CKA_MODULUS, vec![1], CKR_TEMPLATE_INCONSISTENT),
        ] {
            let mut template = of_length(16);
            template.push((kind, value));
            assert_eq!(refused(aes, &template), wanted, "{kind:#x}");
        }
        assert_eq!(refused(CKM_AES_ECB, &of_length(16)), CKR_MECHANISM_INVALID);
        assert_eq!(refused(CKM_DES3_KEY_GEN, &vec![]), CKR_MECHANISM_INVALID);
        let mut extra = [0_u8; 4];
        let by = mechanism(CKM_AES_KEY_GEN, &mut extra);
        assert_eq!(
            objects.generate(by, &of_length(16)),
            Err(CKR_MECHANISM_PARAM_INVALID)
        );
    });
}

/// Bytes of AES keys, bytes of HMAC's, bits of RSA's.
#[test]
fn mechanisms_of_secret_keys_tell_their_sizes_and_what_they_are_for() {
    in_session(here!(), |session, _| {
        let module = session.module();
        let told = |number| {
            let mut info = CK_MECHANISM_INFO::default();
            let slot = module.slot(LABEL);
            answer(call!(module, C_GetMechanismInfo, slot, number, &mut info))?;
            Ok((info.ulMinKeySize, info.ulMaxKeySize, info.flags))
        };
        let codes = CKF_SIGN | CKF_VERIFY;
        let wraps = CKF_WRAP | CKF_UNWRAP;
        let ciphers = CKF_ENCRYPT | CKF_DECRYPT;
        let messages = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE;
        for (number, wanted) in [
            (CKM_AES_CMAC, (16, 32, codes)),
            (CKM_AES_CMAC_GENERAL, (16, 32, codes)),
            (CKM_SHA_1_HMAC, (1, 65_536, codes)),
            (CKM_SHA512_HMAC_GENERAL, (1, 65_536, codes)),
            (CKM_AES_KEY_GEN, (16, 32, CKF_GENERATE)),
            (CKM_GENERIC_SECRET_KEY_GEN, (1, 65_536, CKF_GENERATE)),
            (CKM_SHA256_KEY_GEN, (1, 65_536, CKF_GENERATE)),
            (CKM_AES_KEY_WRAP, (16, 32, wraps)),
            (CKM_AES_KEY_WRAP_KWP, (16, 32, wraps)),
            (CKM_AES_CBC, (16, 32, ciphers)),
            (CKM_AES_CBC_PAD, (16, 32, ciphers | wraps)),
            (CKM_AES_GCM, (16, 32, ciphers | wraps | messages)),
            (CKM_RSA_PKCS_OAEP, (2048, 8192, ciphers | wraps)),
        ] {
            assert_eq!(told(number), Ok(wanted), "{number:#x}");
        }
        assert_eq!(told(CKM_MD5_HMAC), Err(CKR_MECHANISM_INVALID));
        assert_eq!(told(CKM_SHA3_256_HMAC), Err(CKR_MECHANISM_INVALID));
    });
}
