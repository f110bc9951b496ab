//! Where a key is before it is brought to a slot: in another slot, or in a file.

use std::fmt;
use std::path::Path;

use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::model::key::{Key, State};
use kmip_p11::model::public_key::PublicKey;

use super::arguments::CopyArguments;
use crate::command::key_life::retire;
use crate::failure::Failure;
use crate::key_file::{self, Sighting};
use crate::key_name::KeyName;
use crate::person::Person;
use crate::place::Place;
use crate::selection::{self, Precision};

/// A key, and where it is.
pub enum Source<'a> {
    /// In a slot.
    Slot {
        /// The slot.
        place: &'a Place,
        /// The key.
        key: Box<Key>,
    },
    /// In a file.
    File {
        /// The file.
        path: &'a Path,
        /// How it was when it was read.
        sighting: Sighting,
        /// The key.
        private: PrivateKey,
    },
}

impl<'a> Source<'a> {
    /// The key that is meant. `home` is the slot that it is in, unless it is in a file.
    pub fn find(
        home: Option<&'a Place>,
        copy: &'a CopyArguments,
        precision: Precision,
        person: &dyn Person,
    ) -> Result<Self, Failure> {
        if let Some(path) = &copy.from_file {
            let sighting = Sighting::of(path)?;
            let private = key_file::read(path, person)?;
            return Ok(Source::File {
                path,
                sighting,
                private,
            });
        }
        let place = home.ok_or_else(|| Failure::Usage("say which slot the key is in".into()))?;
        let wanted = copy.key.as_deref().unwrap_or_default();
        let found = place.find()?;
        let selected = selection::one(&place.label, &found, wanted, precision)?;
        let key = Box::new(selected.key.clone());
        Ok(Source::Slot { place, key })
    }

    /// Its public half.
    pub fn public(&self) -> &PublicKey {
        match self {
            Source::Slot { key, .. } => &key.public,
            Source::File { private, .. } => private.public(),
        }
    }

    /// The key as its slot knows it.
    pub fn key(&self) -> Option<&Key> {
        match self {
            Source::Slot { key, .. } => Some(key),
            Source::File { .. } => None,
        }
    }

    /// Its own name, or that of its file.
    pub fn name(&self) -> Result<String, Failure> {
        let name = match self {
            Source::Slot { key, .. } => key.name.clone(),
            Source::File { path, .. } => {
                let stem = path.file_stem().unwrap_or_default();
                stem.to_string_lossy().into_owned()
            }
        };
        let checked = name.parse().map(|KeyName(name)| name);
        checked.map_err(|why| Failure::Refused(format!("{self}: {why}: give it one with --name")))
    }

    /// Whether it waits to be used.
    pub fn waits(&self) -> bool {
        self.key().is_some_and(|key| key.state == State::PreActive)
    }

    /// Whether a key in that state is brought anywhere. One that is over is not, unless that was the
    /// last step of a move before it was interrupted.
    pub fn is_of_use(&self, is_there_already: bool) -> Result<String, Failure> {
        let Some(key) = self.key() else {
            return Ok("it can be read".into());
        };
        let over = key.state == State::Deactivated && is_there_already;
        match key.unusable() {
            None => Ok(format!("it is {}", key.state)),
            Some(_) if self.waits() || over => Ok(format!("it is {}", key.state)),
            Some(why) => Err(Failure::Refused(format!("{self}: {why}"))),
        }
    }

    /// Its value, if it may leave.
    pub fn private(&self) -> Result<PrivateKey, Failure> {
        match self {
            Source::Slot { place, key } => Ok(place.token().export(key)?),
            Source::File { private, .. } => {
                let copy = private.copy();
                copy.map_err(|error| Failure::File(format!("{self}: {error}")))
            }
        }
    }

    /// Ends it here: a key is revoked and destroyed, a file removed.
    pub fn remove(&self) -> Result<(), Failure> {
        match self {
            Source::Slot { place, key } => retire(place, key),
            Source::File { path, sighting, .. } => sighting.remove(path),
        }
    }

    /// What becomes of it here if it is moved, in the words of a question.
    pub fn end(&self) -> &'static str {
        match self {
            Source::Slot { .. } => "destroy",
            Source::File { .. } => "remove",
        }
    }
}

/// As part of a sentence.
impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Slot { place, key } => {
                let (slot, label, id) = (&place.label, key.label(), &key.id);
                write!(f, "slot {slot:?}: key {label:?} (id {id})")
            }
            Source::File { path, .. } => write!(f, "{}", path.display()),
        }
    }
}
