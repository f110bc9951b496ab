//! Messages: a header and batch items, and which item of a reply belongs to which request (KMIP 1.4 section 7).

use super::client::Answer;
use super::credential::{self, Credential};
use super::enums::{BatchErrorContinuation, Operation, ResultReason, ResultStatus};
use super::error::ErrorKind;
use super::refusal::Refusal;
use super::request::{Request, Unencodable};
use super::response::{Response, read_version};
use super::tags::Tag;
use super::ttlv::{Frame, Item, Writer};
use super::version::Version;
use super::wiped::Wiped;

/// A number that no other message of this client has, so that a late reply is never taken for another's.
#[derive(Clone, Copy)]
pub(super) struct MessageId(pub u32);

impl MessageId {
    /// The Unique Batch Item ID of one of the message's items.
    fn of_item(self, place: usize) -> [u8; 8] {
        let place = u64::try_from(place).unwrap_or_default();
        ((u64::from(self.0) << 32) | place).to_be_bytes()
    }

    /// The item with that ID, if it is one of this message.
    fn place_of(self, id: &[u8]) -> Option<usize> {
        let place = u64::from_be_bytes(id.try_into().ok()?) ^ (u64::from(self.0) << 32);
        u32::try_from(place).ok()?.try_into().ok()
    }
}

/// What the header of a request message says of the message as a whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    /// The version that the message is written in.
    pub version: Version,
    /// Who asks, besides the certificate of the connection.
    pub credentials: &'a [Credential],
    /// Bytes of the largest answer that is wanted.
    pub maximum_response_size: Option<u32>,
}

impl From<Version> for Header<'_> {
    /// Nothing is said but the version.
    fn from(version: Version) -> Self {
        Header {
            version,
            credentials: &[],
            maximum_response_size: None,
        }
    }
}

/// A request message. It never has a Time Stamp (clocks differ), a Client Correlation Value (PyKMIP refuses it)
/// or a request without an identifier (servers keep the ID placeholder for others to use).
pub(super) fn encode<'a>(
    header: impl Into<Header<'a>>,
    id: MessageId,
    requests: &[&Request],
) -> Result<Wiped, Unencodable> {
    let header = header.into();
    let version = header.version;
    check_credentials(header.credentials, version)?;
    requests
        .iter()
        .try_for_each(|request| request.check_expressible(version))?;
    let mut writer = Writer::new();
    writer.structure(Tag::REQUEST_MESSAGE, |writer| {
        header.write(writer, requests.len());
        for (place, request) in requests.iter().enumerate() {
            writer.structure(Tag::BATCH_ITEM, |writer| {
                writer.enumeration(Tag::OPERATION, request.operation());
                writer.bytes(Tag::UNIQUE_BATCH_ITEM_ID, &id.of_item(place));
                request.write_payload(writer, version);
            });
        }
    });
    Ok(writer.finish())
}

/// Whether messages of that version can carry the credentials.
pub(super) fn check_credentials(
    credentials: &[Credential],
    version: Version,
) -> Result<(), Unencodable> {
    match credential::inexpressible(credentials, version) {
        Some(what) => Err(Unencodable {
            operation: None,
            version,
            what,
        }),
        None => Ok(()),
    }
}

impl Header<'_> {
    /// In the order of the specification (KMIP 1.4 section 7.2), which servers insist on.
    fn write(self, writer: &mut Writer, items: usize) {
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        writer.structure(Tag::REQUEST_HEADER, |writer| {
            writer.structure(Tag::PROTOCOL_VERSION, |writer| {
                writer.integer(Tag::PROTOCOL_VERSION_MAJOR, number(self.version.major));
                writer.integer(Tag::PROTOCOL_VERSION_MINOR, number(self.version.minor));
            });
            if let Some(bytes) = self.maximum_response_size {
                writer.integer(Tag::MAXIMUM_RESPONSE_SIZE, number(bytes));
            }
            credential::write_authentication(writer, self.credentials);
            if items > 1 {
                writer.enumeration(
                    Tag::BATCH_ERROR_CONTINUATION_OPTION,
                    BatchErrorContinuation::CONTINUE,
                );
            }
            writer.integer(Tag::BATCH_COUNT, i32::try_from(items).unwrap_or(i32::MAX));
        });
    }
}

/// A response message, sorted.
#[derive(Debug)]
pub(super) struct Reply {
    /// The version in its header: not always the one asked in.
    pub version: Option<Version>,
    /// What it says.
    pub content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// For each request its answer, or none if the server left it out.
    Answers(Vec<Option<Answer>>),
    /// The server did not get as far as the single requests.
    Refused(Refusal),
}

