//! The scene of the checks of one column: a client, and keys that are made when a check first wants them.

use std::cell::OnceCell;

use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::kmip::*;
use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::{Curve, KeyType, PublicKey};

use crate::outcome::{Outcome, demand, deviates, needed, never};

/// A client of one column, and what is made by it.
pub struct Scene {
    client: Client,
    /// Of the version that the server likes best: for what only prepares a check.
    pub newest: Client,
    /// Of the column.
    pub version: Version,
    /// Begins the names of all objects.
    pub prefix: String,
    aes: OnceCell<Outcome<String>>,
    made_rsa: OnceCell<Outcome<Pair>>,
    rsa: OnceCell<Outcome<Pair>>,
    p256: OnceCell<Outcome<Pair>>,
    ed25519: OnceCell<Outcome<Pair>>,
    ml_dsa: OnceCell<Outcome<Pair>>,
}

/// A pair on the server, and what the public half says.
#[derive(Debug, Clone)]
pub struct Pair {
    /// Identifier of the private key.
    pub private: String,
    /// Identifier of the public key.
    pub public: String,
    /// The public key.
    pub key: PublicKey,
}

impl Scene {
    /// An empty one.
    pub fn new(client: Client, newest: Client, version: Version, prefix: String) -> Self {
        Self {
            client,
            newest,
            version,
            prefix,
            aes: OnceCell::new(),
            made_rsa: OnceCell::new(),
            rsa: OnceCell::new(),
            p256: OnceCell::new(),
            ed25519: OnceCell::new(),
            ml_dsa: OnceCell::new(),
        }
    }

    /// A name of this column's own.
    pub fn name(&self, what: &str) -> String {
        format!("{} {what}", self.prefix)
    }

    /// One request, in the column's version.
    pub fn ask(&self, request: Request) -> Outcome<Response> {
        Ok(self.batch(&[request])?.remove(0)?)
    }

    /// Several requests in one message.
    pub fn batch(&self, requests: &[Request]) -> Outcome<Vec<Answer>> {
        Ok(self.client.call(requests)?)
    }

    /// An active AES key for all uses.
    pub fn aes(&self) -> Outcome<String> {
        needed(self.aes.get_or_init(|| self.new_aes("aes")).clone())
    }

    /// Another such key.
    pub fn new_aes(&self, name: &str) -> Outcome<String> {
        let id = self.inactive_aes(name)?;
        self.ask(Request::Activate { id: id.clone() })?;
        Ok(id)
    }

    /// The same before its activation.
    pub fn inactive_aes(&self, name: &str) -> Outcome<String> {
        let mac = UsageMask::MAC_GENERATE | UsageMask::MAC_VERIFY;
        let wrap = UsageMask::WRAP_KEY | UsageMask::UNWRAP_KEY;
        let request = Request::Create {
            object_type: ObjectType::SYMMETRIC_KEY,
            attributes: vec![
                Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
                Attribute::CryptographicLength(256),
                Attribute::CryptographicUsageMask(
                    UsageMask::ENCRYPT | UsageMask::DECRYPT | mac | wrap,
                ),
                Attribute::Name(self.name(name)),
            ],
        };
        match self.ask(request)? {
            Response::Create { id, .. } if id.is_empty() => deviates("no identifier"),
            Response::Create { id, .. } => Ok(id),
            other => never(&other),
        }
    }

    /// An active RSA-2048 pair.
    pub fn rsa(&self) -> Outcome<Pair> {
        let made = || self.active_pair("rsa", KeyType::Rsa(2048));
        needed(self.rsa.get_or_init(made).clone())
    }

    /// An active P-256 pair, registered if the server makes none.
    pub fn p256(&self) -> Outcome<Pair> {
        let made = || self.active_pair("p256", KeyType::Ec(Curve::P256));
        needed(self.p256.get_or_init(made).clone())
    }

    /// An active Ed25519 pair, registered if the server makes none.
    pub fn ed25519(&self) -> Outcome<Pair> {
        let made = || self.active_pair("ed25519", KeyType::Ed25519);
        needed(self.ed25519.get_or_init(made).clone())
    }

