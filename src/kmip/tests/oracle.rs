//! Another implementation (kmip-protocol, kmip-ttlv): what we write for KMIP 1.x is byte for byte what it writes, and each reads
//! the other. It is used here only: it has no place where replies of real servers arrive.

use super::samples::{create_key_pair, frame, get, item_id, private_key, response, sign, success};
use crate::kmip::message::{MessageId, encode};
use crate::kmip::ttlv::{Item, ItemType};
use crate::kmip::*;
use kmip_protocol::types::common as c;
use kmip_protocol::types::request::{self as theirs, RequestPayload};
use kmip_protocol::types::response::{ResponseMessage, ResponsePayload};

/// Their message of one item, in that version and with our ID.
fn their_message(payload: RequestPayload, version: Version) -> Vec<u8> {
    let number = |number: u32| i32::try_from(number).unwrap();
    let version = theirs::ProtocolVersion(
        theirs::ProtocolVersionMajor(number(version.major)),
        theirs::ProtocolVersionMinor(number(version.minor)),
    );
    let id = c::UniqueBatchItemID(item_id(5, 0).to_vec());
    let header = theirs::RequestHeader(version, None, None, theirs::BatchCount(1));
    let item = theirs::BatchItem(payload.operation(), Some(id), payload);
    kmip_ttlv::ser::to_vec(&theirs::RequestMessage(header, vec![item])).unwrap()
}

/// In every version of KMIP 1 that has the request, and these are at least two.
pub fn assert_same(ours: &Request, payload: RequestPayload) {
    let versions = Version::KNOWN
        .into_iter()
        .filter(|version| version.major == 1);
    let has_it = |version: &Version| ours.check_expressible(*version).is_ok();
    let versions: Vec<_> = versions.filter(has_it).collect();
    assert!(versions.len() >= 2, "{versions:?}");
    for version in versions {
        let bytes = encode(version, MessageId(5), &[ours]).unwrap();
        let theirs = their_message(payload.clone(), version);
        assert_eq!(diagnosis(&bytes), diagnosis(&theirs));
        assert_eq!(*bytes, theirs, "{version}");
    }
}

/// How the other implementation reads a frame.
fn diagnosis(bytes: &[u8]) -> String {
    kmip_ttlv::PrettyPrinter::new().to_diag_string(bytes)
}

pub fn id(text: &str) -> Option<c::UniqueIdentifier> {
    Some(c::UniqueIdentifier(text.into()))
}

#[test]
fn queries_and_lookups_are_the_same_bytes() {
    let functions = vec![
        QueryFunction::QUERY_OPERATIONS,
        QueryFunction::QUERY_SERVER_INFORMATION,
    ];
    let their_functions = vec![
        theirs::QueryFunction::QueryOperations,
        theirs::QueryFunction::QueryServerInformation,
    ];
    assert_same(
        &Request::Query { functions },
        RequestPayload::Query(their_functions),
    );
    assert_same(
        &Request::DiscoverVersions,
        RequestPayload::DiscoverVersions(vec![]),
    );
    assert_same(&get("7"), RequestPayload::Get(id("7"), None, None, None));
    let pkcs8 = Request::Get {
        id: "7".into(),
        format: Some(KeyFormatType::PKCS_8),
        wrapping: None,
    };
    assert_same(
        &pkcs8,
        RequestPayload::Get(id("7"), Some(c::KeyFormatType::PKCS8), None, None),
    );
    assert_same(
        &Request::GetAttributes {
            id: "7".into(),
            names: Vec::new(),
        },
        RequestPayload::GetAttributes(id("7"), None),
    );
    let filters = vec![
        Attribute::ObjectType(ObjectType::PRIVATE_KEY),
        Attribute::Name("schlüssel".into()),
    ];
    let their_filters = vec![
        theirs::Attribute::ObjectType(c::ObjectType::PrivateKey),
        theirs::Attribute::Name("schlüssel".into()),
    ];
    let locate = Request::Locate {
        filters,
        maximum_items: None,
        offset_items: None,
        storage_status: None,
        group_member: None,
    };
    assert_same(&locate, RequestPayload::Locate(their_filters));
}

