//! Requests that use keys, wrap them or name attributes, in the forms of KMIP 1.x and 2.x; and all requests in all versions.

use super::encoding::{assert_payload, assert_same_payload};
use super::requests::{every_request, expressible, gcm, kwp, plain_key, wrapped_key};
use super::samples::{create_key_pair, credentials, frame, payload, show};
use crate::kmip::message::{Header, MessageId, encode};
use crate::kmip::*;
use zeroize::Zeroizing;

const GCM: &str = "Cryptographic Parameters{Block Cipher Mode=#9; Cryptographic Algorithm=#3}";

#[test]
fn encryption_has_its_parts_in_order() {
    let input = CipherInput {
        data: vec![1].into(),
        iv_counter_nonce: Some(vec![2]),
        additional_data: Some(vec![3].into()),
        tag: Some(vec![4]),
    };
    let both = "Data=[1]; IV/Counter/Nonce=[2]; Authenticated Encryption Additional Data=[3]";
    let (id, parameters) = ("9".to_owned(), gcm());
    let encrypt = Request::Encrypt {
        id: id.clone(),
        parameters: parameters.clone(),
        input: input.clone(),
    };
    assert_same_payload(&encrypt, &format!("Unique Identifier=\"9\"; {GCM}; {both}"));
    let decrypt = Request::Decrypt {
        id,
        parameters,
        input,
    };
    assert_same_payload(
        &decrypt,
        &format!("Unique Identifier=\"9\"; {GCM}; {both}; Authenticated Encryption Tag=[4]"),
    );
}

#[test]
fn codes_digests_and_verification_have_their_parts_in_order() {
    let (id, parameters) = (|| "9".to_owned(), CryptographicParameters::default);
    let verify = Request::MacVerify {
        id: id(),
        parameters: parameters(),
        data: vec![1].into(),
        mac: vec![2],
    };
    assert_same_payload(&verify, "Unique Identifier=\"9\"; Data=[1]; MAC Data=[2]");
    let signature = Request::SignatureVerify {
        id: id(),
        parameters: gcm(),
        input: SignInput::DigestedData(vec![1]),
        signature: vec![2],
    };
    assert_same_payload(
        &signature,
        &format!("Unique Identifier=\"9\"; {GCM}; Digested Data=[1]; Signature Data=[2]"),
    );
    let hash = Request::Hash {
        parameters: gcm(),
        data: vec![1].into(),
    };
    assert_same_payload(&hash, &format!("{GCM}; Data=[1]"));
    assert_same_payload(&Request::RngRetrieve { length: 7 }, "Data Length=7");
}

#[test]
fn a_key_is_asked_for_wrapped() {
    let wrapping = KeyWrappingSpecification {
        mac_signature_key: Some(KeyInformation {
            id: "mac".into(),
            ..Default::default()
        }),
        attribute_names: vec!["State".into()],
        encoding: Some(EncodingOption::NO_ENCODING),
        ..kwp("kek")
    };
    let get = Request::Get {
        id: "7".into(),
        format: Some(KeyFormatType::RAW),
        wrapping: Some(wrapping),
    };
    assert_same_payload(
        &get,
        "Unique Identifier=\"7\"; Key Format Type=#1; Key Wrapping Specification{Wrapping Method=#1; \
         Encryption Key Information{Unique Identifier=\"kek\"; Cryptographic Parameters{Block Cipher Mode=#d}}; \
         MAC/Signature Key Information{Unique Identifier=\"mac\"}; Attribute Name=\"State\"; Encoding Option=#1}",
    );
}

/// What was wrapped with its tag stands in the place of the Key Value, what was wrapped without stands in it.
#[test]
fn a_wrapped_key_says_how_it_is_wrapped() {
    let registered = |encoding| {
        let register = Request::Register {
            object: wrapped_key(encoding),
            attributes: Vec::new(),
        };
        payload(&register, Version::V2_0)
    };
    let nine = format!("[{}]", ["9"; 24].join(", "));
    let whole = registered(None);
    assert!(whole.contains(&format!("Key Value={nine}; ")), "{whole}");
    assert!(whole.contains("Cryptographic Length=128; Key Wrapping Data{Wrapping Method=#1; "));
    let bytes = registered(Some(EncodingOption::NO_ENCODING));
    assert!(bytes.contains(&format!("Key Value{{Key Material={nine}}}")));
    assert!(bytes.contains("IV/Counter/Nonce=[1, 1, 1, 1, 1, 1, 1, 1]; Encoding Option=#1}"));
}

#[test]
fn attributes_are_named_in_1_x_and_referred_to_in_2_x() {
    let vendors = AttributeReference::Vendor {
        vendor: "x".into(),
        name: "colour".into(),
    };
    let ask = Request::GetAttributes {
        id: "7".into(),
        names: vec![AttributeReference::Standard(Tag::STATE), vendors.clone()],
    };
    let reference = "Attribute Reference{Vendor Identification=\"x\"; Attribute Name=\"colour\"}";
    assert_payload(
        &ask,
        "Unique Identifier=\"7\"; Attribute Name=\"State\"; Attribute Name=\"x-colour\"",
        &format!("Unique Identifier=\"7\"; Attribute Reference=#42008d; {reference}"),
    );
    let delete = Request::DeleteAttributeNamed {
        id: "7".into(),
        reference: vendors,
    };
    assert_payload(
        &delete,
        "Unique Identifier=\"7\"; Attribute Name=\"x-colour\"",
        &format!("Unique Identifier=\"7\"; {reference}"),
    );
}

