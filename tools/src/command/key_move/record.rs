//! How a key that was brought to a slot, or would be, is told of.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::source::Source;
use crate::key_record::KeyRecord;

/// A key after it was brought to a slot.
#[derive(Serialize)]
pub struct Brought {
    /// As it is there.
    pub key: KeyRecord,
    /// Where it was before.
    pub from: Origin,
    /// Whether it was there before this command, which took it up.
    pub was_there: bool,
    /// Whether it has signed there.
    pub has_signed: bool,
    /// What it had, and has not there.
    pub not_brought: Vec<String>,
    /// What people call the place that it is in.
    #[serde(skip)]
    pub noun: &'static str,
}

/// Where a key was before.
#[derive(Serialize)]
pub struct Origin {
    /// The slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    slot: Option<String>,
    /// Its unique identifier in that slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The file.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    /// Whether it is there no longer.
    removed: bool,
}

/// What would be done.
#[derive(Serialize)]
pub struct Plan {
    /// Whether all of it can be done, as far as can be told before.
    pub possible: bool,
    /// In order.
    pub steps: Vec<Step>,
}

/// A part of it.
#[derive(Serialize)]
pub struct Step {
    /// What is asked or done.
    pub step: &'static str,
    /// False if it cannot be done.
    pub possible: bool,
    /// How it is, or would be.
    pub how: String,
}

impl Origin {
    /// Of a key that is there no longer if it is `removed`.
    pub fn of(source: &Source<'_>, removed: bool) -> Self {
        let (slot, id, file) = match source {
            Source::Slot { place, key } => {
                (Some(place.label.clone()), Some(key.id.to_string()), None)
            }
            Source::File { path, .. } => (None, None, Some(path.to_path_buf())),
        };
        Self {
            slot,
            id,
            file,
            removed,
        }
    }

    /// What has become of it there.
    fn fate(&self) -> String {
        let is_file = self.file.is_some();
        let place = match (&self.slot, &self.file) {
            (Some(slot), _) => format!("slot {slot:?}"),
            (_, Some(file)) => file.display().to_string(),
            _ => String::new(),
        };
        match (self.removed, is_file) {
            (true, false) => format!("In {place} it is destroyed."),
            (false, false) => format!("It is still in {place}, too."),
            (true, true) => format!("{place} is removed; the .pub beside it is not."),
            (false, true) => format!("{place} is still there."),
        }
    }
}

impl fmt::Display for Brought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        let (key_type, name, slot) = (&key.key_type, &key.name, &key.slot);
        let how = match self.was_there {
            true => "it was there already".into(),
            false => format!("brought to the {}", self.noun),
        };
        let signed = match self.has_signed {
            true => "has signed there",
            false => "has not signed there, since it is pre-active",
        };
        writeln!(
            f,
            "{key_type} key {name:?} in slot {slot:?}: {how}, id {}, {signed}",
            key.id
        )?;
        writeln!(f, "{}\n\n{}\n", key.fingerprint, key.openssh_or_hint())?;
        if let Some(reason) = &key.hidden_because {
            writeln!(f, "Programs do not see it there: {reason}")?;
        }
        for lost in &self.not_brought {
            writeln!(f, "Not brought along: {lost}")?;
        }
        writeln!(f, "{}", self.from.fate())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            let sign = if step.possible { "" } else { "NOT POSSIBLE: " };
            writeln!(f, "{number}. {:<15}{sign}{}", step.step, step.how)?;
        }
        match self.possible {
            true => {
                f.write_str("Nothing was changed. It can be done, as far as can be told before.\n")
            }
            false => f.write_str("Nothing was changed. It cannot be done like that.\n"),
        }
    }
}
