//! What is read of located objects: attributes of keys, values of what is public, a bounded number in
//! each message, and nothing kept of a reply but what a key is made of.

use super::failure::{is_about_the_object, is_inability, is_of_the_server, noting};
use super::inventory::Inventory;
use super::managed::Managed;
use super::material;
use super::pairing::Located;
use crate::error::Result;
use crate::kmip::{
    Answer, AttributeReference, KeyFormatType, ManagedObject, ObjectType, Refusal, Request,
    Response, Tag,
};
use crate::model::certificate::Certificate;
use crate::model::key::{Hidden, ObjectId};
use crate::model::public_key::{PublicKey, PublicKeyError};

/// Items in one message; more than one message is sent for more. There is room for 64 keys of three
/// requests each beside 160 public keys that the slot does not show.
pub const ITEMS: usize = 512;

/// What is read of a public key beside its value.
const PAIRING: [Tag; 3] = [Tag::NAME, Tag::LINK, Tag::INITIAL_DATE];

/// Reads objects into what was located.
pub struct Reading<'a> {
    inventory: &'a Inventory<'a>,
    /// What was read.
    pub located: &'a mut Located,
    /// Requests answered so far, and how many there will be.
    answered: usize,
    expected: usize,
}

impl<'a> Reading<'a> {
    /// With about so many requests to come.
    pub fn new(inventory: &'a Inventory<'a>, located: &'a mut Located, expected: usize) -> Self {
        Self {
            inventory,
            located,
            answered: 0,
            expected,
        }
    }

    /// All of it in one message.
    pub fn at_once(
        &mut self,
        private: &[String],
        public: &[String],
        certificates: &[String],
    ) -> Result {
        let mut requests: Vec<_> = private.iter().map(|id| attributes(id)).collect();
        requests.extend(public.iter().flat_map(|id| [self.brief(id), get(id)]));
        requests.extend(certificates.iter().map(|id| get(id)));
        let mut answers = self.call(&requests)?.into_iter();
        private
            .iter()
            .for_each(|id| self.take_private(id, answers.next()));
        for id in public {
            let (attributes, value) = (answers.next(), answers.next());
            self.take_public(id, attributes, value);
        }
        let read = certificates.iter().zip(answers).filter_map(certificate);
        self.located.certificates.extend(read);
        Ok(())
    }

    /// Private keys, by their attributes alone.
    pub fn private(&mut self, ids: &[String]) -> Result {
        for ids in ids.chunks(ITEMS) {
            let requests: Vec<_> = ids.iter().map(|id| attributes(id)).collect();
            let mut answers = self.call(&requests)?.into_iter();
            ids.iter()
                .for_each(|id| self.take_private(id, answers.next()));
        }
        Ok(())
    }

    /// The public keys that private ones are linked to and that are not read yet. The link says all
    /// about them but their value.
    pub fn linked(&mut self) -> Result {
        let missing = self.located.missing_public();
        for ids in missing.chunks(ITEMS) {
            let requests: Vec<_> = ids.iter().map(|id| get(id)).collect();
            let mut answers = self.call(&requests)?.into_iter();
            for id in ids {
                self.take_public(id, None, answers.next());
            }
        }
        Ok(())
    }

    /// Public keys by attributes and value, those that are not read yet.
    pub fn public(&mut self, ids: &[String]) -> Result {
        let ids = self.located.unread(ids);
        for ids in ids.chunks(ITEMS / 2) {
            let requests: Vec<_> = ids
                .iter()
                .flat_map(|id| [self.brief(id), get(id)])
                .collect();
            let mut answers = self.call(&requests)?.into_iter();
            for id in ids {
                let (attributes, value) = (answers.next(), answers.next());
                self.take_public(id, attributes, value);
            }
        }
        Ok(())
    }

    /// Certificates, by their value.
    pub fn certificates(&mut self, ids: &[String]) -> Result {
        for ids in ids.chunks(ITEMS) {
            let requests: Vec<_> = ids.iter().map(|id| get(id)).collect();
            let answers = self.call(&requests)?;
            let read = ids.iter().zip(answers).filter_map(certificate);
            self.located.certificates.extend(read);
        }
        Ok(())
    }

    /// Of a public key, only what pairs it: its value says the rest.
    fn brief(&self, id: &str) -> Request {
        let names = match self.inventory.habits.take_names() {
            true => PAIRING.map(AttributeReference::Standard).into(),
            false => vec![],
        };
        Request::GetAttributes {
            id: id.into(),
            names,
        }
    }

    /// One message; once more for all attributes, if the server does not take their names, and for values
    /// in a format of our choice, if it has none for them.
    fn call(&mut self, requests: &[Request]) -> Result<Vec<Answer>> {
        let answers = self.send(requests)?;
        let by_name = |request: &Request| matches!(request, Request::GetAttributes { names, .. } if !names.is_empty());
        let mut pairs = requests.iter().zip(&answers);
        let refused = pairs.any(|(request, answer)| {
            by_name(request) && matches!(answer, Err(refusal) if is_inability(refusal))
        });
        if !refused {
            return self.by_format(requests, answers);
        }
        self.inventory.habits.refused_names();
        let without_names = requests.iter().map(|request| match request {
            Request::GetAttributes { id, .. } => attributes(id),
            other => other.clone(),
        });
        let requests: Vec<_> = without_names.collect();
        let answers = self.send(&requests)?;
        self.by_format(&requests, answers)
    }

