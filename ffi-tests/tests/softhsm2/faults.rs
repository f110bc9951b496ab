//! The faults: which calls, what PKCS#11 has for them, and what they are made by.

use crate::ground::Ground;
use crate::requests::*;

/// A fault of SoftHSM2's.
pub struct Fault {
    /// For the environment of a child.
    pub name: &'static str,
    /// The calls.
    pub calls: &'static str,
    /// Where PKCS#11 (v3.2) says what is right.
    pub section: &'static str,
    /// What is right: codes in the order of the calls.
    pub right: &'static str,
    /// Whether it takes a minute and 5 GB of memory: then it is made only where the document is written anew.
    pub slow: bool,
    /// Makes the calls and tells what came of them.
    pub make: fn(&Ground) -> String,
}

macro_rules! faults {
    ($($make:ident, $calls:literal, $section:literal => $right:literal $(, $slow:literal)?;)*) => {
        /// All of them.
        pub const FAULTS: &[Fault] = &[$(Fault {
            name: stringify!($make),
            calls: $calls,
            section: $section,
            right: $right,
            slow: false $(|| $slow)?,
            make: $make,
        }),*];
    };
}

faults! {
    rsa_by_a_curve, "`C_SignInit`: `CKM_SHA256_RSA_PKCS` with a P-256 key", "5.13.1"
        => "CKR_KEY_TYPE_INCONSISTENT";
    ecdsa_by_rsa, "`C_SignInit`: `CKM_ECDSA` with an RSA key, and `C_Sign`", "5.13.1"
        => "CKR_KEY_TYPE_INCONSISTENT, CKR_OPERATION_NOT_INITIALIZED";
    eddsa_by_a_curve, "`C_SignInit`: `CKM_EDDSA` with a P-256 key, and `C_Sign`", "5.13.1"
        => "CKR_KEY_TYPE_INCONSISTENT, CKR_OPERATION_NOT_INITIALIZED";
    prehashed_eddsa, "`CKM_EDDSA` with `CK_EDDSA_PARAMS.phFlag`, which asks for Ed25519ph, and the signature taken for one of Ed25519", "6.3.14" => "CKR_MECHANISM_PARAM_INVALID";
    eddsa_with_half_a_parameter, "`CKM_EDDSA` with a parameter of 3 bytes", "6.3.14"
        => "CKR_MECHANISM_PARAM_INVALID";
    four_gibibytes, "`C_Sign`: `CKM_ECDSA` over 2^32 + 32 bytes, and the signature taken for one over the first 32", "5.13.2"
        => "CKR_DATA_LEN_RANGE", true;
    sign_of_nothing, "`C_Sign` with null for 20 bytes, and the next `C_SignInit`", "5.13.2"
        => "CKR_ARGUMENTS_BAD, CKR_OK";
    encrypt_of_nothing, "`C_Encrypt` with null for 20 bytes, and the next `C_EncryptInit`", "5.8.2"
        => "CKR_ARGUMENTS_BAD, CKR_OK";
    digest_of_nothing, "`C_Digest` with null for 20 bytes, and the next `C_DigestInit`", "5.12.2"
        => "CKR_ARGUMENTS_BAD, CKR_OK";
    wide_token, "`C_GenerateKey`: `CKA_TOKEN` of 8 bytes", "5.18.1"
        => "CKR_ATTRIBUTE_VALUE_INVALID";
    half_set, "`C_SetAttributeValue`: a new `CKA_LABEL`, and a `CKA_KEY_TYPE`, which cannot be changed; the label after it", "5.7.6"
        => "CKR_ATTRIBUTE_READ_ONLY, the old one";
    gcm_without_iv, "`C_EncryptInit`: `CKM_AES_GCM`, null for an IV of 12 bytes", "5.8.1"
        => "CKR_MECHANISM_PARAM_INVALID";
    gcm_without_data, "`C_EncryptInit`: `CKM_AES_GCM`, null for 16 bytes of associated data", "5.8.1"
        => "CKR_MECHANISM_PARAM_INVALID";
    point_off_its_curve, "`C_CreateObject`: a public key that is no point of P-256", "5.7.1"
        => "CKR_ATTRIBUTE_VALUE_INVALID";
    after_a_fork, "`fork`, and `C_Initialize` in the child", "5.4.1" => "CKR_OK";
}
