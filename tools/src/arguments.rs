//! The command line: what can be typed, and what `--help` says about it.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::command::{
    CertifyArguments, CopyArguments, DeliveryCommand, MoveArguments, UncertifyArguments,
};
use crate::key_name::KeyName;
use crate::key_record::bytes;
use crate::key_type::WantedType;

const EXIT_STATUS: &str = "\
Exit status: 0 done, or all good; 1 not done, or problems found; 2 the command line is wrong.
KEY is a name, a unique identifier, a CKA_ID in hexadecimal or SHA256:FINGERPRINT; four characters \
or more of its beginning are enough where only one key has them (revoke and destroy want all of it).";

/// SSH keys that live in slots, such as KMIP servers: make, list, move, check, retire them
#[derive(Debug, Parser)]
#[command(name = "kmip-ssh", version, after_help = EXIT_STATUS, max_term_width = 100)]
pub struct Arguments {
    /// The configuration file [default: the one that the PKCS#11 module finds]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The slot to work on; needed by changes where several are configured
    #[arg(long, global = true, value_name = "LABEL")]
    pub slot: Option<String>,
    /// A file with the PIN of slots that want one [default: asked for at the terminal]
    #[arg(long, global = true, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make, list and retire keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// The configured slots
    #[command(subcommand)]
    Slot(SlotCommand),
    /// Make a keystore: a slot of your own, without a server and without a configuration file
    Init(InitArguments),
    /// Care for a keystore: its PIN, what opens it, copies of it
    #[command(subcommand)]
    Keystore(KeystoreCommand),
    /// How keys get wrapped from a KMIP server into an HSM, for slots with kmip and hsm
    #[command(subcommand)]
    Delivery(DeliveryCommand),
    /// Check everything that a login needs, with OpenSSH's own sequence of calls
    Doctor(DoctorArguments),
}

impl Command {
    /// What is to be brought to another slot, if that is what to do.
    pub fn copying(&self) -> Option<&CopyArguments> {
        match self {
            Command::Key(KeyCommand::Copy(copy)) => Some(copy),
            Command::Key(KeyCommand::Move(wanted)) => Some(&wanted.copy),
            _ => None,
        }
    }

    /// Whether it only reads what tokens show before a login.
    pub fn only_looks(&self) -> bool {
        use KeyCommand::{Certificates, List, Public, Show};
        matches!(
            self,
            Command::Slot(SlotCommand::List)
                | Command::Key(List(_) | Public(_) | Show(_) | Certificates(_))
        )
    }
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key pair in a slot
    Generate(GenerateArguments),
    /// Bring a private key from a file to a slot
    Import(ImportArguments),
    /// The keys that programs see
    List(ListArguments),
    /// All that is known of a key
    Show(KeyArguments),
    /// OpenSSH public-key lines, as authorized_keys takes them; PEM of keys that OpenSSH does not know
    Public(PublicArguments),
    /// Bring a key to another slot, too
    Copy(CopyArguments),
    /// Bring a key to another slot, and destroy it where it is once it has signed there
    Move(MoveArguments),
    /// Keep an X.509 certificate of a key with it, where programs see both
    Certify(CertifyArguments),
    /// Remove a certificate of a key
    Uncertify(UncertifyArguments),
    /// The X.509 certificates of a key, in PEM
    Certificates(KeyArguments),
    /// Let a key be used from now on
    Activate(KeyArguments),
    /// End the use of a key for good
    Revoke(RevokeArguments),
    /// Remove a key pair from its slot; it cannot be brought back
    Destroy(DestroyArguments),
    /// Make a new pair in the place of a key, which keeps its name: where the server can
    Rekey(KeyArguments),
    /// Give a key another name
    Rename(RenameArguments),
    /// Let programs see a key by another CKA_ID than the one made from its public key
    SetId(SetIdArguments),
    /// Let programs see a key by another CKA_LABEL than its name
    SetLabel(SetLabelArguments),
}

/// What to do with slots.
#[derive(Debug, Subcommand)]
pub enum SlotCommand {
    /// The slots, where their keys are, and whether these places answer
    List,
}

/// `init`
#[derive(Debug, Args)]
pub struct InitArguments {
    /// The keystore's file [default: that of the slot, or the one that needs no configuration]
    #[arg(long, value_name = "FILE")]
    pub path: Option<PathBuf>,
    /// What opens it: a PIN, asked for twice, or a file beside it that only you can read [default: pin]
    #[arg(long, value_enum)]
    pub seal: Option<SealKind>,
}

/// What opens a keystore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SealKind {
    /// A PIN that a person gives
    Pin,
    /// A file that only its owner can read, for machines without a person
    File,
}

/// What to do with a keystore.
#[derive(Debug, Subcommand)]
pub enum KeystoreCommand {
    /// Give it another PIN
    Pin(NewPinArguments),
    /// Let something else open it
    Seal(SealArguments),
    /// Copy it, as it is at one instant, to a new file
    Backup(BackupArguments),
    /// Put a copy in its place
    Restore(RestoreArguments),
    /// Let every key that may sign do so once
    Check,
}

/// `keystore pin`
#[derive(Debug, Args)]
pub struct NewPinArguments {
    /// A file with the new PIN [default: asked for twice at the terminal]
    #[arg(long, value_name = "FILE")]
    pub new_pin_file: Option<PathBuf>,
}

/// `keystore seal`
#[derive(Debug, Args)]
pub struct SealArguments {
    /// What opens it from now on: a PIN, or a file beside it; for all else see --as
    #[arg(required_unless_present = "like", conflicts_with = "like")]
    pub by: Option<SealKind>,
    /// As another configuration file says of this keystore: any file, a key of an HSM or of a KMIP server
    #[arg(long = "as", value_name = "FILE")]
    pub like: Option<PathBuf>,
    /// Its PIN, if it gets one
    #[command(flatten)]
    pub new: NewPinArguments,
}

