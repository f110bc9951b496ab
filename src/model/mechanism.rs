//! The mechanisms, in one table: number, name, which keys, and what they take to sign.

use cryptoki_sys::*;

use super::mechanism_call::Parameter;
use super::public_key::KeyType;
use super::signature::{Hash, SignInput, SignScheme, parse_digest_info};
use crate::error::{Error, Result};

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Mechanism {
    /// Its number in PKCS#11.
    pub number: CK_MECHANISM_TYPE,
    /// Its name in PKCS#11.
    pub name: &'static str,
    family: Family,
    takes: Takes,
}

/// A mechanism that a token offers.
#[derive(Debug, Clone, Copy)]
pub struct Offer {
    /// Its number.
    pub number: CK_MECHANISM_TYPE,
    /// What C_GetMechanismInfo tells of it.
    pub info: CK_MECHANISM_INFO,
    /// Its row in the table; without one, the token takes the call as it is.
    pub row: Option<&'static Mechanism>,
    /// Whether the token surely hedges its ML-DSA signatures (FIPS 204, 3.4).
    pub hedges: bool,
}

impl Offer {
    /// A mechanism of the table.
    pub fn of_row(row: &'static Mechanism) -> Self {
        Self {
            number: row.number,
            info: row.info(),
            row: Some(row),
            hedges: false,
        }
    }

    /// The whole table, of a token whose keys sign in this process: our crypto library hedges.
    pub fn in_process() -> Vec<Self> {
        let hedging = |row| Self {
            hedges: true,
            ..Self::of_row(row)
        };
        Mechanism::all().iter().map(hedging).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    Pss,
    Ec,
    Ed25519,
    MlDsa,
}

/// What a caller of C_Sign gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Or whatever the key has room for, which tokens that ask for a hash refuse.
    DigestInfo,
    Digest,
    /// Hashed with that hash; Ed25519 and ML-DSA have their own inside.
    Message(Option<Hash>),
}

const fn row(
    number: CK_MECHANISM_TYPE,
    name: &'static str,
    family: Family,
    takes: Takes,
) -> Mechanism {
    Mechanism {
        number,
        name,
        family,
        takes,
    }
}

use Family::{Ec, Ed25519, MlDsa, Pss, Rsa};
use Hash::{Sha256, Sha384, Sha512};
use Takes::{Digest, DigestInfo, Message};

/// PKCS#11 v3.2, 6.1.5, 6.1.10, 6.3.12, 6.3.15, 6.67.
static MECHANISMS: [Mechanism; 14] = [
    row(CKM_RSA_PKCS, "CKM_RSA_PKCS", Rsa, DigestInfo),
    row(
        CKM_SHA256_RSA_PKCS,
        "CKM_SHA256_RSA_PKCS",
        Rsa,
        Message(Some(Sha256)),
    ),
    row(
        CKM_SHA384_RSA_PKCS,
        "CKM_SHA384_RSA_PKCS",
        Rsa,
        Message(Some(Sha384)),
    ),
    row(
        CKM_SHA512_RSA_PKCS,
        "CKM_SHA512_RSA_PKCS",
        Rsa,
        Message(Some(Sha512)),
    ),
    row(CKM_RSA_PKCS_PSS, "CKM_RSA_PKCS_PSS", Pss, Digest),
    row(
        CKM_SHA256_RSA_PKCS_PSS,
        "CKM_SHA256_RSA_PKCS_PSS",
        Pss,
        Message(Some(Sha256)),
    ),
    row(
        CKM_SHA384_RSA_PKCS_PSS,
        "CKM_SHA384_RSA_PKCS_PSS",
        Pss,
        Message(Some(Sha384)),
    ),
    row(
        CKM_SHA512_RSA_PKCS_PSS,
        "CKM_SHA512_RSA_PKCS_PSS",
        Pss,
        Message(Some(Sha512)),
    ),
    row(CKM_ECDSA, "CKM_ECDSA", Ec, Digest),
    row(
        CKM_ECDSA_SHA256,
        "CKM_ECDSA_SHA256",
        Ec,
        Message(Some(Sha256)),
    ),
    row(
        CKM_ECDSA_SHA384,
        "CKM_ECDSA_SHA384",
        Ec,
        Message(Some(Sha384)),
    ),
    row(
        CKM_ECDSA_SHA512,
        "CKM_ECDSA_SHA512",
        Ec,
        Message(Some(Sha512)),
    ),
    row(CKM_EDDSA, "CKM_EDDSA", Ed25519, Message(None)),
    row(CKM_ML_DSA, "CKM_ML_DSA", MlDsa, Message(None)),
];

