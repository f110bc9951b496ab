//! From a key of a token to the PKCS#11 objects that programs see: private, public, certificates.

use cryptoki_sys::*;

use crate::model::attribute::Attributes;
use crate::model::certificate::Certificate;
use crate::model::key::{Key, ObjectId};
use crate::model::mechanism::Mechanism;

/// One object of a key: its class and its token's name for it are what its handle stands for.
pub struct KeyObject {
    /// CKO_PRIVATE_KEY, CKO_PUBLIC_KEY or CKO_CERTIFICATE.
    pub class: CK_OBJECT_CLASS,
    /// The token's name; the private key's for a public half that is only known through it.
    pub id: ObjectId,
    /// All that C_GetAttributeValue tells.
    pub attributes: Attributes,
}

/// The objects of `key`, the public key first. `private` is what CKA_PRIVATE says of private keys.
pub fn objects_of(key: &Key, private: bool) -> Vec<KeyObject> {
    let mut objects = vec![public_object(key), private_object(key, private)];
    objects.extend(key.certificates.iter().map(|c| certificate_object(key, c)));
    objects
}

/// An object by the token's name for it, which is its CKA_UNIQUE_ID unless a part is given: then the
/// name is that of the whole key.
fn object(class: CK_OBJECT_CLASS, id: &ObjectId, part: &str, attributes: Attributes) -> KeyObject {
    let attributes = attributes
        .ulong(CKA_CLASS, class)
        .bytes(CKA_UNIQUE_ID, format!("{id}{part}"))
        .complete();
    KeyObject {
        class,
        id: id.clone(),
        attributes,
    }
}

/// What all objects of a key have in common (v3.2, 4.4.1): nothing can be changed through C yet.
fn storage(key: &Key) -> Attributes {
    Attributes::default()
        .bool(CKA_TOKEN, true)
        .bools(&[CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE], false)
        .bytes(CKA_LABEL, key.label())
        .bytes(CKA_ID, key.key_id.clone())
        .bytes(CKA_START_DATE, key.validity.start_date())
        .bytes(CKA_END_DATE, key.validity.end_date())
}

/// What public and private key have in common (v3.2, 4.7).
fn key_attributes(key: &Key) -> Attributes {
    let mechanisms: Vec<_> = Mechanism::all()
        .iter()
        .filter(|mechanism| mechanism.goes_with(key.public.key_type()))
        .map(|mechanism| mechanism.number)
        .collect();
    let subject = key.certificates.first().map(Certificate::subject);
    storage(key)
        .and(key.public.attributes())
        .bytes(CKA_SUBJECT, subject.unwrap_or_default())
        .bools(&[CKA_DERIVE, CKA_LOCAL], false)
        .ulong(CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION)
        .ulongs(CKA_ALLOWED_MECHANISMS, &mechanisms)
}

fn public_object(key: &Key) -> KeyObject {
    let attributes = key_attributes(key)
        .bools(&[CKA_PRIVATE, CKA_ENCRYPT, CKA_WRAP], false)
        .bools(&[CKA_VERIFY_RECOVER, CKA_TRUSTED], false)
        .bool(CKA_VERIFY, true);
    let bits = match key.public.key_type() {
        crate::model::public_key::KeyType::Rsa(bits) => Some(bits),
        _ => None,
    };
    let attributes = bits.into_iter().fold(attributes, |all, bits| {
        all.ulong(CKA_MODULUS_BITS, bits as CK_ULONG)
    });
    match &key.public_id {
        Some(id) => object(CKO_PUBLIC_KEY, id, "", attributes),
        None => object(CKO_PUBLIC_KEY, &key.id, ".public", attributes),
    }
}

/// Sensitive and not extractable whatever the token allows: through C no value leaves it.
fn private_object(key: &Key, private: bool) -> KeyObject {
    let custody = key.custody;
    let attributes = key_attributes(key)
        .bool(CKA_PRIVATE, private)
        .bool(CKA_SIGN, key.unusable().is_none())
        .bool(CKA_SENSITIVE, true)
        .bools(&[CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED], false)
        .bools(&[CKA_DECRYPT, CKA_SIGN_RECOVER, CKA_UNWRAP], false)
        .bool(CKA_ALWAYS_AUTHENTICATE, false)
        .bool(
            CKA_ALWAYS_SENSITIVE,
            custody.always_sensitive.unwrap_or(false),
        )
        .bool(
            CKA_NEVER_EXTRACTABLE,
            custody.never_extractable.unwrap_or(false),
        );
    object(CKO_PRIVATE_KEY, &key.id, "", attributes)
}

fn certificate_object(key: &Key, certificate: &Certificate) -> KeyObject {
    let attributes = storage(key)
        .and(certificate.attributes())
        .bool(CKA_PRIVATE, false);
    object(CKO_CERTIFICATE, &certificate.id, "", attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::attribute::is_secret;
    use crate::model::public_key::{Curve, KeyType};
    use crate::token::memory::MemoryToken;
    use crate::token::{NewKey, Token};

    fn key(key_type: KeyType) -> Key {
        let wanted = NewKey {
            name: "web".into(),
            key_type,
            groups: vec![],
            activate: true,
        };
        MemoryToken::new("t").generate(&wanted).unwrap()
    }

    /// Everything OpenSSH asks for, and more than once in a row, must be there.
    #[test]
    fn halves_share_their_id_and_tell_what_openssh_asks() {
        for key_type in [
            KeyType::Rsa(2048),
            KeyType::Ec(Curve::P384),
            KeyType::Ed25519,
        ] {
            let objects = objects_of(&key(key_type), false);
            let ids: Vec<_> = objects.iter().map(|o| o.attributes.get(CKA_ID)).collect();
            assert!(ids[0].is_some() && ids[0] == ids[1]);
            for object in &objects {
                assert!(object.attributes.get(CKA_KEY_TYPE).is_some());
                assert_eq!(object.attributes.get(CKA_LABEL), Some(&b"web"[..]));
            }
            let unique = |o: &KeyObject| o.attributes.get(CKA_UNIQUE_ID).map(<[u8]>::to_vec);
            assert_ne!(unique(&objects[0]), unique(&objects[1]));
            let private = &objects[1].attributes;
            assert_eq!(private.get(CKA_ALWAYS_AUTHENTICATE), Some(&[CK_FALSE][..]));
        }
    }

    #[test]
    fn no_object_of_a_key_holds_a_secret() {
        for object in objects_of(&key(KeyType::Rsa(2048)), false) {
            let secrets: Vec<_> = (0..0x400)
                .filter(|&k| is_secret(k) && object.attributes.get(k).is_some())
                .collect();
            assert!(secrets.is_empty());
        }
    }
}
