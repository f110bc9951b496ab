//! A private key in a file: whichever form it has, with a passphrase or without.

mod openssh;
mod sighting;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kmip_p11::crypto::private_key::{PrivateKey, PrivateKeyError};
use kmip_p11::model::public_key::Curve;
use pem_rfc7468::Decoder;
use pkcs8::EncryptedPrivateKeyInfoRef;
use zeroize::Zeroizing;

pub use sighting::Sighting;

use crate::failure::Failure;
use crate::person::Person;

/// An RSA key of 8192 bits takes a tenth of it.
const LONGEST: usize = 1 << 16;

/// What is wrong with the contents of a file, and what to do about it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing that looks like a private key.
    #[error("{0}")]
    Form(&'static str),
    /// A key that cannot be used.
    #[error(transparent)]
    Key(#[from] PrivateKeyError),
    /// A passphrase is needed, and nobody can be asked.
    #[error(
        "it has a passphrase, and there is no terminal to ask for it: run this on a terminal, or \
         take the passphrase off a copy with \"ssh-keygen -p -f COPY\""
    )]
    NobodyToAsk,
    /// Not the right one.
    #[error("the passphrase is wrong")]
    Passphrase,
}

const NOT_PEM: Fault = Fault::Form(
    "it is not PEM: a file with \"-----BEGIN ... PRIVATE KEY-----\" is needed (for PuTTY's format: \
     puttygen FILE -O private-openssh -o COPY)",
);
const BROKEN: Fault = Fault::Form("its PEM is broken: it may have been cut or edited");
const OLD_ENCRYPTION: Fault = Fault::Form(
    "it is encrypted in the old PEM way: convert a copy with \"ssh-keygen -p -f COPY\", which \
     writes OpenSSH's format",
);

/// Asks for the passphrase of the file that is being read.
type Ask<'a> = &'a dyn Fn() -> Option<Zeroizing<String>>;

/// The private key in `file`. All buffers that held it are wiped.
pub fn read(file: &Path, person: &dyn Person) -> Result<PrivateKey, Failure> {
    let name = file.display();
    let (contents, mode) = contents(file).map_err(|it| Failure::File(format!("{name}: {it}")))?;
    if mode & 0o077 != 0 && private_part(&contents).is_ok() {
        person.tell(&format!(
            "warning: {name} has mode {mode:04o}: others may have read this private key already; \
             \"chmod 600 {name}\", or better make a new key with \"key generate\""
        ));
    }
    let ask = || person.secret(&format!("Passphrase of {name}"));
    parse(&contents, &ask).map_err(|fault| Failure::File(format!("{name}: {fault}")))
}

/// What is in a file, and who may read it.
fn contents(file: &Path) -> io::Result<(Zeroizing<Vec<u8>>, u32)> {
    let opened = File::open(file)?;
    let mode = opened.metadata()?.permissions().mode() & 0o777;
    // Made as long as it can get: growing would leave copies behind.
    let mut contents = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    opened.take(LONGEST as u64 + 1).read_to_end(&mut contents)?;
    match contents.len() {
        ..=LONGEST => Ok((contents, mode)),
        _ => Err(io::ErrorKind::FileTooLarge.into()),
    }
}

fn parse(contents: &[u8], ask: Ask) -> Result<PrivateKey, Fault> {
    let pem = private_part(contents)?;
    let (label, der) = decode(pem)?;
    match label {
        "PRIVATE KEY" => Ok(PrivateKey::from_pkcs8(&der)?),
        "ENCRYPTED PRIVATE KEY" => encrypted_pkcs8(&der, ask),
        "RSA PRIVATE KEY" => Ok(PrivateKey::from_pkcs1(&der)?),
        "EC PRIVATE KEY" => sec1(&der),
        "OPENSSH PRIVATE KEY" => openssh::parse(&der, ask),
        _ => Err(Fault::Form(
            "it holds a private key of a form that is not known here",
        )),
    }
}

