//! Bad weather: a hundred threads sign through three servers, of which one is always about to go or to come back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use ffi_tests::configuration::SlotEntry;
use ffi_tests::fake_server::{FakeServer, Fault};
use ffi_tests::here;
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::module::{Answer, Module};
use ffi_tests::own_process::alone;
use ffi_tests::process::wait_for;
use ffi_tests::session::{Session, class};
use kmip_p11::crypto::verify;
use kmip_p11::kmip::Operation;
use kmip_p11::model::public_key::PublicKey;
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};

const LABEL: &str = "weather";
const DEADLINE: Duration = Duration::from_secs(3);
/// What a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(2);
const THREADS: usize = 100;
/// The most connections of the slot.
const CONNECTIONS: usize = 16;
/// After this everything has its usual size.
const WARM_UP: Duration = Duration::from_secs(4);
const STORM: Duration = Duration::from_secs(10);
/// How long a server is away, and how long all are there.
const AWAY: Duration = Duration::from_millis(900);
const BETWEEN: Duration = Duration::from_millis(600);
/// Not a kilobyte for each of the tens of thousands of calls.
const MOST_GROWTH: usize = 16 << 20;

#[test]
fn a_hundred_threads_sign_while_servers_come_and_go() {
    storm(here!(), "kmip.order = \"ordered\"");
}

#[test]
fn a_hundred_threads_share_servers_that_come_and_go() {
    storm(here!(), "kmip.order = \"balanced\"");
}

fn storm(test: &str, order: &str) {
    alone(test, LateConfiguration::default, || {
        let descriptors = open_descriptors();
        {
            let servers = three_servers();
            let slot = SlotEntry::new(LABEL, servers[0].endpoint())
                .or_at(servers[1].address())
                .or_at(servers[2].address())
                .deadline("3s");
            let configuration = configure(&[slot.line(order)]);
            let module = Module::initialized();
            let weather = Weather {
                over: AtomicBool::new(false),
                servers,
            };
            let report = weather.endure(&module);
            println!("{}", report.summary());
            report.check(&configuration.log());
            assert_eq!(module.finalize(), Ok(()));
        }
        let gone = wait_for(Duration::from_secs(5), || {
            (open_descriptors() <= descriptors).then_some(())
        });
        assert!(
            gone.is_some(),
            "{} descriptors, {descriptors} before",
            open_descriptors()
        );
    });
}

fn three_servers() -> [FakeServer; 3] {
    let first = FakeServer::with(|vault| {
        vault.pairs(3);
    });
    let first = first.start();
    let others = [first.another(), first.another()];
    let [second, third] = others;
    [first, second, third]
}

struct Weather {
    over: AtomicBool,
    servers: [FakeServer; 3],
}

/// What calls came to. It grows with failures alone, so that it is not taken for a leak.
#[derive(Default)]
struct Calls {
    number: usize,
    wrong: usize,
    failures: Vec<CK_RV>,
    slowest: Duration,
}

impl Calls {
    fn note(&mut self, answer: Answer<bool>, took: Duration) {
        self.number += 1;
        self.slowest = self.slowest.max(took);
        match answer {
            Ok(right) => self.wrong += usize::from(!right),
            Err(code) => self.failures.push(code),
        }
    }

    fn and(mut self, other: Calls) -> Calls {
        self.number += other.number;
        self.wrong += other.wrong;
        self.failures.extend(other.failures);
        self.slowest = self.slowest.max(other.slowest);
        self
    }
}

/// What there was of memory and descriptors at some moment.
#[derive(Clone, Copy, Debug)]
struct Size {
    resident: usize,
    descriptors: usize,
}

struct Report {
    calls: Calls,
    warm: Size,
    most_descriptors: usize,
    end: Size,
    signatures: Vec<usize>,
    blows: usize,
}

impl Weather {
    fn endure(&self, module: &Module) -> Report {
        std::thread::scope(|scope| {
            let signers: Vec<_> = (0..THREADS)
                .map(|number| scope.spawn(move || self.sign(module, number)))
                .collect();
            let storm = scope.spawn(|| self.blow());
            std::thread::sleep(WARM_UP);
            let warm = Size::now();
            let (end, mut most_descriptors) = (Instant::now() + STORM, 0);
            while Instant::now() < end {
                most_descriptors = most_descriptors.max(open_descriptors());
                std::thread::sleep(Duration::from_millis(50));
            }
            let end = Size::now();
            self.over.store(true, Ordering::Relaxed);
            let calls = signers
                .into_iter()
                .map(|signer| signer.join().expect("a signer"));
            let calls = calls.fold(Calls::default(), Calls::and);
            let signed = |server: &FakeServer| server.tally().of(Operation::SIGN);
            Report {
                calls,
                warm,
                most_descriptors,
                end,
                blows: storm.join().expect("the storm"),
                signatures: self.servers.iter().map(signed).collect(),
            }
        })
    }

