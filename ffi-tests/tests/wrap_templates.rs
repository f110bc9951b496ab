//! What a key that wraps says of the keys that it wraps and unwraps: CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE.

use cryptoki_sys::*;
use ffi_tests::attribute_lists::structures;
use ffi_tests::ciphers::plain;
use ffi_tests::here;
use ffi_tests::secret_keys::{in_session, secret, with};
use ffi_tests::session::{Template, class};
use ffi_tests::session_objects::number;

const OPEN: [(CK_ATTRIBUTE_TYPE, CK_BBOOL); 2] = [(CKA_SENSITIVE, 0), (CKA_EXTRACTABLE, 1)];

/// An AES key that wraps, with that list.
fn wrapping(kind: CK_ATTRIBUTE_TYPE, list: &mut Template) -> Template {
    let mut template = secret(CKK_AES, &[0x51; 32]);
    template.push((kind, structures(list)));
    template
}

#[test]
fn a_key_wraps_only_what_its_template_matches() {
    in_session(here!(), |session, objects| {
        let mut list = vec![
            (CKA_KEY_TYPE, number(CKK_AES)),
            (CKA_LABEL, b"to travel".to_vec()),
        ];
        let by = objects.create(&wrapping(CKA_WRAP_TEMPLATE, &mut list));
        let by = by.expect("a key");
        let told = session.list(by, CKA_WRAP_TEMPLATE, 16).expect("a list");
        assert_eq!(told, list);
        let small = session.list(by, CKA_WRAP_TEMPLATE, 8);
        assert_eq!(small, Err(CKR_BUFFER_TOO_SMALL));
        let wrap = |key_type, label: &[u8]| {
            let mut key = with(secret(key_type, &[1; 16]), &OPEN);
            key.push((CKA_LABEL, label.to_vec()));
            let key = objects.create(&key).expect("a key");
            objects.wrap(plain(CKM_AES_KEY_WRAP), by, key)
        };
        assert!(wrap(CKK_AES, b"to travel").is_ok());
        assert_eq!(wrap(CKK_AES, b"to stay"), Err(CKR_KEY_HANDLE_INVALID));
        let other = wrap(CKK_GENERIC_SECRET, b"to travel");
        assert_eq!(other, Err(CKR_KEY_HANDLE_INVALID));
    });
}

#[test]
fn what_a_key_unwraps_is_what_its_template_says() {
    in_session(here!(), |session, objects| {
        let mut list = vec![(CKA_EXTRACTABLE, vec![0]), (CKA_LABEL, b"arrived".to_vec())];
        let by = objects.create(&wrapping(CKA_UNWRAP_TEMPLATE, &mut list));
        let by = by.expect("a key");
        let key = objects.create(&with(secret(CKK_AES, &[1; 16]), &OPEN));
        let key = key.expect("a key");
        let wrapped = objects
            .wrap(plain(CKM_AES_KEY_WRAP), by, key)
            .expect("wrapped");
        let unwrap = |more: &[(CK_ATTRIBUTE_TYPE, CK_BBOOL)]| {
            let mut template = class(CKO_SECRET_KEY);
            template.push((CKA_KEY_TYPE, number(CKK_AES)));
            objects.unwrap(plain(CKM_AES_KEY_WRAP), by, &wrapped, &with(template, more))
        };
        for more in [&[][..], &[(CKA_EXTRACTABLE, 0)]] {
            let back = unwrap(more).expect("unwrapped");
            assert_eq!(session.attribute(back, CKA_EXTRACTABLE), Ok(vec![0]));
            assert_eq!(session.attribute(back, CKA_LABEL), Ok(b"arrived".to_vec()));
        }
        assert_eq!(
            unwrap(&[(CKA_EXTRACTABLE, 1)]),
            Err(CKR_TEMPLATE_INCONSISTENT)
        );
    });
}

#[test]
fn lists_that_are_none_are_refused() {
    in_session(here!(), |_, objects| {
        let create = |list: &mut Template| objects.create(&wrapping(CKA_WRAP_TEMPLATE, list));
        assert!(create(&mut vec![]).is_ok());
        let unknown = create(&mut vec![(CKA_VENDOR_DEFINED, vec![1])]);
        assert_eq!(unknown, Err(CKR_ATTRIBUTE_VALUE_INVALID));
        let wide = create(&mut vec![(CKA_SENSITIVE, vec![1; 8])]);
        assert_eq!(wide, Err(CKR_ATTRIBUTE_VALUE_INVALID));
        let nested = create(&mut vec![(CKA_WRAP_TEMPLATE, vec![])]);
        assert_eq!(nested, Err(CKR_ARGUMENTS_BAD));
        let mut half = secret(CKK_AES, &[0x51; 32]);
        half.push((CKA_WRAP_TEMPLATE, vec![0; 23]));
        assert_eq!(objects.create(&half), Err(CKR_ATTRIBUTE_VALUE_INVALID));
        let mut public = vec![(CKA_LABEL, b"x".to_vec())];
        let mut data = class(CKO_DATA);
        data.push((CKA_WRAP_TEMPLATE, structures(&mut public)));
        assert_eq!(objects.create(&data), Err(CKR_TEMPLATE_INCONSISTENT));
    });
}
