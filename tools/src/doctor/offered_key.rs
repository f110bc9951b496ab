//! A public key as OpenSSH takes it from a module: which attributes it asks for, in which buffers,
//! and what it makes of them.

use cryptoki_sys::*;
use der::Encode;
use kmip_p11::model::public_key::{Curve, PublicKey};

use super::consumer::ConsumerSession;

/// What OpenSSH reserves for a label before it knows its length.
const LABEL_ROOM: usize = 255;

/// A key in OpenSSH's list.
#[derive(Debug, PartialEq, Eq)]
pub struct OfferedKey {
    /// The comment.
    pub label: String,
    /// How the private key will be looked for.
    pub key_id: Vec<u8>,
    /// The key.
    pub public: PublicKey,
}

impl OfferedKey {
    /// Three questions: type and label, the sizes of the rest, the rest.
    pub fn fetch(session: &ConsumerSession, object: CK_OBJECT_HANDLE) -> Result<Self, String> {
        let first = [CKA_KEY_TYPE, CKA_LABEL];
        let [key_type, label] = session
            .values(object, first, [size_of::<CK_KEY_TYPE>(), LABEL_ROOM])
            .map_err(|error| format!("type and label: {error}; the list ends here"))?;
        let key_type = <[u8; size_of::<CK_KEY_TYPE>()]>::try_from(key_type);
        let key_type = CK_KEY_TYPE::from_ne_bytes(key_type.map_err(|_| "no CKA_KEY_TYPE")?);
        let rest = match key_type {
            CKK_RSA => [CKA_ID, CKA_MODULUS, CKA_PUBLIC_EXPONENT],
            CKK_EC | CKK_EC_EDWARDS => [CKA_ID, CKA_EC_POINT, CKA_EC_PARAMS],
            CKK_ML_DSA => {
                return Err(
                    "an ML-DSA key, which no OpenSSH knows: it complains, and goes on; leave the type out of \
                     keys.types where OpenSSH looks"
                        .into(),
                );
            }
            other => return Err(format!("key type {other:#x} is none that OpenSSH knows")),
        };
        let told = |error| format!("attributes: {error}");
        let sizes = session.sizes(object, rest).map_err(told)?;
        let [key_id, value, parameter] = session.values(object, rest, sizes).map_err(told)?;
        Ok(Self {
            label: String::from_utf8_lossy(&label).into_owned(),
            public: public_key(key_type, &value, &parameter)?,
            key_id,
        })
    }
}

fn public_key(kind: CK_KEY_TYPE, value: &[u8], parameter: &[u8]) -> Result<PublicKey, String> {
    let key = match kind {
        CKK_RSA => PublicKey::from_rsa(value, parameter),
        CKK_EC => {
            let named = |curve: &Curve| curve.oid().to_der().is_ok_and(|oid| oid == parameter);
            let curve = Curve::ALL.into_iter().find(named);
            let curve =
                curve.ok_or("a curve that OpenSSH does not know: it would end ssh-agent")?;
            PublicKey::from_point(
                curve,
                octets(value).ok_or("CKA_EC_POINT is not an OCTET STRING")?,
            )
        }
        _ => PublicKey::from_ed25519(octets(value).unwrap_or(value)),
    };
    key.map_err(|error| error.to_string())
}

/// The inside of a DER OCTET STRING.
fn octets(der: &[u8]) -> Option<&[u8]> {
    let string: &der::asn1::OctetStringRef = der::Decode::from_der(der).ok()?;
    Some(string.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_taken_out_of_their_octet_string() {
        assert_eq!(octets(&[4, 2, 7, 8]), Some(&[7, 8][..]));
        assert_eq!(octets(&[4, 3, 7]), None);
        let raw = public_key(CKK_EC_EDWARDS, &[9; 32], &[]).unwrap();
        let wrapped = [&[4, 32][..], &[9; 32]].concat();
        assert_eq!(public_key(CKK_EC_EDWARDS, &wrapped, &[]).unwrap(), raw);
    }

    #[test]
    fn unknown_curves_and_bare_points_are_refused() {
        assert!(public_key(CKK_EC, &[4, 1, 4], &[6, 1, 1]).is_err());
        let p256 = Curve::P256.oid().to_der().unwrap();
        assert!(public_key(CKK_EC, &[7; 65], &p256).is_err());
    }
}
