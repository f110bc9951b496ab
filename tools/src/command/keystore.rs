//! `keystore`: what is done to a keystore as a whole, and not to one of its keys.

use std::fmt;
use std::path::{Path, PathBuf};

use kmip_p11::config::{Backend, Config, Database, Keystore, Seal};
use kmip_p11::token::{check_signature, keystore};
use serde::Serialize;
use zeroize::Zeroizing;

use super::Verdict;
use super::init::{place_of, seal_file, seal_name};
use crate::arguments::{
    Arguments, KeystoreCommand, NewPinArguments, RestoreArguments, SealArguments, SealKind,
};
use crate::failure::{Failure, FailureRecord, one_line};
use crate::output::Output;
use crate::person::Person;
use crate::place::pin::{new_pin, pin};
use crate::place::{self, PinFile, Place};
use crate::selection;

/// A keystore after something was done to it.
#[derive(Serialize)]
struct Done {
    slot: String,
    keystore: PathBuf,
    /// What opens it: `pin`, `file`, `hsm` or `kmip`.
    seal: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal_file: Option<PathBuf>,
    /// The copy that was written, or the keystore that was there before a copy came in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    copy: Option<PathBuf>,
    #[serde(skip)]
    text: String,
}

/// What a keystore tells of itself, and which of its keys do not sign.
#[derive(Serialize)]
struct Checked {
    slot: String,
    facts: Vec<Fact>,
    warnings: Vec<String>,
    signed: usize,
    errors: Vec<FailureRecord>,
    #[serde(skip)]
    lines: Vec<String>,
}

#[derive(Serialize)]
struct Fact {
    what: &'static str,
    how: String,
}

/// A slot with a keystore, and who asked for something.
struct Scene<'a> {
    config: &'a Config,
    arguments: &'a Arguments,
    label: &'a str,
    keystore: &'a Keystore,
    person: &'a dyn Person,
}

/// Does what the command line says.
pub fn run(
    config: &Config,
    arguments: &Arguments,
    command: &KeystoreCommand,
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    let (label, keystore) = configured(config, arguments.slot.as_deref())?;
    let scene = Scene {
        config,
        arguments,
        label,
        keystore,
        person,
    };
    let done = match command {
        KeystoreCommand::Pin(new) => scene.pin(new)?,
        KeystoreCommand::Seal(seal) => scene.seal(seal)?,
        KeystoreCommand::Backup(to) => scene.backup(&to.file)?,
        KeystoreCommand::Restore(from) => scene.restore(from)?,
        KeystoreCommand::Check => return scene.check(output),
    };
    output.show(&done)?;
    Ok(Verdict::Good)
}

/// The keystore of the slot that was named, or of the only one that has one.
pub fn configured<'a>(
    config: &'a Config,
    slot: Option<&str>,
) -> Result<(&'a str, &'a Keystore), Failure> {
    let all = config.slots.iter().filter_map(|slot| match &slot.backend {
        Backend::Keystore(keystore) => Some((slot.label.as_str(), keystore)),
        _ => None,
    });
    let mut fitting: Vec<_> = all.collect();
    fitting.retain(|(label, _)| slot.is_none_or(|slot| slot == *label));
    let file = config.path.display();
    match (fitting.as_slice(), slot) {
        ([one], _) => Ok(*one),
        ([], Some(slot)) if config.slots.iter().any(|it| it.label == slot) => Err(Failure::Usage(
            format!("slot {slot:?} of {file} is no keystore"),
        )),
        ([], Some(slot)) => Err(place::no_such_slot(config, slot)),
        ([], None) => Err(Failure::Usage(format!(
            "{file} has no slot with a keystore; \"kmip-ssh init --path FILE\" makes one and tells \
             what to write there"
        ))),
        _ => Err(Failure::Usage(format!(
            "{file} has several keystores: say which one with --slot"
        ))),
    }
}

