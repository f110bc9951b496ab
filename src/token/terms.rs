//! The terms in which tokens are asked, and in which they answer.

use crate::model::key::{ObjectId, State};
use crate::model::public_key::KeyType;

/// A key pair to be made or taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its name for people.
    pub name: String,
    /// Its kind.
    pub key_type: KeyType,
    /// The object groups to put it into.
    pub groups: Vec<String>,
    /// Whether it may be used at once.
    pub activate: bool,
    /// Whether its owner lets it leave the token again, wrapped or not.
    pub extractable: bool,
    /// Whether it is to decrypt besides, where the token has that said by a key's owner.
    pub decrypts: bool,
}

impl NewKey {
    /// A key for use at once, in no group, that never leaves the token.
    pub fn new(name: impl Into<String>, key_type: KeyType) -> Self {
        Self {
            name: name.into(),
            key_type,
            groups: vec![],
            activate: true,
            extractable: false,
            decrypts: false,
        }
    }
}

/// How a key is to be seen by programs; `None` as it is by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// CKA_ID, 1 to 255 bytes.
    Id(Option<Vec<u8>>),
    /// CKA_LABEL, 1 to 255 bytes.
    Label(Option<String>),
}

/// Which half of a pair is spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The private key.
    Private,
    /// The public key.
    Public,
}

/// Something that a token tells of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Of which half.
    pub half: Half,
    /// What is told, by the token's own name for it.
    pub name: String,
    /// What it is, for people.
    pub value: String,
    /// What programs get of it; empty if nothing.
    pub programs: &'static str,
}

/// An object that could be half of a key, and is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remnant {
    /// Its unique identifier.
    pub id: ObjectId,
    /// Which half it would be.
    pub half: Half,
    /// Its name, else its identifier.
    pub name: String,
    /// Where it stands in its life.
    pub state: State,
}

/// Why a key is revoked (KMIP 2.1, 11.49).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// True if the private key may be known to others: it can then never be used again.
    pub compromised: bool,
    /// For those who read it later.
    pub message: Option<String>,
}

/// What is wanted of a slot's delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryTask {
    /// Tell of the wrapping keys that are at both ends.
    Look,
    /// The same, and try each by a real delivery.
    Check,
    /// Make a wrapping key at both ends, if there is none that works.
    SetUp,
    /// Put a new wrapping key into the place of all others.
    Rotate,
}

/// What a connection to a token showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Probe {
    /// Facts in the order to be read: what, and how it is.
    pub facts: Vec<(&'static str, String)>,
    /// What will not work as it is, and what to change.
    pub warnings: Vec<String>,
}
