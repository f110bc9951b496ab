//! Every request in KMIP 1.x and 2.x, structure by structure; and what versions cannot express.

use super::samples::{create_key_pair, get, payload, private_key, show, sign};
use crate::kmip::message::{MessageId, encode};
use crate::kmip::*;

/// What a payload holds in 1.4 and in 2.0.
pub fn assert_payload(request: &Request, v1: &str, v2: &str) {
    assert_eq!(
        payload(request, Version::V1_4),
        format!("Request Payload{{{v1}}}")
    );
    assert_eq!(
        payload(request, Version::V2_0),
        format!("Request Payload{{{v2}}}")
    );
}

pub fn assert_same_payload(request: &Request, both: &str) {
    assert_payload(request, both, both);
}

#[test]
fn requests_without_attributes_are_the_same_in_both() {
    assert_same_payload(&Request::DiscoverVersions, "");
    let functions = vec![
        QueryFunction::QUERY_OPERATIONS,
        QueryFunction::QUERY_SERVER_INFORMATION,
    ];
    assert_same_payload(
        &Request::Query { functions },
        "Query Function=#1; Query Function=#3",
    );
    assert_same_payload(
        &Request::GetAttributes {
            id: "7".into(),
            names: Vec::new(),
        },
        "Unique Identifier=\"7\"",
    );
    assert_same_payload(
        &Request::Activate { id: "7".into() },
        "Unique Identifier=\"7\"",
    );
    assert_same_payload(
        &Request::Destroy { id: "7".into() },
        "Unique Identifier=\"7\"",
    );
    assert_same_payload(&get("7"), "Unique Identifier=\"7\"");
    let format = Some(KeyFormatType::X_509);
    assert_same_payload(
        &Request::Get {
            id: "7".into(),
            format,
            wrapping: None,
        },
        "Unique Identifier=\"7\"; Key Format Type=#5",
    );
    let revoke = Request::Revoke {
        id: "7".into(),
        reason: RevocationReasonCode::KEY_COMPROMISE,
        message: Some("lost".into()),
        compromised_at: Some(5),
    };
    assert_same_payload(
        &revoke,
        "Unique Identifier=\"7\"; Revocation Reason{Revocation Reason Code=#2; Revocation Message=\"lost\"}; \
         Compromise Occurrence Date=@5",
    );
}

#[test]
fn sign_has_its_parameters_in_the_order_of_the_specification() {
    let parameters = CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::CTR),
        padding: Some(PaddingMethod::PSS),
        hashing: Some(HashingAlgorithm::SHA_512),
        key_role: Some(KeyRoleType::KEK),
        signature_algorithm: Some(DigitalSignatureAlgorithm::RSASSA_PSS),
        algorithm: Some(CryptographicAlgorithm::RSA),
        random_iv: Some(true),
        iv_length: Some(96),
        tag_length: Some(16),
        fixed_field_length: Some(32),
        invocation_field_length: Some(33),
        counter_length: Some(34),
        initial_counter_value: Some(1),
        salt_length: Some(64),
        mask_generator: Some(MaskGenerator::MGF1),
        mask_generator_hashing: Some(HashingAlgorithm::SHA_512),
        p_source: Some(vec![7]),
        trailer_field: Some(2),
    };
    let request = Request::Sign {
        id: "9".into(),
        parameters,
        input: SignInput::DigestedData(vec![1, 2]),
    };
    assert_same_payload(
        &request,
        "Unique Identifier=\"9\"; Cryptographic Parameters{Block Cipher Mode=#6; Padding Method=#a; \
         Hashing Algorithm=#8; Key Role Type=#b; Digital Signature Algorithm=#8; Cryptographic Algorithm=#4; \
         Random IV=true; IV Length=96; Tag Length=16; Fixed Field Length=32; Invocation Field Length=33; \
         Counter Length=34; Initial Counter Value=1; Salt Length=64; Mask Generator=#1; \
         Mask Generator Hashing Algorithm=#8; P Source=[7]; Trailer Field=2}; Digested Data=[1, 2]",
    );
    let bare = Request::Sign {
        id: "9".into(),
        parameters: Default::default(),
        input: SignInput::Data(vec![3]),
    };
    assert_same_payload(&bare, "Unique Identifier=\"9\"; Data=[3]");
}

