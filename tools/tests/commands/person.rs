//! Somebody who types `kmip-ssh` commands, and logs in by the keys that they make.

use std::path::PathBuf;
use std::process::Command;

use ffi_tests::configuration::Configuration;
use ffi_tests::module::library;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::process::{Finished, run, run_with_input};
use ffi_tests::scene::Scene;
use kmip_p11::config::Config;
use kmip_p11::token::{self, Revocation, SharedToken};
use serde_json::Value;

/// The command as cargo has built it for these tests.
pub const KMIP_SSH: &str = env!("CARGO_BIN_EXE_kmip-ssh");

/// A person with a group of keys.
pub struct Person {
    /// The same person's OpenSSH.
    pub user: User,
    /// The object group of new keys.
    pub group: String,
    made: Option<SharedToken>,
}

/// Listings take the longer the more keys a server has: those of this person go.
impl Drop for Person {
    fn drop(&mut self) {
        let Some(token) = &self.made else { return };
        let found = token.find().unwrap_or_default();
        let hidden = found.hidden.into_iter().filter_map(|hidden| hidden.key);
        for key in found.keys.into_iter().chain(hidden) {
            let revocation = Revocation {
                compromised: false,
                message: None,
            };
            // What is over already, or gone, needs nothing.
            let _ = token.revoke(&key, &revocation);
            let _ = token.destroy(&key);
        }
    }
}

impl Person {
    /// Who uses the slot of that scene, and cleans up in the end.
    pub fn of(scene: &Scene) -> Self {
        let user = scene.user();
        let group = scene.group.clone();
        let config = Config::load_from(scene.configuration.path());
        let made = config.ok().map(|config| token::open(&config.slots[0]));
        Self { user, group, made }
    }

    /// Who uses the slots of any configuration, and makes no keys there.
    pub fn with(configuration: &Configuration) -> Self {
        Self::at(User::of(configuration))
    }

    /// Who has that desk, and makes no keys on a server.
    pub fn at(user: User) -> Self {
        let group = String::new();
        let made = None;
        Self { user, group, made }
    }

    /// A name that no other test has used on the server: that of the key called so by
    /// [`ffi_tests::openssh::name`].
    pub fn name(&self, name: &str) -> String {
        format!("{name}@{}", self.group)
    }

