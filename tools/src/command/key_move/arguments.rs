//! What can be typed after `key copy` and `key move`.

use std::path::PathBuf;

use clap::Args;

use crate::key_name::KeyName;

/// `key copy`
#[derive(Debug, Args)]
pub struct CopyArguments {
    /// Which key of the slot that --slot names, or that is the only one beside the other
    #[arg(required_unless_present = "from_file", conflicts_with = "from_file")]
    pub key: Option<String>,
    /// The slot to bring it to
    #[arg(long, value_name = "LABEL")]
    pub to: String,
    /// Bring a private key from a file: PEM (PKCS#8, PKCS#1, SEC1) or OpenSSH's format
    #[arg(long, value_name = "FILE")]
    pub from_file: Option<PathBuf>,
    /// Its name there [default: the one that it has; of a file, that of the file]
    #[arg(long)]
    pub name: Option<KeyName>,
    /// An object group to put it into there; may be repeated [default: those that it is in]
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Let it leave that slot again
    #[arg(long)]
    pub extractable: bool,
    /// Say what would be done and whether it can be, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Leave its X.509 certificates where they are; a move ends them with the key
    #[arg(long)]
    pub without_certificates: bool,
    /// A file with the PIN of the slot to bring it to [default: asked for at the terminal]
    #[arg(long, value_name = "FILE")]
    pub to_pin_file: Option<PathBuf>,
}

/// `key move`
#[derive(Debug, Args)]
pub struct MoveArguments {
    /// What, and where to
    #[command(flatten)]
    pub copy: CopyArguments,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Remove the file once the key has signed in the slot; the .pub beside it stays
    #[arg(long, conflicts_with = "key")]
    pub remove_file: bool,
}
