//! The configuration file: the slots that programs see and what is behind them.

mod cache;
mod choice;
mod complaint;
mod connections;
mod contradiction;
mod credentials;
mod delivery;
mod duration;
pub mod embedded;
mod error;
mod expectation;
mod file_path;
mod hsm;
mod keys;
mod keystore;
mod kmip;
mod location;
mod log;
mod named_file;
mod permissions;
mod position;
mod privilege;
mod server;
mod slot;
mod suggestion;
mod syntax;
mod tls;
mod token_uri;

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{self, Path, PathBuf};

pub use cache::{Cache, Disk};
pub use connections::Connections;
pub use credentials::{Credentials, Device};
pub use delivery::{Delivered, Delivery, OaepHash, Wrap};
pub use error::Error;
pub use hsm::{Hsm, HsmProcess, PinSource, TokenChoice};
pub use keys::{KeyFilter, KeyKind, KeyState, Patterns};
pub use keystore::{Database, Keystore, Postgres, Seal};
pub use kmip::{Encoding, Kmip, Order, Pin, Protocol};
pub use location::{Candidate, Skip, Source, search_path};
pub use log::{Log, Target};
pub use permissions::{Content, Fault, judge_unopened, open as open_trusted, read as read_trusted};
pub use position::Position;
pub use server::Server;
pub use slot::{Backend, Slot};
pub use tls::Tls;

use complaint::Complaint;
use file_path::Base;
use location::Environment;
use named_file::NamedFile;

/// More than any configuration needs: what is longer is another file.
const LONGEST_FILE: u64 = 1024 * 1024;

/// The configuration of a process.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// Whether there was no file: see [`embedded`].
    pub is_embedded: bool,
    /// What is logged, and where.
    pub log: Log,
    /// At least one, in the order of the file.
    pub slots: Vec<Slot>,
}

impl Config {
    /// Finds the file (see [`search_path`]), reads it, and checks that it and the files it names
    /// are there and may be trusted.
    ///
    /// # Errors
    /// Every [`Error`]; its text says what to change.
    pub fn load() -> Result<Self, Error> {
        Self::load_from(&found(search_path())?)
    }

    /// The same for a file that the caller has chosen.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_from(path: &Path) -> Result<Self, Error> {
        let text = text_of(path)?;
        let (config, files) = read(&text, path, &Environment::of_process())?;
        files
            .into_iter()
            .try_for_each(|file| file.check(&config.path, &text))?;
        Ok(config)
    }

    /// Reads the text of a file that is, or would be, at `path`. No file is looked at.
    ///
    /// # Errors
    /// [`Error::Content`] with the first thing that is wrong.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let (config, _) = read(text, path, &Environment::of_process())?;
        Ok(config)
    }
}

/// The first candidate that exists.
fn found(candidates: Vec<Candidate>) -> Result<PathBuf, Error> {
    for candidate in &candidates {
        let Ok(path) = &candidate.place else { continue };
        let variable = candidate.source == Source::Variable;
        if variable && path.is_relative() {
            return Err(Error::RelativeVariable(path.clone()));
        }
        // A link that leads nowhere is a mistake to report, not a reason to take another file.
        match fs::symlink_metadata(path) {
            Ok(_) => return Ok(path.clone()),
            Err(error) if !is_absent(error.kind()) => {
                return Err(Error::Unreadable {
                    path: path.clone(),
                    reason: error,
                });
            }
            Err(_) if variable => return Err(Error::NoSuchVariableFile(path.clone())),
            Err(_) => {}
        }
    }
    Err(Error::NoFile(candidates))
}

fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn text_of(path: &Path) -> Result<String, Error> {
    let unreadable = |reason| Error::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let file = permissions::open(path, Content::Public)?;
    let mut text = String::new();
    let length = file
        .take(LONGEST_FILE + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if length as u64 > LONGEST_FILE {
        return Err(unreadable(ErrorKind::FileTooLarge.into()));
    }
    Ok(text)
}

/// The configuration, and the files it names.
fn read(
    text: &str,
    path: &Path,
    environment: &Environment,
) -> Result<(Config, Vec<NamedFile>), Error> {
    let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().unwrap_or(&path).to_owned();
    let base = Base {
        directory,
        home: environment.home(),
        cache: environment.cache(rustix::process::geteuid()),
    };
    let (log, slots, files) = understand(text, &base).map_err(|it| it.into_error(&path, text))?;
    let config = Config {
        path,
        is_embedded: false,
        log,
        slots,
    };
    Ok((config, files))
}

fn understand(text: &str, base: &Base) -> Result<(Log, Vec<Slot>, Vec<NamedFile>), Complaint> {
    let file: syntax::File =
        toml::from_str(text).map_err(|error| Complaint::from_reader(&error))?;
    let slots = slot::read_all(&file.slot, base)?;
    let pairs = file.slot.iter().zip(&slots);
    let files = pairs
        .flat_map(|(written, slot)| NamedFile::of_slot(written, slot))
        .collect();
    Ok((Log::read(&file.log)?, slots, files))
}

#[cfg(test)]
mod tests;
