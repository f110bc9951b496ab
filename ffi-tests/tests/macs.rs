//! Message authentication codes through the C interface, by secret keys of a session.

use cryptoki_sys::*;
use ffi_tests::ciphers::{mechanism, plain};
use ffi_tests::here;
use ffi_tests::module::Answer;
use ffi_tests::secret_keys::{beside_softhsm2, digits, in_session, openssl, secret, with};
use ffi_tests::session::{Session, Template};
use ffi_tests::session_objects::number;

/// The code by both ways of C_Sign, which C_Verify takes by both of its own.
fn code(
    session: &Session,
    by: CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
    data: &[u8],
) -> Answer<Vec<u8>> {
    session.sign_init_by(by, key)?;
    let code = session.sign_into(data, 64)?;
    session.sign_init_by(by, key)?;
    assert_eq!(session.sign_size(data), Ok(code.len()));
    assert_eq!(
        session.sign_into(data, code.len() - 1),
        Err(CKR_BUFFER_TOO_SMALL)
    );
    assert_eq!(session.sign_into(data, code.len()), Ok(code.clone()));
    session.verify_init_by(by, key)?;
    session.verify_now(data, &code)?;
    session.verify_init_by(by, key)?;
    for part in data.chunks(7) {
        session.verify_update(part)?;
    }
    session.verify_final(&code)?;
    Ok(code)
}

/// What `openssl mac` says.
fn by_openssl(arguments: &[&str], key: &[u8], data: &[u8]) -> Vec<u8> {
    let key = format!("hexkey:{}", digits(key));
    let all = [&["mac", "-binary", "-macopt", &key], arguments].concat();
    openssl(&all, data)
}

const HMACS: [(&str, CK_MECHANISM_TYPE, CK_MECHANISM_TYPE, CK_KEY_TYPE); 5] = [
    (
        "SHA1",
        CKM_SHA_1_HMAC,
        CKM_SHA_1_HMAC_GENERAL,
        CKK_SHA_1_HMAC,
    ),
    (
        "SHA224",
        CKM_SHA224_HMAC,
        CKM_SHA224_HMAC_GENERAL,
        CKK_SHA224_HMAC,
    ),
    (
        "SHA256",
        CKM_SHA256_HMAC,
        CKM_SHA256_HMAC_GENERAL,
        CKK_SHA256_HMAC,
    ),
    (
        "SHA384",
        CKM_SHA384_HMAC,
        CKM_SHA384_HMAC_GENERAL,
        CKK_SHA384_HMAC,
    ),
    (
        "SHA512",
        CKM_SHA512_HMAC,
        CKM_SHA512_HMAC_GENERAL,
        CKK_SHA512_HMAC,
    ),
];

#[test]
fn hmacs_are_those_of_openssl() {
    in_session(here!(), |session, objects| {
        for value in [vec![0x0b; 20], vec![0xaa; 131], vec![1; 1]] {
            for (digest, whole, general, own) in HMACS {
                let keys = [CKK_GENERIC_SECRET, own]
                    .map(|key_type| objects.create(&secret(key_type, &value)).expect("a key"));
                let name = format!("digest:{digest}");
                let arguments = ["-macopt", &name, "HMAC"];
                for data in [&b""[..], b"Hi There", &[0x5a; 300]] {
                    let wanted = by_openssl(&arguments, &value, data);
                    for key in keys {
                        assert_eq!(code(session, plain(whole), key, data).as_ref(), Ok(&wanted));
                        let mut length: CK_ULONG = 10;
                        let short = code(session, mechanism(general, &mut length), key, data);
                        assert_eq!(short, Ok(wanted[..10].to_vec()));
                    }
                }
            }
        }
    });
}

#[test]
fn cmacs_are_those_of_openssl() {
    in_session(here!(), |session, objects| {
        for (cipher, length) in [
            ("AES-128-CBC", 16),
            ("AES-192-CBC", 24),
            ("AES-256-CBC", 32),
        ] {
            let value = vec![0x2b; length];
            let key = objects.create(&secret(CKK_AES, &value)).expect("a key");
            let name = format!("cipher:{cipher}");
            for data in [&b""[..], &[7; 16], &[7; 40], &[7; 1000]] {
                let wanted = by_openssl(&["-macopt", &name, "CMAC"], &value, data);
                assert_eq!(
                    code(session, plain(CKM_AES_CMAC), key, data).as_ref(),
                    Ok(&wanted)
                );
                let mut length: CK_ULONG = 4;
                let by = mechanism(CKM_AES_CMAC_GENERAL, &mut length);
                assert_eq!(code(session, by, key, data), Ok(wanted[..4].to_vec()));
            }
        }
    });
}

#[test]
fn codes_of_another_length_or_value_are_told_apart() {
    in_session(here!(), |session, objects| {
        let key = objects
            .create(&secret(CKK_GENERIC_SECRET, &[7; 32]))
            .expect("a key");
        let mut code = code(session, plain(CKM_SHA256_HMAC), key, b"data").expect("a code");
        let check = |code: &[u8]| {
            session
                .verify_init_by(plain(CKM_SHA256_HMAC), key)
                .expect("begun");
            session.verify_now(b"data", code)
        };
        assert_eq!(check(&code[..31]), Err(CKR_SIGNATURE_LEN_RANGE));
        assert_eq!(check(&code), Ok(()));
        code[31] ^= 1;
        assert_eq!(check(&code), Err(CKR_SIGNATURE_INVALID));
        let over = session.verify_now(b"data", &code);
        assert_eq!(over, Err(CKR_OPERATION_NOT_INITIALIZED));
    });
}

