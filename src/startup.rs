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
/// A configuration that is missing, wrong or not to be trusted. Since nothing is logged yet, and
/// OpenSSH shows a number only, this is the one error that also writes a line to stderr.
pub fn provider() -> Result<Provider> {
    let config = Config::load().map_err(|error| refused(&error))?;
    // A log that cannot be written is no reason to refuse a login; `kmip-ssh doctor` tells of it.
    let _ = logging::start(&config.log);
    Ok(Provider::new(config.slots.iter().map(opened)))
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
    // A closed stderr is no reason to fail otherwise.
    let _ = writeln!(std::io::stderr(), "kmip-p11: {reason}");
    Error::Configuration(reason)
}
