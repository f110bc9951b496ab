//! What a version of the protocol cannot express.

use super::{CryptographicParameters, Request, SignInput};
use crate::kmip::attribute::{self, Attribute};
use crate::kmip::enums::Operation;
use crate::kmip::version::Version;

/// A request that a version cannot express.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("KMIP {version} cannot express {what} in {operation}")]
pub struct Unencodable {
    /// The operation.
    pub operation: Operation,
    /// The version.
    pub version: Version,
    /// What it lacks.
    pub what: String,
}

impl Request {
    /// Whether a message of that version can carry the request as it is.
    pub fn check_expressible(&self, version: Version) -> Result<(), Unencodable> {
        match self.inexpressible(version) {
            Some(what) => Err(Unencodable {
                operation: self.operation(),
                version,
                what,
            }),
            None => Ok(()),
        }
    }

    fn inexpressible(&self, version: Version) -> Option<String> {
        let since = |first: Version, what: &str| (version < first).then(|| what.to_owned());
        match self {
            Self::DiscoverVersions => since(Version::V1_1, "the operation"),
            Self::SetAttribute { attribute, .. } => since(Version::V2_0, "the operation")
                .or_else(|| attribute::inexpressible(attribute, version)),
            Self::Locate {
                filters,
                offset_items,
                ..
            } => offset_items
                .and_then(|_| since(Version::V1_3, "Offset Items"))
                .or_else(|| any(filters, version)),
            Self::Sign {
                parameters, input, ..
            } => since(Version::V1_2, "the operation")
                .or_else(|| parameters.inexpressible(version))
                .or_else(|| match input {
                    SignInput::Data(_) => None,
                    SignInput::DigestedData(_) => since(Version::V1_4, "Digested Data"),
                }),
            Self::CreateKeyPair {
                common,
                private,
                public,
            } => any(common, version)
                .or_else(|| any(private, version))
                .or_else(|| any(public, version)),
            Self::Register { object, .. } if !object.can_be_written() => {
                Some("this object".to_owned())
            }
            Self::Register { attributes, .. } => any(attributes, version),
            Self::AddAttribute { attribute, .. }
            | Self::ModifyAttribute { attribute, .. }
            | Self::DeleteAttribute { attribute, .. } => {
                attribute::inexpressible(attribute, version)
            }
            _ => None,
        }
    }
}

impl CryptographicParameters {
    fn inexpressible(&self, version: Version) -> Option<String> {
        let newer = self.salt_length.is_some()
            || self.mask_generator.is_some()
            || self.mask_generator_hashing.is_some();
        (newer && version < Version::V1_4).then(|| "salt length or mask generator".to_owned())
    }
}

fn any(attributes: &[Attribute], version: Version) -> Option<String> {
    attributes
        .iter()
        .find_map(|attribute| attribute::inexpressible(attribute, version))
}
