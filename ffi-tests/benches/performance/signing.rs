//! C_Sign beside the bare Sign request on a connection of the same kind, one after the other in turns.
//!
//! C_Sign verifies each signature before it gives it away; what that alone takes is shown as well.

use std::time::{Duration, Instant};

use cryptoki_sys::{CK_MECHANISM_TYPE, CKM_ECDSA, CKM_RSA_PKCS};
use ffi_tests::configuration::SlotEntry;
use ffi_tests::fake_server::{FakeServer, Fault};
use ffi_tests::kmip_server::{Endpoint, ServerKind};
use ffi_tests::late_configuration::configure;
use ffi_tests::module::Module;
use ffi_tests::passage::warm;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::session::Session;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::crypto::verify;
use kmip_p11::kmip::{
    Client, CryptographicAlgorithm, CryptographicParameters, DigitalSignatureAlgorithm,
    HashingAlgorithm, PaddingMethod, Request, Response, ServerAddress, Settings,
    SignInput as KmipInput, TlsFiles, Transport,
};
use kmip_p11::model::public_key::{Curve, KeyType, PublicKey};
use kmip_p11::model::signature::{Hash, SignInput::Digest as Digested, SignScheme};

use crate::servers::{Found, Servers};
use crate::table::{Measured, ValueRow, median, shown};

/// C_Sign may take so much of the bare request's time.
const MOST: f64 = 1.05;
const DIGEST: [u8; 32] = [7; 32];
/// Turns that are not counted.
const WARM_UP: usize = 20;

/// A key on a server, by both its names.
struct Place {
    endpoint: Endpoint,
    group: Option<String>,
    label: String,
    id: String,
    key: PublicKey,
}

/// The medians of C_Sign, of the bare request, and of a verification.
struct Medians {
    call: Duration,
    bare: Duration,
    verification: Duration,
}

/// All of them.
pub fn rows(servers: &Servers) -> Vec<ValueRow> {
    let types = [KeyType::Ec(Curve::P256), KeyType::Rsa(2048)];
    let mut rows = vec![];
    for key_type in types {
        rows.push(cosmian(&servers.cosmian, key_type));
    }
    for (way, delay) in [("", 0), (" 1 ms away", 1), (" 5 ms away", 5)] {
        let name = format!("fake server{way}");
        rows.push(fake(&name, Duration::from_millis(delay)));
    }
    rows
}

fn cosmian(found: &Found, key_type: KeyType) -> ValueRow {
    let what = format!("{key_type}, Cosmian");
    match found {
        Err(reason) => row(&what, Err(reason.clone())),
        Ok(server) => {
            let scene = Scene::at(server, ServerKind::Cosmian);
            let label = format!("{}-timed", scene.group);
            // Cosmian is slow with the RSA keys that it makes itself: this one is registered.
            let private = PrivateKey::generate(key_type).expect("a usual type");
            let key = scene.keyring.import(&label, &private);
            let place = Place {
                endpoint: server.endpoint("alice"),
                group: Some(scene.group.clone()),
                label,
                id: key.id.to_string(),
                key: key.public,
            };
            row(&what, Ok(compare(&place, 500)))
        }
    }
}

fn fake(name: &str, delay: Duration) -> ValueRow {
    let server = FakeServer::with(|vault| {
        vault.pairs(1);
    });
    let server = server.start();
    if !delay.is_zero() {
        server.misbehave(Fault::Delay(delay));
    }
    let spki = server.vault().at("public-1").value.clone();
    let place = Place {
        endpoint: server.endpoint(),
        group: None,
        label: "key-000".into(),
        id: "private-1".into(),
        key: PublicKey::from_spki(&spki).expect("a key of ours"),
    };
    let turns = if delay.is_zero() { 2000 } else { 300 };
    let what = format!("{}, {name}", place.key.key_type());
    row(&what, Ok(compare(&place, turns)))
}

fn row(what: &str, medians: Result<Medians, String>) -> ValueRow {
    let what = format!("C_Sign / bare request, {what}");
    match medians {
        Err(reason) => ValueRow {
            what,
            measured: Measured::Not(reason),
            target: None,
        },
        Ok(Medians {
            call,
            bare,
            verification,
        }) => {
            let ratio = call.as_secs_f64() / bare.as_secs_f64();
            let [call, bare, verification] = [call, bare, verification].map(shown);
            let measured = format!("{ratio:.3} ({call} / {bare}; verifying {verification})");
            ValueRow {
                what,
                measured: Measured::Here(measured),
                target: Some((format!("<= {MOST}"), ratio <= MOST)),
            }
        }
    }
}

