//! A TCP proxy on the loopback interface that counts what passes: connections, flights, bytes.
//!
//! A client's flight is what it sends first, or after something from the server: however many
//! segments it takes, it costs one way to the server. So flights are what latency multiplies.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

use crate::process::wait_for;

/// How soon a pump notices that the proxy ends.
const ATTENTION: Duration = Duration::from_millis(20);
/// How long anything may take to connect or to be written.
const PATIENCE: Duration = Duration::from_secs(5);

/// What has passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// Connections that clients made.
    pub connections: usize,
    /// Flights from clients.
    pub flights: usize,
    /// Bytes from clients.
    pub sent: usize,
    /// Bytes from the server.
    pub received: usize,
}

/// How long bytes are held up on their way, besides what the way costs by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delays {
    /// From a client to the server.
    pub to_server: Duration,
    /// From the server to a client.
    pub to_client: Duration,
}

/// Where a connection is cut, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// This flight of a client does not reach the server, counted from the next one, which is 1.
    Flight(usize),
    /// It does, but nothing of the answer to it reaches the client.
    AnswerTo(usize),
}

/// A proxy; it ends, with its connections, when it is dropped.
pub struct CountingProxy {
    port: u16,
    passed: Arc<Mutex<Passed>>,
    cut: Arc<Mutex<Option<Cut>>>,
    pumping: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl CountingProxy {
    /// A proxy to the server at `host:port`, an address in numbers.
    pub fn to(server: &str) -> Self {
        Self::slow(server, Delays::default())
    }

    /// The same with a longer way.
    pub fn slow(server: &str, delays: Delays) -> Self {
        let server: SocketAddr = server.parse().expect("an address in numbers");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound socket").port();
        let route = Route {
            server,
            delays,
            passed: Arc::default(),
            cut: Arc::default(),
            pumping: Arc::default(),
            stop: Arc::default(),
        };
        Self {
            port,
            passed: Arc::clone(&route.passed),
            cut: Arc::clone(&route.cut),
            pumping: Arc::clone(&route.pumping),
            stop: Arc::clone(&route.stop),
            thread: Some(spawn(move || route.accept(&listener))),
        }
    }

    /// Where clients connect, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What has passed so far.
    pub fn passed(&self) -> Passed {
        *self.passed.lock().expect("nothing panics with it")
    }

    /// Cuts a connection there, or nowhere any more.
    pub fn cut(&self, cut: Option<Cut>) {
        *self.cut.lock().expect("nothing panics with it") = cut;
    }

    /// What has passed, once all connections have ended.
    #[track_caller]
    pub fn in_the_end(&self) -> Passed {
        let ended = || (self.pumping.load(Ordering::Relaxed) == 0).then_some(());
        assert!(
            wait_for(PATIENCE, ended).is_some(),
            "a connection stays open"
        );
        self.passed()
    }

    /// What has passed so far; counting begins anew. The last speaker is not forgotten: what a
    /// client sends after this is a flight of its own only if the server spoke before.
    pub fn count_anew(&self) -> Passed {
        std::mem::take(&mut *self.passed.lock().expect("nothing panics with it"))
    }
}

impl Drop for CountingProxy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Its thread waits for a connection: here it is.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// From where to where, and what is known of it.
#[derive(Clone)]
struct Route {
    server: SocketAddr,
    delays: Delays,
    passed: Arc<Mutex<Passed>>,
    cut: Arc<Mutex<Option<Cut>>>,
    /// How many pumps have not ended.
    pumping: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Route {
    fn accept(self, listener: &TcpListener) {
        let mut pumps: Vec<JoinHandle<()>> = vec![];
        for client in listener.incoming() {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            pumps.retain(|pump| !pump.is_finished());
            // A client whose server cannot be reached sees its own connection end.
            let _ = client.and_then(|client| self.connect(client, &mut pumps));
        }
        for pump in pumps {
            let _ = pump.join();
        }
    }

    fn connect(&self, client: TcpStream, pumps: &mut Vec<JoinHandle<()>>) -> io::Result<()> {
        let server = TcpStream::connect_timeout(&self.server, PATIENCE)?;
        for socket in [&client, &server] {
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(ATTENTION))?;
            socket.set_write_timeout(Some(PATIENCE))?;
        }
        self.count(|passed| passed.connections += 1);
        let client_spoke = Arc::new(Mutex::new(false));
        let ends = [
            (client.try_clone()?, server.try_clone()?, true),
            (server, client, false),
        ];
        for (from, to, from_client) in ends {
            let pump = Pump {
                from,
                to,
                from_client,
                route: self.clone(),
                client_spoke: Arc::clone(&client_spoke),
            };
            self.pumping.fetch_add(1, Ordering::Relaxed);
            pumps.push(spawn(move || pump.run()));
        }
        Ok(())
    }

    fn count(&self, change: impl FnOnce(&mut Passed)) {
        change(&mut self.passed.lock().expect("nothing panics with it"));
    }
}

/// One direction of one connection.
struct Pump {
    from: TcpStream,
    to: TcpStream,
    from_client: bool,
    route: Route,
    /// Whether the last bytes on the connection were the client's.
    client_spoke: Arc<Mutex<bool>>,
}

impl Pump {
    fn run(mut self) {
        let mut buffer = vec![0; 64 << 10];
        while !self.route.stop.load(Ordering::Relaxed) {
            match self.from.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    let begins = self.note(count);
                    if self.is_cut(begins) {
                        let _ = self.from.shutdown(Shutdown::Both);
                        let _ = self.to.shutdown(Shutdown::Both);
                        break;
                    }
                    sleep(self.delay());
                    if self.to.write_all(&buffer[..count]).is_err() {
                        break;
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock) => {}
                Err(_) => break,
            }
        }
        let _ = self.to.shutdown(Shutdown::Write);
        self.route.pumping.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether the connection ends here and now.
    fn is_cut(&self, begins: bool) -> bool {
        let mut cut = self.route.cut.lock().expect("nothing panics with it");
        let (left, here) = match (*cut, self.from_client, begins) {
            (Some(Cut::Flight(1)), true, true) => (None, true),
            (Some(Cut::Flight(later)), true, true) => (Some(Cut::Flight(later - 1)), false),
            (Some(Cut::AnswerTo(0)), false, _) => (None, true),
            (Some(Cut::AnswerTo(later @ 1..)), true, true) => {
                (Some(Cut::AnswerTo(later - 1)), false)
            }
            (same, ..) => (same, false),
        };
        *cut = left;
        here
    }

    /// Before the bytes go on, so that an answer to them is never counted ahead of them. Whether a
    /// client's flight begins with them.
    fn note(&self, count: usize) -> bool {
        let mut client_spoke = self.client_spoke.lock().expect("nothing panics with it");
        let begins = self.from_client && !*client_spoke;
        *client_spoke = self.from_client;
        self.route.count(|passed| match self.from_client {
            true => {
                passed.flights += usize::from(begins);
                passed.sent += count;
            }
            false => passed.received += count,
        });
        begins
    }

    fn delay(&self) -> Duration {
        match self.from_client {
            true => self.route.delays.to_server,
            false => self.route.delays.to_client,
        }
    }
}
