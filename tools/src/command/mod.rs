//! What each command does, from the parsed command line to the verdict.

mod delivery;
mod init;
mod key_certificate;
mod key_life;
mod key_list;
mod key_make;
mod key_move;
mod key_wish;
mod keystore;
mod slot_list;

use std::process::ExitCode;

pub use self::delivery::DeliveryCommand;
pub use self::key_certificate::{CertifyArguments, UncertifyArguments};
pub use self::key_move::{CopyArguments, MoveArguments};

use crate::arguments::{Arguments, Command, KeyCommand, SlotCommand};
use crate::doctor;
use crate::failure::Failure;
use crate::output::Output;
use crate::person::Person;
use crate::place::{self, Place};

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Good,
    /// Some of what was looked at is not.
    Problems,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => ExitCode::SUCCESS,
            Verdict::Problems => ExitCode::FAILURE,
        }
    }
}

impl Verdict {
    /// Good, if nothing was found.
    pub fn of_problems(number: usize) -> Self {
        match number {
            0 => Verdict::Good,
            _ => Verdict::Problems,
        }
    }
}

/// Does what the command line says.
pub fn run(
    arguments: &Arguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    if let Command::Doctor(doctor) = &arguments.command {
        return doctor::run(arguments, doctor, output, person);
    }
    if let Command::Init(init) = &arguments.command {
        return init::init(arguments, init, output, person);
    }
    let config = place::configuration(arguments.config.as_deref())?;
    if let Command::Keystore(command) = &arguments.command {
        return keystore::run(&config, arguments, command, output, person);
    }
    let places = place::open(&config, arguments, person)?;
    on(arguments, &places, output, person)
}

/// Does what the command line says with these places.
pub fn on(
    arguments: &Arguments,
    places: &[Place],
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    match &arguments.command {
        Command::Key(command) => key(command, places, output, person),
        Command::Slot(SlotCommand::List) => slot_list::list(places, output),
        Command::Delivery(command) => delivery::run(place::only(places)?, command, output),
        Command::Doctor(doctor) => doctor::examine(doctor, vec![], places, output),
        Command::Init(_) | Command::Keystore(_) => Err(Failure::Usage(
            "this is about a configuration, and not about open slots".into(),
        )),
    }
}

fn key(
    command: &KeyCommand,
    places: &[Place],
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    match command {
        KeyCommand::List(list) => return key_list::list(places, list, output, person),
        KeyCommand::Public(public) => return key_list::public(places, public, output, person),
        KeyCommand::Copy(copy) => return key_move::copy(places, copy, output, person),
        KeyCommand::Move(wanted) => return key_move::move_away(places, wanted, output, person),
        _ => {}
    }
    let place = place::only(places)?;
    match command {
        KeyCommand::Generate(new) => key_make::generate(place, new, output),
        KeyCommand::Import(new) => key_make::import(place, new, output, person),
        KeyCommand::Show(key) => key_list::show(place, &key.key, output),
        KeyCommand::Certify(wanted) => key_certificate::certify(place, wanted, output, person),
        KeyCommand::Uncertify(wanted) => key_certificate::uncertify(place, wanted, output),
        KeyCommand::Certificates(key) => key_certificate::list(place, &key.key, output),
        KeyCommand::Activate(key) => key_life::activate(place, &key.key, output),
        KeyCommand::Revoke(revoke) => key_life::revoke(place, revoke, output),
        KeyCommand::Destroy(destroy) => key_life::destroy(place, destroy, output, person),
        KeyCommand::Rekey(key) => key_life::rekey(place, &key.key, output),
        KeyCommand::Rename(rename) => key_life::rename(place, rename, output),
        KeyCommand::SetId(set) => key_wish::set_id(place, set, output),
        KeyCommand::SetLabel(set) => key_wish::set_label(place, set, output),
        KeyCommand::List(_) | KeyCommand::Public(_) | KeyCommand::Copy(_) | KeyCommand::Move(_) => {
            Ok(())
        }
    }?;
    Ok(Verdict::Good)
}
