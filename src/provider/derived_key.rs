//! A key that is derived of an agreed secret: what its template says of it, and how much of the secret it takes.

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::new_key::{Origin, has_length, secret_key};
use super::new_object::NewObject;
use crate::crypto::agreement::x963;
use crate::error::{Error, Result};
use crate::model::agreement::Agreement;
use crate::model::attribute::{Attributes, Template};
use crate::model::attribute_rules::{Act, accepted, given_number};
use crate::model::public_key::PublicKey;

/// What is known of it before the secret is there.
pub struct DerivedKey {
    key_type: CK_KEY_TYPE,
    /// Bytes of its value.
    length: usize,
    origin: Origin,
    given: Attributes,
    /// What keys here say of CKA_PRIVATE.
    is_private: bool,
}

impl DerivedKey {
    /// As the template of C_DeriveKey has it: a generic secret, unless it says otherwise.
    ///
    /// # Errors
    /// Those of templates (v3.2, 4.1.1), and `AttributeValueInvalid` for more bytes than the secret has.
    pub fn read(
        template: &Template,
        base: &Attributes,
        agreement: &Agreement,
        is_private: bool,
    ) -> Result<Self> {
        let key_type = given_number(template, CKA_KEY_TYPE)?.unwrap_or(CKK_GENERIC_SECRET);
        let given = accepted(template, CKO_SECRET_KEY, Some(key_type), Act::Arrive)?;
        let length = length(template, key_type, agreement)?;
        has_length(key_type, length, CKA_VALUE_LEN)?;
        let origin = Origin::Derived {
            always_sensitive: base.is_true(CKA_ALWAYS_SENSITIVE),
            never_extractable: base.is_true(CKA_NEVER_EXTRACTABLE),
        };
        Ok(Self {
            key_type,
            length,
            origin,
            given,
            is_private,
        })
    }

    /// The key. Without a derivation function it is the end of the secret (v3.2, 6.3.19).
    pub fn made_of(self, secret: &[u8], agreement: &Agreement) -> Result<NewObject> {
        let value = match agreement.kdf {
            Some(digest) => x963(digest, secret, &agreement.shared, self.length),
            None => {
                let start = secret.len().saturating_sub(self.length);
                Zeroizing::new(secret.get(start..).unwrap_or_default().to_vec())
            }
        };
        secret_key(
            self.given,
            self.key_type,
            value,
            self.origin,
            self.is_private,
        )
    }
}

/// Bytes of the key: those of the secret, if neither type nor template want a number of them.
fn length(template: &Template, key_type: CK_KEY_TYPE, agreement: &Agreement) -> Result<usize> {
    let PublicKey::Ec { curve, .. } = &agreement.peer else {
        return Err(Error::FunctionFailed("this is no key of a curve"));
    };
    let wanted = given_number(template, CKA_VALUE_LEN)?;
    let wanted = wanted.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let is_whole = agreement.kdf.is_none() && key_type != CKK_AES;
    match wanted {
        None if is_whole => Ok(curve.field_len()),
        None => Err(Error::TemplateIncomplete(CKA_VALUE_LEN)),
        Some(length) if agreement.kdf.is_none() && length > curve.field_len() => {
            Err(Error::AttributeValueInvalid {
                kind: CKA_VALUE_LEN,
                why: "the secret of keys of that curve has fewer bytes; a derivation function makes more",
            })
        }
        Some(length) => Ok(length),
    }
}
