//! A SoftHSM2 token of a test's own: another PKCS#11 module, as a slot of ours has it behind it.
//!
//! SoftHSM2 finds its tokens by an environment variable, so that whatever loads it has to run in a
//! process of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use kmip_p11::model::public_key::{Curve, KeyType};

use crate::configuration::Configuration;
use crate::openssh::user::User;
use crate::own_process::Surroundings;
use crate::process::run;
use crate::scratch::Scratch;
use crate::tool;

/// Where Debian has the module.
pub const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// The PIN of every token.
pub const PIN: &str = "hsm pin 1234";

/// The label of the slot of ours that the token is behind.
pub const LABEL: &str = "hsm";

/// The variable that says where SoftHSM2's configuration is.
pub const VARIABLE: &str = "SOFTHSM2_CONF";

/// Kinds of key, as openssl makes them: RSA, three curves of NIST's, Ed25519.
pub const TYPES: [(&str, &[&str]); 5] = [
    (
        "rsa",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    ),
    (
        "p256",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ),
    (
        "p384",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    ),
    (
        "p521",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
    ),
    ("ed25519", &["-algorithm", "ED25519"]),
];

/// The program that loads a module for us, as cargo has built it.
pub fn host() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    let deps = program.parent().and_then(Path::parent);
    let host = deps.expect("target/debug").join("kmip-p11-hsm");
    assert!(
        host.is_file(),
        "run cargo build -p kmip-ssh: there is no {}",
        host.display()
    );
    host
}

/// What a slot needs for a process of its own.
pub fn in_a_process(deadline: &str) -> String {
    let program = host();
    format!("hsm.process = true\nhsm.program = {program:?}\nhsm.deadline = {deadline:?}")
}

/// The label of the first token.
pub const TOKEN: &str = "token";

/// How openssl is told to make a key of that type.
#[track_caller]
pub fn kind(key_type: KeyType) -> &'static str {
    match key_type {
        KeyType::Rsa(2048) => "rsa",
        KeyType::Ec(Curve::P256) => "p256",
        KeyType::Ec(Curve::P384) => "p384",
        KeyType::Ec(Curve::P521) => "p521",
        KeyType::Ed25519 => "ed25519",
        other => panic!("no test has keys of type {other} made by openssl"),
    }
}

/// The file with the PIN, beside the tokens.
pub fn pin_file(directory: &Path) -> PathBuf {
    directory.join("pin")
}

/// In surroundings with many tokens: the label of one that nobody has had yet, and the directory.
pub fn next_token() -> (String, PathBuf) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let conf = std::env::var_os(VARIABLE).map(PathBuf::from);
    let directory = conf.as_deref().and_then(Path::parent);
    let directory = directory.expect("surroundings with tokens").to_owned();
    let label = match number {
        0 => TOKEN.to_owned(),
        _ => format!("{TOKEN}-{number}"),
    };
    (label, directory)
}

/// Surroundings with so many tokens, for a body that takes one after the other.
pub struct Tokens(SoftHsm);

impl Tokens {
    /// Makes them.
    pub fn new(number: usize) -> Self {
        let hsm = SoftHsm::new();
        (1..number).for_each(|number| hsm.add_token(&format!("{TOKEN}-{number}")));
        Self(hsm)
    }
}

impl Surroundings for Tokens {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![(VARIABLE, self.0.conf().into())]
    }
}

/// A directory with tokens.
pub struct SoftHsm {
    scratch: Scratch,
}

impl Default for SoftHsm {
    fn default() -> Self {
        Self::new()
    }
}

impl SoftHsm {
    /// With one token, called "token", without a key.
    pub fn new() -> Self {
        let scratch = Scratch::new();
        let tokens = scratch.file("tokens");
        std::fs::create_dir(&tokens).expect("a directory for tokens");
        scratch.write(
            "softhsm2.conf",
            format!(
                "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
                tokens.display()
            ),
        );
        scratch.write("pin", format!("{PIN}\n"));
        let hsm = Self { scratch };
        hsm.add_token(TOKEN);
        hsm
    }

    /// One more token.
    pub fn add_token(&self, label: &str) {
        let mut init = self.util();
        init.args(["--init-token", "--free", "--label", label]);
        self.succeed(init.args(["--pin", PIN, "--so-pin", "officer"]));
    }

    /// With a key of each of these kinds, which is also its label.
    pub fn with(self, kinds: &[&str]) -> Self {
        for kind in kinds {
            self.import(kind, kind, "token");
        }
        self
    }

    /// A key made by openssl, taken in by SoftHSM2's own program.
    pub fn import(&self, kind: &str, label: &str, token: &str) {
        let id: String = label.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.import_as(kind, label, &id, token);
    }

    /// The same with that CKA_ID, in hexadecimal.
    pub fn import_as(&self, kind: &str, label: &str, id: &str, token: &str) {
        let (_, options) = TYPES
            .iter()
            .find(|(name, _)| *name == kind)
            .expect("a kind");
        let file = self.scratch.file(&format!("{label}.pem"));
        let mut openssl = tool::command("openssl");
        self.succeed(openssl.arg("genpkey").args(*options).arg("-out").arg(&file));
        let mut import = self.util();
        import.arg("--import").arg(&file).args(["--token", token]);
        self.succeed(import.args(["--label", label, "--id", id, "--pin", PIN]));
    }

    fn util(&self) -> Command {
        let mut command = tool::command("softhsm2-util");
        command.env(VARIABLE, self.conf());
        command
    }

    #[track_caller]
    fn succeed(&self, command: &mut Command) {
        let finished = run(command);
        assert!(finished.status.success(), "{}", finished.report());
    }

    /// SoftHSM2's own configuration.
    pub fn conf(&self) -> PathBuf {
        self.scratch.file("softhsm2.conf")
    }

    /// A file of the test's with a secret in it.
    pub fn secret(&self, name: &str, content: &str) -> PathBuf {
        self.scratch.write(name, content)
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        self.scratch.path()
    }

    /// A slot of ours with that label and these lines besides the module.
    pub fn slot(&self, label: &str, lines: &str) -> String {
        format!("[[slot]]\nlabel = {label:?}\nhsm.module = {MODULE:?}\n{lines}\n")
    }

    /// A slot that takes its PIN from a file.
    pub fn slot_with_pin(&self) -> String {
        let pin = self.secret("pin", &format!("{PIN}\n"));
        self.slot(LABEL, &format!("hsm.pin_file = {pin:?}"))
    }

    /// The same with the module in a process of its own.
    pub fn slot_in_a_process(&self) -> String {
        self.slot_with_pin() + &in_a_process("10s") + "\n"
    }

    /// Those slots, in surroundings in which SoftHSM2 finds its tokens.
    pub fn configured(self, slots: &str) -> Configured {
        Configured {
            configuration: Configuration::logging("debug", slots),
            hsm: self,
        }
    }
}

/// A SoftHSM2 and a configuration of ours.
pub struct Configured {
    /// The tokens.
    pub hsm: SoftHsm,
    /// Our slots.
    pub configuration: Configuration,
}

impl Configured {
    /// Somebody whose OpenSSH uses these slots.
    pub fn user(&self) -> User {
        User::of(&self.configuration).with_variable(VARIABLE, self.hsm.conf().into())
    }
}

impl Surroundings for Configured {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut environment = self.configuration.environment();
        environment.push((VARIABLE, self.hsm.conf().into()));
        environment
    }
}
