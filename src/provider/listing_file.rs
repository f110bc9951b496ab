//! A listing kept in a file: what another process of the same user learnt a while ago, public objects only.
//!
//! The file is trusted because nobody else can have written it: it lies in a directory that only its
//! owner may enter. What it says is checked for damage, for its age, and for being of this very slot.
//! Trouble with it is told to the log, once, and costs the user a round trip, never a key.

pub(crate) mod content;
mod directory;

use std::fmt::Display;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use once_cell::sync::OnceCell;
use parking_lot::Mutex;

pub use content::Kept;
pub use directory::Stamp;

use crate::model::key::Key;
use crate::token::SharedToken;
use directory::Directory;

/// Bytes of the longest file that is written or read: about 200,000 keys.
const LONGEST: u64 = 64 << 20;

/// How long a change waits for a process that is writing a listing.
const PATIENCE: Duration = Duration::from_millis(500);

/// Where listings are kept, and for how long they serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// A directory of the user's own; made if it is not there.
    pub directory: PathBuf,
    /// How old a listing may be that is taken from a file.
    pub age: Duration,
}

/// The file of one slot.
pub struct ListingFile {
    disk: Disk,
    token: SharedToken,
    /// What decides what the token lists; found out when it is needed, and `None` without a file.
    identity: OnceCell<Option<[u8; 32]>>,
    /// The last trouble that the log was told of.
    told: Mutex<String>,
}

/// What is in the file.
pub enum Look {
    /// What was there the last time.
    Same,
    /// Another listing, young enough.
    Other(Kept, Stamp),
    /// Nothing of use.
    Nothing,
}

impl ListingFile {
    /// The file of that token's slot; touches nothing.
    pub fn new(disk: Disk, token: SharedToken) -> Self {
        Self {
            disk,
            token,
            identity: OnceCell::new(),
            told: Mutex::default(),
        }
    }

    /// Whether a listing of that time may still be taken from a file. One from the future may not.
    pub fn is_young(&self, listed_at: SystemTime) -> bool {
        listed_at.elapsed().is_ok_and(|age| age < self.disk.age)
    }

    /// What is in the file that was `known` before.
    pub fn look(&self, known: Stamp) -> Look {
        let Some((name, identity)) = self.name() else {
            return Look::Nothing;
        };
        let looked = Directory::open(&self.disk.directory).and_then(|directory| {
            let Some((file, stamp)) = directory.file(&name)? else {
                return Ok(Look::Nothing);
            };
            if stamp == known {
                return Ok(Look::Same);
            }
            let kept = content::decode(&directory.read(file, LONGEST)?, &identity)?;
            Ok(match self.is_young(kept.listed_at) {
                true => Look::Other(kept, stamp),
                false => Look::Nothing,
            })
        });
        looked.unwrap_or_else(|fault| {
            self.tell("is not used", &fault);
            Look::Nothing
        })
    }

    /// How the file is now; before a listing is asked for, so that [`ListingFile::keep`] can tell
    /// whether somebody changed it in the meantime.
    pub fn stamp(&self) -> Stamp {
        let stamp = self.name().map(|(name, _)| {
            let directory = Directory::open(&self.disk.directory);
            directory.and_then(|directory| directory.stamp(&name))
        });
        stamp.and_then(Result::ok).unwrap_or_default()
    }

    /// Writes a listing, if the file is still as it was `before`.
    pub fn keep<'k>(
        &self,
        listed_at: SystemTime,
        learnt: &[u8],
        keys: impl Iterator<Item = &'k Key>,
        before: Stamp,
    ) -> Option<Stamp> {
        let (name, identity) = self.name()?;
        let kept = content::encode(&identity, listed_at, learnt, keys)
            .and_then(|bytes| match bytes.len() as u64 > LONGEST {
                true => Err(format!("{} bytes are more than {LONGEST}", bytes.len())),
                false => Ok(bytes),
            })
            .and_then(|bytes| Directory::make(&self.disk.directory)?.write(&name, &bytes, before));
        kept.unwrap_or_else(|fault| {
            self.tell("was not written", &fault);
            None
        })
    }

    /// Makes the file say that nothing is known, so that whoever looks asks the token, and whoever
    /// is waiting for an answer does not write it.
    pub fn expire(&self) {
        if let Some((name, _)) = self.name() {
            let emptied = Directory::make(&self.disk.directory)
                .and_then(|directory| directory.empty(&name, PATIENCE));
            emptied.unwrap_or_else(|fault| self.tell("was not emptied", &fault));
        }
    }

    /// The same for all files in the directory: another slot may show the same keys.
    pub fn expire_all(&self) {
        self.expire();
        let emptied = Directory::open(&self.disk.directory)
            .and_then(|directory| directory.empty_all(PATIENCE));
        emptied.unwrap_or_else(|fault| self.tell("was not emptied", &fault));
    }

    /// The file's name and the digest that it must begin with.
    fn name(&self) -> Option<(String, [u8; 32])> {
        let identity = self.identity.get_or_init(|| self.token.identity());
        let identity = (*identity)?;
        let digits = identity.iter().take(16).map(|byte| format!("{byte:02x}"));
        Some((digits.collect(), identity))
    }

    /// The same trouble is told once.
    fn tell(&self, what: &str, fault: &impl Display) {
        let directory = self.disk.directory.display();
        let line = format!("the listing in {directory} {what}: {fault}");
        let mut told = self.told.lock();
        if *told != line {
            log::warn!("slot {:?}: {line}", self.token.info().label);
            *told = line;
        }
    }
}

#[cfg(test)]
mod tests;
