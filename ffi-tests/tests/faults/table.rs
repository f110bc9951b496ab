//! The table of faults: what each makes of a listing, a signature and C_GetTokenInfo, and whether it is over when it is over.
//!
//! docs/faults.md is what is pinned; `KMIP_P11_WRITE_DOCS=1` writes its table anew.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::FakeServer;
use ffi_tests::here;
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::module::{Answer, Module};
use ffi_tests::own_process::{Surroundings, alone};
use ffi_tests::process::wait_for;
use ffi_tests::session::{Session, class};
use ffi_tests::signature::digest;

use crate::catalogue::{Row, faults};
use crate::stage::{DEADLINE, MESSAGE, SLACK, usual};

/// Faults at a time: most of their time is waiting.
const AT_A_TIME: usize = 6;

const BEGIN: &str = "<!-- the table of faults -->\n";
const END: &str = "<!-- end of the table -->\n";

/// Whether the document is written, which the body's own process has to know.
struct Writing(LateConfiguration);

impl Surroundings for Writing {
    fn environment(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let mut variables = self.0.environment();
        variables
            .extend(std::env::var_os("KMIP_P11_WRITE_DOCS").map(|v| ("KMIP_P11_WRITE_DOCS", v)));
        variables
    }
}

#[test]
fn every_fault_has_its_codes_and_is_over_when_it_is_over() {
    alone(
        here!(),
        || Writing(LateConfiguration::default()),
        || {
            let faults = faults();
            let first = FakeServer::with(usual).start();
            let servers: Vec<FakeServer> = faults.iter().map(|_| first.another()).collect();
            let slots = faults.iter().zip(&servers).map(slot);
            let configuration = configure(&slots.collect::<Vec<_>>());
            let module = Module::initialized();
            let trials = faults.iter().zip(&servers).map(|(row, server)| Trial {
                module: &module,
                configuration: &configuration,
                server,
                row,
            });
            pinned(&table(&trials.collect::<Vec<_>>()));
        },
    );
}

fn slot((row, server): (&Row, &FakeServer)) -> SlotEntry {
    let slot = SlotEntry::new(row.name, server.endpoint()).deadline("1s");
    match row.is_https {
        true => slot.at(server.url()),
        false => slot,
    }
}

fn table(trials: &[Trial<'_>]) -> String {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut rows = vec![];
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(trial) = trials.get(place) else {
                return rows;
            };
            rows.push((place, trial.row()));
        }
    };
    let mut rows: Vec<(usize, String)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(work)).collect();
        let rows = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        rows.flatten().collect()
    });
    rows.sort();
    let head = "| fault | listing | signature | C_GetTokenInfo | works again |\n| --- | --- | --- | --- | --- |\n";
    rows.into_iter()
        .fold(head.to_owned(), |text, (_, row)| text + &row)
}

fn pinned(table: &str) {
    println!("{table}");
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    let document = std::fs::read_to_string(&path).expect("docs/faults.md is there");
    let (before, rest) = document
        .split_once(BEGIN)
        .expect("the document has a table");
    let (told, after) = rest.split_once(END).expect("the table has an end");
    if std::env::var("KMIP_P11_WRITE_DOCS").is_ok_and(|value| value == "1") {
        let new = format!("{before}{BEGIN}{table}{END}{after}");
        std::fs::write(&path, new).expect("the document can be written");
    } else {
        assert_eq!(told, table, "docs/faults.md tells something else");
    }
}

/// One fault on a slot of its own, whose label is its name.
struct Trial<'a> {
    module: &'a Module,
    configuration: &'a Configuration,
    server: &'a FakeServer,
    row: &'a Row,
}

