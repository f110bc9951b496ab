//! Ciphertexts of RSA: opened by the keys of the token that say that they decrypt, and by no others.

use cryptoki_sys::*;
use ffi_tests::ciphers::{PLENTY, Way, mechanism, plain};
use ffi_tests::session::{Session, class};
use ffi_tests::session_objects::{Objects, number};

use super::{Check, Stage};
use crate::outcome::{Fault, Outcome, same};

pub const CHECKS: &[Check] = &[
    (
        "library: what says that it decrypts does, and nothing else does",
        decrypting,
    ),
    (
        "library: a program makes a pair that decrypts, or is told that it does not",
        made,
    ),
];

const MESSAGE: &[u8] = b"a message to be read by one";

fn decrypting(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let mut of_rsa = class(CKO_PRIVATE_KEY);
    of_rsa.push((CKA_KEY_TYPE, number(CKK_RSA)));
    for private in session.find(&of_rsa)? {
        let mut half = class(CKO_PUBLIC_KEY);
        half.push((CKA_ID, session.attribute(private, CKA_ID)?));
        let public = session.find(&half)?[0];
        as_it_says(&session, public, private)?;
    }
    Ok(())
}

fn made(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let objects = Objects::of(&stage.module, &session);
    let name = format!("decrypts-{}", std::process::id());
    let half = |more| vec![(CKA_TOKEN, vec![1]), (CKA_LABEL, name.clone().into()), more];
    let mut public = half((CKA_MODULUS_BITS, number(2048)));
    public.push((CKA_ENCRYPT, vec![1]));
    let private = half((CKA_DECRYPT, vec![1]));
    let [public, private] = objects.pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private)?;
    let done = as_it_says(&session, public, private);
    let destroyed = objects.destroy(private);
    done.and(destroyed.map_err(Fault::from))
}

fn as_it_says(
    session: &Session<'_>,
    public: CK_OBJECT_HANDLE,
    private: CK_OBJECT_HANDLE,
) -> Outcome {
    // With SHA-1, which every module knows.
    let mut oaep = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA_1,
        mgf: CKG_MGF1_SHA1,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: std::ptr::null_mut(),
        ulSourceDataLen: 0,
    };
    let decrypts = session.attribute(private, CKA_DECRYPT)? == [CK_TRUE];
    for by in [mechanism(CKM_RSA_PKCS_OAEP, &mut oaep), plain(CKM_RSA_PKCS)] {
        session.cipher_init(Way::Encrypt, by, public)?;
        let secret = session.cipher(Way::Encrypt, MESSAGE, PLENTY).good()?;
        let begun = session.cipher_init(Way::Decrypt, by, private);
        if !decrypts {
            same("C_DecryptInit", begun, Err(CKR_KEY_FUNCTION_NOT_PERMITTED))?;
            continue;
        }
        begun?;
        let opened = session.cipher(Way::Decrypt, &secret, PLENTY).good();
        same("C_Decrypt", opened, Ok(MESSAGE.to_vec()))?;
    }
    if !decrypts {
        return Ok(());
    }
    // No message of OAEP: its first byte is 0, and the rest is what a hash says.
    session.cipher_init(
        Way::Decrypt,
        mechanism(CKM_RSA_PKCS_OAEP, &mut oaep),
        private,
    )?;
    let spoilt = session.cipher(Way::Decrypt, &[7; 256], PLENTY).good();
    same("of no message", spoilt, Err(CKR_ENCRYPTED_DATA_INVALID))
}
