//! Attributes: what objects are made with, and what they tell.

use cryptoki::mechanism::{Mechanism, MechanismInfo};
use cryptoki::object::{
    Attribute, KeyType as ForeignType, MlDsaParameterSetType as ForeignSet, ObjectClass,
};
use cryptoki::types::Ulong;
use cryptoki_sys::*;
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode, Encode};
use zeroize::{Zeroize, Zeroizing};

use super::device::*;
use crate::crypto::private_key::PrivateKey;
use crate::model::ml_dsa::ParameterSet;
use crate::model::public_key::{KeyType, PublicKey};

/// The curve's name in CKA_EC_PARAMS as v2.40 and v3.0 want it for Ed25519 (6.3.3), and as RFC 8410 numbers it.
const ED25519: [&[u8]; 2] = [b"\x13\x0cedwards25519", b"\x06\x03\x2b\x65\x70"];

/// Attributes with a private key in them, wiped on drop.
pub struct PrivateTemplate(Vec<Attribute>);

impl PrivateTemplate {
    /// All of them.
    pub fn attributes(&self) -> &[Attribute] {
        &self.0
    }
}

impl Drop for PrivateTemplate {
    fn drop(&mut self) {
        for attribute in &mut self.0 {
            match attribute {
                Attribute::Value(bytes)
                | Attribute::PrivateExponent(bytes)
                | Attribute::Prime1(bytes)
                | Attribute::Prime2(bytes)
                | Attribute::Exponent1(bytes)
                | Attribute::Exponent2(bytes)
                | Attribute::Coefficient(bytes)
                | Attribute::Seed(bytes) => bytes.zeroize(),
                _ => {}
            }
        }
    }
}

/// How a pair of that type is made.
pub fn pair_generation(key_type: KeyType) -> Mechanism<'static> {
    match key_type {
        KeyType::Rsa(_) => Mechanism::RsaPkcsKeyPairGen,
        KeyType::Ec(_) => Mechanism::EccKeyPairGen,
        KeyType::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
        KeyType::MlDsa(_) => Mechanism::MlDsaKeyPairGen,
    }
}

/// The forms of CKA_EC_PARAMS to try, one after the other; one that is empty where there is no curve.
pub fn parameters_of(key_type: KeyType) -> Vec<Vec<u8>> {
    match key_type {
        KeyType::Rsa(_) | KeyType::MlDsa(_) => vec![vec![]],
        KeyType::Ec(curve) => vec![curve.oid().to_der().unwrap_or_default()],
        KeyType::Ed25519 => ED25519.map(<[u8]>::to_vec).to_vec(),
    }
}

/// The templates of a new pair.
pub fn of_new_pair(
    pair: &NewPair,
    id: &[u8],
    parameters: &[u8],
) -> (Vec<Attribute>, Vec<Attribute>) {
    let mut public = public_key(pair, id);
    match pair.key_type {
        KeyType::Rsa(bits) => {
            let bits = CK_ULONG::try_from(bits).unwrap_or(CK_ULONG::MAX);
            public.push(Attribute::ModulusBits(Ulong::new(bits)));
            public.push(Attribute::PublicExponent(vec![1, 0, 1]));
        }
        KeyType::MlDsa(set) => public.push(parameter_set(set)),
        KeyType::Ec(_) | KeyType::Ed25519 => {
            public.push(Attribute::EcParams(parameters.to_vec()));
        }
    }
    (public, private_key(pair, id))
}

/// What all token objects of ours have.
pub fn named(label: &str, id: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
    ]
}

fn public_key(pair: &NewPair, id: &[u8]) -> Vec<Attribute> {
    let mut template = named(&pair.label, id);
    template.extend([Attribute::Private(false), Attribute::Verify(true)]);
    template.extend(pair.decrypts.then_some(Attribute::Encrypt(true)));
    template
}

fn private_key(pair: &NewPair, id: &[u8]) -> Vec<Attribute> {
    let mut template = named(&pair.label, id);
    template.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(pair.extractable),
        Attribute::Sign(true),
    ]);
    template.extend(pair.decrypts.then_some(Attribute::Decrypt(true)));
    template
}

