//! `slot.hsm.uri`: a token by a PKCS#11 URI (RFC 7512), as other programs print it.

use super::hsm::TokenChoice;

/// The token that `pkcs11:token=...;serial=...` means.
///
/// What such a URI may say of objects, of the module or of the PIN is refused: the slot has its own
/// keys for these.
pub fn choice(uri: &str) -> Result<TokenChoice, String> {
    let rest = uri.strip_prefix("pkcs11:");
    let rest = rest.ok_or_else(|| format!("{uri:?} does not begin with \"pkcs11:\""))?;
    if let Some((_, query)) = rest.split_once('?') {
        return Err(format!(
            "{query:?}: the module is hsm.module's word, and the PIN hsm.pin_file's or hsm.pin_env's"
        ));
    }
    let mut choice = TokenChoice::default();
    for attribute in rest.split(';').filter(|attribute| !attribute.is_empty()) {
        let (name, value) = attribute
            .split_once('=')
            .ok_or_else(|| format!("{attribute:?} has no value"))?;
        let value = decoded(value)?;
        match name {
            "token" => choice.label = Some(value),
            "serial" => choice.serial = Some(value),
            "manufacturer" => choice.manufacturer = Some(value),
            "model" => choice.model = Some(value),
            "slot-id" => {
                let number = value.parse();
                choice.slot = Some(number.map_err(|_| format!("{value:?} is no slot-id"))?);
            }
            _ => return Err(format!("{name:?} names no token")),
        }
    }
    match choice == TokenChoice::default() {
        true => Err(format!("{uri:?} names no token")),
        false => Ok(choice),
    }
}

/// Text with `%20` and the like taken back (RFC 3986, 2.1).
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is not percent-encoded UTF-8");
    let mut bytes = vec![];
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2).ok_or_else(wrong)?;
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
        rest = after;
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_as_p11tool_prints_it() {
        let uri = "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=9f;token=a%3bb";
        let expected = TokenChoice {
            label: Some("a;b".into()),
            serial: Some("9f".into()),
            manufacturer: Some("SoftHSM project".into()),
            model: Some("SoftHSM v2".into()),
            slot: None,
        };
        assert_eq!(choice(uri), Ok(expected));
        assert_eq!(choice("pkcs11:slot-id=7").unwrap().slot, Some(7));
    }

    #[test]
    fn what_names_no_token_is_refused() {
        for uri in [
            "",
            "token=a",
            "pkcs11:",
            "pkcs11:token",
            "pkcs11:token=%4",
            "pkcs11:token=%zz",
            "pkcs11:token=%ff",
            "pkcs11:slot-id=x",
            "pkcs11:token=a;object=b",
            "pkcs11:token=a?pin-value=1234",
        ] {
            assert!(choice(uri).is_err(), "{uri}");
        }
    }
}
