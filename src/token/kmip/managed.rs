//! A managed object as its attributes tell of it, before it is part of a key.

use super::mapping;
use super::own_words::agreed;
use crate::kmip::{Attribute, CryptographicAlgorithm, LinkType, ObjectType, State, UsageMask};
use crate::model::key::{self, Custody};
use crate::model::validity::Validity;

/// The attributes of one managed object that matter here; empty where the server keeps none.
#[derive(Debug, Clone, Default)]
pub struct Managed {
    /// Its unique identifier.
    pub id: String,
    /// What it is.
    pub object_type: Option<ObjectType>,
    /// Its names, the first one first.
    pub names: Vec<String>,
    /// The object groups it is in.
    pub groups: Vec<String>,
    /// Its links to other objects.
    pub links: Vec<(LinkType, String)>,
    /// Where it stands in its life.
    pub state: Option<State>,
    /// What it may be used for.
    pub usage: Option<UsageMask>,
    /// Its algorithm.
    pub algorithm: Option<CryptographicAlgorithm>,
    /// How the server guards it.
    pub custody: Custody,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// The dates that its owner has set.
    pub validity: Validity,
    /// The CKA_ID that its owner wants, as often as it is told.
    pub own_id: Option<Vec<Vec<u8>>>,
    /// The CKA_LABEL that its owner wants, as often as it is told.
    pub own_label: Option<Vec<String>>,
    /// What could not be taken as it was told.
    pub remarks: Vec<String>,
}

impl Managed {
    /// From all attributes of an object.
    pub fn new(id: &str, attributes: Vec<Attribute>) -> Self {
        let mut managed = Managed {
            id: id.into(),
            ..Managed::default()
        };
        for attribute in attributes {
            mapping::take(&mut managed, attribute);
        }
        managed
    }

    /// CKA_ID and CKA_LABEL of the owner's choice, and what he has to know of them.
    pub fn wishes(&self) -> (Option<Vec<u8>>, Option<String>, Vec<String>) {
        let mut remarks = self.remarks.clone();
        let id = agreed(self.own_id.as_ref(), "CKA_ID");
        let label = agreed(self.own_label.as_ref(), "CKA_LABEL");
        remarks.extend(id.as_ref().err().cloned());
        remarks.extend(label.as_ref().err().cloned());
        (id.unwrap_or_default(), label.unwrap_or_default(), remarks)
    }

    /// Its name for people: the first name, else its identifier.
    pub fn name(&self) -> &str {
        self.names.first().unwrap_or(&self.id)
    }

    /// The object that a link of that kind leads to.
    pub fn linked(&self, kind: LinkType) -> Option<&str> {
        let mut links = self.links.iter();
        let found = links.find(|(known, _)| *known == kind);
        found.map(|(_, id)| id.as_str())
    }

    /// Whether it is of another type, so that the server gave it to us by mistake.
    pub fn is_other_than(&self, wanted: ObjectType) -> bool {
        self.object_type.is_some_and(|it_is| it_is != wanted)
    }

    /// Where it stands in its life; a server that keeps no states lets its objects be used. A state
    /// that we do not know is no leave to use it.
    pub fn state(&self) -> key::State {
        match self.state {
            Some(State::PRE_ACTIVE) => key::State::PreActive,
            Some(State::COMPROMISED) => key::State::Compromised,
            Some(State::DESTROYED) => key::State::Destroyed,
            Some(State::DESTROYED_COMPROMISED) => key::State::DestroyedCompromised,
            None | Some(State::ACTIVE) => key::State::Active,
            Some(_) => key::State::Deactivated,
        }
    }

    /// Whether its usage mask lets it sign; none at all does.
    pub fn may_sign(&self) -> bool {
        self.usage.is_none_or(|mask| allows(mask, UsageMask::SIGN))
    }

    /// Whether its usage mask lets it decrypt: that has to be said.
    pub fn may_decrypt(&self) -> bool {
        let allows = |mask| allows(mask, UsageMask::DECRYPT);
        self.usage.is_some_and(allows)
    }
}

fn allows(mask: UsageMask, use_of_it: UsageMask) -> bool {
    mask.contains(use_of_it) || mask.contains(UsageMask::UNRESTRICTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_does_not_hide_a_key() {
        let bare = Managed::new("7", vec![]);
        assert_eq!((bare.name(), bare.state()), ("7", key::State::Active));
        assert!(bare.may_sign());
    }

    #[test]
    fn a_state_that_is_not_known_is_no_leave_to_sign() {
        let state = |number| Managed::new("7", vec![Attribute::State(State(number))]).state();
        assert_eq!(state(State::ACTIVE.0), key::State::Active);
        for number in [0, 7, 0x8000_0001] {
            assert_eq!(state(number), key::State::Deactivated);
        }
    }

    #[test]
    fn attributes_are_taken_as_they_come() {
        let managed = Managed::new(
            "7",
            vec![
                Attribute::Name("web".into()),
                Attribute::Name("alias".into()),
                Attribute::CryptographicUsageMask(UsageMask::VERIFY),
                Attribute::State(State::PRE_ACTIVE),
                Attribute::Link {
                    kind: LinkType::PUBLIC_KEY_LINK,
                    id: "8".into(),
                },
                Attribute::Comment("ignored".into()),
            ],
        );
        assert_eq!(managed.name(), "web");
        assert_eq!(managed.linked(LinkType::PUBLIC_KEY_LINK), Some("8"));
        assert_eq!(managed.state(), key::State::PreActive);
        assert!(!managed.may_sign());
    }
}
