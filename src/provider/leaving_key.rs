//! A key that leaves wrapped: whether it may, and the form in which it is wrapped.

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::object::Object;
use super::session_object::Material;
use crate::error::{Error, Result};
use crate::model::attribute::Attributes;
use crate::model::attribute_list::decoded;

/// The value of a key that may leave: of a secret key its bytes, of a private one PKCS#8 (v3.2, 6.7).
/// `secret_only` if there is no room for private keys in what wraps.
///
/// # Errors
/// Those of C_WrapKey (v3.2, 5.18.3).
pub fn leaving(
    object: &Object,
    handle: CK_OBJECT_HANDLE,
    wrapping: &Attributes,
    secret_only: bool,
) -> Result<Zeroizing<Vec<u8>>> {
    match object.class() {
        CKO_SECRET_KEY | CKO_PRIVATE_KEY => {}
        CKO_PUBLIC_KEY => return Err(Error::KeyNotWrappable("a public key is no secret")),
        _ => return Err(Error::KeyHandleInvalid(handle)),
    }
    let attributes = object.attributes();
    if !attributes.is_true(CKA_EXTRACTABLE) {
        return Err(Error::KeyUnextractable);
    }
    if attributes.is_true(CKA_WRAP_WITH_TRUSTED) && !wrapping.is_true(CKA_TRUSTED) {
        return Err(Error::KeyNotWrappable(
            "the key is wrapped with trusted keys only, and this one is not",
        ));
    }
    let template = wrapping.get(CKA_WRAP_TEMPLATE).unwrap_or_default();
    if !decoded(template).is_some_and(|template| attributes.match_template(&template)) {
        return Err(Error::KeyHandleInvalid(handle));
    }
    let Object::Session(object) = object else {
        return Err(Error::KeyUnextractable);
    };
    match object.material() {
        Material::Secret(value) => Ok(value.clone()),
        Material::Private(_) if secret_only => Err(Error::KeyNotWrappable(
            "RSA wraps secret keys; wrap a private one with AES",
        )),
        Material::Private(key) => key.to_pkcs8().map_err(|_| {
            Error::KeyNotWrappable("of this ML-DSA key there is no seed, which is what is wrapped")
        }),
        _ => Err(Error::KeyHandleInvalid(handle)),
    }
}
