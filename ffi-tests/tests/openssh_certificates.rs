//! `ssh-keygen -s ca.pub -D`: certificates signed by a key on a server, and logins that trust them.

use std::path::PathBuf;

use ffi_tests::keys::LOGIN_TYPES;
use ffi_tests::on_each_server;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::process::run;
use ffi_tests::scene::Scene;
use ffi_tests::tool;

/// The CA's public half in a file, and in a line.
fn authority(user: &User, name: &str) -> (PathBuf, String) {
    let line = user.public_key(name);
    (user.desk.write(&format!("ca-{name}.pub"), &line), line)
}

on_each_server! {
    fn a_user_certificate_by_every_type_of_key_logs_in(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES);
        let user = scene.user();
        for (ca, _) in LOGIN_TYPES {
            let (file, line) = authority(&user, ca);
            let key = user.key_file(&format!("user-{ca}"), "ed25519");
            let principal = tool::user();
            let options = ["-I", "someone", "-n", &principal, "-V", "-5m:+1h", "-z", "77"];
            let certificate = user.certify(&file, &options, &key);
            let text = user.certificate_text(&certificate);
            assert!(text.contains("Serial: 77") && text.contains("user certificate"), "{text}");

            let trusted = user.desk.write("trusted", line);
            let setup = Setup::with_host_key();
            let sshd = setup.line(format!("TrustedUserCAKeys {}", trusted.display())).start();
            user.knows(&sshd.known_hosts());
            let mut ssh = user.ssh(&sshd);
            // What is given on the command line adds to `IdentityFile=none`.
            ssh.arg("-i").arg(&key).args(["-o", "BatchMode=yes"]);
            let login = run(ssh.arg(sshd.destination()).arg("echo certified"));
            assert_eq!(login.text(), "certified\n", "{ca}: {}", sshd.log());
            let by = "ED25519-CERT";
            assert!(sshd.log().contains(by), "{ca}: {}", sshd.log());
            assert!(sshd.log().contains("ID someone (serial 77) CA"), "{ca}: {}", sshd.log());
        }
        assert_eq!(user.was_asked(), "");
    }

    fn rsa_authorities_sign_by_either_hash(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[..1]);
        let user = scene.user();
        let (file, _) = authority(&user, "rsa");
        for algorithm in ["rsa-sha2-256", "rsa-sha2-512"] {
            let key = user.key_file(algorithm, "ed25519");
            let options = ["-t", algorithm, "-I", "someone", "-n", "root"];
            let certificate = user.certify(&file, &options, &key);
            let text = user.certificate_text(&certificate);
            assert!(text.contains(&format!("(using {algorithm})")), "{text}");
        }
    }

    fn a_host_certificate_is_trusted_by_its_authority(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[..2]);
        let user = scene.user();
        for ca in ["rsa", "p256"] {
            let (file, line) = authority(&user, ca);
            let host_key = user.key_file(&format!("host-{ca}"), "ed25519");
            let options = ["-h", "-I", "the host", "-n", "127.0.0.1,localhost", "-V", "-5m:+1h"];
            let certificate = user.certify(&file, &options, &host_key);
            assert!(user.certificate_text(&certificate).contains("host certificate"));

            let login_key = user.key_file(&format!("login-{ca}"), "ed25519");
            let public = std::fs::read_to_string(login_key.with_extension("pub"));
            let mut setup = Setup::authorizing(&[public.expect("a public key")]);
            setup = setup.without_own_host_key();
            setup = setup.line(format!("HostKey {}", host_key.display()));
            let sshd = setup.line(format!("HostCertificate {}", certificate.display())).start();
            user.knows(&format!("@cert-authority {} {line}\n", sshd.known_as()));
            let mut ssh = user.ssh(&sshd);
            ssh.arg("-v").arg("-i").arg(&login_key).args(["-o", "BatchMode=yes"]);
            let login = run(ssh.arg(sshd.destination()).arg("true"));
            assert!(login.status.success(), "{ca}: {}", login.report());
            let by = "Server host certificate: ssh-ed25519-cert-v01@openssh.com";
            assert!(login.stderr.contains(by), "{ca}: {}", login.report());

            user.knows("");
            let mut ssh = user.ssh(&sshd);
            ssh.arg("-i").arg(&login_key).args(["-o", "BatchMode=yes"]);
            let stranger = run(ssh.arg(sshd.destination()).arg("true"));
            let why = "Host key verification failed";
            assert!(stranger.complaint().contains(why), "{}", stranger.report());
        }
    }

    fn a_key_on_the_server_logs_in_by_its_own_certificate(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[1..3]);
        let user = scene.user();
        let (ca, line) = authority(&user, "p384");
        let key = user.desk.file("mine");
        user.desk.write("mine.pub", user.public_key("p256"));
        let principal = tool::user();
        let certificate = user.certify(&ca, &["-I", "mine", "-n", &principal], &key);
        let trusted = user.desk.write("trusted", line);
        let setup = Setup::with_host_key();
        let sshd = setup.line(format!("TrustedUserCAKeys {}", trusted.display())).start();
        user.knows(&sshd.known_hosts());
        let certificate = format!("CertificateFile={}", certificate.display());
        let login = user.login(&sshd, &["-o", &certificate], "echo certified");
        assert_eq!(login.text(), "certified\n", "{}", sshd.log());
        assert!(sshd.log().contains("ECDSA-CERT"), "{}", sshd.log());
    }
}
