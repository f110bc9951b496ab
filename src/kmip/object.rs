//! Managed objects: keys and certificates as Get returns and Register takes them.

use super::enums::{
    CertificateType, CryptographicAlgorithm, KeyFormatType, ObjectType, RecommendedCurve,
};
use super::tags::Tag;
use super::ttlv::{Item, Writer};
use std::fmt;
use zeroize::Zeroizing;

/// An object that a server keeps (KMIP 1.4 section 2.2, KMIP 2.1 section 2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ManagedObject {
    /// A private key.
    PrivateKey(KeyBlock),
    /// A public key.
    PublicKey(KeyBlock),
    /// A certificate: its type and its DER (or what the type demands).
    Certificate {
        /// X.509 usually.
        kind: CertificateType,
        /// The encoded certificate.
        value: Vec<u8>,
    },
    /// What we have no use for; can be received, not registered.
    Other {
        /// What it is.
        object_type: ObjectType,
    },
}

/// A key with what must be known to read it (KMIP 1.4 section 2.1.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyBlock {
    /// How the material is encoded; servers may leave it out.
    pub format: Option<KeyFormatType>,
    /// What the key is for.
    pub algorithm: Option<CryptographicAlgorithm>,
    /// In bits.
    pub length: Option<u32>,
    /// The key itself.
    pub material: KeyMaterial,
}

/// The key itself. Numbers are unsigned, most significant byte first, without leading zeros.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    /// In the encoding that [`KeyBlock::format`] names; or, of a wrapped key, the wrapped bytes.
    Bytes(Zeroizing<Vec<u8>>),
    /// Transparent RSA Public Key.
    TransparentRsaPublic {
        /// n.
        modulus: Vec<u8>,
        /// e.
        exponent: Vec<u8>,
    },
    /// Transparent EC (or ECDSA, ECDH) Public Key.
    TransparentEcPublic {
        /// The curve.
        curve: RecommendedCurve,
        /// The point as X9.62 has it, usually uncompressed; of Ed25519 the 32 bytes of the key.
        q: Vec<u8>,
    },
    /// Material we cannot read.
    Other,
}

impl fmt::Debug for KeyMaterial {
    /// Shows what it is, never what is in it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(out, "Bytes({} bytes)", bytes.len()),
            Self::TransparentRsaPublic { modulus, .. } => {
                write!(out, "TransparentRsaPublic({} bytes)", modulus.len())
            }
            Self::TransparentEcPublic { curve, .. } => write!(out, "TransparentEcPublic({curve})"),
            Self::Other => out.write_str("Other"),
        }
    }
}

impl ManagedObject {
    /// What it is.
    pub fn object_type(&self) -> ObjectType {
        match self {
            Self::PrivateKey(_) => ObjectType::PRIVATE_KEY,
            Self::PublicKey(_) => ObjectType::PUBLIC_KEY,
            Self::Certificate { .. } => ObjectType::CERTIFICATE,
            Self::Other { object_type } => *object_type,
        }
    }

    /// The object in the payload of a reply to Get.
    pub(super) fn read(payload: Item<'_>) -> ManagedObject {
        let key = |tag| {
            payload
                .find(tag)
                .and_then(|object| object.find(Tag::KEY_BLOCK))
                .map(KeyBlock::read)
        };
        let declared = payload.find(Tag::OBJECT_TYPE).and_then(Item::enumeration);
        key(Tag::PRIVATE_KEY)
            .map(ManagedObject::PrivateKey)
            .or_else(|| key(Tag::PUBLIC_KEY).map(ManagedObject::PublicKey))
            .or_else(|| read_certificate(payload.find(Tag::CERTIFICATE)?))
            .unwrap_or(ManagedObject::Other {
                object_type: ObjectType(declared.unwrap_or_default()),
            })
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::PrivateKey(block) => {
                writer.structure(Tag::PRIVATE_KEY, |writer| block.write(writer))
            }
            Self::PublicKey(block) => {
                writer.structure(Tag::PUBLIC_KEY, |writer| block.write(writer))
            }
            Self::Certificate { kind, value } => writer.structure(Tag::CERTIFICATE, |writer| {
                writer.enumeration(Tag::CERTIFICATE_TYPE, *kind);
                writer.bytes(Tag::CERTIFICATE_VALUE, value);
            }),
            Self::Other { .. } => {}
        }
    }

    /// Whether [`ManagedObject::write`] writes all of it.
    pub(super) fn can_be_written(&self) -> bool {
        match self {
            Self::PrivateKey(block) | Self::PublicKey(block) => {
                block.format.is_some() && !matches!(block.material, KeyMaterial::Other)
            }
            Self::Certificate { .. } => true,
            Self::Other { .. } => false,
        }
    }
}

