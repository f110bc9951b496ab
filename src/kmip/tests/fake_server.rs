//! A server of our own: TLS with certificates made at run time, and a script for each connection.

use super::samples::{failure, response, success};
use crate::kmip::ttlv::{Frame, Item, Limits, Writer};
use crate::kmip::wiped::Wiped;
use crate::kmip::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    SupportedProtocolVersion,
};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

pub type Stream = StreamOwned<ServerConnection, TcpStream>;

/// An authority and what it issues.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Authority {
        Authority::named("kmip-p11 test authority")
    }

    pub fn named(name: &str) -> Authority {
        let mut parameters = CertificateParams::new(vec![]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate and its key, both in PEM.
    pub fn issue(&self, name: &str) -> (String, String) {
        self.issue_with(CertificateParams::new(vec![name.to_owned()]).unwrap())
    }

    pub fn issue_with(&self, parameters: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (
            parameters.signed_by(&key, &self.0).unwrap().pem(),
            key.serialize_pem(),
        )
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }
}

fn der(
    (certificate, key): (String, String),
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    use rustls::pki_types::pem::PemObject;
    (
        vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
        PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
    )
}

/// A listening server.
pub struct FakeServer {
    pub address: ServerAddress,
    pub authority: Arc<Authority>,
}

pub const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

impl FakeServer {
    /// Serves each connection in a thread of its own; connections are counted from zero.
    pub fn start(serve: impl Fn(usize, Stream) + Send + Sync + 'static) -> FakeServer {
        Self::start_with(Arc::new(Authority::new()), BOTH, serve)
    }

    pub fn start_with(
        authority: Arc<Authority>,
        versions: &[&'static SupportedProtocolVersion],
        serve: impl Fn(usize, Stream) + Send + Sync + 'static,
    ) -> FakeServer {
        let trusted = Arc::clone(&authority);
        Self::start_trusting(authority, &trusted, versions, serve)
    }

    /// A server that takes nobody's certificate but those of another authority.
    pub fn start_for_clients_of(
        authority: &Arc<Authority>,
        trusted: &Authority,
        versions: &[&'static SupportedProtocolVersion],
    ) -> FakeServer {
        Self::start_trusting(Arc::clone(authority), trusted, versions, |_, mut stream| {
            receive(&mut stream);
        })
    }

    fn start_trusting(
        authority: Arc<Authority>,
        trusted: &Authority,
        versions: &[&'static SupportedProtocolVersion],
        serve: impl Fn(usize, Stream) + Send + Sync + 'static,
    ) -> FakeServer {
        let (chain, key) = der(authority.issue("localhost"));
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(trusted.roots(), Arc::clone(&provider));
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap();
        let config = builder
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap();
        let (config, serve) = (Arc::new(config), Arc::new(serve));
        let port = listen(move |number, socket| {
            let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            serve(number, StreamOwned::new(tls, socket));
        });
        FakeServer {
            address: ServerAddress {
                host: "localhost".into(),
                port,
                transport: Transport::Tls,
            },
            authority,
        }
    }

    /// A client of this server with a deadline that no test needs.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::new(
            vec![self.address.clone()],
            client_config(&self.authority, &self.authority),
        );
        settings.deadline = Duration::from_secs(20);
        settings
    }

    pub fn client(&self) -> Client {
        Client::new(self.settings())
    }
}

/// Accepts connections until the process ends.
pub fn listen(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for (number, socket) in listener.incoming().enumerate() {
            let serve = Arc::clone(&serve);
            let socket = socket.unwrap();
            socket.set_nodelay(true).unwrap();
            std::thread::spawn(move || serve(number, socket));
        }
    });
    port
}

/// A client configuration that trusts one authority and has a certificate of another.
pub fn client_config(trusted: &Authority, issuer: &Authority) -> Arc<ClientConfig> {
    let (chain, key) = der(issuer.issue("alice"));
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder
        .with_protocol_versions(BOTH)
        .unwrap()
        .with_root_certificates(trusted.roots());
    Arc::new(builder.with_client_auth_cert(chain, key).unwrap())
}

