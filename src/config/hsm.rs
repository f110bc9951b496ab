//! `slot.hsm`: a token of another PKCS#11 module on this machine, and how its PIN comes to it.

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::complaint::{Complaint, read, read_or};
use super::duration::duration;
use super::file_path::Base;
use super::syntax::{self, Text};
use super::tls::path;
use super::token_uri;

/// Long enough for a smart card that makes an RSA key, and far below sshd's two minutes.
const DEADLINE: Duration = Duration::from_secs(10);

const DEADLINES: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);

const SESSIONS: usize = 16;

const MOST_SESSIONS: RangeInclusive<i64> = 1..=256;

/// A token behind another PKCS#11 module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hsm {
    /// The module's shared object.
    pub module: PathBuf,
    /// Which of its tokens.
    pub token: TokenChoice,
    /// Where its PIN comes from.
    pub pin: PinSource,
    /// How many sessions are open at once, at most. 1 to 256.
    pub sessions: usize,
    /// The process that loads the module instead of this one, if there is to be one.
    pub process: Option<HsmProcess>,
}

/// Which token of a module: the one that has all that is said here; if nothing is, the only one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenChoice {
    /// Its label.
    pub label: Option<String>,
    /// Its serial number.
    pub serial: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// The number of its slot.
    pub slot: Option<u64>,
}

/// Where the PIN of a token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinSource {
    /// The program gives it to C_Login.
    Login,
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable of the program.
    Variable(String),
}

/// A process of its own for a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HsmProcess {
    /// The program that loads the module; if none is named, `kmip-p11-hsm` is looked for.
    pub program: Option<PathBuf>,
    /// How long a call may take before the process is ended. 1 ms to 10 min.
    pub deadline: Duration,
}

impl Hsm {
    /// `slot` is where to point if a key is missing.
    pub(super) fn read(
        written: &syntax::Hsm,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        const MODULE: &str = "slot.hsm.module";
        let module = written
            .module
            .as_ref()
            .ok_or_else(|| Complaint::missing(slot, MODULE))?;
        Ok(Self {
            module: read(module, |text| base.resolve(text))?,
            token: token(written)?,
            pin: pin(written, base)?,
            sessions: read_or(written.sessions.as_ref(), SESSIONS, |it| sessions(*it))?,
            process: process(written, base)?,
        })
    }
}

fn token(written: &syntax::Hsm) -> Result<TokenChoice, Complaint> {
    let slot = written.slot.as_ref();
    let texts = [&written.token, &written.serial, &written.uri];
    let spans = texts.into_iter().flatten().map(Text::span);
    if let Some(second) = spans.chain(slot.map(toml::Spanned::span)).nth(1) {
        return Err(Complaint::said(
            second,
            "slot.hsm: the token is chosen twice; write one of hsm.token, hsm.serial, hsm.uri \
             and hsm.slot",
        ));
    }
    let named = |text: &Text| read(text, |text| name(text)).map(Some);
    let mut choice = match &written.uri {
        Some(uri) => read(uri, |text| token_uri::choice(text))?,
        None => TokenChoice::default(),
    };
    if let Some(label) = &written.token {
        choice.label = named(label)?;
    }
    if let Some(serial) = &written.serial {
        choice.serial = named(serial)?;
    }
    if let Some(number) = slot {
        choice.slot = Some(read(number, |number| slot_number(*number))?);
    }
    Ok(choice)
}

fn pin(written: &syntax::Hsm, base: &Base) -> Result<PinSource, Complaint> {
    match (&written.pin_file, &written.pin_env) {
        (None, None) => Ok(PinSource::Login),
        (Some(_), None) => {
            Ok(path(written.pin_file.as_ref(), base)?.map_or(PinSource::Login, PinSource::File))
        }
        (None, Some(variable)) => {
            read(variable, |text| variable_name(text)).map(PinSource::Variable)
        }
        (Some(_), Some(variable)) => Err(Complaint::said(
            variable.span(),
            "slot.hsm.pin_env: the PIN is in hsm.pin_file already; write one of the two, or none \
             if the program gives it to C_Login",
        )),
    }
}

