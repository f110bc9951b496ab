//! ML-DSA's parameter sets (FIPS 204, 4): how large keys and signatures are, and what they are called.

use cryptoki_sys::*;
use der::asn1::ObjectIdentifier;
use serde::{Deserialize, Serialize};

/// Which of the three ML-DSAs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ParameterSet {
    /// ML-DSA-44, of security category 2.
    MlDsa44,
    /// ML-DSA-65, of security category 3.
    MlDsa65,
    /// ML-DSA-87, of security category 5.
    MlDsa87,
}

impl ParameterSet {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MlDsa44, Self::MlDsa65, Self::MlDsa87];

    /// The two digits of its name: the rows and columns of its matrix.
    pub const fn digits(self) -> u32 {
        match self {
            Self::MlDsa44 => 44,
            Self::MlDsa65 => 65,
            Self::MlDsa87 => 87,
        }
    }

    /// The algorithm's object identifier (RFC 9881, 2), which has no parameters.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::MlDsa44 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"),
            Self::MlDsa65 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"),
            Self::MlDsa87 => ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"),
        }
    }

    /// The one of that object identifier.
    pub fn of_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.oid() == oid)
    }

    /// CKA_PARAMETER_SET (PKCS#11 v3.2, 6.67).
    pub const fn number(self) -> CK_ML_DSA_PARAMETER_SET_TYPE {
        match self {
            Self::MlDsa44 => CKP_ML_DSA_44,
            Self::MlDsa65 => CKP_ML_DSA_65,
            Self::MlDsa87 => CKP_ML_DSA_87,
        }
    }

    /// The one of that CKA_PARAMETER_SET.
    pub fn of_number(number: CK_ML_DSA_PARAMETER_SET_TYPE) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.number() == number)
    }

    /// Bytes of a public key (FIPS 204, table 2).
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }

    /// Bytes of a signature (FIPS 204, table 2).
    pub const fn signature_len(self) -> usize {
        match self {
            Self::MlDsa44 => 2420,
            Self::MlDsa65 => 3309,
            Self::MlDsa87 => 4627,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_known_by_each_of_their_numbers() {
        for set in ParameterSet::ALL {
            assert_eq!(ParameterSet::of_oid(set.oid()), Some(set));
            assert_eq!(ParameterSet::of_number(set.number()), Some(set));
        }
        assert_eq!(ParameterSet::of_number(0), None);
        assert_eq!(ParameterSet::of_number(4), None);
        // HashML-DSA-44 with SHA-512 (FIPS 204, 5.4) is another algorithm.
        let prehashed = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.32");
        assert_eq!(ParameterSet::of_oid(prehashed), None);
    }
}
