//! Replies about the use of keys, wrapped keys and what a server says of itself; and what we have no name for, of every kind.

use super::replies::answer;
use super::requests::every_request;
use super::samples::get;
use crate::kmip::ttlv::Writer;
use crate::kmip::*;

/// The sample of an operation.
fn sample(operation: Operation) -> Request {
    let mut requests = every_request().into_iter();
    requests
        .find(|request| request.operation() == operation)
        .unwrap()
}

fn answered(operation: Operation, payload: impl FnOnce(&mut Writer)) -> Response {
    answer(&sample(operation), Version::V2_1, |writer| {
        writer.text(Tag::UNIQUE_IDENTIFIER, "7");
        payload(writer);
    })
}

#[test]
fn what_keys_were_used_for_is_read() {
    let encrypted = answered(Operation::ENCRYPT, |writer| {
        writer.bytes(Tag::DATA, &[1]);
        writer.bytes(Tag::IV_COUNTER_NONCE, &[2]);
        writer.bytes(Tag::AUTHENTICATED_ENCRYPTION_TAG, &[3]);
    });
    assert_eq!(
        format!("{encrypted:?}"),
        "Encrypt { id: \"7\", data: [1], iv_counter_nonce: Some([2]), tag: Some([3]) }"
    );
    let decrypted = answered(Operation::DECRYPT, |writer| {
        writer.bytes(Tag::DATA, b"MARK")
    });
    assert_eq!(
        format!("{decrypted:?}"),
        "Decrypt { id: \"7\", data: (4 bytes) }"
    );
    let Response::Decrypt { data, .. } = decrypted else {
        panic!()
    };
    assert_eq!(&data[..], b"MARK");
    let nothing = answered(Operation::DECRYPT, |_| {});
    assert!(matches!(nothing, Response::Decrypt { data, .. } if data.is_empty()));
    for (operation, tag, shown) in [
        (Operation::MAC, Tag::MAC_DATA, "Mac { id: \"7\", mac: [5] }"),
        (Operation::HASH, Tag::DATA, "Hash { digest: [5] }"),
        (
            Operation::RNG_RETRIEVE,
            Tag::DATA,
            "RngRetrieve { data: (1 bytes) }",
        ),
    ] {
        let answer = answered(operation, |writer| writer.bytes(tag, &[5]));
        assert_eq!(format!("{answer:?}"), shown);
    }
}

#[test]
fn verdicts_are_read_and_unknown_ones_are_no_approval() {
    for operation in [Operation::SIGNATURE_VERIFY, Operation::MAC_VERIFY] {
        for number in [1, 2, 3, 0x8000_0001] {
            let answer = answered(operation, |writer| {
                writer.enumeration(Tag::VALIDITY_INDICATOR, number);
            });
            let (Response::SignatureVerify { validity, .. } | Response::MacVerify { validity, .. }) =
                answer
            else {
                panic!()
            };
            assert_eq!(validity, ValidityIndicator(number));
            assert_eq!(validity == ValidityIndicator::VALID, number == 1);
        }
    }
}

#[test]
fn what_was_made_is_named() {
    let created = answered(Operation::CREATE, |writer| {
        writer.enumeration(Tag::OBJECT_TYPE, 0x99_u32);
    });
    assert_eq!(
        format!("{created:?}"),
        "Create { object_type: Some(0x99), id: \"7\" }"
    );
    let imported = answered(Operation::IMPORT, |_| {});
    assert!(matches!(imported, Response::Import { id } if id == "7"));
    let again = answered(Operation::REKEY_KEY_PAIR, |writer| {
        writer.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, "8");
        writer.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER, "9");
    });
    assert!(
        matches!(again, Response::RekeyKeyPair { private_id, public_id } if private_id == "8" && public_id == "9")
    );
}

#[test]
fn names_of_attributes_are_read_in_both_forms() {
    let answer = answered(Operation::GET_ATTRIBUTE_LIST, |writer| {
        for name in ["State", "x-colour", "Of a later version"] {
            writer.text(Tag::ATTRIBUTE_NAME, name);
        }
        writer.enumeration(Tag::ATTRIBUTE_REFERENCE, Tag::LINK.0);
        writer.enumeration(Tag::ATTRIBUTE_REFERENCE, 0x42_0999_u32);
        writer.structure(Tag::ATTRIBUTE_REFERENCE, |writer| {
            writer.text(Tag::VENDOR_IDENTIFICATION, "cosmian");
            writer.text(Tag::ATTRIBUTE_NAME, "tag");
        });
        writer.integer(Tag::ATTRIBUTE_REFERENCE, 3);
    });
    let Response::GetAttributeList { names, .. } = answer else {
        panic!()
    };
    let shown: Vec<String> = names.iter().map(AttributeReference::name).collect();
    assert_eq!(
        shown,
        [
            "State",
            "x-colour",
            "Of a later version",
            "Link",
            "0x420999",
            "x-cosmian-tag"
        ]
    );
}

