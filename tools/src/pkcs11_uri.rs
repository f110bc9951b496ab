//! PKCS#11 URIs (RFC 7512): how other programs are told which key to use.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a path attribute as it is (RFC 7512, 2.3), as far as it is worth it.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The URI of both halves of a key: token, CKA_ID, label.
pub fn pkcs11_uri(token: &str, key_id: &[u8], label: &str) -> String {
    let id = key_id.iter().fold(String::new(), |mut id, byte| {
        // Writing to a string does not fail.
        let _ = write!(id, "%{byte:02X}");
        id
    });
    let encoded = |text| utf8_percent_encode(text, KEPT);
    format!(
        "pkcs11:token={};id={id};object={}",
        encoded(token),
        encoded(label)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_special_is_encoded() {
        assert_eq!(
            pkcs11_uri("my token", &[0, 0xab], "a;b=ü"),
            "pkcs11:token=my%20token;id=%00%AB;object=a%3Bb%3D%C3%BC"
        );
    }
}
