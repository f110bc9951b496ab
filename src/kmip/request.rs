//! Requests: what we ask of a server, one value per batch item.

mod change;
mod encode;
mod inexpressible;
mod input;
mod lookup;
mod making;
mod usage;

pub use inexpressible::Unencodable;
pub use input::{CipherInput, SignInput};
pub use lookup::StorageStatusMask;

use super::attribute::{Attribute, AttributeReference};
use super::cryptography::CryptographicParameters;
use super::enums::{
    KeyFormatType, KeyWrapType, ObjectGroupMember, ObjectType, Operation, QueryFunction,
    RevocationReasonCode,
};
use super::object::ManagedObject;
use super::wiped::Secret;
use super::wrapping::KeyWrappingSpecification;

/// One operation asked for (KMIP 1.4 section 4, KMIP 2.1 section 6). Objects are always named; the ID placeholder is not used.
#[derive(Clone, Debug)]
pub enum Request {
    /// Which versions the server speaks, the one it prefers first (since 1.1).
    DiscoverVersions,
    /// What the server can do.
    Query {
        /// What is asked.
        functions: Vec<QueryFunction>,
    },
    /// Finds objects to which all filters apply.
    Locate {
        /// In the order in which they are sent. Put Object Type first: PyKMIP fails on other filters else.
        filters: Vec<Attribute>,
        /// At most so many.
        maximum_items: Option<u32>,
        /// Leaves out so many of the first (since 1.3).
        offset_items: Option<u32>,
        /// Where the objects are kept; on-line ones if none.
        storage_status: Option<StorageStatusMask>,
        /// Which members of a group are meant (since 1.1).
        group_member: Option<ObjectGroupMember>,
    },
    /// Attributes of an object.
    GetAttributes {
        /// Its unique identifier.
        id: String,
        /// Which; all if none is named.
        names: Vec<AttributeReference>,
    },
    /// Which attributes an object has.
    GetAttributeList {
        /// Its unique identifier.
        id: String,
    },
    /// An object itself.
    Get {
        /// Its unique identifier.
        id: String,
        /// The encoding wanted; the server's choice if none. Cosmian KMS wraps a key only in the encoding of its choice.
        format: Option<KeyFormatType>,
        /// How the key shall be wrapped, if it shall be.
        wrapping: Option<KeyWrappingSpecification>,
    },
    /// A signature (since 1.2).
    Sign {
        /// The private key's unique identifier.
        id: String,
        /// How.
        parameters: CryptographicParameters,
        /// Of what.
        input: SignInput,
    },
    /// Whether a signature is right (since 1.2).
    SignatureVerify {
        /// The public key's unique identifier.
        id: String,
        /// How it was made.
        parameters: CryptographicParameters,
        /// Of what.
        input: SignInput,
        /// The signature.
        signature: Vec<u8>,
    },
    /// Encryption (since 1.2).
    Encrypt {
        /// The key's unique identifier.
        id: String,
        /// How.
        parameters: CryptographicParameters,
        /// What; an authentication tag is an answer and not sent.
        input: CipherInput,
    },
    /// Decryption (since 1.2).
    Decrypt {
        /// The key's unique identifier.
        id: String,
        /// How.
        parameters: CryptographicParameters,
        /// What.
        input: CipherInput,
    },
    /// A message authentication code (since 1.2).
    Mac {
        /// The key's unique identifier.
        id: String,
        /// How.
        parameters: CryptographicParameters,
        /// Of what.
        data: Secret,
    },
    /// Whether a message authentication code is right (since 1.2).
    MacVerify {
        /// The key's unique identifier.
        id: String,
        /// How it was made.
        parameters: CryptographicParameters,
        /// Of what.
        data: Secret,
        /// The code.
        mac: Vec<u8>,
    },
    /// A digest (since 1.2).
    Hash {
        /// How: the hashing algorithm must be there.
        parameters: CryptographicParameters,
        /// Of what.
        data: Secret,
    },
    /// Random bytes (since 1.2).
    RngRetrieve {
        /// How many.
        length: u32,
    },
    /// A new symmetric key, or secret data where the server makes some.
    Create {
        /// What is made.
        object_type: ObjectType,
        /// Its attributes: algorithm, length and usage mask at least.
        attributes: Vec<Attribute>,
    },
    /// A new pair of keys.
    CreateKeyPair {
        /// Attributes of both.
        common: Vec<Attribute>,
        /// Attributes of the private key.
        private: Vec<Attribute>,
        /// Attributes of the public key.
        public: Vec<Attribute>,
    },
    /// Stores an object made elsewhere.
    Register {
        /// The object.
        object: ManagedObject,
        /// Its attributes.
        attributes: Vec<Attribute>,
    },
    /// Stores an object made elsewhere, under an identifier and with all attributes as given (since 1.4).
    Import {
        /// The unique identifier it shall have.
        id: String,
        /// The object.
        object: ManagedObject,
        /// All its attributes.
        attributes: Vec<Attribute>,
        /// Whether it takes the place of one with this identifier.
        replace_existing: bool,
        /// Whether a wrapped key is unwrapped before it is stored; it is not if none.
        key_wrap_type: Option<KeyWrapType>,
    },
    /// A new pair in the place of another, with its attributes (since 1.1).
    RekeyKeyPair {
        /// The unique identifier of the other's private key.
        id: String,
        /// Seconds from its making to its activation; as long as the other pair had if none.
        offset: Option<u32>,
        /// New values of attributes of both.
        common: Vec<Attribute>,
        /// New values of attributes of the private key.
        private: Vec<Attribute>,
        /// New values of attributes of the public key.
        public: Vec<Attribute>,
    },
    /// Makes an object Active.
    Activate {
        /// Its unique identifier.
        id: String,
    },
    /// Makes an object Deactivated or Compromised.
    Revoke {
        /// Its unique identifier.
        id: String,
        /// Why.
        reason: RevocationReasonCode,
        /// Why, in words.
        message: Option<String>,
        /// When it was compromised, in seconds since 1970: demanded by the specification for the reasons of compromise.
        compromised_at: Option<i64>,
    },
    /// Destroys an object.
    Destroy {
        /// Its unique identifier.
        id: String,
    },
    /// Adds an attribute, or one more value to one that may have several.
    AddAttribute {
        /// The object's unique identifier.
        id: String,
        /// The new value.
        attribute: Attribute,
    },
    /// Changes the value of an attribute.
    ModifyAttribute {
        /// The object's unique identifier.
        id: String,
        /// The new value.
        attribute: Attribute,
        /// The value to replace, for attributes with several values (2.x).
        current: Option<Attribute>,
        /// The place of the value to replace among several (1.x); the first if none.
        index: Option<u32>,
    },
    /// Gives an attribute with a single value this one (since 2.0).
    SetAttribute {
        /// The object's unique identifier.
        id: String,
        /// The new value.
        attribute: Attribute,
    },
    /// Removes a value of an attribute.
    DeleteAttribute {
        /// The object's unique identifier.
        id: String,
        /// The attribute and (2.x) the value to remove.
        attribute: Attribute,
        /// The place of the value to remove among several (1.x); the first if none.
        index: Option<u32>,
    },
    /// Removes an attribute that is only named: all its values in 2.x, the first in 1.x. Cosmian KMS 5.28.0 answers Success in
    /// 2.x and removes nothing; [`Request::DeleteAttribute`] works there.
    DeleteAttributeNamed {
        /// The object's unique identifier.
        id: String,
        /// The attribute.
        reference: AttributeReference,
    },
}