impl Trial<'_> {
    fn row(&self) -> String {
        let Row { name, fault, .. } = self.row;
        self.server.misbehave(fault.clone());
        let listing = self.under_fault(|| self.listing());
        let slot = self.module.slot(name);
        let info = self.timed(|| self.module.token_info(slot).map(drop));
        self.server.behave();
        let lists = wait_for(Duration::from_secs(10), || {
            (self.listing() == Ok(3)).then_some(())
        });
        let session = self.session();
        let key = session.private_key("web");
        let sign = || session.sign(CKM_ECDSA, key, &digest("sha256", MESSAGE));
        // A good connection would hide what happens on new ones; and there is an answer before this one.
        let _ = sign();
        if fault.is_of_connection() {
            self.server.stop();
            self.server.start_again();
        }
        self.server.misbehave(fault.clone());
        let signature = self.under_fault(sign);
        self.server.behave();
        let again = lists.is_some() && sign().is_ok();
        let (listing, again) = (listed(listing), if again { "yes" } else { "no" });
        let (signature, info) = (code(signature.err()), code(info.err()));
        format!("| {name} | {listing} | {signature} | {info} | {again} |\n")
    }

    /// If it fails, the log has a new line with the slot, the server and the reason.
    fn under_fault<T>(&self, call: impl FnOnce() -> Answer<T>) -> Answer<T> {
        let before = self.configuration.log().lines().count();
        let answer = match self.row.ends {
            true => self.timed(|| self.while_the_server_ends(call)),
            false => self.timed(call),
        };
        if answer.is_err() {
            let (log, address) = (self.configuration.log(), self.server.address());
            let words = [&format!("{:?}", self.row.name), &address, self.row.reason];
            let says_all = |line: &&str| words.iter().all(|word| line.contains(word));
            let own = |line: &&str| line.contains(&address);
            let lines: Vec<&str> = log.lines().skip(before).filter(own).collect();
            assert!(
                lines.iter().any(says_all),
                "no line says {words:?}: {lines:#?}"
            );
        }
        answer
    }

    /// It ends when it has read the request, and is there again when the call is over.
    fn while_the_server_ends<T>(&self, call: impl FnOnce() -> T) -> T {
        let before = self.server.tally().messages;
        let is_asked = || (self.server.tally().messages > before).then_some(());
        std::thread::scope(|scope| {
            let end = scope.spawn(|| {
                let asked = wait_for(SLACK, is_asked);
                self.server.kill();
                asked.expect("the server was asked");
            });
            let answer = call();
            end.join().expect("no panic");
            self.server.start_again();
            answer
        })
    }

    fn session(&self) -> Session<'_> {
        Session::open(self.module, self.module.slot(self.row.name))
            .expect("a session costs no request")
    }

    fn listing(&self) -> Answer<usize> {
        Ok(self.session().find(&class(CKO_PRIVATE_KEY))?.len())
    }

    /// Nothing takes longer than the slot's deadline, and what a busy machine adds.
    fn timed<T>(&self, call: impl FnOnce() -> Answer<T>) -> Answer<T> {
        let start = Instant::now();
        let answer = call();
        let took = start.elapsed();
        println!("{}: {} ms", self.row.name, took.as_millis());
        assert!(
            took < DEADLINE + SLACK,
            "{}: it took {took:?}",
            self.row.name
        );
        answer
    }
}

fn listed(answer: Answer<usize>) -> String {
    match answer {
        Ok(3) => code(None),
        Ok(keys) => format!("CKR_OK, {keys} of 3 keys"),
        Err(rv) => code(Some(rv)),
    }
}

fn code(rv: Option<CK_RV>) -> String {
    match rv {
        None => "CKR_OK".to_owned(),
        Some(CKR_DEVICE_ERROR) => "CKR_DEVICE_ERROR".to_owned(),
        Some(CKR_MECHANISM_INVALID) => "CKR_MECHANISM_INVALID".to_owned(),
        Some(CKR_FUNCTION_FAILED) => "CKR_FUNCTION_FAILED".to_owned(),
        Some(CKR_KEY_FUNCTION_NOT_PERMITTED) => "CKR_KEY_FUNCTION_NOT_PERMITTED".to_owned(),
        Some(CKR_PIN_INCORRECT) => "CKR_PIN_INCORRECT".to_owned(),
        Some(CKR_USER_NOT_LOGGED_IN) => "CKR_USER_NOT_LOGGED_IN".to_owned(),
        Some(CKR_TOKEN_NOT_PRESENT) => "CKR_TOKEN_NOT_PRESENT".to_owned(),
        Some(CKR_DEVICE_MEMORY) => "CKR_DEVICE_MEMORY".to_owned(),
        Some(other) => format!("{other:#x}"),
    }
}
