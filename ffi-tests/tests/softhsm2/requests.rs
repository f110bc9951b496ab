//! The calls of each fault. The contract is `ffi_tests::module`'s.

use std::ptr::null_mut;

use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, UnparsedPublicKey};
use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::ciphers::{Way, mechanism, plain};
use ffi_tests::module::{Answer, answer};
use ffi_tests::secret_keys::{secret, with};
use ffi_tests::session::{Template, class};
use ffi_tests::session_objects::number;

use crate::ground::Ground;
use crate::names::{name, told};

/// The codes of two calls.
fn both<A, B>(first: &Answer<A>, second: &Answer<B>) -> String {
    format!("{}, {}", told(first), told(second))
}

fn aes(ground: &Ground) -> CK_OBJECT_HANDLE {
    let uses = [
        (CKA_ENCRYPT, CK_TRUE),
        (CKA_DECRYPT, CK_TRUE),
        (CKA_TOKEN, CK_FALSE),
    ];
    let template = with(secret(CKK_AES, &[7; 32]), &uses);
    ground.objects().create(&template).expect("an AES key")
}

/// C_SignInit by a mechanism with that key.
fn begun(ground: &Ground, by: CK_MECHANISM_TYPE, key: &str) -> Answer {
    let key = ground.session.private_key(key);
    ground.session.sign_init(by, key)
}

pub fn rsa_by_a_curve(ground: &Ground) -> String {
    told(&begun(ground, CKM_SHA256_RSA_PKCS, "p256"))
}

pub fn ecdsa_by_rsa(ground: &Ground) -> String {
    let begun = begun(ground, CKM_ECDSA, "rsa");
    both(&begun, &ground.session.sign_into(&[7; 32], 512))
}

pub fn eddsa_by_a_curve(ground: &Ground) -> String {
    let begun = begun(ground, CKM_EDDSA, "p256");
    both(&begun, &ground.session.sign_into(&[7; 32], 512))
}

/// Whether a signature is one by that judge, who sees the point of the key.
fn judged(
    ground: &Ground,
    key: CK_OBJECT_HANDLE,
    signed: Answer<Vec<u8>>,
    judge: impl Fn(&[u8], &[u8]) -> bool,
) -> String {
    let signature = match signed {
        Ok(signature) => signature,
        Err(rv) => return name(rv),
    };
    let session = &ground.session;
    let public = session.public_half(key).expect("the public key");
    let point = session.attribute(public, CKA_EC_POINT).expect("a point");
    // In an OCTET STRING; of the Ed25519 keys that softhsm2-util takes in, bare.
    let bare = point
        .strip_prefix(&[4, 32])
        .or(point.strip_prefix(&[4, 65]));
    let verdict = match judge(bare.unwrap_or(&point), &signature) {
        true => "it is one",
        false => "it is none",
    };
    format!("CKR_OK, {verdict}")
}

pub fn prehashed_eddsa(ground: &Ground) -> String {
    let key = ground.session.private_key("ed25519");
    let mut parameter = CK_EDDSA_PARAMS {
        phFlag: CK_TRUE,
        ulContextDataLen: 0,
        pContextData: null_mut(),
    };
    let begun = ground
        .session
        .sign_init_by(mechanism(CKM_EDDSA, &mut parameter), key);
    let signed = begun.and_then(|()| ground.session.sign_into(b"data", 64));
    judged(ground, key, signed, |point, signature| {
        UnparsedPublicKey::new(&ED25519, point)
            .verify(b"data", signature)
            .is_ok()
    })
}

pub fn eddsa_with_half_a_parameter(ground: &Ground) -> String {
    let key = ground.session.private_key("ed25519");
    told(
        &ground
            .session
            .sign_init_by(mechanism(CKM_EDDSA, &mut [1_u8; 3]), key),
    )
}

pub fn four_gibibytes(ground: &Ground) -> String {
    let key = ground.session.private_key("p256");
    ground
        .session
        .sign_init(CKM_ECDSA, key)
        .expect("C_SignInit");
    let size = (1 << 32) + 32;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: new pages, which stay until the process ends; they read as zeros and take no memory.
    let zeros = unsafe { libc::mmap(null_mut(), size, libc::PROT_READ, flags, -1, 0) };
    assert_ne!(zeros, libc::MAP_FAILED);
    let (mut signature, mut length) = (vec![0; 64], 64);
    let (session, place) = (ground.session.handle, signature.as_mut_ptr());
    let rv = call!(
        ground.module,
        C_Sign,
        session,
        zeros.cast(),
        size as CK_ULONG,
        place,
        &mut length
    );
    let signed = answer(rv).map(|()| signature);
    let digest = Digest::import_less_safe(&[0; 32], &SHA256).expect("32 bytes");
    judged(ground, key, signed, |point, signature| {
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        public.verify_digest(&digest, signature).is_ok()
    })
}

