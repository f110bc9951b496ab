//! Responses: what a server answers, one value per batch item.

mod capabilities;
mod decode;

pub use capabilities::Capabilities;
pub(super) use decode::read_version;

use super::attribute::{Attribute, AttributeReference};
use super::enums::{ObjectType, ValidityIndicator};
use super::object::ManagedObject;
use super::version::Version;
use super::wiped::Secret;

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
    /// Which attributes an object has.
    GetAttributeList {
        /// Its unique identifier.
        id: String,
        /// In the server's order.
        names: Vec<AttributeReference>,
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
    /// Whether a signature is right.
    SignatureVerify {
        /// The key's unique identifier.
        id: String,
        /// The verdict.
        validity: ValidityIndicator,
    },
    /// Encrypted data.
    Encrypt {
        /// The key's unique identifier.
        id: String,
        /// The encrypted bytes.
        data: Vec<u8>,
        /// IV, counter or nonce, if the server made it.
        iv_counter_nonce: Option<Vec<u8>>,
        /// The tag of authenticated encryption.
        tag: Option<Vec<u8>>,
    },
    /// Decrypted data.
    Decrypt {
        /// The key's unique identifier.
        id: String,
        /// The plain bytes.
        data: Secret,
    },
    /// A message authentication code.
    Mac {
        /// The key's unique identifier.
        id: String,
        /// The code.
        mac: Vec<u8>,
    },
    /// Whether a message authentication code is right.
    MacVerify {
        /// The key's unique identifier.
        id: String,
        /// The verdict.
        validity: ValidityIndicator,
    },
    /// A digest.
    Hash {
        /// The digest.
        digest: Vec<u8>,
    },
    /// Random bytes.
    RngRetrieve {
        /// The bytes; not always as many as were asked for.
        data: Secret,
    },
    /// A new object.
    Create {
        /// What was made, if the server says so.
        object_type: Option<ObjectType>,
        /// Its unique identifier.
        id: String,
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
    /// A stored object.
    Import {
        /// Its unique identifier.
        id: String,
    },
    /// A new pair in the place of another.
    RekeyKeyPair {
        /// The new private key's unique identifier.
        private_id: String,
        /// The new public key's unique identifier.
        public_id: String,
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
