//! From a module's objects to keys: halves that belong together, names where there are none, and
//! what is left out with the reason.

use std::collections::{BTreeMap, HashMap};

use aws_lc_rs::digest::{SHA256, digest};
use cryptoki_sys::CKK_ML_DSA;
use der::Decode;
use der::asn1::{ObjectIdentifier, OctetStringRef};

use super::device::{Class, Handle, Object};
use crate::model::certificate::Certificate;
use crate::model::key::{Custody, Found, Hidden, Key, ObjectId, OtherUses, State};
use crate::model::ml_dsa::ParameterSet;
use crate::model::public_key::{Curve, PublicKey, PublicKeyError};
use crate::model::validity::Validity;

const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Bytes of a CKA_ID that programs can bear.
const LONGEST_ID: usize = 255;

/// The objects of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holders {
    /// Its private half, if that could be seen.
    pub private: Option<Handle>,
    /// Its public half, if there is one.
    pub public: Option<Handle>,
    /// The certificates that speak of it, by their names in the token.
    pub certificates: Vec<(ObjectId, Handle)>,
}

impl Holders {
    /// All of them.
    pub fn all(&self) -> Vec<Handle> {
        let halves = self.private.into_iter().chain(self.public);
        let certificates = self.certificates.iter().map(|(_, handle)| *handle);
        halves.chain(certificates).collect()
    }
}

/// Keys, what is left out, and which objects a key is.
#[derive(Default)]
pub struct Pairs {
    /// Not filtered yet.
    pub found: Found,
    /// By the name of the key.
    pub holders: HashMap<ObjectId, Holders>,
}

/// The objects of one public key.
#[derive(Default)]
struct Group<'a> {
    public: Option<&'a Object>,
    private: Option<&'a Object>,
    certificates: Vec<(&'a Object, Certificate)>,
}

