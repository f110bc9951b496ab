//! A real server, by hand: `tools/servers/server.sh start pykmip --dir /tmp/k` (or `cosmian`), then
//! `KMIP_TEST_ENV=/tmp/k/env.sh cargo test -p kmip-p11 kmip::tests::live -- --ignored --nocapture`.
//! With `KMIP_TEST_WAY=ttlv:/kmip` or `json:/kmip` the same is said over HTTPS.

use crate::kmip::*;
use std::collections::HashMap;
use std::time::Duration;

/// How the server is spoken to.
pub fn transport() -> Transport {
    let way = std::env::var("KMIP_TEST_WAY").unwrap_or_default();
    match way.split_once(':') {
        None => Transport::Tls,
        Some((encoding, path)) => Transport::Https {
            path: path.into(),
            encoding: match encoding {
                "ttlv" => Encoding::Ttlv,
                "json" => Encoding::Json,
                other => panic!("{other}"),
            },
        },
    }
}

/// Whether a version is spoken that way: at `/kmip` Cosmian reads JSON of 1.4 and 2.1 only.
pub fn is_spoken(version: Version) -> bool {
    let way = std::env::var("KMIP_TEST_WAY").unwrap_or_default();
    way != "json:/kmip" || [Version::V1_4, Version::V2_1].contains(&version)
}

/// Those of the versions that are spoken that way.
pub fn spoken(versions: &[Option<Version>]) -> Vec<Option<Version>> {
    let spoken = versions.iter().copied();
    spoken
        .filter(|version| version.is_none_or(is_spoken))
        .collect()
}

