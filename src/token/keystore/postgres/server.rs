//! The Postgres server of the configuration: where it is, who we are to it, and how it proves itself.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::failure::Fault;
use crate::config::{self, Content, read_trusted};
use crate::kmip::{TlsContents, TlsFiles};

const PORT: u16 = 5432;

/// How long a whole call may take, if the connection string has no connect_timeout.
const PATIENCE: Duration = Duration::from_secs(5);

/// A database of a server.
pub struct Server {
    config: Config,
    files: config::Postgres,
}

/// An address of the server.
pub struct Address {
    /// What its certificate has to say.
    pub name: String,
    /// Where to connect to.
    pub door: Door,
}

/// Where a server listens.
pub enum Door {
    /// On a network.
    Tcp(SocketAddr),
    /// In the file system.
    Unix(PathBuf),
}

impl Server {
    /// Asks nobody, and reads no file.
    pub fn new(files: &config::Postgres) -> Result<Self, Fault> {
        let parsed = Config::from_str(&files.connection);
        let mut config = parsed.map_err(|error| Fault::Configuration(error.to_string()))?;
        if config.get_application_name().is_none() {
            config.application_name("kmip-p11");
        }
        Ok(Self {
            config,
            files: files.clone(),
        })
    }

    /// How long a whole call may take.
    pub fn patience(&self) -> Duration {
        let configured = self.config.get_connect_timeout().copied();
        configured
            .filter(|time| !time.is_zero())
            .unwrap_or(PATIENCE)
    }

    /// The database, as people call it: `host:port/database`.
    pub fn place(&self) -> String {
        let hosts = self.config.get_hosts().iter().enumerate();
        let named = hosts.map(|(place, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", self.port(place)),
            Host::Unix(directory) => format!("{}:{}", directory.display(), self.port(place)),
        });
        let named: Vec<_> = named.collect();
        format!("{}/{}", named.join(","), self.database())
    }

    /// The name of the user.
    pub fn user(&self) -> String {
        self.config.get_user().unwrap_or("(this user)").to_owned()
    }

    /// The name of the database.
    pub fn database(&self) -> String {
        let named = self.config.get_dbname().map(str::to_owned);
        named.unwrap_or_else(|| self.user())
    }

    fn port(&self, place: usize) -> u16 {
        let ports = self.config.get_ports();
        *ports.get(place).or(ports.first()).unwrap_or(&PORT)
    }

    /// Who we are: the password is read each time, since it may have been changed.
    pub fn login(&self) -> Result<Config, Fault> {
        let mut config = self.config.clone();
        if let Some(file) = &self.files.password_file {
            let read = read_trusted(file, Content::Secret("password"));
            let password = read.map_err(|fault| Fault::Configuration(fault.to_string()))?;
            let line = password.split(|byte| matches!(byte, b'\r' | b'\n')).next();
            config.password(line.unwrap_or_default());
        }
        Ok(config)
    }

    /// All addresses, in their order. Names are looked up here, by the system's resolver and in this
    /// thread.
    pub fn addresses(&self) -> Result<Vec<Address>, Fault> {
        let mut addresses = vec![];
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            let port = self.port(place);
            match host {
                Host::Unix(directory) => addresses.push(Address {
                    name: String::new(),
                    door: Door::Unix(directory.join(format!(".s.PGSQL.{port}"))),
                }),
                Host::Tcp(name) => {
                    let doors = match self.config.get_hostaddrs().get(place) {
                        Some(ip) => vec![SocketAddr::new(*ip, port)],
                        None => looked_up(name, port)?,
                    };
                    addresses.extend(doors.into_iter().map(|door| Address {
                        name: name.clone(),
                        door: Door::Tcp(door),
                    }));
                }
            }
        }
        Ok(addresses)
    }

    /// What the server has to prove, and how we prove who we are; `None` if nothing is encrypted. The
    /// files are read each time, since they may have been renewed.
    pub fn tls(&self) -> Result<Option<ClientConfig>, Fault> {
        let Some(ca) = &self.files.ca else {
            return Ok(None);
        };
        let files = TlsFiles {
            ca: ca.clone(),
            client_cert: self.files.client_cert.clone(),
            client_key: self.files.client_key.clone(),
            server_name: None,
        };
        let read = |file: &PathBuf, content| {
            read_trusted(file, content).map_err(|fault| Fault::Configuration(fault.to_string()))
        };
        let (certificate, key) = (&self.files.client_cert, &self.files.client_key);
        let contents = TlsContents {
            ca: read(ca, Content::Public)?.to_vec(),
            client_cert: certificate
                .as_ref()
                .map(|file| read(file, Content::Public))
                .transpose()?,
            client_key: key
                .as_ref()
                .map(|file| read(file, Content::Secret("private key")))
                .transpose()?,
            passphrase: None,
        };
        let config = files.configure(&contents);
        let config = config.map_err(|error| Fault::Configuration(error.to_string()))?;
        Ok(Some(ClientConfig::clone(&config)))
    }
}

fn looked_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, Fault> {
    let found = (name, port).to_socket_addrs();
    let found = found.map_err(|error| Fault::Unreachable(format!("{name}: {error}")))?;
    Ok(found.collect())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.door {
            Door::Tcp(address) => write!(f, "{address}"),
            Door::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}