/// A Key Value as the caller writes it, and Key Wrapping Data with this method.
fn key(method: Option<u32>, value: impl FnOnce(&mut Writer)) -> KeyBlock {
    let answer = answer(&get("7"), Version::V1_4, |writer| {
        writer.structure(Tag::SYMMETRIC_KEY, |writer| {
            writer.structure(Tag::KEY_BLOCK, |writer| {
                writer.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                value(writer);
                writer.structure(Tag::KEY_WRAPPING_DATA, |writer| {
                    if let Some(method) = method {
                        writer.enumeration(Tag::WRAPPING_METHOD, method);
                    }
                    writer.structure(Tag::ENCRYPTION_KEY_INFORMATION, |writer| {
                        writer.text(Tag::UNIQUE_IDENTIFIER, "kek");
                        writer.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |writer| {
                            writer.enumeration(Tag::BLOCK_CIPHER_MODE, 0x8000_000D_u32);
                            writer.integer(Tag::IV_LENGTH, 12);
                        });
                    });
                    writer.enumeration(Tag::ENCODING_OPTION, EncodingOption::NO_ENCODING);
                });
            });
        });
    });
    match answer {
        Response::Get {
            object: ManagedObject::SymmetricKey(block),
            ..
        } => block,
        other => panic!("{other:?}"),
    }
}

fn structured(writer: &mut Writer) {
    writer.structure(Tag::KEY_VALUE, |writer| {
        writer.bytes(Tag::KEY_MATERIAL, &[1, 2]);
    });
}

#[test]
fn a_wrapped_key_is_never_taken_for_a_plain_one() {
    let whole = |writer: &mut Writer| writer.bytes(Tag::KEY_VALUE, &[1, 2]);
    for method in [None, Some(1), Some(3), Some(0x8000_0001)] {
        for block in [key(method, structured), key(method, whole)] {
            assert_eq!(block.material, KeyMaterial::Wrapped(vec![1, 2]));
        }
    }
    let wrapping = key(Some(1), structured).wrapping.unwrap();
    let kek = wrapping.encryption_key.unwrap();
    assert_eq!(kek.id, "kek");
    assert_eq!(
        kek.parameters.block_cipher_mode,
        Some(BlockCipherMode(0x8000_000D))
    );
    assert_eq!(kek.parameters.iv_length, Some(12));
    assert_eq!(wrapping.encoding, Some(EncodingOption::NO_ENCODING));
    // A signature over a key hides nothing of it.
    let signed = key(Some(WrappingMethod::MAC_SIGN.0), structured);
    assert_eq!(signed.material, KeyMaterial::Bytes(vec![1, 2].into()));
}

#[test]
fn all_that_a_server_says_of_itself_is_kept() {
    let answer = answered(Operation::QUERY, |writer| {
        writer.enumeration(Tag::OPERATION, Operation::GET);
        writer.enumeration(Tag::OPERATION, 0x8000_0001_u32);
        writer.enumeration(Tag::OBJECT_TYPE, 0x77_u32);
        writer.text(Tag::APPLICATION_NAMESPACE, "ssh\u{1b}[2J");
        writer.structure(Tag::SERVER_INFORMATION, |writer| {
            writer.text(Tag::SERVER_VERSION, "5.28");
        });
        writer.structure(Tag::CAPABILITY_INFORMATION, |writer| {
            writer.boolean(Tag::BATCH_UNDO_CAPABILITY, false);
        });
        writer.interval(Tag(0x54_0001), 9);
        writer.text(Tag::OPERATION, "not a number");
    });
    let Response::Query(capabilities) = answer else {
        panic!()
    };
    assert_eq!(
        capabilities.operations,
        [Operation::GET, Operation(0x8000_0001)]
    );
    assert_eq!(capabilities.object_types, [ObjectType(0x77)]);
    assert_eq!(capabilities.application_namespaces, ["ssh [2J"]);
    let information: Vec<_> = capabilities.all(Tag::SERVER_INFORMATION).collect();
    let version = (Tag::SERVER_VERSION, Value::Text("5.28".into()));
    assert_eq!(information, [&Value::Structure(vec![version])]);
    assert_eq!(capabilities.all(Tag::CAPABILITY_INFORMATION).count(), 1);
    let unknown: Vec<_> = capabilities.all(Tag(0x54_0001)).collect();
    assert_eq!(unknown, [&Value::Interval(9)]);
    assert_eq!(capabilities.all(Tag::OPERATION).count(), 1);
}

#[test]
fn secrets_and_opaque_objects_are_read() {
    let read = |writer: &dyn Fn(&mut Writer)| match answer(&get("7"), Version::V2_0, writer) {
        Response::Get { object, .. } => object,
        other => panic!("{other:?}"),
    };
    for request in every_request() {
        let Request::Register { object, .. } = request else {
            continue;
        };
        assert_eq!(read(&|writer| object.write(writer)), object);
    }
}
