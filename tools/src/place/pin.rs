//! The PIN of a slot: from a file, else from the person at the terminal; never from the command line or the environment.

use std::path::Path;

use kmip_p11::config::{self, Content};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::person::Person;

/// The PIN of the slot with that label. It is not tried yet.
pub fn pin(
    label: &str,
    file: Option<&Path>,
    person: &dyn Person,
) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(file) => from_file(file),
        None => person.secret(&format!("PIN of slot {label:?}")).ok_or_else(|| {
            Failure::Usage(format!(
                "slot {label:?} asks for a PIN: type it at a terminal, or name a file with --pin-file"
            ))
        }),
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
        assert_eq!(*pin("prod", Some(&file), &person).unwrap(), "from a file");
        assert_eq!(*pin("prod", None, &person).unwrap(), "typed");
        std::fs::set_permissions(&file, mode(0o604)).unwrap();
        let refused = pin("prod", Some(&file), &person).unwrap_err().to_string();
        assert!(refused.contains("others may read this PIN"), "{refused}");
    }

    #[test]
    fn nobody_to_ask_is_a_wrong_command_line() {
        let failure = pin("prod", None, &Scripted::default()).unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("--pin-file"), "{failure}");
    }
}
