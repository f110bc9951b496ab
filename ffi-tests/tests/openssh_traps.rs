//! What has made modules unusable with OpenSSH, or has ended a running agent: seen from outside.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::kmip_server::KmipServer;
use ffi_tests::module::library;
use ffi_tests::oddities::Vandal;
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::sshd::{Setup, Sshd};
use ffi_tests::openssh::user::{User, new_key_file};
use ffi_tests::openssh::{comment, name};
use ffi_tests::process::{is_alive, run, run_with_input, wait_for};
use ffi_tests::scene::Scene;
use ffi_tests::{ServerKind, on_each_server, tool};
use kmip_p11::model::public_key::{Curve, KeyType};

const P256: &[(&str, KeyType)] = &[("p256", KeyType::Ec(Curve::P256))];

fn names(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| name(line)).collect()
}

/// Whether somebody gets in by the agent's keys.
fn gets_in(user: &User, agent: &Agent, sshd: &Sshd) -> bool {
    let mut ssh = user.ssh_with_agent(sshd, agent.socket());
    let ssh = ssh.args(["-o", "BatchMode=yes"]);
    run(ssh.arg(sshd.destination()).arg("true"))
        .status
        .success()
}

/// The other tests say that nobody was asked: this one, that they would know.
#[test]
fn a_question_is_written_down() {
    let user = User::of(&Configuration::of_text(""));
    let mut keygen = user.command("ssh-keygen");
    let secret = user.desk.file("secret");
    keygen
        .args(["-q", "-N", "a passphrase", "-t", "ed25519", "-f"])
        .arg(&secret);
    run(&mut keygen).text();
    run(user.command("ssh-keygen").arg("-y").arg("-f").arg(&secret)).complaint();
    assert!(
        user.was_asked().contains("passphrase"),
        "{}",
        user.was_asked()
    );
}

/// The agent takes modules from its allow-list only, and tells the reason to its own log alone.
#[test]
fn a_module_outside_usr_must_be_allowed_by_the_agent() {
    let user = User::of(&Configuration::of_text(""));
    let mut command = user.command("ssh-agent");
    let socket = user.desk.file("strict");
    command.arg("-d").arg("-a").arg(&socket);
    let agent = ffi_tests::process::Daemon::start(&command);
    agent.wait_until_it_listens_on(&socket);
    let mut add = user.command("ssh-add");
    add.env("SSH_AUTH_SOCK", &socket)
        .env("SSH_ASKPASS_REQUIRE", "never");
    let refused = run(add.arg("-s").arg(library()));
    assert!(
        refused.complaint().contains("agent refused operation"),
        "{}",
        refused.report()
    );
    agent.wait_until_it_says("provider not allowed");
}

