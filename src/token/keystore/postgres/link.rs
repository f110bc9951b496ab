//! One connection to a Postgres server, and everything on it within a deadline.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::store::StoreError;
use super::failure::Fault;
use super::server::{Address, Door, Server};
use super::waiting::Socket;

/// What a statement or what is done with its rows came to.
pub enum Trouble {
    /// The server or the way to it.
    Database(Error),
    /// Something of ours.
    Own(StoreError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Own(error)
    }
}

/// The far end of a connection: carries what the client says, and ends with the connection.
type Driver = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A connection. When it is dropped, it is closed without a word, and the server rolls back what was
/// not committed.
pub struct Link {
    client: Client,
    driver: Driver,
    socket: Socket,
    /// When it was last used.
    pub used: Instant,
}

impl Link {
    /// A connection to the first address that can be reached, with the user logged in.
    pub fn open(server: &Server, deadline: Instant) -> Result<Self, Fault> {
        let config = server.login()?;
        let addresses = server.addresses()?;
        let mut failure = Fault::Unreachable("no host is named".into());
        for (tried, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let time = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            match connected(address, time) {
                Ok(socket) => {
                    return Self::log_in(server, &config, &address.name, socket, deadline);
                }
                Err(error) => failure = unreachable(address, &error),
            }
        }
        Err(failure)
    }

    /// A server that was reached is the one: its refusal is not asked of the next.
    fn log_in(
        server: &Server,
        config: &Config,
        name: &str,
        socket: Socket,
        deadline: Instant,
    ) -> Result<Self, Fault> {
        match server.tls()? {
            None => {
                let mut config = config.clone();
                config.ssl_mode(SslMode::Disable);
                Self::shake(&config, NoTls, socket, deadline)
            }
            Some(tls) => {
                let mut config = config.clone();
                config.ssl_mode(SslMode::Require);
                let mut maker = MakeRustlsConnect::new(tls);
                let made = MakeTlsConnect::<Socket>::make_tls_connect(&mut maker, name);
                let tls = made.map_err(|error| Fault::Tls(error.to_string()))?;
                Self::shake(&config, tls, socket, deadline)
            }
        }
    }

    fn shake<T>(config: &Config, tls: T, socket: Socket, deadline: Instant) -> Result<Self, Fault>
    where
        T: TlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let shaking = config.connect_raw(socket.clone(), tls);
        let shaken = socket
            .wait_for(deadline, shaking)
            .map_err(Fault::of_waiting)?;
        let (client, connection) = shaken.map_err(Fault::of_login)?;
        Ok(Self {
            client,
            driver: Box::pin(connection),
            socket,
            used: Instant::now(),
        })
    }

    /// Runs `work` with the client until the deadline.
    pub fn run<T>(
        &mut self,
        deadline: Instant,
        work: impl AsyncFnOnce(&Client) -> Result<T, Trouble>,
    ) -> Result<T, Fault> {
        let (client, driver) = (&self.client, &mut self.driver);
        let mut ended = None;
        let mut work = pin!(work(client));
        let both = poll_fn(|context| {
            if ended.is_none()
                && let Poll::Ready(end) = driver.as_mut().poll(context)
            {
                ended = Some(end);
            }
            // What came in before the end still counts.
            match (work.as_mut().poll(context), &mut ended) {
                (Poll::Ready(done), _) => Poll::Ready(done),
                (Poll::Pending, None) => Poll::Pending,
                (Poll::Pending, Some(end)) => {
                    let end = std::mem::replace(end, Ok(()));
                    Poll::Ready(match end {
                        Err(error) => Err(error.into()),
                        Ok(()) => Err(closed()),
                    })
                }
            }
        });
        let done = self.socket.wait_for(deadline, both);
        self.used = Instant::now();
        done.map_err(Fault::of_waiting)?.map_err(Fault::from)
    }

    /// One or more statements without parameters.
    pub fn execute(&mut self, deadline: Instant, sql: &str) -> Result<(), Fault> {
        self.run(deadline, async |client: &Client| {
            Ok(client.batch_execute(sql).await?)
        })
    }

    /// Whether it still stands, as far as can be known without asking the server.
    pub fn is_quiet(&self) -> bool {
        !self.client.is_closed() && !self.socket.has_news()
    }
}

fn closed() -> Trouble {
    use crate::error::TokenErrorKind::Unreachable;
    Trouble::Own(StoreError::new(
        Unreachable,
        "the server closed the connection",
    ))
}

fn connected(address: &Address, time: Duration) -> io::Result<Socket> {
    if time.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    match &address.door {
        Door::Tcp(address) => Socket::tcp(*address, time),
        Door::Unix(path) => Socket::unix(Path::new(path)),
    }
}

fn unreachable(address: &Address, error: &dyn Display) -> Fault {
    Fault::Unreachable(format!("{address}: {error}"))
}
