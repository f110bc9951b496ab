//! OpenSSH's programs before a slot that asks for a PIN: logins, listings, agents, and wrong PINs.

use ffi_tests::locked::{Locked, PIN};
use ffi_tests::module::library;
use ffi_tests::on_each_server;
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::name;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::process::run;
use kmip_p11::model::public_key::{Curve, KeyType};

const P256: KeyType = KeyType::Ec(Curve::P256);
const QUESTION: &str = "Enter PIN for 'ssh keys': \n";

fn locked(case: ffi_tests::Case) -> Locked {
    let locked = Locked::on(case);
    locked.scene.make("web", P256);
    locked
}

on_each_server! {
    fn ssh_asks_for_the_pin_and_logs_in(case) {
        let locked = locked(case);
        let user = locked.user(PIN);
        let lines = user.list();
        assert_eq!(lines.iter().map(|line| name(line)).collect::<Vec<_>>(), ["web"]);
        assert_eq!(user.was_asked(), QUESTION, "ssh-keygen -D asks once");
        let sshd = Setup::authorizing(&lines).start();
        user.knows(&sshd.known_hosts());
        let login = user.login(&sshd, &[], "echo logged in");
        assert_eq!(login.text(), "logged in\n", "{}\n{}", login.report(), sshd.log());
        assert_eq!(user.was_asked(), QUESTION.repeat(2), "ssh -I asks once");
    }

    fn a_wrong_pin_is_called_so(case) {
        let locked = locked(case);
        let user = locked.user("open barley");
        let mut keygen = user.command("ssh-keygen");
        let listed = run(keygen.arg("-D").arg(library()));
        assert!(listed.stdout.is_empty(), "{}", listed.report());
        assert!(listed.stderr.contains("PIN incorrect"), "{}", listed.report());
        assert_eq!(user.was_asked(), QUESTION);
        let log = locked.configuration.log();
        assert!(log.contains("that this passphrase does not open"), "{log}");
        assert!(!log.contains("barley"), "{log}");
    }

    fn an_agent_gets_the_pin_from_ssh_add_and_logs_in(case) {
        let locked = locked(case);
        let user = locked.user("open barley");
        let agent = Agent::start(&user);
        let refused = agent.add_module_asking(&user);
        assert!(!refused.status.success(), "{}", refused.report());
        assert_eq!(user.was_asked(), "Enter passphrase for PKCS#11: \n");
        assert_eq!(agent.list(&user), Vec::<String>::new());
        let user = user.answering(PIN);
        let added = agent.add_module_asking(&user);
        assert!(added.status.success(), "{}\n{}", added.report(), agent.log());
        let lines = agent.list(&user);
        assert_eq!(lines.iter().map(|line| name(line)).collect::<Vec<_>>(), ["web"]);
        let sshd = Setup::authorizing(&lines).start();
        user.knows(&sshd.known_hosts());
        for _ in 0..2 {
            let mut ssh = user.ssh_with_agent(&sshd, agent.socket());
            let login = run(ssh.arg(sshd.destination()).arg("echo by agent"));
            assert_eq!(login.text(), "by agent\n", "{}", agent.log());
        }
        assert!(agent.is_alive());
    }
}
