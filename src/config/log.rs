//! `[log]`: how much is written, and where.

use std::path::{Path, PathBuf};

use ::log::LevelFilter;

use super::choice::choice;
use super::complaint::{Complaint, read_or};
use super::syntax;

const LEVELS: [(&str, LevelFilter); 5] = [
    ("off", LevelFilter::Off),
    ("error", LevelFilter::Error),
    ("warn", LevelFilter::Warn),
    ("info", LevelFilter::Info),
    ("debug", LevelFilter::Debug),
];

/// Where and how much to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Records above this level are dropped.
    pub level: LevelFilter,
    /// Where records go.
    pub target: Target,
}

/// Where records go: never to standard output or error, which belong to the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The system's log.
    Syslog,
    /// Nowhere.
    None,
    /// A file, by its absolute path.
    File(PathBuf),
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: LevelFilter::Warn,
            target: Target::Syslog,
        }
    }
}

impl Log {
    pub(super) fn read(written: &syntax::Log) -> Result<Self, Complaint> {
        let default = Self::default();
        Ok(Self {
            level: read_or(written.level.as_ref(), default.level, |text| level(text))?,
            target: read_or(written.target.as_ref(), default.target, |text| target(text))?,
        })
    }
}

fn level(text: &str) -> Result<LevelFilter, String> {
    choice(text, &LEVELS, "known")
}

fn target(text: &str) -> Result<Target, String> {
    if Path::new(text).is_absolute() {
        return Ok(Target::File(text.into()));
    }
    match choice(text, &[("syslog", true), ("none", false)], "known")? {
        true => Ok(Target::Syslog),
        false => Ok(Target::None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_by_name() {
        assert_eq!(level("debug"), Ok(LevelFilter::Debug));
        assert_eq!(level("verbose"), Err("\"verbose\" is not known".into()));
        assert_eq!(
            level("Warn"),
            Err("\"Warn\" is not known (did you mean \"warn\"?)".into())
        );
        assert!(level("trace").is_err());
    }

    #[test]
    fn targets_are_words_or_absolute_paths() {
        assert_eq!(target("none"), Ok(Target::None));
        assert_eq!(target("/var/log/k"), Ok(Target::File("/var/log/k".into())));
        assert!(target("log.txt").is_err());
        assert!(target("stderr").is_err());
    }
}