on_each_server! {
    fn a_key_on_another_curve_is_hidden_and_the_agent_lives(case) {
        let scene = Scene::on(case.server).with(P256);
        let vandal = Vandal::on(case.server, &scene.group);
        vandal.register_ec_pair(&format!("koblitz@{}", scene.group), "secp256k1", 256);
        let user = scene.user();
        assert_eq!(names(&user.list()), ["p256"]);
        let agent = Agent::start(&user);
        agent.add_module(&user).text();
        assert_eq!(names(&agent.list(&user)), ["p256"]);
        assert!(agent.is_alive());
        let log = scene.configuration.log();
        assert!(log.contains("only P-256, P-384 and P-521 can"), "hidden, but not without a word:\n{log}");
    }

    fn odd_names_make_one_line_each(case) {
        let scene = Scene::on(case.server).with(P256);
        let vandal = Vandal::on(case.server, &scene.group);
        let evil = format!("evil@{}\nssh-ed25519 AAAA injected", scene.group);
        vandal.register_ec_pair(&evil, "P-256", 256);
        vandal.register_ec_pair(&format!("long@{}{}", scene.group, "x".repeat(400)), "P-384", 384);
        let user = scene.user();
        let lines = user.list();
        assert_eq!(names(&lines), ["evil", "long", "p256"]);
        assert!(lines.iter().all(|line| line.starts_with("ecdsa-sha2-nistp")), "{lines:?}");
        let long = lines.iter().find(|line| name(line) == "long");
        assert_eq!(long.map(|line| comment(line).len()), Some(255));
        let agent = Agent::start(&user);
        agent.add_module(&user).text();
        assert_eq!(agent.list(&user).len(), 3);
    }

    fn a_stream_through_ssh_is_the_hosts_to_the_byte(case) {
        let scene = Scene::on(case.server).with(P256);
        let user = scene.user();
        let sshd = Setup::authorizing(&user.list()).start();
        user.knows(&sshd.known_hosts());
        let data: Vec<u8> = (0..1_000_000_u32).map(|n| (n.wrapping_mul(n) >> 7) as u8).collect();
        let mut ssh = user.ssh_with_module(&sshd);
        let through = run_with_input(ssh.arg(sshd.destination()).arg("cat"), &data);
        assert!(through.status.success(), "{}", through.stderr);
        assert!(through.stdout == data, "{} bytes came back", through.stdout.len());
        assert_eq!(through.stderr, "");
    }

    fn many_keys_keep_their_order_and_a_filter_finds_the_one(case) {
        let keys: Vec<_> = (0..8).map(|number| format!("key{number}")).collect();
        let keys: Vec<_> = keys.iter().map(|name| (name.as_str(), P256[0].1)).collect();
        let scene = Scene::on(case.server).with(&keys);
        let user = scene.user();
        let lines = user.list();
        let order: Vec<_> = keys.iter().map(|(name, _)| *name).collect();
        assert_eq!(names(&lines), order);
        assert_eq!(user.list(), lines);

        let sshd = Setup::authorizing(&lines[7..]).start();
        user.knows(&sshd.known_hosts());
        let lost = user.login(&sshd, &[], "true");
        assert!(lost.complaint().contains("Too many authentication failures"));

        let narrow = Configuration::new(&[scene.slot().names(&["key7@*"])]);
        let user = User::of(&narrow);
        user.knows(&sshd.known_hosts());
        assert_eq!(user.list(), lines[7..]);
        user.login(&sshd, &[], "true").text();
    }

    fn a_killed_helper_and_a_killed_agent_leave_nothing_bad(case) {
        let scene = Scene::on(case.server).with(P256);
        let user = scene.user();
        let sshd = Setup::authorizing(&user.list()).start();
        user.knows(&sshd.known_hosts());
        let mut agent = Agent::start(&user);
        agent.add_module(&user).text();
        assert!(gets_in(&user, &agent, &sshd));
        let helper = agent.helper().expect("the helper runs");
        // SAFETY: kill takes numbers only; the agent has not waited for its helper yet.
        unsafe { libc::kill(helper, libc::SIGKILL) };
        let gone = wait_for(Duration::from_secs(10), || (!is_alive(helper)).then_some(()));
        assert!(gone.is_some());
        agent.kill();
        let agent = Agent::start_as(&user, user.command("ssh-agent"), "second");
        agent.add_module(&user).text();
        assert!(gets_in(&user, &agent, &sshd));
    }

    fn neither_home_nor_directory_nor_terminal_nor_standard_error_is_needed(case) {
        let scene = Scene::on(case.server).with(P256);
        let user = scene.user();
        let lines = user.list();
        let bare = |program: &str| {
            let mut command = tool::command("setsid");
            command.env("KMIP_P11_CONFIG", scene.configuration.path());
            command.current_dir("/");
            let script = format!("exec {program} <&- 2>&-");
            command.args(["--wait", "sh", "-c", &script, "sh"]).arg(library());
            command
        };
        let listed = run(&mut bare("ssh-keygen -D \"$1\"")).text();
        assert_eq!(listed.lines().collect::<Vec<_>>(), lines);

        let sshd = Setup::authorizing(&lines).start();
        user.knows(&sshd.known_hosts());
        let known = user.desk.file("known_hosts");
        let ssh = format!(
            "ssh -F none -p {} -o UserKnownHostsFile={} -o IdentityFile=none -I \"$1\" {} echo in",
            sshd.port(),
            known.display(),
            sshd.destination()
        );
        assert_eq!(run(&mut bare(&ssh)).text(), "in\n");
    }

    fn the_users_own_configuration_is_found_without_a_variable(case) {
        let scene = Scene::on(case.server).with(P256);
        let user = scene.user();
        let expected = user.list();
        let folder = user.desk.file(".config/kmip-p11");
        std::fs::create_dir_all(&folder).expect("our own directory");
        std::fs::copy(scene.configuration.path(), folder.join("config.toml")).expect("a copy");
        let mut keygen = user.command("ssh-keygen");
        let listed = run(keygen.env_remove("KMIP_P11_CONFIG").arg("-D").arg(library()));
        assert_eq!(listed.text().lines().collect::<Vec<_>>(), expected);
    }

    fn an_agent_outlives_a_restart_of_the_server(case) {
        let server = KmipServer::start(case.server);
        let scene = Scene::at(&server, case.server).with(P256);
        let user = scene.user();
        let sshd = Setup::authorizing(&user.list()).start();
        user.knows(&sshd.known_hosts());
        let agent = Agent::start(&user);
        agent.add_module(&user).text();
        for round in 0..2 {
            assert!(gets_in(&user, &agent, &sshd), "{round}");
            server.stop();
            assert!(!gets_in(&user, &agent, &sshd), "{round}");
            server.start_again();
        }
        assert!(gets_in(&user, &agent, &sshd), "{}", scene.configuration.log());
    }

    fn a_server_that_is_down_or_silent_hides_no_other_slot(case) {
        let scene = Scene::on(case.server).with(P256);
        let mut nowhere = case.server.shared().endpoint("alice");
        nowhere.address = "127.0.0.1:1".to_owned();
        // It takes connections, and never says a word.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let mut silent = nowhere.clone();
        silent.address = listener.local_addr().expect("a bound socket").to_string();
        let configuration = Configuration::new(&[
            SlotEntry::new("down", nowhere).deadline("1s"),
            SlotEntry::new("silent", silent).deadline("1s"),
            scene.slot(),
        ]);
        let user = User::of(&configuration);
        let listed = run(user.command("ssh-keygen").arg("-D").arg(library()));
        let lines: Vec<_> = listed.text().lines().map(str::to_owned).collect();
        assert_eq!(names(&lines), ["p256"]);
        assert!(listed.took < Duration::from_secs(6), "{:?}", listed.took);
        let sshd = Setup::authorizing(&lines).start();
        user.knows(&sshd.known_hosts());
        user.login(&sshd, &[], "true").text();
        assert_eq!(user.was_asked(), "");
        let log = configuration.log();
        for label in ["\"down\"", "\"silent\""] {
            assert!(log.contains(label), "{label} is not in the log:\n{log}");
        }
    }
}

