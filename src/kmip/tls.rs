//! TLS files: certificates and keys in PEM become a client configuration, or an error that names the file and the fix.

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, InconsistentKeys, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

mod private_key;

/// Where the PEM files are.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TlsFiles {
    /// Certificates of the authorities that vouch for the server; required, since the system's have no business here.
    pub ca: PathBuf,
    /// The client's certificate, followed by intermediate ones if any.
    pub client_cert: Option<PathBuf>,
    /// The client's private key: PKCS#8, SEC1 or PKCS#1, or encrypted PKCS#8. If none, it is looked for in `client_cert`.
    pub client_key: Option<PathBuf>,
    /// The name in the server's certificate, if it is not the host that is connected to ([`super::Settings::server_name`]).
    pub server_name: Option<String>,
}

/// What is in the files.
#[derive(Default)]
pub struct TlsContents {
    /// Of [`TlsFiles::ca`].
    pub ca: Vec<u8>,
    /// Of [`TlsFiles::client_cert`].
    pub client_cert: Option<Zeroizing<Vec<u8>>>,
    /// Of [`TlsFiles::client_key`].
    pub client_key: Option<Zeroizing<Vec<u8>>>,
    /// What opens the private key, which then has to be encrypted.
    pub passphrase: Option<Zeroizing<String>>,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct TlsFileError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, and what to do.
    pub problem: TlsFileProblem,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileProblem {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(std::io::Error),
    /// No certificate in PEM.
    #[error(
        "holds no certificate (-----BEGIN CERTIFICATE-----); if it is DER, convert it with openssl x509 -inform DER"
    )]
    NoCertificate,
    /// No private key in PEM.
    #[error(
        "holds no private key (-----BEGIN PRIVATE KEY-----); if it is DER, convert it with openssl pkey -inform DER"
    )]
    NoKey,
    /// A private key under a passphrase.
    #[error(
        "holds an encrypted private key; give its passphrase by tls.client_key_passphrase_file or \
         pin = \"key_passphrase\", or decrypt it with openssl pkey -in FILE -out NEWFILE"
    )]
    EncryptedKey,
    /// A private key under a form of encryption that is no longer safe.
    #[error(
        "holds a private key in an old form of encryption (not PBES2); convert it with \
         openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in FILE -out NEWFILE"
    )]
    OldEncryption,
    /// The passphrase does not open the key.
    #[error("holds a private key that this passphrase does not open")]
    WrongPassphrase,
    /// There is a passphrase, and nothing for it to open.
    #[error(
        "holds a private key without a passphrase; leave out pin = \"key_passphrase\" and \
         tls.client_key_passphrase_file, or encrypt it with openssl pkcs8 -topk8 -in FILE -out NEWFILE"
    )]
    NotEncrypted,
    /// PEM, but broken.
    #[error("holds broken PEM: {0}")]
    BrokenPem(String),
    /// A certificate or key that TLS cannot use.
    #[error("cannot be used: {0}")]
    Unusable(String),
    /// Key and certificate are of different pairs.
    #[error("holds the key of another certificate than {}", certificate.display())]
    KeyOfAnotherCertificate {
        /// The certificate's file.
        certificate: PathBuf,
    },
    /// The certificate is no longer valid.
    #[error("holds a certificate that expired on {0}")]
    Expired(String),
    /// A key without a certificate.
    #[error("is a client key without a client certificate")]
    KeyAlone,
}

impl TlsFiles {
    /// Reads the files, and makes a client configuration of them as [`TlsFiles::configure`] does.
    pub fn load(&self) -> Result<Arc<ClientConfig>, TlsFileError> {
        let read_some = |file: &Option<PathBuf>| file.as_deref().map(read).transpose();
        self.configure(&TlsContents {
            ca: read(&self.ca)?.to_vec(),
            client_cert: read_some(&self.client_cert)?,
            client_key: read_some(&self.client_key)?,
            passphrase: None,
        })
    }

