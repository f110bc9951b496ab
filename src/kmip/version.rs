//! Protocol versions.

use std::fmt;
use std::str::FromStr;

/// A version of the protocol; ordered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version {
    /// The number before the point.
    pub major: u32,
    /// The number behind it.
    pub minor: u32,
}

impl Version {
    /// KMIP 1.0.
    pub const V1_0: Version = Version { major: 1, minor: 0 };
    /// KMIP 1.1: Discover Versions.
    pub const V1_1: Version = Version { major: 1, minor: 1 };
    /// KMIP 1.2: Sign.
    pub const V1_2: Version = Version { major: 1, minor: 2 };
    /// KMIP 1.3: Offset Items and Located Items.
    pub const V1_3: Version = Version { major: 1, minor: 3 };
    /// KMIP 1.4: Digested Data, Sensitive, salt lengths.
    pub const V1_4: Version = Version { major: 1, minor: 4 };
    /// KMIP 2.0: Attributes instead of Template-Attribute.
    pub const V2_0: Version = Version { major: 2, minor: 0 };
    /// KMIP 2.1.
    pub const V2_1: Version = Version { major: 2, minor: 1 };

    /// The versions we speak, the highest first.
    pub const KNOWN: [Version; 7] = [
        Self::V2_1,
        Self::V2_0,
        Self::V1_4,
        Self::V1_3,
        Self::V1_2,
        Self::V1_1,
        Self::V1_0,
    ];

    /// The highest version that we speak and that is among `offered`.
    pub fn highest_common(offered: &[Version]) -> Option<Version> {
        Self::KNOWN
            .into_iter()
            .find(|known| offered.contains(known))
    }

    /// Whether attributes travel in an Attributes structure (2.x) and not in Template-Attribute (1.x).
    pub fn has_attributes_structure(self) -> bool {
        self.major >= 2
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

/// The text is not one of [`Version::KNOWN`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("KMIP version {0:?} is not known; it must be 1.0, 1.1, 1.2, 1.3, 1.4, 2.0 or 2.1")]
pub struct UnknownVersion(pub String);

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Version, UnknownVersion> {
        let known = Self::KNOWN
            .into_iter()
            .find(|version| version.to_string() == text);
        known.ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_parsed_and_shown() {
        assert!(Version::V1_4 < Version::V2_0);
        assert!(Version::KNOWN.is_sorted_by(|a, b| a > b));
        assert_eq!("1.4".parse(), Ok(Version::V1_4));
        assert_eq!("1.5".parse::<Version>(), Err(UnknownVersion("1.5".into())));
        assert_eq!(Version::V2_1.to_string(), "2.1");
    }

    #[test]
    fn the_highest_common_version_is_chosen() {
        let three = Version { major: 3, minor: 0 };
        assert_eq!(
            Version::highest_common(&[Version::V1_1, three, Version::V1_4]),
            Some(Version::V1_4)
        );
        assert_eq!(Version::highest_common(&[three]), None);
    }
}
