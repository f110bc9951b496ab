//! A key that comes wrapped: what its template says of it, and what it turns out to be.

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::new_key::{Origin, has_length, private_half, secret_key};
use super::new_object::NewObject;
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, WrappingError};
use crate::model::attribute::{Attributes, Template};
use crate::model::attribute_list::decoded;
use crate::model::attribute_rules::{Act, accepted, given};
use crate::model::given_key::needed_number;

/// What is known of it before it is unwrapped.
pub struct ArrivingKey {
    class: CK_OBJECT_CLASS,
    key_type: CK_KEY_TYPE,
    given: Attributes,
    /// What keys here say of CKA_PRIVATE.
    is_private: bool,
}

impl ArrivingKey {
    /// As the template of C_UnwrapKey has it, and that of the key that unwraps.
    ///
    /// # Errors
    /// Those of templates (v3.2, 4.1.1).
    pub fn read(template: &Template, unwrapping: &Attributes, is_private: bool) -> Result<Self> {
        let template = &Zeroizing::new(ruled(template, unwrapping)?);
        let class = needed_number(template, CKA_CLASS)?;
        let key_type = needed_number(template, CKA_KEY_TYPE)?;
        if !matches!(class, CKO_SECRET_KEY | CKO_PRIVATE_KEY) {
            return Err(Error::AttributeValueInvalid {
                kind: CKA_CLASS,
                why: "what is unwrapped is a secret or a private key",
            });
        }
        Ok(Self {
            class,
            key_type,
            given: accepted(template, class, Some(key_type), Act::Arrive)?,
            is_private,
        })
    }

    /// The key, of what was unwrapped.
    ///
    /// # Errors
    /// CKR_WRAPPED_KEY_INVALID for what is no key of that type; CKR_TEMPLATE_INCONSISTENT for one that is
    /// not what the template says.
    pub fn made_of(self, value: Zeroizing<Vec<u8>>) -> Result<NewObject> {
        let (given, private) = (self.given, self.is_private);
        match self.class {
            CKO_SECRET_KEY => {
                let fits = has_length(self.key_type, value.len(), CKA_VALUE);
                fits.map_err(|error| match error {
                    Error::AttributeValueInvalid {
                        kind: CKA_VALUE,
                        why,
                    } => WrappingError::Invalid(why).into(),
                    other => other,
                })?;
                secret_key(given, self.key_type, value, Origin::Outside, private)
            }
            _ => {
                let key = PrivateKey::from_pkcs8(&value);
                let key = key.map_err(|_| WrappingError::Invalid(NO_PKCS8))?;
                private_half(given, key, Origin::Outside, private)
            }
        }
    }
}

/// The template with what the unwrapping key adds to all that it unwraps (v3.2, 4.10), which no template contradicts.
fn ruled(template: &Template, unwrapping: &Attributes) -> Result<Template> {
    let rules = unwrapping.get(CKA_UNWRAP_TEMPLATE).unwrap_or_default();
    let rules = decoded(rules).ok_or(Error::FunctionFailed("the unwrapping key is broken"))?;
    let mut all = template.clone();
    for (kind, value) in rules {
        match given(template, kind) {
            Some(other) if other != value => {
                return Err(Error::TemplateInconsistent(
                    "the unwrapping key has something else in its CKA_UNWRAP_TEMPLATE",
                ));
            }
            Some(_) => {}
            None => all.push((kind, value)),
        }
    }
    Ok(all)
}

const NO_PKCS8: &str = "what was wrapped is no PKCS#8 private key of a type that is used here";
