//! OpenSSH's flows on every kind of place that is no KMIP server: what the other openssh_* tests hold for those.

use std::path::Path;
use std::time::Duration;

use ffi_tests::here;
use ffi_tests::keys::LOGIN_TYPES;
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::key_word;
use ffi_tests::openssh::name;
use ffi_tests::openssh::sshd::{Setup, Sshd};
use ffi_tests::openssh::user::User;
use ffi_tests::own_process::alone_within;
use ffi_tests::place::{Furnished, Kind};
use ffi_tests::process::{Finished, run};
use ffi_tests::tool;

/// Much more than a flow takes.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs a flow on that kind: a place that has to be set up in surroundings of its own gets them.
fn on(kind: Kind, test: &str, flow: fn(Kind)) {
    if !kind.is_wanted(test) {
        return;
    }
    match kind {
        Kind::Delivered => alone_within(LIMIT, test, || kind.surroundings(1), || flow(kind)),
        _ => flow(kind),
    }
}

/// A place with a key of every type that can log in.
fn furnished(kind: Kind) -> Furnished {
    Furnished::empty(kind).with(&LOGIN_TYPES)
}

/// `ssh-keygen -D` lists all keys, and `ssh -I` logs in by each.
fn every_key_logs_in(kind: Kind) {
    let place = furnished(kind);
    let user = place.user();
    let lines = user.list();
    assert_eq!(lines.len(), LOGIN_TYPES.len(), "{lines:?}");
    for (wanted, _) in LOGIN_TYPES {
        let line = user.public_key(wanted);
        let sshd = Setup::authorizing(std::slice::from_ref(&line)).start();
        user.knows(&sshd.known_hosts());
        let login = user.login(&sshd, &[], "echo logged in");
        assert_eq!(login.text(), "logged in\n", "{wanted}: {}", sshd.log());
    }
    assert_eq!(user.was_asked(), "");
}

/// `ssh-add -s`, a login by each of the agent's keys, and `ssh-add -e`.
fn the_agent_logs_in(kind: Kind) {
    let place = furnished(kind);
    let user = place.user();
    let agent = Agent::start(&user);
    let added = agent.add_module(&user);
    assert!(
        added.status.success(),
        "{}\n{}",
        added.report(),
        agent.log()
    );
    let lines = agent.list(&user);
    let mut names: Vec<_> = lines.iter().map(|line| name(line)).collect();
    names.sort_unstable();
    assert_eq!(names, ["p256", "p384", "p521", "rsa"]);
    for line in &lines {
        let sshd = Setup::authorizing(std::slice::from_ref(line)).start();
        user.knows(&sshd.known_hosts());
        let mut ssh = user.ssh_with_agent(&sshd, agent.socket());
        ssh.args(["-o", "BatchMode=yes"]);
        let login = run(ssh.arg(sshd.destination()).arg("echo by agent"));
        assert_eq!(login.text(), "by agent\n", "{line}");
    }
    agent.remove_module(&user).text();
    assert_eq!(agent.list(&user), Vec::<String>::new());
}

/// A login with a key file; what else ssh is told stands in `options`.
fn login_by_file(user: &User, sshd: &Sshd, key: &Path, options: &[&str]) -> Finished {
    let mut ssh = user.ssh(sshd);
    ssh.arg("-v").arg("-i").arg(key);
    ssh.args(["-o", "BatchMode=yes"]).args(options);
    run(ssh.arg(sshd.destination()).arg("echo certified"))
}

/// `ssh-keygen -s ca.pub -D`, and a login by the certificate.
fn every_key_certifies(kind: Kind) {
    let place = furnished(kind);
    let user = place.user();
    for (ca, _) in LOGIN_TYPES {
        let line = user.public_key(ca);
        let file = user.desk.write(&format!("ca-{ca}.pub"), &line);
        let key = user.key_file(&format!("user-{ca}"), "ed25519");
        let principal = tool::user();
        user.certify(&file, &["-I", "someone", "-n", &principal], &key);
        let trusted = user.desk.write("trusted", line);
        let trusted = format!("TrustedUserCAKeys {}", trusted.display());
        let sshd = Setup::with_host_key().line(trusted).start();
        user.knows(&sshd.known_hosts());
        let login = login_by_file(&user, &sshd, &key, &[]);
        assert_eq!(login.text(), "certified\n", "{ca}: {}", sshd.log());
        assert!(sshd.log().contains("ED25519-CERT"), "{ca}: {}", sshd.log());
    }
}

/// `HostKeyAgent`: sshd proves itself by each of the keys.
fn every_key_is_a_host_key(kind: Kind) {
    let place = furnished(kind);
    let user = place.user();
    let agent = Agent::start(&user);
    agent.add_module(&user).text();
    let key = user.key_file("login", "ed25519");
    let public = std::fs::read_to_string(key.with_extension("pub"));
    let setup = Setup::authorizing(&[public.expect("a public key")]).without_own_host_key();
    let mut setup = setup.line(format!("HostKeyAgent {}", agent.socket()));
    let lines = agent.list(&user);
    for (number, line) in lines.iter().enumerate() {
        let file = user.desk.write(&format!("host_key_{number}"), line);
        setup = setup.line(format!("HostKey {}", file.display()));
    }
    let sshd = setup.start();
    let known = lines
        .iter()
        .map(|line| format!("{} {line}\n", sshd.known_as()));
    user.knows(&known.collect::<String>());
    for line in &lines {
        let algorithm = match key_word(line) {
            "ssh-rsa" => "rsa-sha2-512",
            ecdsa => ecdsa,
        };
        let only = format!("HostKeyAlgorithms={algorithm}");
        let login = login_by_file(&user, &sshd, &key, &["-o", &only]);
        assert_eq!(login.text(), "certified\n", "{algorithm}: {}", sshd.log());
    }
}

/// The four flows on each kind.
macro_rules! flows {
    ($($module:ident: $kind:expr;)*) => { $(
        mod $module {
            use super::*;

            #[test]
            fn every_key_logs_in() {
                on($kind, here!(), super::every_key_logs_in);
            }

            #[test]
            fn the_agent_logs_in() {
                on($kind, here!(), super::the_agent_logs_in);
            }

            #[test]
            fn every_key_certifies() {
                on($kind, here!(), super::every_key_certifies);
            }

            #[test]
            fn every_key_is_a_host_key() {
                on($kind, here!(), super::every_key_is_a_host_key);
            }
        }
    )* };
}

flows! {
    hsm: Kind::Hsm;
    hsm_process: Kind::HsmProcess;
    kryoptic: Kind::Kryoptic;
    kryoptic_process: Kind::KryopticProcess;
    delivered: Kind::Delivered;
    keystore_sqlite: Kind::KeystoreSqlite;
    keystore_postgres: Kind::KeystorePostgres;
}