pub fn sign_of_nothing(ground: &Ground) -> String {
    let (session, key) = (&ground.session, ground.session.private_key("rsa"));
    let begin = || session.sign_init(CKM_SHA256_RSA_PKCS, key);
    begin().expect("C_SignInit");
    let (mut place, mut length) = ([0; 512], 512);
    let rv = call!(
        ground.module,
        C_Sign,
        session.handle,
        null_mut(),
        20,
        place.as_mut_ptr(),
        &mut length
    );
    both(&answer(rv), &begin())
}

pub fn encrypt_of_nothing(ground: &Ground) -> String {
    let (key, mut iv) = (aes(ground), [0_u8; 16]);
    let mut begin = || {
        ground
            .session
            .cipher_init(Way::Encrypt, mechanism(CKM_AES_CBC_PAD, &mut iv), key)
    };
    begin().expect("C_EncryptInit");
    let (mut place, mut length) = ([0; 512], 512);
    let session = ground.session.handle;
    let rv = call!(
        ground.module,
        C_Encrypt,
        session,
        null_mut(),
        20,
        place.as_mut_ptr(),
        &mut length
    );
    both(&answer(rv), &begin())
}

pub fn digest_of_nothing(ground: &Ground) -> String {
    let session = ground.session.handle;
    let begin = || {
        answer(call!(
            ground.module,
            C_DigestInit,
            session,
            &mut plain(CKM_SHA256)
        ))
    };
    begin().expect("C_DigestInit");
    let (mut place, mut length) = ([0; 512], 512);
    let rv = call!(
        ground.module,
        C_Digest,
        session,
        null_mut(),
        20,
        place.as_mut_ptr(),
        &mut length
    );
    both(&answer(rv), &begin())
}

pub fn wide_token(ground: &Ground) -> String {
    let template = vec![(CKA_VALUE_LEN, number(32)), (CKA_TOKEN, number(0))];
    told(&ground.objects().generate(plain(CKM_AES_KEY_GEN), &template))
}

pub fn half_set(ground: &Ground) -> String {
    let key = aes(ground);
    let label = |label: &str| (CKA_LABEL, label.as_bytes().to_vec());
    ground
        .objects()
        .set(key, &vec![label("old")])
        .expect("a label");
    let changes = vec![label("new"), (CKA_KEY_TYPE, number(CKK_GENERIC_SECRET))];
    let set = ground.objects().set(key, &changes);
    let after = ground.session.attribute(key, CKA_LABEL).expect("a label");
    let after = if after == b"old" {
        "the old one"
    } else {
        "the new one"
    };
    format!("{}, {after}", told(&set))
}

/// C_EncryptInit with these lengths and nothing there.
fn gcm(ground: &Ground, iv: &mut [u8], iv_length: CK_ULONG, data_length: CK_ULONG) -> String {
    let mut parameter = CK_GCM_PARAMS {
        pIv: if iv.is_empty() {
            null_mut()
        } else {
            iv.as_mut_ptr()
        },
        ulIvLen: iv_length,
        ulIvBits: iv_length * 8,
        pAAD: null_mut(),
        ulAADLen: data_length,
        ulTagBits: 128,
    };
    let by = mechanism(CKM_AES_GCM, &mut parameter);
    told(&ground.session.cipher_init(Way::Encrypt, by, aes(ground)))
}

pub fn gcm_without_iv(ground: &Ground) -> String {
    gcm(ground, &mut [], 12, 0)
}

pub fn gcm_without_data(ground: &Ground) -> String {
    gcm(ground, &mut [7; 12], 12, 16)
}

pub fn point_off_its_curve(ground: &Ground) -> String {
    let mut template: Template = class(CKO_PUBLIC_KEY);
    let p256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let point = [&[0x04, 0x41, 0x04][..], &[7; 64]].concat();
    template.extend([
        (CKA_KEY_TYPE, number(CKK_EC)),
        (CKA_EC_PARAMS, p256.to_vec()),
        (CKA_EC_POINT, point),
        (CKA_TOKEN, vec![CK_FALSE]),
    ]);
    told(&ground.objects().create(&template))
}

pub fn after_a_fork(ground: &Ground) -> String {
    // SAFETY: the child makes the call that the specification wants of it, and ends without what is after main.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let rv = ground.module.initialize().err().unwrap_or(CKR_OK);
        let told = match rv {
            CKR_OK => 0,
            CKR_CRYPTOKI_ALREADY_INITIALIZED => 1,
            _ => 2,
        };
        // SAFETY: it takes a number.
        unsafe { libc::_exit(told) };
    }
    let mut status = 0;
    // SAFETY: our child, and a place for its status.
    unsafe { libc::waitpid(child, &mut status, 0) };
    let codes = [CKR_OK, CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_GENERAL_ERROR];
    let code = usize::try_from(libc::WEXITSTATUS(status)).ok();
    code.and_then(|code| codes.get(code))
        .map_or("another code".to_owned(), |rv| name(*rv))
}
