//! From a key of a token to the PKCS#11 objects that programs see: private, public, certificates.

use cryptoki_sys::*;

use crate::crypto::check_value;
use crate::model::attribute::Attributes;
use crate::model::certificate::Certificate;
use crate::model::key::{Key, ObjectId};
use crate::model::mechanism::Mechanism;
use crate::model::public_key::{KeyType, PublicKey};

/// Which of a key's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// CKO_PUBLIC_KEY
    Public,
    /// CKO_PRIVATE_KEY
    Private,
    /// CKO_CERTIFICATE: the key's certificate at that place.
    Certificate(u16),
}

/// The parts of a key, the public one first.
pub fn parts_of(key: &Key) -> impl Iterator<Item = Part> {
    let certificates = (0..).take(key.certificates.len());
    [Part::Public, Part::Private]
        .into_iter()
        .chain(certificates.map(Part::Certificate))
}

impl Part {
    /// Its CKA_CLASS.
    pub fn class(self) -> CK_OBJECT_CLASS {
        match self {
            Part::Public => CKO_PUBLIC_KEY,
            Part::Private => CKO_PRIVATE_KEY,
            Part::Certificate(_) => CKO_CERTIFICATE,
        }
    }

    /// The token's name for it; the private key's for a public half that is only known through it.
    pub fn id(self, key: &Key) -> &ObjectId {
        match self {
            Part::Public => key.public_id.as_ref().unwrap_or(&key.id),
            Part::Private => &key.id,
            Part::Certificate(place) => certificate(key, place).map_or(&key.id, |it| &it.id),
        }
    }

    /// All that C_GetAttributeValue tells of it. `private` is what CKA_PRIVATE says of private keys.
    pub fn attributes(self, key: &Key, private: bool) -> Attributes {
        let attributes = match self {
            Part::Public => public_key(key),
            Part::Private => private_key(key, private),
            Part::Certificate(place) => certificate(key, place)
                .map(|certificate| storage(key).and(shown(certificate)))
                .unwrap_or_default()
                .bool(CKA_PRIVATE, false),
        };
        attributes
            .ulong(CKA_CLASS, self.class())
            .bytes(CKA_UNIQUE_ID, self.unique_id(key))
    }

    /// The token's name for it, with a suffix where that is the name of the whole key.
    pub fn unique_id(self, key: &Key) -> String {
        let suffix = match (self, &key.public_id) {
            (Part::Public, None) => ".public",
            _ => "",
        };
        format!("{}{suffix}", self.id(key))
    }
}

fn shown(certificate: &Certificate) -> Attributes {
    let check_value = check_value::of_certificate(certificate.der());
    certificate.attributes().bytes(CKA_CHECK_VALUE, check_value)
}

fn certificate(key: &Key, place: u16) -> Option<&Certificate> {
    key.certificates.get(usize::from(place))
}

/// What all objects of a key have in common (v3.2, 4.4.1). What is public can be copied into a session.
fn storage(key: &Key) -> Attributes {
    Attributes::default()
        .bools(&[CKA_TOKEN, CKA_COPYABLE, CKA_DESTROYABLE], true)
        .bool(CKA_MODIFIABLE, false)
        .bytes(CKA_LABEL, key.label())
        .bytes(CKA_ID, key.key_id.clone())
        .bytes(CKA_START_DATE, key.validity.start_date())
        .bytes(CKA_END_DATE, key.validity.end_date())
}

/// What public and private key have in common (v3.2, 4.7).
fn key_attributes(key: &Key) -> Attributes {
    let encrypts = matches!(key.public, PublicKey::Rsa { .. });
    let mut mechanisms = key.mechanisms.clone().unwrap_or_else(|| {
        let fitting = |it: &&Mechanism| it.goes_with(key.public.key_type());
        let ours = Mechanism::all().iter().filter(fitting);
        ours.map(|mechanism| mechanism.number).collect()
    });
    mechanisms.extend(encrypts.then_some(CKM_RSA_PKCS_OAEP));
    let agreeing = [CKM_ECDH1_DERIVE, CKM_ECDH1_COFACTOR_DERIVE];
    mechanisms.extend(agreeing.into_iter().filter(|_| key.other_uses.agree));
    let subject = key.certificates.first().map(Certificate::subject);
    storage(key)
        .bool(CKA_MODIFIABLE, true)
        .and(key.public.attributes())
        .bytes(CKA_SUBJECT, subject.unwrap_or_default())
        .bool(CKA_LOCAL, false)
        .ulong(CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION)
        .ulongs(CKA_ALLOWED_MECHANISMS, &mechanisms)
}

/// By RSA alone, something can be encrypted, and what was signed be recovered (v3.2, 6.1.6).
fn is_rsa(key: &Key) -> bool {
    matches!(key.public, PublicKey::Rsa { .. })
}

