//! What the fake server keeps: objects as a test wants them, sensible or not.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::kmip::{
    CryptographicAlgorithm, KeyFormatType, LinkType, ObjectType, State, Tag, UsageMask,
};
use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::{Curve, KeyType, PublicKey};

use super::locating::Locating;

/// An object, every part of which a test may change.
#[derive(Clone)]
pub struct Stored {
    /// Its unique identifier.
    pub id: String,
    /// What it is.
    pub object_type: ObjectType,
    /// Its names.
    pub names: Vec<String>,
    /// Its object groups.
    pub groups: Vec<String>,
    /// Its links.
    pub links: Vec<(LinkType, String)>,
    /// Where it is in its life.
    pub state: State,
    /// What it may be used for.
    pub usage: UsageMask,
    /// What it is for.
    pub algorithm: CryptographicAlgorithm,
    /// Its length in bits.
    pub length: i32,
    /// How its value is encoded, as Get says.
    pub format: KeyFormatType,
    /// Its value as Get gives it.
    pub value: Vec<u8>,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// Application Specific Information: namespaces and data.
    pub said: Vec<(String, String)>,
    /// Whether it may leave the server, if that is told; Get gives it out all the same.
    pub extractable: Option<bool>,
    /// Dates beside the first one: which, and seconds since 1970.
    pub dates: Vec<(Tag, i64)>,
    /// What signs with it.
    pub signer: Option<Arc<PrivateKey>>,
}

/// All objects, in the order in which Locate finds them.
#[derive(Default)]
pub struct Vault {
    /// The objects.
    pub objects: Vec<Stored>,
    /// How Locate is answered.
    pub locating: Locating,
    /// How many pairs were made, for identifiers that are never used again.
    made: usize,
}

impl Vault {
    /// Makes a pair with that name, ready for use, both halves linked. The identifiers are
    /// `private-N` and `public-N`.
    pub fn pair(&mut self, name: &str, key_type: KeyType) -> &mut Self {
        let private = PrivateKey::generate(key_type).expect("a type of key that can be made");
        self.keep(name, Arc::new(private));
        self
    }

    /// As many P-256 pairs, with the names `key-000` and so on.
    pub fn pairs(&mut self, number: usize) -> &mut Self {
        for place in 0..number {
            self.pair(&format!("key-{place:03}"), KeyType::Ec(Curve::P256));
        }
        self
    }

    /// As many pairs that cannot sign, and cost next to nothing: Ed25519, called `bulk-000000` and
    /// so on.
    pub fn bulk(&mut self, number: usize) -> &mut Self {
        for _ in 0..number {
            let digest = digest(&SHA256, &self.made.to_be_bytes());
            let public = digest.as_ref().first_chunk().expect("32 bytes of SHA-256");
            let name = format!("bulk-{:06}", self.made);
            self.keep_halves(&name, &PublicKey::Ed25519(*public), vec![]);
        }
        self
    }

    /// Takes a pair in; the number in its identifiers.
    pub fn keep(&mut self, name: &str, private: Arc<PrivateKey>) -> usize {
        let pkcs8 = private.to_pkcs8().expect("a key of ours").to_vec();
        let number = self.keep_halves(name, private.public(), pkcs8);
        self.at(&id(ObjectType::PRIVATE_KEY, number)).signer = Some(private);
        number
    }

    /// Takes a public key in, without a private one; the number in its identifier.
    pub fn keep_public(&mut self, spki: &[u8]) -> usize {
        let public = PublicKey::from_spki(spki).expect("a key of ours");
        let number = self.keep_halves("registered", &public, vec![]);
        self.objects.remove(self.objects.len() - 2);
        number
    }

    /// Takes a certificate in; the number in its identifier.
    pub fn keep_certificate(&mut self, der: &[u8]) -> usize {
        self.made += 1;
        self.objects.push(Stored {
            value: der.to_vec(),
            ..stored(ObjectType::CERTIFICATE, self.made)
        });
        self.made
    }

