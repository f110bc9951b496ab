//! Enumerations: numbers with names, open to numbers we do not know.
//!
//! A server may answer with a value of a later version or of its own; it is kept and shown, and never makes a reply unreadable.

mod cryptography;
mod object;
mod protocol;

pub use cryptography::*;
pub use object::*;
pub use protocol::*;

macro_rules! open_enumerations {
    ($($(#[$doc:meta])* $type:ident { $($constant:ident = $number:literal $name:literal)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $type(pub u32);

            impl $type {
                $(#[doc = $name] pub const $constant: $type = $type($number);)*

                /// The numbers that have names.
                pub const KNOWN: &[(u32, &str)] = &[$(($number, $name)),*];

                /// The name in the specification, if the number is known.
                pub fn name(self) -> Option<&'static str> {
                    match self.0 {
                        $($number => Some($name),)*
                        _ => None,
                    }
                }
            }

            impl std::fmt::Display for $type {
                fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    match self.name() {
                        Some(name) => out.write_str(name),
                        None => write!(out, "{:#x}", self.0),
                    }
                }
            }

            impl std::fmt::Debug for $type {
                fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    std::fmt::Display::fmt(self, out)
                }
            }

            impl From<$type> for u32 {
                fn from(value: $type) -> u32 {
                    value.0
                }
            }
        )*
    };
}
use open_enumerations;

use super::tags::Tag;

/// The numbers and names of the enumeration that is the value of that tag, if it is one of ours.
pub(super) fn names_under(tag: Tag) -> Option<&'static [(u32, &'static str)]> {
    Some(match tag {
        Tag::ATTRIBUTE_REFERENCE | Tag::TAG => Tag::KNOWN,
        Tag::BATCH_ERROR_CONTINUATION_OPTION => BatchErrorContinuation::KNOWN,
        Tag::BLOCK_CIPHER_MODE => BlockCipherMode::KNOWN,
        Tag::CERTIFICATE_TYPE => CertificateType::KNOWN,
        Tag::CREDENTIAL_TYPE => CredentialType::KNOWN,
        Tag::CRYPTOGRAPHIC_ALGORITHM => CryptographicAlgorithm::KNOWN,
        Tag::DIGITAL_SIGNATURE_ALGORITHM => DigitalSignatureAlgorithm::KNOWN,
        Tag::ENCODING_OPTION => EncodingOption::KNOWN,
        Tag::HASHING_ALGORITHM | Tag::MASK_GENERATOR_HASHING_ALGORITHM => HashingAlgorithm::KNOWN,
        Tag::KEY_FORMAT_TYPE => KeyFormatType::KNOWN,
        Tag::KEY_ROLE_TYPE => KeyRoleType::KNOWN,
        Tag::KEY_WRAP_TYPE => KeyWrapType::KNOWN,
        Tag::LINK_TYPE => LinkType::KNOWN,
        Tag::MASK_GENERATOR => MaskGenerator::KNOWN,
        Tag::NAME_TYPE => NameType::KNOWN,
        Tag::OBJECT_GROUP_MEMBER => ObjectGroupMember::KNOWN,
        Tag::OBJECT_TYPE => ObjectType::KNOWN,
        Tag::OPAQUE_DATA_TYPE => OpaqueDataType::KNOWN,
        Tag::OPERATION => Operation::KNOWN,
        Tag::PADDING_METHOD => PaddingMethod::KNOWN,
        Tag::QUERY_FUNCTION => QueryFunction::KNOWN,
        Tag::RECOMMENDED_CURVE => RecommendedCurve::KNOWN,
        Tag::RESULT_REASON => ResultReason::KNOWN,
        Tag::RESULT_STATUS => ResultStatus::KNOWN,
        Tag::REVOCATION_REASON_CODE => RevocationReasonCode::KNOWN,
        Tag::SECRET_DATA_TYPE => SecretDataType::KNOWN,
        Tag::STATE => State::KNOWN,
        Tag::VALIDITY_INDICATOR => ValidityIndicator::KNOWN,
        Tag::WRAPPING_METHOD => WrappingMethod::KNOWN,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_are_kept_and_shown() {
        assert_eq!(Operation(0x21), Operation::SIGN);
        assert_eq!(Operation::SIGN.to_string(), "Sign");
        assert_eq!(ResultReason(0x8000_0001).to_string(), "0x80000001");
    }

    #[test]
    fn where_two_implementations_disagree_the_specification_decides() {
        assert_eq!(ResultStatus::SUCCESS.0, 0);
        assert_eq!(RecommendedCurve::SECP256K1.0, 0x19);
        assert_eq!(RecommendedCurve::BRAINPOOLP512T1.0, 0x44);
    }
}
