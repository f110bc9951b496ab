//! Requests: what we ask of a server, one value per batch item.

mod encode;
mod inexpressible;

pub use inexpressible::Unencodable;

use super::attribute::Attribute;
use super::enums::{
    CryptographicAlgorithm, DigitalSignatureAlgorithm, HashingAlgorithm, KeyFormatType,
    MaskGenerator, Operation, PaddingMethod, QueryFunction, RevocationReasonCode,
};
use super::object::ManagedObject;
use std::fmt;

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
    },
    /// All attributes of an object.
    GetAttributes {
        /// Its unique identifier.
        id: String,
    },
    /// An object itself.
    Get {
        /// Its unique identifier.
        id: String,
        /// The encoding wanted; the server's choice if none.
        format: Option<KeyFormatType>,
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
}

/// How a signature is made (KMIP 1.4 section 3.6). What is none is not sent.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CryptographicParameters {
    /// PKCS#1 v1.5 or PSS.
    pub padding: Option<PaddingMethod>,
    /// The hash.
    pub hashing: Option<HashingAlgorithm>,
    /// The whole scheme in one value (since 1.2).
    pub signature_algorithm: Option<DigitalSignatureAlgorithm>,
    /// The key's algorithm (since 1.2).
    pub algorithm: Option<CryptographicAlgorithm>,
    /// Bytes of PSS salt (since 1.4).
    pub salt_length: Option<u32>,
    /// The mask generator of PSS (since 1.4).
    pub mask_generator: Option<MaskGenerator>,
    /// Its hash (since 1.4).
    pub mask_generator_hashing: Option<HashingAlgorithm>,
}

/// What is signed.
#[derive(Clone)]
pub enum SignInput {
    /// The message; the server hashes it if the scheme does.
    Data(Vec<u8>),
    /// The digest of the message (since 1.4).
    DigestedData(Vec<u8>),
}

impl fmt::Debug for SignInput {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(bytes) => write!(out, "Data({} bytes)", bytes.len()),
            Self::DigestedData(bytes) => write!(out, "DigestedData({} bytes)", bytes.len()),
        }
    }
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
            Self::Sign { .. } => Operation::SIGN,
            Self::CreateKeyPair { .. } => Operation::CREATE_KEY_PAIR,
            Self::Register { .. } => Operation::REGISTER,
            Self::Activate { .. } => Operation::ACTIVATE,
            Self::Revoke { .. } => Operation::REVOKE,
            Self::Destroy { .. } => Operation::DESTROY,
            Self::AddAttribute { .. } => Operation::ADD_ATTRIBUTE,
            Self::ModifyAttribute { .. } => Operation::MODIFY_ATTRIBUTE,
            Self::SetAttribute { .. } => Operation::SET_ATTRIBUTE,
            Self::DeleteAttribute { .. } => Operation::DELETE_ATTRIBUTE,
        }
    }

    /// Whether doing it twice is as good as doing it once, so that it may be sent again after a lost connection.
    pub fn may_be_repeated(&self) -> bool {
        matches!(
            self,
            Self::DiscoverVersions
                | Self::Query { .. }
                | Self::Locate { .. }
                | Self::GetAttributes { .. }
                | Self::Get { .. }
                | Self::Sign { .. }
        )
    }
}