/// `keystore backup`
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// A file that is not there yet
    pub file: PathBuf,
}

/// `keystore restore`
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// What `keystore backup` has written
    pub file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// What a new key gets, wherever it comes from.
#[derive(Debug, Args)]
pub struct NewKeyArguments {
    /// An object group to put the key into; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Leave it pre-active: nobody can use it before `key activate`
    #[arg(long)]
    pub no_activate: bool,
    /// Let it leave its slot again, to be copied or moved
    #[arg(long)]
    pub extractable: bool,
    /// The CKA_ID that programs see, 1 to 255 bytes in hexadecimal [default: made from its public key]
    #[arg(long, value_name = "HEX")]
    pub id: Option<KeyId>,
    /// The CKA_LABEL that programs see [default: its name]
    #[arg(long, value_name = "TEXT")]
    pub label: Option<KeyName>,
}

/// `key generate`
#[derive(Debug, Args)]
pub struct GenerateArguments {
    /// The new key's name
    pub name: KeyName,
    /// rsa[:2048|3072|4096], ecdsa[:256|384|521] (also p256, p384, p521), ed25519 or
    /// ml-dsa-44|65|87
    #[arg(long = "type", value_name = "TYPE")]
    pub key_type: WantedType,
    /// Make it in this process, register it, and wipe it here: for types the slot cannot make
    #[arg(long)]
    pub here: bool,
    /// Groups and state
    #[command(flatten)]
    pub new: NewKeyArguments,
}

/// `key import`
#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The new key's name
    pub name: KeyName,
    /// A private key: PEM (PKCS#8, PKCS#1, SEC1) or OpenSSH's format, with or without passphrase
    pub file: PathBuf,
    /// Groups and state
    #[command(flatten)]
    pub new: NewKeyArguments,
}

/// `key list`
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Also what programs do not see, and why not
    #[arg(long)]
    pub all: bool,
}

/// A command about one key.
#[derive(Debug, Args)]
pub struct KeyArguments {
    /// Which key
    pub key: String,
}

/// `key public`
#[derive(Debug, Args)]
pub struct PublicArguments {
    /// Which keys [default: all that programs see]
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
}

/// `key revoke`
#[derive(Debug, Args)]
pub struct RevokeArguments {
    /// Which key
    pub key: String,
    /// Why
    #[arg(long, value_enum, default_value_t = Reason::Cessation)]
    pub reason: Reason,
    /// A remark that is kept with it
    #[arg(long)]
    pub message: Option<String>,
}

/// Why a key is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reason {
    /// It is no longer needed
    Cessation,
    /// Others may know the private key
    Compromised,
}

/// `key destroy`
#[derive(Debug, Args)]
pub struct DestroyArguments {
    /// Which key; or the unique identifier of a half that another one is missing of
    pub key: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Revoke it first, if it is active
    #[arg(long)]
    pub revoke: bool,
}

/// `key rename`
#[derive(Debug, Args)]
pub struct RenameArguments {
    /// Which key
    pub key: String,
    /// Its new name
    pub name: KeyName,
}

/// `key set-id`
#[derive(Debug, Args)]
pub struct SetIdArguments {
    /// Which key
    pub key: String,
    /// 1 to 255 bytes in hexadecimal
    #[arg(required_unless_present = "default", conflicts_with = "default")]
    pub id: Option<KeyId>,
    /// The one made from its public key
    #[arg(long)]
    pub default: bool,
}

/// A CKA_ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId(pub Vec<u8>);

impl FromStr for KeyId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = bytes(&text.replace(':', ""));
        let id = id.filter(|id| (1..=255).contains(&id.len()));
        id.map(Self)
            .ok_or_else(|| "not 1 to 255 bytes in hexadecimal".into())
    }
}

/// `key set-label`
#[derive(Debug, Args)]
pub struct SetLabelArguments {
    /// Which key
    pub key: String,
    /// The CKA_LABEL
    #[arg(required_unless_present = "default", conflicts_with = "default")]
    pub label: Option<KeyName>,
    /// Its name
    #[arg(long)]
    pub default: bool,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// The installed libkmip_p11.so [default: looked for where distributions put it]
    #[arg(long, value_name = "FILE")]
    pub module: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        for line in [
            ["kmip-ssh", "--slot", "a", "--json", "key", "list"],
            ["kmip-ssh", "key", "list", "--slot", "a", "--json"],
        ] {
            let arguments = Arguments::try_parse_from(line).unwrap();
            assert_eq!(
                (arguments.slot.as_deref(), arguments.json),
                (Some("a"), true)
            );
        }
    }

    #[test]
    fn a_wrong_line_is_a_usage_error() {
        for line in [
            &["kmip-ssh"][..],
            &["kmip-ssh", "key", "generate", "a"],
            &["kmip-ssh", "key", "generate", "a", "--type", "dsa"],
            &["kmip-ssh", "key", "generate", "a\nb", "--type", "rsa"],
            &["kmip-ssh", "key", "revoke", "a", "--reason", "boredom"],
            &["kmip-ssh", "key", "copy", "--to", "prod"],
            &[
                "kmip-ssh",
                "key",
                "move",
                "a",
                "--to",
                "prod",
                "--remove-file",
            ],
            &[
                "kmip-ssh",
                "key",
                "copy",
                "a",
                "--to",
                "prod",
                "--from-file",
                "b",
            ],
        ] {
            assert_eq!(Arguments::try_parse_from(line).unwrap_err().exit_code(), 2);
        }
    }
}