#[test]
fn locate_filters_keep_their_order() {
    let request = Request::Locate {
        filters: vec![
            Attribute::ObjectType(ObjectType::PRIVATE_KEY),
            Attribute::ApplicationSpecificInformation {
                namespace: "ssh".into(),
                data: "x".into(),
            },
        ],
        maximum_items: Some(50),
        offset_items: Some(100),
        storage_status: None,
        group_member: None,
    };
    let asi = "{Application Namespace=\"ssh\"; Application Data=\"x\"}";
    assert_payload(
        &request,
        &format!(
            "Maximum Items=50; Offset Items=100; Attribute{{Attribute Name=\"Object Type\"; Attribute Value=#4}}; \
             Attribute{{Attribute Name=\"Application Specific Information\"; Attribute Value{asi}}}"
        ),
        &format!(
            "Maximum Items=50; Offset Items=100; Attributes{{Object Type=#4; Application Specific Information{asi}}}"
        ),
    );
}

#[test]
fn key_pairs_are_made_from_templates_or_from_attributes() {
    let attribute = |name: &str, value: &str| {
        format!("Attribute{{Attribute Name=\"{name}\"; Attribute Value{value}}}")
    };
    let name = |text: &str| format!("{{Name Value=\"{text}\"; Name Type=#1}}");
    let template = |tag: &str, first: String, second: String| {
        format!("{tag} Template Attribute{{{first}; {second}}}")
    };
    let v1 = [
        template(
            "Common",
            attribute("Cryptographic Algorithm", "=#4"),
            attribute("Cryptographic Length", "=2048"),
        ),
        template(
            "Private Key",
            attribute("Name", &name("a")),
            attribute("Cryptographic Usage Mask", "=1"),
        ),
        template(
            "Public Key",
            attribute("Name", &name("b")),
            attribute("Cryptographic Usage Mask", "=2"),
        ),
    ];
    let v2 = format!(
        "Common Attributes{{Cryptographic Algorithm=#4; Cryptographic Length=2048}}; \
         Private Key Attributes{{Name{}; Cryptographic Usage Mask=1}}; \
         Public Key Attributes{{Name{}; Cryptographic Usage Mask=2}}",
        name("a"),
        name("b")
    );
    assert_payload(&create_key_pair(), &v1.join("; "), &v2);
}

#[test]
fn objects_are_registered_with_several_values_numbered_in_1_x() {
    let attributes = vec![
        Attribute::ObjectGroup("g".into()),
        Attribute::ObjectGroup("h".into()),
        Attribute::Vendor {
            vendor: "x".into(),
            name: "colour".into(),
            value: Value::Text("red".into()),
        },
    ];
    let block = "Private Key{Key Block{Key Format Type=#4; Key Value{Key Material=[1, 2, 3]}; \
                 Cryptographic Algorithm=#4; Cryptographic Length=2048}}";
    let request = Request::Register {
        object: private_key(),
        attributes,
    };
    assert_payload(
        &request,
        &format!(
            "Object Type=#4; Template Attribute{{Attribute{{Attribute Name=\"Object Group\"; Attribute Index=0; \
             Attribute Value=\"g\"}}; Attribute{{Attribute Name=\"Object Group\"; Attribute Index=1; \
             Attribute Value=\"h\"}}; Attribute{{Attribute Name=\"x-colour\"; Attribute Value=\"red\"}}}}; {block}"
        ),
        &format!(
            "Object Type=#4; Attributes{{Object Group=\"g\"; Object Group=\"h\"; Attribute{{Vendor Identification=\"x\"; \
             Attribute Name=\"colour\"; Attribute Value=\"red\"}}}}; {block}"
        ),
    );
    let value = vec![0x30, 0];
    let certificate = ManagedObject::Certificate {
        kind: CertificateType::X_509,
        value,
    };
    assert_payload(
        &Request::Register {
            object: certificate,
            attributes: Vec::new(),
        },
        "Object Type=#1; Template Attribute{}; Certificate{Certificate Type=#1; Certificate Value=[30, 0]}",
        "Object Type=#1; Attributes{}; Certificate{Certificate Type=#1; Certificate Value=[30, 0]}",
    );
}

