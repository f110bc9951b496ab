//! Every request there is, in its fullest form and in its barest, for tests that walk all of them in every version.

use super::samples::{create_key_pair, get, private_key, sign};
use crate::kmip::*;
use zeroize::Zeroizing;

pub fn gcm() -> CryptographicParameters {
    CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::GCM),
        algorithm: Some(CryptographicAlgorithm::AES),
        ..Default::default()
    }
}

fn cbc() -> CryptographicParameters {
    CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::CBC),
        padding: Some(PaddingMethod::PKCS5),
        algorithm: Some(CryptographicAlgorithm::AES),
        ..Default::default()
    }
}

fn hmac() -> CryptographicParameters {
    CryptographicParameters {
        algorithm: Some(CryptographicAlgorithm::HMAC_SHA256),
        ..Default::default()
    }
}

pub fn kwp(id: &str) -> KeyWrappingSpecification {
    let mut wrapping = KeyWrappingSpecification::encrypt(id);
    if let Some(key) = &mut wrapping.encryption_key {
        key.parameters.block_cipher_mode = Some(BlockCipherMode::NIST_KEY_WRAP);
    }
    wrapping
}

pub fn symmetric_key(material: KeyMaterial) -> ManagedObject {
    ManagedObject::SymmetricKey(KeyBlock {
        format: Some(KeyFormatType::RAW),
        algorithm: Some(CryptographicAlgorithm::AES),
        length: Some(128),
        material,
        wrapping: None,
    })
}

pub fn plain_key() -> ManagedObject {
    symmetric_key(KeyMaterial::Bytes(Zeroizing::new(vec![7; 16])))
}

/// A key that is wrapped by another, its bytes alone or the whole Key Value.
pub fn wrapped_key(encoding: Option<EncodingOption>) -> ManagedObject {
    let ManagedObject::SymmetricKey(block) = symmetric_key(KeyMaterial::Wrapped(vec![9; 24]))
    else {
        panic!()
    };
    let wrapping = KeyWrappingData {
        method: WrappingMethod::ENCRYPT,
        encryption_key: kwp("kek").encryption_key,
        mac_signature_key: None,
        mac_signature: None,
        iv_counter_nonce: Some(vec![1; 8]),
        encoding,
    };
    ManagedObject::SymmetricKey(KeyBlock {
        wrapping: Some(Box::new(wrapping)),
        ..block
    })
}

fn secret_objects() -> [ManagedObject; 2] {
    let block = KeyBlock {
        format: Some(KeyFormatType::OPAQUE),
        material: KeyMaterial::Bytes(Zeroizing::new(b"secret".to_vec())),
        ..Default::default()
    };
    [
        ManagedObject::SecretData {
            kind: SecretDataType::PASSWORD,
            block,
        },
        ManagedObject::Opaque {
            kind: OpaqueDataType(0x8000_0000),
            value: vec![1, 2].into(),
        },
    ]
}

fn aes() -> Vec<Attribute> {
    vec![
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(128),
        Attribute::CryptographicUsageMask(UsageMask::ENCRYPT | UsageMask::DECRYPT),
    ]
}

fn lookups() -> Vec<Request> {
    let standard = AttributeReference::Standard(Tag::STATE);
    let vendors = AttributeReference::Vendor {
        vendor: "x".into(),
        name: "colour".into(),
    };
    let locate = |offset_items, group_member| Request::Locate {
        filters: vec![
            Attribute::ObjectType(ObjectType::PRIVATE_KEY),
            Attribute::Name("key".into()),
        ],
        maximum_items: Some(5),
        offset_items,
        storage_status: Some(StorageStatusMask::ON_LINE),
        group_member,
    };
    let query = |functions: std::ops::RangeInclusive<u32>| Request::Query {
        functions: functions.map(QueryFunction).collect(),
    };
    let wrapped = |encoding| Request::Get {
        id: "7".into(),
        format: None,
        wrapping: Some(KeyWrappingSpecification {
            attribute_names: vec!["Cryptographic Usage Mask".into()],
            encoding,
            ..kwp("kek")
        }),
    };
    let names = |names| Request::GetAttributes {
        id: "7".into(),
        names,
    };
    vec![
        Request::DiscoverVersions,
        query(1..=4),
        query(1..=12),
        query(1..=14),
        locate(None, None),
        locate(Some(3), None),
        locate(None, Some(ObjectGroupMember::FRESH)),
        names(Vec::new()),
        names(vec![standard]),
        names(vec![vendors]),
        Request::GetAttributeList { id: "7".into() },
        get("7"),
        Request::Get {
            id: "7".into(),
            format: Some(KeyFormatType::PKCS_8),
            wrapping: None,
        },
        wrapped(None),
        wrapped(Some(EncodingOption::NO_ENCODING)),
    ]
}