#[test]
fn a_signature_that_fails_is_told_and_the_next_key_is_tried() {
    let server = ServerKind::PyKmip;
    let rsa = &[("rsa", KeyType::Rsa(2048))];
    let refuses = Scene::of(server.shared(), |slot| slot.line("cache.ttl = \"60s\"")).with(rsa);
    let signs = Scene::on(server).with(rsa);
    let relabelled = SlotEntry::new("refuses", server.shared().endpoint("alice"));
    let configuration = Configuration::new(&[relabelled.group(&refuses.group), signs.slot()]);
    let user = User::of(&configuration);
    let lines = user.list();
    assert_eq!(names(&lines), ["rsa", "rsa"]);
    let sshd = Setup::authorizing(&lines).start();
    user.knows(&sshd.known_hosts());
    let login = user.login(&sshd, &[], "echo in");
    assert_eq!(login.text(), "in\n");
    assert!(
        login.stderr.contains("C_Sign failed: "),
        "{}",
        login.report()
    );
}

/// A login by a file shows that the sshd of these tests is an ordinary one.
#[test]
fn a_key_file_logs_in_too() {
    let user = User::of(&Configuration::of_text(""));
    let key = new_key_file(&user.desk, "file", "ed25519");
    let public = std::fs::read_to_string(key.with_extension("pub")).expect("a public key");
    let sshd = Setup::authorizing(&[public]).start();
    user.knows(&sshd.known_hosts());
    let ssh: &mut Command = &mut user.ssh(&sshd);
    run(ssh.arg("-i").arg(&key).arg(sshd.destination()).arg("true")).text();
}
