//! A key pair with its certificates, as an administrator thinks of it.

use std::fmt;

use super::attribute::presentable_label;
use super::certificate::Certificate;
use super::public_key::{KeyType, PublicKey};
use super::validity::{Validity, now};

/// Names an object for its token (a KMIP unique identifier, a row): nobody else looks inside.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub String);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a key stands in its life (KMIP 2.1, 4.57; NIST SP 800-57).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Made, not yet to be used.
    PreActive,
    /// To be used.
    Active,
    /// No longer to be used.
    Deactivated,
    /// Known to others, or believed to be.
    Compromised,
    /// Gone; only its name is left.
    Destroyed,
    /// Gone, and known to others.
    DestroyedCompromised,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::PreActive => "pre-active",
            State::Active => "active",
            State::Deactivated => "deactivated",
            State::Compromised => "compromised",
            State::Destroyed => "destroyed",
            State::DestroyedCompromised => "destroyed, compromised",
        })
    }
}

/// A private key that lives in a token, its public half, and the certificates that speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The private key's name in the token.
    pub id: ObjectId,
    /// The public key's name, if the token keeps one.
    pub public_id: Option<ObjectId>,
    /// The name given by people; see [`Key::label`] for the form that programs get.
    pub name: String,
    /// A CKA_LABEL other than the name, if its owner wants one.
    pub own_label: Option<String>,
    /// The public half.
    pub public: PublicKey,
    /// CKA_ID of the pair and of its certificates; no two keys that are shown have the same. The
    /// public key's own ([`PublicKey::key_id`]), unless the owner wants another.
    pub key_id: Vec<u8>,
    /// Where it stands in its life.
    pub state: State,
    /// The dates that its owner has set.
    pub validity: Validity,
    /// Whether its owner lets it sign.
    pub may_sign: bool,
    /// What else the token does with it.
    pub other_uses: OtherUses,
    /// By which mechanisms of PKCS#11 it signs, where its token says so; else by all of ours that go with
    /// its type.
    pub mechanisms: Option<Vec<u64>>,
    /// What is known of how the token guards it.
    pub custody: Custody,
    /// The object groups it is in.
    pub groups: Vec<String>,
    /// When the token made it, in seconds since 1970.
    pub created: Option<i64>,
    /// X.509 certificates of its public key.
    pub certificates: Vec<Certificate>,
    /// What its owner has to know: which of his wishes cannot be met, and why.
    pub remarks: Vec<String>,
}

/// How a token guards a private key, as far as it says; `None` where it does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Custody {
    /// Its value is not given out in the clear.
    pub sensitive: Option<bool>,
    /// Its value may be given out, wrapped or not.
    pub extractable: Option<bool>,
    /// It was sensitive all its life.
    pub always_sensitive: Option<bool>,
    /// It was never extractable.
    pub never_extractable: Option<bool>,
}

/// What a token does with a private key, besides signing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtherUses {
    /// It decrypts, by RSA.
    pub decrypt: bool,
    /// It agrees on secrets, by Diffie-Hellman on its curve.
    pub agree: bool,
}

impl OtherUses {
    /// All that can be done with keys of a type.
    pub fn of(key_type: KeyType) -> Self {
        Self {
            decrypt: matches!(key_type, KeyType::Rsa(_)),
            agree: matches!(key_type, KeyType::Ec(_)),
        }
    }

    /// Those that both allow.
    pub fn and(self, other: Self) -> Self {
        Self {
            decrypt: self.decrypt && other.decrypt,
            agree: self.agree && other.agree,
        }
    }
}

impl Key {
    /// CKA_LABEL: the name, unless its owner wants another one.
    pub fn label(&self) -> String {
        presentable_label(self.own_label.as_ref().unwrap_or(&self.name))
    }

    /// Where it stands by its state and its dates.
    pub fn state_now(&self) -> State {
        match self.state {
            State::Active => {
                let objection = self.validity.objection(now());
                objection.map_or(State::Active, |(state, _)| state)
            }
            state => state,
        }
    }

    /// What it may be used for now, besides signing.
    pub fn other_uses_now(&self) -> OtherUses {
        match self.state_now() {
            State::Active => self.other_uses,
            _ => OtherUses::default(),
        }
    }

    /// Why it cannot sign now, if it cannot.
    pub fn unusable(&self) -> Option<String> {
        match (self.state, self.may_sign) {
            (State::Active, true) => self.validity.objection(now()).map(|(_, reason)| reason),
            (State::Active, false) => {
                Some("its Cryptographic Usage Mask does not allow Sign".into())
            }
            (State::PreActive, _) => {
                Some("it is pre-active; `kmip-ssh key activate` makes it usable".into())
            }
            (state, _) => Some(format!("it is {state}")),
        }
    }
}

/// What a token holds: keys to be used, and what is left out with the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Keys that programs may see, in an order that stays.
    pub keys: Vec<Key>,
    /// Everything else: one bad object never hides the others, and is never hidden silently.
    pub hidden: Vec<Hidden>,
    /// What people have to know of the listing as a whole: that it may not be complete.
    pub warnings: Vec<String>,
    /// Some is left out for a fault of the token that may be over soon, and not for one of its own.
    pub is_partial: bool,
}

/// An object that programs do not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// Its name in the token.
    pub id: ObjectId,
    /// The key it is, if that much is known.
    pub key: Option<Key>,
    /// Why it is left out.
    pub reason: String,
}
