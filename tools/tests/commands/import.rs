//! `key import`: private keys from files of every form.

use std::path::Path;

use ffi_tests::on_each_server;
use ffi_tests::process::run;
use ffi_tests::scene::Scene;
use ffi_tests::terminal::Terminal;

use crate::person::{Person, word};

/// Name, and how ssh-keygen makes the file. PEM is PKCS#1 for RSA and SEC 1 for ECDSA.
const FORMS: [(&str, &[&str]); 8] = [
    ("rsa-pkcs8", &["-t", "rsa", "-b", "2048", "-m", "PKCS8"]),
    ("rsa-pkcs1", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
    ("rsa-openssh", &["-t", "rsa", "-b", "2048"]),
    ("p256-sec1", &["-t", "ecdsa", "-b", "256", "-m", "PEM"]),
    ("p384-pkcs8", &["-t", "ecdsa", "-b", "384", "-m", "PKCS8"]),
    ("p521-openssh", &["-t", "ecdsa", "-b", "521"]),
    ("ed25519-openssh", &["-t", "ed25519"]),
    ("p521-sec1", &["-t", "ecdsa", "-b", "521", "-m", "PEM"]),
];

/// The passphrase of the files that have one.
const PASSPHRASE: &str = "correct horse 7";

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path of plain characters")
}

/// The type and the key of the line beside a private file, without its comment.
fn public_part(file: &Path) -> String {
    let line = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    line.split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" ")
}

/// `key import` by somebody at a terminal, who types these words when asked.
fn import_typing(person: &Person, name: &str, file: &Path, typed: &[&str]) -> (String, bool) {
    let (name, group) = (person.name(name), person.group.as_str());
    let line = ["key", "import", &name, shown(file), "--group", group];
    let mut terminal = Terminal::start(&person.command(&line));
    for word in typed {
        terminal.wait_until_it_says("Passphrase of ");
        terminal.type_line(word);
    }
    let (text, status) = terminal.end();
    (text, status.success())
}

