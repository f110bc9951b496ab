//! The PIN of a slot: from a file, else from the person at the terminal; never from the command line or the environment.

use std::path::Path;

use kmip_p11::config::{self, Content};
use zeroize::Zeroizing;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::person::Person;

/// A file with the PIN, if one was named, and the option that names it.
#[derive(Debug, Clone, Copy)]
pub struct PinFile<'a> {
    /// The option.
    pub option: &'static str,
    /// Its value.
    pub file: Option<&'a Path>,
}

impl<'a> PinFile<'a> {
    /// Of the slot that a command works on.
    pub fn of_slot(arguments: &'a Arguments) -> Self {
        Self {
            option: "--pin-file",
            file: arguments.pin_file.as_deref(),
        }
    }
}

/// The PIN of the slot with that label. It is not tried yet.
pub fn pin(
    label: &str,
    pin_file: PinFile<'_>,
    person: &dyn Person,
) -> Result<Zeroizing<String>, Failure> {
    let PinFile { option, file } = pin_file;
    match file {
        Some(file) => from_file(file),
        None => person.secret(&format!("PIN of slot {label:?}")).ok_or_else(|| {
            Failure::Usage(format!(
                "slot {label:?} asks for a PIN: type it at a terminal, or name a file with {option}"
            ))
        }),
    }
}

/// A new PIN: from the file, else asked for twice, since nobody sees what he types.
pub fn new_pin(
    of: &str,
    pin_file: PinFile<'_>,
    person: &dyn Person,
) -> Result<Zeroizing<String>, Failure> {
    let PinFile { option, file } = pin_file;
    if let Some(file) = file {
        return from_file(file);
    }
    let nobody = || {
        Failure::Usage(format!(
            "{of} needs a PIN: type it at a terminal, or name a file with {option}"
        ))
    };
    let first = person.secret(&format!("New PIN of {of}"));
    let first = first.ok_or_else(nobody)?;
    let second = person.secret("The same once more").ok_or_else(nobody)?;
    match first == second {
        true => Ok(first),
        false => Err(Failure::Refused(
            "the two PINs are not the same: nothing was changed".into(),
        )),
    }
}

/// One newline at the end, which editors put there, is no part of it.
fn from_file(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = config::read_trusted(file, Content::Secret("PIN"));
    let bytes = bytes.map_err(|fault| Failure::File(fault.to_string()))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| Failure::File(format!("{}: the PIN is not UTF-8", file.display())))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::Scripted;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_comes_before_the_terminal() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pin");
        std::fs::write(&file, "from a file\r\n").unwrap();
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&file, mode(0o600)).unwrap();
        let person = Scripted {
            secret: Some("typed"),
            ..Scripted::default()
        };
        let given = |file| PinFile {
            option: "--pin-file",
            file,
        };
        let read = |file| pin("prod", given(file), &person);
        assert_eq!(*read(Some(&file)).unwrap(), "from a file");
        assert_eq!(*read(None).unwrap(), "typed");
        std::fs::set_permissions(&file, mode(0o604)).unwrap();
        let refused = read(Some(&file)).unwrap_err().to_string();
        assert!(refused.contains("others may read this PIN"), "{refused}");
    }

    #[test]
    fn nobody_to_ask_is_a_wrong_command_line() {
        let pin_file = PinFile {
            option: "--to-pin-file",
            file: None,
        };
        let failure = pin("prod", pin_file, &Scripted::default()).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("--to-pin-file"), "{failure}");
    }
}
