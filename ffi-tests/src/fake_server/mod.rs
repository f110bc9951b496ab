//! A small KMIP server that is honest until its script says otherwise, over TLS on the loopback interface.
//!
//! It speaks KMIP 1.4 and 2.1, keeps what a test gives it, counts what it is asked, and can fail
//! in every way in which servers fail. It ends, with all its connections, when it is dropped.

mod answer;
mod connection;
mod fault;
mod http;
mod locating;
mod making;
mod message;
mod pki;
mod signing;
mod state;
mod tally;
mod vault;

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use kmip_p11::kmip::Version;
use rustls::SupportedProtocolVersion;
use rustls::crypto::SupportedKxGroup;
use rustls::version::{TLS12, TLS13};

pub use fault::BadCertificate;
pub use fault::{Ending, Fault, Forgery, Refused};
pub use locating::Locating;
pub use tally::Tally;
pub use vault::{Stored, Vault};

use crate::kmip_server::Endpoint;
use crate::openssh::sshd::free_port;
use crate::process::wait_for;
use fault::Script;
use pki::{Pki, Tls};
use state::State;
use tally::Counter;

/// Connections at a time; more are closed at once.
const MOST_CONNECTIONS: usize = 32;

/// How long a port may be another's.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server of a test's own.
pub struct FakeServer {
    pki: Arc<Pki>,
    state: Arc<State>,
    port: u16,
    running: Mutex<Option<Running>>,
}

/// From a start to the next stop.
struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// A server before its start.
pub struct Plan {
    vault: Vault,
    versions: Vec<Version>,
    user: Option<(&'static str, &'static str)>,
    tls: Tls,
    certificate_days: Option<u64>,
}

/// What it speaks if nothing else is wanted, and what an old one speaks.
static EVERY_TLS: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static OLD_TLS: [&SupportedProtocolVersion; 1] = [&TLS12];

impl Plan {
    /// Speaks these versions of KMIP.
    pub fn speaking(mut self, versions: &[Version]) -> Self {
        self.versions = versions.to_vec();
        self
    }

    /// Lets this user in by this password, and nobody else.
    pub fn letting_in(mut self, name: &'static str, password: &'static str) -> Self {
        self.user = Some((name, password));
        self
    }

    /// Speaks TLS 1.2 only.
    pub fn tls12(mut self) -> Self {
        self.tls.versions = &OLD_TLS;
        self
    }

    /// Has a certificate that ends in so many days.
    pub fn certified_for(mut self, days: u64) -> Self {
        self.certificate_days = Some(days);
        self
    }

    /// Takes this key exchange and no other.
    pub fn exchanging(mut self, group: &'static dyn SupportedKxGroup) -> Self {
        self.tls.key_exchange = Some(group);
        self
    }

    /// Starts it.
    pub fn start(self) -> FakeServer {
        let mut pki = Pki::default();
        self.certificate_days
            .iter()
            .for_each(|days| pki.renew_server(*days));
        let pki = Arc::new(pki);
        let state = State {
            versions: Mutex::new(self.versions),
            user: self.user,
            script: Script::default(),
            counter: Counter::default(),
            tls: pki.server(&self.tls),
            refusing_tls: pki.refusing(&self.tls),
            pki: Arc::clone(&pki),
            last: Mutex::default(),
            vault: Arc::new(Mutex::new(self.vault)),
            killed: AtomicBool::new(false),
        };
        FakeServer::at_a_free_port(pki, state)
    }
}

impl FakeServer {
    /// A server with the objects that `fill` puts in.
    pub fn with(fill: impl FnOnce(&mut Vault)) -> Plan {
        let mut vault = Vault::default();
        fill(&mut vault);
        Plan {
            vault,
            versions: vec![Version::V2_1, Version::V1_4],
            user: None,
            tls: Tls {
                versions: &EVERY_TLS,
                key_exchange: None,
            },
            certificate_days: None,
        }
    }

    /// Speaks other versions from now on, as after an exchange of the server.
    pub fn speak(&self, versions: &[Version]) {
        *self.state.versions() = versions.to_vec();
    }

    fn at_a_free_port(pki: Arc<Pki>, state: State) -> FakeServer {
        let server = FakeServer {
            pki,
            state: Arc::new(state),
            port: free_port(),
            running: Mutex::default(),
        };
        server.start_again();
        server
    }