    /// An active ML-DSA-65 pair, registered if the server makes none.
    pub fn ml_dsa(&self) -> Outcome<Pair> {
        let made = || self.active_pair("ml-dsa", KeyType::MlDsa(ParameterSet::MlDsa65));
        needed(self.ml_dsa.get_or_init(made).clone())
    }

    fn active_pair(&self, name: &str, key_type: KeyType) -> Outcome<Pair> {
        let made = match key_type {
            KeyType::Rsa(_) => self.made_rsa(),
            _ => self.new_pair(name, key_type),
        };
        let pair = made.or_else(|_| self.registered_pair(name, key_type))?;
        for id in [&pair.private, &pair.public] {
            // A server may activate what it makes.
            let _ = self.ask(Request::Activate { id: id.clone() });
        }
        Ok(pair)
    }

    /// The RSA pair that the server makes: once for a column, since it takes its time.
    pub fn made_rsa(&self) -> Outcome<Pair> {
        let made = || self.new_pair("rsa", KeyType::Rsa(2048));
        self.made_rsa.get_or_init(made).clone()
    }

    /// An active AES key of the check's own.
    pub fn own_aes(&self, name: &str) -> Outcome<String> {
        needed(self.new_aes(name))
    }

    /// A pair of that type, made by the server.
    pub fn new_pair(&self, name: &str, key_type: KeyType) -> Outcome<Pair> {
        let request = Request::CreateKeyPair {
            common: key_parameters(key_type),
            private: vec![
                Attribute::Name(self.name(name)),
                Attribute::CryptographicUsageMask(UsageMask::SIGN | UsageMask::DECRYPT),
            ],
            public: vec![
                Attribute::Name(self.name(name)),
                Attribute::CryptographicUsageMask(UsageMask::VERIFY | UsageMask::ENCRYPT),
            ],
        };
        let Response::CreateKeyPair {
            private_id,
            public_id,
        } = self.ask(request)?
        else {
            return deviates("no pair");
        };
        let key = self.public_key(&public_id)?;
        demand(key.key_type() == key_type, "a key of another type")?;
        Ok(Pair {
            private: private_id,
            public: public_id,
            key,
        })
    }

    fn registered_pair(&self, name: &str, key_type: KeyType) -> Outcome<Pair> {
        let private = PrivateKey::generate(key_type).expect("a key");
        let name = self.name(name);
        let ids = [true, false].map(|secret| self.register(&private, &name, secret));
        let [hidden, open] = ids;
        Ok(Pair {
            private: hidden?,
            public: open?,
            key: private.public().clone(),
        })
    }

    /// Registers a half of a pair made here.
    pub fn register(&self, key: &PrivateKey, name: &str, secret: bool) -> Outcome<String> {
        let usage = match secret {
            true => UsageMask::SIGN | UsageMask::DECRYPT,
            false => UsageMask::VERIFY | UsageMask::ENCRYPT,
        };
        let request = Request::Register {
            object: half(key, secret),
            attributes: vec![
                Attribute::Name(name.to_owned()),
                Attribute::CryptographicUsageMask(usage),
            ],
        };
        match self.ask(request)? {
            Response::Register { id } => Ok(id),
            other => never(&other),
        }
    }

    /// An object as the server likes to give it, or in that format.
    pub fn object(&self, id: &str, format: Option<KeyFormatType>) -> Outcome<ManagedObject> {
        match self.ask(get(id, format))? {
            Response::Get { object, .. } => Ok(object),
            other => never(&other),
        }
    }

    /// The bytes of a key.
    pub fn bytes(&self, id: &str) -> Outcome<Vec<u8>> {
        let object = self.object(id, None)?;
        match object.key_block().map(|block| &block.material) {
            Some(KeyMaterial::Bytes(bytes) | KeyMaterial::TransparentSymmetric(bytes)) => {
                Ok(bytes.to_vec())
            }
            _ => deviates("a key without bytes"),
        }
    }

    /// A public key, told in the newest version if this one cannot.
    fn public_key(&self, id: &str) -> Outcome<PublicKey> {
        let object = self.object(id, None).or_else(|fault| {
            let answer = self.newest.call(&[get(id, None)])?.remove(0)?;
            match answer {
                Response::Get { object, .. } => Ok(object),
                _ => Err(fault),
            }
        })?;
        match object.key_block().and_then(read_public) {
            Some(key) => Ok(key),
            None => deviates("an unreadable public key"),
        }
    }
}