impl Scene<'_> {
    /// What opens it now, if a person knows that.
    fn old_pin(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        match self.keystore.seal {
            Seal::Pin => {
                let pin_file = PinFile::of_slot(self.arguments);
                pin(self.label, pin_file, self.person).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn new_pin(&self, new: &NewPinArguments) -> Result<Zeroizing<String>, Failure> {
        let pin_file = PinFile {
            option: "--new-pin-file",
            file: new.new_pin_file.as_deref(),
        };
        new_pin(&format!("slot {:?}", self.label), pin_file, self.person)
    }

    fn pin(&self, new: &NewPinArguments) -> Result<Done, Failure> {
        let Some(old) = self.old_pin()? else {
            return Err(Failure::Usage(format!(
                "slot {:?}: no PIN opens this keystore; \"kmip-ssh keystore seal pin\" gives it one",
                self.label
            )));
        };
        let new = self.new_pin(new)?;
        keystore::change_pin(self.label, self.keystore, &old, &new)?;
        Ok(self.done(&self.keystore.seal, "has a new PIN".into()))
    }

    fn seal(&self, wanted: &SealArguments) -> Result<Done, Failure> {
        let seal = match (&wanted.like, wanted.by) {
            (Some(file), _) => self.seal_in(file)?,
            (None, Some(SealKind::File)) => Seal::File(self.seal_file()?),
            (None, _) => Seal::Pin,
        };
        let old = self.old_pin()?;
        let new = match seal {
            Seal::Pin => Some(self.new_pin(&wanted.new)?),
            _ => None,
        };
        keystore::reseal(
            self.label,
            self.keystore,
            old.as_ref().map(|pin| pin.as_str()),
            &seal,
            new.as_ref().map(|pin| pin.as_str()),
        )?;
        Ok(self.done(&seal, self.resealed(&seal, wanted.like.as_deref())))
    }

    /// The seal of this keystore in another configuration file.
    fn seal_in(&self, file: &Path) -> Result<Seal, Failure> {
        let config = place::configuration(Some(file))?;
        let here = place_of(&self.keystore.database);
        let mut seals = config.slots.iter().filter_map(|slot| match &slot.backend {
            Backend::Keystore(it) if place_of(&it.database) == here => Some(&it.seal),
            _ => None,
        });
        match (seals.next(), seals.next()) {
            (Some(seal), None) => Ok(seal.clone()),
            (first, _) => Err(Failure::Usage(format!(
                "{} has {} slot with the keystore {}: write one, with the keystore.seal that is wanted",
                file.display(),
                first.map_or("no", |_| "more than one"),
                here.display()
            ))),
        }
    }

    /// What opens it now, and what its owner has to do.
    fn resealed(&self, seal: &Seal, like: Option<&Path>) -> String {
        let mut text = format!("is opened by {} now", opener(seal));
        if *seal == self.keystore.seal {
            return text;
        }
        if self.keystore.seal != Seal::Pin {
            let old = opener(&self.keystore.seal);
            text += &format!("; {old} opens older copies of it, and nothing else");
        }
        let ours = self.config.path.display();
        match like {
            Some(like) => text += &format!("; programs need what {} says of it", like.display()),
            None if self.config.is_embedded => {}
            None => {
                let file = seal_file(seal).map(|it| format!(" and keystore.seal_file = {it:?}"));
                let (seal, file) = (seal_name(seal), file.unwrap_or_default());
                text += &format!("; write keystore.seal = {seal:?}{file} into {ours}");
            }
        }
        text + ". Programs that have it open go on; others that run already have to be started again"
    }

    /// The one that the configuration names, or the one beside the keystore.
    fn seal_file(&self) -> Result<PathBuf, Failure> {
        match (seal_file(&self.keystore.seal), &self.keystore.database) {
            (Some(file), _) => Ok(file),
            (None, Database::Sqlite(path)) => Ok(path.with_extension("seal")),
            (None, Database::Postgres(_)) => Err(Failure::Usage(
                "no file is beside a keystore in Postgres: name one by keystore.seal_file in another \
                 configuration file, and that with --as"
                    .into(),
            )),
        }
    }

    fn backup(&self, file: &Path) -> Result<Done, Failure> {
        keystore::backup(self.label, self.keystore, file)?;
        let copy = file.display();
        let text = match &self.keystore.seal {
            Seal::File(path) => format!(
                "is copied to {copy}; keep {} as well, and elsewhere: it opens the copy",
                path.display()
            ),
            _ => format!("is copied to {copy}; what opens the one opens the other"),
        };
        Ok(Done {
            copy: Some(file.to_owned()),
            ..self.done(&self.keystore.seal, text)
        })
    }

    fn restore(&self, wanted: &RestoreArguments) -> Result<Done, Failure> {
        let place = place_of(&self.keystore.database);
        let (file, place) = (wanted.file.display(), place.display());
        let question = format!(
            "Put {file} in the place of keystore {place}? That one is kept under another name."
        );
        let refused = |why: &str| Err(Failure::Refused(format!("keystore {place}: {why}")));
        match wanted.yes || self.person.confirm(&question) == Some(true) {
            true => {}
            false => {
                return refused("not restored; add --yes where there is no terminal to ask on");
            }
        }
        let old = keystore::restore(self.label, self.keystore, &wanted.file)?;
        let text = match &old {
            Some(old) => format!(
                "is what {file} was; what was there before is {}",
                old.display()
            ),
            None => format!("is what {file} was"),
        };
        Ok(Done {
            copy: old,
            ..self.done(&self.keystore.seal, text)
        })
    }

    fn done(&self, seal: &Seal, text: String) -> Done {
        Done {
            slot: self.label.into(),
            keystore: place_of(&self.keystore.database),
            seal: seal_name(seal),
            seal_file: seal_file(seal),
            copy: None,
            text,
        }
    }

    fn check(&self, output: &mut Output) -> Result<Verdict, Failure> {
        let pin_file = PinFile::of_slot(self.arguments);
        let place = place::named(self.config, self.label, pin_file, self.person)?;
        let checked = Checked::of(&place)?;
        output.show(&checked)?;
        Ok(Verdict::of_problems(checked.errors.len()))
    }
}

/// What people call it.
fn opener(seal: &Seal) -> String {
    match seal {
        Seal::Pin => "its PIN".into(),
        Seal::File(path) => format!("the file {}", path.display()),
        Seal::Hsm { key, hsm } => format!("the key {key:?} of the HSM of {}", hsm.module.display()),
        Seal::Kmip { key, kmip } => {
            let servers: Vec<_> = kmip.servers.iter().map(ToString::to_string).collect();
            format!("the key {key:?} of {}", servers.join(" or "))
        }
    }
}

impl Checked {
    /// Every key that may sign does so, whether programs see it or not: nothing else shows that what
    /// is sealed can be opened.
    fn of(place: &Place) -> Result<Self, Failure> {
        let probe = place.token().probe()?;
        let found = place.find()?;
        let (mut signed, mut errors, mut lines) = (0, vec![], vec![]);
        for it in selection::all(&found) {
            if it.key.unusable().is_some() {
                continue;
            }
            match check_signature(place.token(), it.key, &it.key.public) {
                Ok(()) => signed += 1,
                Err(error) => {
                    let failure = Failure::from(error);
                    lines.push(one_line(&failure.to_string()));
                    errors.push(failure.record());
                }
            }
        }
        let facts = probe.facts.into_iter();
        Ok(Self {
            slot: place.label.clone(),
            facts: facts.map(|(what, how)| Fact { what, how }).collect(),
            warnings: probe.warnings,
            signed,
            errors,
            lines,
        })
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Keystore {} {}.", self.keystore.display(), self.text)
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Fact { what, how } in &self.facts {
            writeln!(f, "{what:<17}{}", one_line(how))?;
        }
        for warning in &self.warnings {
            writeln!(f, "{:<17}{}", "warning", one_line(warning))?;
        }
        for line in &self.lines {
            writeln!(f, "{:<17}{line}", "PROBLEM")?;
        }
        let (signed, failed) = (self.signed, self.errors.len());
        writeln!(
            f,
            "{:<17}{signed} keys signed, {failed} did not",
            "signatures"
        )
    }
}
