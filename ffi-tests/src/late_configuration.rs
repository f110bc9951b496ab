//! A configuration that a body in a process of its own writes, because its servers live there too.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::configuration::{Configuration, SlotEntry};
use crate::own_process::Surroundings;
use crate::scratch::Scratch;

const VARIABLE: &str = "KMIP_P11_CONFIG";

/// The place of a configuration that is not there yet.
#[derive(Default)]
pub struct LateConfiguration(Scratch);

impl Surroundings for LateConfiguration {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![(VARIABLE, self.0.file("config.toml").into())]
    }
}

/// Writes the configuration of this process: what the library will read at C_Initialize.
pub fn configure(slots: &[SlotEntry]) -> Configuration {
    let place = std::env::var_os(VARIABLE).map(PathBuf::from);
    let place = place.expect("the surroundings are a LateConfiguration");
    let configuration = Configuration::new(slots);
    let copied = std::fs::copy(configuration.path(), place);
    copied.expect("the surroundings' directory is there");
    configuration
}