/// Get of an object.
pub fn get(id: &str, format: Option<KeyFormatType>) -> Request {
    Request::Get {
        id: id.to_owned(),
        format,
        wrapping: None,
    }
}

/// Get Attributes; all if none is named.
pub fn get_attributes(id: &str, names: &[Tag]) -> Request {
    let names = names.iter().copied().map(AttributeReference::Standard);
    Request::GetAttributes {
        id: id.to_owned(),
        names: names.collect(),
    }
}

/// A half of a pair as an object.
pub fn half(key: &PrivateKey, secret: bool) -> ManagedObject {
    let (algorithm, length) = match key.public().key_type() {
        KeyType::Rsa(bits) => (CryptographicAlgorithm::RSA, bits),
        KeyType::Ec(Curve::P384) => (CryptographicAlgorithm::ECDSA, 384),
        KeyType::Ec(Curve::P521) => (CryptographicAlgorithm::ECDSA, 521),
        KeyType::Ec(_) => (CryptographicAlgorithm::ECDSA, 256),
        KeyType::Ed25519 => (CryptographicAlgorithm::ED25519, 256),
        KeyType::MlDsa(set) => (ml_dsa(set), 8 * set.public_key_len()),
    };
    let block = |format, bytes: Vec<u8>| KeyBlock {
        format: Some(format),
        algorithm: Some(algorithm),
        length: u32::try_from(length).ok(),
        material: KeyMaterial::Bytes(bytes.into()),
        wrapping: None,
    };
    if secret {
        let pkcs8 = key.to_pkcs8().expect("a key of ours").to_vec();
        ManagedObject::PrivateKey(block(KeyFormatType::PKCS_8, pkcs8))
    } else {
        let spki = key.public().to_spki().expect("a key of ours");
        ManagedObject::PublicKey(block(KeyFormatType::X_509, spki))
    }
}

fn key_parameters(key_type: KeyType) -> Vec<Attribute> {
    let algorithm = Attribute::CryptographicAlgorithm;
    let curve = |curve| Attribute::CryptographicDomainParameters { curve };
    match key_type {
        KeyType::Rsa(bits) => vec![
            algorithm(CryptographicAlgorithm::RSA),
            Attribute::CryptographicLength(u32::try_from(bits).expect("a length")),
        ],
        KeyType::Ec(which) => vec![
            algorithm(CryptographicAlgorithm::ECDSA),
            curve(match which {
                Curve::P256 => RecommendedCurve::P_256,
                Curve::P384 => RecommendedCurve::P_384,
                Curve::P521 => RecommendedCurve::P_521,
            }),
        ],
        KeyType::Ed25519 => vec![algorithm(CryptographicAlgorithm::ED25519)],
        KeyType::MlDsa(set) => vec![algorithm(ml_dsa(set))],
    }
}

fn ml_dsa(set: ParameterSet) -> CryptographicAlgorithm {
    match set {
        ParameterSet::MlDsa44 => CryptographicAlgorithm::MLDSA_44,
        ParameterSet::MlDsa65 => CryptographicAlgorithm::MLDSA_65,
        ParameterSet::MlDsa87 => CryptographicAlgorithm::MLDSA_87,
    }
}

/// In the forms in which the servers here give public keys.
pub fn read_public(block: &KeyBlock) -> Option<PublicKey> {
    match &block.material {
        KeyMaterial::Bytes(bytes) => PublicKey::from_spki(bytes)
            .or_else(|_| PublicKey::from_pkcs1(bytes))
            .ok(),
        KeyMaterial::TransparentRsaPublic { modulus, exponent } => {
            PublicKey::from_rsa(modulus, exponent).ok()
        }
        KeyMaterial::TransparentEcPublic { curve, q } => match *curve {
            RecommendedCurve::P_256 => PublicKey::from_point(Curve::P256, q).ok(),
            RecommendedCurve::P_384 => PublicKey::from_point(Curve::P384, q).ok(),
            RecommendedCurve::P_521 => PublicKey::from_point(Curve::P521, q).ok(),
            _ => PublicKey::from_ed25519(q).ok(),
        },
        _ => None,
    }
}