impl Mechanism {
    /// All of them, in the table's order.
    pub fn all() -> &'static [Mechanism] {
        &MECHANISMS
    }

    /// The one of that number.
    pub fn of(number: CK_MECHANISM_TYPE) -> Option<&'static Mechanism> {
        MECHANISMS.iter().find(|row| row.number == number)
    }

    /// True if keys of that type sign with it.
    pub fn goes_with(&self, key: KeyType) -> bool {
        match key {
            KeyType::Rsa(_) => matches!(self.family, Rsa | Pss),
            KeyType::Ec(_) => self.family == Ec,
            KeyType::Ed25519 => self.family == Ed25519,
            KeyType::MlDsa(_) => self.family == MlDsa,
        }
    }

    /// True if it signs with that parameter: PSS with those of its own hash, ML-DSA without a context and
    /// hedged as is wanted, in a token that surely hedges or does not; the others without.
    pub fn takes_parameter(&self, parameter: &Parameter, hedges: bool) -> bool {
        match (self.family, self.takes) {
            (Pss, Message(hash)) => hash.is_some() && parameter.pss_hash() == hash,
            (Pss, _) => parameter.pss_hash().is_some(),
            (MlDsa, _) => parameter.lacks_context() && parameter.is_met_by(hedges),
            _ => *parameter == Parameter::None,
        }
    }

    /// The scheme and its input, from what the caller gave to C_Sign, with a parameter that it takes.
    pub fn resolve<'a>(
        &self,
        parameter: &Parameter,
        data: &'a [u8],
    ) -> Result<(SignScheme, SignInput<'a>)> {
        let of_hash = |hash| match self.family {
            Rsa => SignScheme::RsaPkcs1(hash),
            Pss => SignScheme::RsaPss(hash),
            Ec => SignScheme::Ecdsa(hash),
            Ed25519 => SignScheme::Ed25519,
            MlDsa => SignScheme::MlDsa,
        };
        match self.takes {
            DigestInfo => Ok(match parse_digest_info(data) {
                Some((hash, digest)) => (of_hash(hash), SignInput::Digest(digest)),
                None => (SignScheme::RsaPkcs1Bare, SignInput::Message(data)),
            }),
            Digest => {
                let (got, wanted) = (
                    data.len(),
                    "32, 48 or 64 bytes of a digest, by PSS as its parameter says",
                );
                let hash = match self.family {
                    Pss => parameter.pss_hash().filter(|hash| hash.digest_len() == got),
                    _ => Hash::of_len(got),
                };
                let hash = hash.ok_or(Error::DataLenRange { got, wanted })?;
                Ok((of_hash(hash), SignInput::Digest(data)))
            }
            Message(Some(hash)) => Ok((of_hash(hash), SignInput::Message(data))),
            Message(None) => {
                let scheme = match self.family {
                    MlDsa => SignScheme::MlDsa,
                    _ => SignScheme::Ed25519,
                };
                Ok((scheme, SignInput::Message(data)))
            }
        }
    }

    /// Key sizes and what it serves for (v3.2, 5.5.6): bits, and of ML-DSA bytes of the public key.
    pub fn info(&self) -> CK_MECHANISM_INFO {
        let (min, max, flags) = match self.family {
            Rsa | Pss => (2048, 8192, 0),
            Ec => (256, 521, CKF_EC_F_P | CKF_EC_OID | CKF_EC_UNCOMPRESS),
            Ed25519 => (255, 255, CKF_EC_CURVENAME | CKF_EC_COMPRESS),
            MlDsa => (1312, 2592, 0),
        };
        let recovers = match self.takes {
            DigestInfo => CKF_SIGN_RECOVER,
            _ => 0,
        };
        CK_MECHANISM_INFO {
            ulMinKeySize: min,
            ulMaxKeySize: max,
            flags: flags | CKF_SIGN | recovers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ml_dsa::ParameterSet;

    fn of(number: CK_MECHANISM_TYPE) -> &'static Mechanism {
        Mechanism::of(number).unwrap()
    }

    #[test]
    fn a_digest_finds_its_hash_by_length() {
        let mechanism = of(CKM_ECDSA);
        let (scheme, _) = mechanism.resolve(&Parameter::None, &[1; 48]).unwrap();
        assert_eq!(scheme, SignScheme::Ecdsa(Sha384));
        assert!(matches!(
            mechanism.resolve(&Parameter::None, &[1; 33]),
            Err(Error::DataLenRange { got: 33, .. })
        ));
    }

    #[test]
    fn messages_pass_whole() {
        let eddsa = of(CKM_EDDSA);
        assert_eq!(
            eddsa.resolve(&Parameter::None, b"m"),
            Ok((SignScheme::Ed25519, SignInput::Message(b"m")))
        );
        assert_eq!(
            of(CKM_ML_DSA).resolve(&Parameter::None, b"m"),
            Ok((SignScheme::MlDsa, SignInput::Message(b"m")))
        );
    }

    #[test]
    fn a_parameter_that_asks_for_nothing_is_taken_by_ml_dsa_alone() {
        let asking = |hedge, context: &[u8]| Parameter::SignContext {
            hedge,
            context: context.to_vec(),
        };
        let ml_dsa = of(CKM_ML_DSA);
        assert!(ml_dsa.takes_parameter(&Parameter::None, false));
        assert!(ml_dsa.takes_parameter(&asking(CKH_HEDGE_PREFERRED, b""), false));
        let required = asking(CKH_HEDGE_REQUIRED, b"");
        assert!(ml_dsa.takes_parameter(&required, true));
        assert!(!ml_dsa.takes_parameter(&required, false));
        for other in [
            asking(CKH_HEDGE_PREFERRED, b"a context"),
            asking(CKH_HEDGE_REQUIRED, b"a context"),
            asking(CKH_DETERMINISTIC_REQUIRED, b""),
            Parameter::Unknown,
        ] {
            assert!(!ml_dsa.takes_parameter(&other, true), "{other:?}");
        }
        assert!(!of(CKM_EDDSA).takes_parameter(&asking(CKH_HEDGE_PREFERRED, b""), true));
    }

    #[test]
    fn ml_dsa_counts_bytes_of_public_keys() {
        let info = of(CKM_ML_DSA).info();
        let lengths = ParameterSet::ALL.map(|set| set.public_key_len() as CK_ULONG);
        assert_eq!(
            (info.ulMinKeySize, info.ulMaxKeySize),
            (lengths[0], lengths[2])
        );
    }

    #[test]
    fn numbers_are_unique() {
        for mechanism in Mechanism::all() {
            assert_eq!(of(mechanism.number), mechanism);
        }
    }

    /// CKA_EC_PARAMS names P-256 by an object identifier, Ed25519 by a name (v3.2, 6.3.3).
    #[test]
    fn curves_are_named_as_the_flags_say() {
        let named = CKF_EC_OID | CKF_EC_CURVENAME;
        assert_eq!(of(CKM_ECDSA).info().flags & named, CKF_EC_OID);
        assert_eq!(of(CKM_EDDSA).info().flags & named, CKF_EC_CURVENAME);
    }
}