    /// One server after the other is killed, stopped with a goodbye, or falls silent, and comes back; how often.
    fn blow(&self) -> usize {
        let mut blows = 0;
        for server in self.servers.iter().cycle() {
            std::thread::sleep(BETWEEN);
            if self.over.load(Ordering::Relaxed) {
                break;
            }
            let is_silent = blows % 4 == 3;
            match blows % 4 {
                0 | 2 => server.kill(),
                1 => server.stop(),
                _ => {
                    server.misbehave(Fault::SilentFromTheStart);
                    server.misbehave(Fault::Silence);
                }
            }
            blows += 1;
            std::thread::sleep(AWAY);
            server.behave();
            if !is_silent {
                server.start_again();
            }
        }
        blows
    }

    fn sign(&self, module: &Module, number: usize) -> Calls {
        let session = Session::open(module, module.slot(LABEL)).expect("a session");
        // The first listing may meet the storm; nobody's key is missing for good.
        let listed = || {
            session
                .find(&class(CKO_PRIVATE_KEY))
                .ok()
                .filter(|keys| keys.len() == 3)
        };
        wait_for(Duration::from_secs(10), listed).expect("a listing");
        let key = session.private_key(&format!("key-{:03}", number % 3));
        let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO).expect("a key");
        let public = PublicKey::from_spki(&spki).expect("a key of ours");
        let mut calls = Calls::default();
        while !self.over.load(Ordering::Relaxed) {
            let mut digest = [number as u8; 32];
            digest[..8].copy_from_slice(&(calls.number as u64).to_ne_bytes());
            let start = Instant::now();
            let signed = session.sign(CKM_ECDSA, key, &digest);
            let took = start.elapsed();
            let scheme = SignScheme::Ecdsa(Hash::Sha256);
            let right = |signature: Vec<u8>| {
                verify(&public, scheme, SignInput::Digest(&digest), &signature)
            };
            calls.note(signed.map(right), took);
        }
        calls
    }
}

impl Report {
    fn summary(&self) -> String {
        let Report {
            calls, warm, end, ..
        } = self;
        format!(
            "{} calls, {} wrong, {} failed {:x?}, slowest {:?} of {DEADLINE:?}; {} blows; signed by each server {:?}; \
             resident {} -> {} KiB; descriptors {} -> {}, at most {}",
            calls.number,
            calls.wrong,
            calls.failures.len(),
            calls.failures,
            calls.slowest,
            self.blows,
            self.signatures,
            warm.resident >> 10,
            end.resident >> 10,
            warm.descriptors,
            end.descriptors,
            self.most_descriptors,
        )
    }

    fn check(&self, log: &str) {
        let (summary, calls) = (self.summary(), &self.calls);
        assert!(
            calls.wrong == 0 && calls.slowest < DEADLINE + SLACK,
            "{summary}"
        );
        // Two of three servers serve at any time.
        let last = log.lines().rev().take(20).collect::<Vec<_>>().join("\n");
        assert!(calls.failures.is_empty(), "{summary}\n{last}");
        assert!(calls.number > 10 * THREADS && self.blows >= 4, "{summary}");
        assert!(
            self.signatures.iter().all(|signed| *signed > 0),
            "{summary}"
        );
        let growth = self.end.resident.saturating_sub(self.warm.resident);
        assert!(growth < MOST_GROWTH, "{summary}");
        // Both ends of each connection are in this process, and the servers notice an end a moment later.
        let standing = self.warm.descriptors.saturating_sub(2 * CONNECTIONS);
        assert!(
            self.most_descriptors < standing + 5 * CONNECTIONS,
            "{summary}"
        );
    }
}

impl Size {
    fn now() -> Size {
        Size {
            resident: resident(),
            descriptors: open_descriptors(),
        }
    }
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

/// Bytes of this process that are in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("VmRSS");
    line.trim()
        .trim_end_matches(" kB")
        .parse::<usize>()
        .expect("a number")
        << 10
}
