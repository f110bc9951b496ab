//! The configuration file: any text is a configuration or an error of one line that says where.
#![no_main]

use std::path::Path;

use kmip_p11::config::Config;
use kmip_p11_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    bounded(input, 2048, || {
        match Config::parse(text, Path::new("/etc/kmip-p11/config.toml")) {
            Ok(config) => assert!(!config.slots.is_empty()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });
});
