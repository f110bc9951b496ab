//! Replies: every kind read, the odd ones of real servers, and those that answer something else.

use super::samples::{failure, frame, get, item_id, response, sign, success};
use crate::kmip::message::{Content, MessageId, decode};
use crate::kmip::ttlv::Writer;
use crate::kmip::*;

fn read(bytes: &[u8], requests: &[&Request]) -> Result<Content, ErrorKind> {
    decode(&frame(bytes), MessageId(5), requests).map(|reply| reply.content)
}

/// The answer to one request whose reply has this payload.
pub fn answer(request: &Request, version: Version, payload: impl FnOnce(&mut Writer)) -> Response {
    let bytes = response(version, |writer| {
        success(writer, request.operation(), &item_id(5, 0), payload)
    });
    match read(&bytes, &[request]) {
        Ok(Content::Answers(mut answers)) => answers.remove(0).unwrap().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn text_attribute(writer: &mut Writer, name: &str, value: &str) {
    writer.structure(Tag::ATTRIBUTE, |writer| {
        writer.text(Tag::ATTRIBUTE_NAME, name);
        writer.text(Tag::ATTRIBUTE_VALUE, value);
    });
}

#[test]
fn attributes_of_1_x_are_read_whatever_they_hold() {
    let request = Request::GetAttributes {
        id: "7".into(),
        names: Vec::new(),
    };
    let answer = answer(&request, Version::V1_4, |writer| {
        writer.text(Tag::UNIQUE_IDENTIFIER, "7");
        text_attribute(writer, "x-colour", "red");
        text_attribute(writer, "State", "not a number");
        text_attribute(writer, "Of a later version", "?");
        writer.structure(Tag::ATTRIBUTE, |writer| {
            writer.text(Tag::ATTRIBUTE_NAME, "Link");
            writer.integer(Tag::ATTRIBUTE_INDEX, 0);
            writer.structure(Tag::ATTRIBUTE_VALUE, |writer| {
                writer.enumeration(Tag::LINK_TYPE, LinkType::PUBLIC_KEY_LINK);
                writer.text(Tag::LINKED_OBJECT_IDENTIFIER, "8");
            });
        });
        writer.structure(Tag::ATTRIBUTE, |writer| {
            writer.text(Tag::ATTRIBUTE_NAME, "Lease Time");
            writer.interval(Tag::ATTRIBUTE_VALUE, 60);
        });
        writer.structure(Tag::ATTRIBUTE, |writer| {
            writer.text(Tag::ATTRIBUTE_NAME, "Without value")
        });
    });
    let Response::GetAttributes { id, attributes } = answer else {
        panic!()
    };
    let other = |name: &str, value| Attribute::Other {
        name: name.into(),
        value,
    };
    assert_eq!(id, "7");
    assert_eq!(
        attributes,
        [
            Attribute::Vendor {
                vendor: "x".into(),
                name: "colour".into(),
                value: Value::Text("red".into())
            },
            other("State", Value::Text("not a number".into())),
            other("Of a later version", Value::Text("?".into())),
            Attribute::Link {
                kind: LinkType::PUBLIC_KEY_LINK,
                id: "8".into()
            },
            other("Lease Time", Value::Interval(60)),
        ]
    );
}

#[test]
fn attributes_of_2_x_are_read_from_their_structure() {
    let request = Request::GetAttributes {
        id: "7".into(),
        names: Vec::new(),
    };
    let answer = answer(&request, Version::V2_1, |writer| {
        writer.text(Tag::UNIQUE_IDENTIFIER, "7");
        writer.structure(Tag::ATTRIBUTES, |writer| {
            writer.enumeration(
                Tag::CRYPTOGRAPHIC_ALGORITHM,
                CryptographicAlgorithm::ED25519,
            );
            writer.date_time(Tag::INITIAL_DATE, 77);
            writer.boolean(Tag(0x42_01FF), true);
            writer.structure(Tag::ATTRIBUTE, |writer| {
                writer.text(Tag::VENDOR_IDENTIFICATION, "cosmian");
                writer.text(Tag::ATTRIBUTE_NAME, "tag");
                writer.bytes(Tag::ATTRIBUTE_VALUE, b"[]");
            });
            writer.structure(Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS, |writer| {
                writer.enumeration(Tag::RECOMMENDED_CURVE, 0x8000_0001_u32);
            });
        });
    });
    let Response::GetAttributes { attributes, .. } = answer else {
        panic!()
    };
    assert_eq!(
        attributes,
        [
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::ED25519),
            Attribute::InitialDate(77),
            Attribute::Other {
                name: "0x4201ff".into(),
                value: Value::Boolean(true)
            },
            Attribute::Vendor {
                vendor: "cosmian".into(),
                name: "tag".into(),
                value: Value::Bytes(b"[]".to_vec())
            },
            Attribute::CryptographicDomainParameters {
                curve: RecommendedCurve(0x8000_0001)
            },
        ]
    );
}

fn key_of(material: impl FnOnce(&mut Writer)) -> KeyMaterial {
    let answer = answer(&get("7"), Version::V1_4, |writer| {
        writer.enumeration(Tag::OBJECT_TYPE, ObjectType::PUBLIC_KEY);
        writer.text(Tag::UNIQUE_IDENTIFIER, "7");
        writer.structure(Tag::PUBLIC_KEY, |writer| {
            writer.structure(Tag::KEY_BLOCK, |writer| {
                writer.enumeration(
                    Tag::KEY_FORMAT_TYPE,
                    KeyFormatType::TRANSPARENT_RSA_PUBLIC_KEY,
                );
                material(writer);
            });
        });
    });
    match answer {
        Response::Get {
            object: ManagedObject::PublicKey(block),
            ..
        } => block.material,
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys_are_read_in_every_form() {
    let transparent = |writer: &mut Writer, body: &dyn Fn(&mut Writer)| {
        writer.structure(Tag::KEY_VALUE, |writer| {
            writer.structure(Tag::KEY_MATERIAL, |writer| body(writer))
        });
    };
    let rsa = key_of(|writer| {
        transparent(writer, &|writer| {
            writer.big_integer(Tag::MODULUS, &[0, 0x80, 1]);
            writer.big_integer(Tag::PUBLIC_EXPONENT, &[1, 0, 1]);
        });
    });
    assert_eq!(
        rsa,
        KeyMaterial::TransparentRsaPublic {
            modulus: vec![0x80, 1],
            exponent: vec![1, 0, 1]
        }
    );
    let ec = key_of(|writer| {
        transparent(writer, &|writer| {
            writer.enumeration(Tag::RECOMMENDED_CURVE, RecommendedCurve::P_256);
            writer.bytes(Tag::Q_STRING, &[4, 1, 2]);
        });
    });
    assert_eq!(
        ec,
        KeyMaterial::TransparentEcPublic {
            curve: RecommendedCurve::P_256,
            q: vec![4, 1, 2]
        }
    );
    let wrapped = key_of(|writer| writer.bytes(Tag::KEY_VALUE, &[9, 9]));
    assert_eq!(wrapped, KeyMaterial::Wrapped(vec![9, 9]));
    assert_eq!(key_of(|_| {}), KeyMaterial::Other);
    assert_eq!(format!("{wrapped:?}"), "Wrapped(2 bytes)");
}

#[test]
fn objects_we_do_not_know_are_named() {
    let answer = answer(&get("7"), Version::V2_1, |writer| {
        writer.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        writer.text(Tag::UNIQUE_IDENTIFIER, "7");
        writer.structure(Tag::SYMMETRIC_KEY, |_| {});
    });
    let Response::Get { object, .. } = answer else {
        panic!()
    };
    assert_eq!(
        object,
        ManagedObject::Other {
            object_type: ObjectType::SYMMETRIC_KEY
        }
    );
}

#[test]
fn a_query_with_operations_of_later_versions_is_read() {
    let request = Request::Query { functions: vec![] };
    let answer = answer(&request, Version::V2_1, |writer| {
        writer.enumeration(Tag::OPERATION, Operation::SIGN);
        writer.enumeration(Tag::OPERATION, 0x8000_0001_u32);
        writer.text(Tag::VENDOR_IDENTIFICATION, "Acme\u{1b}[31m\n");
        writer.structure(Tag::SERVER_INFORMATION, |writer| {
            writer.text(Tag::SERVER_NAME, "?")
        });
    });
    let Response::Query(capabilities) = answer else {
        panic!()
    };
    assert_eq!(
        capabilities.operations,
        [Operation::SIGN, Operation(0x8000_0001)]
    );
    assert_eq!(
        capabilities.vendor_identification.as_deref(),
        Some("Acme [31m ")
    );
}

#[test]
fn a_refusal_is_cut_and_cleaned() {
    let words = format!("no\nway{}", "!".repeat(500));
    let bytes = response(Version::V1_0, |writer| {
        failure(
            writer,
            Some(Operation::GET),
            Some(&item_id(5, 0)),
            ResultReason(0x42),
            &words,
        );
    });
    let Ok(Content::Answers(answers)) = read(&bytes, &[&get("1")]) else {
        panic!()
    };
    let Some(Some(Err(refusal))) = answers.first() else {
        panic!()
    };
    assert_eq!(refusal.message.chars().count(), Refusal::MESSAGE_LENGTH);
    assert!(
        refusal
            .to_string()
            .starts_with("Get was refused: Wrapping Object Not Found (no way!!")
    );
}

#[test]
fn items_are_matched_by_id_in_any_order_and_may_be_missing() {
    let bytes = response(Version::V1_4, |writer| {
        failure(
            writer,
            Some(Operation::GET),
            Some(&item_id(5, 2)),
            ResultReason::ITEM_NOT_FOUND,
            "",
        );
        success(writer, Operation::GET, &item_id(5, 0), |writer| {
            writer.text(Tag::UNIQUE_IDENTIFIER, "a")
        });
    });
    let (a, b, c) = (get("a"), get("b"), get("c"));
    let Ok(Content::Answers(answers)) = read(&bytes, &[&a, &b, &c]) else {
        panic!()
    };
    assert!(matches!(&answers[..], [Some(Ok(_)), None, Some(Err(_))]));
}

#[test]
fn a_failure_without_operation_and_id_is_of_the_whole_message() {
    let pykmip = response(Version::V1_0, |writer| {
        failure(
            writer,
            None,
            None,
            ResultReason::INVALID_MESSAGE,
            "Error parsing request message.",
        );
    });
    let (a, b) = (get("a"), get("b"));
    assert!(matches!(read(&pykmip, &[&a, &b]), Ok(Content::Refused(_))));
    assert!(matches!(read(&pykmip, &[&a]), Ok(Content::Refused(_))));
    // kmip2pkcs11 leaves out the ID when it fails; with one item there is no doubt whose failure it is.
    let named = response(Version::V1_2, |writer| {
        failure(
            writer,
            Some(Operation::GET),
            None,
            ResultReason::ITEM_NOT_FOUND,
            "",
        );
    });
    assert!(matches!(read(&named, &[&a]), Ok(Content::Answers(_))));
    assert!(matches!(read(&named, &[&a, &b]), Ok(Content::Refused(_))));
}

#[test]
fn the_reply_to_another_request_is_never_an_answer() {
    let nothing = |_: &mut Writer| {};
    let wrong = |requests: &[&Request], items: &dyn Fn(&mut Writer)| {
        let result = read(&response(Version::V1_4, items), requests);
        assert!(
            matches!(result, Err(ErrorKind::WrongReply { .. })),
            "{result:?}"
        );
    };
    let (a, b) = (get("a"), get("b"));
    wrong(&[&a], &|writer| {
        success(writer, Operation::GET, &item_id(4, 0), nothing)
    });
    wrong(&[&a], &|writer| {
        success(writer, Operation::GET, &item_id(5, 1), nothing)
    });
    wrong(&[&a], &|writer| {
        success(writer, Operation::SIGN, &item_id(5, 0), nothing)
    });
    wrong(&[&a, &b], &|writer| {
        success(writer, Operation::GET, &item_id(5, 0), nothing);
        success(writer, Operation::GET, &item_id(5, 0), nothing);
    });
    wrong(&[&a], &|writer| {
        writer.structure(Tag::BATCH_ITEM, |writer| {
            writer.enumeration(Tag::OPERATION, Operation::GET);
            writer.enumeration(Tag::RESULT_STATUS, ResultStatus::SUCCESS);
        });
    });
}

#[test]
fn what_an_answer_must_have_is_demanded() {
    let request = sign(SignInput::Data(vec![]));
    let bytes = response(Version::V1_4, |writer| {
        success(writer, Operation::SIGN, &item_id(5, 0), |writer| {
            writer.text(Tag::UNIQUE_IDENTIFIER, "9")
        });
    });
    let Err(ErrorKind::Malformed { what }) = read(&bytes, &[&request]) else {
        panic!()
    };
    assert_eq!(what, "no Signature Data in the reply to Sign");
    assert!(matches!(
        read(&response(Version::V1_4, |_| {}), &[&request]),
        Err(ErrorKind::Malformed { .. })
    ));
}
