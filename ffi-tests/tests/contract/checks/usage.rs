//! What else keys are used for, and what needs no key.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use kmip_p11::kmip::*;

use crate::outcome::{Outcome, demand, never};
use crate::scene::Scene;

pub fn encrypt(scene: &Scene) -> Outcome {
    let id = scene.aes()?;
    let parameters = CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::CBC),
        padding: Some(PaddingMethod::PKCS5),
        algorithm: Some(CryptographicAlgorithm::AES),
        ..CryptographicParameters::default()
    };
    let input = |data: &[u8]| CipherInput {
        data: data.into(),
        iv_counter_nonce: Some(vec![1; 16]),
        ..CipherInput::default()
    };
    let there = Request::Encrypt {
        id: id.clone(),
        parameters: parameters.clone(),
        input: input(b"plain"),
    };
    let Response::Encrypt { data, .. } = scene.ask(there)? else {
        return demand(false, "nothing encrypted");
    };
    demand(data.len() == 16, "not one block")?;
    let back = Request::Decrypt {
        id,
        parameters,
        input: input(&data),
    };
    match scene.ask(back)? {
        Response::Decrypt { data, .. } => {
            demand(data[..] == *b"plain", "something else comes back")
        }
        other => never(&other),
    }
}

fn code(scene: &Scene) -> Outcome<Vec<u8>> {
    let request = Request::Mac {
        id: scene.aes()?,
        parameters: hmac_sha256(),
        data: b"m".as_slice().into(),
    };
    match scene.ask(request)? {
        Response::Mac { mac, .. } => Ok(mac),
        other => never(&other),
    }
}

fn hmac_sha256() -> CryptographicParameters {
    CryptographicParameters {
        hashing: Some(HashingAlgorithm::SHA_256),
        algorithm: Some(CryptographicAlgorithm::HMAC_SHA256),
        ..CryptographicParameters::default()
    }
}

/// The code as it is computed here, so that Verify can be asked where MAC is not there.
fn own_code(scene: &Scene) -> Outcome<Vec<u8>> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &scene.bytes(&scene.aes()?)?);
    Ok(hmac::sign(&key, b"m").as_ref().to_vec())
}

pub fn mac(scene: &Scene) -> Outcome {
    demand(code(scene)? == own_code(scene)?, "a wrong code")
}

pub fn mac_verify(scene: &Scene) -> Outcome {
    let verdict = |mac| {
        let request = Request::MacVerify {
            id: scene.aes()?,
            parameters: hmac_sha256(),
            data: b"m".as_slice().into(),
            mac,
        };
        match scene.ask(request)? {
            Response::MacVerify { validity, .. } => Ok(validity),
            other => never(&other),
        }
    };
    let right = verdict(own_code(scene)?)?;
    demand(
        right == ValidityIndicator::VALID,
        "it calls a right one wrong",
    )?;
    let wrong = verdict(vec![0; 32])?;
    demand(
        wrong == ValidityIndicator::INVALID,
        "it calls a wrong one right",
    )
}

pub fn hash(scene: &Scene) -> Outcome {
    let parameters = CryptographicParameters {
        hashing: Some(HashingAlgorithm::SHA_256),
        ..CryptographicParameters::default()
    };
    let data = b"m".as_slice().into();
    match scene.ask(Request::Hash { parameters, data })? {
        Response::Hash { digest: theirs } => {
            demand(theirs == digest(&SHA256, b"m").as_ref(), "a wrong digest")
        }
        other => never(&other),
    }
}

pub fn random(scene: &Scene) -> Outcome {
    match scene.ask(Request::RngRetrieve { length: 32 })? {
        Response::RngRetrieve { data } => {
            demand(data.len() == 32, "not as many bytes")?;
            demand(data[..] != [0; 32], "zeros")
        }
        other => never(&other),
    }
}