#[test]
fn lives_of_keys_are_the_same_bytes() {
    let attributes = |name: &str, mask| {
        vec![
            theirs::Attribute::Name(name.into()),
            theirs::Attribute::CryptographicUsageMask(mask),
        ]
    };
    let common = vec![
        theirs::Attribute::CryptographicAlgorithm(c::CryptographicAlgorithm::RSA),
        theirs::Attribute::CryptographicLength(2048),
    ];
    let pair = RequestPayload::CreateKeyPair(
        Some(theirs::CommonTemplateAttribute::unnamed(common)),
        Some(theirs::PrivateKeyTemplateAttribute::unnamed(attributes(
            "a",
            c::CryptographicUsageMask::Sign,
        ))),
        Some(theirs::PublicKeyTemplateAttribute::unnamed(attributes(
            "b",
            c::CryptographicUsageMask::Verify,
        ))),
    );
    assert_same(&create_key_pair(), pair);
    assert_same(
        &Request::Activate { id: "7".into() },
        RequestPayload::Activate(id("7")),
    );
    assert_same(
        &Request::Destroy { id: "7".into() },
        RequestPayload::Destroy(id("7")),
    );
    let reason = theirs::RevocationReason(c::RevocationReasonCode::CessationOfOperation, None);
    let revoke = Request::Revoke {
        id: "7".into(),
        reason: RevocationReasonCode::CESSATION_OF_OPERATION,
        message: None,
        compromised_at: None,
    };
    assert_same(&revoke, RequestPayload::Revoke(id("7"), reason, None));
    let attribute = Attribute::ObjectGroup("g".into());
    let modify = Request::ModifyAttribute {
        id: "7".into(),
        attribute,
        current: None,
        index: None,
    };
    assert_same(
        &modify,
        RequestPayload::ModifyAttribute(id("7"), theirs::Attribute::ObjectGroup("g".into())),
    );
}

#[test]
fn registrations_are_the_same_bytes() {
    let block = theirs::KeyBlock(
        c::KeyFormatType::PKCS8,
        None,
        Some(theirs::KeyValue(c::KeyMaterial::Bytes(vec![1, 2, 3]), None)),
        Some(c::CryptographicAlgorithm::RSA),
        Some(c::CryptographicLength(2048)),
        None,
    );
    let payload = RequestPayload::Register(
        c::ObjectType::PrivateKey,
        theirs::TemplateAttribute::unnamed(vec![theirs::Attribute::Name("a".into())]),
        Some(theirs::ManagedObject::PrivateKey(theirs::PrivateKey(block))),
    );
    let ours = Request::Register {
        object: private_key(),
        attributes: vec![Attribute::Name("a".into())],
    };
    assert_same(&ours, payload);
}

#[test]
fn signatures_are_asked_for_in_the_same_bytes() {
    let parameters = c::CryptographicParameters::default()
        .with_padding_method(c::PaddingMethod::PKCS1_v1_5)
        .with_hashing_algorithm(c::HashingAlgorithm::SHA256)
        .with_digital_signature_algorithm(
            c::DigitalSignatureAlgorithm::SHA256WithRSAEncryption_PKCS1_v1_5,
        )
        .with_cryptographic_algorithm(c::CryptographicAlgorithm::RSA);
    let payload = RequestPayload::Sign(id("9"), Some(parameters), c::Data(b"hello".to_vec()));
    assert_same(&sign(SignInput::Data(b"hello".to_vec())), payload);
}

#[test]
fn the_other_implementation_reads_every_frame_as_we_do() {
    let set = Request::SetAttribute {
        id: "1".into(),
        attribute: Attribute::Sensitive(true),
    };
    let digest = sign(SignInput::DigestedData(vec![0; 32]));
    let register = Request::Register {
        object: private_key(),
        attributes: vec![Attribute::Name("a".into())],
    };
    let pair = create_key_pair();
    let bytes = encode(
        Version::V2_1,
        MessageId(1),
        &[&set, &digest, &register, &pair],
    )
    .unwrap();
    assert_eq!(diagnosis(&bytes), our_diagnosis(frame(&bytes).root()));
}

/// The other implementation's short form: the tag, a letter for the type, numbers of enumerations.
fn our_diagnosis(item: Item<'_>) -> String {
    let tag = format!("{:06X}", item.tag.0);
    match item.kind {
        ItemType::STRUCTURE => {
            let children: String = item.children().map(our_diagnosis).collect();
            format!("{tag}[{children}]")
        }
        ItemType::ENUMERATION => format!("{tag}e{:X}:", item.enumeration().unwrap()),
        ItemType::INTEGER => format!("{tag}i"),
        ItemType::TEXT_STRING => format!("{tag}t"),
        ItemType::BYTE_STRING => format!("{tag}o"),
        ItemType::BOOLEAN => format!("{tag}b"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn replies_that_we_write_are_read_by_the_other_implementation() {
    let bytes = response(Version::V1_2, |writer| {
        success(
            writer,
            Operation::CREATE_KEY_PAIR,
            &item_id(1, 0),
            |writer| {
                writer.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, "2");
                writer.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER, "1");
            },
        );
    });
    let message: ResponseMessage = kmip_protocol::response::from_slice(&bytes).unwrap();
    let Some(ResponsePayload::CreateKeyPair(payload)) = &message.batch_items[0].payload else {
        panic!()
    };
    assert_eq!(payload.private_key_unique_identifier.0, "2");
}
