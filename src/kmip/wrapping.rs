//! Key wrapping: how a key is to be wrapped for its way to us (specification), and how one that comes is wrapped (data).

use super::cryptography::{CryptographicParameters, enumeration};
use super::enums::{EncodingOption, WrappingMethod};
use super::tags::Tag;
use super::ttlv::{Item, Writer};
use super::version::Version;

/// Which key wraps or authenticates, and how (KMIP 1.4 section 2.1.5).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct KeyInformation {
    /// The key's unique identifier.
    pub id: String,
    /// How it is used; the server's choice if empty.
    pub parameters: CryptographicParameters,
}

/// How Get shall wrap a key (KMIP 1.4 section 2.1.6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyWrappingSpecification {
    /// Encryption usually.
    pub method: WrappingMethod,
    /// The key that encrypts.
    pub encryption_key: Option<KeyInformation>,
    /// The key that authenticates.
    pub mac_signature_key: Option<KeyInformation>,
    /// Attributes, by their names of KMIP 1.x, that are wrapped with the key.
    pub attribute_names: Vec<String>,
    /// Whether only the key's bytes are wrapped, or the Key Value item; the item if none (since 1.1).
    pub encoding: Option<EncodingOption>,
}

/// How the key of a key block is wrapped (KMIP 1.4 section 2.1.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyWrappingData {
    /// Encryption usually.
    pub method: WrappingMethod,
    /// The key that encrypts.
    pub encryption_key: Option<KeyInformation>,
    /// The key that authenticates.
    pub mac_signature_key: Option<KeyInformation>,
    /// The MAC or signature.
    pub mac_signature: Option<Vec<u8>>,
    /// The IV, counter or nonce of the encryption.
    pub iv_counter_nonce: Option<Vec<u8>>,
    /// Whether only the key's bytes are wrapped, or the Key Value item; the item if none (since 1.1).
    pub encoding: Option<EncodingOption>,
}

impl KeyInformation {
    fn write(&self, writer: &mut Writer, tag: Tag) {
        writer.structure(tag, |writer| {
            writer.text(Tag::UNIQUE_IDENTIFIER, &self.id);
            self.parameters.write(writer);
        });
    }

    fn read(item: Item<'_>) -> KeyInformation {
        let id = item.find(Tag::UNIQUE_IDENTIFIER).and_then(Item::text);
        KeyInformation {
            id: id.unwrap_or_default().to_owned(),
            parameters: CryptographicParameters::read(item),
        }
    }
}

fn write_keys(
    writer: &mut Writer,
    encryption: Option<&KeyInformation>,
    mac_signature: Option<&KeyInformation>,
) {
    if let Some(key) = encryption {
        key.write(writer, Tag::ENCRYPTION_KEY_INFORMATION);
    }
    if let Some(key) = mac_signature {
        key.write(writer, Tag::MAC_SIGNATURE_KEY_INFORMATION);
    }
}

/// What of keys and encoding a version cannot carry.
fn inexpressible(
    keys: [Option<&KeyInformation>; 2],
    encoding: Option<EncodingOption>,
    version: Version,
) -> Option<String> {
    if encoding.is_some() && version < Version::V1_1 {
        return Some("Encoding Option".to_owned());
    }
    keys.into_iter()
        .flatten()
        .find_map(|key| key.parameters.inexpressible(version))
}

impl KeyWrappingSpecification {
    /// Encryption with a key, as the server does it by itself.
    pub fn encrypt(id: impl Into<String>) -> KeyWrappingSpecification {
        KeyWrappingSpecification {
            method: WrappingMethod::ENCRYPT,
            encryption_key: Some(KeyInformation {
                id: id.into(),
                ..KeyInformation::default()
            }),
            mac_signature_key: None,
            attribute_names: Vec::new(),
            encoding: None,
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.structure(Tag::KEY_WRAPPING_SPECIFICATION, |writer| {
            writer.enumeration(Tag::WRAPPING_METHOD, self.method);
            write_keys(
                writer,
                self.encryption_key.as_ref(),
                self.mac_signature_key.as_ref(),
            );
            for name in &self.attribute_names {
                writer.text(Tag::ATTRIBUTE_NAME, name);
            }
            enumeration(writer, Tag::ENCODING_OPTION, self.encoding);
        });
    }

    pub(super) fn inexpressible(&self, version: Version) -> Option<String> {
        let keys = [
            self.encryption_key.as_ref(),
            self.mac_signature_key.as_ref(),
        ];
        inexpressible(keys, self.encoding, version)
    }
}

impl KeyWrappingData {
    /// Whether the key cannot be read without unwrapping: a MAC or signature alone hides nothing.
    pub fn hides_key(&self) -> bool {
        self.method != WrappingMethod::MAC_SIGN
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.structure(Tag::KEY_WRAPPING_DATA, |writer| {
            writer.enumeration(Tag::WRAPPING_METHOD, self.method);
            write_keys(
                writer,
                self.encryption_key.as_ref(),
                self.mac_signature_key.as_ref(),
            );
            if let Some(bytes) = &self.mac_signature {
                writer.bytes(Tag::MAC_SIGNATURE, bytes);
            }
            if let Some(bytes) = &self.iv_counter_nonce {
                writer.bytes(Tag::IV_COUNTER_NONCE, bytes);
            }
            enumeration(writer, Tag::ENCODING_OPTION, self.encoding);
        });
    }

    /// A method that is missing or unreadable is taken for one that hides the key.
    pub(super) fn read(item: Item<'_>) -> KeyWrappingData {
        let enumeration = |tag| item.find(tag).and_then(Item::enumeration);
        let bytes = |tag| item.find(tag).and_then(Item::bytes).map(<[u8]>::to_vec);
        KeyWrappingData {
            method: enumeration(Tag::WRAPPING_METHOD)
                .map_or(WrappingMethod::ENCRYPT, WrappingMethod),
            encryption_key: item
                .find(Tag::ENCRYPTION_KEY_INFORMATION)
                .map(KeyInformation::read),
            mac_signature_key: item
                .find(Tag::MAC_SIGNATURE_KEY_INFORMATION)
                .map(KeyInformation::read),
            mac_signature: bytes(Tag::MAC_SIGNATURE),
            iv_counter_nonce: bytes(Tag::IV_COUNTER_NONCE),
            encoding: enumeration(Tag::ENCODING_OPTION).map(EncodingOption),
        }
    }

    pub(super) fn inexpressible(&self, version: Version) -> Option<String> {
        let keys = [
            self.encryption_key.as_ref(),
            self.mac_signature_key.as_ref(),
        ];
        inexpressible(keys, self.encoding, version)
    }
}