/// The templates of a pair that was made elsewhere.
pub fn of_imported_pair(
    pkcs8: &Secret,
    pair: &NewPair,
    parameters: &[u8],
) -> Result<(Vec<Attribute>, PrivateTemplate), Fault> {
    let unusable = || Fault::new(FaultKind::Input, "this is no private key of that type");
    let key = PrivateKey::from_pkcs8(&pkcs8.0).map_err(|_| unusable())?;
    let id = key.public().key_id();
    let kind = foreign_type(pair.key_type);
    let mut public = public_key(pair, &id);
    public.extend([
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(kind),
    ]);
    public.extend(numbers(key.public(), parameters));
    let mut private = private_key(pair, &id);
    private.extend([
        Attribute::Class(ObjectClass::PRIVATE_KEY),
        Attribute::KeyType(kind),
    ]);
    let mut private = PrivateTemplate(private);
    let secret = secret_numbers(&pkcs8.0, pair.key_type, parameters);
    private.0.extend(secret.ok_or_else(unusable)?);
    Ok((public, private))
}

fn numbers(key: &PublicKey, parameters: &[u8]) -> Vec<Attribute> {
    let point = |bytes: &[u8]| {
        let wrapped = OctetStringRef::new(bytes).and_then(|string| string.to_der());
        vec![
            Attribute::EcParams(parameters.to_vec()),
            Attribute::EcPoint(wrapped.unwrap_or_default()),
        ]
    };
    match key {
        PublicKey::Rsa { modulus, exponent } => vec![
            Attribute::Modulus(modulus.clone()),
            Attribute::PublicExponent(exponent.clone()),
        ],
        PublicKey::Ec { point: bytes, .. } => point(bytes),
        PublicKey::Ed25519(bytes) => point(bytes),
        PublicKey::MlDsa { set, bytes } => {
            vec![parameter_set(*set), Attribute::Value(bytes.clone())]
        }
    }
}

fn parameter_set(set: ParameterSet) -> Attribute {
    let set = match set {
        ParameterSet::MlDsa44 => ForeignSet::ML_DSA_44,
        ParameterSet::MlDsa65 => ForeignSet::ML_DSA_65,
        ParameterSet::MlDsa87 => ForeignSet::ML_DSA_87,
    };
    Attribute::ParameterSet(set.into())
}

/// The private numbers of a PKCS#8 PrivateKeyInfo.
fn secret_numbers(pkcs8: &[u8], key_type: KeyType, parameters: &[u8]) -> Option<Vec<Attribute>> {
    let info = pkcs8::PrivateKeyInfoRef::try_from(pkcs8).ok()?;
    let inner = info.private_key.as_bytes();
    let value = match key_type {
        KeyType::Rsa(_) => return rsa_numbers(inner),
        KeyType::Ec(_) => scalar(inner)?,
        KeyType::Ed25519 => <&OctetStringRef>::from_der(inner).ok()?.as_bytes().to_vec(),
        KeyType::MlDsa(set) => {
            return Some(vec![parameter_set(set), Attribute::Seed(seed(inner)?)]);
        }
    };
    Some(vec![
        Attribute::EcParams(parameters.to_vec()),
        Attribute::Value(value),
    ])
}

/// Of an RSAPrivateKey (RFC 8017, A.1.2).
fn rsa_numbers(der: &[u8]) -> Option<Vec<Attribute>> {
    let key = pkcs1::RsaPrivateKeyRef::from_der(der).ok()?;
    let bytes = |number: der::asn1::UintRef<'_>| number.as_bytes().to_vec();
    Some(vec![
        Attribute::Modulus(bytes(key.modulus)),
        Attribute::PublicExponent(bytes(key.public_exponent)),
        Attribute::PrivateExponent(bytes(key.private_exponent)),
        Attribute::Prime1(bytes(key.prime1)),
        Attribute::Prime2(bytes(key.prime2)),
        Attribute::Exponent1(bytes(key.exponent1)),
        Attribute::Exponent2(bytes(key.exponent2)),
        Attribute::Coefficient(bytes(key.coefficient)),
    ])
}

