//! OpenSSH's programs with keys in an HSM whose PIN they ask for; all else of them is in openssh_kinds.

use ffi_tests::hsm::{Configured, Hsm, LABEL, PIN};
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::name;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::process::run;

fn asking() -> Configured {
    let hsm = Hsm::soft().with(&["p256"]);
    let slot = hsm.slot(LABEL, "hsm.token = \"token\"");
    hsm.configured(&slot)
}

fn names(lines: &[String]) -> Vec<&str> {
    let mut names: Vec<_> = lines.iter().map(|line| name(line)).collect();
    names.sort_unstable();
    names
}

#[test]
fn ssh_asks_for_the_pin_and_logs_in() {
    let configured = asking();
    let user = configured.user().answering(PIN);
    // Public keys are shown before the login: nobody is asked for a listing.
    let lines = user.list();
    assert_eq!(names(&lines), ["p256"]);
    assert_eq!(user.was_asked(), "");
    let sshd = Setup::authorizing(&lines).start();
    user.knows(&sshd.known_hosts());
    let login = user.login(&sshd, &[], "echo logged in");
    assert_eq!(
        login.text(),
        "logged in\n",
        "{}\n{}",
        login.report(),
        sshd.log()
    );
    let asked = user.was_asked();
    assert!(
        asked.contains("Enter PIN for 'hsm'") && asked.lines().count() == 1,
        "{asked}"
    );
}

#[test]
fn an_agent_gets_the_pin_from_ssh_add() {
    let configured = asking();
    let user = configured.user().answering("not the PIN");
    let agent = Agent::start(&user);
    assert!(!agent.add_module_asking(&user).status.success());
    let user = user.answering(PIN);
    let added = agent.add_module_asking(&user);
    assert!(
        added.status.success(),
        "{}\n{}",
        added.report(),
        agent.log()
    );
    let lines = agent.list(&user);
    assert_eq!(names(&lines), ["p256"]);
    let sshd = Setup::authorizing(&lines).start();
    user.knows(&sshd.known_hosts());
    for _ in 0..2 {
        let mut ssh = user.ssh_with_agent(&sshd, agent.socket());
        let login = run(ssh.arg(sshd.destination()).arg("echo by agent"));
        assert_eq!(login.text(), "by agent\n", "{}", agent.log());
    }
    agent.remove_module(&user).text();
    assert!(agent.is_alive() && agent.list(&user).is_empty());
}
