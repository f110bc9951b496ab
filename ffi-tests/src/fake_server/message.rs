//! Messages from the server's side: requests taken apart, answers put together.

use kmip_p11::kmip::ttlv::{Frame, Item, Limits, Writer};
use kmip_p11::kmip::{Operation, ResultReason, ResultStatus, Tag, Version};

use super::answer::{Body, answer};
use super::fault::{Fault, Refused};
use super::state::State;

/// The answer to a request message, as bytes, and what goes wrong with it.
pub fn reply(state: &State, request: &[u8]) -> (Vec<u8>, Option<Fault>) {
    let Ok(frame) = Frame::parse(request.to_vec().into(), &Limits::default()) else {
        panic!("the module sent bytes that are no TTLV: {request:02x?}");
    };
    let message = frame.root();
    assert_eq!(message.tag, Tag::REQUEST_MESSAGE);
    let version = version(message).expect("every request has a version");
    let items: Vec<Item<'_>> = message.find_all(Tag::BATCH_ITEM).collect();
    let asked: Vec<u32> = items.iter().map(|item| operation(*item)).collect();
    let fault = state.script.for_message(&asked);
    state.counter.asked(asked);
    let refused = match is_let_in(state, message) {
        true => refusal(state, version, items.len(), fault.as_ref()),
        false => Some(Refused::new(
            ResultReason::AUTHENTICATION_NOT_SUCCESSFUL,
            "who are you?",
        )),
    };
    let answers = match refused {
        Some(refused) => vec![Answered {
            operation: None,
            id: None,
            body: Err(refused),
        }],
        None => {
            let answer = |item| answered(state, version, item, fault.as_ref());
            items.into_iter().map(answer).collect()
        }
    };
    (encode(version, answers), fault)
}

/// An item of the answer.
struct Answered {
    operation: Option<u32>,
    id: Option<Vec<u8>>,
    body: Result<Body, Refused>,
}

fn answered(state: &State, version: Version, item: Item<'_>, fault: Option<&Fault>) -> Answered {
    let asked = operation(item);
    let payload = item.find(Tag::REQUEST_PAYLOAD).unwrap_or(item);
    let id = item.find(Tag::UNIQUE_BATCH_ITEM_ID).map(Item::raw);
    Answered {
        operation: Some(match fault {
            Some(Fault::WrongOperation(other)) => other.0,
            _ => asked,
        }),
        id: match fault {
            Some(Fault::WrongBatchId) => Some(b"not you".to_vec()),
            _ => id.map(<[u8]>::to_vec),
        },
        body: answer(state, version, Operation(asked), payload, fault),
    }
}

/// By the first credential in the header.
fn is_let_in(state: &State, message: Item<'_>) -> bool {
    let Some((name, password)) = state.user else {
        return true;
    };
    let header = message.find(Tag::REQUEST_HEADER);
    let said = header.and_then(|header| header.find(Tag::AUTHENTICATION));
    let said = said.and_then(|said| said.find(Tag::CREDENTIAL)?.find(Tag::CREDENTIAL_VALUE));
    let text = |tag| said.and_then(|said| said.find(tag)?.text());
    text(Tag::USERNAME) == Some(name) && text(Tag::PASSWORD) == Some(password)
}

/// Why the message as a whole is not looked at, if it is not.
fn refusal(
    state: &State,
    version: Version,
    items: usize,
    fault: Option<&Fault>,
) -> Option<Refused> {
    use kmip_p11::kmip::ResultReason as Reason;
    match fault {
        Some(Fault::CloseUnheard) => Some(Refused::new(Reason::GENERAL_FAILURE, "never heard")),
        Some(Fault::RefusedMessage(refused)) => Some(refused.clone()),
        Some(Fault::NoMoreThan(limit, refused)) if items > *limit => Some(refused.clone()),
        _ if !state.versions().contains(&version) => {
            Some(Refused::new(Reason::INVALID_MESSAGE, "unknown version"))
        }
        _ => None,
    }
}

fn encode(version: Version, answers: Vec<Answered>) -> Vec<u8> {
    let number = |value: usize| i32::try_from(value).expect("a small number");
    let mut writer = Writer::new();
    writer.structure(Tag::RESPONSE_MESSAGE, |writer| {
        writer.structure(Tag::RESPONSE_HEADER, |writer| {
            write_version(writer, version);
            writer.date_time(Tag::TIME_STAMP, 1_790_000_000);
            writer.integer(Tag::BATCH_COUNT, number(answers.len()));
        });
        for answer in answers {
            writer.structure(Tag::BATCH_ITEM, |writer| item(writer, answer));
        }
    });
    writer.finish().to_vec()
}

fn item(writer: &mut Writer, answer: Answered) {
    if let Some(operation) = answer.operation {
        writer.enumeration(Tag::OPERATION, operation);
    }
    if let Some(id) = answer.id {
        writer.bytes(Tag::UNIQUE_BATCH_ITEM_ID, &id);
    }
    match answer.body {
        Ok(body) => {
            writer.enumeration(Tag::RESULT_STATUS, ResultStatus::SUCCESS);
            writer.structure(Tag::RESPONSE_PAYLOAD, body);
        }
        Err(refused) => {
            writer.enumeration(Tag::RESULT_STATUS, ResultStatus::OPERATION_FAILED);
            writer.enumeration(Tag::RESULT_REASON, refused.reason);
            writer.text(Tag::RESULT_MESSAGE, &refused.message);
        }
    }
}

/// A Protocol Version structure.
pub fn write_version(writer: &mut Writer, version: Version) {
    let number = |value: u32| i32::try_from(value).expect("a small number");
    writer.structure(Tag::PROTOCOL_VERSION, |writer| {
        writer.integer(Tag::PROTOCOL_VERSION_MAJOR, number(version.major));
        writer.integer(Tag::PROTOCOL_VERSION_MINOR, number(version.minor));
    });
}

fn version(message: Item<'_>) -> Option<Version> {
    let header = message.find(Tag::REQUEST_HEADER)?;
    let version = header.find(Tag::PROTOCOL_VERSION)?;
    let number = |tag| u32::try_from(version.find(tag)?.integer()?).ok();
    Some(Version {
        major: number(Tag::PROTOCOL_VERSION_MAJOR)?,
        minor: number(Tag::PROTOCOL_VERSION_MINOR)?,
    })
}

fn operation(item: Item<'_>) -> u32 {
    let operation = item.find(Tag::OPERATION).and_then(Item::enumeration);
    operation.unwrap_or_default()
}