    /// The command with these arguments, not run yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.user.command(KMIP_SSH);
        command.args(arguments);
        command
    }

    /// Runs `kmip-ssh`. Whatever it does, people get complaints on standard error only, in lines
    /// that name the program.
    #[track_caller]
    pub fn kmip_ssh(&self, arguments: &[&str]) -> Finished {
        let finished = run(&mut self.command(arguments));
        let named = |line: &str| line.starts_with("kmip-ssh: ");
        if finished.status.code() != Some(2) {
            assert!(finished.stderr.lines().all(named), "{}", finished.report());
        }
        let stdout = String::from_utf8_lossy(&finished.stdout);
        assert!(!stdout.contains("kmip-ssh: "), "{}", finished.report());
        finished
    }

    /// What it prints if all goes well, and nothing to complain about.
    #[track_caller]
    pub fn text(&self, arguments: &[&str]) -> String {
        let finished = self.kmip_ssh(arguments);
        let text = finished.text();
        assert_eq!(finished.stderr, "", "{}", finished.report());
        text
    }

    /// The object that it prints with `--json`, and its exit status.
    #[track_caller]
    pub fn json_and_status(&self, arguments: &[&str]) -> (Value, i32) {
        let finished = self.kmip_ssh(&[&["--json"], arguments].concat());
        let status = finished.status.code().expect("it ends by itself");
        let value = serde_json::from_slice(&finished.stdout);
        let value = value.unwrap_or_else(|error| panic!("{error}: {}", finished.report()));
        (value, status)
    }

    /// The object that it prints with `--json` if all goes well.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let (value, status) = self.json_and_status(arguments);
        assert_eq!(status, 0, "{arguments:?}: {value}");
        value
    }

    /// The `error` that it prints with `--json`: its kind and its message. The line on standard
    /// error says the same.
    #[track_caller]
    pub fn refusal(&self, arguments: &[&str]) -> (String, String) {
        let finished = self.kmip_ssh(&[&["--json"], arguments].concat());
        let value: Value = serde_json::from_slice(&finished.stdout).unwrap_or_default();
        let word = |name: &str| value["error"][name].as_str().unwrap_or_default().to_owned();
        let (kind, message) = (word("kind"), word("message"));
        assert!(!message.is_empty(), "{}", finished.report());
        assert!(
            finished.complaint().contains(&message),
            "{}",
            finished.report()
        );
        (kind, message)
    }

    /// Makes an active key called NAME@GROUP: on the server where it can, else here.
    #[track_caller]
    pub fn generate(&self, name: &str, key_type: &str) -> Value {
        self.generate_with(name, key_type, &[])
    }

    /// The same with more options.
    #[track_caller]
    pub fn generate_with(&self, name: &str, key_type: &str, options: &[&str]) -> Value {
        let name = self.name(name);
        let line = [
            "key",
            "generate",
            &name,
            "--type",
            key_type,
            "--group",
            &self.group,
        ];
        let line = [&line, options].concat();
        let (made, status) = self.json_and_status(&line);
        if status == 0 {
            return made["key"].clone();
        }
        assert_eq!(made["error"]["kind"], "impossible", "{made}");
        self.json(&[&line[..], &["--here"]].concat())["key"].clone()
    }

    /// `key import` into the person's group.
    pub fn import(&self, name: &str, file: &str) -> Finished {
        let name = self.name(name);
        self.kmip_ssh(&["key", "import", &name, file, "--group", &self.group])
    }

    /// `key list --all`: the keys, and what else is there.
    #[track_caller]
    pub fn everything(&self) -> Value {
        self.json(&["key", "list", "--all"])
    }

    /// `key show`
    #[track_caller]
    pub fn show(&self, key: &str) -> Value {
        self.json(&["key", "show", key])["key"].clone()
    }

    /// A real `ssh -I` login with the key of that public-key line, to an sshd that knows it alone.
    pub fn login(&self, line: &str) -> Finished {
        let sshd = Setup::authorizing(&[line.to_owned()]).start();
        self.user.knows(&sshd.known_hosts());
        let file = self.user.desk.write("chosen.pub", line);
        let file = file.to_str().expect("a path of plain characters");
        let only = [
            "-i",
            file,
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "BatchMode=yes",
        ];
        self.user.login(&sshd, &only, "echo logged in")
    }

    /// Whether `ssh-keygen -D` lists that public-key line; without any key it fails.
    pub fn is_listed(&self, line: &str) -> bool {
        let mut keygen = self.user.command("ssh-keygen");
        let listed = run(keygen.arg("-D").arg(library()));
        String::from_utf8_lossy(&listed.stdout)
            .lines()
            .any(|listed| listed == line)
    }

    /// Whether that login works; neither may hang or ask.
    #[track_caller]
    pub fn can_log_in(&self, line: &str) -> bool {
        let login = self.login(line);
        let worked = login.status.success() && login.stdout == b"logged in\n";
        let refused = login.status.code() == Some(255) && login.stdout.is_empty();
        assert!(worked || refused, "{}", login.report());
        assert_eq!(self.user.was_asked(), "");
        worked
    }

    /// Of a public-key line, as `ssh-keygen -lf` shows it.
    #[track_caller]
    pub fn fingerprint(&self, line: &str) -> String {
        let mut keygen = self.user.command("ssh-keygen");
        let shown = run_with_input(keygen.args(["-l", "-f", "-"]), line.as_bytes()).text();
        let word = shown.split_whitespace().nth(1);
        word.expect("bits, fingerprint, comment").to_owned()
    }

    /// A new key pair by `ssh-keygen` with these options; the private file's path.
    #[track_caller]
    pub fn key_file(&self, name: &str, options: &[&str]) -> PathBuf {
        let path = self.user.desk.file(name);
        let mut keygen = self.user.command("ssh-keygen");
        keygen
            .args(["-q", "-C", name])
            .args(options)
            .arg("-f")
            .arg(&path);
        run(&mut keygen).text();
        path
    }
}

/// A member that is text.
#[track_caller]
pub fn word<'a>(object: &'a Value, name: &str) -> &'a str {
    let word = object[name].as_str();
    word.unwrap_or_else(|| panic!("{name:?} is no text in {object}"))
}

/// The one of `keys` with that name.
#[track_caller]
pub fn named<'a>(keys: &'a Value, name: &str) -> &'a Value {
    let keys = keys.as_array().unwrap_or_else(|| panic!("no keys: {keys}"));
    let mut found = keys.iter().filter(|key| key["name"] == name);
    let key = found
        .next()
        .unwrap_or_else(|| panic!("{name:?} is not in {keys:#?}"));
    assert!(found.next().is_none(), "{name:?} is there twice: {keys:#?}");
    key
}
