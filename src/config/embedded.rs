//! What a process has without any configuration file: one slot, with a keystore in its user's folder.

use std::path::PathBuf;

use super::location::Environment;
use super::{Backend, Cache, Config, Database, KeyFilter, Keystore, Log, Seal, Skip, Slot};

/// The label of that slot.
pub const LABEL: &str = "keystore";

/// The file of that keystore; it may not be there yet.
///
/// # Errors
/// Why this process has none.
pub fn path() -> Result<PathBuf, Skip> {
    let directory = Environment::of_process().data(rustix::process::geteuid())?;
    Ok(directory.join("keystore.db"))
}

/// A keystore in that file, sealed by the credential file beside it, or by a PIN.
pub fn keystore(path: PathBuf, by_file: bool) -> Keystore {
    let seal = match by_file {
        true => Seal::File(path.with_extension("seal")),
        false => Seal::Pin,
    };
    Keystore {
        database: Database::Sqlite(path),
        seal,
    }
}

/// A configuration with that keystore alone; its path is the keystore's.
pub fn configuration(path: PathBuf, by_file: bool) -> Config {
    Config {
        path: path.clone(),
        is_embedded: true,
        log: Log::default(),
        slots: vec![Slot {
            label: LABEL.into(),
            backend: Backend::Keystore(keystore(path, by_file)),
            keys: KeyFilter::default(),
            cache: Cache::default(),
        }],
    }
}
