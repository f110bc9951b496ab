//! Responses: what a server answers, one value per batch item.

mod decode;

pub(super) use decode::read_version;

use super::attribute::Attribute;
use super::enums::{ObjectType, Operation};
use super::object::ManagedObject;
use super::version::Version;

/// The answer to the [`super::Request`] of the same name. An `id` the server left out is empty.
#[derive(Clone, Debug)]
pub enum Response {
    /// The versions the server speaks.
    DiscoverVersions {
        /// The preferred one first.
        versions: Vec<Version>,
    },
    /// What the server can do.
    Query(Capabilities),
    /// The objects found.
    Locate {
        /// Their unique identifiers.
        ids: Vec<String>,
        /// How many there are in all, if the server says so (since 1.3).
        located_items: Option<u32>,
    },
    /// Attributes of an object.
    GetAttributes {
        /// Its unique identifier.
        id: String,
        /// In the server's order.
        attributes: Vec<Attribute>,
    },
    /// An object.
    Get {
        /// Its unique identifier.
        id: String,
        /// The object.
        object: ManagedObject,
    },
    /// A signature.
    Sign {
        /// The key's unique identifier.
        id: String,
        /// The signature as the server encodes it.
        signature: Vec<u8>,
    },
    /// A new pair.
    CreateKeyPair {
        /// The private key's unique identifier.
        private_id: String,
        /// The public key's unique identifier.
        public_id: String,
    },
    /// A stored object.
    Register {
        /// Its unique identifier.
        id: String,
    },
    /// Done.
    Activate {
        /// The object's unique identifier.
        id: String,
    },
    /// Done.
    Revoke {
        /// The object's unique identifier.
        id: String,
    },
    /// Done.
    Destroy {
        /// The object's unique identifier.
        id: String,
    },
    /// Done.
    AddAttribute {
        /// The object's unique identifier.
        id: String,
    },
    /// Done.
    ModifyAttribute {
        /// The object's unique identifier.
        id: String,
    },
    /// Done.
    SetAttribute {
        /// The object's unique identifier.
        id: String,
    },
    /// Done.
    DeleteAttribute {
        /// The object's unique identifier.
        id: String,
    },
}

/// What a server says it can do. Servers leave out what they can; take it as a hint.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Capabilities {
    /// The operations.
    pub operations: Vec<Operation>,
    /// The kinds of object.
    pub object_types: Vec<ObjectType>,
    /// Who made the server; sanitised like a refusal's message.
    pub vendor_identification: Option<String>,
}
