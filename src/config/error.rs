//! What can be wrong with the configuration, in sentences that end with the fix.

use std::io;
use std::path::PathBuf;

use super::location::Candidate;
use super::permissions::Fault;
use super::position::Position;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No place has a file.
    #[error("there is no configuration file; looked at: {}", list(.0))]
    NoFile(Vec<Candidate>),
    /// `KMIP_P11_CONFIG` depends on the directory, which for ssh-agent's helper is not the user's.
    #[error("KMIP_P11_CONFIG is \"{}\": write an absolute path", .0.display())]
    RelativeVariable(PathBuf),
    /// `KMIP_P11_CONFIG` names no file.
    #[error("KMIP_P11_CONFIG names \"{}\", which does not exist: correct or unset it", .0.display())]
    NoSuchVariableFile(PathBuf),
    /// It cannot be said whether there is a file, or what is in it.
    #[error("{}: {reason}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The file may not be trusted, or cannot be opened.
    #[error(transparent)]
    File(#[from] Fault),
    /// The text is wrong.
    #[error("{position}: {problem}")]
    Content {
        /// Where.
        position: Position,
        /// The key, what is wrong, what is allowed.
        problem: String,
    },
    /// A file that a slot names may not be trusted, or cannot be opened.
    #[error("{position}: slot \"{slot}\": {key}: {fault}")]
    NamedFile {
        /// Where it is named.
        position: Position,
        /// The slot's label.
        slot: String,
        /// The key that names it, within the slot.
        key: &'static str,
        /// What is wrong with the file.
        fault: Box<Fault>,
    },
}

fn list(candidates: &[Candidate]) -> String {
    let each: Vec<String> = candidates.iter().map(Candidate::to_string).collect();
    each.join(", ")
}
