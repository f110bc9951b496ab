//! The functions that go on with two operations of a session at once.

use cryptoki_sys::*;
use ffi_tests::ciphers::Way::{Decrypt, Encrypt};
use ffi_tests::ciphers::{PLENTY, mechanism, plain};
use ffi_tests::gcm_messages::Dual;
use ffi_tests::here;
use ffi_tests::secret_keys::{in_session, openssl, secret};

const TEXT: &[u8] = b"forty-eight bytes of a text that goes both ways.";

#[test]
fn a_digest_is_made_of_what_is_encrypted_and_decrypted() {
    in_session(here!(), |session, objects| {
        let key = objects.create(&secret(CKK_AES, &[7; 16])).expect("a key");
        let mut iv = [1_u8; 16];
        let by = mechanism(CKM_AES_CBC, &mut iv);
        let digest = openssl(&["dgst", "-sha256", "-binary"], TEXT);
        session.digest_init(CKM_SHA256).expect("begun");
        session.cipher_init(Encrypt, by, key).expect("begun");
        let asked = session.dual(Dual::DigestEncrypt, &TEXT[..20], None);
        assert_eq!((asked.answer, asked.length), (CKR_OK, 16));
        let small = session.dual(Dual::DigestEncrypt, &TEXT[..20], Some(15));
        assert_eq!(small.answer, CKR_BUFFER_TOO_SMALL);
        let made = [&TEXT[..20], &TEXT[20..]].map(|part| {
            let made = session.dual(Dual::DigestEncrypt, part, PLENTY);
            made.good().expect("made")
        });
        assert_eq!(session.digest_final().as_ref(), Ok(&digest));
        assert_eq!(session.cipher_final(Encrypt, PLENTY).good(), Ok(vec![]));
        let made = made.concat();
        assert_eq!(session.ciphered(Encrypt, by, key, TEXT).as_ref(), Ok(&made));
        session.digest_init(CKM_SHA256).expect("begun");
        session.cipher_init(Decrypt, by, key).expect("begun");
        let back = session.dual(Dual::DecryptDigest, &made, PLENTY);
        assert_eq!(back.good(), Ok(TEXT.to_vec()));
        assert_eq!(session.digest_final(), Ok(digest));
    });
}

#[test]
fn a_code_is_made_of_what_is_encrypted_and_checked_by_what_is_decrypted() {
    in_session(here!(), |session, objects| {
        let key = objects.create(&secret(CKK_AES, &[7; 16])).expect("a key");
        session.sign_init(CKM_AES_CMAC, key).expect("begun");
        session
            .cipher_init(Encrypt, plain(CKM_AES_ECB), key)
            .expect("begun");
        let made = session
            .dual(Dual::SignEncrypt, TEXT, PLENTY)
            .good()
            .expect("made");
        let code = session.sign_final().expect("a code");
        assert_eq!(session.sign(CKM_AES_CMAC, key, TEXT).as_ref(), Ok(&code));
        session.cipher_final(Encrypt, PLENTY).good().expect("ended");
        for (data, wanted) in [
            (made.clone(), Ok(())),
            (vec![1; 48], Err(CKR_SIGNATURE_INVALID)),
        ] {
            session
                .verify_init_by(plain(CKM_AES_CMAC), key)
                .expect("begun");
            session
                .cipher_init(Decrypt, plain(CKM_AES_ECB), key)
                .expect("begun");
            let back = session.dual(Dual::DecryptVerify, &data, PLENTY);
            assert_eq!((back.answer, back.length), (CKR_OK, 48));
            assert_eq!(session.verify_final(&code), wanted);
            session.cipher_final(Decrypt, PLENTY).good().expect("ended");
        }
    });
}

#[test]
fn two_operations_are_needed_for_two() {
    in_session(here!(), |session, objects| {
        let key = objects.create(&secret(CKK_AES, &[7; 16])).expect("a key");
        let all = [
            Dual::DigestEncrypt,
            Dual::DecryptDigest,
            Dual::SignEncrypt,
            Dual::DecryptVerify,
        ];
        for which in all {
            let early = session.dual(which, TEXT, PLENTY);
            assert_eq!(early.answer, CKR_OPERATION_NOT_INITIALIZED, "{which:?}");
        }
        session.digest_init(CKM_SHA256).expect("begun");
        session
            .cipher_init(Encrypt, plain(CKM_AES_ECB), key)
            .expect("begun");
        for which in &all[1..] {
            let other = session.dual(*which, TEXT, PLENTY);
            assert_eq!(other.answer, CKR_OPERATION_NOT_INITIALIZED, "{which:?}");
        }
        assert_eq!(session.dual(all[0], TEXT, PLENTY).answer, CKR_OK);
    });
}
