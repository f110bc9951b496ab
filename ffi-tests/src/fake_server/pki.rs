//! Certificates that live as long as the server they are for, made at run time so that nobody else has their keys.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::crypto::{SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::fault::BadCertificate;
use crate::kmip_server::Endpoint;
use crate::scratch::Scratch;

/// An authority with a server's certificate and a client's.
pub struct Pki {
    files: Scratch,
    authority: Authority,
    stranger: Authority,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

/// How a server does TLS.
#[derive(Clone, Copy)]
pub struct Tls {
    /// Its versions.
    pub versions: &'static [&'static SupportedProtocolVersion],
    /// The only key exchange it does; all that the library knows if none.
    pub key_exchange: Option<&'static dyn SupportedKxGroup>,
}

struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a P-256 key");
        let mut wanted = CertificateParams::new([]).expect("no names, none wrong");
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // An authority without a name of its own cannot be told from another one.
        wanted
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let certificate = wanted.self_signed(&key).expect("a certificate");
        let issuer = Issuer::new(wanted, key);
        Self {
            certificate,
            issuer,
        }
    }

    /// A certificate with these names, and its key.
    fn certify(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        self.certify_until(names, None)
    }

    /// The same, valid until the end of that year.
    fn certify_until(&self, names: &[&str], year: Option<i32>) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a P-256 key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut wanted = CertificateParams::new(names).expect("plain names");
        if let Some(year) = year {
            wanted.not_before = rcgen::date_time_ymd(year, 1, 1);
            wanted.not_after = rcgen::date_time_ymd(year, 12, 31);
        }
        let certificate = wanted.signed_by(&key, &self.issuer);
        (certificate.expect("a certificate"), key)
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let added = roots.add(self.certificate.der().clone());
        added.expect("a certificate of an authority");
        Arc::new(roots)
    }
}

impl Default for Pki {
    fn default() -> Self {
        let (authority, stranger) = (Authority::new("ours"), Authority::new("a stranger's"));
        let (server, server_key) = authority.certify(&["localhost", "127.0.0.1"]);
        let (client, client_key) = authority.certify(&["alice"]);
        let files = Scratch::new();
        files.write("ca.crt", authority.certificate.pem());
        files.write("client.crt", client.pem());
        files.write("client.key", client_key.serialize_pem());
        Self {
            files,
            authority,
            stranger,
            chain: vec![server.der().clone()],
            key: server_key.serialize_der(),
        }
    }
}

impl Pki {
    /// Gives the client another certificate, which ends in so many days.
    pub fn renew_client(&self, days: u64) {
        let (certificate, key) = self.ending_in(days, &["alice"]);
        self.files.write("client.crt", certificate.pem());
        self.files.write("client.key", key.serialize_pem());
    }

    /// Gives the server another certificate, which ends in so many days.
    pub fn renew_server(&mut self, days: u64) {
        let (certificate, key) = self.ending_in(days, &["localhost", "127.0.0.1"]);
        self.chain = vec![certificate.der().clone()];
        self.key = key.serialize_der();
    }

    fn ending_in(&self, days: u64, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().expect("a P-256 key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut wanted = CertificateParams::new(names).expect("plain names");
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let end = now.expect("a clock") + Duration::from_secs(days * 86400);
        wanted.not_after = rcgen::date_time_ymd(1970, 1, 1) + end;
        let certificate = wanted.signed_by(&key, &self.authority.issuer);
        (certificate.expect("a certificate"), key)
    }

    /// What a client at that address needs.
    pub fn endpoint(&self, address: String) -> Endpoint {
        Endpoint {
            address,
            ca: self.file("ca.crt"),
            certificate: self.file("client.crt"),
            key: self.file("client.key"),
        }
    }

    /// A server's TLS that demands a client certificate of our authority.
    pub fn server(&self, tls: &Tls) -> Arc<ServerConfig> {
        self.demanding(&self.authority, tls)
    }

    /// The same, but no client has a certificate that it takes.
    pub fn refusing(&self, tls: &Tls) -> Arc<ServerConfig> {
        self.demanding(&self.stranger, tls)
    }

    /// A server's TLS with a certificate that no client of ours should trust.
    pub fn untrusted(&self, bad: BadCertificate) -> Arc<ServerConfig> {
        let ours = ["localhost", "127.0.0.1"];
        let (certificate, key) = match bad {
            BadCertificate::Expired => self.authority.certify_until(&ours, Some(2001)),
            BadCertificate::OfAStranger => self.stranger.certify(&ours),
            BadCertificate::OfAnotherHost => self.authority.certify(&["elsewhere.example"]),
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions that the library has")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key);
        Arc::new(config.expect("a key that fits its certificate"))
    }

    fn demanding(&self, authority: &Authority, tls: &Tls) -> Arc<ServerConfig> {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(group) = tls.key_exchange {
            provider.kx_groups = vec![group];
        }
        let provider = Arc::new(provider);
        let verifier =
            WebPkiClientVerifier::builder_with_provider(authority.roots(), provider.clone())
                .build()
                .expect("an authority is given");
        let key = PrivateKeyDer::Pkcs8(self.key.clone().into());
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(tls.versions)
            .expect("versions that the library has")
            .with_client_cert_verifier(verifier)
            .with_single_cert(self.chain.clone(), key);
        Arc::new(config.expect("a key that fits its certificate"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.file(name)
    }
}
