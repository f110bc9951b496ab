//! What is in a file: a digest against damage, the slot that it is of, a time, and public keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use serde::{Deserialize, Serialize};

use crate::model::certificate::Certificate;
use crate::model::elements::one_by_one;
use crate::model::key::{Custody, Key, ObjectId, OtherUses, State};
use crate::model::public_key::PublicKey;
use crate::model::validity::Validity;

/// The first bytes of a file, with the number of its format: another format is another number.
const MAGIC: &[u8; 16] = b"kmip-p11 keys 3\n";

/// Bytes of what a token may have learnt.
const MOST_LEARNT: usize = 64 << 10;

/// A listing from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// When the token was asked for it.
    pub listed_at: SystemTime,
    /// What the token had learnt by then, for [`crate::token::Token::recall`].
    pub learnt: Vec<u8>,
    /// The keys, in the token's order.
    pub keys: Vec<Key>,
}

/// What follows the digests, and is followed by one [`Entry`] for each key.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    /// Milliseconds since 1970.
    listed_at: u64,
    learnt: &'a [u8],
}

/// A key as it is written.
#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    id: &'a str,
    public_id: Option<&'a str>,
    name: &'a str,
    own_label: Option<&'a str>,
    /// A SubjectPublicKeyInfo.
    public: &'a [u8],
    key_id: &'a [u8],
    state: u8,
    validity: [Option<i64>; 4],
    may_sign: bool,
    other_uses: [bool; 2],
    /// None for those of its type.
    #[serde(deserialize_with = "one_by_one")]
    mechanisms: Vec<u64>,
    custody: [Option<bool>; 4],
    #[serde(borrow, deserialize_with = "one_by_one")]
    groups: Vec<&'a str>,
    created: Option<i64>,
    /// Their names in the token, and their DER.
    #[serde(borrow, deserialize_with = "one_by_one")]
    certificates: Vec<(&'a str, &'a [u8])>,
}

const STATES: [State; 6] = [
    State::PreActive,
    State::Active,
    State::Deactivated,
    State::Compromised,
    State::Destroyed,
    State::DestroyedCompromised,
];

/// The bytes of a file.
///
/// # Errors
/// A time before 1970, or a key that has no encoding.
pub fn encode<'k>(
    identity: &[u8; 32],
    listed_at: SystemTime,
    learnt: &[u8],
    keys: impl Iterator<Item = &'k Key>,
) -> Result<Vec<u8>, String> {
    let body = encode_body(identity.to_vec(), listed_at, learnt, keys)?;
    let digest = digest(&SHA256, &body);
    Ok([MAGIC, digest.as_ref(), &body].concat())
}

/// What is behind the identity, appended to what is `before` it.
///
/// # Errors
/// As [`encode`].
pub fn encode_body<'k>(
    before: Vec<u8>,
    listed_at: SystemTime,
    learnt: &[u8],
    mut keys: impl Iterator<Item = &'k Key>,
) -> Result<Vec<u8>, String> {
    let since = listed_at.duration_since(UNIX_EPOCH);
    let head = Head {
        listed_at: since.map_err(text)?.as_millis() as u64,
        learnt,
    };
    let body = postcard::to_extend(&head, before).map_err(text)?;
    keys.try_fold(body, append)
}

