//! The stage of a fault: a slot on a fake server with two P-256 keys and an RSA key, and the library as a program uses it.

use std::time::{Duration, Instant};

use cryptoki_sys::*;
use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::{FakeServer, Plan, Vault};
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::module::{Answer, Module};
use ffi_tests::own_process::alone;
use ffi_tests::process::wait_for;
use ffi_tests::session::{Session, class};
use ffi_tests::signature::{Scheme, digest, verifies};
use kmip_p11::model::public_key::{Curve, KeyType};

/// The slot's label.
pub const LABEL: &str = "faulty";
/// The slot's deadline.
pub const DEADLINE: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
pub const SLACK: Duration = Duration::from_secs(4);
/// What is signed.
pub const MESSAGE: &[u8] = b"a message";

/// Two P-256 keys and an RSA key.
pub fn usual(vault: &mut Vault) {
    let p256 = KeyType::Ec(Curve::P256);
    vault.pair("web", p256).pair("other", p256);
    vault.pair("rsa", KeyType::Rsa(2048));
}

/// A server and the library that uses it, both in this process.
pub struct Stage {
    pub server: FakeServer,
    pub configuration: Configuration,
    pub module: Module,
}

/// Runs `body` in a process of its own with a stage of the usual keys.
#[track_caller]
pub fn staged(test: &str, body: impl FnOnce(&Stage)) {
    staged_at(test, || FakeServer::with(usual), body);
}

/// The same over HTTPS.
#[track_caller]
pub fn staged_over_https(test: &str, body: impl FnOnce(&Stage)) {
    let plan = || FakeServer::with(usual);
    staged_as(test, plan, |server, slot| slot.at(server.url()), body);
}

/// The same with a server of another kind.
#[track_caller]
pub fn staged_at(test: &str, plan: impl FnOnce() -> Plan, body: impl FnOnce(&Stage)) {
    staged_as(test, plan, |_, slot| slot, body);
}

#[track_caller]
fn staged_as(
    test: &str,
    plan: impl FnOnce() -> Plan,
    change: impl FnOnce(&FakeServer, SlotEntry) -> SlotEntry,
    body: impl FnOnce(&Stage),
) {
    alone(test, LateConfiguration::default, || {
        let server = plan().start();
        let slot = change(&server, SlotEntry::new(LABEL, server.endpoint()));
        let configuration = configure(&[slot.deadline("1s")]);
        body(&Stage {
            server,
            configuration,
            module: Module::initialized(),
        });
    });
}

/// What a call came to, and how long it took.
pub struct Timed<T> {
    pub answer: Answer<T>,
    pub took: Duration,
}

/// Runs a call and looks at the clock.
pub fn timed<T>(call: impl FnOnce() -> Answer<T>) -> Timed<T> {
    let start = Instant::now();
    let answer = call();
    let took = start.elapsed();
    Timed { answer, took }
}

impl<T: std::fmt::Debug> Timed<T> {
    /// It failed with that code, and in time.
    #[track_caller]
    pub fn failed(self, code: CK_RV) {
        assert_eq!(self.answer.err(), Some(code));
        assert!(self.took < DEADLINE + SLACK, "it took {:?}", self.took);
    }
}

impl Stage {
    /// A session on the slot.
    #[track_caller]
    pub fn session(&self) -> Session<'_> {
        Session::open(&self.module, self.module.slot(LABEL)).expect("a session costs no request")
    }

    /// How many private keys a listing finds.
    pub fn listing(&self) -> Answer<usize> {
        let found = self.session().find(&class(CKO_PRIVATE_KEY))?;
        Ok(found.len())
    }

    /// The listing works again, as soon as the failure before it is forgotten.
    #[track_caller]
    pub fn lists_again(&self, keys: usize) {
        let right = || (self.listing() == Ok(keys)).then_some(());
        let listed = wait_for(Duration::from_secs(10), right);
        assert!(listed.is_some(), "{:?}\n{}", self.listing(), self.log());
    }

    /// A signature by a P-256 key that openssl takes for one.
    #[track_caller]
    pub fn signs(&self, session: &Session<'_>, label: &str) {
        let key = session.private_key(label);
        let signed = session.sign(CKM_ECDSA, key, &digest("sha256", MESSAGE));
        let signature = signed.unwrap_or_else(|code| panic!("{code:#x}\n{}", self.log()));
        let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO).expect("a key");
        let right = verifies(Scheme::Ecdsa("sha256"), &spki, MESSAGE, &signature);
        assert!(right, "openssl does not take it for a signature");
    }

    /// What C_Sign makes of that key and the usual message.
    pub fn sign(&self, session: &Session<'_>, label: &str) -> Answer<Vec<u8>> {
        let key = session.private_key(label);
        session.sign(CKM_ECDSA, key, &digest("sha256", MESSAGE))
    }

    /// What the library logged.
    pub fn log(&self) -> String {
        self.configuration.log()
    }

    /// One line of the log names the slot, the server and the reason.
    #[track_caller]
    pub fn logged(&self, reason: &str) {
        let log = self.log();
        let wanted = [format!("{LABEL:?}"), self.server.address(), reason.into()];
        let says_all = |line: &str| wanted.iter().all(|word| line.contains(word.as_str()));
        assert!(log.lines().any(says_all), "no line says {wanted:?}:\n{log}");
    }
}
