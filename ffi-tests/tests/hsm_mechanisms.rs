//! The mechanisms of a module, passed through with their parameters, and held against openssl.

use std::collections::BTreeSet;
use std::ptr::null_mut;

use cryptoki_sys::*;
use ffi_tests::ciphers::{PLENTY, Way, mechanism};
use ffi_tests::configuration::own_log;
use ffi_tests::hsm::{Configured, Hsm, LABEL, PIN, Vendor};
use ffi_tests::module::{Answer, Module, answer};
use ffi_tests::own_process::alone;
use ffi_tests::session::Session;
use ffi_tests::signature::{Scheme, digest, verifies};
use ffi_tests::{call, here};

/// What is told of curves (v3.2, 6.3).
const CURVES: CK_FLAGS = CKF_EC_F_P
    | CKF_EC_F_2M
    | CKF_EC_ECPARAMETERS
    | CKF_EC_OID
    | CKF_EC_UNCOMPRESS
    | CKF_EC_COMPRESS
    | CKF_EC_CURVENAME;

const MESSAGE: &[u8] = b"to be signed";

fn configured(vendor: Vendor) -> Configured {
    let hsm = Hsm::new(vendor).with(&["rsa", "p256", "ed25519"]);
    let slot = hsm.slot_with_pin();
    hsm.configured(&slot)
}

fn in_a_process(vendor: Vendor) -> Configured {
    let hsm = Hsm::new(vendor).with(&["rsa", "p256", "ed25519"]);
    let slot = hsm.slot_in_a_process();
    hsm.configured(&slot)
}

fn mechanisms(module: &Module, slot: CK_SLOT_ID) -> BTreeSet<CK_MECHANISM_TYPE> {
    let mut count = 0;
    let list = |list, count| answer(call!(module, C_GetMechanismList, slot, list, count));
    list(null_mut(), &mut count).expect("a number");
    let mut numbers = vec![0; count as usize];
    list(numbers.as_mut_ptr(), &mut count).expect("a list");
    numbers.into_iter().collect()
}

fn info(module: &Module, slot: CK_SLOT_ID, number: CK_MECHANISM_TYPE) -> CK_MECHANISM_INFO {
    let mut info = CK_MECHANISM_INFO::default();
    let told = call!(module, C_GetMechanismInfo, slot, number, &mut info);
    assert_eq!(told, CKR_OK, "{number:#x}");
    info
}

/// Made here, whatever the module does.
const CODES: [CK_MECHANISM_TYPE; 12] = [
    CKM_SHA_1_HMAC,
    CKM_SHA_1_HMAC_GENERAL,
    CKM_SHA224_HMAC,
    CKM_SHA224_HMAC_GENERAL,
    CKM_SHA256_HMAC,
    CKM_SHA256_HMAC_GENERAL,
    CKM_SHA384_HMAC,
    CKM_SHA384_HMAC_GENERAL,
    CKM_SHA512_HMAC,
    CKM_SHA512_HMAC_GENERAL,
    CKM_AES_CMAC,
    CKM_AES_CMAC_GENERAL,
];

