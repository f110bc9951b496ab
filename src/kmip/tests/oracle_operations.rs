//! The other implementation of [`super::oracle`], on the operations that a token does not need for signing. Of our requests it
//! lacks what [`LACKS`] names, and Key Wrapping Specification, which it cannot write; all else is compared there or here.

use super::oracle::{assert_same, id};
use super::requests::{every_request, plain_key};
use super::samples::sign;
use crate::kmip::*;
use kmip_protocol::types::common as c;
use kmip_protocol::types::request::{self as theirs, RequestPayload};

/// Operations of KMIP 1.2 for which it has no request.
const LACKS: [Operation; 7] = [
    Operation::ENCRYPT,
    Operation::DECRYPT,
    Operation::SIGNATURE_VERIFY,
    Operation::MAC,
    Operation::MAC_VERIFY,
    Operation::HASH,
    Operation::REKEY_KEY_PAIR,
];

/// Operations that are compared, in these two files.
const COMPARED: [Operation; 17] = [
    Operation::QUERY,
    Operation::DISCOVER_VERSIONS,
    Operation::LOCATE,
    Operation::GET,
    Operation::GET_ATTRIBUTES,
    Operation::GET_ATTRIBUTE_LIST,
    Operation::CREATE,
    Operation::CREATE_KEY_PAIR,
    Operation::REGISTER,
    Operation::ACTIVATE,
    Operation::REVOKE,
    Operation::DESTROY,
    Operation::ADD_ATTRIBUTE,
    Operation::MODIFY_ATTRIBUTE,
    Operation::DELETE_ATTRIBUTE,
    Operation::SIGN,
    Operation::RNG_RETRIEVE,
];

#[test]
fn no_operation_is_left_out_unnamed() {
    for request in every_request() {
        let operation = request.operation();
        let in_1_2 = request.check_expressible(Version::V1_2).is_ok();
        let named = COMPARED.contains(&operation) || LACKS.contains(&operation);
        assert!(named || !in_1_2, "{operation}");
    }
}

#[test]
fn attributes_are_named_added_and_deleted_in_the_same_bytes() {
    let names = ["State", "x-colour"];
    let ours = Request::GetAttributes {
        id: "7".into(),
        names: names.map(AttributeReference::named).to_vec(),
    };
    let their_names = names.map(|name| c::AttributeName(name.into())).to_vec();
    assert_same(
        &ours,
        RequestPayload::GetAttributes(id("7"), Some(their_names)),
    );
    assert_same(
        &Request::GetAttributeList { id: "7".into() },
        RequestPayload::GetAttributeList(id("7")),
    );
    let add = Request::AddAttribute {
        id: "7".into(),
        attribute: Attribute::ObjectGroup("g".into()),
    };
    let group = theirs::Attribute::ObjectGroup("g".into());
    assert_same(&add, RequestPayload::AddAttribute(id("7"), group));
    let delete = Request::DeleteAttribute {
        id: "7".into(),
        attribute: Attribute::ObjectGroup("g".into()),
        index: Some(1),
    };
    let name = || c::AttributeName("Object Group".into());
    let index = Some(c::AttributeIndex(1));
    assert_same(
        &delete,
        RequestPayload::DeleteAttribute(id("7"), name(), index),
    );
    let named = Request::DeleteAttributeNamed {
        id: "7".into(),
        reference: AttributeReference::Standard(Tag::OBJECT_GROUP),
    };
    assert_same(
        &named,
        RequestPayload::DeleteAttribute(id("7"), name(), None),
    );
}

#[test]
fn symmetric_keys_are_made_and_registered_in_the_same_bytes() {
    let attributes = vec![
        Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
        Attribute::CryptographicLength(128),
    ];
    let their_attributes = vec![
        theirs::Attribute::CryptographicAlgorithm(c::CryptographicAlgorithm::AES),
        theirs::Attribute::CryptographicLength(128),
    ];
    let create = Request::Create {
        object_type: ObjectType::SYMMETRIC_KEY,
        attributes,
    };
    let template = theirs::TemplateAttribute::unnamed(their_attributes);
    assert_same(
        &create,
        RequestPayload::Create(c::ObjectType::SymmetricKey, template),
    );
    let block = theirs::KeyBlock(
        c::KeyFormatType::Raw,
        None,
        Some(theirs::KeyValue(c::KeyMaterial::Bytes(vec![7; 16]), None)),
        Some(c::CryptographicAlgorithm::AES),
        Some(c::CryptographicLength(128)),
        None,
    );
    let register = Request::Register {
        object: plain_key(),
        attributes: vec![Attribute::Name("a".into())],
    };
    let payload = RequestPayload::Register(
        c::ObjectType::SymmetricKey,
        theirs::TemplateAttribute::unnamed(vec![theirs::Attribute::Name("a".into())]),
        Some(theirs::ManagedObject::SymmetricKey(theirs::SymmetricKey(
            block,
        ))),
    );
    assert_same(&register, payload);
    assert_same(
        &Request::RngRetrieve { length: 32 },
        RequestPayload::RNGRetrieve(c::DataLength(32)),
    );
}

/// All that KMIP 1.2 knows, in one structure.
#[test]
fn cryptographic_parameters_are_the_same_bytes() {
    let parameters = CryptographicParameters {
        block_cipher_mode: Some(BlockCipherMode::CBC),
        padding: Some(PaddingMethod::PKCS1_V15),
        hashing: Some(HashingAlgorithm::SHA_256),
        key_role: Some(KeyRoleType::BDK),
        signature_algorithm: Some(DigitalSignatureAlgorithm::SHA256_WITH_RSA_ENCRYPTION),
        algorithm: Some(CryptographicAlgorithm::RSA),
        random_iv: Some(true),
        iv_length: Some(1),
        tag_length: Some(2),
        fixed_field_length: Some(3),
        invocation_field_length: Some(4),
        counter_length: Some(5),
        initial_counter_value: Some(6),
        ..Default::default()
    };
    let their_parameters = c::CryptographicParameters::default()
        .with_block_cipher_mode(c::BlockCipherMode::CBC)
        .with_padding_method(c::PaddingMethod::PKCS1_v1_5)
        .with_hashing_algorithm(c::HashingAlgorithm::SHA256)
        .with_key_role_type(c::KeyRoleType::BDK)
        .with_digital_signature_algorithm(
            c::DigitalSignatureAlgorithm::SHA256WithRSAEncryption_PKCS1_v1_5,
        )
        .with_cryptographic_algorithm(c::CryptographicAlgorithm::RSA)
        .with_random_iv(c::RandomIV(true))
        .with_iv_length(c::IVLength(1))
        .with_tag_length(c::TagLength(2))
        .with_fixed_field_length(c::FixedFieldLength(3))
        .with_invocation_field_length(c::InvocationFieldLength(4))
        .with_counter_length(c::CounterLength(5))
        .with_initial_counter_value(c::InitialCounterValue(6));
    let Request::Sign { id: key, input, .. } = sign(SignInput::Data(vec![1])) else {
        panic!()
    };
    let ours = Request::Sign {
        id: key,
        parameters,
        input,
    };
    let data = c::Data(vec![1]);
    assert_same(
        &ours,
        RequestPayload::Sign(id("9"), Some(their_parameters), data),
    );
}