#[test]
fn keys_and_parameters_that_do_not_go_with_a_code_are_refused() {
    in_session(here!(), |session, objects| {
        let make = |template: &Template| objects.create(template).expect("a key");
        let generic = make(&secret(CKK_GENERIC_SECRET, &[7; 32]));
        let aes = make(&secret(CKK_AES, &[7; 32]));
        let other = make(&secret(CKK_SHA384_HMAC, &[7; 32]));
        let mut mute = secret(CKK_GENERIC_SECRET, &[7; 32]);
        mute.extend([(CKA_SIGN, vec![0]), (CKA_VERIFY, vec![0])]);
        let mute = make(&mute);
        let mut bound = secret(CKK_GENERIC_SECRET, &[7; 32]);
        bound.push((CKA_ALLOWED_MECHANISMS, number(CKM_SHA512_HMAC)));
        let bound = make(&bound);
        let private = session.private_key("rsa");
        for (by, key, wanted) in [
            (CKM_SHA256_HMAC, generic, CKR_OK),
            (CKM_SHA256_HMAC, aes, CKR_KEY_TYPE_INCONSISTENT),
            (CKM_SHA256_HMAC, other, CKR_KEY_TYPE_INCONSISTENT),
            (CKM_AES_CMAC, generic, CKR_KEY_TYPE_INCONSISTENT),
            (CKM_SHA256_HMAC, private, CKR_KEY_TYPE_INCONSISTENT),
            (CKM_SHA256_RSA_PKCS, generic, CKR_KEY_TYPE_INCONSISTENT),
            (CKM_SHA256_HMAC, mute, CKR_KEY_FUNCTION_NOT_PERMITTED),
            (CKM_SHA256_HMAC, bound, CKR_MECHANISM_INVALID),
            (CKM_SHA512_HMAC, bound, CKR_OK),
            (CKM_SHA256_HMAC, 0, CKR_KEY_HANDLE_INVALID),
            (CKM_MD5_HMAC, generic, CKR_MECHANISM_INVALID),
            (CKM_AES_CBC, aes, CKR_MECHANISM_INVALID),
            (
                CKM_SHA256_HMAC_GENERAL,
                generic,
                CKR_MECHANISM_PARAM_INVALID,
            ),
        ] {
            let begun = session.sign_init(by, key).err().unwrap_or(CKR_OK);
            assert_eq!(begun, wanted, "{by:#x}");
            if begun == CKR_OK {
                session.sign_into(b"", 64).expect("a code");
            }
        }
        for wrong in [0, 33, CK_ULONG::MAX] {
            let mut length = wrong;
            let by = mechanism(CKM_SHA256_HMAC_GENERAL, &mut length);
            let refused = session.sign_init_by(by, generic);
            assert_eq!(refused, Err(CKR_MECHANISM_PARAM_INVALID), "{wrong}");
        }
        let mut narrow: u32 = 4;
        let by = mechanism(CKM_SHA256_HMAC_GENERAL, &mut narrow);
        assert_eq!(
            session.sign_init_by(by, generic),
            Err(CKR_MECHANISM_PARAM_INVALID)
        );
        let mut extra: CK_ULONG = 4;
        let by = mechanism(CKM_SHA256_HMAC, &mut extra);
        let verify = session.verify_init_by(by, generic);
        assert_eq!(verify, Err(CKR_MECHANISM_PARAM_INVALID));
        assert_eq!(
            session.cipher_init(ffi_tests::ciphers::Way::Encrypt, plain(CKM_AES_CMAC), aes),
            Err(CKR_MECHANISM_INVALID)
        );
    });
}

/// In one process, on both modules: the same codes.
#[test]
fn softhsm2_makes_the_same_codes() {
    beside_softhsm2(here!(), |places| {
        let uses = [(CKA_SIGN, 1), (CKA_VERIFY, 1)];
        for (by, key_type) in [
            (CKM_SHA_1_HMAC, CKK_GENERIC_SECRET),
            (CKM_SHA224_HMAC, CKK_GENERIC_SECRET),
            (CKM_SHA256_HMAC, CKK_GENERIC_SECRET),
            (CKM_SHA384_HMAC, CKK_GENERIC_SECRET),
            (CKM_SHA512_HMAC, CKK_GENERIC_SECRET),
            (CKM_AES_CMAC, CKK_AES),
        ] {
            // SoftHSM2 wants as many bytes as the hash has.
            let value = vec![7; if key_type == CKK_AES { 32 } else { 64 }];
            let template = with(secret(key_type, &value), &uses);
            let code = places.each_ref().map(|(session, objects)| {
                let key = objects.create(&template)?;
                session.sign(by, key, b"a message")
            });
            assert!(code[0].is_ok(), "{by:#x}");
            assert_eq!(code[0], code[1], "{by:#x}");
        }
    });
}
