//! The real servers, where they are installed.

use std::path::Path;
use std::process::Command;

use ffi_tests::kmip_server::{KmipServer, ServerKind};
use ffi_tests::process::run;

/// A server, or why there is none.
pub type Found = Result<KmipServer, String>;

/// What there is.
pub struct Servers {
    pub cosmian: Found,
    pub pykmip: Found,
}

impl Servers {
    /// Starts those that are installed; installs none.
    pub fn start() -> Self {
        Self {
            cosmian: start(ServerKind::Cosmian, "install-cosmian.sh"),
            pykmip: start(ServerKind::PyKmip, "install-pykmip.sh"),
        }
    }
}

fn start(kind: ServerKind, installer: &str) -> Found {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tools/servers");
    let place = run(Command::new(script.join(installer)).arg("--where")).text();
    match Path::new(place.trim()).join("installed").is_file() {
        true => Ok(KmipServer::start(kind)),
        false => Err(format!("tools/servers/{installer} installs the server")),
    }
}
