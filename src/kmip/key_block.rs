//! Key blocks: key material with what must be known to read it, wrapped or not.

use super::enums::{CryptographicAlgorithm, EncodingOption, KeyFormatType, RecommendedCurve};
use super::tags::Tag;
use super::ttlv::{Item, Writer};
use super::version::Version;
use super::wrapping::KeyWrappingData;
use std::fmt;
use zeroize::Zeroizing;

/// A key with what must be known to read it (KMIP 1.4 section 2.1.3).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct KeyBlock {
    /// How the material is encoded; servers may leave it out.
    pub format: Option<KeyFormatType>,
    /// What the key is for.
    pub algorithm: Option<CryptographicAlgorithm>,
    /// In bits.
    pub length: Option<u32>,
    /// The key itself.
    pub material: KeyMaterial,
    /// How it is wrapped, if it is.
    pub wrapping: Option<Box<KeyWrappingData>>,
}

/// The key itself. Numbers are unsigned, most significant byte first, without leading zeros.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum KeyMaterial {
    /// In the encoding that [`KeyBlock::format`] names.
    Bytes(Zeroizing<Vec<u8>>),
    /// The bytes of a wrapped key: of use only to who can unwrap it as [`KeyBlock::wrapping`] says.
    Wrapped(Vec<u8>),
    /// The same in the place of the whole Key Value, whatever the encoding is: for Cosmian KMS, which takes wrapped keys in no
    /// other form. Never read.
    WrappedInPlace(Vec<u8>),
    /// Transparent Symmetric Key.
    TransparentSymmetric(Zeroizing<Vec<u8>>),
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
    #[default]
    Other,
}

impl fmt::Debug for KeyMaterial {
    /// Shows what it is, never what is in it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(out, "Bytes({} bytes)", bytes.len()),
            Self::Wrapped(bytes) | Self::WrappedInPlace(bytes) => {
                write!(out, "Wrapped({} bytes)", bytes.len())
            }
            Self::TransparentSymmetric(bytes) => {
                write!(out, "TransparentSymmetric({} bytes)", bytes.len())
            }
            Self::TransparentRsaPublic { modulus, .. } => {
                write!(out, "TransparentRsaPublic({} bytes)", modulus.len())
            }
            Self::TransparentEcPublic { curve, .. } => write!(out, "TransparentEcPublic({curve})"),
            Self::Other => out.write_str("Other"),
        }
    }
}

impl KeyBlock {
    pub(super) fn read(item: Item<'_>) -> KeyBlock {
        let enumeration = |tag| item.find(tag).and_then(Item::enumeration);
        let length = item.find(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Item::integer);
        let wrapping = item.find(Tag::KEY_WRAPPING_DATA).map(KeyWrappingData::read);
        let hidden = wrapping.as_ref().is_some_and(KeyWrappingData::hides_key);
        KeyBlock {
            format: enumeration(Tag::KEY_FORMAT_TYPE).map(KeyFormatType),
            algorithm: enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM).map(CryptographicAlgorithm),
            length: length.and_then(|bits| u32::try_from(bits).ok()),
            material: item
                .find(Tag::KEY_VALUE)
                .map_or(KeyMaterial::Other, |value| KeyMaterial::read(value, hidden)),
            wrapping: wrapping.map(Box::new),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.structure(Tag::KEY_BLOCK, |writer| {
            if let Some(format) = self.format {
                writer.enumeration(Tag::KEY_FORMAT_TYPE, format);
            }
            match (&self.material, self.encoding()) {
                // What was wrapped is the Key Value itself, so its place is taken by bytes.
                (KeyMaterial::Wrapped(bytes), EncodingOption::TTLV_ENCODING)
                | (KeyMaterial::WrappedInPlace(bytes), _) => writer.bytes(Tag::KEY_VALUE, bytes),
                (material, _) => writer.structure(Tag::KEY_VALUE, |writer| material.write(writer)),
            }
            if let Some(algorithm) = self.algorithm {
                writer.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, algorithm);
            }
            if let Some(length) = self.length.and_then(|bits| i32::try_from(bits).ok()) {
                writer.integer(Tag::CRYPTOGRAPHIC_LENGTH, length);
            }
            if let Some(wrapping) = &self.wrapping {
                wrapping.write(writer);
            }
        });
    }

    /// What of the Key Value is wrapped; the item unless the wrapping says otherwise.
    fn encoding(&self) -> EncodingOption {
        let said = self
            .wrapping
            .as_ref()
            .and_then(|wrapping| wrapping.encoding);
        said.unwrap_or(EncodingOption::TTLV_ENCODING)
    }

    /// What of it cannot be written in that version, if there is something.
    pub(super) fn inexpressible(&self, version: Version) -> Option<String> {
        let wrapped = matches!(
            self.material,
            KeyMaterial::Wrapped(_) | KeyMaterial::WrappedInPlace(_)
        );
        let hidden = self
            .wrapping
            .as_ref()
            .is_some_and(|wrapping| wrapping.hides_key());
        if self.format.is_none() || self.material == KeyMaterial::Other {
            return Some("a key without format or readable material".to_owned());
        }
        if wrapped != hidden {
            return Some("a wrapped key without Key Wrapping Data, or the reverse".to_owned());
        }
        self.wrapping.as_ref()?.inexpressible(version)
    }
}

impl KeyMaterial {
    /// Reads a Key Value: a byte string when it was wrapped whole, else a structure with Key Material of either kind.
    fn read(key_value: Item<'_>, hidden: bool) -> KeyMaterial {
        let material = key_value.find(Tag::KEY_MATERIAL).unwrap_or(key_value);
        match (material.bytes(), hidden || key_value.bytes().is_some()) {
            (Some(bytes), true) => KeyMaterial::Wrapped(bytes.to_vec()),
            (None, true) => KeyMaterial::Other,
            (Some(bytes), false) => KeyMaterial::Bytes(Zeroizing::new(bytes.to_vec())),
            (None, false) => Self::read_rsa(material)
                .or_else(|| Self::read_ec(material))
                .or_else(|| Self::read_symmetric(material))
                .unwrap_or(KeyMaterial::Other),
        }
    }

    fn read_symmetric(material: Item<'_>) -> Option<KeyMaterial> {
        let key = material.find(Tag::KEY)?.bytes()?;
        Some(KeyMaterial::TransparentSymmetric(Zeroizing::new(
            key.to_vec(),
        )))
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
            Self::Wrapped(bytes) | Self::WrappedInPlace(bytes) => {
                writer.bytes(Tag::KEY_MATERIAL, bytes)
            }
            Self::TransparentSymmetric(bytes) => {
                writer.structure(Tag::KEY_MATERIAL, |writer| writer.bytes(Tag::KEY, bytes))
            }
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