fn environment() -> HashMap<String, String> {
    let file = std::env::var("KMIP_TEST_ENV").unwrap();
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// `pykmip` or `cosmian`.
pub fn server_kind() -> String {
    environment()["KMIP_SERVER_KIND"].clone()
}

pub fn settings(version: Option<Version>) -> Settings {
    settings_over(&transport(), version)
}

pub fn settings_over(transport: &Transport, version: Option<Version>) -> Settings {
    let env = environment();
    let files = TlsFiles {
        ca: env["KMIP_CA"].clone().into(),
        client_cert: Some(env["KMIP_CERT"].clone().into()),
        client_key: Some(env["KMIP_KEY"].clone().into()),
        server_name: None,
    };
    let port = match transport {
        Transport::Tls => &env["KMIP_PORT"],
        Transport::Https { .. } => &env["KMIP_HTTPS_PORT"],
    };
    let address = ServerAddress {
        host: env["KMIP_HOST"].clone(),
        port: port.parse().unwrap(),
        transport: transport.clone(),
    };
    let mut settings = Settings::new(vec![address], files.load().unwrap());
    settings.version = version;
    settings.deadline = Duration::from_secs(20);
    settings
}

pub fn client(version: Option<Version>) -> Client {
    Client::new(settings(version))
}

pub fn client_over(transport: Transport) -> Client {
    Client::new(settings_over(&transport, None))
}

pub fn one(client: &Client, request: Request) -> Response {
    let mut answers = client.call(&[request]).unwrap();
    assert_eq!(answers.len(), 1);
    answers.remove(0).unwrap()
}

fn locate(name: &str) -> Request {
    Request::Locate {
        filters: vec![
            Attribute::ObjectType(ObjectType::PRIVATE_KEY),
            Attribute::Name(name.into()),
        ],
        maximum_items: Some(10),
        offset_items: None,
        storage_status: None,
        group_member: None,
    }
}

/// PyKMIP takes two names in 1.x only: in 2.0 it misses the index that 2.0 has done away with. Cosmian keeps the last.
fn create(name: &str, version: Option<Version>) -> Request {
    let names = if version.is_some_and(|version| version < Version::V2_0) {
        2
    } else {
        1
    };
    Request::CreateKeyPair {
        common: [
            vec![
                Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
                Attribute::CryptographicLength(2048),
            ],
            vec![
                Attribute::Name(format!("{name} again")),
                Attribute::Name(name.into()),
            ][2 - names..]
                .to_vec(),
        ]
        .concat(),
        private: vec![Attribute::CryptographicUsageMask(UsageMask::SIGN)],
        public: vec![Attribute::CryptographicUsageMask(UsageMask::VERIFY)],
    }
}

fn sign(id: &str) -> Request {
    let parameters = CryptographicParameters {
        padding: Some(PaddingMethod::PKCS1_V15),
        signature_algorithm: Some(DigitalSignatureAlgorithm::SHA256_WITH_RSA_ENCRYPTION),
        ..Default::default()
    };
    Request::Sign {
        id: id.into(),
        parameters,
        input: SignInput::Data(b"hello".to_vec()),
    }
}

fn life_of_a_key(version: Option<Version>) {
    let client = client(version);
    let name = format!("live {version:?} {}", std::process::id());
    let Response::CreateKeyPair {
        private_id,
        public_id,
    } = one(&client, create(&name, version))
    else {
        panic!()
    };
    println!(
        "{:?}: {:?} {:?}",
        version,
        client.version(),
        client.server_info()
    );
    one(
        &client,
        Request::Activate {
            id: private_id.clone(),
        },
    );
    let Response::Locate { ids, .. } = one(&client, locate(&name)) else {
        panic!()
    };
    assert_eq!(ids, std::slice::from_ref(&private_id));
    use_of_a_key(&client, &private_id, &public_id, name);
    let revoke = Request::Revoke {
        id: private_id.clone(),
        reason: RevocationReasonCode::CESSATION_OF_OPERATION,
        message: Some("end of test".into()),
        compromised_at: None,
    };
    one(&client, revoke);
    one(&client, Request::Destroy { id: private_id });
    one(&client, Request::Destroy { id: public_id });
    println!("{:?}", client.traffic());
}

/// One message with a key's attributes, its public half, an error, and a signature that verifies.
fn use_of_a_key(client: &Client, private_id: &str, public_id: &str, name: String) {
    let batch = [
        Request::GetAttributes {
            id: private_id.into(),
            names: Vec::new(),
        },
        Request::Get {
            id: public_id.into(),
            format: None,
            wrapping: None,
        },
        Request::Get {
            id: "no such".into(),
            format: None,
            wrapping: None,
        },
        sign(private_id),
    ];
    let answers = client.call(&batch).unwrap();
    let Ok(Response::GetAttributes { attributes, .. }) = &answers[0] else {
        panic!()
    };
    assert!(attributes.contains(&Attribute::State(State::ACTIVE)));
    assert!(attributes.contains(&Attribute::Name(name)));
    let Ok(Response::Get {
        object: ManagedObject::PublicKey(block),
        ..
    }) = &answers[1]
    else {
        panic!()
    };
    let reason = answers[2].as_ref().unwrap_err().reason;
    assert!([ResultReason::ITEM_NOT_FOUND, ResultReason::OBJECT_NOT_FOUND].contains(&reason));
    let Ok(Response::Sign { signature, .. }) = &answers[3] else {
        panic!()
    };
    let KeyMaterial::Bytes(key) = &block.material else {
        panic!()
    };
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(
        &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
        &key[..],
    );
    key.verify(b"hello", signature).unwrap();
}

#[test]
#[ignore = "needs a server"]
fn a_key_lives_and_dies_in_every_version() {
    let versions = [
        None,
        Some(Version::V1_2),
        Some(Version::V1_4),
        Some(Version::V2_0),
    ];
    spoken(&versions).into_iter().for_each(life_of_a_key);
}

#[test]
#[ignore = "needs a server"]
fn negotiation_costs_no_flight_of_its_own() {
    let client = client(None);
    one(&client, locate("nothing"));
    println!(
        "{:?} {:?} {:?}",
        client.version(),
        client.server_info(),
        client.traffic()
    );
    assert!(client.version() >= Some(Version::V2_0));
    assert_eq!(client.traffic().requests, 1);
    one(&client, locate("nothing"));
    assert_eq!(
        (client.traffic().requests, client.traffic().connections),
        (2, 1)
    );
}

#[test]
#[ignore = "needs a server"]
fn a_version_the_server_does_not_know_is_refused() {
    let client = client(Some(Version { major: 3, minor: 0 }));
    println!(
        "{}",
        client.call(&[locate("nothing")]).unwrap()[0]
            .as_ref()
            .unwrap_err()
    );
}

#[test]
#[ignore = "needs a server"]
fn what_is_registered_comes_back() {
    for version in spoken(&[None, Some(Version::V1_2), Some(Version::V1_4)]) {
        let client = client(version);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["host".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let block = KeyBlock {
            format: Some(KeyFormatType::PKCS_8),
            algorithm: Some(CryptographicAlgorithm::ECDSA),
            length: Some(256),
            material: KeyMaterial::Bytes(key.serialize_der().into()),
            wrapping: None,
        };
        let value = certificate.der().to_vec();
        for object in [
            ManagedObject::PrivateKey(block),
            ManagedObject::Certificate {
                kind: CertificateType::X_509,
                value,
            },
        ] {
            let mask = Attribute::CryptographicUsageMask(UsageMask::SIGN | UsageMask::VERIFY);
            let attributes = vec![Attribute::Name(format!("registered {version:?}")), mask];
            let register = Request::Register {
                object: object.clone(),
                attributes,
            };
            let Response::Register { id } = one(&client, register) else {
                panic!()
            };
            let format =
                matches!(object, ManagedObject::PrivateKey(_)).then_some(KeyFormatType::PKCS_8);
            let Response::Get { object: back, .. } = one(
                &client,
                Request::Get {
                    id,
                    format,
                    wrapping: None,
                },
            ) else {
                panic!()
            };
            match (&back, &object) {
                (ManagedObject::PrivateKey(back), ManagedObject::PrivateKey(block)) => {
                    println!("{back:?} {}", back.material == block.material);
                    assert!(matches!(back.material, KeyMaterial::Bytes(_)));
                }
                _ => assert_eq!(back, object),
            }
        }
    }
}

/// What somebody reads who has the wrong certificate, or none.
#[test]
#[ignore = "needs a server of tools/servers"]
fn strangers_are_told_what_is_wrong() {
    let directory = std::path::PathBuf::from(std::env::var("KMIP_TEST_ENV").unwrap())
        .parent()
        .unwrap()
        .to_owned();
    let working = client(None);
    for name in [None, Some("stranger"), Some("noeku"), Some("alice")] {
        let files = TlsFiles {
            ca: directory.join("ca.crt"),
            client_cert: name.map(|name| directory.join(format!("{name}.crt"))),
            client_key: name.map(|name| directory.join(format!("{name}.key"))),
            server_name: None,
        };
        let mut settings = Settings::new(working.servers().to_vec(), files.load().unwrap());
        settings.deadline = Duration::from_secs(5);
        match Client::new(settings).call(&[locate("nothing")]) {
            Ok(_) => println!("{name:?}: let in"),
            Err(error) => println!("{name:?}: {error}"),
        }
    }
}

#[test]
#[ignore = "needs a server"]
fn a_second_connection_resumes_the_session_of_the_first() {
    let mut settings = settings(None);
    settings.maximum_idle = Duration::ZERO;
    let client = Client::new(settings);
    let query = || Request::Query {
        functions: vec![QueryFunction::QUERY_OPERATIONS],
    };
    let counts = [1, 2, 3].map(|_| {
        one(&client, query());
        client.traffic()
    });
    println!("{counts:#?}");
    assert_eq!(counts[0].resumed, 0);
    let of_the_last = (counts[2].connections, counts[2].resumed);
    match transport() {
        Transport::Tls => assert_eq!(of_the_last, (3, 2)),
        // Cosmian's HTTPS fails over the first session that it is offered, and gets no other.
        Transport::Https { .. } => assert_eq!(of_the_last, (4, 0)),
    }
}
