//! OpenSSH's programs with keys in an HSM: logins, an agent with its PIN, certificates, host keys; with
//! the module in the program and in a process of its own.

use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::key_word;
use ffi_tests::openssh::name;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::process::run;
use ffi_tests::softhsm::{Configured, LABEL, PIN, SoftHsm, in_a_process};
use ffi_tests::tool;

/// The kinds that every OpenSSH lists.
const KINDS: [&str; 4] = ["p256", "p384", "p521", "rsa"];

fn with_pin_file(lines: &str) -> Configured {
    let hsm = SoftHsm::new().with(&KINDS);
    let slot = hsm.slot_with_pin() + lines;
    hsm.configured(&slot)
}

fn asking() -> Configured {
    let hsm = SoftHsm::new().with(&["p256"]);
    let slot = hsm.slot(LABEL, "hsm.token = \"token\"");
    hsm.configured(&slot)
}

fn names(lines: &[String]) -> Vec<&str> {
    let mut names: Vec<_> = lines.iter().map(|line| name(line)).collect();
    names.sort_unstable();
    names
}

fn logs_in_by_every_key(configured: &Configured) {
    let user = configured.user();
    let lines = user.list();
    assert_eq!(names(&lines), KINDS);
    for line in &lines {
        let sshd = Setup::authorizing(std::slice::from_ref(line)).start();
        user.knows(&sshd.known_hosts());
        let login = user.login(&sshd, &[], "echo logged in");
        assert_eq!(login.text(), "logged in\n", "{line}: {}", sshd.log());
    }
    assert_eq!(user.was_asked(), "");
}

#[test]
fn ssh_logs_in_by_every_kind_of_key() {
    logs_in_by_every_key(&with_pin_file(""));
}

#[test]
fn ssh_logs_in_by_a_module_in_a_process_of_its_own() {
    logs_in_by_every_key(&with_pin_file(&in_a_process("10s")));
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

#[test]
fn a_key_in_an_hsm_signs_certificates() {
    let configured = with_pin_file("");
    let user = configured.user();
    for kind in KINDS {
        let line = user.public_key(kind);
        let ca = user.desk.write(&format!("ca-{kind}.pub"), &line);
        let key = user.key_file(&format!("user-{kind}"), "ed25519");
        let principal = tool::user();
        let options = ["-I", "someone", "-n", &principal, "-V", "-5m:+1h"];
        user.certify(&ca, &options, &key);
        let trusted = user.desk.write("trusted", line);
        let setup = Setup::with_host_key();
        let sshd = setup
            .line(format!("TrustedUserCAKeys {}", trusted.display()))
            .start();
        user.knows(&sshd.known_hosts());
        let mut ssh = user.ssh(&sshd);
        ssh.arg("-i").arg(&key).args(["-o", "BatchMode=yes"]);
        let login = run(ssh.arg(sshd.destination()).arg("echo certified"));
        assert_eq!(login.text(), "certified\n", "{kind}: {}", sshd.log());
    }
}

#[test]
fn sshd_proves_itself_by_keys_in_an_hsm() {
    let configured = with_pin_file("");
    let user = configured.user();
    let agent = Agent::start(&user);
    agent.add_module(&user).text();
    let login_key = user.key_file("login", "ed25519");
    let public = std::fs::read_to_string(login_key.with_extension("pub"));
    let mut setup = Setup::authorizing(&[public.expect("a public key")]);
    setup = setup.without_own_host_key();
    setup = setup.line(format!("HostKeyAgent {}", agent.socket()));
    let lines = agent.list(&user);
    assert_eq!(names(&lines), KINDS);
    for (number, line) in lines.iter().enumerate() {
        let file = user.desk.write(&format!("host_key_{number}"), line);
        setup = setup.line(format!("HostKey {}", file.display()));
    }
    let sshd = setup.start();
    let known: Vec<_> = lines
        .iter()
        .map(|line| format!("{} {line}", sshd.known_as()))
        .collect();
    user.knows(&(known.join("\n") + "\n"));
    for line in &lines {
        let algorithm = match key_word(line) {
            "ssh-rsa" => "rsa-sha2-512",
            ecdsa => ecdsa,
        };
        proves_itself(&user, &sshd, &login_key, algorithm);
    }
    assert!(agent.is_alive());
}

fn proves_itself(
    user: &User,
    sshd: &ffi_tests::openssh::sshd::Sshd,
    key: &std::path::Path,
    algorithm: &str,
) {
    let mut ssh = user.ssh(sshd);
    ssh.arg("-i").arg(key).args(["-o", "BatchMode=yes"]);
    ssh.args(["-o", &format!("HostKeyAlgorithms={algorithm}")]);
    let login = run(ssh.arg(sshd.destination()).arg("echo at home"));
    assert_eq!(login.text(), "at home\n", "{algorithm}: {}", sshd.log());
}
