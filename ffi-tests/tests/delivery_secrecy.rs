//! Where the plaintext of a delivered private key is, and where it is not: scans of the memory of a process that uses it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use ffi_tests::delivery::{Delivery, Ends};
use ffi_tests::hsm::in_a_process;
use ffi_tests::memory_scan::{Needle, look, within};
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::user::User;
use ffi_tests::own_process::alone;
use ffi_tests::process::{children_of, run};
use ffi_tests::scene::Scene;
use ffi_tests::{ServerKind, here};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::model::public_key::{Curve, KeyType, PublicKey};

/// Signatures that are made while the memory is looked at.
const SIGNATURES: usize = 30;

/// A key, and all by which its plaintext would be known.
struct Known {
    private: PrivateKey,
    needles: Vec<Needle>,
}

/// The contents of a DER item, and what comes after it.
fn item(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match der[1] {
        short @ ..=0x7f => (short.into(), 2),
        0x81 => (der[2].into(), 3),
        0x82 => (usize::from(der[2]) << 8 | usize::from(der[3]), 4),
        other => panic!("a length of {other:#x}"),
    };
    der[start..].split_at(length)
}

/// The contents of the item in that place of a sequence.
fn nth(sequence: &[u8], place: usize) -> &[u8] {
    let mut rest = item(sequence).0;
    for _ in 0..place {
        rest = item(rest).1;
    }
    item(rest).0
}

fn number(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(&[0]).unwrap_or(bytes)
}

impl Known {
    fn new(key_type: KeyType) -> Self {
        let private = PrivateKey::generate(key_type).expect("a usual type");
        let pkcs8 = private.to_pkcs8().expect("its encoding");
        let inner = nth(&pkcs8, 2);
        // ECPrivateKey is version, d; RSAPrivateKey is version, n, e, d, p, q.
        let secret: &[(&str, usize)] = match key_type {
            KeyType::Rsa(_) => &[("d", 3), ("p", 4), ("q", 5)],
            _ => &[("d", 1)],
        };
        let mut needles = vec![Needle::bytes("the encoded key", inner)];
        for (name, place) in secret {
            needles.extend(Needle::number(name, number(nth(inner, *place))));
        }
        Self { private, needles }
    }

    /// What of its public half surely is in the memory of who uses it.
    fn canary(&self) -> Needle {
        match self.private.public() {
            PublicKey::Rsa { modulus, .. } => Needle::bytes("n", modulus),
            PublicKey::Ec { point, .. } => Needle::bytes("x", &point[1..33]),
            PublicKey::Ed25519(bytes) => Needle::bytes("A", bytes),
            PublicKey::MlDsa { bytes, .. } => Needle::bytes("pk", bytes),
        }
    }
}

/// What was seen of a key in a process while it signed, and afterwards.
#[derive(Debug, Default)]
struct Seen {
    during: BTreeSet<String>,
    after: BTreeSet<String>,
    looks: usize,
}

impl Seen {
    fn look(&mut self, process: libc::pid_t, needles: &[Needle]) {
        self.during.extend(look(process, needles).found);
        self.looks += 1;
    }

    fn look_back(&mut self, process: libc::pid_t, needles: &[Needle]) {
        let sighting = look(process, needles);
        assert!(sighting.looked_at > 1 << 18, "{sighting:?}");
        self.after.extend(sighting.found);
    }

    /// Whether the public half was seen, as it must be: else nothing was looked at. It is taken out.
    fn had(&mut self, canary: &Needle) -> bool {
        let seen = [
            self.during.remove(&canary.name),
            self.after.remove(&canary.name),
        ];
        seen.iter().all(|seen| *seen)
    }
}

/// An agent with our module in its helper, and the one key that it has.
struct Signer<'a> {
    user: &'a User,
    agent: Agent,
    public: PathBuf,
}

impl<'a> Signer<'a> {
    fn new(user: &'a User) -> Self {
        let agent = Agent::start(user);
        let added = agent.add_module(user);
        assert!(
            added.status.success(),
            "{}\n{}",
            added.report(),
            agent.log()
        );
        let lines = agent.list(user);
        assert_eq!(lines.len(), 1, "{lines:?}");
        let public = user.desk.write("used.pub", format!("{}\n", lines[0]));
        Self {
            user,
            agent,
            public,
        }
    }

    fn sign(&self) {
        let file = self.user.desk.write("file", "what is signed");
        let _ = std::fs::remove_file(self.user.desk.file("file.sig"));
        let mut keygen = self.agent.command(self.user, "ssh-keygen");
        keygen.args(["-Y", "sign", "-n", "file", "-f"]);
        run(keygen.arg(&self.public).arg(file)).text();
    }

