//! `keystore seal --as`: what opens a keystore is changed to what another configuration file says, or not at all.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use ffi_tests::hsm::{Configured, Hsm, Vendor};
use ffi_tests::process::{Finished, run};

use crate::person::Person;

/// The configuration files of a keystore.
struct Seals {
    configured: Configured,
    person: Person,
}

impl Seals {
    /// Sealed by "file"; that vendor's HSM is there as well.
    fn new(vendor: Vendor) -> Self {
        let hsm = Hsm::new(vendor);
        let configured = hsm.configured("");
        let person = Person::at(configured.user());
        let seals = Self { configured, person };
        seals.write("file", &seals.by_file("first.seal"));
        seals.write("other file", &seals.by_file("second.seal"));
        seals.write("pin", "keystore.seal = \"pin\"");
        let (module, pin) = (vendor.module(), seals.file("pin"));
        seals.write(
            "hsm",
            &format!(
                "keystore.seal = \"hsm\"\nkeystore.seal_key = \"keystore\"\nhsm.module = {module:?}\n\
                 hsm.pin_file = {pin:?}"
            ),
        );
        seals.done("file", &["init"]);
        seals.done("file", &["key", "generate", "web", "--type", "p256"]);
        seals
    }

    fn file(&self, name: &str) -> PathBuf {
        self.configured.hsm.directory().join(name)
    }

    fn by_file(&self, name: &str) -> String {
        let file = self.file(name);
        format!("keystore.seal = \"file\"\nkeystore.seal_file = {file:?}")
    }

    fn config(&self, seal: &str) -> String {
        self.file(&format!("{seal}.toml")).display().to_string()
    }

    fn write(&self, seal: &str, lines: &str) {
        let database = self.file("keys.db");
        let slot = format!("[[slot]]\nlabel = \"keys\"\nkeystore.path = {database:?}\n{lines}\n");
        std::fs::write(self.config(seal), slot).expect("a configuration");
    }

    /// `kmip-ssh` with the configuration of that seal.
    fn command(&self, seal: &str, arguments: &[&str]) -> Command {
        let config = self.config(seal);
        let mut command = self.person.command(&["--config", &config]);
        command.args(arguments);
        command
    }

    fn done(&self, seal: &str, arguments: &[&str]) -> String {
        run(&mut self.command(seal, arguments)).text()
    }

    fn check(&self, seal: &str) -> Finished {
        run(&mut self.command(seal, &["keystore", "check"]))
    }

    /// The key signs by that seal, and not by the other.
    #[track_caller]
    fn is_by(&self, seal: &str, not: &str) {
        let checked = self.check(seal).text();
        assert!(checked.contains("1 keys signed, 0 did not"), "{checked}");
        let refused = self.check(not);
        assert!(!refused.status.success(), "{}", refused.report());
    }
}

#[test]
fn a_keystore_goes_to_an_hsm_and_back_to_another_file() {
    let seals = Seals::new(Vendor::SoftHsm);
    let told = seals.done("file", &["keystore", "seal", "--as", &seals.config("hsm")]);
    let wanted = [
        "is opened by the key \"keystore\" of the HSM of ",
        "first.seal opens older copies of it, and nothing else",
        "hsm.toml says of it",
    ];
    assert!(wanted.iter().all(|words| told.contains(words)), "{told}");
    seals.is_by("hsm", "file");
    let back = seals.config("other file");
    let told = seals.done("hsm", &["keystore", "seal", "--as", &back]);
    assert!(
        told.contains("second.seal now; the key \"keystore\""),
        "{told}"
    );
    seals.is_by("other file", "hsm");
    let pin = seals.configured.hsm.secret("new pin", "1234 five");
    let pin = pin.to_str().expect("a plain path");
    let to = seals.config("pin");
    seals.done(
        "other file",
        &["keystore", "seal", "--as", &to, "--new-pin-file", pin],
    );
    let checked = seals.done("pin", &["keystore", "check", "--pin-file", pin]);
    assert!(checked.contains("1 keys signed"), "{checked}");
}

#[test]
fn a_file_that_says_nothing_of_the_keystore_is_refused() {
    let seals = Seals::new(Vendor::SoftHsm);
    let other = seals.file("other.toml");
    let slot =
        "[[slot]]\nlabel = \"keys\"\nkeystore.path = \"other.db\"\nkeystore.seal = \"pin\"\n";
    std::fs::write(&other, slot).expect("a configuration");
    let other = other.to_str().expect("a plain path");
    let refused = run(&mut seals.command("file", &["keystore", "seal", "--as", other]));
    let complaint = refused.complaint();
    assert!(
        complaint.contains("has no slot with the keystore"),
        "{complaint}"
    );
    let both = ["keystore", "seal", "pin", "--as", other];
    assert_eq!(
        run(&mut seals.command("file", &both)).status.code(),
        Some(2)
    );
    seals.is_by("file", "hsm");
}

/// Between the HSM and a file, back and forth, killed a little later each time: one of the two opens it.
///
/// With kryoptic: SoftHSM2 writes its own files in such a way that a kill can leave a token that it does not read.
#[test]
fn a_change_that_is_killed_at_any_point_leaves_one_seal_that_opens() {
    const KILLS: u32 = 24;
    let seals = Seals::new(Vendor::Kryoptic);
    let begun = Instant::now();
    seals.done("file", &["keystore", "seal", "--as", &seals.config("hsm")]);
    let takes = begun.elapsed();
    let (mut is, mut other, mut changes) = ("hsm", "file", 0);
    for kill in 0..KILLS {
        let to = seals.config(other);
        let mut change = seals.command(is, &["keystore", "seal", "--as", &to]);
        let mut child = change.stdout(Stdio::null()).spawn().expect("kmip-ssh");
        std::thread::sleep(takes * kill / KILLS * 3 / 2);
        child.kill().expect("our own child");
        child.wait().expect("our own child");
        if !seals.check(is).status.success() {
            (is, other) = (other, is);
            changes += 1;
        }
        seals.is_by(is, other);
    }
    println!("{changes} of {KILLS} changes were done before they were killed");
    seals.done(is, &["keystore", "seal", "--as", &seals.config(other)]);
    seals.is_by(other, is);
}
