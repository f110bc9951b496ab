//! The client's private key in PEM, opened with its passphrase if it has one.

use super::TlsFileProblem;
use pkcs8::der::{Decode, SecretDocument};
use pkcs8::pkcs5::{self, EncryptionScheme};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

const ENCRYPTED_BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// The mark of the form of encryption that OpenSSL used before PKCS#8 (RFC 1421).
const LEGACY: &str = "Proc-Type: 4,ENCRYPTED";

/// The first private key in `pem`.
///
/// # Errors
/// A passphrase that is missing, wrong, or has nothing to open: a PIN that opens nothing must not pass for the right one.
pub fn private_key(
    pem: &[u8],
    passphrase: Option<&str>,
) -> Result<PrivateKeyDer<'static>, TlsFileProblem> {
    if find(pem, LEGACY).is_some() {
        return Err(TlsFileProblem::OldEncryption);
    }
    match (find(pem, ENCRYPTED_BEGIN), passphrase) {
        (Some(_), None) => Err(TlsFileProblem::EncryptedKey),
        (Some(start), Some(passphrase)) => opened(pem.get(start..).unwrap_or_default(), passphrase),
        (None, passphrase) => {
            let key = PrivateKeyDer::from_pem_slice(pem).map_err(unread)?;
            match passphrase {
                Some(_) => Err(TlsFileProblem::NotEncrypted),
                None => Ok(key),
            }
        }
    }
}

fn unread(error: pem::Error) -> TlsFileProblem {
    match error {
        pem::Error::NoItemsFound => TlsFileProblem::NoKey,
        other => super::broken(other),
    }
}

/// Decrypts the block at the beginning of `pem`.
fn opened(pem: &[u8], passphrase: &str) -> Result<PrivateKeyDer<'static>, TlsFileProblem> {
    let document = block(pem).and_then(|block| SecretDocument::from_pem(block).ok());
    let (_, document) =
        document.ok_or_else(|| TlsFileProblem::BrokenPem("it cannot be decoded".into()))?;
    // Most algorithms of PBES1 are not even known to the reader.
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
        .map_err(|_| TlsFileProblem::OldEncryption)?;
    if matches!(encrypted.encryption_algorithm, EncryptionScheme::Pbes1(_)) {
        return Err(TlsFileProblem::OldEncryption);
    }
    let decrypted = encrypted.decrypt(passphrase).map_err(undecrypted)?;
    let key = Zeroizing::new(decrypted.as_bytes().to_vec());
    // One wrong passphrase in 256 leaves a valid padding: then what comes out is no key.
    PrivateKeyInfoRef::from_der(&key).map_err(|_| TlsFileProblem::WrongPassphrase)?;
    Ok(PrivatePkcs8KeyDer::from(key.to_vec()).into())
}

fn undecrypted(error: pkcs8::Error) -> TlsFileProblem {
    match error {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs5::Error::UnsupportedAlgorithm { .. }
            | pkcs5::Error::AlgorithmParametersInvalid { .. }
            | pkcs5::Error::NoPbes1CryptSupport,
        ) => TlsFileProblem::OldEncryption,
        _ => TlsFileProblem::WrongPassphrase,
    }
}

/// From the first line of the block to its last.
fn block(pem: &[u8]) -> Option<&str> {
    let end = find(pem, ENCRYPTED_END)? + ENCRYPTED_END.len();
    std::str::from_utf8(pem.get(..end)?).ok()
}

fn find(text: &[u8], mark: &str) -> Option<usize> {
    let mut windows = text.windows(mark.len());
    windows.position(|window| window == mark.as_bytes())
}
