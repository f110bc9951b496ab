//! No private key and no passphrase is printed or logged, in whatever form.

use ffi_tests::on_each_server;
use ffi_tests::process::{Finished, run};
use ffi_tests::scene::Scene;
use ffi_tests::terminal::Terminal;

use crate::person::Person;

const PASSPHRASE: &str = "tr0ub4dor-and-3";

/// Bytes in each way in which they are usually written.
fn written(bytes: &[u8]) -> [String; 4] {
    let joined = |digits: Vec<String>, between: &str| digits.join(between);
    let digits = |form: fn(&u8) -> String| bytes.iter().map(form).collect::<Vec<_>>();
    [
        joined(digits(|byte| format!("{byte:02x}")), ""),
        joined(digits(|byte| format!("{byte:02X}")), ""),
        joined(digits(|byte| format!("{byte:02x}")), " "),
        joined(digits(|byte| byte.to_string()), ", "),
    ]
}

/// Everything that was said, which must have nothing of these secrets.
#[track_caller]
fn check(said: &[u8], secret: &[u8], pem: &str) {
    let text = String::from_utf8_lossy(said);
    assert!(!text.contains(PASSPHRASE), "{text}");
    assert!(!text.contains("PRIVATE KEY-----"), "{text}");
    for window in secret.windows(8) {
        assert!(
            !said.windows(8).any(|bytes| bytes == window),
            "raw bytes in {text}"
        );
        for form in written(window) {
            assert!(!text.contains(&form), "{form} in {text}");
        }
    }
    let base64 = pem
        .lines()
        .filter(|line| !line.starts_with('-') && line.len() >= 16);
    for line in base64.flat_map(|line| [&line[..16], &line[line.len() - 16..]]) {
        assert!(!text.contains(line), "{line} in {text}");
    }
}

fn both(finished: &Finished) -> Vec<u8> {
    [finished.stdout.as_slice(), finished.stderr.as_bytes()].concat()
}

/// The number that is the private key, of a file that ssh-keygen wrote as PKCS#8 of P-256.
fn scalar(pem: &str) -> Vec<u8> {
    let (label, der) = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap();
    assert_eq!(label, "PRIVATE KEY");
    let before = [0x30, 0x6b, 2, 1, 1, 4, 0x20];
    let start = der
        .windows(before.len())
        .position(|bytes| bytes == before)
        .unwrap();
    der[start + before.len()..][..32].to_vec()
}

/// `key import` by somebody who types the passphrase: all that was on the screen.
fn import_typing(person: &Person, name: &str, file: &str) -> Vec<u8> {
    let name = person.name(name);
    let line = ["key", "import", &name, file, "--group", &person.group];
    let mut terminal = Terminal::start(&person.command(&line));
    terminal.wait_until_it_says("Passphrase of ");
    terminal.type_line(PASSPHRASE);
    let (text, status) = terminal.end();
    assert!(status.success(), "{text}");
    text.into_bytes()
}

on_each_server! {
    fn nothing_secret_is_printed_or_logged(case) {
        let scene = Scene::of(case.server.shared(), |slot| slot.local_use());
        let person = Person::of(&scene);
        let file = person.key_file("key", &["-t", "ecdsa", "-m", "PKCS8", "-N", ""]);
        let pem = std::fs::read_to_string(&file).unwrap();
        let secret = scalar(&pem);
        let path = file.to_str().unwrap();
        let mut said = both(&person.import("plain", path));
        let plain = person.name("plain");
        for line in [
            &["key", "list", "--all", "--json"][..],
            &["key", "show", &plain],
            &["key", "public"],
            &["doctor"],
            &["key", "import", &plain, path],
            &["key", "revoke", &plain],
            &["key", "destroy", &plain, "--yes"],
        ] {
            said.extend(both(&person.kmip_ssh(line)));
        }
        let mut keygen = person.user.command("ssh-keygen");
        keygen.args(["-q", "-p", "-P", "", "-N", PASSPHRASE, "-f", path]);
        run(&mut keygen).text();
        said.extend(both(&person.import("locked", path)));
        said.extend(import_typing(&person, "locked", path));
        let line = person.user.public_key("locked");
        said.extend(both(&person.login(&line)));
        said.extend(scene.configuration.log().bytes());
        assert!(said.len() > 4000, "the log is there as well");
        check(&said, &secret, &pem);
    }
}

/// Else the test above would find nothing, whatever was printed.
#[test]
fn what_is_looked_for_is_found() {
    let secret: Vec<u8> = (40..72).collect();
    let caught = |said: &[u8]| {
        let said = said.to_vec();
        let secret = secret.clone();
        std::panic::catch_unwind(move || check(&said, &secret, "MHcCAQEEIIabcdefgh\n")).is_err()
    };
    assert!(!caught(b"nothing of it: 40 41 42"));
    for form in written(&secret[5..20]) {
        assert!(caught(format!("key: {form}.").as_bytes()), "{form}");
    }
    assert!(caught(&secret[5..20]) && caught(b"MHcCAQEEIIabcdefgh"));
    assert!(caught(PASSPHRASE.as_bytes()));
}
