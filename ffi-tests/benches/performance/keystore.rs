//! C_Sign by the keys of a keystore beside `openssl speed` on the same machine, in turns.
//!
//! Both are counted by the clock on the wall, and of several rounds the best one counts: what else the
//! machine does slows both, and not always both alike.

use std::process::Command;
use std::time::{Duration, Instant};

use cryptoki_sys::{CK_MECHANISM_TYPE, CKM_ECDSA, CKM_EDDSA, CKM_RSA_PKCS};
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::module::Module;
use ffi_tests::own_process::Surroundings;
use ffi_tests::process::run;
use ffi_tests::scene::LABEL;
use ffi_tests::session::Session;
use ffi_tests::tool;
use kmip_p11::model::public_key::{Curve, KeyType};

use crate::signing::SHA256_DIGEST_INFO;
use crate::table::{Measured, ValueRow};

/// C_Sign has to reach so much of openssl's rate.
const LEAST: f64 = 0.9;
const ROUNDS: usize = 3;
const LASTS: Duration = Duration::from_secs(1);
/// Which key, and by how many threads, for a process that measures.
const WHAT: &str = "KMIP_P11_BENCH_KEYSTORE";

struct Kind {
    name: &'static str,
    key_type: KeyType,
    mechanism: CK_MECHANISM_TYPE,
    /// How openssl calls it, and how its machine-readable line of the results begins.
    openssl: (&'static str, &'static str),
    /// Which field of that line is signatures a second.
    field: usize,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "rsa",
        key_type: KeyType::Rsa(2048),
        mechanism: CKM_RSA_PKCS,
        openssl: ("rsa2048", "+F2:"),
        field: 3,
    },
    Kind {
        name: "p256",
        key_type: KeyType::Ec(Curve::P256),
        mechanism: CKM_ECDSA,
        openssl: ("ecdsap256", "+F4:"),
        field: 3,
    },
    Kind {
        name: "ed25519",
        key_type: KeyType::Ed25519,
        mechanism: CKM_EDDSA,
        openssl: ("ed25519", "+F6:"),
        field: 4,
    },
];

/// All of them.
pub fn rows() -> Vec<ValueRow> {
    let keys = KINDS.map(|kind| (kind.name, kind.key_type));
    let scene = KeystoreScene::by_file().with(&keys);
    let mut rows = vec![];
    for kind in &KINDS {
        rows.extend([1, 2].map(|threads| row(&scene, kind, threads)));
    }
    rows
}

fn row(scene: &KeystoreScene, kind: &Kind, threads: usize) -> ValueRow {
    let rounds = (0..ROUNDS).map(|_| (ours(scene, kind, threads), openssls(kind, threads)));
    let (ours, openssls): (Vec<_>, Vec<_>) = rounds.unzip();
    let best = |rates: Vec<f64>| rates.into_iter().fold(0.0, f64::max);
    let (ours, openssls) = (best(ours), best(openssls));
    let ratio = ours / openssls;
    ValueRow {
        what: format!(
            "C_Sign / openssl speed, keystore, {}, threads: {threads}",
            kind.key_type
        ),
        measured: Measured::Here(format!("{ratio:.2} ({ours:.0} / {openssls:.0} a second)")),
        target: Some((format!(">= {LEAST}"), ratio >= LEAST)),
    }
}

/// In a process of its own, as openssl is one.
fn ours(scene: &KeystoreScene, kind: &Kind, threads: usize) -> f64 {
    let mut command = crate::inside("keystore signatures");
    command.envs(scene.environment());
    command.env(WHAT, format!("{} {threads}", kind.name));
    number(&run(&mut command).text())
}

fn openssls(kind: &Kind, threads: usize) -> f64 {
    let (algorithm, start) = kind.openssl;
    let mut command: Command = tool::command("openssl");
    command.args(["speed", "-mr", "-elapsed", "-seconds", "1"]);
    if threads > 1 {
        command.args(["-multi", &threads.to_string()]);
    }
    let told = run(command.arg(algorithm)).text();
    let line = told.lines().find(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no {start} in {told}"));
    number(line.split(':').nth(kind.field).expect("a field"))
}

fn number(text: &str) -> f64 {
    let text = text.trim();
    text.parse().unwrap_or_else(|_| panic!("{text:?}"))
}

/// Prints how many signatures were made in a second.
pub fn sign_here() {
    let what = std::env::var(WHAT).expect("what to measure");
    let (name, threads) = what.split_once(' ').expect("a name and a number");
    let kind = KINDS.iter().find(|kind| kind.name == name).expect("a kind");
    let module = Module::initialized();
    let threads: usize = threads.parse().expect("a number");
    let rates: f64 = std::thread::scope(|scope| {
        let measured: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| rate(&module, kind)))
            .collect();
        let rates = measured.into_iter().map(|it| it.join().expect("a rate"));
        rates.sum()
    });
    println!("{rates}");
}

fn rate(module: &Module, kind: &Kind) -> f64 {
    let session = Session::open(module, module.slot(LABEL)).expect("a session");
    let key = session.private_key(kind.name);
    let digest = [7; 32];
    let input = match kind.key_type {
        KeyType::Rsa(_) => [&SHA256_DIGEST_INFO[..], &digest].concat(),
        _ => digest.to_vec(),
    };
    let sign = || {
        session.sign_init(kind.mechanism, key).expect("C_SignInit");
        session.sign_into(&input, 256).expect("C_Sign");
    };
    sign();
    let start = Instant::now();
    let mut made = 0;
    while start.elapsed() < LASTS {
        (0..8).for_each(|_| sign());
        made += 8;
    }
    f64::from(made) / start.elapsed().as_secs_f64()
}
