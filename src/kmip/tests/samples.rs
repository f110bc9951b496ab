//! One request of every kind, messages as a server writes them, and frames as text.

use crate::kmip::message::{MessageId, encode};
use crate::kmip::ttlv::{Frame, Item, ItemType, Limits, Writer};
use crate::kmip::wiped::Wiped;
use crate::kmip::*;
use zeroize::Zeroizing;

pub fn get(id: &str) -> Request {
    Request::Get {
        id: id.into(),
        format: None,
        wrapping: None,
    }
}

pub fn sign(input: SignInput) -> Request {
    let parameters = CryptographicParameters {
        padding: Some(PaddingMethod::PKCS1_V15),
        hashing: Some(HashingAlgorithm::SHA_256),
        signature_algorithm: Some(DigitalSignatureAlgorithm::SHA256_WITH_RSA_ENCRYPTION),
        algorithm: Some(CryptographicAlgorithm::RSA),
        ..Default::default()
    };
    Request::Sign {
        id: "9".into(),
        parameters,
        input,
    }
}

pub fn private_key() -> ManagedObject {
    ManagedObject::PrivateKey(KeyBlock {
        format: Some(KeyFormatType::PKCS_8),
        algorithm: Some(CryptographicAlgorithm::RSA),
        length: Some(2048),
        material: KeyMaterial::Bytes(Zeroizing::new(vec![1, 2, 3])),
        wrapping: None,
    })
}

pub fn create_key_pair() -> Request {
    Request::CreateKeyPair {
        common: vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
            Attribute::CryptographicLength(2048),
        ],
        private: vec![
            Attribute::Name("a".into()),
            Attribute::CryptographicUsageMask(UsageMask::SIGN),
        ],
        public: vec![
            Attribute::Name("b".into()),
            Attribute::CryptographicUsageMask(UsageMask::VERIFY),
        ],
    }
}

/// Reads a frame that must be right.
pub fn frame(bytes: &[u8]) -> Frame {
    Frame::parse(Zeroizing::new(bytes.to_vec()), &Limits::default())
        .unwrap_or_else(|invalid| panic!("{invalid}"))
}

/// The payload of a request as text.
pub fn payload(request: &Request, version: Version) -> String {
    let message = frame(&encode(version, MessageId(1), &[request]).unwrap());
    let item = message.root().find(Tag::BATCH_ITEM).unwrap();
    show(item.find(Tag::REQUEST_PAYLOAD).unwrap())
}

/// `Tag{child; child}`, `Tag=value`.
pub fn show(item: Item<'_>) -> String {
    let value = match item.kind {
        ItemType::STRUCTURE => {
            let children: Vec<String> = item.children().map(show).collect();
            return format!("{}{{{}}}", item.tag, children.join("; "));
        }
        ItemType::INTEGER => item.integer().unwrap().to_string(),
        ItemType::ENUMERATION => format!("#{:x}", item.enumeration().unwrap()),
        ItemType::BOOLEAN => item.boolean().unwrap().to_string(),
        ItemType::TEXT_STRING => format!("{:?}", item.text().unwrap()),
        ItemType::DATE_TIME => format!("@{}", item.date_time().unwrap()),
        _ => format!("{:x?}", item.raw()),
    };
    format!("{}={value}", item.tag)
}

/// A response message around items that the caller writes.
pub fn response(version: Version, items: impl FnOnce(&mut Writer)) -> Wiped {
    let mut writer = Writer::new();
    writer.structure(Tag::RESPONSE_MESSAGE, |writer| {
        writer.structure(Tag::RESPONSE_HEADER, |writer| {
            writer.structure(Tag::PROTOCOL_VERSION, |writer| {
                writer.integer(Tag::PROTOCOL_VERSION_MAJOR, version.major as i32);
                writer.integer(Tag::PROTOCOL_VERSION_MINOR, version.minor as i32);
            });
            writer.date_time(Tag::TIME_STAMP, 1_795_000_000);
            writer.integer(Tag::BATCH_COUNT, 1);
        });
        items(writer);
    });
    writer.finish()
}

/// A batch item that went well.
pub fn success(
    writer: &mut Writer,
    operation: Operation,
    id: &[u8],
    payload: impl FnOnce(&mut Writer),
) {
    writer.structure(Tag::BATCH_ITEM, |writer| {
        writer.enumeration(Tag::OPERATION, operation);
        writer.bytes(Tag::UNIQUE_BATCH_ITEM_ID, id);
        writer.enumeration(Tag::RESULT_STATUS, ResultStatus::SUCCESS);
        writer.structure(Tag::RESPONSE_PAYLOAD, payload);
    });
}

/// A batch item that did not.
pub fn failure(
    writer: &mut Writer,
    operation: Option<Operation>,
    id: Option<&[u8]>,
    reason: ResultReason,
    words: &str,
) {
    writer.structure(Tag::BATCH_ITEM, |writer| {
        if let Some(operation) = operation {
            writer.enumeration(Tag::OPERATION, operation);
        }
        if let Some(id) = id {
            writer.bytes(Tag::UNIQUE_BATCH_ITEM_ID, id);
        }
        writer.enumeration(Tag::RESULT_STATUS, ResultStatus::OPERATION_FAILED);
        writer.enumeration(Tag::RESULT_REASON, reason);
        writer.text(Tag::RESULT_MESSAGE, words);
    });
}

/// The ID that our messages give to an item.
pub fn item_id(message: u32, place: u32) -> [u8; 8] {
    ((u64::from(message) << 32) | u64::from(place)).to_be_bytes()
}

/// A user and a device, which says everything of itself; its network, if it has one.
pub fn credentials(network: Option<&str>) -> [Credential; 2] {
    let text = |text: &str| Some(text.to_owned());
    [
        Credential::UsernameAndPassword {
            username: "alice".into(),
            password: Some(Zeroizing::new("secret".into())),
        },
        Credential::Device {
            device_serial_number: text("1"),
            password: Some(Zeroizing::new("2".into())),
            device_identifier: text("3"),
            network_identifier: network.map(str::to_owned),
            machine_identifier: text("5"),
            media_identifier: text("6"),
        },
    ]
}
