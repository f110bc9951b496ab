//! What an honest program gives to each function: the best guess that holds for all tokens.

use std::collections::BTreeMap;

use cryptoki_sys::*;

use super::Ground;
use crate::module::Module;
use crate::session::Session;
use crate::surface::Function;

/// The objects that calls are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// An RSA key's private half.
    RsaPrivate,
    /// Its public one.
    RsaPublic,
    /// A P-256 key's private half.
    EcPrivate,
    /// Its public one.
    EcPublic,
    /// An Ed25519 key's private half.
    EdPrivate,
    /// A secret key, if there is one.
    Secret,
    /// None: for calls that would end what they are given.
    Gone,
}

/// Their handles.
#[derive(Debug, Default)]
pub struct Holdings(BTreeMap<Key, CK_OBJECT_HANDLE>);

impl Holdings {
    /// What a session of that slot sees.
    pub fn seen_by(module: &Module, slot: CK_SLOT_ID) -> Self {
        let session = Session::open(module, slot).expect("a session");
        let mut found = BTreeMap::new();
        for object in session.find(&vec![]).expect("a search") {
            let number = |kind| {
                let value = session.attribute(object, kind).ok()?;
                Some(CK_ULONG::from_ne_bytes(value.try_into().ok()?))
            };
            let key = match (number(CKA_CLASS), number(CKA_KEY_TYPE)) {
                (Some(CKO_PRIVATE_KEY), Some(CKK_RSA)) => Key::RsaPrivate,
                (Some(CKO_PUBLIC_KEY), Some(CKK_RSA)) => Key::RsaPublic,
                (Some(CKO_PRIVATE_KEY), Some(CKK_EC)) => Key::EcPrivate,
                (Some(CKO_PUBLIC_KEY), Some(CKK_EC)) => Key::EcPublic,
                (Some(CKO_PRIVATE_KEY), Some(CKK_EC_EDWARDS)) => Key::EdPrivate,
                (Some(CKO_SECRET_KEY), _) => Key::Secret,
                _ => continue,
            };
            found.entry(key).or_insert(object);
        }
        Self(found)
    }

    /// The handle of one; a number that is none if there is no such object.
    pub fn handle(&self, key: Key) -> CK_OBJECT_HANDLE {
        self.0.get(&key).copied().unwrap_or(0x7fff_0001)
    }
}

/// The function that begins what this one goes on with.
pub fn start_of(name: &str) -> Option<&'static str> {
    let starts = [
        ("C_FindObjects", "C_FindObjectsInit"),
        ("C_EncryptMessage", "C_MessageEncryptInit"),
        ("C_MessageEncryptFinal", "C_MessageEncryptInit"),
        ("C_DecryptMessage", "C_MessageDecryptInit"),
        ("C_MessageDecryptFinal", "C_MessageDecryptInit"),
        ("C_SignMessage", "C_MessageSignInit"),
        ("C_MessageSignFinal", "C_MessageSignInit"),
        ("C_VerifyMessage", "C_MessageVerifyInit"),
        ("C_MessageVerifyFinal", "C_MessageVerifyInit"),
        ("C_VerifySignature", "C_VerifySignatureInit"),
        ("C_SignRecover", "C_SignRecoverInit"),
        ("C_VerifyRecover", "C_VerifyRecoverInit"),
        ("C_DigestEncrypt", "C_DigestInit"),
        ("C_DecryptDigest", "C_DecryptInit"),
        ("C_SignEncrypt", "C_SignInit"),
        ("C_DecryptVerify", "C_DecryptInit"),
        ("C_Encrypt", "C_EncryptInit"),
        ("C_Decrypt", "C_DecryptInit"),
        ("C_Digest", "C_DigestInit"),
        ("C_Sign", "C_SignInit"),
        ("C_Verify", "C_VerifyInit"),
    ];
    let starts = starts.iter().find(|(begin, _)| name.starts_with(begin));
    starts
        .map(|(_, start)| *start)
        .filter(|_| !name.ends_with("Init"))
}

/// The object that a function is called with in that place.
pub fn key_of(function: &Function, position: usize) -> Key {
    let is_first = position <= 2;
    match function.name {
        "C_DestroyObject" => Key::Gone,
        "C_SetAttributeValue" | "C_GetAttributeValue" | "C_GetObjectSize" => Key::EcPrivate,
        "C_CopyObject" => Key::EcPublic,
        "C_EncryptInit" | "C_VerifyRecoverInit" | "C_MessageEncryptInit" => Key::RsaPublic,
        "C_DecryptInit" | "C_SignRecoverInit" | "C_MessageDecryptInit" => Key::RsaPrivate,
        "C_SignInit" | "C_MessageSignInit" | "C_DeriveKey" => Key::EcPrivate,
        "C_VerifyInit" | "C_MessageVerifyInit" | "C_VerifySignatureInit" => Key::EcPublic,
        "C_WrapKey" if is_first => Key::RsaPublic,
        "C_UnwrapKey" => Key::RsaPrivate,
        _ => Key::Secret,
    }
}