fn read_certificate(item: Item<'_>) -> Option<ManagedObject> {
    let kind = item.find(Tag::CERTIFICATE_TYPE).and_then(Item::enumeration);
    let value = item.find(Tag::CERTIFICATE_VALUE)?.bytes()?.to_vec();
    Some(ManagedObject::Certificate {
        kind: kind.map_or(CertificateType::X_509, CertificateType),
        value,
    })
}

impl KeyBlock {
    fn read(item: Item<'_>) -> KeyBlock {
        let enumeration = |tag| item.find(tag).and_then(Item::enumeration);
        let length = item.find(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Item::integer);
        KeyBlock {
            format: enumeration(Tag::KEY_FORMAT_TYPE).map(KeyFormatType),
            algorithm: enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM).map(CryptographicAlgorithm),
            length: length.and_then(|bits| u32::try_from(bits).ok()),
            material: item
                .find(Tag::KEY_VALUE)
                .map_or(KeyMaterial::Other, KeyMaterial::read),
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.structure(Tag::KEY_BLOCK, |writer| {
            if let Some(format) = self.format {
                writer.enumeration(Tag::KEY_FORMAT_TYPE, format);
            }
            writer.structure(Tag::KEY_VALUE, |writer| self.material.write(writer));
            if let Some(algorithm) = self.algorithm {
                writer.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
            }
            if let Some(length) = self.length.and_then(|bits| i32::try_from(bits).ok()) {
                writer.integer(Tag::CRYPTOGRAPHIC_LENGTH, length);
            }
        });
    }
}

impl KeyMaterial {
    /// Reads a Key Value: a byte string when wrapped, else a structure with Key Material of either kind.
    fn read(key_value: Item<'_>) -> KeyMaterial {
        let material = key_value.find(Tag::KEY_MATERIAL).unwrap_or(key_value);
        match material.bytes() {
            Some(bytes) => KeyMaterial::Bytes(Zeroizing::new(bytes.to_vec())),
            None => Self::read_rsa(material)
                .or_else(|| Self::read_ec(material))
                .unwrap_or(KeyMaterial::Other),
        }
    }

    fn read_rsa(material: Item<'_>) -> Option<KeyMaterial> {
        if material.find(Tag::PRIVATE_EXPONENT).is_some() {
            return None;
        }
        let number = |tag| material.find(tag).and_then(Item::big_integer).map(unsigned);
        Some(KeyMaterial::TransparentRsaPublic {
            modulus: number(Tag::MODULUS)?,
            exponent: number(Tag::PUBLIC_EXPONENT)?,
        })
    }

    fn read_ec(material: Item<'_>) -> Option<KeyMaterial> {
        let curve = RecommendedCurve(material.find(Tag::RECOMMENDED_CURVE)?.enumeration()?);
        Some(KeyMaterial::TransparentEcPublic {
            curve,
            q: material.find(Tag::Q_STRING)?.bytes()?.to_vec(),
        })
    }

    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Bytes(bytes) => writer.bytes(Tag::KEY_MATERIAL, bytes),
            Self::TransparentRsaPublic { modulus, exponent } => {
                writer.structure(Tag::KEY_MATERIAL, |writer| {
                    writer.big_integer(Tag::MODULUS, &signed(modulus));
                    writer.big_integer(Tag::PUBLIC_EXPONENT, &signed(exponent));
                })
            }
            Self::TransparentEcPublic { curve, q } => {
                writer.structure(Tag::KEY_MATERIAL, |writer| {
                    writer.enumeration(Tag::RECOMMENDED_CURVE, *curve);
                    writer.bytes(Tag::Q_STRING, q);
                })
            }
            Self::Other => {}
        }
    }
}

/// A public number without its leading zeros; servers that forget the zero before a set top bit are understood.
fn unsigned(number: &[u8]) -> Vec<u8> {
    number
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect()
}

/// Two's complement of an unsigned number.
fn signed(number: &[u8]) -> Vec<u8> {
    let sign = number
        .first()
        .is_some_and(|byte| byte & 0x80 != 0)
        .then_some(0);
    sign.into_iter().chain(number.iter().copied()).collect()
}