impl Request {
    /// The operation asked for.
    pub fn operation(&self) -> Operation {
        match self {
            Self::DiscoverVersions => Operation::DISCOVER_VERSIONS,
            Self::Query { .. } => Operation::QUERY,
            Self::Locate { .. } => Operation::LOCATE,
            Self::GetAttributes { .. } => Operation::GET_ATTRIBUTES,
            Self::Get { .. } => Operation::GET,
            Self::GetAttributeList { .. } => Operation::GET_ATTRIBUTE_LIST,
            Self::Sign { .. } => Operation::SIGN,
            Self::SignatureVerify { .. } => Operation::SIGNATURE_VERIFY,
            Self::Encrypt { .. } => Operation::ENCRYPT,
            Self::Decrypt { .. } => Operation::DECRYPT,
            Self::Mac { .. } => Operation::MAC,
            Self::MacVerify { .. } => Operation::MAC_VERIFY,
            Self::Hash { .. } => Operation::HASH,
            Self::RngRetrieve { .. } => Operation::RNG_RETRIEVE,
            Self::Create { .. } => Operation::CREATE,
            Self::CreateKeyPair { .. } => Operation::CREATE_KEY_PAIR,
            Self::Register { .. } => Operation::REGISTER,
            Self::Import { .. } => Operation::IMPORT,
            Self::RekeyKeyPair { .. } => Operation::REKEY_KEY_PAIR,
            Self::Activate { .. } => Operation::ACTIVATE,
            Self::Revoke { .. } => Operation::REVOKE,
            Self::Destroy { .. } => Operation::DESTROY,
            Self::AddAttribute { .. } => Operation::ADD_ATTRIBUTE,
            Self::ModifyAttribute { .. } => Operation::MODIFY_ATTRIBUTE,
            Self::SetAttribute { .. } => Operation::SET_ATTRIBUTE,
            Self::DeleteAttribute { .. } | Self::DeleteAttributeNamed { .. } => {
                Operation::DELETE_ATTRIBUTE
            }
        }
    }

    /// Whether doing it twice is as good as doing it once, so that it may be sent again after a lost connection. What changes
    /// an object may not, though it be to the same value: between the two somebody else may have changed it.
    pub fn may_be_repeated(&self) -> bool {
        matches!(
            self,
            Self::DiscoverVersions
                | Self::Query { .. }
                | Self::Locate { .. }
                | Self::GetAttributes { .. }
                | Self::GetAttributeList { .. }
                | Self::Get { .. }
                | Self::Sign { .. }
                | Self::SignatureVerify { .. }
                | Self::Encrypt { .. }
                | Self::Decrypt { .. }
                | Self::Mac { .. }
                | Self::MacVerify { .. }
                | Self::Hash { .. }
                | Self::RngRetrieve { .. }
        )
    }
}
