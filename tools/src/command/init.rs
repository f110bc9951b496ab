//! `init`: the keystore that needs no server, and without which a new user has no slot.

use std::fmt;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf, absolute};

use kmip_p11::config::{Config, Database, Keystore, Seal, embedded};
use kmip_p11::token::keystore;
use serde::Serialize;

use super::Verdict;
use super::keystore::configured;
use crate::arguments::{Arguments, InitArguments, SealKind};
use crate::failure::Failure;
use crate::output::Output;
use crate::person::Person;
use crate::place::pin::new_pin;
use crate::place::{self, PinFile};

/// A keystore that was made.
#[derive(Serialize)]
struct Made {
    keystore: PathBuf,
    /// What opens it: `pin`, `file`, `hsm` or `kmip`.
    seal: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seal_file: Option<PathBuf>,
    /// Whether it is the one that needs no configuration, or that the configuration names.
    in_use: bool,
}

/// What is to be made.
struct Wanted {
    label: String,
    keystore: Keystore,
    in_use: bool,
}

/// `init`. What is there is never written over.
pub fn init(
    arguments: &Arguments,
    init: &InitArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    let Wanted {
        label,
        keystore: wanted,
        in_use,
    } = wanted(arguments, init)?;
    let place = place_of(&wanted.database);
    let is_file = matches!(wanted.database, Database::Sqlite(_));
    if is_file && place.symlink_metadata().is_ok() {
        return Err(Failure::Refused(format!(
            "there is a file {} already, and it was left as it is",
            place.display()
        )));
    }
    let pin = match wanted.seal {
        Seal::Pin => {
            let of = format!("keystore {}", place.display());
            Some(new_pin(&of, PinFile::of_slot(arguments), person)?)
        }
        _ => None,
    };
    let file = is_file.then_some(&place);
    for file in file.into_iter().chain(seal_file(&wanted.seal).as_ref()) {
        make_directory(file)?;
    }
    keystore::create(&label, &wanted, pin.as_ref().map(|pin| pin.as_str()))?;
    output.show(&Made {
        keystore: place,
        seal: seal_name(&wanted.seal),
        seal_file: seal_file(&wanted.seal),
        in_use,
    })?;
    Ok(Verdict::Good)
}

fn wanted(arguments: &Arguments, init: &InitArguments) -> Result<Wanted, Failure> {
    let by_file = init.seal == Some(SealKind::File);
    let config = place::configuration(arguments.config.as_deref());
    if let Some(path) = &init.path {
        let absolute = absolute(path);
        let path =
            absolute.map_err(|error| Failure::File(format!("{}: {error}", path.display())))?;
        return Ok(Wanted {
            label: embedded::LABEL.into(),
            in_use: matches!(&config, Ok(it) if it.is_embedded && it.path == path),
            keystore: embedded::keystore(path, by_file),
        });
    }
    match config? {
        config if config.is_embedded => Ok(Wanted {
            label: embedded::LABEL.into(),
            in_use: true,
            keystore: embedded::keystore(config.path, by_file),
        }),
        config => of_file(&config, arguments, init),
    }
}

/// A configuration file keeps its meaning: the keystore of one of its slots, as it says.
fn of_file(
    config: &Config,
    arguments: &Arguments,
    init: &InitArguments,
) -> Result<Wanted, Failure> {
    let (label, keystore) = configured(config, arguments.slot.as_deref())?;
    let differs = match init.seal {
        None => false,
        Some(SealKind::Pin) => keystore.seal != Seal::Pin,
        Some(SealKind::File) => !matches!(keystore.seal, Seal::File(_)),
    };
    if differs {
        return Err(Failure::Usage(format!(
            "slot {label:?} has keystore.seal = {:?} in {}: leave --seal out, or change that",
            seal_name(&keystore.seal),
            config.path.display()
        )));
    }
    Ok(Wanted {
        label: label.to_owned(),
        keystore: keystore.clone(),
        in_use: true,
    })
}

/// The directory of a keystore or its credential file, for nobody else to look into.
fn make_directory(file: &Path) -> Result<(), Failure> {
    let Some(directory) = file.parent() else {
        return Ok(());
    };
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(directory);
    made.map_err(|error| Failure::File(format!("{}: {error}", directory.display())))
}

/// The file, or what names a database elsewhere.
pub fn place_of(database: &Database) -> PathBuf {
    match database {
        Database::Sqlite(path) => path.clone(),
        Database::Postgres(postgres) => PathBuf::from(&postgres.connection),
    }
}

/// As the configuration writes it.
pub fn seal_name(seal: &Seal) -> &'static str {
    match seal {
        Seal::Pin => "pin",
        Seal::File(_) => "file",
        Seal::Hsm { .. } => "hsm",
        Seal::Kmip { .. } => "kmip",
    }
}

/// The credential file, if that opens it.
pub fn seal_file(seal: &Seal) -> Option<PathBuf> {
    match seal {
        Seal::File(path) => Some(path.clone()),
        _ => None,
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.keystore.display();
        match &self.seal_file {
            Some(file) => writeln!(
                f,
                "Keystore {place} is made. The file {} opens it: whoever has both has its keys.",
                file.display()
            )?,
            None => writeln!(f, "Keystore {place} is made, sealed by {:?}.", self.seal)?,
        }
        if !self.in_use {
            writeln!(
                f,
                "\nTo use it, write into the configuration:\n\n[[slot]]\nlabel = \"keystore\"\n\
                 keystore.path = {:?}\nkeystore.seal = {:?}",
                self.keystore, self.seal
            )?;
            if let Some(file) = &self.seal_file {
                writeln!(f, "keystore.seal_file = {file:?}")?;
            }
        }
        f.write_str("\nNext: kmip-ssh key generate NAME --type ecdsa\n")
    }
}
