//! What keys are used for: encryption, signatures, authentication codes; and what needs no key.

use super::{Scene, Trial};
use crate::kmip::*;
use aws_lc_rs::digest::{SHA256, digest};

pub const TRIALS: [Trial; 10] = [
    ("encryption", Version::V1_2, encrypt_cbc),
    ("authenticated encryption", Version::V1_4, encrypt_gcm),
    ("RSA encryption", Version::V1_2, encrypt_rsa),
    ("a code", Version::V1_2, mac),
    ("a code verified", Version::V1_2, verify_mac),
    ("a digest", Version::V1_2, hash),
    ("random bytes", Version::V1_2, random),
    ("a message signed", Version::V1_2, sign_message),
    ("a digest signed", Version::V1_4, sign_digest),
    ("a pair made anew", Version::V1_1, rekey),
];

/// There and back.
fn encrypt(
    scene: &Scene<'_>,
    keys: [&str; 2],
    parameters: CryptographicParameters,
    input: CipherInput,
) -> Result<Option<Vec<u8>>, String> {
    let there = Request::Encrypt {
        id: keys[0].into(),
        parameters: parameters.clone(),
        input: input.clone(),
    };
    let Response::Encrypt { data, tag, .. } = scene.ask(there)? else {
        panic!()
    };
    assert_ne!(data[..], input.data[..]);
    let back = Request::Decrypt {
        id: keys[1].into(),
        parameters,
        input: CipherInput {
            data: data.into(),
            tag: tag.clone(),
            ..input.clone()
        },
    };
    let Response::Decrypt { data, .. } = scene.ask(back)? else {
        panic!()
    };
    assert_eq!(data, input.data);
    Ok(tag)
}

fn plain(nonce: usize) -> CipherInput {
    CipherInput {
        data: b"plain".as_slice().into(),
        iv_counter_nonce: (nonce > 0).then(|| vec![1; nonce]),
        ..Default::default()
    }
}

fn encrypt_cbc(scene: &Scene<'_>) -> Result<(), String> {
    let parameters = CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::CBC),
        padding: Some(PaddingMethod::PKCS5),
        algorithm: Some(CryptographicAlgorithm::AES),
        ..Default::default()
    };
    encrypt(scene, [&scene.key; 2], parameters, plain(16)).map(drop)
}

fn encrypt_gcm(scene: &Scene<'_>) -> Result<(), String> {
    let parameters = CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::GCM),
        algorithm: Some(CryptographicAlgorithm::AES),
        tag_length: Some(16),
        ..Default::default()
    };
    let input = CipherInput {
        additional_data: Some(b"header".as_slice().into()),
        ..plain(12)
    };
    let tag = encrypt(scene, [&scene.key; 2], parameters, input)?;
    assert_eq!(tag.map(|tag| tag.len()), Some(16));
    Ok(())
}

fn encrypt_rsa(scene: &Scene<'_>) -> Result<(), String> {
    let (private, public) = scene.pair()?;
    let parameters = CryptographicParameters {
        padding: Some(PaddingMethod::OAEP),
        hashing: Some(HashingAlgorithm::SHA_256),
        algorithm: Some(CryptographicAlgorithm::RSA),
        ..Default::default()
    };
    encrypt(scene, [&public, &private], parameters, plain(0)).map(drop)
}

fn hmac() -> CryptographicParameters {
    CryptographicParameters {
        hashing: Some(HashingAlgorithm::SHA_256),
        algorithm: Some(CryptographicAlgorithm::HMAC_SHA256),
        ..Default::default()
    }
}

fn code(scene: &Scene<'_>) -> Result<Vec<u8>, String> {
    let request = Request::Mac {
        id: scene.key.clone(),
        parameters: hmac(),
        data: b"m".as_slice().into(),
    };
    match scene.ask(request)? {
        Response::Mac { mac, .. } => Ok(mac),
        other => panic!("{other:?}"),
    }
}

fn mac(scene: &Scene<'_>) -> Result<(), String> {
    use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
    let key = Key::new(HMAC_SHA256, &scene.plain(&scene.key)?);
    verify(&key, b"m", &code(scene)?).unwrap();
    Ok(())
}

fn verify_mac(scene: &Scene<'_>) -> Result<(), String> {
    let request = Request::MacVerify {
        id: scene.key.clone(),
        parameters: hmac(),
        data: b"m".as_slice().into(),
        mac: code(scene)?,
    };
    match scene.ask(request)? {
        Response::MacVerify { validity, .. } => assert_eq!(validity, ValidityIndicator::VALID),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn hash(scene: &Scene<'_>) -> Result<(), String> {
    let parameters = CryptographicParameters {
        hashing: Some(HashingAlgorithm::SHA_256),
        ..Default::default()
    };
    let data = b"m".as_slice().into();
    match scene.ask(Request::Hash { parameters, data })? {
        Response::Hash { digest: theirs } => assert_eq!(theirs, digest(&SHA256, b"m").as_ref()),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn random(scene: &Scene<'_>) -> Result<(), String> {
    match scene.ask(Request::RngRetrieve { length: 32 })? {
        Response::RngRetrieve { data } => assert!(data.len() == 32 && data[..] != [0; 32]),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn sign_message(scene: &Scene<'_>) -> Result<(), String> {
    let input = |text: &[u8]| SignInput::Data(text.to_vec());
    sign(scene, input(b"m"), input(b"n"))
}

fn sign_digest(scene: &Scene<'_>) -> Result<(), String> {
    let input = |text: &[u8]| SignInput::DigestedData(digest(&SHA256, text).as_ref().to_vec());
    sign(scene, input(b"m"), input(b"n"))
}

/// A signature that is right for one input and wrong for another.
fn sign(scene: &Scene<'_>, input: SignInput, other: SignInput) -> Result<(), String> {
    let (private, public) = scene.pair()?;
    let parameters = CryptographicParameters {
        padding: Some(PaddingMethod::PKCS1_V15),
        signature_algorithm: Some(DigitalSignatureAlgorithm::SHA256_WITH_RSA_ENCRYPTION),
        ..Default::default()
    };
    let request = Request::Sign {
        id: private,
        parameters: parameters.clone(),
        input: input.clone(),
    };
    let Response::Sign { signature, .. } = scene.ask(request)? else {
        panic!()
    };
    let verdict = |input| {
        let request = Request::SignatureVerify {
            id: public.clone(),
            parameters: parameters.clone(),
            input,
            signature: signature.clone(),
        };
        match scene.ask(request) {
            Ok(Response::SignatureVerify { validity, .. }) => Ok(validity),
            Ok(other) => panic!("{other:?}"),
            Err(said) => Err(said),
        }
    };
    assert_eq!(verdict(input)?, ValidityIndicator::VALID);
    assert_eq!(verdict(other)?, ValidityIndicator::INVALID);
    Ok(())
}

fn rekey(scene: &Scene<'_>) -> Result<(), String> {
    let (private, _) = scene.pair()?;
    let request = Request::RekeyKeyPair {
        id: private.clone(),
        offset: None,
        common: Vec::new(),
        private: Vec::new(),
        public: Vec::new(),
    };
    match scene.ask(request)? {
        Response::RekeyKeyPair { private_id, .. } => assert_ne!(private_id, private),
        other => panic!("{other:?}"),
    }
    Ok(())
}
