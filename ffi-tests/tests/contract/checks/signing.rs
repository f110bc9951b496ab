//! Signatures, verified here, whatever the server says of them.

use aws_lc_rs::digest::{SHA256, digest};
use kmip_p11::crypto;
use kmip_p11::kmip::*;
use kmip_p11::model::public_key::PublicKey;
use kmip_p11::model::signature::{Hash, SignInput as Input, SignScheme};

use crate::outcome::{Outcome, demand, never};
use crate::scene::{Pair, Scene};

const MESSAGE: &[u8] = b"a message";

fn data() -> SignInput {
    SignInput::Data(MESSAGE.to_vec())
}

fn digested() -> SignInput {
    SignInput::DigestedData(digest(&SHA256, MESSAGE).as_ref().to_vec())
}

fn scheme(key: &PublicKey) -> SignScheme {
    match key {
        PublicKey::Rsa { .. } => SignScheme::RsaPkcs1(Hash::Sha256),
        PublicKey::Ec { .. } => SignScheme::Ecdsa(Hash::Sha256),
        PublicKey::Ed25519(_) => SignScheme::Ed25519,
        PublicKey::MlDsa { .. } => SignScheme::MlDsa,
    }
}

fn parameters(key: &PublicKey) -> CryptographicParameters {
    let hashing = Some(HashingAlgorithm::SHA_256);
    match key {
        PublicKey::Rsa { .. } => CryptographicParameters {
            padding: Some(PaddingMethod::PKCS1_V15),
            hashing,
            signature_algorithm: Some(DigitalSignatureAlgorithm::SHA256_WITH_RSA_ENCRYPTION),
            algorithm: Some(CryptographicAlgorithm::RSA),
            ..CryptographicParameters::default()
        },
        PublicKey::Ec { .. } => CryptographicParameters {
            hashing,
            signature_algorithm: Some(DigitalSignatureAlgorithm::ECDSA_WITH_SHA256),
            algorithm: Some(CryptographicAlgorithm::ECDSA),
            ..CryptographicParameters::default()
        },
        PublicKey::Ed25519(_) | PublicKey::MlDsa { .. } => CryptographicParameters::default(),
    }
}

fn signature(scene: &Scene, pair: &Pair, input: SignInput) -> Outcome<Vec<u8>> {
    let request = Request::Sign {
        id: pair.private.clone(),
        parameters: parameters(&pair.key),
        input,
    };
    match scene.ask(request)? {
        Response::Sign { signature, .. } => Ok(signature),
        other => never(&other),
    }
}

fn signs(scene: &Scene, pair: Outcome<Pair>, input: SignInput) -> Outcome {
    let pair = pair?;
    let signature = signature(scene, &pair, input)?;
    let signature = pair.key.signature_from_token(signature);
    let input = Input::Message(MESSAGE);
    let right = crypto::verify(&pair.key, scheme(&pair.key), input, &signature);
    demand(right, "a wrong signature")
}

pub fn rsa_data(scene: &Scene) -> Outcome {
    signs(scene, scene.rsa(), data())
}

pub fn rsa_digest(scene: &Scene) -> Outcome {
    signs(scene, scene.rsa(), digested())
}

pub fn p256_data(scene: &Scene) -> Outcome {
    signs(scene, scene.p256(), data())
}

pub fn p256_digest(scene: &Scene) -> Outcome {
    signs(scene, scene.p256(), digested())
}

pub fn ed25519_data(scene: &Scene) -> Outcome {
    signs(scene, scene.ed25519(), data())
}

pub fn ml_dsa_data(scene: &Scene) -> Outcome {
    signs(scene, scene.ml_dsa(), data())
}

/// Right for one message, wrong for another.
pub fn verify(scene: &Scene) -> Outcome {
    let pair = scene.rsa()?;
    let signature = signature(scene, &pair, data())?;
    let verdict = |input| {
        let request = Request::SignatureVerify {
            id: pair.public.clone(),
            parameters: parameters(&pair.key),
            input,
            signature: signature.clone(),
        };
        match scene.ask(request)? {
            Response::SignatureVerify { validity, .. } => Ok(validity),
            other => never(&other),
        }
    };
    demand(
        verdict(data())? == ValidityIndicator::VALID,
        "it calls a right one wrong",
    )?;
    let other = verdict(SignInput::Data(b"another message".to_vec()))?;
    demand(
        other == ValidityIndicator::INVALID,
        "it calls a wrong one right",
    )
}