/// What the module does with these keys, and nothing that it does not.
fn the_list_is_the_modules(vendor: Vendor) {
    /// Of those that sign with keys that programs see, what the crate cryptoki does not know.
    const UNKNOWN: [CK_MECHANISM_TYPE; 2] = [CKM_MD5_RSA_PKCS, CKM_SHA224_RSA_PKCS_PSS];
    let theirs = Module::load_from(&vendor.module());
    assert_eq!(theirs.initialize(), Ok(()));
    let slot = theirs.slots().expect("slots")[0];
    let module = Module::initialized();
    let mut ours = mechanisms(&module, module.slot(LABEL));
    assert!(CODES.iter().all(|number| ours.contains(number)));
    // Digests and the like are made here, and codes with the secret keys of a session.
    ours.retain(|number| {
        let signs = info(&module, module.slot(LABEL), *number).flags & CKF_SIGN != 0;
        signs && !CODES.contains(number)
    });
    for number in mechanisms(&theirs, slot) {
        let is = info(&theirs, slot, number);
        let of_pairs = matches!(number, CKM_RSA_PKCS..=CKM_SHA1_RSA_PKCS_PSS)
            || matches!(number, CKM_SHA256_RSA_PKCS..=CKM_SHA224_RSA_PKCS_PSS)
            || matches!(
                number,
                CKM_ECDSA..=CKM_ECDSA_SHA512 | CKM_EDDSA | CKM_ML_DSA
            );
        let wanted = is.flags & CKF_SIGN != 0 && of_pairs && !UNKNOWN.contains(&number);
        assert_eq!(ours.contains(&number), wanted, "{number:#x}");
        if wanted {
            let told = info(&module, module.slot(LABEL), number);
            let sizes = (told.ulMinKeySize, told.ulMaxKeySize);
            assert_eq!(sizes, (is.ulMinKeySize, is.ulMaxKeySize), "{number:#x}");
            // Signatures are checked here whatever the module does.
            let curves = told.flags & CURVES;
            assert_eq!(is.flags & curves, curves, "{number:#x}: {:#x}", told.flags);
            assert_ne!(told.flags & CKF_SIGN, 0);
        }
    }
    for number in [
        CKM_RSA_PKCS_PSS,
        CKM_RSA_X_509,
        CKM_SHA1_RSA_PKCS,
        CKM_ECDSA_SHA256,
    ] {
        assert!(ours.contains(&number), "{number:#x}");
    }
    each_is_allowed_to_the_keys_it_goes_with(&module, &ours);
    assert!(!ours.contains(&CKM_RSA_PKCS_KEY_PAIR_GEN));
    assert_eq!(theirs.finalize(), Ok(()));
}

/// By CKA_ALLOWED_MECHANISMS of an RSA, an EC and an Ed25519 key; of those that sign, none other and all of them.
fn each_is_allowed_to_the_keys_it_goes_with(module: &Module, ours: &BTreeSet<CK_MECHANISM_TYPE>) {
    let session = Session::open(module, module.slot(LABEL)).expect("a session");
    let allowed = |name| -> BTreeSet<CK_MECHANISM_TYPE> {
        let bytes = session.attribute(session.private_key(name), CKA_ALLOWED_MECHANISMS);
        let bytes = bytes.expect("CKA_ALLOWED_MECHANISMS");
        let numbers = bytes.chunks_exact(size_of::<CK_MECHANISM_TYPE>());
        let numbers =
            numbers.map(|it| CK_MECHANISM_TYPE::from_ne_bytes(it.try_into().expect("one")));
        numbers
            .filter(|number| *number != CKM_RSA_PKCS_OAEP)
            .collect()
    };
    let (rsa, ec, ed25519) = (allowed("rsa"), allowed("p256"), allowed("ed25519"));
    assert!(rsa.contains(&CKM_RSA_PKCS_PSS) && rsa.contains(&CKM_RSA_X_509));
    assert!(
        ec.contains(&CKM_ECDSA)
            && ec
                .iter()
                .all(|it| (CKM_ECDSA..=CKM_ECDSA_SHA512).contains(it))
    );
    assert_eq!(ed25519, BTreeSet::from([CKM_EDDSA]));
    let all: BTreeSet<_> = [rsa, ec, ed25519].into_iter().flatten().collect();
    let others = BTreeSet::from([CKM_ML_DSA]);
    assert_eq!(&all | &others, ours | &others);
}

/// C_SignInit with a parameter, and C_Sign.
fn sign<T>(
    module: &Module,
    session: &Session<'_>,
    number: CK_MECHANISM_TYPE,
    parameter: &mut T,
    key: CK_OBJECT_HANDLE,
    data: &[u8],
) -> Answer<Vec<u8>> {
    let mut mechanism = CK_MECHANISM {
        mechanism: number,
        pParameter: (&raw mut *parameter).cast(),
        ulParameterLen: size_of::<T>() as CK_ULONG,
    };
    answer(call!(
        module,
        C_SignInit,
        session.handle,
        &mut mechanism,
        key
    ))?;
    session.sign_into(data, 1024)
}

fn pss(
    hash: CK_MECHANISM_TYPE,
    mgf: CK_RSA_PKCS_MGF_TYPE,
    salt: CK_ULONG,
) -> CK_RSA_PKCS_PSS_PARAMS {
    CK_RSA_PKCS_PSS_PARAMS {
        hashAlg: hash,
        mgf,
        sLen: salt,
    }
}

