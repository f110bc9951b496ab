//! Objects that no administrator of ours would make, put on a server by plain KMIP requests.

use std::sync::Arc;
use std::time::Instant;

use kmip_p11::kmip::{
    Attribute, CertificateType, Client, CryptographicAlgorithm, KeyBlock, KeyFormatType,
    KeyMaterial, ManagedObject, Refusal, Request, Response, RevocationReasonCode, ServerAddress,
    Settings, TlsFiles, Transport, UsageMask,
};

use crate::kmip_server::ServerKind;
use crate::process::{PATIENCE, run};
use crate::scratch::Scratch;
use crate::tool;

/// Somebody who sends requests of his own making.
pub struct Vandal {
    client: Client,
    kind: ServerKind,
    group: String,
}

impl Vandal {
    /// As alice, on the server that the whole test program shares; what she makes is in that
    /// object group.
    pub fn on(kind: ServerKind, group: &str) -> Self {
        Self::called("alice", kind, group)
    }

    /// As another user of that server.
    pub fn called(user: &str, kind: ServerKind, group: &str) -> Self {
        let endpoint = kind.shared().endpoint(user);
        let files = TlsFiles {
            ca: endpoint.ca,
            client_cert: Some(endpoint.certificate),
            client_key: Some(endpoint.key),
            server_name: None,
        };
        let tls = files.load().unwrap_or_else(|error| panic!("{error}"));
        let (host, port) = endpoint.address.split_once(':').expect("host:port");
        let address = ServerAddress {
            host: host.to_owned(),
            port: port.parse().expect("a port"),
            transport: Transport::Tls,
        };
        let client = Client::new(Settings::new(vec![address], Arc::clone(&tls)));
        let group = group.to_owned();
        Self {
            client,
            kind,
            group,
        }
    }

    /// An active EC key pair on a curve by openssl's name for it, both halves called the same.
    pub fn register_ec_pair(&self, name: &str, curve: &str, bits: u32) {
        self.register_halves(name, bits, ec_pair(curve));
    }

    /// A P-256 private key, and a public key of the same name that is not its half.
    pub fn register_strangers_as_a_pair(&self, name: &str) {
        let ((private, _), (_, public)) = (ec_pair("P-256"), ec_pair("P-256"));
        self.register_halves(name, 256, (private, public));
    }

    /// Active P-256 pairs by these names, in two batches: one by one takes PyKMIP minutes.
    pub fn register_many(&self, names: &[String]) {
        let objects = names.iter().flat_map(|name| {
            let (private, public) = ec_pair("P-256");
            let private = ManagedObject::PrivateKey(block(KeyFormatType::PKCS_8, 256, private));
            let public = ManagedObject::PublicKey(block(self.public_format(), 256, public));
            [
                (name, private, UsageMask::SIGN),
                (name, public, UsageMask::VERIFY),
            ]
        });
        let register = |(name, object, mask): (&String, _, _)| Request::Register {
            object,
            attributes: self.attributes(name, mask),
        };
        let registered = self.call_all(&objects.map(register).collect::<Vec<_>>());
        let activate = registered.into_iter().map(|response| match response {
            Response::Register { id, .. } => Request::Activate { id },
            other => panic!("{other:?}"),
        });
        self.call_all(&activate.collect::<Vec<_>>());
    }

    fn call_all(&self, requests: &[Request]) -> Vec<Response> {
        let until = Instant::now() + PATIENCE;
        let answers = self.client.call_within(until, requests);
        let answers = answers.unwrap_or_else(|error| panic!("{error}"));
        let response =
            |answer: Result<_, Refusal>| answer.unwrap_or_else(|error| panic!("{error}"));
        answers.into_iter().map(response).collect()
    }

    /// Active halves whose bytes mean nothing, if the server takes them.
    pub fn register_garbage(&self, name: &str) -> bool {
        let garbage = |format| block(format, 256, b"garbage".to_vec());
        let private = ManagedObject::PrivateKey(garbage(KeyFormatType::PKCS_8));
        let public = ManagedObject::PublicKey(garbage(KeyFormatType::X_509));
        self.register(name, private, UsageMask::SIGN).is_ok()
            && self.register(name, public, UsageMask::VERIFY).is_ok()
    }

    fn register_halves(&self, name: &str, bits: u32, (private, public): (Vec<u8>, Vec<u8>)) {
        let private = ManagedObject::PrivateKey(block(KeyFormatType::PKCS_8, bits, private));
        self.register(name, private, UsageMask::SIGN)
            .expect("a private key");
        let public = ManagedObject::PublicKey(block(self.public_format(), bits, public));
        self.register(name, public, UsageMask::VERIFY)
            .expect("a public key");
    }

    /// An active public key on P-256 that claims to be the half of somebody's private key.
    pub fn claim(&self, name: &str) {
        let (_, public) = ec_pair("P-256");
        let public = ManagedObject::PublicKey(block(self.public_format(), 256, public));
        self.register(name, public, UsageMask::VERIFY)
            .expect("a public key");
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

    fn attributes(&self, name: &str, mask: UsageMask) -> Vec<Attribute> {
        vec![
            Attribute::Name(name.to_owned()),
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::EC),
            Attribute::CryptographicUsageMask(mask),
            Attribute::ObjectGroup(self.group.clone()),
        ]
    }

    /// Cosmian calls a SubjectPublicKeyInfo PKCS#8, everybody else X.509.
    fn public_format(&self) -> KeyFormatType {
        match self.kind {
            ServerKind::PyKmip => KeyFormatType::X_509,
            ServerKind::Cosmian => KeyFormatType::PKCS_8,
        }
    }

    fn register(&self, name: &str, object: ManagedObject, mask: UsageMask) -> Result<(), Refusal> {
        let attributes = self.attributes(name, mask);
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
        wrapping: None,
    }
}

/// PKCS#8 and SubjectPublicKeyInfo, in DER.
fn ec_pair(curve: &str) -> (Vec<u8>, Vec<u8>) {
    let scratch = Scratch::new();
    let openssl = |arguments: &str| {
        let mut openssl = tool::command("openssl");
        openssl.current_dir(scratch.path());
        let finished = run(openssl.args(arguments.split(' ')));
        assert!(finished.status.success(), "{}", finished.report());
        finished.stdout
    };
    // In DER, genpkey would write an ECPrivateKey.
    openssl(&format!(
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out key.pem"
    ));
    let private = openssl("pkcs8 -topk8 -nocrypt -outform DER -in key.pem");
    let public = openssl("pkey -pubout -outform DER -in key.pem");
    (private, public)
}
