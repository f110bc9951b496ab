//! Managed objects: keys, certificates and secrets as Get returns and Register takes them.

use super::enums::{CertificateType, ObjectType, OpaqueDataType, SecretDataType};
use super::key_block::KeyBlock;
use super::tags::Tag;
use super::ttlv::{Item, Writer};
use super::version::Version;
use super::wiped::Secret;

/// An object that a server keeps (KMIP 1.4 section 2.2, KMIP 2.1 section 2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ManagedObject {
    /// A private key.
    PrivateKey(KeyBlock),
    /// A public key.
    PublicKey(KeyBlock),
    /// A symmetric key.
    SymmetricKey(KeyBlock),
    /// A password or a seed.
    SecretData {
        /// Which.
        kind: SecretDataType,
        /// The secret, in a key block as if it were a key.
        block: KeyBlock,
    },
    /// Bytes that the server knows nothing of.
    Opaque {
        /// A vendor's number.
        kind: OpaqueDataType,
        /// The bytes.
        value: Secret,
    },
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

impl ManagedObject {
    /// What it is.
    pub fn object_type(&self) -> ObjectType {
        match self {
            Self::PrivateKey(_) => ObjectType::PRIVATE_KEY,
            Self::PublicKey(_) => ObjectType::PUBLIC_KEY,
            Self::SymmetricKey(_) => ObjectType::SYMMETRIC_KEY,
            Self::SecretData { .. } => ObjectType::SECRET_DATA,
            Self::Opaque { .. } => ObjectType::OPAQUE_OBJECT,
            Self::Certificate { .. } => ObjectType::CERTIFICATE,
            Self::Other { object_type } => *object_type,
        }
    }

    /// The key block, if the object has one.
    pub fn key_block(&self) -> Option<&KeyBlock> {
        match self {
            Self::PrivateKey(block)
            | Self::PublicKey(block)
            | Self::SymmetricKey(block)
            | Self::SecretData { block, .. } => Some(block),
            Self::Opaque { .. } | Self::Certificate { .. } | Self::Other { .. } => None,
        }
    }

    /// The object in the payload of a reply to Get.
    pub(super) fn read(payload: Item<'_>) -> ManagedObject {
        let declared = payload.find(Tag::OBJECT_TYPE).and_then(Item::enumeration);
        let other = ManagedObject::Other {
            object_type: ObjectType(declared.unwrap_or_default()),
        };
        payload.children().find_map(read_object).unwrap_or(other)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        match self {
            Self::PrivateKey(block) => {
                writer.structure(Tag::PRIVATE_KEY, |writer| block.write(writer))
            }
            Self::PublicKey(block) => {
                writer.structure(Tag::PUBLIC_KEY, |writer| block.write(writer))
            }
            Self::SymmetricKey(block) => {
                writer.structure(Tag::SYMMETRIC_KEY, |writer| block.write(writer))
            }
            Self::SecretData { kind, block } => writer.structure(Tag::SECRET_DATA, |writer| {
                writer.enumeration(Tag::SECRET_DATA_TYPE, *kind);
                block.write(writer);
            }),
            Self::Opaque { kind, value } => writer.structure(Tag::OPAQUE_OBJECT, |writer| {
                writer.enumeration(Tag::OPAQUE_DATA_TYPE, *kind);
                writer.bytes(Tag::OPAQUE_DATA_VALUE, value);
            }),
            Self::Certificate { kind, value } => writer.structure(Tag::CERTIFICATE, |writer| {
                writer.enumeration(Tag::CERTIFICATE_TYPE, *kind);
                writer.bytes(Tag::CERTIFICATE_VALUE, value);
            }),
            Self::Other { .. } => {}
        }
    }

    /// What of it [`ManagedObject::write`] cannot write in that version, if there is something.
    pub(super) fn inexpressible(&self, version: Version) -> Option<String> {
        match (self, self.key_block()) {
            (_, Some(block)) => block.inexpressible(version),
            (Self::Other { object_type }, _) => Some(format!("an object of type {object_type}")),
            _ => None,
        }
    }
}

fn read_object(item: Item<'_>) -> Option<ManagedObject> {
    let block = || item.find(Tag::KEY_BLOCK).map(KeyBlock::read);
    match item.tag {
        Tag::PRIVATE_KEY => block().map(ManagedObject::PrivateKey),
        Tag::PUBLIC_KEY => block().map(ManagedObject::PublicKey),
        Tag::SYMMETRIC_KEY => block().map(ManagedObject::SymmetricKey),
        Tag::SECRET_DATA => Some(ManagedObject::SecretData {
            kind: SecretDataType(item.find(Tag::SECRET_DATA_TYPE)?.enumeration()?),
            block: block()?,
        }),
        Tag::OPAQUE_OBJECT => Some(ManagedObject::Opaque {
            kind: OpaqueDataType(item.find(Tag::OPAQUE_DATA_TYPE)?.enumeration()?),
            value: item.find(Tag::OPAQUE_DATA_VALUE)?.bytes()?.into(),
        }),
        Tag::CERTIFICATE => read_certificate(item),
        _ => None,
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
