//! ML-DSA by another hand, which has no line in common with ours: openssl has it since 3.5 only.

use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::PublicKey;
use ml_dsa::{
    EncodedSignature, EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature,
    SigningKey, VerifyingKey,
};

/// A key of the other hand's, and a signature by it.
pub struct Made {
    /// FIPS 204's pk.
    pub public: Vec<u8>,
    /// FIPS 204's sk.
    pub expanded: Vec<u8>,
    /// Over the message, with that context.
    pub signature: Vec<u8>,
}

/// The key of a seed, with a signature that is not hedged.
pub fn made(set: ParameterSet, seed: [u8; 32], message: &[u8], context: &[u8]) -> Made {
    match set {
        ParameterSet::MlDsa44 => made_by::<MlDsa44>(seed, message, context),
        ParameterSet::MlDsa65 => made_by::<MlDsa65>(seed, message, context),
        ParameterSet::MlDsa87 => made_by::<MlDsa87>(seed, message, context),
    }
}

#[allow(deprecated, reason = "the expanded form is what old keys come in")]
fn made_by<P: MlDsaParams>(seed: [u8; 32], message: &[u8], context: &[u8]) -> Made {
    let key = SigningKey::<P>::from_seed(&seed.into());
    let key = key.expanded_key();
    let signed = key.sign_deterministic(message, context);
    Made {
        public: key.verifying_key().encode().to_vec(),
        expanded: key.to_expanded().to_vec(),
        signature: signed.expect("a context").encode().to_vec(),
    }
}

/// True if it is a signature over `message`, without context, by the key of this
/// SubjectPublicKeyInfo.
pub fn verifies(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    verifies_in(b"", spki, message, signature)
}

/// The same in a context.
pub fn verifies_in(context: &[u8], spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(PublicKey::MlDsa { set, bytes }) = PublicKey::from_spki(spki) else {
        return false;
    };
    match set {
        ParameterSet::MlDsa44 => verifies_by::<MlDsa44>(&bytes, message, context, signature),
        ParameterSet::MlDsa65 => verifies_by::<MlDsa65>(&bytes, message, context, signature),
        ParameterSet::MlDsa87 => verifies_by::<MlDsa87>(&bytes, message, context, signature),
    }
}

fn verifies_by<P: MlDsaParams>(
    key: &[u8],
    message: &[u8],
    context: &[u8],
    signature: &[u8],
) -> bool {
    let Ok(key) = EncodedVerifyingKey::<P>::try_from(key) else {
        return false;
    };
    let Ok(signature) = EncodedSignature::<P>::try_from(signature) else {
        return false;
    };
    let key = VerifyingKey::<P>::decode(&key);
    Signature::decode(&signature)
        .is_some_and(|signature| key.verify_with_context(message, context, &signature))
}
