//! Keys that leave the module wrapped and come back, and those that may not.

use cryptoki_sys::*;
use ffi_tests::ciphers::{mechanism, plain};
use ffi_tests::here;
use ffi_tests::secret_keys::{beside_softhsm2, digits, in_session, openssl, secret, with};
use ffi_tests::session::{Session, Template, class};
use ffi_tests::session_objects::{Objects, number};

const OPEN: [(CK_ATTRIBUTE_TYPE, CK_BBOOL); 2] = [(CKA_SENSITIVE, 0), (CKA_EXTRACTABLE, 1)];
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";

/// What arrives: a key of that class and type, open to be looked at.
fn arriving(of: CK_OBJECT_CLASS, key_type: CK_KEY_TYPE) -> Template {
    let mut template = class(of);
    template.push((CKA_KEY_TYPE, number(key_type)));
    with(template, &OPEN)
}

fn open(objects: &Objects<'_>, key_type: CK_KEY_TYPE, value: &[u8]) -> CK_OBJECT_HANDLE {
    let template = with(secret(key_type, value), &OPEN);
    objects.create(&template).expect("a key")
}

fn public_key(session: &Session<'_>, name: &str) -> CK_OBJECT_HANDLE {
    let mut template = class(CKO_PUBLIC_KEY);
    template.push((CKA_LABEL, name.into()));
    session.find(&template).expect("a search")[0]
}

