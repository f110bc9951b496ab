//! What the doctor found: for people from top to bottom, for machines in named parts.

use std::fmt;

use serde::Serialize;

use super::programs::ProgramUse;
use crate::failure::one_line;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Works, but not always or not for all.
    Warning,
    /// Does not work.
    Problem,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at.
    pub what: String,
    /// How it is, and what to do if it is bad.
    pub how: String,
}

/// A key, and who can use it.
#[derive(Debug, Serialize)]
pub struct KeyReport {
    /// Its name.
    pub name: String,
    /// Its unique identifier.
    pub id: String,
    /// CKA_ID in hexadecimal.
    pub key_id: String,
    /// Its type and size.
    #[serde(rename = "type")]
    pub key_type: String,
    /// `SHA256:...`
    pub fingerprint: String,
    /// The kinds of signature that OpenSSH got and that verified.
    pub signed: Vec<&'static str>,
    /// Why it did not sign.
    pub problems: Vec<String>,
    /// How long the slowest took.
    pub milliseconds: u128,
    /// Who can use it.
    pub programs: Vec<ProgramUse>,
}

/// A slot.
#[derive(Debug, Serialize)]
pub struct SlotReport {
    /// Its label.
    pub slot: String,
    /// What is not about one key.
    pub findings: Vec<Finding>,
    /// Keys in the order in which they are offered.
    pub keys: Vec<KeyReport>,
}

/// Everything.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// True if there is no problem.
    pub ok: bool,
    /// This machine: configuration, module, OpenSSH.
    pub findings: Vec<Finding>,
    /// Each slot.
    pub slots: Vec<SlotReport>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(what: &str, how: impl Into<String>) -> Self {
        Self::new(Level::Ok, what, how)
    }

    /// Something to know.
    pub fn warning(what: &str, how: impl Into<String>) -> Self {
        Self::new(Level::Warning, what, how)
    }

    /// Something to mend.
    pub fn problem(what: &str, how: impl Into<String>) -> Self {
        Self::new(Level::Problem, what, how)
    }

    fn new(level: Level, what: &str, how: impl Into<String>) -> Self {
        Self {
            level,
            what: what.into(),
            how: one_line(&how.into()),
        }
    }
}

impl Report {
    /// How many problems it has. A program that cannot use a key is one only if none can.
    pub fn problems(&self) -> usize {
        let slots = self.slots.iter().flat_map(|slot| &slot.findings);
        let findings = self.findings.iter().chain(slots);
        let bad = findings.filter(|it| it.level == Level::Problem).count();
        let keys = self.slots.iter().flat_map(|slot| &slot.keys);
        bad + keys.filter(|key| key.level() == Level::Problem).count()
    }
}

impl KeyReport {
    fn level(&self) -> Level {
        let usable = |it: &ProgramUse| it.usable;
        match self.programs.iter().all(usable) {
            true if self.programs.iter().all(|it| it.notes.is_empty()) => Level::Ok,
            _ if self.programs.iter().any(usable) => Level::Warning,
            // It signs: only this machine's OpenSSH is too old for it.
            _ if !self.signed.is_empty() => Level::Warning,
            _ => Level::Problem,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Problem => "PROBLEM",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, what, how } = self;
        writeln!(f, "  {level:<8} {what}: {how}")
    }
}

impl fmt::Display for KeyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, signed) = (self.level(), self.signed.join(", "));
        let signed = match signed.as_str() {
            "" => "signs nothing".into(),
            kinds => format!("signs {kinds} in {} ms", self.milliseconds),
        };
        let (name, key_type, id) = (&self.name, &self.key_type, &self.id);
        writeln!(
            f,
            "  {level:<8} key {name:?} ({key_type}, id {id}): {signed}"
        )?;
        for problem in &self.problems {
            writeln!(f, "             {}", one_line(problem))?;
        }
        let alike = |a: &ProgramUse, b: &ProgramUse| (a.usable, &a.notes) == (b.usable, &b.notes);
        let groups = self.programs.chunk_by(alike);
        groups
            .map(line_of)
            .try_for_each(|line| writeln!(f, "             {line}"))
    }
}

/// Programs of which the same is to be said.
fn line_of(group: &[ProgramUse]) -> String {
    let names: Vec<_> = group.iter().map(|it| it.program).collect();
    let verdict = match group.iter().all(|it| it.usable) {
        true => "yes",
        false => "no",
    };
    let notes = group
        .first()
        .map(|it| it.notes.as_slice())
        .unwrap_or_default();
    let notes: String = notes.iter().map(|note| format!("; {note}")).collect();
    format!("{}: {verdict}{}", names.join("; "), one_line(&notes))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "This machine")?;
        self.findings.iter().try_for_each(|it| it.fmt(f))?;
        for slot in &self.slots {
            writeln!(f, "Slot {:?}", slot.slot)?;
            slot.findings.iter().try_for_each(|it| it.fmt(f))?;
            slot.keys.iter().try_for_each(|it| it.fmt(f))?;
        }
        match self.problems() {
            0 => writeln!(f, "No problems found."),
            1 => writeln!(f, "1 problem found."),
            several => writeln!(f, "{several} problems found."),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A key with these answers of its programs.
    pub fn key(usable: [bool; 2], signed: &[&'static str]) -> KeyReport {
        let program = |usable| ProgramUse {
            program: "ssh",
            usable,
            notes: vec![],
        };
        KeyReport {
            name: "web".into(),
            id: "1".into(),
            key_id: "01".into(),
            key_type: "Ed25519".into(),
            fingerprint: "SHA256:".into(),
            signed: signed.to_vec(),
            problems: vec![],
            milliseconds: 3,
            programs: usable.map(program).to_vec(),
        }
    }

    #[test]
    fn a_key_that_nobody_can_use_is_a_problem() {
        assert_eq!(key([true, true], &["x"]).level(), Level::Ok);
        assert_eq!(key([true, false], &["x"]).level(), Level::Warning);
        assert_eq!(key([false, false], &["x"]).level(), Level::Warning);
        assert_eq!(key([false, false], &[]).level(), Level::Problem);
    }

    #[test]
    fn problems_are_counted_wherever_they_are() {
        let report = Report {
            ok: false,
            findings: vec![Finding::problem("a", "b"), Finding::ok("c", "d\u{1b}")],
            slots: vec![SlotReport {
                slot: "prod".into(),
                findings: vec![Finding::warning("e", "f"), Finding::problem("g", "h")],
                keys: vec![key([false, false], &[]), key([true, true], &["x"])],
            }],
        };
        assert_eq!(report.problems(), 3);
        let text = report.to_string();
        assert!(
            text.contains("  PROBLEM  a: b\n  ok       c: d \n"),
            "{text}"
        );
        assert!(text.ends_with("3 problems found.\n"), "{text}");
    }
}
