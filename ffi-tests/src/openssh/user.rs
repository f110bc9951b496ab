//! A user at his desk: OpenSSH's programs with nothing around them but our configuration.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::sshd::Sshd;
use crate::configuration::Configuration;
use crate::module::library;
use crate::own_process::Surroundings;
use crate::process::{Finished, run};
use crate::scratch::Scratch;
use crate::tool;

/// Whoever asks gets no answer, and is written down.
const ASKPASS: &str = "#!/bin/sh\nprintf '%s\\n' \"$1\" >>\"$0.asked\"\nexit 1\n";

/// A user with a directory of his own.
pub struct User {
    /// His files.
    pub desk: Scratch,
    configuration: PathBuf,
    variables: Vec<(&'static str, OsString)>,
    module: PathBuf,
    is_nobody: bool,
}

/// The user and group "nobody".
const NOBODY: u32 = 65_534;

impl User {
    /// Who uses the slots of that configuration.
    pub fn of(configuration: &Configuration) -> Self {
        let desk = Scratch::new();
        desk.write_mode("askpass", ASKPASS, 0o700);
        desk.write("known_hosts", "");
        Self {
            desk,
            configuration: configuration.environment().remove(0).1.into(),
            variables: vec![],
            module: library(),
            is_nobody: false,
        }
    }

    /// The same with a variable more in the environment.
    pub fn with_variable(mut self, name: &'static str, value: OsString) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Who has no configuration, and nothing in his home; not root, who has his own place for a
    /// keystore. `program` is given to him as well as the module, both under their names, since
    /// others may not see where they were built.
    pub fn newcomer(program: &Path) -> Self {
        let mut user = Self::of(&Configuration::of_text(""));
        user.configuration = PathBuf::new();
        for file in [program, &library()] {
            let name = file.file_name().expect("a file has a name");
            std::fs::copy(file, user.desk.path().join(name)).expect("a copy of a program");
        }
        user.module = user.desk.file("libkmip_p11.so");
        user.is_nobody = tool::user() == "root";
        user.owns_his_files();
        user
    }

    /// What was written for him is his.
    pub fn owns_his_files(&self) {
        if !self.is_nobody {
            return;
        }
        let own = |path: &Path| {
            let owned = std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY));
            owned.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        };
        own(self.desk.path());
        let files = std::fs::read_dir(self.desk.path()).expect("it is there");
        files.for_each(|file| own(&file.expect("an entry").path()));
    }

    /// The module that his programs load.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// The same, who types this whenever he is asked.
    pub fn answering(self, answer: &str) -> Self {
        let typed = self.desk.write_mode("typed", format!("{answer}\n"), 0o600);
        let askpass = format!(
            "#!/bin/sh\nprintf '%s\\n' \"$1\" >>\"$0.asked\"\nexec cat {}\n",
            typed.display()
        );
        self.desk.write_mode("askpass", askpass, 0o700);
        self
    }

    /// A program in his environment. Whatever wants to ask him something has to use the askpass
    /// program, which writes it down.
    pub fn command(&self, program: &str) -> Command {
        let mut command = match self.is_nobody {
            true => tool::command("setpriv"),
            false => tool::command(program),
        };
        if self.is_nobody {
            command.args([
                "--clear-groups",
                "--reuid",
                "65534",
                "--regid",
                "65534",
                "--",
            ]);
            command.arg(tool::path(program));
        }
        command.env("HOME", self.desk.path());
        command.env("KMIP_P11_CONFIG", &self.configuration);
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command.env("SSH_ASKPASS", self.desk.file("askpass"));
        command.env("SSH_ASKPASS_REQUIRE", "force");
        command.current_dir(self.desk.path());
        command
    }

    /// What he was asked so far, a line for each time.
    pub fn was_asked(&self) -> String {
        self.desk.read("askpass.asked")
    }

    /// `ssh-keygen -D`: the public-key lines of all keys.
    #[track_caller]
    pub fn list(&self) -> Vec<String> {
        let listed = run(self.command("ssh-keygen").arg("-D").arg(&self.module));
        listed.text().lines().map(str::to_owned).collect()
    }

    /// The public-key line of the key called NAME@GROUP, of whatever group.
    #[track_caller]
    pub fn public_key(&self, name: &str) -> String {
        let lines = self.list();
        let found = lines.iter().find(|line| super::name(line) == name);
        found
            .cloned()
            .unwrap_or_else(|| panic!("{name:?} is not in {lines:?}"))
    }

    /// Writes down that `known_hosts` has these lines.
    pub fn knows(&self, lines: &str) {
        self.desk.write("known_hosts", lines);
    }

    /// `ssh` to that sshd, with nothing to identify by: no key files, no agent, no module.
    pub fn ssh(&self, sshd: &Sshd) -> Command {
        self.ssh_with_agent(sshd, "none")
    }

    /// `ssh` to that sshd, by the keys of the agent behind that socket.
    pub fn ssh_with_agent(&self, sshd: &Sshd, socket: &str) -> Command {
        let mut command = self.command("ssh");
        let known_hosts = self.desk.file("known_hosts");
        command.args(["-F", "none", "-T", "-p", &sshd.port().to_string()]);
        for option in [
            &format!("IdentityAgent={socket}"),
            "IdentityFile=none",
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=yes",
            "UpdateHostKeys=no",
            "PreferredAuthentications=publickey",
            &format!("UserKnownHostsFile={}", known_hosts.display()),
        ] {
            command.args(["-o", option]);
        }
        command
    }

    /// `ssh -I` to that sshd.
    pub fn ssh_with_module(&self, sshd: &Sshd) -> Command {
        let mut command = self.ssh(sshd);
        command.arg("-I").arg(&self.module);
        command
    }

    /// Runs a command there, by the keys of the module.
    pub fn login(&self, sshd: &Sshd, options: &[&str], remote: &str) -> Finished {
        let mut ssh = self.ssh_with_module(sshd);
        ssh.args(options);
        run(ssh.arg(sshd.destination()).arg(remote))
    }

    /// A new key pair in two files, the private one's path returned.
    pub fn key_file(&self, name: &str, kind: &str) -> PathBuf {
        new_key_file(&self.desk, name, kind)
    }

    /// `ssh-keygen -s` with the CA key whose public half is in `ca`; the certificate's path.
    pub fn certify(&self, ca: &Path, options: &[&str], subject: &Path) -> PathBuf {
        let mut keygen = self.command("ssh-keygen");
        keygen.arg("-D").arg(library()).arg("-s").arg(ca);
        keygen.args(options);
        let signed = run(keygen.arg(subject.with_extension("pub")));
        assert!(signed.status.success(), "{}", signed.report());
        let name = subject.file_name().expect("a file").to_string_lossy();
        subject.with_file_name(format!("{name}-cert.pub"))
    }

    /// What `ssh-keygen -L` tells of a certificate.
    pub fn certificate_text(&self, certificate: &Path) -> String {
        run(self
            .command("ssh-keygen")
            .arg("-L")
            .arg("-f")
            .arg(certificate))
        .text()
    }
}

/// A key pair made by `ssh-keygen -t KIND`, without passphrase.
pub fn new_key_file(scratch: &Scratch, name: &str, kind: &str) -> PathBuf {
    let path = scratch.file(name);
    let mut keygen = tool::command("ssh-keygen");
    keygen
        .args(["-q", "-N", "", "-C", name, "-t", kind, "-f"])
        .arg(&path);
    run(&mut keygen).text();
    path
}