fn append(body: Vec<u8>, key: &Key) -> Result<Vec<u8>, String> {
    let Key {
        id,
        public_id,
        name,
        own_label,
        public,
        key_id,
        state,
        validity,
        may_sign,
        other_uses,
        mechanisms,
        custody,
        groups,
        created,
        certificates,
        remarks: _for_people_who_are_told_by_kmip_ssh,
    } = key;
    let public = public.to_spki().map_err(text)?;
    let state = STATES.iter().position(|known| known == state);
    let certificates = certificates.iter().map(|it| (it.id.0.as_str(), it.der()));
    let entry = Entry {
        id: &id.0,
        public_id: public_id.as_ref().map(|id| id.0.as_str()),
        name,
        own_label: own_label.as_deref(),
        public: &public,
        key_id,
        state: state.ok_or("a state without a number")? as u8,
        validity: [
            validity.activation,
            validity.process_start,
            validity.protect_stop,
            validity.deactivation,
        ],
        may_sign: *may_sign,
        other_uses: [other_uses.decrypt, other_uses.agree],
        mechanisms: mechanisms.clone().unwrap_or_default(),
        custody: [
            custody.sensitive,
            custody.extractable,
            custody.always_sensitive,
            custody.never_extractable,
        ],
        groups: groups.iter().map(String::as_str).collect(),
        created: *created,
        certificates: certificates.collect(),
    };
    postcard::to_extend(&entry, body).map_err(text)
}

/// A listing of the slot with that identity.
///
/// # Errors
/// What is wrong with the file: nothing of it is to be used then.
pub fn decode(file: &[u8], identity: &[u8; 32]) -> Result<Kept, String> {
    let body = file.strip_prefix(MAGIC.as_slice());
    let body = body.ok_or("it is not a listing of this version")?;
    let (checksum, body) = body
        .split_first_chunk::<SHA256_OUTPUT_LEN>()
        .ok_or("it is cut off")?;
    if digest(&SHA256, body).as_ref() != checksum {
        return Err("it is damaged".into());
    }
    let body = body.strip_prefix(identity.as_slice());
    decode_body(body.ok_or("it is of another configuration or version")?)
}

/// What is behind the identity.
///
/// # Errors
/// As [`decode`].
pub fn decode_body(body: &[u8]) -> Result<Kept, String> {
    let (head, mut rest): (Head<'_>, _) = postcard::take_from_bytes(body).map_err(text)?;
    if head.learnt.len() > MOST_LEARNT {
        return Err("more was learnt than there is to learn".into());
    }
    let since = Duration::from_millis(head.listed_at);
    let listed_at = UNIX_EPOCH.checked_add(since);
    let mut keys = vec![];
    while !rest.is_empty() {
        let (entry, later): (Entry<'_>, _) = postcard::take_from_bytes(rest).map_err(text)?;
        keys.push(entry.key()?);
        rest = later;
    }
    Ok(Kept {
        listed_at: listed_at.ok_or("it is of no time that there is")?,
        learnt: head.learnt.to_vec(),
        keys,
    })
}

impl Entry<'_> {
    /// Checked as if it had come from a server.
    fn key(self) -> Result<Key, String> {
        let name = |id: &str| ObjectId(id.to_owned());
        let certificate = |(id, der)| Certificate::from_der(name(id), der).map_err(text);
        let certificates: Result<Vec<_>, String> =
            self.certificates.into_iter().map(certificate).collect();
        let [sensitive, extractable, always_sensitive, never_extractable] = self.custody;
        let [decrypt, agree] = self.other_uses;
        let [activation, process_start, protect_stop, deactivation] = self.validity;
        let state = STATES.get(usize::from(self.state));
        Ok(Key {
            id: name(self.id),
            public_id: self.public_id.map(name),
            name: self.name.to_owned(),
            own_label: self.own_label.map(str::to_owned),
            public: PublicKey::from_spki(self.public).map_err(text)?,
            key_id: self.key_id.to_vec(),
            state: *state.ok_or("a state that is not known")?,
            validity: Validity {
                activation,
                process_start,
                protect_stop,
                deactivation,
            },
            may_sign: self.may_sign,
            other_uses: OtherUses { decrypt, agree },
            mechanisms: Some(self.mechanisms).filter(|it| !it.is_empty()),
            custody: Custody {
                sensitive,
                extractable,
                always_sensitive,
                never_extractable,
            },
            groups: self.groups.into_iter().map(str::to_owned).collect(),
            created: self.created,
            certificates: certificates?,
            remarks: vec![],
        })
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
