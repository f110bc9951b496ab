//! The type of a key, as people write it.

use std::str::FromStr;

use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::{Curve, KeyType};

/// A type that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedType(pub KeyType);

/// What ssh-keygen makes when it is asked for RSA without a size.
const RSA_BITS: usize = 3072;

impl FromStr for WantedType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let key_type = match lower.replace("p-", "p").as_str() {
            "rsa" => KeyType::Rsa(RSA_BITS),
            "rsa:2048" => KeyType::Rsa(2048),
            "rsa:3072" => KeyType::Rsa(3072),
            "rsa:4096" => KeyType::Rsa(4096),
            "ecdsa" | "ecdsa:256" | "ecdsa:p256" | "p256" => KeyType::Ec(Curve::P256),
            "ecdsa:384" | "ecdsa:p384" | "p384" => KeyType::Ec(Curve::P384),
            "ecdsa:521" | "ecdsa:p521" | "p521" => KeyType::Ec(Curve::P521),
            "ed25519" => KeyType::Ed25519,
            "ml-dsa-44" | "ml-dsa:44" => KeyType::MlDsa(ParameterSet::MlDsa44),
            "ml-dsa-65" | "ml-dsa:65" => KeyType::MlDsa(ParameterSet::MlDsa65),
            "ml-dsa-87" | "ml-dsa:87" => KeyType::MlDsa(ParameterSet::MlDsa87),
            _ => return Err(unknown(&lower)),
        };
        Ok(Self(key_type))
    }
}

fn unknown(text: &str) -> String {
    let known = "rsa[:2048|3072|4096], ecdsa[:256|384|521], ed25519 or ml-dsa-44|65|87";
    match text {
        "dsa" => format!("OpenSSH no longer takes DSA keys; write {known}"),
        "p512" | "ecdsa:512" => "the curve is P-521; write ecdsa:521".into(),
        _ => format!("write {known}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_ways_to_write_a_type() {
        for (text, meant) in [
            ("rsa", KeyType::Rsa(3072)),
            ("RSA:4096", KeyType::Rsa(4096)),
            ("ecdsa", KeyType::Ec(Curve::P256)),
            ("P-384", KeyType::Ec(Curve::P384)),
            ("ecdsa:521", KeyType::Ec(Curve::P521)),
            ("ed25519", KeyType::Ed25519),
            ("ML-DSA-65", KeyType::MlDsa(ParameterSet::MlDsa65)),
        ] {
            assert_eq!(text.parse(), Ok(WantedType(meant)), "{text}");
        }
        for wrong in ["", "rsa:1024", "ed448", "ecdsa:512", "ml-dsa"] {
            assert!(wrong.parse::<WantedType>().is_err(), "{wrong}");
        }
    }
}