#[test]
fn attributes_are_changed_by_index_in_1_x_and_by_value_in_2_x() {
    let (old, new) = (
        Attribute::ObjectGroup("g".into()),
        Attribute::ObjectGroup("h".into()),
    );
    let id = || "7".to_owned();
    let v1 = |index: &str| {
        format!(
            "Unique Identifier=\"7\"; Attribute{{Attribute Name=\"Object Group\"; {index}Attribute Value=\"h\"}}"
        )
    };
    assert_payload(
        &Request::AddAttribute {
            id: id(),
            attribute: new.clone(),
        },
        &v1(""),
        "Unique Identifier=\"7\"; New Attribute{Object Group=\"h\"}",
    );
    assert_payload(
        &Request::ModifyAttribute {
            id: id(),
            attribute: new.clone(),
            current: Some(old.clone()),
            index: Some(1),
        },
        &v1("Attribute Index=1; "),
        "Unique Identifier=\"7\"; Current Attribute{Object Group=\"g\"}; New Attribute{Object Group=\"h\"}",
    );
    assert_payload(
        &Request::DeleteAttribute {
            id: id(),
            attribute: old,
            index: Some(1),
        },
        "Unique Identifier=\"7\"; Attribute Name=\"Object Group\"; Attribute Index=1",
        "Unique Identifier=\"7\"; Current Attribute{Object Group=\"g\"}",
    );
    let set = Request::SetAttribute {
        id: id(),
        attribute: Attribute::Sensitive(true),
    };
    let expected = "Request Payload{Unique Identifier=\"7\"; New Attribute{Sensitive=true}}";
    assert_eq!(payload(&set, Version::V2_1), expected);
}

#[test]
fn a_batch_has_an_id_for_every_item_and_goes_on_after_failures() {
    let (first, second) = (get("1"), get("2"));
    let message =
        super::samples::frame(&encode(Version::V1_2, MessageId(5), &[&first, &second]).unwrap());
    assert_eq!(
        show(message.root()),
        "Request Message{Request Header{Protocol Version{Protocol Version Major=1; Protocol Version Minor=2}; \
         Batch Error Continuation Option=#1; Batch Count=2}; \
         Batch Item{Operation=#a; Unique Batch Item ID=[0, 0, 0, 5, 0, 0, 0, 0]; Request Payload{Unique Identifier=\"1\"}}; \
         Batch Item{Operation=#a; Unique Batch Item ID=[0, 0, 0, 5, 0, 0, 0, 1]; Request Payload{Unique Identifier=\"2\"}}}"
    );
}

#[test]
fn what_a_version_cannot_express_is_refused_and_named() {
    let refused = |request: &Request, version: Version| {
        request
            .check_expressible(version)
            .map_err(|e| e.to_string())
    };
    let digest = sign(SignInput::DigestedData(vec![0; 32]));
    assert_eq!(
        refused(&digest, Version::V1_3),
        Err("KMIP 1.3 cannot express Digested Data in Sign".into())
    );
    assert_eq!(refused(&digest, Version::V1_4), Ok(()));
    assert!(refused(&sign(SignInput::Data(vec![])), Version::V1_1).is_err());
    assert!(refused(&Request::DiscoverVersions, Version::V1_0).is_err());
    let set = Request::SetAttribute {
        id: "1".into(),
        attribute: Attribute::Sensitive(true),
    };
    assert_eq!(
        refused(&set, Version::V1_4),
        Err("KMIP 1.4 cannot express the operation in Set Attribute".into())
    );
    let unknown = Attribute::Other {
        name: "Strange".into(),
        value: Value::Integer(1),
    };
    let add = Request::AddAttribute {
        id: "1".into(),
        attribute: unknown,
    };
    assert_eq!(refused(&add, Version::V1_0), Ok(()));
    assert_eq!(
        refused(&add, Version::V2_0),
        Err("KMIP 2.0 cannot express attribute Strange in Add Attribute".into())
    );
    let other = ManagedObject::Other {
        object_type: ObjectType::SPLIT_KEY,
    };
    assert!(
        refused(
            &Request::Register {
                object: other,
                attributes: vec![]
            },
            Version::V1_4
        )
        .is_err()
    );
}