    /// A client configuration of what is in the files, for callers who have read them in their own way: TLS 1.2 and 1.3
    /// by aws-lc-rs, whatever default the process has. The paths serve for errors only.
    pub fn configure(&self, contents: &TlsContents) -> Result<Arc<ClientConfig>, TlsFileError> {
        let provider = Arc::new(provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(
            Arc::new(self.roots(&contents.ca)?),
            Arc::clone(&provider),
        )
        .build()
        .map_err(|error| failed(&self.ca, unusable(error)))?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| failed(&self.ca, unusable(error)))?
            .with_webpki_verifier(verifier);
        Ok(Arc::new(match self.identity(contents)? {
            None => builder.with_no_client_auth(),
            Some(Identity {
                chain,
                key,
                chain_file,
                key_file,
            }) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| identity_problem(error, chain_file, key_file))?,
        }))
    }

    fn roots(&self, pem: &[u8]) -> Result<RootCertStore, TlsFileError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca, pem)? {
            roots
                .add(certificate)
                .map_err(|error| failed(&self.ca, unusable(error)))?;
        }
        Ok(roots)
    }

    fn identity(&self, contents: &TlsContents) -> Result<Option<Identity<'_>>, TlsFileError> {
        let (chain_file, key_file) = match (&self.client_cert, &self.client_key) {
            (None, None) => return Ok(None),
            (None, Some(key)) => return Err(failed(key, TlsFileProblem::KeyAlone)),
            (Some(chain), key) => (chain.as_path(), key.as_deref().unwrap_or(chain)),
        };
        let chain_pem = contents.client_cert.as_ref().map_or(&[][..], |pem| pem);
        let key_pem = contents.client_key.as_ref().map_or(chain_pem, |pem| pem);
        let passphrase = contents.passphrase.as_ref().map(|it| it.as_str());
        let chain = certificates(chain_file, chain_pem)?;
        check_validity(chain_file, chain.first())?;
        let key = private_key::private_key(key_pem, passphrase);
        Ok(Some(Identity {
            chain,
            key: key.map_err(|problem| failed(key_file, problem))?,
            chain_file,
            key_file,
        }))
    }
}

struct Identity<'a> {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    chain_file: &'a Path,
    key_file: &'a Path,
}

/// The hybrid group is offered first, which sends its share and that of X25519 along with the hello: servers of OpenSSL 3.5
/// and later insist on it and else ask for it, which costs a flight.
fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![
            kx_group::X25519MLKEM768,
            kx_group::X25519,
            kx_group::SECP256R1,
            kx_group::SECP384R1,
        ],
        ..aws_lc_rs::default_provider()
    }
}

fn failed(file: &Path, problem: TlsFileProblem) -> TlsFileError {
    TlsFileError {
        file: file.to_owned(),
        problem,
    }
}

fn unusable(error: impl ToString) -> TlsFileProblem {
    TlsFileProblem::Unusable(error.to_string())
}

fn identity_problem(error: rustls::Error, chain: &Path, key: &Path) -> TlsFileError {
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => failed(
            key,
            TlsFileProblem::KeyOfAnotherCertificate {
                certificate: chain.to_owned(),
            },
        ),
        other => failed(key, unusable(other)),
    }
}

fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, TlsFileError> {
    let bytes =
        std::fs::read(file).map_err(|error| failed(file, TlsFileProblem::Unreadable(error)))?;
    Ok(Zeroizing::new(bytes))
}

fn certificates(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(certificates) if certificates.is_empty() => {
            Err(failed(file, TlsFileProblem::NoCertificate))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(failed(file, broken(error))),
    }
}

/// Says what kind of damage there is; never the line itself, which may be part of a key.
fn broken(error: pem::Error) -> TlsFileProblem {
    let what = match error {
        pem::Error::MissingSectionEnd { .. } => "a block has no end line",
        pem::Error::IllegalSectionStart { .. } => "a block has a bad first line",
        pem::Error::Base64Decode(_) => "a block is not base64",
        _ => "it cannot be decoded",
    };
    TlsFileProblem::BrokenPem(what.to_owned())
}

/// An expired client certificate gives a clear error here instead of an alert from the server.
fn check_validity(
    file: &Path,
    certificate: Option<&CertificateDer<'_>>,
) -> Result<(), TlsFileError> {
    let parsed = certificate.and_then(|der| x509_cert::Certificate::from_der(der).ok());
    let Some(certificate) = parsed else {
        return Ok(());
    };
    let end = certificate.tbs_certificate().validity().not_after;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    if end.to_unix_duration() < now {
        return Err(failed(
            file,
            TlsFileProblem::Expired(end.to_date_time().to_string()),
        ));
    }
    Ok(())
}