fn compare(place: &Place, turns: usize) -> Medians {
    let slot = SlotEntry::new(LABEL, place.endpoint.clone());
    let _configuration = configure(&[match &place.group {
        Some(group) => slot.group(group),
        None => slot,
    }]);
    let module = Module::initialized();
    let session = Session::open(&module, module.slot(LABEL)).expect("a session");
    warm(&session);
    let key = session.private_key(&place.label);
    let client = client(&place.endpoint);
    let (request, mechanism, input) = asked(place);
    let call = || {
        session.sign_init(mechanism, key).expect("C_SignInit");
        timed(|| session.sign_into(&input, 512).expect("C_Sign")).0
    };
    let mut taken = Taken::default();
    for turn in 0..WARM_UP + turns {
        if turn == WARM_UP {
            taken = Taken::default();
        }
        if turn % 2 == 0 {
            taken.calls.push(call());
        }
        let (bare, answer) = timed(|| ask(&client, std::slice::from_ref(&request)));
        taken.bares.push(bare);
        taken.verifications.push(verification(&place.key, answer));
        if turn % 2 == 1 {
            taken.calls.push(call());
        }
    }
    drop(session);
    module.finalize().expect("C_Finalize");
    Medians {
        call: median(taken.calls),
        bare: median(taken.bares),
        verification: median(taken.verifications),
    }
}

/// The times of all turns.
#[derive(Default)]
struct Taken {
    calls: Vec<Duration>,
    bares: Vec<Duration>,
    verifications: Vec<Duration>,
}

/// What the library does with an answer before it believes it; right after the wait for the answer,
/// as there, since a processor that has waited is slower.
fn verification(key: &PublicKey, answer: Vec<u8>) -> Duration {
    let signature = key.signature_from_token(answer);
    let input = Digested(&DIGEST);
    let (took, right) = timed(|| verify(key, scheme(key), input, &signature));
    assert!(right, "the server's signature");
    took
}

fn scheme(key: &PublicKey) -> SignScheme {
    match key.key_type() {
        KeyType::Rsa(_) => SignScheme::RsaPkcs1(Hash::Sha256),
        _ => SignScheme::Ecdsa(Hash::Sha256),
    }
}

fn timed<T>(call: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = call();
    (start.elapsed(), result)
}

fn ask(client: &Client, request: &[Request]) -> Vec<u8> {
    let mut answers = client.call(request).expect("an answer");
    match answers.pop() {
        Some(Ok(Response::Sign { signature, .. })) => signature,
        other => panic!("{other:?}"),
    }
}

fn client(endpoint: &Endpoint) -> Client {
    let files = TlsFiles {
        ca: endpoint.ca.clone(),
        client_cert: Some(endpoint.certificate.clone()),
        client_key: Some(endpoint.key.clone()),
        server_name: None,
    };
    let (host, port) = endpoint.address.split_once(':').expect("host:port");
    let address = ServerAddress {
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        transport: Transport::Tls,
    };
    let tls = files.load().expect("files that were just made");
    Client::new(Settings::new(vec![address], tls))
}

/// The request that the module sends for a signature, and how a program asks for it.
fn asked(place: &Place) -> (Request, CK_MECHANISM_TYPE, Vec<u8>) {
    let (parameters, mechanism, input) = match place.key.key_type() {
        KeyType::Rsa(_) => (
            CryptographicParameters {
                padding: Some(PaddingMethod::PKCS1_V15),
                signature_algorithm: Some(DigitalSignatureAlgorithm::SHA256_WITH_RSA_ENCRYPTION),
                algorithm: Some(CryptographicAlgorithm::RSA),
                ..CryptographicParameters::default()
            },
            CKM_RSA_PKCS,
            [&SHA256_DIGEST_INFO, DIGEST.as_slice()].concat(),
        ),
        _ => (
            CryptographicParameters {
                signature_algorithm: Some(DigitalSignatureAlgorithm::ECDSA_WITH_SHA256),
                algorithm: Some(CryptographicAlgorithm::ECDSA),
                ..CryptographicParameters::default()
            },
            CKM_ECDSA,
            DIGEST.to_vec(),
        ),
    };
    let request = Request::Sign {
        id: place.id.clone(),
        parameters: CryptographicParameters {
            hashing: Some(HashingAlgorithm::SHA_256),
            ..parameters
        },
        input: KmipInput::DigestedData(DIGEST.to_vec()),
    };
    (request, mechanism, input)
}

/// RFC 8017, 9.2, note 1.
pub const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20,
];
