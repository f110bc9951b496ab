//! `ssh-add -s`, logins through the agent, and `ssh-add -e`.

use ffi_tests::keys::LOGIN_TYPES;
use ffi_tests::on_each_server;
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::name;
use ffi_tests::openssh::sshd::{Setup, Sshd};
use ffi_tests::openssh::user::User;
use ffi_tests::process::{Finished, run};
use ffi_tests::scene::Scene;

/// A login by the agent's keys alone.
fn login(user: &User, agent: &Agent, sshd: &Sshd, options: &[&str]) -> Finished {
    let mut ssh = user.ssh_with_agent(sshd, agent.socket());
    ssh.args(["-o", "BatchMode=yes"]).args(options);
    run(ssh.arg(sshd.destination()).arg("echo by agent"))
}

fn names(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| name(line)).collect()
}

on_each_server! {
    fn the_agent_logs_in_by_every_type_of_key(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES);
        let user = scene.user();
        let agent = Agent::start(&user);
        let added = agent.add_module(&user);
        assert!(added.status.success(), "{}\n{}", added.report(), agent.log());
        let lines = agent.list(&user);
        let mut found = names(&lines);
        found.sort_unstable();
        assert_eq!(found, ["p256", "p384", "p521", "rsa"]);
        for line in &lines {
            let sshd = Setup::authorizing(std::slice::from_ref(line)).start();
            user.knows(&sshd.known_hosts());
            assert_eq!(login(&user, &agent, &sshd, &[]).text(), "by agent\n", "{line}");
        }
        assert_eq!(user.was_asked(), "");
    }

    fn a_module_can_be_removed_and_added_again(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[1..2]);
        let user = scene.user();
        let agent = Agent::start(&user);
        let sshd = Setup::authorizing(&user.list()).start();
        user.knows(&sshd.known_hosts());
        for round in 0..3 {
            let added = agent.add_module(&user);
            assert!(added.status.success(), "{round}: {}\n{}", added.report(), agent.log());
            assert_eq!(names(&agent.list(&user)), ["p256"], "{round}");
            assert_eq!(login(&user, &agent, &sshd, &[]).text(), "by agent\n", "{round}");
            agent.remove_module(&user).text();
            assert_eq!(agent.list(&user), Vec::<String>::new(), "{round}");
            let without = login(&user, &agent, &sshd, &[]);
            assert!(without.complaint().contains("Permission denied"), "{round}");
        }
        assert!(agent.is_alive());
    }

    fn a_pin_that_nobody_asked_for_does_no_harm(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[1..2]);
        let user = scene.user();
        let agent = Agent::start(&user);
        let mut add = agent.command(&user, "ssh-add");
        let add = add.arg("-s").arg(ffi_tests::module::library());
        let added = ffi_tests::process::run_with_input(add, b"1234\n");
        assert!(added.status.success(), "{}\n{}", added.report(), agent.log());
        assert_eq!(names(&agent.list(&user)), ["p256"]);
    }

    fn the_agent_signs_files_too(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[..2]);
        let user = scene.user();
        let agent = Agent::start(&user);
        agent.add_module(&user).text();
        for line in agent.list(&user) {
            let public = user.desk.write("signer.pub", &line);
            let file = user.desk.write("file", "what is signed");
            let _ = std::fs::remove_file(user.desk.file("file.sig"));
            let mut keygen = agent.command(&user, "ssh-keygen");
            keygen.args(["-Y", "sign", "-n", "file", "-f"]).arg(public).arg(&file);
            run(&mut keygen).text();
            let key = line.rsplit_once(' ').map_or(line.as_str(), |(key, _comment)| key);
            let signers = user.desk.write("signers", format!("me {key}\n"));
            let mut keygen = user.command("ssh-keygen");
            keygen.args(["-Y", "verify", "-n", "file", "-I", "me", "-f"]).arg(signers);
            keygen.arg("-s").arg(user.desk.file("file.sig"));
            let verified = ffi_tests::process::run_with_input(&mut keygen, b"what is signed");
            assert!(verified.text().contains("Good \"file\" signature for me"));
        }
    }
}
