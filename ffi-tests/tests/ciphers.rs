//! Encryption and decryption through the C interface, on a keystore's slot.

use cryptoki_sys::*;
use ffi_tests::ciphers::Way::{Decrypt, Encrypt};
use ffi_tests::ciphers::{PLENTY, mechanism, plain};
use ffi_tests::here;
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::scene::LABEL;
use ffi_tests::session::{Session, class};
use kmip_p11::model::public_key::{Curve, KeyType};

const KEYS: [(&str, KeyType); 2] = [
    ("rsa", KeyType::Rsa(2048)),
    ("p256", KeyType::Ec(Curve::P256)),
];

/// A session of the slot of a keystore with these keys.
fn in_session(test: &str, body: impl FnOnce(&Session)) {
    alone(
        test,
        || KeystoreScene::by_file().with(&KEYS),
        || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            body(&session);
            drop(session);
            assert_eq!(module.finalize(), Ok(()));
        },
    );
}

fn public_key(session: &Session, name: &str) -> CK_OBJECT_HANDLE {
    let mut template = class(CKO_PUBLIC_KEY);
    template.push((CKA_LABEL, name.into()));
    let found = session.find(&template).expect("a search");
    assert_eq!(found.len(), 1);
    found[0]
}

fn oaep(hash: CK_MECHANISM_TYPE, mgf: CK_RSA_PKCS_MGF_TYPE) -> CK_RSA_PKCS_OAEP_PARAMS {
    CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: hash,
        mgf,
        source: CKZ_DATA_SPECIFIED,
        ..Default::default()
    }
}

#[test]
fn rsa_encrypts_with_public_keys_and_decrypts_with_private_ones() {
    in_session(here!(), |session| {
        let (public, private) = (public_key(session, "rsa"), session.private_key("rsa"));
        assert_eq!(session.attribute(public, CKA_ENCRYPT), Ok(vec![CK_TRUE]));
        assert_eq!(session.attribute(private, CKA_DECRYPT), Ok(vec![CK_TRUE]));
        let mut sha1 = oaep(CKM_SHA_1, CKG_MGF1_SHA1);
        let mut sha256 = oaep(CKM_SHA256, CKG_MGF1_SHA256);
        for by in [
            plain(CKM_RSA_PKCS),
            mechanism(CKM_RSA_PKCS_OAEP, &mut sha1),
            mechanism(CKM_RSA_PKCS_OAEP, &mut sha256),
        ] {
            for message in [&b""[..], b"a message"] {
                let made = session
                    .ciphered(Encrypt, by, public, message)
                    .expect("made");
                assert_eq!(made.len(), 256);
                let back = session.ciphered(Decrypt, by, private, &made);
                assert_eq!(back, Ok(message.to_vec()));
                let in_parts = session.ciphered_in_parts(Decrypt, by, private, &made, 100);
                assert_eq!(in_parts, Ok(message.to_vec()));
                let mut changed = made.clone();
                changed[255] ^= 1;
                let answer = session.ciphered(Decrypt, by, private, &changed);
                assert_eq!(answer, Err(CKR_ENCRYPTED_DATA_INVALID));
                let cut = session.ciphered(Decrypt, by, private, &made[1..]);
                assert_eq!(cut, Err(CKR_ENCRYPTED_DATA_LEN_RANGE));
            }
            let long = session.ciphered(Encrypt, by, public, &[1; 246]);
            assert_eq!(long, Err(CKR_DATA_LEN_RANGE));
        }
    });
}

#[test]
fn a_result_of_unknown_length_waits_for_its_room() {
    in_session(here!(), |session| {
        let (public, private) = (public_key(session, "rsa"), session.private_key("rsa"));
        let by = plain(CKM_RSA_PKCS);
        let made = session
            .ciphered(Encrypt, by, public, b"secret")
            .expect("made");
        session.cipher_init(Decrypt, by, private).expect("begun");
        let asked = session.cipher(Decrypt, &made, None);
        assert_eq!((asked.answer, asked.length), (CKR_OK, 245));
        let small = session.cipher(Decrypt, &made, Some(3));
        assert_eq!((small.answer, small.length), (CKR_BUFFER_TOO_SMALL, 6));
        assert_eq!(small.bytes, [0xa5; 3]);
        assert_eq!(session.cipher(Decrypt, &made, None).length, 6);
        let part = session.cipher_update(Decrypt, &made, PLENTY);
        assert_eq!(part.answer, CKR_OPERATION_ACTIVE);
        let last = session.cipher(Decrypt, &made, Some(6));
        assert_eq!(last.good(), Ok(b"secret".to_vec()));
        let over = session.cipher(Decrypt, &made, PLENTY);
        assert_eq!(over.answer, CKR_OPERATION_NOT_INITIALIZED);
    });
}

#[test]
fn keys_and_parameters_that_do_not_go_with_a_mechanism_are_refused() {
    in_session(here!(), |session| {
        let (rsa, ec) = (session.private_key("rsa"), session.private_key("p256"));
        let public = public_key(session, "rsa");
        let init = |by, key| session.cipher_init(Decrypt, by, key).unwrap_err();
        assert_eq!(
            init(plain(CKM_RSA_PKCS), ec),
            CKR_KEY_FUNCTION_NOT_PERMITTED
        );
        assert_eq!(
            init(plain(CKM_RSA_PKCS), public),
            CKR_KEY_FUNCTION_NOT_PERMITTED
        );
        assert_eq!(init(plain(CKM_AES_ECB), rsa), CKR_KEY_TYPE_INCONSISTENT);
        assert_eq!(init(plain(CKM_RSA_PKCS), 0), CKR_KEY_HANDLE_INVALID);
        assert_eq!(init(plain(CKM_MD5), rsa), CKR_MECHANISM_INVALID);
        assert_eq!(
            init(plain(CKM_RSA_PKCS_OAEP), rsa),
            CKR_MECHANISM_PARAM_INVALID
        );
        let mut mixed = oaep(CKM_SHA256, CKG_MGF1_SHA1);
        let mut unsourced = oaep(CKM_SHA256, CKG_MGF1_SHA256);
        unsourced.source = 2;
        let mut nowhere = oaep(CKM_SHA256, CKG_MGF1_SHA256);
        nowhere.ulSourceDataLen = 8;
        let mut huge = oaep(CKM_SHA256, CKG_MGF1_SHA256);
        (huge.pSourceData, huge.ulSourceDataLen) = ((&raw mut mixed).cast(), CK_ULONG::MAX);
        for parameter in [&mut mixed, &mut unsourced, &mut nowhere, &mut huge] {
            let by = mechanism(CKM_RSA_PKCS_OAEP, parameter);
            assert_eq!(init(by, rsa), CKR_MECHANISM_PARAM_INVALID);
        }
        let mut iv = [0_u8; 16];
        let by = mechanism(CKM_RSA_PKCS, &mut iv);
        assert_eq!(init(by, rsa), CKR_MECHANISM_PARAM_INVALID);
        let none = session.cipher(Decrypt, &[], PLENTY);
        assert_eq!(none.answer, CKR_OPERATION_NOT_INITIALIZED);
    });
}