/// The mechanism, whether it takes a digest, the hash, the mask, the hash's name, and bytes of salt.
type PssRow = (
    CK_MECHANISM_TYPE,
    bool,
    CK_MECHANISM_TYPE,
    CK_RSA_PKCS_MGF_TYPE,
    &'static str,
    CK_ULONG,
);

const PSS: [PssRow; 5] = [
    (
        CKM_SHA256_RSA_PKCS_PSS,
        false,
        CKM_SHA256,
        CKG_MGF1_SHA256,
        "sha256",
        32,
    ),
    (
        CKM_SHA512_RSA_PKCS_PSS,
        false,
        CKM_SHA512,
        CKG_MGF1_SHA512,
        "sha512",
        64,
    ),
    // With a salt that we do not compute: the module's C_Verify vouches.
    (
        CKM_SHA384_RSA_PKCS_PSS,
        false,
        CKM_SHA384,
        CKG_MGF1_SHA384,
        "sha384",
        20,
    ),
    (
        CKM_SHA1_RSA_PKCS_PSS,
        false,
        CKM_SHA_1,
        CKG_MGF1_SHA1,
        "sha1",
        20,
    ),
    (
        CKM_RSA_PKCS_PSS,
        true,
        CKM_SHA256,
        CKG_MGF1_SHA256,
        "sha256",
        32,
    ),
];

fn parameters_reach_the_module() {
    let module = Module::initialized();
    let session = Session::open(&module, module.slot(LABEL)).expect("a session");
    let rsa = session.private_key("rsa");
    let spki = session
        .attribute(rsa, CKA_PUBLIC_KEY_INFO)
        .expect("a public half");
    for (number, base, hash, mgf, name, salt) in PSS {
        let data = if base {
            digest(name, MESSAGE)
        } else {
            MESSAGE.to_vec()
        };
        let signed = sign(
            &module,
            &session,
            number,
            &mut pss(hash, mgf, salt),
            rsa,
            &data,
        );
        let signed = signed.unwrap_or_else(|rv| panic!("{number:#x}: {rv:#x} {}", own_log()));
        assert!(
            verifies(Scheme::Pss(name, salt as usize), &spki, MESSAGE, &signed),
            "{name}"
        );
    }
    hashes_and_plain_forms(&session, rsa, &spki);
    let ec = session.private_key("p256");
    digests_of_any_length(&session, ec);
    refusals(&module, &session, rsa, ec);
}

fn hashes_and_plain_forms(session: &Session<'_>, rsa: CK_OBJECT_HANDLE, spki: &[u8]) {
    for (number, hash) in [(CKM_SHA1_RSA_PKCS, "sha1"), (CKM_SHA224_RSA_PKCS, "sha224")] {
        let signed = session.sign(number, rsa, MESSAGE).expect(hash);
        assert!(
            verifies(Scheme::Rsa(hash), spki, MESSAGE, &signed),
            "{hash}"
        );
    }
    // Any bytes: not a DigestInfo, and not padded either.
    assert_eq!(
        session
            .sign(CKM_RSA_PKCS, rsa, b"anything")
            .map(|it| it.len()),
        Ok(256)
    );
    assert_eq!(
        session
            .sign(CKM_RSA_X_509, rsa, &[1; 256])
            .map(|it| it.len()),
        Ok(256)
    );
}

fn digests_of_any_length(session: &Session<'_>, ec: CK_OBJECT_HANDLE) {
    let spki = session
        .attribute(ec, CKA_PUBLIC_KEY_INFO)
        .expect("a public half");
    for hash in ["sha1", "sha224", "sha512"] {
        let signed = session.sign(CKM_ECDSA, ec, &digest(hash, MESSAGE));
        let signed = signed.unwrap_or_else(|rv| panic!("{hash}: {rv:#x}: {}", own_log()));
        assert!(
            verifies(Scheme::Ecdsa(hash), &spki, MESSAGE, &signed),
            "{hash}"
        );
    }
}

