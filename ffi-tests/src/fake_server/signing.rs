//! Signatures of the fake server: those that were asked for, and forgeries.

use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::kmip::ttlv::Item;
use kmip_p11::kmip::{HashingAlgorithm, PaddingMethod, ResultReason, State as Life, Tag};
use kmip_p11::model::public_key::KeyType;
use kmip_p11::model::signature::{Hash, SignInput, SignScheme, der_ecdsa};

use super::fault::{Fault, Forgery, Refused};
use super::state::State;
use super::vault::Stored;

/// The answer to Sign.
pub fn signature(
    state: &State,
    object: &Stored,
    payload: Item<'_>,
    fault: Option<&Fault>,
) -> Result<Vec<u8>, Refused> {
    let invalid = |what: &str| Refused::new(ResultReason::INVALID_FIELD, what);
    if object.state != Life::ACTIVE {
        let why = "it is not active";
        return Err(Refused::new(ResultReason::WRONG_KEY_LIFECYCLE_STATE, why));
    }
    let signer = object.signer.clone();
    let signer = signer.ok_or_else(|| invalid("not a private key"))?;
    let wanted = Wanted::read(&signer, payload).ok_or_else(|| invalid("parameters"))?;
    let Some(Fault::Forged(forgery)) = fault else {
        return wanted.made_by(&signer).ok_or_else(|| invalid("input"));
    };
    let another = || state.vault().another(object);
    let forged = match forgery {
        Forgery::FlippedBit => wanted.made_by(&signer).map(flipped),
        Forgery::Pss => wanted.pss(&signer),
        Forgery::LongNumber => wanted.made_by(&signer).map(|_| long_number()),
        Forgery::AnotherKey => another().and_then(|other| wanted.made_by(&other)),
        Forgery::HashedAgain => wanted.hashed_again().made_by(&signer),
        Forgery::Raw => signer.sign(wanted.scheme, wanted.input()).ok(),
        Forgery::Der => wanted.made_by(&signer),
        Forgery::Garbage => wanted.made_by(&signer).map(|right| vec![0xa5; right.len()]),
        Forgery::Empty => Some(vec![]),
        Forgery::Endless => Some(vec![0x30; 1 << 20]),
    };
    Ok(forged.expect("a forgery that this key can have"))
}

/// What a client wants signed.
struct Wanted {
    scheme: SignScheme,
    bytes: Vec<u8>,
    is_digest: bool,
}

impl Wanted {
    fn read(signer: &PrivateKey, payload: Item<'_>) -> Option<Self> {
        let parameters = payload.find(Tag::CRYPTOGRAPHIC_PARAMETERS);
        let hash = parameters.and_then(|p| p.find(Tag::HASHING_ALGORITHM)?.enumeration());
        let hash = match hash.map(HashingAlgorithm) {
            Some(HashingAlgorithm::SHA_256) => Some(Hash::Sha256),
            Some(HashingAlgorithm::SHA_384) => Some(Hash::Sha384),
            Some(HashingAlgorithm::SHA_512) => Some(Hash::Sha512),
            _ => None,
        };
        let padding = parameters.and_then(|p| p.find(Tag::PADDING_METHOD)?.enumeration());
        let padding = padding.map(PaddingMethod);
        let digest = payload.find(Tag::DIGESTED_DATA).and_then(Item::bytes);
        let input = digest.or_else(|| payload.find(Tag::DATA)?.bytes())?;
        Some(Self {
            scheme: match signer.public().key_type() {
                KeyType::Rsa(_) if padding == Some(PaddingMethod::PSS) => SignScheme::RsaPss(hash?),
                KeyType::Rsa(_) => SignScheme::RsaPkcs1(hash?),
                KeyType::Ec(_) => SignScheme::Ecdsa(hash?),
                KeyType::Ed25519 => SignScheme::Ed25519,
                KeyType::MlDsa(_) => SignScheme::MlDsa,
            },
            bytes: input.to_vec(),
            is_digest: digest.is_some(),
        })
    }

    fn input(&self) -> SignInput<'_> {
        match self.is_digest {
            true => SignInput::Digest(&self.bytes),
            false => SignInput::Message(&self.bytes),
        }
    }

    /// As servers give it: ECDSA in DER.
    fn made_by(&self, signer: &PrivateKey) -> Option<Vec<u8>> {
        let signature = signer.sign(self.scheme, self.input()).ok()?;
        match self.scheme {
            SignScheme::Ecdsa(_) => der_ecdsa(&signature),
            _ => Some(signature),
        }
    }

    fn hashed_again(&self) -> Self {
        Self {
            scheme: self.scheme,
            bytes: self.bytes.clone(),
            is_digest: false,
        }
    }

    /// What a server makes that does not heed the padding.
    fn pss(&self, signer: &PrivateKey) -> Option<Vec<u8>> {
        let SignScheme::RsaPkcs1(hash) = self.scheme else {
            return None;
        };
        signer.sign(SignScheme::RsaPss(hash), self.input()).ok()
    }
}

fn flipped(mut signature: Vec<u8>) -> Vec<u8> {
    if let Some(last) = signature.last_mut() {
        *last ^= 1;
    }
    signature
}

/// `SEQUENCE { INTEGER of 70 bytes, INTEGER 1 }`: longer than any curve of ours has.
fn long_number() -> Vec<u8> {
    let mut der = vec![0x30, 75, 0x02, 70];
    der.extend([0x7f; 70]);
    der.extend([0x02, 1, 1]);
    der
}
