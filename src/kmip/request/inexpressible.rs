//! What a version of the protocol cannot express.

use super::{Request, lookup};
use crate::kmip::attribute::{any_inexpressible, inexpressible};
use crate::kmip::enums::Operation;
use crate::kmip::version::Version;

/// A request, or a message's header, that a version cannot express.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("KMIP {version} cannot express {what} in {}", place(operation))]
pub struct Unencodable {
    /// The operation; none if it is the header of the message.
    pub operation: Option<Operation>,
    /// The version.
    pub version: Version,
    /// What it lacks.
    pub what: String,
}

fn place(operation: &Option<Operation>) -> String {
    operation.map_or_else(
        || "the header of a message".to_owned(),
        |operation| operation.to_string(),
    )
}

/// The first version that has an operation.
fn since(operation: Operation) -> Version {
    match operation {
        Operation::DISCOVER_VERSIONS | Operation::REKEY_KEY_PAIR => Version::V1_1,
        Operation::ENCRYPT
        | Operation::DECRYPT
        | Operation::SIGN
        | Operation::SIGNATURE_VERIFY
        | Operation::MAC
        | Operation::MAC_VERIFY
        | Operation::HASH
        | Operation::RNG_RETRIEVE => Version::V1_2,
        Operation::IMPORT => Version::V1_4,
        Operation::SET_ATTRIBUTE => Version::V2_0,
        _ => Version::V1_0,
    }
}

impl Request {
    /// Whether a message of that version can carry the request as it is.
    pub fn check_expressible(&self, version: Version) -> Result<(), Unencodable> {
        let operation = self.operation();
        let missing = (version < since(operation)).then(|| "the operation".to_owned());
        match missing.or_else(|| self.inexpressible(version)) {
            Some(what) => Err(Unencodable {
                operation: Some(operation),
                version,
                what,
            }),
            None => Ok(()),
        }
    }

    fn inexpressible(&self, version: Version) -> Option<String> {
        match self {
            Self::Query { functions } => {
                let unknown = |one: &&_| version < lookup::query_since(**one);
                functions.iter().find(unknown).map(ToString::to_string)
            }
            Self::Locate { filters, .. } => self.selection()?.inexpressible(version, filters),
            Self::GetAttributes { names, .. } => {
                names.iter().find_map(|name| name.inexpressible(version))
            }
            Self::Get { wrapping, .. } => wrapping.as_ref()?.inexpressible(version),
            Self::Create { attributes, .. } => any_inexpressible(attributes, version),
            Self::CreateKeyPair {
                common,
                private,
                public,
            }
            | Self::RekeyKeyPair {
                common,
                private,
                public,
                ..
            } => [common, private, public]
                .into_iter()
                .find_map(|part| any_inexpressible(part, version)),
            Self::Register { object, attributes }
            | Self::Import {
                object, attributes, ..
            } => object
                .inexpressible(version)
                .or_else(|| any_inexpressible(attributes, version)),
            Self::AddAttribute { attribute, .. }
            | Self::SetAttribute { attribute, .. }
            | Self::ModifyAttribute { attribute, .. }
            | Self::DeleteAttribute { attribute, .. } => inexpressible(attribute, version),
            Self::DeleteAttributeNamed { reference, .. } => reference.inexpressible(version),
            usage => usage.inexpressible_usage(version),
        }
    }

    /// Of requests that use keys.
    fn inexpressible_usage(&self, version: Version) -> Option<String> {
        match self {
            Self::Sign {
                parameters, input, ..
            }
            | Self::SignatureVerify {
                parameters, input, ..
            } => parameters
                .inexpressible(version)
                .or_else(|| input.inexpressible(version)),
            Self::Encrypt {
                parameters, input, ..
            }
            | Self::Decrypt {
                parameters, input, ..
            } => parameters
                .inexpressible(version)
                .or_else(|| input.inexpressible(version)),
            Self::Mac { parameters, .. }
            | Self::MacVerify { parameters, .. }
            | Self::Hash { parameters, .. } => parameters.inexpressible(version),
            _ => None,
        }
    }
}