/// The seed of an ML-DSA private key in that form (RFC 9881, 6): [0] IMPLICIT.
fn seed(der: &[u8]) -> Option<Vec<u8>> {
    let seed = der.strip_prefix(&[0x80, 32])?;
    (seed.len() == 32).then(|| seed.to_vec())
}

/// The number in an ECPrivateKey (RFC 5915, 3).
fn scalar(der: &[u8]) -> Option<Vec<u8>> {
    let outer = AnyRef::from_der(der).ok()?;
    let mut reader = der::SliceReader::new(outer.value()).ok()?;
    let _version = u8::decode(&mut reader).ok()?;
    let number = <&OctetStringRef>::decode(&mut reader).ok()?;
    Some(number.as_bytes().to_vec())
}

/// The template of a key that wraps others.
pub fn of_wrapping_key(label: &str, id: &[u8], extractable: bool) -> Vec<Attribute> {
    let mut template = named(label, id);
    template.extend([
        Attribute::ValueLen(Ulong::new(32)),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(extractable),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
    ]);
    template
}

/// The template of a key that encrypts.
pub fn of_cipher_key(label: &str, id: &[u8]) -> Vec<Attribute> {
    let mut template = named(label, id);
    template.extend([
        Attribute::ValueLen(Ulong::new(32)),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ]);
    template
}

/// The templates of an RSA pair that wraps and unwraps others. Some modules let only a key unwrap
/// that may decrypt, too.
pub fn of_wrapping_pair(label: &str, id: &[u8], bits: u32) -> (Vec<Attribute>, Vec<Attribute>) {
    let mut public = named(label, id);
    public.extend([
        Attribute::Private(false),
        Attribute::ModulusBits(Ulong::new(bits.into())),
        Attribute::PublicExponent(vec![1, 0, 1]),
        Attribute::Wrap(true),
        Attribute::Encrypt(true),
    ]);
    let mut private = named(label, id);
    private.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Unwrap(true),
        Attribute::Decrypt(true),
    ]);
    (public, private)
}

/// The template of somebody's RSA public key, that wraps until its session ends.
pub fn of_foreign_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::KeyType(ForeignType::RSA),
        Attribute::Token(false),
        Attribute::Modulus(modulus.to_vec()),
        Attribute::PublicExponent(exponent.to_vec()),
        Attribute::Wrap(true),
        Attribute::Encrypt(true),
    ]
}

/// The template of a key that arrives wrapped: it never leaves again, and ends with its session.
pub fn of_unwrapped(into: Unwrapped) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
    ];
    match into {
        Unwrapped::PrivateKey(key_type) => template.extend([
            Attribute::Class(ObjectClass::PRIVATE_KEY),
            Attribute::KeyType(foreign_type(key_type)),
            Attribute::Sign(true),
        ]),
        Unwrapped::AesKey => template.extend([
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(ForeignType::AES),
            Attribute::Unwrap(true),
        ]),
    }
    template
}

fn foreign_type(key_type: KeyType) -> ForeignType {
    match key_type {
        KeyType::Rsa(_) => ForeignType::RSA,
        KeyType::Ec(_) => ForeignType::EC,
        KeyType::Ed25519 => ForeignType::EC_EDWARDS,
        KeyType::MlDsa(_) => ForeignType::ML_DSA,
    }
}

/// An object that has told nothing yet.
pub fn nothing_of(handle: Handle, class: Class) -> Object {
    Object {
        handle,
        class,
        label: vec![],
        id: vec![],
        key_type: None,
        modulus: vec![],
        exponent: vec![],
        ec_params: vec![],
        ec_point: vec![],
        parameter_set: None,
        public_value: vec![],
        public_key_info: vec![],
        certificate: vec![],
        sign: None,
        unwrap: None,
        decrypt: None,
        sensitive: None,
        extractable: None,
        always_sensitive: None,
        never_extractable: None,
        always_authenticate: None,
    }
}

