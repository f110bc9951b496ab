//! A bearer token that Cosmian takes: the bytes of a symmetric key that `server.sh` has named in its configuration.

use kmip_p11::kmip::{
    Attribute, Client, CryptographicAlgorithm, KeyBlock, KeyFormatType, KeyMaterial, ManagedObject,
    ObjectType, Request, ServerAddress, Settings, TlsFiles, Transport, UsageMask,
};
use zeroize::Zeroizing;

use crate::kmip_server::{Endpoint, ServerKind};

/// The key's identifier.
const ID: &str = "kmip-p11-test-api-token";

/// The token: the bytes 0 to 31 in base64.
pub const TOKEN: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Puts the key on the shared server, where it may be already.
pub fn store() {
    let key = KeyBlock {
        format: Some(KeyFormatType::RAW),
        algorithm: Some(CryptographicAlgorithm::AES),
        length: Some(256),
        material: KeyMaterial::Bytes(Zeroizing::new((0..32).collect())),
        wrapping: None,
    };
    let import = Request::Import {
        id: ID.into(),
        object: ManagedObject::SymmetricKey(key),
        attributes: vec![
            Attribute::ObjectType(ObjectType::SYMMETRIC_KEY),
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(UsageMask::ENCRYPT),
            Attribute::ActivationDate(1_700_000_000),
        ],
        replace_existing: true,
        key_wrap_type: None,
    };
    let answers = client(ServerKind::Cosmian.shared().endpoint("alice")).call(&[import]);
    let answers = answers.unwrap_or_else(|error| panic!("{error}"));
    for answer in answers {
        answer.unwrap_or_else(|refusal| panic!("{refusal}"));
    }
}

/// A client of the server at that endpoint, for what no slot does.
pub fn client(endpoint: Endpoint) -> Client {
    let (host, port) = endpoint.address.rsplit_once(':').expect("host:port");
    let address = ServerAddress {
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        transport: Transport::Tls,
    };
    let files = TlsFiles {
        ca: endpoint.ca,
        client_cert: Some(endpoint.certificate),
        client_key: Some(endpoint.key),
        server_name: None,
    };
    let tls = files.load().unwrap_or_else(|error| panic!("{error}"));
    Client::new(Settings::new(vec![address], tls))
}