/// Puts together what belongs together. `is_open` is whether the private keys could be seen: without a
/// login a public key stands for its pair.
pub fn pairs(objects: &[Object], is_open: bool) -> Pairs {
    let mut pairs = Pairs::default();
    let mut groups: BTreeMap<Vec<u8>, (PublicKey, Group<'_>)> = BTreeMap::new();
    for object in objects
        .iter()
        .filter(|object| object.class == Class::Certificate)
    {
        match Certificate::from_der(certificate_id(&object.certificate), &object.certificate) {
            Ok(certificate) => {
                let key = certificate.public_key.clone();
                let (_, group) = groups
                    .entry(key.key_id())
                    .or_insert((key, Group::default()));
                group.certificates.push((object, certificate));
            }
            Err(error) => pairs.hide(object, error.to_string()),
        }
    }
    for object in objects
        .iter()
        .filter(|object| object.class == Class::Public)
    {
        match own_public_key(object) {
            Ok(key) => {
                let (_, group) = groups
                    .entry(key.key_id())
                    .or_insert((key, Group::default()));
                group.public.get_or_insert(object);
            }
            Err(error) => pairs.hide(object, error.to_string()),
        }
    }
    for object in objects
        .iter()
        .filter(|object| object.class == Class::Private)
    {
        match place_of(object, &groups) {
            Err(reason) => pairs.hide(object, reason),
            Ok(key) => {
                let (_, group) = groups
                    .entry(key.key_id())
                    .or_insert((key, Group::default()));
                match group.private {
                    None => group.private = Some(object),
                    Some(_) => pairs.hide(object, "another object is the same key".into()),
                }
            }
        }
    }
    for (key, group) in groups.into_values() {
        pairs.add(key, group, is_open);
    }
    pairs
}

/// The public half of a private key: by its own numbers, or that of the one public key or
/// certificate that has its CKA_ID and may be of its type. Every signature proves it once more.
fn place_of(
    private: &Object,
    groups: &BTreeMap<Vec<u8>, (PublicKey, Group<'_>)>,
) -> Result<PublicKey, String> {
    if let Ok(key) = own_public_key(private) {
        return Ok(key);
    }
    let mut candidates = groups.values().filter(|(key, group)| {
        let same_id = |object: &Object| !private.id.is_empty() && object.id == private.id;
        let certificates = group.certificates.iter().map(|(object, _)| *object);
        let named = group.public.into_iter().chain(certificates).any(same_id);
        named && may_be(private, key)
    });
    match (candidates.next(), candidates.next()) {
        (Some((key, _)), None) => Ok(key.clone()),
        (Some(_), Some(_)) => Err("several public keys have its CKA_ID".into()),
        _ => Err("it tells no public half, and no public key or certificate has its CKA_ID".into()),
    }
}

fn may_be(private: &Object, key: &PublicKey) -> bool {
    match (curve(&private.ec_params), key) {
        (Some(Some(of_private)), PublicKey::Ec { curve, .. }) => of_private == *curve,
        (Some(None), PublicKey::Ed25519(_)) => true,
        (None, PublicKey::Rsa { .. }) => {
            private.ec_params.is_empty() && private.parameter_set.is_none()
        }
        (None, PublicKey::MlDsa { set, .. }) => private
            .parameter_set
            .is_none_or(|told| told == set.number()),
        // Parameters that are not told, or not read: the signature will show.
        (None, _) => true,
        _ => false,
    }
}

/// The curve of CKA_EC_PARAMS: one of NIST's, or Ed25519 (`Some(None)`).
fn curve(parameters: &[u8]) -> Option<Option<Curve>> {
    if parameters.ends_with(b"edwards25519") || parameters.ends_with(b"Ed25519") {
        return Some(None);
    }
    let oid = ObjectIdentifier::from_der(parameters).ok()?;
    match Curve::ALL.into_iter().find(|curve| curve.oid() == oid) {
        Some(curve) => Some(Some(curve)),
        None => (oid == ED25519).then_some(None),
    }
}

/// What an object tells of its public key.
fn own_public_key(object: &Object) -> Result<PublicKey, PublicKeyError> {
    if let Ok(key) = PublicKey::from_spki(&object.public_key_info) {
        return Ok(key);
    }
    if !object.modulus.is_empty() && !object.exponent.is_empty() {
        return PublicKey::from_rsa(&object.modulus, &object.exponent);
    }
    if object.key_type == Some(CKK_ML_DSA) {
        return ml_dsa(object);
    }
    // An OCTET STRING (v3.2, 6.3.3), which some modules leave out.
    let point = <&OctetStringRef>::from_der(&object.ec_point)
        .map_or(object.ec_point.as_slice(), |string| string.as_bytes());
    match curve(&object.ec_params) {
        Some(_) if point.is_empty() => Err(PublicKeyError::Form("it has no CKA_EC_POINT".into())),
        Some(Some(curve)) => PublicKey::from_point(curve, point),
        Some(None) => PublicKey::from_ed25519(point),
        None => Err(PublicKeyError::Form(
            "it is no RSA, P-256, P-384, P-521, Ed25519 or ML-DSA key".into(),
        )),
    }
}

fn ml_dsa(object: &Object) -> Result<PublicKey, PublicKeyError> {
    let set = object.parameter_set.and_then(ParameterSet::of_number);
    let set = set.ok_or_else(|| {
        PublicKeyError::Form("its CKA_PARAMETER_SET is none of ML-DSA's".to_owned())
    })?;
    PublicKey::from_ml_dsa(set, &object.public_value)
}

/// A certificate's name in the token is made of it, as a key's is.
pub fn certificate_id(der: &[u8]) -> ObjectId {
    let digest = digest(&SHA256, der);
    ObjectId(hexadecimal(digest.as_ref().get(..20).unwrap_or_default()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Pairs {
    fn hide(&mut self, object: &Object, reason: String) {
        let label = String::from_utf8_lossy(&object.label);
        let id = ObjectId(format!("{:?} {label:?} ({})", object.class, object.handle));
        self.found.hidden.push(Hidden {
            id,
            key: None,
            reason,
        });
    }

    fn add(&mut self, public: PublicKey, group: Group<'_>, is_open: bool) {
        let Some(shown) = group.private.or(group.public.filter(|_| !is_open)) else {
            let left = group.public.into_iter();
            for object in left.chain(group.certificates.iter().map(|(object, _)| *object)) {
                self.hide(object, "its private key is not in the token".into());
            }
            return;
        };
        let holders = Holders {
            private: group.private.map(|object| object.handle),
            public: group.public.map(|object| object.handle),
            certificates: group
                .certificates
                .iter()
                .map(|(object, it)| (it.id.clone(), object.handle))
                .collect(),
        };
        let key = key(public, shown, group);
        self.holders.insert(key.id.clone(), holders);
        match objection(shown) {
            None => self.found.keys.push(key),
            Some(reason) => self.found.hidden.push(Hidden {
                id: key.id.clone(),
                key: Some(key),
                reason: reason.into(),
            }),
        }
    }
}

fn objection(object: &Object) -> Option<&'static str> {
    match (object.sign, object.always_authenticate) {
        (Some(false), _) => Some("its CKA_SIGN is false"),
        (_, Some(true)) => Some("it asks for the PIN at each use (CKA_ALWAYS_AUTHENTICATE)"),
        _ => None,
    }
}

/// A key's name in the token is made of its public half: it is the same before and after a login, in
/// every process and whatever the module numbers its objects by.
fn key(public: PublicKey, shown: &Object, group: Group<'_>) -> Key {
    let natural = public.key_id();
    let of_type = OtherUses::of(public.key_type());
    let objects = [group.private, group.public].into_iter().flatten();
    let all: Vec<&Object> = objects
        .chain(group.certificates.iter().map(|(object, _)| *object))
        .collect();
    let named = all.iter().find(|object| !object.label.is_empty());
    let id = all.iter().map(|object| &object.id);
    let id = id
        .into_iter()
        .find(|id| (1..=LONGEST_ID).contains(&id.len()));
    let name = hexadecimal(&natural);
    Key {
        public_id: group.public.map(|_| ObjectId(format!("{name}.public"))),
        name: named.map_or_else(
            || format!("key-{}", name.get(..8).unwrap_or_default()),
            |object| String::from_utf8_lossy(&object.label).into_owned(),
        ),
        id: ObjectId(name),
        own_label: None,
        key_id: id.cloned().unwrap_or(natural),
        public,
        state: State::Active,
        validity: Validity::default(),
        may_sign: shown.sign.unwrap_or(true),
        other_uses: OtherUses {
            decrypt: shown.decrypt.unwrap_or(false),
            agree: false,
        }
        .and(of_type),
        mechanisms: None,
        custody: Custody {
            sensitive: shown.sensitive,
            extractable: shown.extractable,
            always_sensitive: shown.always_sensitive,
            never_extractable: shown.never_extractable,
        },
        groups: vec![],
        created: None,
        certificates: group.certificates.into_iter().map(|(_, it)| it).collect(),
        remarks: vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::{nothing_of, parameters_of};
    use super::*;
    use crate::crypto::private_key::PrivateKey;
    use crate::model::public_key::KeyType;

    const P256: KeyType = KeyType::Ec(Curve::P256);

    fn public(handle: Handle, key: &PublicKey, id: &[u8]) -> Object {
        let mut object = nothing_of(handle, Class::Public);
        object.id = id.to_vec();
        object.public_key_info = key.to_spki().unwrap();
        object
    }

    fn private(handle: Handle, key_type: KeyType, id: &[u8]) -> Object {
        let mut object = nothing_of(handle, Class::Private);
        object.id = id.to_vec();
        object.ec_params = parameters_of(key_type).remove(0);
        object
    }

    fn made(key_type: KeyType) -> PublicKey {
        PrivateKey::generate(key_type).unwrap().public().clone()
    }

    #[test]
    fn halves_meet_by_their_numbers_and_else_by_their_id() {
        let (ec, rsa) = (made(P256), made(KeyType::Rsa(2048)));
        let PublicKey::Rsa { modulus, exponent } = &rsa else {
            panic!("{rsa:?}")
        };
        let mut of_rsa = private(4, KeyType::Rsa(2048), b"another id");
        (of_rsa.modulus, of_rsa.exponent) = (modulus.clone(), exponent.clone());
        let objects = [
            public(1, &ec, b"1"),
            private(2, P256, b"1"),
            public(3, &rsa, b"2"),
            of_rsa,
        ];
        let pairs = pairs(&objects, true);
        assert_eq!((pairs.found.keys.len(), pairs.found.hidden.len()), (2, 0));
        let mut holders: Vec<_> = pairs.holders.values().map(Holders::all).collect();
        holders.sort();
        assert_eq!(holders, [[2, 1], [4, 3]]);
    }

    #[test]
    fn ml_dsa_is_read_from_set_and_value_and_meets_by_id() {
        let set = ParameterSet::MlDsa65;
        let key = made(KeyType::MlDsa(set));
        let PublicKey::MlDsa { bytes, .. } = &key else {
            panic!("{key:?}")
        };
        let half = |handle, class, number| {
            let mut object = nothing_of(handle, class);
            object.id = b"1".to_vec();
            object.key_type = Some(CKK_ML_DSA);
            object.parameter_set = Some(number);
            object
        };
        let mut public = half(1, Class::Public, set.number());
        public.public_value = bytes.clone();
        let private = |number| half(2, Class::Private, number);
        let paired = pairs(&[public.clone(), private(set.number())], true);
        assert_eq!(paired.found.keys.len(), 1);
        assert_eq!(paired.found.keys[0].public, key);
        let other = ParameterSet::MlDsa87.number();
        assert_eq!(
            pairs(&[public.clone(), private(other)], true).found.keys,
            []
        );
        for wrong in [None, Some(other), Some(99)] {
            public.parameter_set = wrong;
            let paired = pairs(&[public.clone(), private(set.number())], true);
            assert_eq!((paired.found.keys.len(), paired.found.hidden.len()), (0, 2));
        }
    }

    #[test]
    fn labels_and_ids_are_there_though_the_module_has_none() {
        let key = made(KeyType::Ed25519);
        let mut of_key = private(2, KeyType::Ed25519, b"");
        of_key.public_key_info = key.to_spki().unwrap();
        let pairs = pairs(&[of_key], true);
        let shown = &pairs.found.keys[0];
        assert_eq!(shown.key_id, key.key_id());
        assert!(shown.name.starts_with("key-"), "{}", shown.name);
    }

    #[test]
    fn a_public_key_stands_for_its_pair_until_the_login() {
        let key = made(P256);
        let objects = [public(1, &key, b"1"), private(2, P256, b"1")];
        let before = pairs(&objects[..1], false).found.keys[0].id.clone();
        assert_eq!(before, pairs(&objects, true).found.keys[0].id);
        let alone = pairs(&objects[..1], true).found;
        assert_eq!((alone.keys.len(), alone.hidden.len()), (0, 1));
    }

    #[test]
    fn what_cannot_be_used_is_hidden_with_the_reason() {
        let (one, other) = (made(P256), made(P256));
        let reason = |objects: &[Object]| pairs(objects, true).found.hidden[0].reason.clone();
        assert!(reason(&[private(1, P256, b"1")]).contains("tells no public half"));
        let twins = [
            public(1, &one, b"1"),
            public(2, &other, b"1"),
            private(3, P256, b"1"),
        ];
        assert!(reason(&twins).contains("several public keys"));
        let mut silent = private(2, P256, b"1");
        silent.sign = Some(false);
        assert!(reason(&[public(1, &one, b"1"), silent]).contains("CKA_SIGN"));
    }
}
