//! sshd whose host keys are on a server, through an agent: `HostKeyAgent`.

use ffi_tests::keys::LOGIN_TYPES;
use ffi_tests::on_each_server;
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::key_word;
use ffi_tests::openssh::sshd::{Setup, Sshd};
use ffi_tests::openssh::user::User;
use ffi_tests::process::{Finished, run};
use ffi_tests::scene::Scene;

/// A login with a key file, to a host that proves itself by one of these algorithms.
fn login(user: &User, sshd: &Sshd, key: &std::path::Path, algorithm: &str) -> Finished {
    let mut ssh = user.ssh(sshd);
    ssh.arg("-v")
        .arg("-i")
        .arg(key)
        .args(["-o", "BatchMode=yes"]);
    ssh.args(["-o", &format!("HostKeyAlgorithms={algorithm}")]);
    run(ssh.arg(sshd.destination()).arg("echo at home"))
}

on_each_server! {
    fn sshd_proves_itself_by_keys_on_the_server(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES);
        let user = scene.user();
        let agent = Agent::start(&user);
        agent.add_module(&user).text();
        let login_key = user.key_file("login", "ed25519");
        let public = std::fs::read_to_string(login_key.with_extension("pub"));
        let mut setup = Setup::authorizing(&[public.expect("a public key")]);
        setup = setup.without_own_host_key();
        setup = setup.line(format!("HostKeyAgent {}", agent.socket()));
        let lines = agent.list(&user);
        for (number, line) in lines.iter().enumerate() {
            // With `.pub` at its end, sshd complains of a private key that everybody can read.
            let file = user.desk.write(&format!("host_key_{number}"), line);
            setup = setup.line(format!("HostKey {}", file.display()));
        }
        let sshd = setup.start();
        let known: Vec<_> = lines.iter().map(|l| format!("{} {l}", sshd.known_as())).collect();
        user.knows(&(known.join("\n") + "\n"));
        for line in &lines {
            let algorithms = match key_word(line) {
                "ssh-rsa" => vec!["rsa-sha2-256", "rsa-sha2-512"],
                ecdsa => vec![ecdsa],
            };
            for algorithm in algorithms {
                let login = login(&user, &sshd, &login_key, algorithm);
                assert_eq!(login.text(), "at home\n", "{algorithm}");
                let by = format!("Server host key: {}", key_word(line));
                assert!(login.stderr.contains(&by), "{by}: {}", login.report());
            }
        }
        assert!(agent.is_alive());
    }

    fn a_host_certificate_goes_with_a_key_on_the_server(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[1..3]);
        let user = scene.user();
        let agent = Agent::start(&user);
        agent.add_module(&user).text();
        let host_key = user.desk.file("host");
        user.desk.write("host.pub", user.public_key("p256"));
        user.desk.write("host", user.public_key("p256"));
        let authority = user.public_key("p384");
        let ca = user.desk.write("ca.pub", &authority);
        let options = ["-h", "-I", "the host", "-n", "127.0.0.1", "-V", "-5m:+1h"];
        let certificate = user.certify(&ca, &options, &host_key);

        let login_key = user.key_file("login", "ed25519");
        let public = std::fs::read_to_string(login_key.with_extension("pub"));
        let mut setup = Setup::authorizing(&[public.expect("a public key")]);
        setup = setup.without_own_host_key();
        setup = setup.line(format!("HostKeyAgent {}", agent.socket()));
        setup = setup.line(format!("HostKey {}", host_key.display()));
        let sshd = setup.line(format!("HostCertificate {}", certificate.display())).start();
        user.knows(&format!("@cert-authority {} {authority}\n", sshd.known_as()));
        let algorithm = "ecdsa-sha2-nistp256-cert-v01@openssh.com";
        let login = login(&user, &sshd, &login_key, algorithm);
        assert_eq!(login.text(), "at home\n", "{}", sshd.log());
        assert!(login.stderr.contains("Server host certificate"), "{}", login.report());
    }
}
