//! A slot behind a PIN: the client key of a scene under a passphrase.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::configuration::{Configuration, SlotEntry};
use crate::kmip_server::Case;
use crate::openssh::user::User;
use crate::own_process::Surroundings;
use crate::process::run;
use crate::scene::Scene;
use crate::scratch::Scratch;
use crate::tool;

/// What opens the key.
pub const PIN: &str = "open sesame";

/// The slot of a scene, whose client key is encrypted.
pub struct Locked {
    /// Whoever makes the keys needs no PIN.
    pub scene: Scene,
    /// The configuration in which the PIN is asked for.
    pub configuration: Configuration,
    /// The encrypted key.
    pub key: PathBuf,
    _files: Scratch,
}

impl Locked {
    /// On the server that the whole test program shares.
    pub fn on(case: Case) -> Self {
        Self::of(Scene::on(case.server), "kmip.pin = \"key_passphrase\"")
    }

    /// With another line that says where the passphrase is.
    pub fn of(scene: Scene, line: &str) -> Self {
        let files = Scratch::new();
        let key = files.file("client.key");
        encrypt(&scene.slot().key_file(), &key);
        let slot = scene.slot().with_key_file(&key).line(line);
        Self {
            configuration: Configuration::new(&[slot]),
            scene,
            key,
            _files: files,
        }
    }

    /// Somebody whose OpenSSH uses that slot, and who knows that PIN.
    pub fn user(&self, pin: &str) -> User {
        User::of(&self.configuration).answering(pin)
    }

    /// The slot as it is written.
    pub fn slot(&self) -> SlotEntry {
        self.scene.slot().with_key_file(&self.key)
    }
}

impl Surroundings for Locked {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.configuration.environment()
    }
}

/// Puts a private key under [`PIN`], by openssl, as an administrator would do it.
pub fn encrypt(plain: &Path, encrypted: &Path) {
    let mut openssl = tool::command("openssl");
    openssl.args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout"]);
    openssl.arg(format!("pass:{PIN}"));
    openssl.arg("-in").arg(plain).arg("-out").arg(encrypted);
    let done = run(&mut openssl);
    assert!(done.status.success(), "{}", done.report());
}
