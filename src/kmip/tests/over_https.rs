//! Cosmian KMS over HTTPS, by hand, like [`super::live`]: bearer tokens, wrong paths, and what each way costs.

use super::live::{client_over, one, settings_over};
use crate::kmip::*;
use zeroize::Zeroizing;

fn https(path: &str, encoding: Encoding) -> Transport {
    Transport::Https {
        path: path.into(),
        encoding,
    }
}

fn ways() -> [Transport; 3] {
    [
        https("/kmip", Encoding::Ttlv),
        https("/kmip", Encoding::Json),
        https("/kmip/2_1", Encoding::Json),
    ]
}

/// The identifier of the symmetric key whose bytes are the server's API token, as `server.sh` configures it.
const TOKEN_ID: &str = "kmip-p11-test-api-token";
const TOKEN: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn store_token() {
    let key = KeyBlock {
        format: Some(KeyFormatType::RAW),
        algorithm: Some(CryptographicAlgorithm::AES),
        length: Some(256),
        material: KeyMaterial::Bytes(Zeroizing::new((0..32).collect())),
        wrapping: None,
    };
    let import = Request::Import {
        id: TOKEN_ID.into(),
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
    one(&client_over(Transport::Tls), import);
}

fn locate() -> Request {
    Request::Locate {
        filters: vec![Attribute::ObjectType(ObjectType::PRIVATE_KEY)],
        maximum_items: Some(1),
        offset_items: None,
        storage_status: None,
        group_member: None,
    }
}

#[test]
#[ignore = "needs Cosmian KMS"]
fn a_bearer_token_is_as_good_as_a_certificate() {
    store_token();
    for way in ways() {
        let ask = |token: Option<&str>| {
            let mut settings = settings_over(&way, None);
            settings.tls = without_certificate();
            settings.bearer_token = token.map(|token| Zeroizing::new(token.to_owned()));
            Client::new(settings).call(&[locate()])
        };
        for bad in [None, Some("wrong")] {
            let error = ask(bad).unwrap_err();
            assert!(
                matches!(
                    error.kind,
                    ErrorKind::CredentialsRefused { status: 401, .. }
                ),
                "{error}"
            );
        }
        assert!(ask(Some(TOKEN)).unwrap()[0].is_ok());
    }
}

fn without_certificate() -> std::sync::Arc<rustls::ClientConfig> {
    let file = std::env::var("KMIP_TEST_ENV").unwrap();
    let files = TlsFiles {
        ca: std::path::Path::new(&file).with_file_name("ca.crt"),
        ..TlsFiles::default()
    };
    files.load().unwrap()
}

#[test]
#[ignore = "needs Cosmian KMS"]
fn a_wrong_path_is_named() {
    for encoding in [Encoding::Ttlv, Encoding::Json] {
        let error = client_over(https("/kmpi", encoding))
            .call(&[locate()])
            .unwrap_err();
        assert!(
            error.to_string().ends_with(
                "has no KMIP at the path /kmpi (HTTP 404); correct the URL in kmip.servers"
            ),
            "{error}"
        );
    }
}

fn new_key(client: &Client) -> String {
    let pair = Request::CreateKeyPair {
        common: vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::ECDSA),
            Attribute::CryptographicDomainParameters {
                curve: RecommendedCurve::P_256,
            },
            Attribute::ActivationDate(1_700_000_000),
        ],
        private: vec![Attribute::CryptographicUsageMask(UsageMask::SIGN)],
        public: vec![Attribute::CryptographicUsageMask(UsageMask::VERIFY)],
    };
    match one(client, pair) {
        Response::CreateKeyPair { private_id, .. } => private_id,
        other => panic!("{other:?}"),
    }
}

/// One flight each way of a signature, whatever the way.
#[test]
#[ignore = "needs Cosmian KMS"]
fn a_signature_is_one_flight() {
    let id = new_key(&client_over(Transport::Tls));
    let sign = || Request::Sign {
        id: id.clone(),
        parameters: CryptographicParameters {
            signature_algorithm: Some(DigitalSignatureAlgorithm::ECDSA_WITH_SHA256),
            ..Default::default()
        },
        input: SignInput::DigestedData(vec![7; 32]),
    };
    for way in [vec![Transport::Tls], ways().to_vec()].concat() {
        let client = client_over(way.clone());
        one(&client, sign());
        let before = client.traffic();
        let start = std::time::Instant::now();
        const TIMES: u64 = 200;
        (0..TIMES).for_each(|_| drop(one(&client, sign())));
        let (time, after) = (start.elapsed() / TIMES as u32, client.traffic());
        let each = |count: fn(&Traffic) -> u64| (count(&after) - count(&before)) / TIMES;
        println!(
            "{way:?}: first call {before:?}; each signature sent {} received {} bytes, {time:?}",
            each(|traffic| traffic.sent),
            each(|traffic| traffic.received)
        );
        assert_eq!(after.connections, 1);
        assert_eq!((each(|it| it.requests), each(|it| it.writes)), (1, 1));
    }
}

fn questions(id: &str, public: &str) -> Vec<Request> {
    let get = |id: &str, format| Request::Get {
        id: id.into(),
        format,
        wrapping: None,
    };
    let names = vec![
        AttributeReference::Standard(Tag::STATE),
        AttributeReference::Standard(Tag::CRYPTOGRAPHIC_ALGORITHM),
        AttributeReference::Standard(Tag::CRYPTOGRAPHIC_USAGE_MASK),
    ];
    vec![
        Request::DiscoverVersions,
        Request::Query {
            functions: QueryFunction::KNOWN[..3]
                .iter()
                .map(|(number, _)| QueryFunction(*number))
                .collect(),
        },
        Request::GetAttributes {
            id: id.into(),
            names: vec![],
        },
        Request::GetAttributes {
            id: id.into(),
            names,
        },
        Request::GetAttributeList { id: id.into() },
        get(public, None),
        get(public, Some(KeyFormatType::PKCS_8)),
        get(id, Some(KeyFormatType::PKCS_8)),
        get("no such", None),
        Request::Destroy { id: id.into() },
    ]
}

/// An answer as text, without what is an enumeration's unknown name in JSON and a number elsewhere.
fn comparable(mut answer: Answer) -> String {
    if let Ok(Response::GetAttributes { attributes, .. }) = &mut answer {
        attributes.retain(|attribute| attribute.name() != "Random Number Generator");
    }
    format!("{answer:#?}")
}

/// The same is asked in every way; the answers must not show which.
#[test]
#[ignore = "needs Cosmian KMS"]
fn every_way_has_the_same_answers() {
    let id = new_key(&client_over(Transport::Tls));
    let questions = questions(&id, &format!("{id}_pk"));
    for version in [Version::V1_4, Version::V2_1] {
        let ask = |way: &Transport| {
            let client = Client::new(settings_over(way, Some(version)));
            let answers = questions.iter().map(|question| {
                let answers = client.call(std::slice::from_ref(question));
                let mut answers =
                    answers.unwrap_or_else(|error| panic!("{way:?} {question:?}: {error}"));
                comparable(answers.remove(0))
            });
            answers.collect::<Vec<_>>()
        };
        let expected = ask(&Transport::Tls);
        for way in ways() {
            for ((question, answer), expected) in questions.iter().zip(ask(&way)).zip(&expected) {
                assert_eq!(answer, *expected, "{version} {way:?} {question:?}");
            }
        }
    }
}