fn refusals(module: &Module, session: &Session<'_>, rsa: CK_OBJECT_HANDLE, ec: CK_OBJECT_HANDLE) {
    let wrong_parameter = Err(CKR_MECHANISM_PARAM_INVALID);
    let refused = session.sign(CKM_SHA256_RSA_PKCS_PSS, rsa, MESSAGE);
    assert_eq!(refused, wrong_parameter, "it needs one");
    let by = |number, key| sign(module, session, number, &mut [0_u8; 5], key, &[7; 32]);
    assert_eq!(
        by(CKM_SHA256_RSA_PKCS_PSS, rsa),
        wrong_parameter,
        "of another length"
    );
    assert_eq!(by(CKM_ECDSA, ec), wrong_parameter, "it takes none");
    let mut other = pss(CKM_SHA512, CKG_MGF1_SHA512, 64);
    let refused = sign(
        module,
        session,
        CKM_SHA256_RSA_PKCS_PSS,
        &mut other,
        rsa,
        MESSAGE,
    );
    assert!(refused.is_err(), "the module's refusal comes through");
    let refused = session.sign(CKM_ECDSA, rsa, &[7; 32]);
    assert_eq!(refused, Err(CKR_KEY_TYPE_INCONSISTENT));
    let refused = session.sign(CKM_RSA_X_509, ec, &[7; 32]);
    assert_eq!(refused, Err(CKR_KEY_TYPE_INCONSISTENT));
    let refused = session.sign(CKM_SHA256_HMAC, rsa, MESSAGE);
    assert_eq!(refused, Err(CKR_KEY_TYPE_INCONSISTENT), "of secret keys");
    let refused = session.sign(CKM_MD5_HMAC, rsa, MESSAGE);
    assert_eq!(refused, Err(CKR_MECHANISM_INVALID));
    // A message in parts, of a mechanism that is the module's alone.
    let parts = session.sign_in_parts(CKM_SHA1_RSA_PKCS, rsa, &[b"to be ", b"signed"]);
    assert_eq!(parts, session.sign(CKM_SHA1_RSA_PKCS, rsa, MESSAGE));
}

/// The same tests on each vendor's module.
macro_rules! on_each {
    ($($module:ident: $vendor:expr;)*) => { $(
        mod $module {
            use super::*;

            #[test]
            fn the_list_is_the_modules() {
                let body = || super::the_list_is_the_modules($vendor);
                alone(here!(), || configured($vendor), body);
            }

            #[test]
            fn parameters_reach_the_module_as_they_are() {
                alone(here!(), || configured($vendor), parameters_reach_the_module);
            }

            #[test]
            fn parameters_reach_a_module_in_a_process_of_its_own() {
                alone(here!(), || in_a_process($vendor), parameters_reach_the_module);
            }
        }
    )* };
}

on_each! {
    softhsm: Vendor::SoftHsm;
    kryoptic: Vendor::Kryoptic;
}

/// SoftHSM2 knows SHA-1 alone there.
#[test]
fn a_hash_of_oaep_that_the_module_does_not_know_is_told_from_a_bad_ciphertext() {
    alone(
        here!(),
        || configured(Vendor::SoftHsm),
        || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            session.login(CKU_USER, PIN).expect("a login");
            let rsa = session.private_key("rsa");
            for (hash, mgf, wanted) in [
                (CKM_SHA256, CKG_MGF1_SHA256, CKR_MECHANISM_PARAM_INVALID),
                (CKM_SHA_1, CKG_MGF1_SHA1, CKR_ENCRYPTED_DATA_INVALID),
            ] {
                let mut oaep = CK_RSA_PKCS_OAEP_PARAMS {
                    hashAlg: hash,
                    mgf,
                    source: CKZ_DATA_SPECIFIED,
                    pSourceData: null_mut(),
                    ulSourceDataLen: 0,
                };
                let by = mechanism(CKM_RSA_PKCS_OAEP, &mut oaep);
                assert_eq!(session.cipher_init(Way::Decrypt, by, rsa), Ok(()));
                let opened = session.cipher(Way::Decrypt, &[7; 256], PLENTY).good();
                assert_eq!(opened, Err(wanted), "{hash:#x}");
            }
        },
    );
}