    /// Cosmian has no usual format for the public ML-DSA keys that it was given. It calls a
    /// SubjectPublicKeyInfo PKCS#8, and gives them so.
    fn by_format(&mut self, requests: &[Request], answers: Vec<Answer>) -> Result<Vec<Answer>> {
        let in_pkcs8 = |(request, answer): (&Request, &Answer)| match (request, answer) {
            (Request::Get { id, .. }, Err(refusal)) if is_inability(refusal) => {
                Some(Request::Get {
                    id: id.clone(),
                    format: Some(KeyFormatType::PKCS_8),
                    wrapping: None,
                })
            }
            _ => None,
        };
        let again = requests.iter().zip(&answers).map(in_pkcs8);
        let again: Vec<Option<Request>> = again.collect();
        let asked: Vec<_> = again.iter().flatten().cloned().collect();
        if asked.is_empty() {
            return Ok(answers);
        }
        let mut others = self.send(&asked)?.into_iter();
        let better = |(answer, again): (Answer, Option<Request>)| {
            let other = again.and_then(|_| others.next());
            other.filter(Answer::is_ok).unwrap_or(answer)
        };
        Ok(answers.into_iter().zip(again).map(better).collect())
    }

    /// One message. A large store that takes longer than the deadline needs a word on what helps.
    fn send(&mut self, requests: &[Request]) -> Result<Vec<Answer>> {
        let Inventory {
            client,
            deadline,
            failures,
            ..
        } = self.inventory;
        let answers = client.call_within(*deadline, requests);
        let (answered, expected) = (self.answered, self.expected);
        self.answered += requests.len();
        answers.map_err(|error| {
            let error = failures.call(&error);
            match answered {
                0 => error,
                _ => noting(
                    error,
                    &format!(
                        "{answered} of about {expected} parts of the listing were read until then; \
                         narrow keys.groups or keys.names, or raise kmip.deadline"
                    ),
                ),
            }
        })
    }

    fn take_private(&mut self, id: &str, answer: Option<Answer>) {
        self.keep_refusal(answer.as_ref(), |refusal| !is_about_the_object(refusal));
        match described(id, answer) {
            // Servers may ignore what they were asked for.
            Ok(managed) if managed.is_other_than(ObjectType::PRIVATE_KEY) => {}
            Ok(managed) => self.located.private.push(managed),
            Err(reason) => self.located.hidden.push(Hidden {
                id: ObjectId(id.into()),
                key: None,
                reason,
            }),
        }
    }

    fn keep_refusal(&mut self, answer: Option<&Answer>, counts: fn(&Refusal) -> bool) {
        if let Some(Err(refusal)) = answer
            && counts(refusal)
        {
            let first = &mut self.located.refused;
            first.get_or_insert_with(|| refusal.clone());
        }
    }

    /// A public key without attributes can still be the end of a link.
    fn take_public(&mut self, id: &str, attributes: Option<Answer>, value: Option<Answer>) {
        self.keep_refusal(value.as_ref(), is_of_the_server);
        let managed = described(id, attributes).unwrap_or_else(|_| Managed::new(id, vec![]));
        self.located.public.push((managed, public_key(id, value)));
    }
}

fn public_key(id: &str, value: Option<Answer>) -> std::result::Result<PublicKey, PublicKeyError> {
    match value {
        Some(Ok(Response::Get {
            object: ManagedObject::PublicKey(block),
            ..
        })) => material::public_key(&block),
        Some(Err(refusal)) => Err(PublicKeyError::Form(format!(
            "its public half {id:?} cannot be read: {refusal}"
        ))),
        _ => Err(PublicKeyError::Form(format!("{id:?} is no public key"))),
    }
}

/// All attributes of an object.
pub fn attributes(id: &str) -> Request {
    Request::GetAttributes {
        id: id.into(),
        names: vec![],
    }
}

/// An object's value.
pub fn get(id: &str) -> Request {
    Request::Get {
        id: id.into(),
        format: None,
        wrapping: None,
    }
}

fn described(id: &str, answer: Option<Answer>) -> std::result::Result<Managed, String> {
    match answer {
        Some(Ok(Response::GetAttributes { attributes, .. })) => Ok(Managed::new(id, attributes)),
        Some(Err(refusal)) => Err(refusal.to_string()),
        _ => Err("the server did not tell its attributes".into()),
    }
}

/// What cannot be parsed, or speaks of a key that is not for SSH, is of no use to a login.
fn certificate((id, answer): (&String, Answer)) -> Option<Certificate> {
    match answer {
        Ok(Response::Get {
            object: ManagedObject::Certificate { value, .. },
            ..
        }) => Certificate::from_der(ObjectId(id.clone()), &value).ok(),
        _ => None,
    }
}
