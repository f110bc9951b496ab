//! Doors for the fuzz targets: messages are read as a client reads them, and there is one to begin with.

#[path = "tests/every_reply.rs"]
mod every_reply;
#[path = "tests/requests.rs"]
mod requests;
#[path = "tests/samples.rs"]
mod samples;

use super::json;
use super::message::{Content, MessageId, decode};
use super::ttlv::{Frame, Item, Limits};
use super::{Answer, Operation, Request, Tag, Version};

/// What reads messages: one request of every operation.
pub struct Reader(Vec<Request>);

impl Default for Reader {
    fn default() -> Self {
        Self(every_reply::requests())
    }
}

impl Reader {
    /// The answers in a message, each as the answer to a request of its operation: so any message of
    /// a server is read to its end.
    pub fn answers(&self, message: Vec<u8>) -> Option<Vec<Answer>> {
        let frame = Frame::parse(message.into(), &Limits::default()).ok()?;
        let items: Vec<_> = frame.root().find_all(Tag::BATCH_ITEM).collect();
        let first = items
            .first()
            .and_then(|item| item.find(Tag::UNIQUE_BATCH_ITEM_ID));
        let id = first.and_then(|id| id.raw().first_chunk().copied());
        let requests: Vec<_> = items.iter().map(|item| self.request(*item)).collect();
        let id = MessageId(u32::from_be_bytes(id.unwrap_or_default()));
        match decode(&frame, id, &requests).ok()?.content {
            Content::Answers(answers) => Some(answers.into_iter().flatten().collect()),
            Content::Refused(refusal) => Some(vec![Err(refusal)]),
        }
    }

    fn request(&self, item: Item<'_>) -> &Request {
        let operation = item.find(Tag::OPERATION).and_then(Item::enumeration);
        let known = self.0.iter();
        let asked = known
            .clone()
            .find(|it| Some(it.operation()) == operation.map(Operation));
        asked
            .or(known.clone().next())
            .unwrap_or(&Request::DiscoverVersions)
    }

    /// The same of a message in JSON.
    pub fn json_answers(&self, json: &[u8]) -> Option<Vec<Answer>> {
        let message = json::read(json, &Limits::default()).ok()?;
        self.answers(message.to_vec())
    }

    /// A message in JSON.
    pub fn in_json(message: &[u8]) -> Vec<u8> {
        json::write(message).to_vec()
    }

    /// What a client makes of JSON: a message, as it would write it again.
    pub fn from_json(json: &[u8]) -> Option<Vec<u8>> {
        let message = json::read(json, &Limits::default()).ok()?;
        Some(message.to_vec())
    }

    /// A reply to one request of every operation.
    pub fn reply(&self, version: Version) -> Vec<u8> {
        every_reply::reply(version, &self.0).to_vec()
    }
}
