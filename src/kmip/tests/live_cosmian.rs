//! Cosmian KMS, by hand, like [`super::live`]: elliptic curves, digests signed as they are, attributes changed.

use super::live::{client, one, spoken};
use crate::kmip::*;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};

fn pair(algorithm: CryptographicAlgorithm, curve: Option<RecommendedCurve>, name: &str) -> Request {
    let mut common = vec![
        Attribute::CryptographicAlgorithm(algorithm),
        Attribute::ActivationDate(1_700_000_000),
    ];
    common.extend(curve.map(|curve| Attribute::CryptographicDomainParameters { curve }));
    Request::CreateKeyPair {
        common,
        private: vec![
            Attribute::Name(name.into()),
            Attribute::CryptographicUsageMask(UsageMask::SIGN),
        ],
        public: vec![
            Attribute::Name(name.into()),
            Attribute::CryptographicUsageMask(UsageMask::VERIFY),
        ],
    }
}

fn made(client: &Client, request: Request) -> (String, String) {
    match one(client, request) {
        Response::CreateKeyPair {
            private_id,
            public_id,
        } => (private_id, public_id),
        other => panic!("{other:?}"),
    }
}

fn attributes(client: &Client, id: &str) -> Vec<Attribute> {
    match one(
        client,
        Request::GetAttributes {
            id: id.into(),
            names: Vec::new(),
        },
    ) {
        Response::GetAttributes { attributes, .. } => attributes,
        other => panic!("{other:?}"),
    }
}

fn point(client: &Client, id: &str) -> Vec<u8> {
    match one(
        client,
        Request::Get {
            id: id.into(),
            format: Some(KeyFormatType::TRANSPARENT_EC_PUBLIC_KEY),
            wrapping: None,
        },
    ) {
        Response::Get {
            object: ManagedObject::PublicKey(block),
            ..
        } => match block.material {
            KeyMaterial::TransparentEcPublic { q, .. } => q,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn signature(
    client: &Client,
    id: &str,
    parameters: CryptographicParameters,
    input: SignInput,
) -> Vec<u8> {
    match one(
        client,
        Request::Sign {
            id: id.into(),
            parameters,
            input,
        },
    ) {
        Response::Sign { signature, .. } => signature,
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "needs Cosmian KMS"]
fn digests_are_signed_with_elliptic_curves() {
    for version in spoken(&[None, Some(Version::V1_4), Some(Version::V2_0)]) {
        let client = client(version);
        let (private, public) = made(
            &client,
            pair(
                CryptographicAlgorithm::ECDSA,
                Some(RecommendedCurve::P_256),
                "p256",
            ),
        );
        let parameters = CryptographicParameters {
            signature_algorithm: Some(DigitalSignatureAlgorithm::ECDSA_WITH_SHA256),
            ..Default::default()
        };
        let digested = SignInput::DigestedData(digest(&SHA256, b"hello").as_ref().to_vec());
        let signature = signature(&client, &private, parameters, digested);
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point(&client, &public));
        key.verify(b"hello", &signature).unwrap();
        let attributes = attributes(&client, &private);
        assert!(attributes.contains(&Attribute::State(State::ACTIVE)));
        assert!(attributes.contains(&Attribute::Link {
            kind: LinkType::PUBLIC_KEY_LINK,
            id: public
        }));
    }
}

#[test]
#[ignore = "needs Cosmian KMS"]
fn messages_are_signed_with_ed25519() {
    let client = client(None);
    let (private, public) = made(&client, pair(CryptographicAlgorithm::ED25519, None, "ed"));
    assert_eq!(client.version(), Some(Version::V2_1));
    let signature = signature(
        &client,
        &private,
        Default::default(),
        SignInput::Data(b"hello".to_vec()),
    );
    UnparsedPublicKey::new(&ED25519, point(&client, &public))
        .verify(b"hello", &signature)
        .unwrap();
}

/// Over KMIP 1.x the server cannot send an Ed25519 public key, and fails the whole message.
#[test]
#[ignore = "needs Cosmian KMS"]
fn one_bad_object_does_not_hide_the_others_there_either() {
    let (newest, client) = (client(None), client(Some(Version::V1_4)));
    let (_, p256) = made(
        &newest,
        pair(
            CryptographicAlgorithm::ECDSA,
            Some(RecommendedCurve::P_256),
            "p256",
        ),
    );
    let (_, ed) = made(&newest, pair(CryptographicAlgorithm::ED25519, None, "ed"));
    let get = |id: &str| Request::Get {
        id: id.into(),
        format: None,
        wrapping: None,
    };
    let answers = client
        .call(&[get(&p256), get(&ed), get("absent"), get(&p256)])
        .unwrap();
    assert!(answers[0].is_ok() && answers[1].is_err() && answers[2].is_err() && answers[3].is_ok());
    println!("{:?} {:?} {:?}", answers[1], answers[2], client.traffic());
}

#[test]
#[ignore = "needs Cosmian KMS"]
fn attributes_are_added_changed_and_deleted() {
    for version in [None, Some(Version::V1_4)] {
        let client = client(version);
        let (id, _) = made(
            &client,
            pair(
                CryptographicAlgorithm::ECDSA,
                Some(RecommendedCurve::P_256),
                "changing",
            ),
        );
        let value = Value::Text("red".into());
        let red = || Attribute::Vendor {
            vendor: "x".into(),
            name: "colour".into(),
            value: value.clone(),
        };
        let group = |name: &str| Attribute::ObjectGroup(name.into());
        one(
            &client,
            Request::AddAttribute {
                id: id.clone(),
                attribute: red(),
            },
        );
        one(
            &client,
            Request::AddAttribute {
                id: id.clone(),
                attribute: group("a"),
            },
        );
        one(
            &client,
            Request::ModifyAttribute {
                id: id.clone(),
                attribute: group("b"),
                current: None,
                index: None,
            },
        );
        let now = attributes(&client, &id);
        assert!(
            now.contains(&red()) && now.contains(&group("b")) && !now.contains(&group("a")),
            "{now:#?}"
        );
        one(
            &client,
            Request::DeleteAttribute {
                id: id.clone(),
                attribute: red(),
                index: None,
            },
        );
        assert!(!attributes(&client, &id).contains(&red()));
    }
}

/// The server sends session tickets and the reply in two packets, and the second waits for our acknowledgement of the first.
#[test]
#[ignore = "needs Cosmian KMS"]
fn a_first_call_is_quick() {
    let request = [Request::Query {
        functions: vec![QueryFunction::QUERY_OPERATIONS],
    }];
    let mut times: Vec<std::time::Duration> = (0..21)
        .map(|_| {
            let (client, start) = (client(None), std::time::Instant::now());
            client.call(&request).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "first call over a new connection: median {:?}, worst {:?}",
        times[10], times[20]
    );
    let client = client(None);
    client.call(&request).unwrap();
    let start = std::time::Instant::now();
    (0..100).for_each(|_| drop(client.call(&request).unwrap()));
    println!("later calls: {:?} each", start.elapsed() / 100);
}
