//! Objects that no administrator of ours would make, put on a server by plain KMIP requests.

use std::sync::Arc;

use kmip_p11::kmip::{
    Attribute, CertificateType, Client, CryptographicAlgorithm, KeyBlock, KeyFormatType,
    KeyMaterial, ManagedObject, Refusal, Request, Response, RevocationReasonCode, ServerAddress,
    Settings, TlsFiles, UsageMask,
};

use crate::kmip_server::Endpoint;
use crate::process::run;
use crate::scratch::Scratch;
use crate::tool;

/// Somebody who sends requests of his own making.
pub struct Vandal {
    client: Client,
    group: String,
}

impl Vandal {
    /// With that user's certificate; what he makes is in that object group.
    pub fn at(endpoint: &Endpoint, group: &str) -> Self {
        let files = TlsFiles {
            ca: endpoint.ca.clone(),
            client_cert: Some(endpoint.certificate.clone()),
            client_key: Some(endpoint.key.clone()),
            server_name: None,
        };
        let tls = files.load().unwrap_or_else(|error| panic!("{error}"));
        let (host, port) = endpoint.address.split_once(':').expect("host:port");
        let address = ServerAddress {
            host: host.to_owned(),
            port: port.parse().expect("a port"),
        };
        let client = Client::new(Settings::new(vec![address], Arc::clone(&tls)));
        let group = group.to_owned();
        Self { client, group }
    }

    /// An active EC key pair on a curve by openssl's name for it, both halves called the same.
    pub fn register_ec_pair(&self, name: &str, curve: &str, bits: u32) {
        let (private, public) = ec_pair(curve);
        let private = ManagedObject::PrivateKey(block(KeyFormatType::PKCS_8, bits, private));
        self.register(name, private, UsageMask::SIGN)
            .expect("a private key");
        // Cosmian calls a SubjectPublicKeyInfo PKCS#8, everybody else X.509.
        let formats = [KeyFormatType::X_509, KeyFormatType::PKCS_8];
        let mut tried = formats.into_iter().map(|format| {
            let public = ManagedObject::PublicKey(block(format, bits, public.clone()));
            self.register(name, public, UsageMask::VERIFY)
        });
        assert!(tried.any(|registered| registered.is_ok()), "a public key");
    }

    /// An active public key on P-256 that claims to be the half of somebody's private key.
    pub fn claim(&self, name: &str) {
        let (_, public) = ec_pair("P-256");
        let formats = [KeyFormatType::X_509, KeyFormatType::PKCS_8];
        let mut tried = formats.into_iter().map(|format| {
            let public = ManagedObject::PublicKey(block(format, 256, public.clone()));
            self.register(name, public, UsageMask::VERIFY)
        });
        assert!(tried.any(|registered| registered.is_ok()), "a public key");
    }

    /// Takes an object away.
    pub fn destroy(&self, id: &str) {
        let id = || id.to_owned();
        let revoked = self.call(Request::Revoke {
            id: id(),
            reason: RevocationReasonCode::CESSATION_OF_OPERATION,
            message: None,
            compromised_at: None,
        });
        let destroyed = self.call(Request::Destroy { id: id() });
        assert!(destroyed.is_ok(), "{revoked:?}, {destroyed:?}");
    }

    /// An X.509 certificate, given in DER.
    pub fn register_certificate(&self, name: &str, der: &[u8]) {
        let object = ManagedObject::Certificate {
            kind: CertificateType::X_509,
            value: der.to_vec(),
        };
        let attributes = vec![Attribute::Name(name.to_owned())];
        let registered = self.call(Request::Register { object, attributes });
        assert!(
            matches!(registered, Ok(Response::Register { .. })),
            "{registered:?}"
        );
    }

    fn register(&self, name: &str, object: ManagedObject, mask: UsageMask) -> Result<(), Refusal> {
        let attributes = vec![
            Attribute::Name(name.to_owned()),
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::EC),
            Attribute::CryptographicUsageMask(mask),
            Attribute::ObjectGroup(self.group.clone()),
        ];
        match self.call(Request::Register { object, attributes })? {
            Response::Register { id, .. } => self.call(Request::Activate { id }).map(drop),
            other => panic!("{other:?}"),
        }
    }

    fn call(&self, request: Request) -> Result<Response, Refusal> {
        let answers = self.client.call(&[request]);
        let mut answers = answers.unwrap_or_else(|error| panic!("{error}"));
        answers.remove(0)
    }
}

fn block(format: KeyFormatType, bits: u32, bytes: Vec<u8>) -> KeyBlock {
    KeyBlock {
        format: Some(format),
        algorithm: Some(CryptographicAlgorithm::EC),
        length: Some(bits),
        material: KeyMaterial::Bytes(bytes.into()),
    }
}

/// PKCS#8 and SubjectPublicKeyInfo, in DER.
fn ec_pair(curve: &str) -> (Vec<u8>, Vec<u8>) {
    let scratch = Scratch::new();
    let private = scratch.file("private.der");
    let option = format!("ec_paramgen_curve:{curve}");
    let mut openssl = tool::command("openssl");
    openssl.args([
        "genpkey",
        "-algorithm",
        "EC",
        "-pkeyopt",
        &option,
        "-outform",
        "DER",
    ]);
    run(openssl.arg("-out").arg(&private)).text();
    let mut openssl = tool::command("openssl");
    openssl.args([
        "pkey", "-inform", "DER", "-pubout", "-outform", "DER", "-in",
    ]);
    let public = run(openssl.arg(&private)).stdout;
    (std::fs::read(private).expect("openssl wrote it"), public)
}
