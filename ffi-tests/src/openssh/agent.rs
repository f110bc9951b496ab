//! An ssh-agent, and what is done with it.

use std::path::PathBuf;
use std::process::Command;

use super::user::User;
use crate::module::library;
use crate::process::{Daemon, Finished, children_of, run};

/// A running agent, ended on drop.
pub struct Agent {
    daemon: Daemon,
    socket: PathBuf,
}

impl Agent {
    /// A new one, in the user's environment. It takes modules from /usr only, unless told otherwise.
    pub fn start(user: &User) -> Self {
        Self::start_as(user, user.command("ssh-agent"), "agent")
    }

    /// The same from a prepared command.
    pub fn start_as(user: &User, mut command: Command, name: &str) -> Self {
        let socket = user.desk.file(name);
        command
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .arg("-P")
            .arg(library());
        let daemon = Daemon::start(&command);
        daemon.wait_until_it_listens_on(&socket);
        Self { daemon, socket }
    }

    /// The variable by which programs find it, or what `IdentityAgent` and `HostKeyAgent` name.
    pub fn socket(&self) -> &str {
        self.socket.to_str().expect("a path of plain characters")
    }

    /// A program that knows the agent. Nobody is asked: `ssh-add -s` wants a PIN whatever the token
    /// says, and takes the end of its input for an empty one.
    pub fn command(&self, user: &User, program: &str) -> Command {
        let mut command = user.command(program);
        command.env("SSH_AUTH_SOCK", &self.socket);
        command.env("SSH_ASKPASS_REQUIRE", "never");
        command
    }

    /// `ssh-add` with these arguments.
    pub fn ssh_add(&self, user: &User, arguments: &[&str]) -> Finished {
        run(self.command(user, "ssh-add").args(arguments))
    }

    /// `ssh-add -s`: the agent loads the module in its helper.
    pub fn add_module(&self, user: &User) -> Finished {
        self.ssh_add(user, &["-s", &library().display().to_string()])
    }

    /// The same by a user who is asked for the PIN.
    pub fn add_module_asking(&self, user: &User) -> Finished {
        let mut command = self.command(user, "ssh-add");
        command.env("SSH_ASKPASS_REQUIRE", "force");
        run(command.arg("-s").arg(library()))
    }

    /// `ssh-add -e`: and unloads it.
    pub fn remove_module(&self, user: &User) -> Finished {
        self.ssh_add(user, &["-e", &library().display().to_string()])
    }

    /// `ssh-add -L`: the public-key lines of what it holds.
    #[track_caller]
    pub fn list(&self, user: &User) -> Vec<String> {
        let listed = self.ssh_add(user, &["-L"]);
        match listed.status.code() {
            Some(1) if listed.stdout.starts_with(b"The agent has no identities") => vec![],
            _ => listed.text().lines().map(str::to_owned).collect(),
        }
    }

    /// What it and its helper wrote.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// True while it runs.
    pub fn is_alive(&self) -> bool {
        self.daemon.is_alive()
    }

    /// The process that has the module in it, if it runs.
    pub fn helper(&self) -> Option<libc::pid_t> {
        children_of(self.daemon.pid()).into_iter().next()
    }

    /// Ends it without a chance to say goodbye.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }
}
