//! What is made, stored and given out.

use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::kmip::*;
use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::{Curve, KeyType};

use crate::outcome::{Fault, Outcome, demand, deviates, needed, never};
use crate::scene::{Scene, get, read_public};

pub fn create(scene: &Scene) -> Outcome {
    let id = scene.new_aes("created")?;
    demand(scene.bytes(&id)?.len() == 32, "a key of another length")
}

pub fn create_rsa(scene: &Scene) -> Outcome {
    scene.made_rsa().map(drop)
}

pub fn create_p256(scene: &Scene) -> Outcome {
    scene.new_pair("made", KeyType::Ec(Curve::P256)).map(drop)
}

pub fn create_p384(scene: &Scene) -> Outcome {
    scene.new_pair("made", KeyType::Ec(Curve::P384)).map(drop)
}

pub fn create_p521(scene: &Scene) -> Outcome {
    scene.new_pair("made", KeyType::Ec(Curve::P521)).map(drop)
}

pub fn create_ed25519(scene: &Scene) -> Outcome {
    scene.new_pair("made", KeyType::Ed25519).map(drop)
}

pub fn create_ml_dsa(scene: &Scene) -> Outcome {
    let key_type = KeyType::MlDsa(ParameterSet::MlDsa65);
    scene.new_pair("made", key_type).map(drop)
}

fn own_key() -> PrivateKey {
    PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a P-256 key")
}

/// What was registered comes back, as the key that it was.
pub fn register_private(scene: &Scene) -> Outcome {
    let key = own_key();
    let id = scene.register(&key, &scene.name("private"), true)?;
    let object = scene.object(&id, Some(KeyFormatType::PKCS_8))?;
    let Some(KeyMaterial::Bytes(bytes)) = object.key_block().map(|block| &block.material) else {
        return deviates("a key without bytes");
    };
    match PrivateKey::from_pkcs8(bytes) {
        Ok(back) => demand(back.public() == key.public(), "another key"),
        Err(_) => deviates("not PKCS#8"),
    }
}

pub fn register_public(scene: &Scene) -> Outcome {
    let key = own_key();
    let id = scene.register(&key, &scene.name("public"), false)?;
    let object = scene.object(&id, None)?;
    let back = object.key_block().and_then(read_public);
    demand(back.as_ref() == Some(key.public()), "another key")
}

fn register(scene: &Scene, object: ManagedObject, usage: UsageMask) -> Outcome {
    let attributes = vec![
        Attribute::Name(scene.name("registered")),
        Attribute::CryptographicUsageMask(usage),
    ];
    let kept = object.clone();
    match scene.ask(Request::Register { object, attributes })? {
        Response::Register { id } => same(&scene.object(&id, None)?, &kept),
        other => never(&other),
    }
}

fn same(found: &ManagedObject, kept: &ManagedObject) -> Outcome {
    let bytes = |object: &ManagedObject| match object.key_block().map(|block| &block.material) {
        Some(KeyMaterial::Bytes(bytes) | KeyMaterial::TransparentSymmetric(bytes)) => {
            Some(bytes.to_vec())
        }
        _ => None,
    };
    let equal = found == kept || (bytes(found).is_some() && bytes(found) == bytes(kept));
    demand(equal, "another object")
}

pub fn register_certificate(scene: &Scene) -> Outcome {
    let key = rcgen::KeyPair::generate().expect("a P-256 key");
    let wanted = rcgen::CertificateParams::new(vec!["host".to_owned()]).expect("a plain name");
    let certificate = wanted.self_signed(&key).expect("a certificate");
    let kind = CertificateType::X_509;
    let value = certificate.der().to_vec();
    let object = ManagedObject::Certificate { kind, value };
    register(scene, object, UsageMask::VERIFY)
}

fn plain_key() -> ManagedObject {
    ManagedObject::SymmetricKey(KeyBlock {
        format: Some(KeyFormatType::RAW),
        algorithm: Some(CryptographicAlgorithm::AES),
        length: Some(256),
        material: KeyMaterial::Bytes(vec![7; 32].into()),
        wrapping: None,
    })
}

pub fn register_symmetric(scene: &Scene) -> Outcome {
    register(scene, plain_key(), UsageMask::ENCRYPT)
}

