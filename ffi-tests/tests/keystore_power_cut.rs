//! A keystore whose writers are killed at any point: what was acknowledged is there, whole, and nothing
//! else is half there.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use ffi_tests::here;
use ffi_tests::keystore_scene::KeystoreScene;
use kmip_p11::config::Config;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::{SignInput, SignScheme};
use kmip_p11::token::{self, NewKey};

const WRITES: usize = 1000;

/// Makes keys until it is killed, and acknowledges each.
fn write() -> ! {
    let config = Config::load().expect("the configuration");
    let token = token::open(&config.slots[0]);
    let types = [KeyType::Ed25519, KeyType::Ec(Curve::P256)];
    let own = std::process::id();
    for (number, key_type) in types.into_iter().cycle().enumerate() {
        let made = token.generate(&NewKey::new(format!("key-{own}-{number}"), key_type));
        let key = made.unwrap_or_else(|error| panic!("{error}"));
        let spki = key.public.to_spki().expect("a key of ours");
        let line = format!("made {} {}\n", key.id, spki.len());
        // In one write: whole, or not at all.
        let sent = std::io::stdout().write_all(line.as_bytes());
        sent.and_then(|()| std::io::stdout().flush())
            .expect("a pipe");
    }
    unreachable!("the types never end")
}

/// Lets a writer work until so many acknowledgements and then for so long, and kills it.
fn killed(scene: &KeystoreScene, test: &str, acknowledged: usize, then: Duration) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args([test, "--exact", "--nocapture"]);
    command.env("KMIP_P11_TEST_WRITER", "1");
    command.env("KMIP_P11_CONFIG", scene.configuration.path());
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut ids = vec![];
    let mut id = |line: std::io::Result<String>| {
        let line = line.expect("text");
        let mut words = line.split(' ').skip_while(|word| !word.ends_with("made"));
        ids.extend(words.nth(1).map(str::to_owned));
        ids.len()
    };
    for line in lines.by_ref() {
        if id(line) >= acknowledged {
            break;
        }
    }
    std::thread::sleep(then);
    child.kill().expect("our own child");
    child.wait().expect("our own child");
    for line in lines {
        id(line);
    }
    ids
}

/// A number below `most`, another one each time.
fn any(most: u64) -> u64 {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).expect("randomness");
    u64::from_le_bytes(bytes) % most
}

#[test]
fn a_thousand_writes_survive_kills_at_any_point() {
    if std::env::var_os("KMIP_P11_TEST_WRITER").is_some() {
        write();
    }
    let scene = KeystoreScene::by_file();
    let mut acknowledged = HashSet::new();
    let mut kills = 0;
    while acknowledged.len() < WRITES {
        let writes = any(40) as usize;
        let then = Duration::from_micros(any(8000));
        acknowledged.extend(killed(&scene, here!(), writes, then));
        kills += 1;
    }
    let token = scene.token();
    let found = token.find().unwrap_or_else(|error| panic!("{error}"));
    // Names are the same: what is hidden is hidden for another reason than that it is half.
    assert_eq!(found.hidden, vec![]);
    let there: HashSet<_> = found.keys.iter().map(|key| key.id.0.clone()).collect();
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    for key in &found.keys {
        let scheme = SignScheme::usual(key.public.key_type());
        let signed = token.sign(key, scheme, SignInput::Message(b"m"));
        signed.unwrap_or_else(|error| panic!("{}: {error}", key.id));
    }
    println!(
        "{} keys were acknowledged before {kills} kills; {} are there, each of which signs; {} of them \
         were written and not yet acknowledged",
        acknowledged.len(),
        there.len(),
        there.len() - acknowledged.len()
    );
}