fn process(written: &syntax::Hsm, base: &Base) -> Result<Option<HsmProcess>, Complaint> {
    let is_wanted = written.process.unwrap_or(false);
    let of_a_process = [
        ("deadline", &written.deadline),
        ("program", &written.program),
    ];
    for (key, text) in of_a_process {
        if let (Some(text), false) = (text, is_wanted) {
            let sentence = format!(
                "slot.hsm.{key}: a module in the program's own process cannot be left waiting; \
                 write hsm.process = true as well"
            );
            return Err(Complaint::said(text.span(), sentence));
        }
    }
    let process = HsmProcess {
        program: path(written.program.as_ref(), base)?,
        deadline: read_or(written.deadline.as_ref(), DEADLINE, |text| {
            duration(text, &DEADLINES)
        })?,
    };
    Ok(is_wanted.then_some(process))
}

fn name(text: &str) -> Result<String, String> {
    match text.is_empty() || text.len() > 32 || text.chars().any(char::is_control) {
        true => Err(format!("{text:?} is not a text of 1 to 32 bytes")),
        false => Ok(text.to_owned()),
    }
}

fn slot_number(number: i64) -> Result<u64, String> {
    u64::try_from(number).map_err(|_| format!("{number} is not the number of a slot"))
}

fn sessions(number: i64) -> Result<usize, String> {
    let within = Some(number).filter(|number| MOST_SESSIONS.contains(number));
    let most = within.and_then(|number| usize::try_from(number).ok());
    most.ok_or_else(|| format!("{number} is not a number of sessions"))
}

fn variable_name(text: &str) -> Result<String, String> {
    match text.is_empty() || text.contains(['=', '\0']) {
        true => Err(format!("{text:?} is not the name of a variable")),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Backend, Config};

    /// What comes of a slot with these lines.
    fn hsm(lines: &str) -> Result<Hsm, String> {
        let text = format!("[[slot]]\nlabel = \"hsm\"\n{lines}\n");
        let config = Config::parse(&text, Path::new("/etc/kmip-p11/config.toml"));
        match config.map_err(|error| error.to_string())?.slots[0]
            .backend
            .clone()
        {
            Backend::Hsm(hsm) => Ok(hsm),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_module_is_enough() {
        let read = hsm("hsm.module = \"/usr/lib/softhsm/libsofthsm2.so\"").unwrap();
        let expected = Hsm {
            module: "/usr/lib/softhsm/libsofthsm2.so".into(),
            token: TokenChoice::default(),
            pin: PinSource::Login,
            sessions: 16,
            process: None,
        };
        assert_eq!(read, expected);
        let missing = hsm("hsm.token = \"a\"").unwrap_err();
        assert!(missing.contains("slot.hsm.module is missing"), "{missing}");
    }

    #[test]
    fn all_that_can_be_said() {
        let read = hsm(
            "hsm.module = \"m.so\"\nhsm.serial = \"01\"\nhsm.pin_file = \"pin\"\n\
            hsm.sessions = 3\nhsm.process = true\nhsm.deadline = \"2s\"\nhsm.program = \"h\"",
        )
        .unwrap();
        assert_eq!(read.module, Path::new("/etc/kmip-p11/m.so"));
        assert_eq!(read.token.serial.as_deref(), Some("01"));
        assert_eq!(read.pin, PinSource::File("/etc/kmip-p11/pin".into()));
        assert_eq!(read.sessions, 3);
        let process = read.process.unwrap();
        assert_eq!(process.deadline, Duration::from_secs(2));
        assert_eq!(process.program.unwrap(), Path::new("/etc/kmip-p11/h"));
        let slot = hsm("hsm.module = \"m\"\nhsm.slot = 3\nhsm.pin_env = \"PIN\"").unwrap();
        assert_eq!(slot.token.slot, Some(3));
        assert_eq!(slot.pin, PinSource::Variable("PIN".into()));
    }

    #[test]
    fn contradictions_are_named_with_what_to_change() {
        for (lines, words) in [
            ("hsm.token = \"a\"\nhsm.slot = 1", "chosen twice"),
            (
                "hsm.pin_file = \"a\"\nhsm.pin_env = \"b\"",
                "hsm.pin_file already",
            ),
            ("hsm.deadline = \"1s\"", "write hsm.process = true"),
            ("hsm.program = \"/p\"", "write hsm.process = true"),
            ("hsm.sessions = 0", "write a whole number from 1 to 256"),
            ("hsm.slot = -1", "-1 is not the number of a slot"),
            ("hsm.uri = \"pkcs11:object=a\"", "names no token"),
            ("keys.groups = [\"g\"]", "has no object groups"),
            ("keys.local_use = true", "gives no private keys out"),
        ] {
            let lines = format!("hsm.module = \"m\"\n{lines}");
            let error = hsm(&lines).unwrap_err();
            assert!(error.contains(words), "{lines}: {error}");
        }
    }
}
