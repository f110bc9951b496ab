//! From the configuration file to a provider: what C_Initialize does besides checking arguments.

use std::io::Write;

use crate::config::{self, Config, Slot};
use crate::error::{Error, Result};
use crate::logging;
use crate::model::text::steers;
use crate::provider::{CacheRules, Disk, Provider};
use crate::token::{self, SharedToken};

/// A provider of the configured slots; asks no server.
///
/// # Errors
/// A configuration that is wrong or not to be trusted. Since nothing is logged yet, and OpenSSH shows a
/// number only, this is the one error that also writes a line to stderr. So does a keystore that is not
/// there yet, where there is no configuration file either: that slot has no token.
pub fn provider() -> Result<Provider> {
    let config = configuration().map_err(|error| refused(&error))?;
    // A log that cannot be written is no reason to refuse a login; `kmip-ssh doctor` tells of it.
    let _ = logging::start(&config.log);
    let slots: Vec<_> = config.slots.iter().map(opened).collect();
    if config.is_embedded && !slots.iter().any(|(token, _)| token.is_present()) {
        let path = config.path.display();
        say(&format!(
            "there is no configuration file and no keystore {path}: \"kmip-ssh init\" makes one"
        ));
    }
    Ok(Provider::new(slots))
}

/// The configuration of this process: its file, or the keystore that needs none.
///
/// # Errors
/// As [`Config::load`]. A missing file is an error only where the user has no folder for a keystore.
pub fn configuration() -> std::result::Result<Config, config::Error> {
    match Config::load() {
        Err(missing @ config::Error::NoFile(_)) => {
            let path = config::embedded::path().map_err(|_| missing)?;
            let by_file = token::keystore::is_sealed_by_file(&path);
            Ok(config::embedded::configuration(path, by_file))
        }
        loaded => loaded,
    }
}

fn opened(slot: &Slot) -> (SharedToken, CacheRules) {
    (token::open(slot), cache_rules(&slot.cache))
}

/// What the configuration says of the cache.
pub fn cache_rules(cache: &config::Cache) -> CacheRules {
    CacheRules {
        time_to_live: cache.ttl,
        min_refresh: cache.min_refresh,
        stale: cache.stale,
        disk: cache.disk.clone().map(|disk| Disk {
            directory: disk.directory,
            age: disk.age,
        }),
    }
}

fn refused(error: &config::Error) -> Error {
    let reason = error.to_string().replace(steers, " ");
    say(&reason);
    Error::Configuration(reason)
}

fn say(line: &str) {
    // A closed stderr is no reason to fail otherwise.
    let _ = writeln!(std::io::stderr(), "kmip-p11: {line}");
}
