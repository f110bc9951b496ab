//! git: commits signed by a key of the slot, directly and by an agent.

use std::process::Command;

use ffi_tests::here;
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::user::User;
use ffi_tests::process::run;

use super::{P256, line_with, on_cosmian};

fn git(user: &User, mut command: Command, line: &[&str]) -> String {
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(user.desk.path());
    let finished = run(command.args(line));
    finished.text() + &finished.stderr
}

#[test]
fn a_commit_is_signed_by_an_agent_and_verifies() {
    let Some(desk) = on_cosmian(here!(), &[P256]) else {
        return;
    };
    let user = &desk.user;
    let agent = Agent::start(user);
    agent.add_module(user).text();
    let public = agent.list(user).remove(0);
    user.desk
        .write("signers", format!("someone@example.org {public}"));
    let config = format!(
        "[user]\nname = Someone\nemail = someone@example.org\nsigningkey = key::{public}\n[gpg]\nformat = ssh\n\
         [gpg \"ssh\"]\nallowedSignersFile = {}\n[init]\ndefaultBranch = main\n",
        user.desk.file("signers").display()
    );
    user.desk.write(".gitconfig", config);
    let plain = |line: &[&str]| git(user, user.command("git"), line);
    plain(&["init", "-q", "repository"]);
    let commit = [
        "-C",
        "repository",
        "commit",
        "-q",
        "-S",
        "--allow-empty",
        "-m",
        "signed",
    ];
    git(user, agent.command(user, "git"), &commit);
    let shown = plain(&["-C", "repository", "log", "--show-signature", "-1"]);
    line_with(
        &shown,
        "Good \"git\" signature for someone@example.org with ECDSA",
    );
}