impl Object {
    /// Takes in one of its attributes.
    pub fn learn(&mut self, attribute: Attribute) {
        match attribute {
            Attribute::Label(bytes) => self.label = bytes,
            Attribute::Id(bytes) => self.id = bytes,
            Attribute::KeyType(kind) => self.key_type = Some(*kind),
            Attribute::Modulus(bytes) => self.modulus = bytes,
            Attribute::PublicExponent(bytes) => self.exponent = bytes,
            Attribute::EcParams(bytes) => self.ec_params = bytes,
            Attribute::EcPoint(bytes) => self.ec_point = bytes,
            Attribute::ParameterSet(set) => self.parameter_set = Some(**set),
            Attribute::PublicKeyInfo(bytes) => self.public_key_info = bytes,
            Attribute::Value(bytes) if self.class == Class::Certificate => {
                self.certificate = bytes;
            }
            Attribute::Value(bytes) if self.class == Class::Public => self.public_value = bytes,
            Attribute::Value(bytes) => drop(Zeroizing::new(bytes)),
            Attribute::Sign(is) => self.sign = Some(is),
            Attribute::Unwrap(is) => self.unwrap = Some(is),
            Attribute::Decrypt(is) => self.decrypt = Some(is),
            Attribute::Sensitive(is) => self.sensitive = Some(is),
            Attribute::Extractable(is) => self.extractable = Some(is),
            Attribute::AlwaysSensitive(is) => self.always_sensitive = Some(is),
            Attribute::NeverExtractable(is) => self.never_extractable = Some(is),
            Attribute::AlwaysAuthenticate(is) => self.always_authenticate = Some(is),
            _ => {}
        }
    }
}

/// What C_GetMechanismInfo tells.
pub fn mechanism_facts(number: u64, info: &MechanismInfo) -> MechanismFacts {
    let flag = |is: bool, flag: CK_FLAGS| if is { flag } else { 0 };
    MechanismFacts {
        number,
        least: info.min_key_size() as u64,
        most: info.max_key_size() as u64,
        sign: info.sign(),
        verify: info.verify(),
        generate_pair: info.generate_key_pair(),
        unwrap: info.unwrap(),
        hardware: info.hardware(),
        curves: flag(info.ec_f_p(), CKF_EC_F_P)
            | flag(info.ec_f_2m(), CKF_EC_F_2M)
            | flag(info.ec_from_oid(), CKF_EC_OID)
            | flag(info.ec_uncompressed(), CKF_EC_UNCOMPRESS)
            | flag(info.ec_compressed(), CKF_EC_COMPRESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::public_key::Curve;

    #[test]
    fn a_key_of_every_type_has_its_numbers() {
        for key_type in [
            KeyType::Rsa(2048),
            KeyType::Ec(Curve::P256),
            KeyType::Ec(Curve::P521),
            KeyType::Ed25519,
            KeyType::MlDsa(ParameterSet::MlDsa44),
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            let pkcs8 = Secret(key.to_pkcs8().unwrap());
            let pair = NewPair {
                label: "web".into(),
                key_type,
                extractable: false,
                decrypts: false,
            };
            let parameters = parameters_of(key_type).remove(0);
            let (public, private) = of_imported_pair(&pkcs8, &pair, &parameters).unwrap();
            assert!(public.contains(&Attribute::Id(key.public().key_id())));
            let has_secret = private
                .attributes()
                .iter()
                .any(|attribute| match attribute {
                    Attribute::Value(bytes) | Attribute::Seed(bytes) => bytes.len() >= 32,
                    Attribute::PrivateExponent(bytes) => bytes.len() >= 250,
                    _ => false,
                });
            assert!(has_secret, "{key_type}");
        }
    }

    #[test]
    fn what_is_unwrapped_never_leaves_again() {
        for into in [Unwrapped::AesKey, Unwrapped::PrivateKey(KeyType::Ed25519)] {
            let template = of_unwrapped(into);
            for wanted in [
                Attribute::Token(false),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
            ] {
                assert!(template.contains(&wanted), "{into:?}: {wanted:?}");
            }
        }
    }
}