/// It goes with its private half, and not without it.
fn public_key(key: &Key) -> Attributes {
    let attributes = key_attributes(key)
        .bool(CKA_DESTROYABLE, false)
        .bools(&[CKA_PRIVATE, CKA_TRUSTED, CKA_DERIVE], false)
        .bools(&[CKA_ENCRYPT, CKA_WRAP, CKA_VERIFY_RECOVER], is_rsa(key))
        .bool(CKA_VERIFY, true);
    match (&key.public, key.public.key_type()) {
        (PublicKey::MlDsa { bytes, .. }, _) => attributes.bytes(CKA_VALUE, bytes.clone()),
        (_, KeyType::Rsa(bits)) => attributes.ulong(CKA_MODULUS_BITS, bits as CK_ULONG),
        _ => attributes,
    }
}

/// Sensitive and not extractable whatever the token allows: through C no value leaves it.
fn private_key(key: &Key, private: bool) -> Attributes {
    let custody = key.custody;
    key_attributes(key)
        .bool(CKA_COPYABLE, false)
        .bool(CKA_PRIVATE, private)
        .bool(CKA_SIGN, key.unusable().is_none())
        .bool(CKA_SIGN_RECOVER, key.unusable().is_none() && is_rsa(key))
        .bool(CKA_SENSITIVE, true)
        .bools(&[CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED], false)
        .bools(&[CKA_DECRYPT, CKA_UNWRAP], key.other_uses_now().decrypt)
        .bool(CKA_DERIVE, key.other_uses_now().agree)
        .bool(CKA_ALWAYS_AUTHENTICATE, false)
        .bool(
            CKA_ALWAYS_SENSITIVE,
            custody.always_sensitive.unwrap_or(false),
        )
        .bool(
            CKA_NEVER_EXTRACTABLE,
            custody.never_extractable.unwrap_or(false),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attribute::is_secret;
    use crate::model::ml_dsa::ParameterSet;
    use crate::model::public_key::Curve;
    use crate::token::memory::MemoryToken;
    use crate::token::{NewKey, Token};

    fn key(key_type: KeyType) -> Key {
        let wanted = NewKey::new("web", key_type);
        MemoryToken::new("t").generate(&wanted).unwrap()
    }

    /// Everything OpenSSH asks for, and more than once in a row, must be there.
    #[test]
    fn halves_share_their_id_and_tell_what_openssh_asks() {
        for key_type in [
            KeyType::Rsa(2048),
            KeyType::Ec(Curve::P384),
            KeyType::Ed25519,
            KeyType::MlDsa(ParameterSet::MlDsa44),
        ] {
            let key = key(key_type);
            let objects: Vec<_> = parts_of(&key)
                .map(|it| it.attributes(&key, false))
                .collect();
            let ids: Vec<_> = objects.iter().map(|it| it.get(CKA_ID)).collect();
            assert!(ids.len() == 2 && ids[0].is_some() && ids[0] == ids[1]);
            for object in &objects {
                assert!(object.get(CKA_KEY_TYPE).is_some());
                assert_eq!(object.get(CKA_LABEL), Some(&b"web"[..]));
            }
            let unique = |it: &Attributes| it.get(CKA_UNIQUE_ID).map(<[u8]>::to_vec);
            assert_ne!(unique(&objects[0]), unique(&objects[1]));
            let private = &objects[1];
            assert_eq!(private.get(CKA_ALWAYS_AUTHENTICATE), Some(&[CK_FALSE][..]));
        }
    }

    #[test]
    fn no_object_of_a_key_holds_a_secret() {
        for key_type in [
            KeyType::Rsa(2048),
            KeyType::Ed25519,
            KeyType::MlDsa(ParameterSet::MlDsa65),
        ] {
            let key = key(key_type);
            let attributes = Part::Private.attributes(&key, false);
            let mut secrets = (0..0x700).filter(|&kind| is_secret(kind));
            assert!(secrets.all(|kind| attributes.get(kind).is_none()));
        }
    }

    #[test]
    fn an_ml_dsa_key_is_told_by_its_public_half_alone() {
        let key = key(KeyType::MlDsa(ParameterSet::MlDsa87));
        let PublicKey::MlDsa { bytes, .. } = &key.public else {
            unreachable!()
        };
        let [public, private] =
            [Part::Public, Part::Private].map(|part| part.attributes(&key, false));
        assert_eq!(public.get(CKA_VALUE), Some(&bytes[..]));
        assert_eq!(private.get(CKA_VALUE), None);
        for half in [public, private] {
            let number = CKP_ML_DSA_87.to_ne_bytes();
            assert_eq!(half.get(CKA_PARAMETER_SET), Some(&number[..]));
            let mechanisms = CKM_ML_DSA.to_ne_bytes();
            assert_eq!(half.get(CKA_ALLOWED_MECHANISMS), Some(&mechanisms[..]));
        }
    }
}