/// From the first BEGIN of a private key: EC keys are often preceded by their parameters.
fn private_part(contents: &[u8]) -> Result<&[u8], Fault> {
    let text = str::from_utf8(contents).map_err(|_| NOT_PEM)?;
    let mut starts = text.match_indices("-----BEGIN ");
    let private = starts.find_map(|(start, _)| {
        let from_here = text.get(start..)?;
        let line = from_here.lines().next()?;
        line.contains("PRIVATE KEY-----").then_some(from_here)
    });
    match private {
        Some(pem) if pem.contains("Proc-Type: 4,ENCRYPTED") => Err(OLD_ENCRYPTION),
        Some(pem) => Ok(pem.as_bytes()),
        None if text.contains("-----BEGIN ") || is_public_line(text) => Err(Fault::Form(
            "it holds no private key: name the file of the private key, not of the public one",
        )),
        None => Err(NOT_PEM),
    }
}

/// What `id_ecdsa.pub` and the like begin with.
fn is_public_line(text: &str) -> bool {
    let kinds = ["ssh-", "ecdsa-sha2-", "sk-"];
    kinds.iter().any(|kind| text.starts_with(kind))
}

fn decode(pem: &[u8]) -> Result<(&str, Zeroizing<Vec<u8>>), Fault> {
    let mut decoder = Decoder::new_detect_wrap(pem).map_err(|_| BROKEN)?;
    let mut der = Zeroizing::new(vec![0; decoder.remaining_len()]);
    decoder.decode(&mut der).map_err(|_| BROKEN)?;
    Ok((decoder.type_label(), der))
}

fn encrypted_pkcs8(der: &[u8], ask: Ask) -> Result<PrivateKey, Fault> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| BROKEN)?;
    let passphrase = ask().ok_or(Fault::NobodyToAsk)?;
    // A wrong passphrase and a cipher that is not known here look the same.
    let key = info.decrypt(passphrase.as_bytes());
    let key = key.map_err(|_| Fault::Passphrase)?;
    Ok(PrivateKey::from_pkcs8(key.as_bytes())?)
}

