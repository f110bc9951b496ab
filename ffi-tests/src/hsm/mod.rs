//! Tokens of a test's own in another PKCS#11 module, as a slot of ours has it behind it.
//!
//! Such modules find their tokens by an environment variable, so that whatever loads one has to run in a
//! process of its own.

mod vendor;

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

pub use vendor::{MODULE, VARIABLE, Vendor};

/// The PIN of every token.
pub const PIN: &str = "hsm pin 1234";

/// The label of the slot of ours that the token is behind.
pub const LABEL: &str = "hsm";

/// Kinds of key, as openssl and as OpenSC's pkcs11-tool make them: RSA, three curves of NIST's, Ed25519.
const TYPES: [(&str, &[&str], &str); 5] = [
    (
        "rsa",
        &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "rsa:2048",
    ),
    (
        "p256",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "EC:secp256r1",
    ),
    (
        "p384",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        "EC:secp384r1",
    ),
    (
        "p521",
        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
        "EC:secp521r1",
    ),
    ("ed25519", &["-algorithm", "ED25519"], "EC:edwards25519"),
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
pub fn next_token(vendor: Vendor) -> (String, PathBuf) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let conf = vendor.conf_of_environment();
    let directory = conf.as_deref().and_then(Path::parent);
    let directory = directory.expect("surroundings with tokens").to_owned();
    let label = match number {
        0 => TOKEN.to_owned(),
        _ => format!("{TOKEN}-{number}"),
    };
    (label, directory)
}

/// A directory with tokens.
pub struct Hsm {
    vendor: Vendor,
    scratch: Scratch,
}

impl Hsm {
    /// With one token, called "token", without a key.
    pub fn new(vendor: Vendor) -> Self {
        Self::with_tokens(vendor, 1)
    }

    /// With so many tokens, for a body that takes one after the other.
    pub fn with_tokens(vendor: Vendor, number: usize) -> Self {
        let scratch = Scratch::new();
        scratch.write("pin", format!("{PIN}\n"));
        let hsm = Self { vendor, scratch };
        vendor.begin(&hsm);
        hsm.add_token(TOKEN);
        (1..number).for_each(|number| hsm.add_token(&format!("{TOKEN}-{number}")));
        hsm
    }

    /// Those of SoftHSM2.
    pub fn soft() -> Self {
        Self::new(Vendor::SoftHsm)
    }

    /// Whose they are.
    pub fn vendor(&self) -> Vendor {
        self.vendor
    }

    /// One more token.
    pub fn add_token(&self, label: &str) {
        self.vendor.add_token(self, label);
    }

    /// With a key of each of these kinds, which is also its label.
    pub fn with(self, kinds: &[&str]) -> Self {
        for kind in kinds {
            self.add_key(kind, kind, TOKEN);
        }
        self
    }

    /// A key that none of our code has made.
    pub fn add_key(&self, kind: &str, label: &str, token: &str) {
        let id: String = label.bytes().map(|byte| format!("{byte:02x}")).collect();
        self.vendor.add_key(self, kind, label, &id, token);
    }

    #[track_caller]
    fn succeed(&self, command: &mut Command) {
        let finished = run(command);
        assert!(finished.status.success(), "{}", finished.report());
    }

    /// The module's own configuration.
    pub fn conf(&self) -> PathBuf {
        self.scratch.file("module.conf")
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
        let module = self.vendor.module();
        format!("[[slot]]\nlabel = {label:?}\nhsm.module = {module:?}\n{lines}\n")
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

    /// Those slots, in surroundings in which the module finds its tokens.
    pub fn configured(self, slots: &str) -> Configured {
        Configured {
            configuration: Configuration::logging("debug", slots),
            hsm: self,
        }
    }
}

/// Tokens and a configuration of ours.
pub struct Configured {
    /// The tokens.
    pub hsm: Hsm,
    /// Our slots.
    pub configuration: Configuration,
}

impl Surroundings for Hsm {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![(self.vendor.variable(), self.conf().into())]
    }
}

impl Configured {
    /// Somebody whose OpenSSH uses these slots.
    pub fn user(&self) -> User {
        let variable = self.hsm.vendor.variable();
        User::of(&self.configuration).with_variable(variable, self.hsm.conf().into())
    }
}

impl Surroundings for Configured {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut environment = self.configuration.environment();
        environment.extend(self.hsm.environment());
        environment
    }
}