/// The next request; none when the client has gone.
pub fn receive(stream: &mut Stream) -> Option<Frame> {
    let mut bytes = vec![0; 8];
    stream.read_exact(&mut bytes).ok()?;
    let length = u32::from_be_bytes(bytes[4..8].try_into().unwrap()) as usize;
    bytes.resize(8 + length, 0);
    stream.read_exact(&mut bytes[8..]).ok()?;
    Some(
        Frame::parse(Zeroizing::new(bytes), &Limits::default())
            .unwrap_or_else(|invalid| panic!("{invalid}")),
    )
}

pub fn send(stream: &mut Stream, bytes: &[u8]) {
    // A client that has had enough may be gone.
    let _ = stream.write_all(bytes).and_then(|()| stream.flush());
}

pub fn version_of(request: &Frame) -> Version {
    let header = request.root().find(Tag::REQUEST_HEADER).unwrap();
    let version = header.find(Tag::PROTOCOL_VERSION).unwrap();
    let number = |tag| version.find(tag).unwrap().integer().unwrap() as u32;
    Version {
        major: number(Tag::PROTOCOL_VERSION_MAJOR),
        minor: number(Tag::PROTOCOL_VERSION_MINOR),
    }
}

pub fn operations_of(request: &Frame) -> Vec<Operation> {
    let operation =
        |item: Item<'_>| Operation(item.find(Tag::OPERATION).unwrap().enumeration().unwrap());
    request
        .root()
        .find_all(Tag::BATCH_ITEM)
        .map(operation)
        .collect()
}

/// Answers as a good server that speaks `versions`: objects exist unless they are called "absent".
pub fn answer(request: &Frame, versions: &[Version]) -> Wiped {
    response(version_of(request), |writer| {
        for item in request.root().find_all(Tag::BATCH_ITEM) {
            answer_item(writer, item, versions);
        }
    })
}

fn answer_item(writer: &mut Writer, item: Item<'_>, versions: &[Version]) {
    let operation = Operation(item.find(Tag::OPERATION).unwrap().enumeration().unwrap());
    let id = item.find(Tag::UNIQUE_BATCH_ITEM_ID).unwrap().raw();
    let object = item
        .find(Tag::REQUEST_PAYLOAD)
        .and_then(|payload| payload.find(Tag::UNIQUE_IDENTIFIER)?.text());
    if object == Some("absent") {
        return failure(
            writer,
            Some(operation),
            Some(id),
            ResultReason::ITEM_NOT_FOUND,
            "not here",
        );
    }
    success(writer, operation, id, |writer| match operation {
        Operation::DISCOVER_VERSIONS => versions.iter().for_each(|version| {
            writer.structure(Tag::PROTOCOL_VERSION, |writer| {
                writer.integer(Tag::PROTOCOL_VERSION_MAJOR, version.major as i32);
                writer.integer(Tag::PROTOCOL_VERSION_MINOR, version.minor as i32);
            });
        }),
        Operation::QUERY => {
            writer.enumeration(Tag::OPERATION, Operation::SIGN);
            writer.text(Tag::VENDOR_IDENTIFICATION, "Fake");
        }
        _ => {
            writer.text(Tag::UNIQUE_IDENTIFIER, object.unwrap_or_default());
            writer.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, "2");
            writer.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER, "1");
            writer.bytes(Tag::SIGNATURE_DATA, &[7; 70]);
        }
    });
}

/// Serves a connection as a good server until the client goes.
pub fn serve_well(mut stream: Stream, versions: &[Version]) {
    while let Some(request) = receive(&mut stream) {
        send(&mut stream, &answer(&request, versions));
    }
}

/// A client that has agreed on a version and holds an idle connection.
pub fn acquainted(server: &FakeServer, change: impl FnOnce(&mut Settings)) -> Client {
    let mut settings = server.settings();
    change(&mut settings);
    let client = Client::new(settings);
    client.call(&[super::samples::get("1")]).unwrap();
    client
}