#[test]
fn imports_have_no_template_and_pairs_made_anew_have_an_offset() {
    let import = Request::Import {
        id: "7".into(),
        object: plain_key(),
        attributes: vec![Attribute::State(State::ACTIVE)],
        replace_existing: true,
        key_wrap_type: Some(KeyWrapType::AS_REGISTERED),
    };
    let start = "Unique Identifier=\"7\"; Object Type=#2; Replace Existing=true; Key Wrap Type=#2";
    let block = "Symmetric Key{Key Block{Key Format Type=#1; Key Value{Key Material=[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, \
                 7, 7, 7, 7]}; Cryptographic Algorithm=#3; Cryptographic Length=128}}";
    assert_payload(
        &import,
        &format!("{start}; Attribute{{Attribute Name=\"State\"; Attribute Value=#2}}; {block}"),
        &format!("{start}; Attributes{{State=#2}}; {block}"),
    );
    let Request::CreateKeyPair { private, .. } = create_key_pair() else {
        panic!()
    };
    let rekey = Request::RekeyKeyPair {
        id: "7".into(),
        offset: Some(0),
        common: Vec::new(),
        private: private[1..].to_vec(),
        public: Vec::new(),
    };
    assert_payload(
        &rekey,
        "Private Key Unique Identifier=\"7\"; Offset=[0, 0, 0, 0]; Private Key Template Attribute{Attribute{\
         Attribute Name=\"Cryptographic Usage Mask\"; Attribute Value=1}}",
        "Private Key Unique Identifier=\"7\"; Offset=[0, 0, 0, 0]; Private Key Attributes{Cryptographic Usage Mask=1}",
    );
}

#[test]
fn every_request_is_written_in_every_version_or_refused_with_a_reason() {
    let mut written = Vec::new();
    for version in Version::KNOWN.into_iter().rev() {
        for request in every_request() {
            match (
                request.check_expressible(version),
                encode(version, MessageId(1), &[&request]),
            ) {
                (Ok(()), Ok(bytes)) => {
                    let message = frame(&bytes);
                    let item = message.root().find(Tag::BATCH_ITEM).unwrap();
                    assert!(item.find(Tag::REQUEST_PAYLOAD).is_some());
                }
                (Err(reason), Err(same)) => assert_eq!(reason, same),
                other => panic!("{version} {request:?}: {:?}", other.0),
            }
        }
        written.push(expressible(version).len());
    }
    assert!(written.is_sorted(), "{written:?}");
    assert_eq!(written.last(), Some(&every_request().len()));
}

#[test]
fn nobody_sees_what_is_encrypted_or_kept() {
    let secret = || b"MARK".as_slice();
    let input = CipherInput {
        data: secret().into(),
        additional_data: Some(secret().into()),
        ..Default::default()
    };
    let key = Zeroizing::new(secret().to_vec());
    let block = KeyBlock {
        material: KeyMaterial::TransparentSymmetric(key),
        ..Default::default()
    };
    let shown = format!(
        "{:?} {:?} {:?}",
        input,
        ManagedObject::SymmetricKey(block),
        Response::RngRetrieve {
            data: secret().into()
        }
    );
    assert!(
        !shown.contains("77, 65, 82, 75") && !shown.contains("MARK"),
        "{shown}"
    );
}

#[test]
fn the_header_says_who_asks_in_the_place_of_the_specification() {
    let credentials = credentials(None);
    assert_eq!(
        format!("{credentials:?}"),
        "[Username and Password credential, Device credential]"
    );
    let written = |version, credentials| {
        let header = Header {
            version,
            credentials,
            maximum_response_size: Some(9),
        };
        let request = Request::DiscoverVersions;
        encode(header, MessageId(1), &[&request])
    };
    let message = frame(&written(Version::V1_2, &credentials).unwrap());
    assert_eq!(
        show(message.root().find(Tag::REQUEST_HEADER).unwrap()),
        "Request Header{Protocol Version{Protocol Version Major=1; Protocol Version Minor=2}; Maximum Response Size=9; \
         Authentication{Credential{Credential Type=#1; Credential Value{Username=\"alice\"; Password=\"secret\"}}; \
         Credential{Credential Type=#2; Credential Value{Device Serial Number=\"1\"; Password=\"2\"; \
         Device Identifier=\"3\"; Machine Identifier=\"5\"; Media Identifier=\"6\"}}}; Batch Count=1}"
    );
    let refused = written(Version::V1_1, &credentials).map(drop);
    assert_eq!(
        refused.map_err(|reason| reason.to_string()),
        Err("KMIP 1.1 cannot express more than one credential in the header of a message".into())
    );
    assert!(written(Version::V1_0, &credentials[..1]).is_err());
    assert!(written(Version::V1_1, &credentials[1..]).is_ok());
}
