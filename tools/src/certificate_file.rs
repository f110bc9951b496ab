//! X.509 certificates in a file: PEM, one or several, or the DER of one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use kmip_p11::model::certificate::Certificate;
use kmip_p11::model::key::ObjectId;
use kmip_p11::model::public_key::PublicKey;

use crate::failure::Failure;

/// More than any chain needs: what is longer is another file.
const LONGEST: usize = 1 << 20;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// The certificates of that key in a file, each in DER. Those of others, such as the authorities of a chain, are
/// left out.
///
/// # Errors
/// If the file cannot be read, or has none of the key's.
pub fn of_key(file: &Path, key: &PublicKey) -> Result<Vec<Vec<u8>>, Failure> {
    let told = |what: &dyn std::fmt::Display| Failure::File(format!("{}: {what}", file.display()));
    let contents = contents(file).map_err(|error| told(&error))?;
    let all = certificates(&contents).map_err(|what| told(&what))?;
    let (number, mut unread) = (all.len(), None);
    let parsed = |der: &Vec<u8>| Certificate::from_der(ObjectId(String::new()), der);
    let of_key = all.into_iter().filter(|der| match parsed(der) {
        Ok(certificate) => certificate.public_key == *key,
        Err(error) => {
            unread = Some(error);
            false
        }
    });
    let of_key: Vec<_> = of_key.collect();
    match (of_key.is_empty(), number, unread) {
        (false, ..) => Ok(of_key),
        (true, 1, Some(error)) => Err(told(&error)),
        (true, 1, None) => Err(told(&"it is the certificate of another key")),
        (true, ..) => Err(told(&format!(
            "none of its {number} certificates is one of this key"
        ))),
    }
}

fn contents(file: &Path) -> io::Result<Vec<u8>> {
    let mut contents = vec![];
    let limit = LONGEST as u64 + 1;
    File::open(file)?.take(limit).read_to_end(&mut contents)?;
    match contents.len() {
        ..=LONGEST => Ok(contents),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

/// Text around and between them is passed over, as programs write it there.
fn certificates(contents: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    // DER begins with the tag of a SEQUENCE, a digit in PEM's eyes and no beginning of it.
    if contents.first() == Some(&0x30) && !contents.starts_with(b"0-") {
        return Ok(vec![contents.to_vec()]);
    }
    let text = str::from_utf8(contents).map_err(|_| NEITHER)?;
    let blocks = text.split(BEGIN).skip(1).map(|block| {
        let end = block.find(END).ok_or(BROKEN)?;
        let body = block.get(..end).unwrap_or_default();
        let pem = format!("{BEGIN}{body}{END}\n");
        let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).map_err(|_| BROKEN)?;
        Ok(der)
    });
    match blocks.collect::<Result<Vec<_>, _>>()? {
        none if none.is_empty() => Err(NEITHER),
        all => Ok(all),
    }
}

const NEITHER: &str =
    "it is no certificate: PEM with \"-----BEGIN CERTIFICATE-----\" or DER is needed";
const BROKEN: &str = "its PEM is broken: it may have been cut or edited";

#[cfg(test)]
mod tests {
    use super::*;
    use ffi_tests::certificate::issued;
    use kmip_p11::crypto::private_key::PrivateKey;
    use kmip_p11::model::public_key::KeyType;

    fn pem(der: &[u8]) -> String {
        pem_rfc7468::encode_string("CERTIFICATE", pem_rfc7468::LineEnding::LF, der).unwrap()
    }

    fn read(contents: &[u8], key: &PublicKey) -> Result<Vec<Vec<u8>>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), contents).unwrap();
        of_key(file.path(), key).map_err(|failure| failure.to_string())
    }

    #[test]
    fn those_of_the_key_are_found_in_every_form() {
        let [mine, other] = [(); 2].map(|()| PrivateKey::generate(KeyType::Ed25519).unwrap());
        let der = issued(mine.public(), "mine");
        let foreign = issued(other.public(), "other");
        let found = Ok(vec![der.clone()]);
        assert_eq!(read(&der, mine.public()), found);
        assert_eq!(read(pem(&der).as_bytes(), mine.public()), found);
        let chain = format!("Certificate:\n  Data\n{}{}", pem(&der), pem(&foreign));
        assert_eq!(read(chain.as_bytes(), mine.public()), found);
        let crlf = chain.replace('\n', "\r\n");
        assert_eq!(read(crlf.as_bytes(), mine.public()), found);
    }

    #[test]
    fn what_is_none_of_the_key_is_refused_with_the_reason() {
        let [mine, other] = [(); 2].map(|()| PrivateKey::generate(KeyType::Ed25519).unwrap());
        let foreign = issued(other.public(), "other");
        let twice = pem(&foreign).repeat(2);
        let cut = pem(&foreign).replace("-----END", "");
        for (contents, part) in [
            (&b""[..], "it is no certificate"),
            (b"\xff\xfe", "it is no certificate"),
            (&b"0-- some text"[..], "it is no certificate"),
            (&foreign[..foreign.len() - 1], "DER"),
            (&foreign, "of another key"),
            (twice.as_bytes(), "none of its 2 certificates"),
            (cut.as_bytes(), "PEM is broken"),
        ] {
            let refused = read(contents, mine.public()).unwrap_err();
            assert!(refused.contains(part), "{refused}");
        }
    }
}