#[test]
fn key_wrap_is_that_of_openssl_in_both_directions() {
    in_session(here!(), |session, objects| {
        let kinds = [
            (CKM_AES_KEY_WRAP, "wrap", "A6A6A6A6A6A6A6A6"),
            (CKM_AES_KEY_WRAP_KWP, "wrap-pad", "A65959A6"),
            (CKM_AES_KEY_WRAP_PAD, "wrap-pad", "A65959A6"),
        ];
        for length in [16, 24, 32] {
            let kek = vec![0x51; length];
            let by = objects.create(&secret(CKK_AES, &kek)).expect("a key");
            for (number, name, iv) in kinds {
                let cipher = format!("-id-aes{}-{name}", length * 8);
                let arguments = ["enc", &cipher, "-K", &digits(&kek), "-iv", iv];
                for size in [16, 17, 32, 64]
                    .into_iter()
                    .filter(|size| number != CKM_AES_KEY_WRAP || size % 8 == 0)
                {
                    let value: Vec<u8> = (0..size).collect();
                    let key = open(objects, CKK_GENERIC_SECRET, &value);
                    let wrapped = objects.wrap(plain(number), by, key).expect("wrapped");
                    assert_eq!(wrapped, openssl(&arguments, &value), "{name} {size}");
                    let template = arriving(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
                    let back = objects.unwrap(plain(number), by, &wrapped, &template);
                    let back = back.expect("unwrapped");
                    assert_eq!(session.attribute(back, CKA_VALUE), Ok(value));
                    for kind in [CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE] {
                        assert_eq!(session.attribute(back, kind), Ok(vec![0]));
                    }
                }
            }
        }
    });
}

#[test]
fn aes_cbc_and_rsa_wrap_what_openssl_unwraps() {
    in_session(here!(), |session, objects| {
        let value = vec![0x3c; 32];
        let key = open(objects, CKK_AES, &value);
        let template = arriving(CKO_SECRET_KEY, CKK_AES);
        let kek = [0x17; 16];
        let by = objects.create(&secret(CKK_AES, &kek)).expect("a key");
        let mut iv = [5_u8; 16];
        let cbc = mechanism(CKM_AES_CBC_PAD, &mut iv);
        let wrapped = objects.wrap(cbc, by, key).expect("wrapped");
        let decrypt = [
            "enc",
            "-d",
            "-aes-128-cbc",
            "-K",
            &digits(&kek),
            "-iv",
            &digits(&[5; 16]),
        ];
        assert_eq!(openssl(&decrypt, &wrapped), value);
        let back = objects.unwrap(cbc, by, &wrapped, &template).expect("a key");
        assert_eq!(session.attribute(back, CKA_VALUE).as_ref(), Ok(&value));
        let (public, private) = (public_key(session, "rsa"), session.private_key("rsa"));
        let mut oaep = CK_RSA_PKCS_OAEP_PARAMS {
            hashAlg: CKM_SHA256,
            mgf: CKG_MGF1_SHA256,
            source: CKZ_DATA_SPECIFIED,
            ..Default::default()
        };
        for rsa in [plain(CKM_RSA_PKCS), mechanism(CKM_RSA_PKCS_OAEP, &mut oaep)] {
            let wrapped = objects.wrap(rsa, public, key).expect("wrapped");
            assert_eq!(wrapped.len(), 256);
            let back = objects.unwrap(rsa, private, &wrapped, &template);
            let back = back.expect("unwrapped in the token");
            assert_eq!(session.attribute(back, CKA_VALUE).as_ref(), Ok(&value));
            let mut changed = wrapped.clone();
            changed[200] ^= 1;
            let refused = objects.unwrap(rsa, private, &changed, &template);
            assert_eq!(refused, Err(CKR_WRAPPED_KEY_INVALID));
            let cut = objects.unwrap(rsa, private, &wrapped[1..], &template);
            assert_eq!(cut, Err(CKR_WRAPPED_KEY_LEN_RANGE));
        }
    });
}

#[test]
fn private_keys_travel_as_pkcs8() {
    in_session(here!(), |session, objects| {
        let by = objects
            .create(&secret(CKK_AES, &[0x51; 32]))
            .expect("a key");
        let curves = [
            (CKM_EC_KEY_PAIR_GEN, CKK_EC, P256),
            (
                CKM_EC_EDWARDS_KEY_PAIR_GEN,
                CKK_EC_EDWARDS,
                b"\x13\x0cedwards25519",
            ),
        ];
        for (made_by, key_type, curve) in curves {
            let public = vec![(CKA_EC_PARAMS, curve.to_vec())];
            let pair = objects.pair(made_by, &public, &with(vec![], &OPEN));
            let [public, private] = pair.expect("a pair");
            let wrapped = objects.wrap(plain(CKM_AES_KEY_WRAP_KWP), by, private);
            let wrapped = wrapped.expect("wrapped");
            let iv = ["-iv", "A65959A6", "-K"];
            let unwrap = ["enc", "-d", "-id-aes256-wrap-pad"];
            let pkcs8 = openssl(
                &[&unwrap[..], &iv, &[&digits(&[0x51; 32])]].concat(),
                &wrapped,
            );
            let spki = openssl(
                &["pkey", "-inform", "DER", "-pubout", "-outform", "DER"],
                &pkcs8,
            );
            let info = session.attribute(public, CKA_PUBLIC_KEY_INFO);
            assert_eq!(info.as_ref(), Ok(&spki));
            let template = arriving(CKO_PRIVATE_KEY, key_type);
            let back = objects.unwrap(plain(CKM_AES_KEY_WRAP_KWP), by, &wrapped, &template);
            let back = back.expect("unwrapped");
            assert_eq!(session.attribute(back, CKA_PUBLIC_KEY_INFO), info);
            let wrong = arriving(CKO_PRIVATE_KEY, CKK_RSA);
            let refused = objects.unwrap(plain(CKM_AES_KEY_WRAP_KWP), by, &wrapped, &wrong);
            assert_eq!(refused, Err(CKR_TEMPLATE_INCONSISTENT));
            let none = objects.wrap(plain(CKM_RSA_PKCS), public_key(session, "rsa"), private);
            assert_eq!(none, Err(CKR_KEY_NOT_WRAPPABLE));
        }
        let secret_key = open(objects, CKK_GENERIC_SECRET, &[1; 40]);
        let wrapped = objects.wrap(plain(CKM_AES_KEY_WRAP), by, secret_key);
        let template = arriving(CKO_PRIVATE_KEY, CKK_EC);
        let refused = objects.unwrap(
            plain(CKM_AES_KEY_WRAP),
            by,
            &wrapped.expect("wrapped"),
            &template,
        );
        assert_eq!(refused, Err(CKR_WRAPPED_KEY_INVALID));
    });
}

#[test]
fn a_key_leaves_only_if_its_owner_and_the_wrapping_key_let_it() {
    in_session(here!(), |session, objects| {
        let kek = secret(CKK_AES, &[0x51; 32]);
        let by = objects.create(&kek).expect("a key");
        let wrap = |by, key| objects.wrap(plain(CKM_AES_KEY_WRAP_KWP), by, key);
        let sealed = objects.create(&secret(CKK_AES, &[1; 16])).expect("a key");
        assert_eq!(wrap(by, sealed), Err(CKR_KEY_UNEXTRACTABLE));
        assert_eq!(
            wrap(by, session.private_key("rsa")),
            Err(CKR_KEY_UNEXTRACTABLE)
        );
        assert_eq!(
            wrap(by, public_key(session, "rsa")),
            Err(CKR_KEY_NOT_WRAPPABLE)
        );
        assert_eq!(wrap(by, 0), Err(CKR_KEY_HANDLE_INVALID));
        let sensitive = with(secret(CKK_AES, &[1; 16]), &[(CKA_EXTRACTABLE, 1)]);
        let sensitive = objects.create(&sensitive).expect("a key");
        assert_eq!(
            session.attribute(sensitive, CKA_VALUE),
            Err(CKR_ATTRIBUTE_SENSITIVE)
        );
        assert!(wrap(by, sensitive).is_ok());
        let picky = [(CKA_EXTRACTABLE, 1), (CKA_WRAP_WITH_TRUSTED, 1)];
        let picky = objects.create(&with(secret(CKK_AES, &[1; 16]), &picky));
        assert_eq!(wrap(by, picky.expect("a key")), Err(CKR_KEY_NOT_WRAPPABLE));
        let useless = with(kek, &[(CKA_WRAP, 0), (CKA_UNWRAP, 0)]);
        let useless = objects.create(&useless).expect("a key");
        assert_eq!(
            wrap(useless, sensitive),
            Err(CKR_KEY_FUNCTION_NOT_PERMITTED)
        );
        let other = objects.create(&with(
            secret(CKK_GENERIC_SECRET, &[1; 16]),
            &[(CKA_WRAP, 1), (CKA_UNWRAP, 1)],
        ));
        let other = other.expect("a key");
        assert_eq!(
            wrap(other, sensitive),
            Err(CKR_WRAPPING_KEY_TYPE_INCONSISTENT)
        );
        assert_eq!(wrap(0, sensitive), Err(CKR_WRAPPING_KEY_HANDLE_INVALID));
        let template = arriving(CKO_SECRET_KEY, CKK_AES);
        let unwrap = |by, wrapped: &[u8]| {
            objects.unwrap(plain(CKM_AES_KEY_WRAP_KWP), by, wrapped, &template)
        };
        assert_eq!(
            unwrap(useless, &[0; 24]),
            Err(CKR_KEY_FUNCTION_NOT_PERMITTED)
        );
        assert_eq!(
            unwrap(other, &[0; 24]),
            Err(CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT)
        );
        assert_eq!(unwrap(0, &[0; 24]), Err(CKR_UNWRAPPING_KEY_HANDLE_INVALID));
    });
}

#[test]
fn what_cannot_be_wrapped_or_unwrapped_is_refused() {
    in_session(here!(), |_, objects| {
        let by = objects
            .create(&secret(CKK_AES, &[0x51; 32]))
            .expect("a key");
        let key = open(objects, CKK_GENERIC_SECRET, &[1; 17]);
        let odd = objects.wrap(plain(CKM_AES_KEY_WRAP), by, key);
        assert_eq!(odd, Err(CKR_KEY_SIZE_RANGE));
        let asked = objects.wrap_into(plain(CKM_AES_KEY_WRAP_KWP), by, key, None);
        assert_eq!((asked.answer, asked.length), (CKR_OK, 32));
        let small = objects.wrap_into(plain(CKM_AES_KEY_WRAP_KWP), by, key, Some(31));
        assert_eq!((small.answer, small.length), (CKR_BUFFER_TOO_SMALL, 32));
        assert_eq!(small.bytes, [0xa5; 31]);
        for number in [CKM_AES_ECB, CKM_AES_CTR, CKM_SHA256_HMAC, CKM_DES3_CBC] {
            assert_eq!(
                objects.wrap(plain(number), by, key),
                Err(CKR_MECHANISM_INVALID)
            );
        }
    });
}

#[test]
fn parameters_and_wrapped_keys_that_cannot_be_are_refused() {
    in_session(here!(), |_, objects| {
        let by = objects
            .create(&secret(CKK_AES, &[0x51; 32]))
            .expect("a key");
        let key = open(objects, CKK_GENERIC_SECRET, &[1; 17]);
        let template = arriving(CKO_SECRET_KEY, CKK_AES);
        let mut usual = [0xa6_u8; 8];
        let usual = objects.wrap(mechanism(CKM_AES_KEY_WRAP, &mut usual), by, by);
        assert_eq!(usual, Err(CKR_KEY_UNEXTRACTABLE), "the parameter is taken");
        let mut own = [0_u8; 8];
        let own = objects.wrap(mechanism(CKM_AES_KEY_WRAP, &mut own), by, key);
        assert_eq!(own, Err(CKR_MECHANISM_PARAM_INVALID));
        let mut long = [0_u8; 9];
        let long = objects.wrap(mechanism(CKM_AES_KEY_WRAP_KWP, &mut long), by, key);
        assert_eq!(long, Err(CKR_MECHANISM_PARAM_INVALID));
        let bare = objects.wrap(plain(CKM_AES_CBC_PAD), by, key);
        assert_eq!(bare, Err(CKR_MECHANISM_PARAM_INVALID));
        let wrapped = objects
            .wrap(plain(CKM_AES_KEY_WRAP_KWP), by, key)
            .expect("wrapped");
        let unwrap = |wrapped: &[u8], template: &Template| {
            objects.unwrap(plain(CKM_AES_KEY_WRAP_KWP), by, wrapped, template)
        };
        let mut changed = wrapped.clone();
        changed[9] ^= 1;
        assert_eq!(unwrap(&changed, &template), Err(CKR_WRAPPED_KEY_INVALID));
        assert_eq!(
            unwrap(&wrapped, &template),
            Err(CKR_WRAPPED_KEY_INVALID),
            "17 bytes"
        );
        assert_eq!(
            unwrap(&wrapped[1..], &template),
            Err(CKR_WRAPPED_KEY_LEN_RANGE)
        );
        assert_eq!(unwrap(&[], &template), Err(CKR_WRAPPED_KEY_LEN_RANGE));
        assert_eq!(unwrap(&wrapped, &vec![]), Err(CKR_TEMPLATE_INCOMPLETE));
        let public = arriving(CKO_PUBLIC_KEY, CKK_RSA);
        assert_eq!(unwrap(&wrapped, &public), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        let mut valued = arriving(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
        valued.push((CKA_VALUE, vec![1; 17]));
        assert_eq!(unwrap(&wrapped, &valued), Err(CKR_ATTRIBUTE_READ_ONLY));
        let mut longer = arriving(CKO_SECRET_KEY, CKK_GENERIC_SECRET);
        longer.push((CKA_VALUE_LEN, number(18)));
        assert_eq!(unwrap(&wrapped, &longer), Err(CKR_TEMPLATE_INCONSISTENT));
    });
}

/// In one process, on both modules: what one wraps, the other unwraps.
#[test]
fn softhsm2_and_we_unwrap_what_the_other_has_wrapped() {
    beside_softhsm2(here!(), |places| {
        let uses = [(CKA_WRAP, 1), (CKA_UNWRAP, 1)];
        let kek = with(secret(CKK_AES, &[0x51; 32]), &uses);
        let keks = places
            .each_ref()
            .map(|(_, objects)| objects.create(&kek).expect("a key"));
        let value: Vec<u8> = (0..32).collect();
        let keys = places
            .each_ref()
            .map(|(_, objects)| open(objects, CKK_AES, &value));
        for number in [CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD] {
            let wrapped = [0, 1].map(|it| {
                let objects = &places[it].1;
                objects
                    .wrap(plain(number), keks[it], keys[it])
                    .expect("wrapped")
            });
            assert_eq!(wrapped[0], wrapped[1], "{number:#x}");
            for (it, (session, objects)) in places.iter().enumerate() {
                let template = arriving(CKO_SECRET_KEY, CKK_AES);
                let back = objects.unwrap(plain(number), keks[it], &wrapped[1 - it], &template);
                let back = back.expect("unwrapped");
                assert_eq!(session.attribute(back, CKA_VALUE).as_ref(), Ok(&value));
            }
        }
        let check_values = [0, 1].map(|it| places[it].0.attribute(keys[it], CKA_CHECK_VALUE));
        assert_eq!(check_values[0], check_values[1]);
    });
}