/// Reads the reply to `requests`.
pub(super) fn decode(
    frame: &Frame,
    id: MessageId,
    requests: &[&Request],
) -> Result<Reply, ErrorKind> {
    let message = frame.root();
    if message.tag != Tag::RESPONSE_MESSAGE {
        return Err(malformed(format!(
            "{} instead of Response Message",
            message.tag
        )));
    }
    let version = message
        .find(Tag::RESPONSE_HEADER)
        .and_then(|header| header.find(Tag::PROTOCOL_VERSION));
    let items: Vec<Item<'_>> = message.find_all(Tag::BATCH_ITEM).collect();
    let content = match items.as_slice() {
        [] => return Err(malformed("no batch item".to_owned())),
        [only] if concerns_whole_message(*only, requests) => {
            Content::Refused(refusal(*only, operation(*only)))
        }
        items => Content::Answers(sort(items, id, requests)?),
    };
    Ok(Reply {
        version: version.and_then(read_version),
        content,
    })
}

fn malformed(what: String) -> ErrorKind {
    ErrorKind::Malformed { what }
}

fn wrong(what: String) -> ErrorKind {
    ErrorKind::WrongReply { what }
}

fn operation(item: Item<'_>) -> Option<Operation> {
    item.find(Tag::OPERATION)
        .and_then(Item::enumeration)
        .map(Operation)
}

fn succeeded(item: Item<'_>) -> bool {
    item.find(Tag::RESULT_STATUS).and_then(Item::enumeration) == Some(ResultStatus::SUCCESS.0)
}

/// A failure that names no item, unless it can only mean the one item that was sent.
fn concerns_whole_message(item: Item<'_>, requests: &[&Request]) -> bool {
    let is_ours = matches!(requests, [only] if operation(item) == Some(only.operation()));
    !succeeded(item) && item.find(Tag::UNIQUE_BATCH_ITEM_ID).is_none() && !is_ours
}

/// Puts the items of a reply in the order of the requests.
fn sort(
    items: &[Item<'_>],
    id: MessageId,
    requests: &[&Request],
) -> Result<Vec<Option<Answer>>, ErrorKind> {
    let mut answers: Vec<Option<Answer>> = Vec::new();
    answers.resize_with(requests.len(), || None);
    for item in items {
        let place = place(*item, items.len(), id, requests.len())?;
        let (Some(request), Some(answer)) = (requests.get(place), answers.get_mut(place)) else {
            return Err(wrong("an item too many".to_owned()));
        };
        if answer.is_some() {
            return Err(wrong("two items with the same ID".to_owned()));
        }
        *answer = Some(read_answer(*item, request)?);
    }
    Ok(answers)
}

/// Which request an item answers, by its Unique Batch Item ID.
fn place(item: Item<'_>, items: usize, id: MessageId, requests: usize) -> Result<usize, ErrorKind> {
    match item.find(Tag::UNIQUE_BATCH_ITEM_ID) {
        Some(found) => {
            let ours = id.place_of(found.raw()).filter(|place| *place < requests);
            ours.ok_or_else(|| wrong("an item with an unknown ID".to_owned()))
        }
        None if items == 1 && requests == 1 && !succeeded(item) => Ok(0),
        None => Err(wrong("an item without ID".to_owned())),
    }
}

fn read_answer(item: Item<'_>, request: &Request) -> Result<Answer, ErrorKind> {
    let asked = request.operation();
    if let Some(other) = operation(item).filter(|operation| *operation != asked) {
        return Err(wrong(format!("{other} instead of {asked}")));
    }
    if !succeeded(item) {
        return Ok(Err(refusal(item, Some(asked))));
    }
    let payload = item.find(Tag::RESPONSE_PAYLOAD).unwrap_or(item);
    let response = Response::read(request, payload);
    response
        .map(Ok)
        .map_err(|missing| malformed(format!("no {missing} in the reply to {asked}")))
}

fn refusal(item: Item<'_>, operation: Option<Operation>) -> Refusal {
    let reason = item
        .find(Tag::RESULT_REASON)
        .and_then(Item::enumeration)
        .map(ResultReason);
    let words = item
        .find(Tag::RESULT_MESSAGE)
        .map(|message| String::from_utf8_lossy(message.raw()).into_owned());
    let status = item
        .find(Tag::RESULT_STATUS)
        .and_then(Item::enumeration)
        .map(ResultStatus);
    let instead = || {
        status.map_or_else(
            || "no Result Status".to_owned(),
            |status| status.to_string(),
        )
    };
    Refusal {
        status,
        ..Refusal::new(
            operation,
            reason.unwrap_or(ResultReason::GENERAL_FAILURE),
            &words.unwrap_or_else(instead),
        )
    }
}
