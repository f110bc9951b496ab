//! `ssh-keygen -D` and `ssh -I`: listing the keys, and logging in by them.

use std::collections::HashSet;

use ffi_tests::keys::LOGIN_TYPES;
use ffi_tests::on_each_server;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::openssh::{key_word, name};
use ffi_tests::process::{run, run_with_input};
use ffi_tests::scene::Scene;
use ffi_tests::tool;
use kmip_p11::model::public_key::KeyType;

const ED25519: (&str, KeyType) = ("ed25519", KeyType::Ed25519);

/// How sshd's log names the key by which somebody was let in.
fn accepted(line: &str) -> &'static str {
    match key_word(line) {
        "ssh-rsa" => "RSA",
        "ssh-ed25519" => "ED25519",
        _ => "ECDSA",
    }
}

/// Of a public-key line, as sshd's log shows it.
fn fingerprint(user: &User, line: &str) -> String {
    let mut keygen = user.command("ssh-keygen");
    let shown = run_with_input(keygen.args(["-l", "-f", "-"]), line.as_bytes()).text();
    let word = shown.split_whitespace().nth(1);
    word.expect("bits, fingerprint, comment").to_owned()
}

on_each_server! {
    fn every_key_is_listed_with_its_name_as_comment(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES).with(&[ED25519]);
        let user = scene.user();
        let lines = user.list();
        let found: HashSet<_> = lines.iter().map(|line| (key_word(line), name(line))).collect();
        // OpenSSH 9.2 leaves an Ed25519 key out; newer ones list it.
        let mut expected = HashSet::from([
            ("ssh-rsa", "rsa"),
            ("ecdsa-sha2-nistp256", "p256"),
            ("ecdsa-sha2-nistp384", "p384"),
            ("ecdsa-sha2-nistp521", "p521"),
        ]);
        if lines.len() == 5 {
            expected.insert(("ssh-ed25519", "ed25519"));
        }
        assert_eq!(found, expected);
        assert_eq!(lines.len(), expected.len());
        assert_eq!(user.was_asked(), "");
    }

    fn every_type_of_key_logs_in(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES).with(&[ED25519]);
        let user = scene.user();
        for (wanted, _) in LOGIN_TYPES {
            let line = user.public_key(wanted);
            let sshd = Setup::authorizing(std::slice::from_ref(&line)).start();
            user.knows(&sshd.known_hosts());
            let login = user.login(&sshd, &[], "echo logged in");
            assert_eq!(login.text(), "logged in\n", "{wanted}: {}", sshd.log());
            let by = format!("{} {}", accepted(&line), fingerprint(&user, &line));
            sshd.wait_until_it_says("Accepted publickey");
            assert!(sshd.log().contains(&by), "{wanted}: {by} in {}", sshd.log());
        }
        assert_eq!(user.was_asked(), "");
    }

    fn rsa_signs_by_both_hashes_that_ssh_knows(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[..1]);
        let user = scene.user();
        let sshd = Setup::authorizing(&user.list()).start();
        user.knows(&sshd.known_hosts());
        for algorithm in ["rsa-sha2-256", "rsa-sha2-512"] {
            let only = format!("PubkeyAcceptedAlgorithms={algorithm}");
            let login = user.login(&sshd, &["-v", "-o", &only], "true");
            assert!(login.status.success(), "{algorithm}: {}", login.report());
        }
    }

    fn a_batch_logs_in_and_nobody_is_asked(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[1..2]);
        let user = scene.user();
        let sshd = Setup::authorizing(&user.list()).start();
        user.knows(&sshd.known_hosts());
        let login = user.login(&sshd, &["-o", "BatchMode=yes"], "echo batch");
        assert_eq!(login.text(), "batch\n");
        assert_eq!(user.was_asked(), "");
    }

    fn a_public_key_file_chooses_the_key(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES);
        let user = scene.user();
        let lines = user.list();
        let sshd = Setup::authorizing(&lines).start();
        user.knows(&sshd.known_hosts());
        let wanted = user.public_key("p521");
        let file = user.desk.write("p521.pub", &wanted);
        let file = file.to_str().expect("a plain path");
        user.login(&sshd, &["-i", file, "-o", "IdentitiesOnly=yes"], "true").text();
        let by = fingerprint(&user, &wanted);
        assert!(sshd.log().contains(&format!("Accepted publickey for {} ", tool::user())));
        assert!(sshd.log().contains(&by), "{by} in {}", sshd.log());
    }

    fn no_key_means_no_question_either(case) {
        let scene = Scene::on(case.server);
        let user = scene.user();
        let listed = run(user.command("ssh-keygen").arg("-D").arg(ffi_tests::module::library()));
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "", "{}", listed.report());
        let sshd = Setup::with_host_key().start();
        user.knows(&sshd.known_hosts());
        let login = user.login(&sshd, &[], "true");
        assert!(login.complaint().contains("Permission denied"), "{}", login.report());
        assert_eq!(user.was_asked(), "");
    }

    fn a_key_that_the_host_does_not_know_is_refused_and_ssh_says_so(case) {
        let scene = Scene::on(case.server).with(&LOGIN_TYPES[1..2]);
        let user = scene.user();
        let sshd = Setup::with_host_key().start();
        user.knows(&sshd.known_hosts());
        let login = user.login(&sshd, &[], "true");
        assert_eq!(login.status.code(), Some(255));
        assert!(login.stderr.contains("Permission denied (publickey)"), "{}", login.report());
    }
}