/// The generator of P-256 (SP 800-186, 3.2.1.3), uncompressed.
const P256_POINT: [u8; 65] = [
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40,
    0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e,
    0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51,
    0xf5,
];

/// A parameter with the point behind it in the same memory.
fn ecdh(ground: &Ground) -> *mut CK_ECDH1_DERIVE_PARAMS {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Laid(CK_ECDH1_DERIVE_PARAMS, [u8; 72]);
    let mut point = [0; 72];
    point[..P256_POINT.len()].copy_from_slice(&P256_POINT);
    let mut laid = Laid(CK_ECDH1_DERIVE_PARAMS::default(), point);
    let place = ground.inner.put_all(&[laid]);
    laid.0.kdf = CKD_NULL;
    laid.0.ulPublicDataLen = P256_POINT.len() as CK_ULONG;
    laid.0.pPublicData = place.cast::<u8>().wrapping_add(size_of_val(&laid.0));
    ground.inner.put_all(&[laid]).cast()
}

/// The mechanism that a function is called with.
pub fn mechanism(name: &str, ground: &Ground) -> *mut CK_MECHANISM {
    let oaep = CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: CKM_SHA256,
        mgf: CKG_MGF1_SHA256,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: std::ptr::null_mut(),
        ulSourceDataLen: 0,
    };
    let plain = |mechanism| CK_MECHANISM {
        mechanism,
        pParameter: std::ptr::null_mut(),
        ulParameterLen: 0,
    };
    let mechanism = match name {
        "C_SignInit" | "C_VerifyInit" | "C_VerifySignatureInit" => plain(CKM_ECDSA_SHA256),
        "C_MessageSignInit" | "C_MessageVerifyInit" => plain(CKM_ECDSA_SHA256),
        "C_SignRecoverInit" | "C_VerifyRecoverInit" => plain(CKM_RSA_PKCS),
        "C_DigestInit" => plain(CKM_SHA256),
        "C_GenerateKey" => plain(CKM_AES_KEY_GEN),
        "C_GenerateKeyPair" => plain(CKM_EC_KEY_PAIR_GEN),
        "C_DeriveKey" => CK_MECHANISM {
            mechanism: CKM_ECDH1_DERIVE,
            pParameter: ecdh(ground).cast(),
            ulParameterLen: size_of::<CK_ECDH1_DERIVE_PARAMS>() as CK_ULONG,
        },
        "C_EncapsulateKey" | "C_DecapsulateKey" => plain(CKM_ML_KEM),
        _ => CK_MECHANISM {
            mechanism: CKM_RSA_PKCS_OAEP,
            pParameter: ground.inner.put_all(&[oaep]).cast(),
            ulParameterLen: size_of_val(&oaep) as CK_ULONG,
        },
    };
    ground.data.put_all(&[mechanism])
}

/// The attributes that a function is called with in that place.
pub fn template(name: &str, position: usize, ground: &Ground) -> (*mut CK_ATTRIBUTE, CK_ULONG) {
    const P256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let number = |kind, value: CK_ULONG| (kind, value.to_ne_bytes().to_vec());
    let of_session = (CKA_TOKEN, vec![CK_FALSE]);
    let secret = number(CKA_CLASS, CKO_SECRET_KEY);
    let long = number(CKA_VALUE_LEN, 32);
    let attributes = match (name, position) {
        ("C_CreateObject", _) => vec![
            number(CKA_CLASS, CKO_DATA),
            of_session,
            (CKA_VALUE, b"data".to_vec()),
        ],
        ("C_CopyObject", _) => vec![of_session],
        ("C_SetAttributeValue", _) => vec![(CKA_LABEL, b"label".to_vec())],
        ("C_FindObjectsInit", _) => vec![number(CKA_CLASS, CKO_PRIVATE_KEY)],
        ("C_GetAttributeValue", _) => vec![number(CKA_CLASS, 0), (CKA_TOKEN, vec![9])],
        ("C_GenerateKeyPair", 2) => vec![(CKA_EC_PARAMS, P256.to_vec()), of_session],
        ("C_GenerateKeyPair", _) => vec![of_session],
        ("C_GenerateKey", _) => vec![long, of_session],
        ("C_DeriveKey", _) => vec![
            secret,
            number(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
            long,
            of_session,
        ],
        _ => vec![secret, number(CKA_KEY_TYPE, CKK_AES), of_session],
    };
    laid_out(&attributes, ground)
}

/// Attributes in the memory of an argument.
pub fn laid_out(
    attributes: &[(CK_ATTRIBUTE_TYPE, Vec<u8>)],
    ground: &Ground,
) -> (*mut CK_ATTRIBUTE, CK_ULONG) {
    let values: Vec<u8> = attributes
        .iter()
        .flat_map(|(_, value)| value.clone())
        .collect();
    let mut value = ground.inner.put(&values);
    let mut structures = vec![];
    for (kind, bytes) in attributes {
        structures.push(CK_ATTRIBUTE {
            type_: *kind,
            pValue: value.cast(),
            ulValueLen: bytes.len() as CK_ULONG,
        });
        value = value.wrapping_add(bytes.len());
    }
    let count = structures.len() as CK_ULONG;
    (ground.data.put_all(&structures), count)
}