    fn helper(&self) -> libc::pid_t {
        self.agent.helper().expect("a helper with the module in it")
    }

    /// The process that has the HSM's module in it.
    fn hsm(&self) -> libc::pid_t {
        let children = children_of(self.helper());
        *children
            .first()
            .expect("a child with the HSM's module in it")
    }

    /// Signs again and again, and looks meanwhile at each of these processes.
    fn watched(&self, processes: &[libc::pid_t], needles: &[Needle]) -> Vec<Seen> {
        let mut seen: Vec<_> = processes.iter().map(|_| Seen::default()).collect();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..SIGNATURES).for_each(|_| self.sign());
                over.store(true, Relaxed);
            });
            while !over.load(Relaxed) {
                for (process, seen) in processes.iter().zip(&mut seen) {
                    seen.look(*process, needles);
                }
            }
        });
        for (process, seen) in processes.iter().zip(&mut seen) {
            seen.look_back(*process, needles);
        }
        seen
    }
}

/// What of these a core of the process has; nothing, and said aloud, where there is no gcore.
fn in_core(user: &User, process: libc::pid_t, needles: &[Needle]) -> Option<Vec<String>> {
    if !Path::new("/usr/bin/gcore").is_file() {
        println!("NOT RUN, for there is no gcore: the look into a core");
        return None;
    }
    let file = user.desk.file("core");
    let mut gcore = user.command("gcore");
    let made = run(gcore.arg("-o").arg(&file).arg(process.to_string()));
    assert!(made.status.success(), "{}", made.report());
    let core = std::fs::read(format!("{}.{process}", file.display())).expect("a core");
    Some(within(&core, needles))
}

/// One key through delivery, its HSM in a process of its own.
fn delivered(wrap: &str, key_type: KeyType) {
    let known = Known::new(key_type);
    let delivery = Delivery::set_up_by(wrap, |slot| {
        // Every signature is a delivery.
        slot.line(in_a_process("20s")).line("delivery.uses = 1")
    });
    delivery.keyring().import("web", &known.private);
    let (user, canary) = (delivery.user(), known.canary());
    let signer = Signer::new(&user);
    signer.sign();
    let needles = [&known.needles[..], std::slice::from_ref(&canary)].concat();
    let (helper, hsm) = (signer.helper(), signer.hsm());
    let [mut ours, its] = <[Seen; 2]>::try_from(signer.watched(&[helper, hsm], &needles)).unwrap();
    println!(
        "{wrap}, {key_type}: {} looks; the HSM's process: {:?}",
        ours.looks, its.during
    );
    assert!(ours.looks > SIGNATURES, "{ours:?}");
    assert!(ours.had(&canary), "{ours:?}");
    assert_eq!(
        (ours.during, ours.after),
        Default::default(),
        "{wrap}, {key_type}"
    );
    // SoftHSM2 is software: there it has to be, and is found by the same look.
    assert!(
        its.during.iter().any(|name| name.starts_with('d')),
        "{its:?}"
    );
    if let Some(found) = in_core(&user, helper, &needles) {
        assert_eq!(found, [canary.name], "{wrap}, {key_type}");
    }
}

#[test]
fn a_delivered_ecdsa_key_is_never_in_the_memory_of_the_program() {
    if ServerKind::Cosmian.is_wanted(here!()) {
        let p256 = KeyType::Ec(Curve::P256);
        alone(
            here!(),
            || Ends::on(ServerKind::Cosmian),
            || delivered("aes-kwp", p256),
        );
    }
}

#[test]
fn a_delivered_rsa_key_is_never_in_the_memory_of_the_program() {
    if ServerKind::Cosmian.is_wanted(here!()) {
        let rsa = KeyType::Rsa(2048);
        alone(
            here!(),
            || Ends::on(ServerKind::Cosmian),
            || delivered("rsa-aes", rsa),
        );
    }
}

/// The same look at a key that the server lets out to be used in this process.
#[test]
fn a_key_in_local_use_is_seen_in_the_memory_of_the_program() {
    let known = Known::new(KeyType::Ec(Curve::P256));
    let scene = Scene::on(ServerKind::PyKmip);
    scene.keyring.import("web", &known.private);
    let (user, canary) = (scene.user(), known.canary());
    let signer = Signer::new(&user);
    let needles = [&known.needles[..], std::slice::from_ref(&canary)].concat();
    let mut seen = signer.watched(&[signer.helper()], &needles).remove(0);
    println!("local use: {seen:?}");
    assert!(seen.had(&canary), "{seen:?}");
    assert!(seen.during.contains("d"), "{seen:?}");
}