    /// Another server of the same authority, with the same objects. Its script and its counts are its own.
    pub fn another(&self) -> FakeServer {
        let state = State {
            versions: Mutex::new(self.state.versions().clone()),
            user: self.state.user,
            script: Script::default(),
            counter: Counter::default(),
            tls: Arc::clone(&self.state.tls),
            refusing_tls: Arc::clone(&self.state.refusing_tls),
            pki: Arc::clone(&self.pki),
            last: Mutex::default(),
            vault: Arc::clone(&self.state.vault),
            killed: AtomicBool::new(false),
        };
        Self::at_a_free_port(Arc::clone(&self.pki), state)
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its URL: at the same port, who sends POST is answered in HTTP.
    pub fn url(&self) -> String {
        format!("https://{}/kmip", self.address())
    }

    /// All that a slot needs to know of it.
    pub fn endpoint(&self) -> Endpoint {
        self.pki.endpoint(self.address())
    }

    /// Gives the client another certificate, which ends in so many days.
    pub fn renew_client(&self, days: u64) {
        self.pki.renew_client(days);
    }

    /// The same by way of a proxy at that port.
    pub fn endpoint_behind(&self, port: u16) -> Endpoint {
        self.pki.endpoint(format!("127.0.0.1:{port}"))
    }

    /// From now on this goes wrong, until [`FakeServer::behave`].
    pub fn misbehave(&self, fault: Fault) {
        self.state.script.always(fault);
    }

    /// This goes wrong the next so many times; what was told before comes first.
    pub fn misbehave_times(&self, times: usize, fault: Fault) {
        self.state.script.times(times, fault);
    }

    /// Nothing goes wrong any more.
    pub fn behave(&self) {
        self.state.script.clear();
    }

    /// The objects, to be changed.
    pub fn vault(&self) -> MutexGuard<'_, Vault> {
        self.state.vault()
    }

    /// What came so far.
    pub fn tally(&self) -> Tally {
        self.state.counter.tally()
    }

    /// What came so far; counting begins anew.
    pub fn count_anew(&self) -> Tally {
        self.state.counter.restart()
    }

    /// Ends it as a crash does: its connections are reset, and what it has done for the last requests is not told.
    pub fn kill(&self) {
        self.state.killed.store(true, Ordering::Relaxed);
        self.stop();
    }

    /// Ends it and all its connections; then nobody listens at its port.
    pub fn stop(&self) {
        let Some(Running { stop, thread }) = self.running().take() else {
            return;
        };
        stop.store(true, Ordering::Relaxed);
        // Its thread waits for a connection: here it is. Refused is as good, nobody waits then.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let ended = thread.join();
        // A panic in a destructor that runs because of another one would hide that one.
        if !std::thread::panicking() {
            ended.expect("a request that the fake server cannot read");
        }
    }

    /// Starts it at the port it had, which a server of another test may have had in between.
    pub fn start_again(&self) {
        let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port);
        let listener = wait_for(PATIENCE, || TcpListener::bind(address).ok());
        let listener = listener.unwrap_or_else(|| panic!("{address} is in use"));
        self.state.killed.store(false, Ordering::Relaxed);
        let stop = Arc::new(AtomicBool::new(false));
        let (state, seen) = (Arc::clone(&self.state), Arc::clone(&stop));
        let thread = std::thread::spawn(move || accept(listener, &state, &seen));
        *self.running() = Some(Running { stop, thread });
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().expect("nothing panics with it")
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn accept(listener: TcpListener, state: &Arc<State>, stop: &Arc<AtomicBool>) {
    let mut open: Vec<JoinHandle<()>> = vec![];
    for stream in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Ok(stream) = stream else { continue };
        state.counter.connected();
        let (ended, going_on) = open.into_iter().partition(JoinHandle::is_finished);
        open = going_on;
        join(ended);
        if open.len() < MOST_CONNECTIONS {
            let (state, stop) = (Arc::clone(state), Arc::clone(stop));
            let serve = move || connection::serve(stream, state, stop);
            open.push(std::thread::spawn(serve));
        }
    }
    // Who waits to be accepted learns at once that nobody listens.
    drop(listener);
    join(open);
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("a connection's thread has panicked");
    }
}
