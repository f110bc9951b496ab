//! A session object in the making: from the template of a program to attributes and material.

use std::sync::Arc;

use cryptoki_sys::*;

use super::new_key::checked;
use super::object::Object;
use super::objects::Part;
use super::session_object::Material;
use crate::crypto::{check_value, fill_with_random};
use crate::error::{Error, Result};
use crate::model::attribute::{Attributes, Template};
use crate::model::attribute_rules::{Act, accepted, changed, given_number};
use crate::model::certificate::Certificate;
use crate::model::given_key::{needed, needed_number};
use crate::model::key::ObjectId;

/// What a session will hold.
pub struct NewObject {
    /// What is shown of it.
    pub attributes: Attributes,
    /// What it is made of.
    pub material: Arc<Material>,
}

impl NewObject {
    /// As C_CreateObject wants it (v3.2, 5.7.1). `private` is what keys say of CKA_PRIVATE if the
    /// template does not.
    pub fn created(template: &Template, private: bool) -> Result<Self> {
        match needed_number(template, CKA_CLASS)? {
            CKO_DATA => data(template),
            CKO_CERTIFICATE => certificate(template),
            CKO_PUBLIC_KEY => super::new_key::public(template),
            CKO_PRIVATE_KEY => super::new_key::private(template, private),
            CKO_SECRET_KEY => super::new_key::secret(template, private),
            _ => Err(Error::AttributeValueInvalid {
                kind: CKA_CLASS,
                why: "no object of that class is made by programs",
            }),
        }
    }

    /// As C_CopyObject wants it (v3.2, 5.7.2).
    pub fn copied(object: &Object, template: &Template) -> Result<Self> {
        let old = object.attributes();
        permits(&old, CKA_COPYABLE, "the object may not be copied")?;
        // That a public key of a token goes with its private half is no rule for its copy.
        let old = match object {
            Object::Token(_) => old.bool(CKA_DESTROYABLE, true),
            Object::Session(_) => old,
        };
        let attributes = changed(&old, template, true)?;
        Ok(Self {
            attributes: attributes.bytes(CKA_UNIQUE_ID, unique_id()?),
            material: match object {
                Object::Session(object) => Arc::clone(object.material_shared()),
                Object::Token(object) if object.part == Part::Public => {
                    Arc::new(Material::Public(object.key.public.clone()))
                }
                Object::Token(_) => Arc::new(Material::None),
            },
        })
    }
}

/// That an object does not say no of itself.
pub fn permits(attributes: &Attributes, kind: CK_ATTRIBUTE_TYPE, why: &'static str) -> Result {
    match attributes.get(kind) {
        Some(&[CK_FALSE]) => Err(Error::ActionProhibited(why)),
        _ => Ok(()),
    }
}

/// What every new object says unless its template says something else (v3.2, 4.4).
pub fn storage(class: CK_OBJECT_CLASS, private: bool) -> Result<Attributes> {
    Ok(Attributes::default()
        .ulong(CKA_CLASS, class)
        .bool(CKA_TOKEN, false)
        .bool(CKA_PRIVATE, private)
        .bools(&[CKA_MODIFIABLE, CKA_COPYABLE, CKA_DESTROYABLE], true)
        .bytes(CKA_LABEL, *b"")
        .bytes(CKA_UNIQUE_ID, unique_id()?))
}

/// Sixteen random bytes in hexadecimal digits.
pub fn unique_id() -> Result<String> {
    let mut bytes = [0; 16];
    fill_with_random(&mut bytes).map_err(|_| Error::RandomNoRng)?;
    Ok(format!("{:x}", base16ct::HexDisplay(&bytes)))
}

/// v3.2, 4.5
fn data(template: &Template) -> Result<NewObject> {
    let given = accepted(template, CKO_DATA, None, Act::Create)?;
    let empty = [CKA_APPLICATION, CKA_OBJECT_ID, CKA_VALUE];
    let attributes = storage(CKO_DATA, false)?;
    let attributes = empty
        .iter()
        .fold(attributes, |all, kind| all.bytes(*kind, *b""));
    Ok(NewObject {
        attributes: attributes.and(given),
        material: Arc::new(Material::None),
    })
}

/// v3.2, 4.6.3: what the certificate says itself is filled in, and what contradicts it refused.
fn certificate(template: &Template) -> Result<NewObject> {
    if needed_number(template, CKA_CERTIFICATE_TYPE)? != CKC_X_509 {
        return Err(Error::AttributeValueInvalid {
            kind: CKA_CERTIFICATE_TYPE,
            why: "certificates are X.509",
        });
    }
    let given = accepted(template, CKO_CERTIFICATE, None, Act::Create)?;
    let parsed = certificate_of(needed(template, CKA_VALUE)?)?;
    let own = parsed.attributes();
    agree(&given, &own)?;
    let category = given_number(template, CKA_CERTIFICATE_CATEGORY)?;
    let check_value = check_value::of_certificate(parsed.der());
    let own = own.bytes(CKA_CHECK_VALUE, checked(&given, check_value)?);
    let attributes = storage(CKO_CERTIFICATE, false)?
        .bytes(CKA_ID, *b"")
        .bytes(CKA_START_DATE, *b"")
        .bytes(CKA_END_DATE, *b"")
        .and(own)
        .ulong(
            CKA_CERTIFICATE_CATEGORY,
            category.unwrap_or(CK_CERTIFICATE_CATEGORY_UNSPECIFIED),
        )
        .and(given);
    Ok(NewObject {
        attributes,
        material: Arc::new(Material::None),
    })
}

/// The certificate in that DER.
///
/// # Errors
/// If it cannot be read.
pub fn certificate_of(der: &[u8]) -> Result<Certificate> {
    Certificate::from_der(ObjectId(String::new()), der).map_err(|_| Error::AttributeValueInvalid {
        kind: CKA_VALUE,
        why: "no X.509 certificate of a key that is known here",
    })
}

/// That a template says nothing else than the object it is of.
pub fn agree(given: &Attributes, own: &Attributes) -> Result {
    let same = |(kind, value)| match own.get(kind) {
        Some(known) if known != value => free_to_differ(kind),
        _ => true,
    };
    match given.iter().all(same) {
        true => Ok(()),
        false => Err(Error::TemplateInconsistent(
            "the template contradicts the value of the object",
        )),
    }
}

/// Numbers may be written in several ways, and a category is not in the certificate.
fn free_to_differ(kind: CK_ATTRIBUTE_TYPE) -> bool {
    const FREE: [CK_ATTRIBUTE_TYPE; 6] = [
        CKA_MODULUS,
        CKA_PUBLIC_EXPONENT,
        CKA_EC_PARAMS,
        CKA_EC_POINT,
        CKA_CERTIFICATE_CATEGORY,
        CKA_TRUSTED,
    ];
    FREE.contains(&kind)
}