/// The curve need not be named inside (RFC 5915, 3); no key is on two of them.
fn sec1(der: &[u8]) -> Result<PrivateKey, Fault> {
    let on = |curve| PrivateKey::from_sec1(der, curve).ok();
    let key = Curve::ALL.into_iter().find_map(on);
    key.ok_or(Fault::Key(PrivateKeyError::Unusable))
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::person::Scripted;
    use kmip_p11::model::public_key::KeyType;
    use pem_rfc7468::LineEnding;
    use std::io::Write;
    use std::process::Command;
    use tempfile::{NamedTempFile, TempDir};

    /// A file with one PEM block.
    pub fn written(label: &'static str, der: &[u8]) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        let pem = pem_rfc7468::encode_string(label, LineEnding::LF, der).unwrap();
        file.write_all(pem.as_bytes()).unwrap();
        file
    }

    /// Runs ssh-keygen or openssl; false if the machine has none.
    fn made(program: &str, arguments: &[&str], directory: &TempDir) -> bool {
        let run = Command::new(program)
            .args(arguments)
            .current_dir(directory)
            .output();
        run.is_ok_and(|output| output.status.success())
    }

    fn read_in(
        directory: &TempDir,
        name: &str,
        secret: Option<&'static str>,
    ) -> Result<PrivateKey, String> {
        let person = Scripted {
            secret,
            ..Scripted::default()
        };
        let path = directory.path().join(name);
        read(&path, &person).map_err(|failure| failure.to_string())
    }

    const KINDS: [(&str, &str); 5] = [
        ("rsa", "2048"),
        ("ecdsa", "256"),
        ("ecdsa", "384"),
        ("ecdsa", "521"),
        ("ed25519", "256"),
    ];

    const FORMATS: [(&str, &str); 5] = [
        ("RFC4716", ""),
        ("RFC4716", "secret"),
        ("PKCS8", ""),
        ("PKCS8", "secret"),
        ("PEM", ""),
    ];

    #[test]
    fn what_ssh_keygen_writes_is_read() {
        let directory = tempfile::tempdir().unwrap();
        for (kind, bits) in KINDS {
            for (format, passphrase) in FORMATS {
                let name = format!("{kind}{bits}{format}{passphrase}");
                let arguments = [
                    "-q", "-t", kind, "-b", bits, "-m", format, "-N", passphrase, "-f", &name,
                ];
                if !made("ssh-keygen", &arguments, &directory) {
                    return;
                }
                let key = read_in(&directory, &name, Some("secret")).unwrap();
                let line = kmip_p11::ssh::public_line(key.public(), "").unwrap();
                let public = std::fs::read_to_string(directory.path().join(name + ".pub")).unwrap();
                assert!(public.starts_with(line.trim_end()), "{public} {line}");
            }
        }
    }

    /// The private number's leading zeros are not in the file: half of all P-521 keys have some.
    #[test]
    fn short_numbers_in_openssh_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            let arguments = ["-q", "-t", "ecdsa", "-b", "521", "-N", "", "-f", name];
            if !made("ssh-keygen", &arguments, &directory) {
                return;
            }
            let key = read_in(&directory, name, None).unwrap();
            assert_eq!(key.public().key_type(), KeyType::Ec(Curve::P521));
        }
    }

    #[test]
    fn what_openssl_writes_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let with_parameters = ["ecparam", "-name", "prime256v1", "-genkey", "-out", "a"];
        if made("openssl", &with_parameters, &directory) {
            assert!(read_in(&directory, "a", None).is_ok());
        }
        let ed25519 = ["genpkey", "-algorithm", "ed25519", "-out", "b"];
        if made("openssl", &ed25519, &directory) {
            assert!(read_in(&directory, "b", None).is_ok());
        }
    }

    #[test]
    fn passphrases_are_asked_for_and_checked() {
        let directory = tempfile::tempdir().unwrap();
        for (name, format) in [("a", "RFC4716"), ("b", "PKCS8")] {
            let arguments = [
                "-q", "-t", "ecdsa", "-m", format, "-N", "secret", "-f", name,
            ];
            if !made("ssh-keygen", &arguments, &directory) {
                return;
            }
            let message = |secret| read_in(&directory, name, secret).err().unwrap();
            assert!(message(None).contains("no terminal to ask"));
            assert!(message(Some("wrong")).ends_with("the passphrase is wrong"));
        }
    }

    fn message(contents: &[u8]) -> String {
        parse(contents, &|| None).err().unwrap().to_string()
    }

    #[test]
    fn other_files_are_refused_with_what_to_do() {
        assert!(message(b"PuTTY-User-Key-File-3: ssh-rsa").contains("puttygen"));
        assert!(message(b"\xff\x00").contains("not PEM"));
        for public in [
            "ssh-rsa AAAA me",
            "ecdsa-sha2-nistp256 AAAA me",
            "sk-ssh-ed25519@openssh.com A",
        ] {
            assert!(message(public.as_bytes()).contains("not of the public one"));
        }
        assert!(message(b"-----BEGIN PRIVATE KEY-----\nAA").contains("broken"));
        let old = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
        assert!(message(old).contains("ssh-keygen -p"));
        for label in [
            "PRIVATE KEY",
            "EC PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "DSA PRIVATE KEY",
        ] {
            let pem = pem_rfc7468::encode_string(label, LineEnding::LF, b"garbage").unwrap();
            assert!(parse(pem.as_bytes(), &|| None).is_err());
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_told_of() {
        let file = written("PRIVATE KEY", b"x");
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).unwrap();
        let person = Scripted::default();
        assert!(read(file.path(), &person).is_err());
        assert!(person.told()[0].contains("mode 0644"));
    }

    #[test]
    fn a_missing_and_a_huge_file_are_errors() {
        let person = Scripted::default();
        assert!(read(Path::new("/nonexistent"), &person).is_err());
        assert!(read(Path::new("/dev/zero"), &person).is_err());
    }
}
