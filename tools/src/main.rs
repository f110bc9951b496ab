//! `kmip-ssh`: SSH keys in the slots of the PKCS#11 module, for people and for scripts.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::expect_used
    )
)]

mod arguments;
mod certificate_file;
mod certificate_record;
mod command;
mod doctor;
mod failure;
mod hidden_typing;
mod installation;
mod key_file;
mod key_name;
mod key_record;
mod key_type;
mod output;
mod person;
mod pkcs11_uri;
mod place;
mod progress;
#[cfg(test)]
mod readme;
mod selection;
mod table;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use output::Output;
use person::Terminal;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut stdout = io::stdout().lock();
    let mut output = Output::new(&mut stdout, arguments.json);
    match command::run(&arguments, &mut output, &Terminal) {
        Ok(verdict) => verdict.into(),
        Err(failure) => {
            failure.tell(&mut output, &Terminal);
            failure.exit_code().into()
        }
    }
}