fn usage() -> Vec<Request> {
    let id = || "9".to_owned();
    let verify = |input| {
        let Request::Sign { id, parameters, .. } = sign(SignInput::Data(vec![])) else {
            panic!()
        };
        Request::SignatureVerify {
            id,
            parameters,
            input,
            signature: vec![3; 8],
        }
    };
    let plain = CipherInput {
        data: vec![1; 16].into(),
        iv_counter_nonce: Some(vec![2; 16]),
        ..Default::default()
    };
    let authenticated = CipherInput {
        additional_data: Some(b"header".as_slice().into()),
        tag: Some(vec![4; 16]),
        ..plain.clone()
    };
    let ciphers = [(cbc(), plain), (gcm(), authenticated)];
    let encryption = ciphers.into_iter().flat_map(|(parameters, input)| {
        let (other, more) = (parameters.clone(), input.clone());
        [
            Request::Encrypt {
                id: id(),
                parameters,
                input,
            },
            Request::Decrypt {
                id: id(),
                parameters: other,
                input: more,
            },
        ]
    });
    let mut requests = vec![
        sign(SignInput::Data(b"hello".to_vec())),
        sign(SignInput::DigestedData(vec![5; 32])),
        verify(SignInput::Data(b"hello".to_vec())),
        verify(SignInput::DigestedData(vec![5; 32])),
    ];
    requests.extend(digesting());
    requests.extend(encryption);
    requests
}

/// Codes, digests and random bytes.
fn digesting() -> [Request; 4] {
    let id = || "9".to_owned();
    [
        Request::Mac {
            id: id(),
            parameters: hmac(),
            data: vec![6].into(),
        },
        Request::MacVerify {
            id: id(),
            parameters: hmac(),
            data: vec![6].into(),
            mac: vec![7; 32],
        },
        Request::Hash {
            parameters: CryptographicParameters {
                hashing: Some(HashingAlgorithm::SHA_256),
                ..Default::default()
            },
            data: vec![6].into(),
        },
        Request::RngRetrieve { length: 32 },
    ]
}

fn making() -> Vec<Request> {
    let register = |object| Request::Register {
        object,
        attributes: vec![Attribute::Name("a".into())],
    };
    let [secret, opaque] = secret_objects();
    let Request::CreateKeyPair {
        common,
        private,
        public,
    } = create_key_pair()
    else {
        panic!()
    };
    vec![
        create_key_pair(),
        Request::Create {
            object_type: ObjectType::SYMMETRIC_KEY,
            attributes: aes(),
        },
        register(private_key()),
        register(plain_key()),
        register(wrapped_key(None)),
        register(wrapped_key(Some(EncodingOption::NO_ENCODING))),
        register(secret),
        register(opaque),
        register(ManagedObject::Certificate {
            kind: CertificateType::X_509,
            value: vec![0x30, 0],
        }),
        Request::Import {
            id: "mine".into(),
            object: plain_key(),
            attributes: aes(),
            replace_existing: true,
            key_wrap_type: Some(KeyWrapType::NOT_WRAPPED),
        },
        Request::RekeyKeyPair {
            id: "7".into(),
            offset: Some(60),
            common,
            private,
            public,
        },
    ]
}

fn changes() -> Vec<Request> {
    let id = || "7".to_owned();
    let group = |name: &str| Attribute::ObjectGroup(name.into());
    let named = |reference| Request::DeleteAttributeNamed {
        id: id(),
        reference,
    };
    vec![
        Request::Activate { id: id() },
        Request::Revoke {
            id: id(),
            reason: RevocationReasonCode::KEY_COMPROMISE,
            message: Some("lost".into()),
            compromised_at: Some(5),
        },
        Request::Destroy { id: id() },
        Request::AddAttribute {
            id: id(),
            attribute: group("g"),
        },
        Request::ModifyAttribute {
            id: id(),
            attribute: group("h"),
            current: Some(group("g")),
            index: Some(1),
        },
        Request::SetAttribute {
            id: id(),
            attribute: Attribute::Sensitive(true),
        },
        Request::DeleteAttribute {
            id: id(),
            attribute: group("g"),
            index: Some(1),
        },
        named(AttributeReference::Standard(Tag::OBJECT_GROUP)),
        named(AttributeReference::Vendor {
            vendor: "x".into(),
            name: "colour".into(),
        }),
    ]
}

pub fn every_request() -> Vec<Request> {
    [lookups(), usage(), making(), changes()].concat()
}

/// Those of them that a version can express.
pub fn expressible(version: Version) -> Vec<Request> {
    let mut requests = every_request();
    requests.retain(|request| request.check_expressible(version).is_ok());
    requests
}