    fn keep_halves(&mut self, name: &str, open_key: &PublicKey, pkcs8: Vec<u8>) -> usize {
        self.made += 1;
        let number = self.made;
        let key_type = open_key.key_type();
        let half = |object_type, usage, format, value| Stored {
            names: vec![name.to_owned()],
            usage,
            algorithm: algorithm(key_type),
            length: bits(key_type),
            format,
            value,
            ..stored(object_type, number)
        };
        let spki = open_key.to_spki().expect("a key of ours");
        let (secret, open) = (ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY);
        let mut public = half(open, UsageMask::VERIFY, KeyFormatType::X_509, spki);
        let mut hidden = half(secret, UsageMask::SIGN, KeyFormatType::PKCS_8, pkcs8);
        public.links = vec![(LinkType::PRIVATE_KEY_LINK, hidden.id.clone())];
        hidden.links = vec![(LinkType::PUBLIC_KEY_LINK, public.id.clone())];
        self.objects.extend([hidden, public]);
        number
    }

    /// The object with that identifier.
    pub fn get(&self, id: &str) -> Option<&Stored> {
        self.objects.get(self.place(id)?)
    }

    /// Usually where it was put; a search through all of them for each would not do for many.
    fn place(&self, id: &str) -> Option<usize> {
        let is_it = |object: &Stored| object.id == id;
        let (half, number) = id.split_once('-').unwrap_or((id, ""));
        let number: usize = number.parse().unwrap_or(0);
        let usual = 2 * number.saturating_sub(1) + usize::from(half == "public");
        match self.objects.get(usual).is_some_and(is_it) {
            true => Some(usual),
            false => self.objects.iter().position(is_it),
        }
    }

    /// Forgets what it does not keep.
    pub fn forget(&mut self) {
        if self.locating.forgets_marks {
            self.objects
                .iter_mut()
                .for_each(|object| object.said.clear());
        }
    }

    /// The object with that identifier, to be changed; it has to be there.
    #[track_caller]
    pub fn at(&mut self, id: &str) -> &mut Stored {
        let place = self.place(id);
        let found = place.and_then(|place| self.objects.get_mut(place));
        found.unwrap_or_else(|| panic!("the vault has no {id}"))
    }

    /// What signs with another key of the same type.
    pub fn another(&self, than: &Stored) -> Option<Arc<PrivateKey>> {
        let mut others = self.objects.iter().filter(|other| other.id != than.id);
        others.find_map(|other| {
            let fits = other.algorithm == than.algorithm && other.length == than.length;
            other.signer.clone().filter(|_| fits)
        })
    }
}

/// An active object of that type, without anything else.
fn stored(object_type: ObjectType, number: usize) -> Stored {
    Stored {
        id: id(object_type, number),
        object_type,
        names: vec![],
        groups: vec![],
        links: vec![],
        state: State::ACTIVE,
        usage: UsageMask::default(),
        algorithm: CryptographicAlgorithm(0),
        length: 0,
        format: KeyFormatType::X_509,
        value: vec![],
        created: 1_790_000_000,
        said: vec![],
        extractable: None,
        dates: vec![],
        signer: None,
    }
}

/// The identifier of a half of a pair, or of a certificate.
pub fn id(object_type: ObjectType, number: usize) -> String {
    match object_type {
        ObjectType::PRIVATE_KEY => format!("private-{number}"),
        ObjectType::CERTIFICATE => format!("certificate-{number}"),
        _ => format!("public-{number}"),
    }
}

fn algorithm(key_type: KeyType) -> CryptographicAlgorithm {
    match key_type {
        KeyType::Rsa(_) => CryptographicAlgorithm::RSA,
        KeyType::Ec(_) => CryptographicAlgorithm::ECDSA,
        KeyType::Ed25519 => CryptographicAlgorithm::ED25519,
        KeyType::MlDsa(ParameterSet::MlDsa44) => CryptographicAlgorithm::MLDSA_44,
        KeyType::MlDsa(ParameterSet::MlDsa65) => CryptographicAlgorithm::MLDSA_65,
        KeyType::MlDsa(ParameterSet::MlDsa87) => CryptographicAlgorithm::MLDSA_87,
    }
}

fn bits(key_type: KeyType) -> i32 {
    match key_type {
        KeyType::Rsa(bits) => bits.try_into().expect("a size that can be made"),
        KeyType::Ec(Curve::P256) | KeyType::Ed25519 => 256,
        KeyType::Ec(Curve::P384) => 384,
        KeyType::Ec(Curve::P521) => 521,
        KeyType::MlDsa(set) => 8 * i32::try_from(set.public_key_len()).expect("a length"),
    }
}
