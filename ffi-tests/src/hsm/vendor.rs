//! Whose module the tokens are of, and what each does in its own way.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Hsm, PIN, TYPES};
use crate::process::run;
use crate::tool;

/// SoftHSM2's module, where Debian has it.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// The variable that says where SoftHSM2's configuration is.
pub const VARIABLE: &str = "SOFTHSM2_CONF";

/// The PIN of a token's security officer.
const OFFICER: &str = "officer 1";

/// Who has made a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vendor {
    /// SoftHSM2, as Debian has it.
    SoftHsm,
    /// kryoptic, as tools/servers/install-kryoptic.sh builds it.
    Kryoptic,
}

impl Vendor {
    /// Its module.
    #[track_caller]
    pub fn module(self) -> PathBuf {
        match self {
            Self::SoftHsm => MODULE.into(),
            Self::Kryoptic => {
                let folder = installed("kryoptic");
                folder.join("lib/libkryoptic_pkcs11.so")
            }
        }
    }

    /// The variable that says where its configuration is.
    pub fn variable(self) -> &'static str {
        match self {
            Self::SoftHsm => VARIABLE,
            Self::Kryoptic => "KRYOPTIC_CONF",
        }
    }

    /// The one whose tokens this process is surrounded by.
    #[track_caller]
    pub fn of_environment() -> Self {
        let mut all = [Self::SoftHsm, Self::Kryoptic].into_iter();
        let found = all.find(|vendor| vendor.conf_of_environment().is_some());
        found.expect("surroundings with tokens")
    }

    /// The configuration that this process has; `None` where it is not in such surroundings.
    pub fn conf_of_environment(self) -> Option<PathBuf> {
        std::env::var_os(self.variable()).map(PathBuf::from)
    }

    /// Its configuration, without a token.
    pub(super) fn begin(self, hsm: &Hsm) {
        let conf = match self {
            Self::SoftHsm => {
                let tokens = hsm.scratch.file("tokens");
                std::fs::create_dir(&tokens).expect("a directory for tokens");
                let tokens = tokens.display();
                format!(
                    "directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
                )
            }
            Self::Kryoptic => String::new(),
        };
        std::fs::write(hsm.conf(), conf).expect("a configuration");
    }

    #[track_caller]
    pub(super) fn add_token(self, hsm: &Hsm, label: &str) {
        match self {
            Self::SoftHsm => {
                let mut init = softhsm2_util(hsm);
                init.args(["--init-token", "--free", "--label", label]);
                hsm.succeed(init.args(["--pin", PIN, "--so-pin", OFFICER]));
            }
            Self::Kryoptic => {
                let slot = add_slot(hsm);
                let tool = |what: &[&str]| {
                    let mut tool = pkcs11_tool(hsm);
                    tool.args(["--slot", &slot, "--so-pin", OFFICER]).args(what);
                    hsm.succeed(&mut tool);
                };
                tool(&["--init-token", "--label", label]);
                tool(&["--init-pin", "--pin", PIN]);
            }
        }
    }

    /// SoftHSM2's program takes one in that openssl has made, kryoptic makes one; `id` is hexadecimal.
    #[track_caller]
    pub(super) fn add_key(self, hsm: &Hsm, kind: &str, label: &str, id: &str, token: &str) {
        let mut kinds = TYPES.iter();
        let (_, of_openssl, of_opensc) = kinds.find(|(name, ..)| *name == kind).expect("a kind");
        match self {
            Self::SoftHsm => {
                let file = hsm.scratch.file(&format!("{label}.pem"));
                let mut openssl = tool::command("openssl");
                hsm.succeed(
                    openssl
                        .arg("genpkey")
                        .args(*of_openssl)
                        .arg("-out")
                        .arg(&file),
                );
                let mut import = softhsm2_util(hsm);
                import.arg("--import").arg(&file).args(["--token", token]);
                hsm.succeed(import.args(["--label", label, "--id", id, "--pin", PIN]));
            }
            Self::Kryoptic => {
                let mut tool = pkcs11_tool(hsm);
                tool.args(["--token-label", token, "--pin", PIN, "--keypairgen"]);
                hsm.succeed(tool.args(["--key-type", of_opensc, "--label", label, "--id", id]));
            }
        }
    }
}

fn softhsm2_util(hsm: &Hsm) -> Command {
    let mut command = tool::command("softhsm2-util");
    command.env(hsm.vendor.variable(), hsm.conf());
    command
}

fn pkcs11_tool(hsm: &Hsm) -> Command {
    let mut command = tool::command("pkcs11-tool");
    command.env(hsm.vendor.variable(), hsm.conf());
    command.arg("--module").arg(hsm.vendor.module());
    command
}

/// One more slot in kryoptic's configuration; its number.
fn add_slot(hsm: &Hsm) -> String {
    let mut conf = std::fs::read_to_string(hsm.conf()).expect("a configuration");
    let number = conf.matches("[[slots]]").count().to_string();
    let database = hsm.scratch.file(&format!("token-{number}.sql"));
    conf += &format!("[[slots]]\nslot = {number}\ndbtype = \"sqlite\"\ndbargs = {database:?}\n");
    std::fs::write(hsm.conf(), conf).expect("a configuration");
    number
}

/// Where the script of that name has put what it builds.
#[track_caller]
fn installed(name: &str) -> PathBuf {
    let script = format!("tools/servers/install-{name}.sh");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let mut command = Command::new(root.expect("the workspace").join(&script));
    let folder = PathBuf::from(run(command.arg("--where")).text().trim());
    let marker = folder.join("installed");
    assert!(
        marker.exists(),
        "there is no {}: run {script}",
        marker.display()
    );
    folder
}