on_each_server! {
    fn every_form_of_file_becomes_the_same_key_on_the_server(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        for (form, options) in FORMS {
            let file = person.key_file(form, &[options, &["-N", ""]].concat());
            let imported = person.import(form, shown(&file));
            assert!(imported.text().contains("brought to the server"), "{form}");
            assert!(imported.stderr.contains("is still there: remove it"), "{}", imported.report());
            assert!(file.exists());
            let key = person.show(&person.name(form));
            let line = format!("{} {}", public_part(&file), person.name(form));
            assert_eq!(word(&key, "openssh"), line);
            assert_eq!(key["shown"], true, "{key}");
        }
        let lines = person.user.list();
        for (form, _) in FORMS {
            let line = person.show(&person.name(form));
            let line = word(&line, "openssh");
            let listed = lines.iter().any(|listed| listed == line);
            assert!(listed || form.starts_with("ed25519"), "{line} in {lines:?}");
        }
        for form in ["rsa-pkcs8", "rsa-openssh", "p256-sec1", "p521-openssh", "p521-sec1"] {
            let line = person.user.public_key(form);
            assert_eq!(person.login(&line).text(), "logged in\n", "{form}");
        }
    }

    fn a_passphrase_is_asked_for_on_a_terminal_and_a_fix_without(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        for (name, options) in [("openssh", &[][..]), ("pkcs8", &["-m", "PKCS8"])] {
            let options = [&["-t", "ecdsa", "-b", "521", "-N", PASSPHRASE], options].concat();
            let file = person.key_file(name, &options);
            let before = person.everything();
            let alone = person.import(name, shown(&file));
            let complaint = alone.complaint();
            assert!(complaint.contains(shown(&file)), "{complaint}");
            assert!(complaint.contains("no terminal to ask for it"), "{complaint}");
            assert!(complaint.contains("ssh-keygen -p -f COPY"), "{complaint}");

            let (text, done) = import_typing(&person, name, &file, &["wrong"]);
            assert!(!done && text.contains("the passphrase is wrong"), "{text}");
            assert_eq!(person.everything(), before);

            let (text, done) = import_typing(&person, name, &file, &[PASSPHRASE]);
            assert!(done && text.contains("brought to the server"), "{text}");
            assert!(!text.contains(PASSPHRASE), "{text}");
            let key = person.show(&person.name(name));
            assert!(word(&key, "openssh").starts_with(&public_part(&file)), "{key}");
            assert!(person.can_log_in(word(&key, "openssh")));
        }
    }

    /// What the complaint advises works.
    fn the_passphrase_can_be_taken_off_a_copy(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let file = person.key_file("copy", &["-t", "ecdsa", "-N", PASSPHRASE]);
        let mut keygen = person.user.command("ssh-keygen");
        keygen.args(["-q", "-p", "-P", PASSPHRASE, "-N", "", "-f", shown(&file)]);
        run(&mut keygen).text();
        person.import("copy", shown(&file)).text();
    }

    fn a_name_that_is_taken_is_refused_and_nothing_half_made_is_left(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let first = person.key_file("first", &["-t", "ecdsa", "-N", ""]);
        let second = person.key_file("second", &["-t", "rsa", "-b", "2048", "-N", ""]);
        person.import("web", shown(&first)).text();
        let before = person.everything();
        for file in [&first, &second] {
            let again = person.import("web", shown(file));
            assert!(again.complaint().contains("choose another name"), "{}", again.report());
            assert_eq!(again.stdout, b"");
        }
        assert_eq!(person.everything(), before);
    }

    /// Twins have one CKA_ID: programs would take either for the other.
    fn a_key_that_is_there_already_is_refused_under_another_name_too(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let file = person.key_file("twin", &["-t", "ecdsa", "-N", ""]);
        person.import("one", shown(&file)).text();
        let before = person.everything();
        let again = person.import("other", shown(&file));
        let complaint = again.complaint();
        assert!(complaint.contains(&person.name("one")), "{complaint}");
        assert!(complaint.contains("is there already"), "{complaint}");
        assert_eq!(person.everything(), before);
    }

    fn what_is_no_private_key_is_refused_with_what_to_do(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let file = person.key_file("pair", &["-t", "ecdsa", "-N", ""]);
        let public = file.with_extension("pub");
        let putty = person.user.desk.write("key.ppk", "PuTTY-User-Key-File-3: ssh-rsa\n");
        let whole = std::fs::read_to_string(&file).unwrap();
        let cut = person.user.desk.write("cut", &whole[..whole.len() / 2]);
        let before = person.everything();
        for (file, fix) in [
            (public.as_path(), "name the file of the private key"),
            (&putty, "puttygen FILE -O private-openssh"),
            (&cut, "it may have been cut"),
            (Path::new("/nonexistent/key"), "No such file"),
            (Path::new("/dev/null"), "-----BEGIN"),
            (Path::new("/tmp"), "directory"),
        ] {
            let refused = person.import("wrong", shown(file));
            let complaint = refused.complaint();
            assert!(complaint.contains(shown(file)), "{complaint}");
            assert!(complaint.contains(fix), "{complaint}");
            assert_eq!(complaint.lines().count(), 1, "{complaint}");
        }
        assert_eq!(person.everything(), before);
    }

    fn a_file_that_others_may_read_is_warned_of_and_imported(case) {
        let scene = Scene::on(case.server);
        let person = Person::of(&scene);
        let file = person.key_file("open", &["-t", "ecdsa", "-N", ""]);
        let content = std::fs::read(&file).unwrap();
        let file = person.user.desk.write_mode("open", content, 0o644);
        let imported = person.import("open", shown(&file));
        imported.text();
        assert!(imported.stderr.contains("mode 0644"), "{}", imported.report());
    }
}