pub fn import(scene: &Scene) -> Outcome {
    let wanted = scene.name("imported").replace(' ', "-");
    let request = Request::Import {
        id: wanted.clone(),
        object: plain_key(),
        attributes: vec![
            Attribute::ObjectType(ObjectType::SYMMETRIC_KEY),
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(UsageMask::ENCRYPT),
            Attribute::ActivationDate(1_700_000_000),
        ],
        replace_existing: false,
        key_wrap_type: None,
    };
    match scene.ask(request)? {
        Response::Import { id } => {
            demand(id == wanted, "another identifier")?;
            same(&scene.object(&id, None)?, &plain_key())
        }
        other => never(&other),
    }
}

/// Of a pair of its own: the one that is replaced may not be used any more.
pub fn rekey(scene: &Scene) -> Outcome {
    let old = needed(scene.new_pair("rekeyed", KeyType::Rsa(2048)))?;
    let _ = scene.ask(Request::Activate {
        id: old.private.clone(),
    });
    let request = Request::RekeyKeyPair {
        id: old.private.clone(),
        offset: None,
        common: vec![],
        private: vec![],
        public: vec![],
    };
    match scene.ask(request)? {
        Response::RekeyKeyPair { private_id, .. } => {
            demand(private_id != old.private, "the old identifier")?;
            scene.object(&private_id, None).map(drop)
        }
        other => never(&other),
    }
}

pub fn get_plain(scene: &Scene) -> Outcome {
    let id = scene.aes()?;
    demand(scene.bytes(&id)?.len() == 32, "a key of another length")
}

fn rsa_public_in(scene: &Scene, format: KeyFormatType) -> Outcome {
    let pair = scene.rsa()?;
    let object = scene.object(&pair.public, Some(format))?;
    let block = object.key_block();
    let told = block.and_then(|block| block.format);
    demand(told == Some(format), "another format")?;
    demand(
        block.and_then(read_public).as_ref() == Some(&pair.key),
        "another key",
    )
}

pub fn get_x509(scene: &Scene) -> Outcome {
    rsa_public_in(scene, KeyFormatType::X_509)
}

pub fn get_pkcs1(scene: &Scene) -> Outcome {
    rsa_public_in(scene, KeyFormatType::PKCS_1)
}

pub fn get_pkcs8(scene: &Scene) -> Outcome {
    let pair = scene.rsa()?;
    let object = scene.object(&pair.private, Some(KeyFormatType::PKCS_8))?;
    let Some(KeyMaterial::Bytes(bytes)) = object.key_block().map(|block| &block.material) else {
        return deviates("a key without bytes");
    };
    match PrivateKey::from_pkcs8(bytes) {
        Ok(key) => demand(*key.public() == pair.key, "another key"),
        Err(_) => deviates("not PKCS#8"),
    }
}

/// Works if it is refused for the right reason.
pub fn get_absent(scene: &Scene) -> Outcome {
    let missing = [ResultReason::ITEM_NOT_FOUND, ResultReason::OBJECT_NOT_FOUND];
    let missing = missing.map(|reason| reason.to_string());
    match scene.ask(get("no such object", None)) {
        Err(Fault::Refused(reason)) if missing.contains(&reason) => Ok(()),
        Err(fault) => Err(fault),
        Ok(_) => deviates("an object"),
    }
}

pub fn get_wrapped(scene: &Scene) -> Outcome {
    let (id, kek) = (scene.aes()?, scene.own_aes("kek")?);
    let mut wrapping = KeyWrappingSpecification::encrypt(kek.clone());
    wrapping.encoding = Some(EncodingOption::NO_ENCODING);
    if let Some(key) = &mut wrapping.encryption_key {
        key.parameters.block_cipher_mode = Some(BlockCipherMode::NIST_KEY_WRAP);
    }
    let request = Request::Get {
        id: id.clone(),
        format: None,
        wrapping: Some(wrapping),
    };
    let Response::Get { object, .. } = scene.ask(request)? else {
        return deviates("no object");
    };
    let Some(KeyMaterial::Wrapped(wrapped)) = object.key_block().map(|block| &block.material)
    else {
        return deviates("a key that is not wrapped");
    };
    let kek = AesKek::new(&AES_256, &scene.bytes(&kek)?).expect("32 bytes");
    let mut plain = vec![0; wrapped.len()];
    match kek.unwrap(wrapped, &mut plain) {
        Ok(plain) => demand(plain == scene.bytes(&id)?, "another key"),
        Err(_) => deviates("not AES Key Wrap"),
    }
}
