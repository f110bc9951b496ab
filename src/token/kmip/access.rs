//! Access to the servers: from the configuration, its files and the PIN to a client that serves until logout.

use std::collections::HashSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::bearer;
use super::failure::Failures;
use super::renewal::Stamps;
use super::validity::{Validity, of_server, shown_by};
use crate::config::{self, Content, Pin};
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{
    self, Acquaintance, Attribute, Client, Credential, Encoding, ErrorKind, ObjectType, Order,
    Refusal, Request, ResultReason, ServerAddress, Settings, TlsContents, TlsFileError,
    TlsFileProblem, TlsFiles, Transport, Version,
};

/// What the servers know us by, and the client that has it.
pub struct Access {
    config: config::Kmip,
    failures: Failures,
    /// Made at first use, or by a login: C_Initialize reads no certificate and fails for none. All
    /// secrets are in it, and go with it.
    held: Mutex<Option<Held>>,
    /// What another process agreed on with the servers, for clients that are not there yet.
    recalled: Mutex<Vec<Acquaintance>>,
    /// When the bearer token ends, if it says so.
    token_end: Mutex<Option<SystemTime>>,
    /// What the log has been told of certificates that end: once is enough.
    told: Mutex<HashSet<String>>,
}

/// A client, and the files that it was made of.
struct Held {
    client: Arc<Client>,
    files: Stamps,
}

impl Held {
    fn new(client: Client, files: Stamps) -> Self {
        let client = Arc::new(client);
        Self { client, files }
    }
}

impl Access {
    /// Reads nothing yet.
    pub fn new(config: config::Kmip, failures: Failures) -> Self {
        Self {
            config,
            failures,
            held: Mutex::default(),
            recalled: Mutex::default(),
            token_end: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// The client; where there is a PIN, that of the login. A new one, if files have been renewed.
    pub fn client(&self) -> Result<Arc<Client>> {
        let mut held = self.held.lock();
        if self.config.pin.is_some() {
            let client = held.as_ref().map(|held| Arc::clone(&held.client));
            return client.ok_or_else(|| {
                let reason = "nobody is logged in: give the PIN first";
                self.failures.error(TokenErrorKind::LoginRequired, reason)
            });
        }
        // Before they are read: what changes meanwhile is seen the next time.
        let files = Stamps::of(&self.config);
        match &mut *held {
            Some(held) if held.files == files => Ok(Arc::clone(&held.client)),
            Some(held) => {
                self.renew(held, files);
                Ok(Arc::clone(&held.client))
            }
            None => {
                let made = held.insert(Held::new(self.make(None)?, files));
                Ok(Arc::clone(&made.client))
            }
        }
    }

    /// Files that cannot be used, perhaps because they are just being written, take nothing away.
    fn renew(&self, held: &mut Held, files: Stamps) {
        match self.make(None) {
            Ok(client) => *held = Held::new(client, files),
            Err(error) => {
                log::warn!("files have changed and cannot be used, the old ones serve on: {error}");
                held.files = files;
            }
        }
    }

    /// Tries the PIN and keeps the client that has it.
    ///
    /// A passphrase shows by itself whether it is right. Of a password or a token the server has to
    /// be asked something that it does not tell everybody.
    pub fn login(&self, pin: &str) -> Result {
        let client = self.make(Some(pin))?;
        if self.config.pin != Some(Pin::KeyPassphrase) {
            self.try_out(&client)?;
        }
        let files = Stamps::of(&self.config);
        *self.held.lock() = Some(Held::new(client, files));
        Ok(())
    }

    /// Forgets the client, its connections and its secrets. A call that is under way ends with it.
    pub fn logout(&self) {
        *self.held.lock() = None;
    }

    fn try_out(&self, client: &Client) -> Result {
        let locate = Request::Locate {
            filters: vec![Attribute::ObjectType(ObjectType::PRIVATE_KEY)],
            maximum_items: Some(1),
            offset_items: None,
            group_member: None,
            storage_status: None,
        };
        let deadline = Instant::now() + self.config.deadline;
        match client.call_within(deadline, &[locate]) {
            Ok(answers) => match answers.into_iter().next() {
                Some(Err(refusal)) if is_about_us(&refusal) => Err(self.wrong_pin(&refusal)),
                Some(Err(refusal)) => {
                    Err(self.not_tried(format!("server {} {refusal}", self.failures.servers)))
                }
                _ => Ok(()),
            },
            Err(error) => Err(self.untried(&error)),
        }
    }

    /// A refusal of the whole message is that of its header, where credentials stand.
    fn untried(&self, error: &kmip::Error) -> Error {
        match &error.kind {
            ErrorKind::Refused(refusal) if is_about_us(refusal) => self.wrong_pin(refusal),
            // A token with characters that none can have is not even sent.
            ErrorKind::CredentialsRefused { .. } | ErrorKind::NotForHttp { .. } => {
                let reason = format!("the PIN is wrong: {error}");
                self.failures.error(TokenErrorKind::WrongPin, reason)
            }
            _ => self.not_tried(error),
        }
    }

    /// Neither right nor wrong: to a program, the token has failed.
    fn not_tried(&self, why: impl Display) -> Error {
        let reason = format!("the PIN could not be tried: {why}");
        self.failures.error(TokenErrorKind::Unreachable, reason)
    }

    fn wrong_pin(&self, refusal: &Refusal) -> Error {
        let servers = &self.failures.servers;
        let reason = format!("the PIN is wrong: server {servers} {refusal}");
        self.failures.error(TokenErrorKind::WrongPin, reason)
    }

    fn make(&self, pin: Option<&str>) -> Result<Client> {
        let pin_is = |kind| pin.filter(|_| self.config.pin == Some(kind));
        let files = self.tls_files();
        let contents = self.tls_contents(&files, pin_is(Pin::KeyPassphrase))?;
        self.warn(&files, &contents);
        let tls = files.configure(&contents);
        let tls = tls.map_err(|error| self.unusable(&error, pin.is_some()))?;
        let mut settings = Settings::new(self.addresses(), tls);
        settings.server_name = files.server_name;
        settings.order = match self.config.order {
            config::Order::Ordered => Order::Ordered,
            config::Order::Balanced => Order::Balanced,
        };
        let connections = self.config.connections;
        settings.connections = connections.most;
        settings.maximum_idle = connections.idle;
        settings.maximum_age = connections.max_age;
        let token = self.config.credentials.bearer_token_file.as_deref();
        settings.bearer_token = self.given(pin_is(Pin::Token), token, "bearer token")?;
        self.note_end(settings.bearer_token.as_ref().map(|it| it.as_str()));
        settings.credentials = self.credentials(pin_is(Pin::Password))?;
        settings.deadline = self.config.deadline;
        settings.version = match self.config.protocol {
            config::Protocol::Auto => None,
            config::Protocol::Version { major, minor } => Some(Version {
                major: major.into(),
                minor: minor.into(),
            }),
        };
        let client = Client::new(settings);
        client.recall(&self.recalled.lock());
        Ok(client)
    }

    /// What was agreed with each server that was spoken to.
    pub fn acquaintances(&self) -> Vec<Acquaintance> {
        let held = self.held.lock();
        let client = held.as_ref().map(|held| &held.client);
        client.map(|it| it.acquaintances()).unwrap_or_default()
    }

    /// Takes over what another process agreed on, for servers that nothing is known of.
    pub fn recall(&self, known: Vec<Acquaintance>) {
        if let Some(held) = &*self.held.lock() {
            held.client.recall(&known);
        }
        *self.recalled.lock() = known;
    }

    /// Forgets what was taken over.
    pub fn forget_recalled(&self) {
        self.recalled.lock().clear();
        if let Some(held) = &*self.held.lock() {
            held.client.forget_recalled();
        }
    }

    /// What is said of us in the header of every request.
    fn credentials(&self, pin: Option<&str>) -> Result<Vec<Credential>> {
        let configured = &self.config.credentials;
        let mut all = vec![];
        if let Some(username) = &configured.username {
            all.push(Credential::UsernameAndPassword {
                username: username.clone(),
                password: self.given(pin, configured.password_file.as_deref(), "password")?,
            });
        }
        if let Some(device) = &configured.device {
            all.push(Credential::Device {
                device_serial_number: device.serial_number.clone(),
                password: self.secret(device.password_file.as_deref(), "password")?,
                device_identifier: device.device_identifier.clone(),
                network_identifier: device.network_identifier.clone(),
                machine_identifier: device.machine_identifier.clone(),
                media_identifier: device.media_identifier.clone(),
            });
        }
        Ok(all)
    }

    fn note_end(&self, token: Option<&str>) {
        let end = token.and_then(bearer::end);
        if let Some(warning) = end.and_then(bearer::warning) {
            log::warn!("slot {:?}: {warning}", self.failures.slot);
        }
        *self.token_end.lock() = end;
    }

    /// When the bearer token that is used now ends, if it says so.
    pub fn token_end(&self) -> Option<SystemTime> {
        *self.token_end.lock()
    }

    fn addresses(&self) -> Vec<ServerAddress> {
        let encoding = match self.config.encoding {
            config::Encoding::Ttlv => Encoding::Ttlv,
            config::Encoding::Json => Encoding::Json,
        };
        let servers = self.config.servers.iter().map(|server| ServerAddress {
            host: server.host.clone(),
            port: server.port,
            transport: match &server.path {
                None => Transport::Tls,
                Some(path) => Transport::Https {
                    path: path.clone(),
                    encoding,
                },
            },
        });
        servers.collect()
    }

    fn tls_files(&self) -> TlsFiles {
        let tls = &self.config.tls;
        TlsFiles {
            ca: tls.ca.clone(),
            client_cert: tls.client_cert.clone(),
            client_key: tls.client_key.clone(),
            server_name: tls.server_name.clone(),
        }
    }

    /// The files were judged when the configuration was read, and may have changed hands since.
    fn tls_contents(&self, files: &TlsFiles, pin: Option<&str>) -> Result<TlsContents> {
        let some = |path: &Option<PathBuf>, content| {
            let read = path.as_deref().map(|path| self.read(path, content));
            read.transpose()
        };
        let file = &self.config.tls.client_key_passphrase_file;
        Ok(TlsContents {
            ca: self.read(&files.ca, Content::Public)?.to_vec(),
            client_cert: some(&files.client_cert, Content::Public)?,
            client_key: some(&files.client_key, Content::Secret("private key"))?,
            passphrase: self.given(pin, file.as_deref(), "passphrase")?,
        })
    }

    /// A secret that is the PIN, or in a file, or not there.
    fn given(
        &self,
        pin: Option<&str>,
        file: Option<&Path>,
        name: &'static str,
    ) -> Result<Option<Zeroizing<String>>> {
        match pin {
            Some(pin) => Ok(Some(Zeroizing::new(pin.to_owned()))),
            None => self.secret(file, name),
        }
    }

    /// The text of a file with a secret, without the newline that editors put at its end.
    fn secret(&self, path: Option<&Path>, name: &'static str) -> Result<Option<Zeroizing<String>>> {
        let Some(path) = path else { return Ok(None) };
        let bytes = self.read(path, Content::Secret(name))?;
        let text = std::str::from_utf8(&bytes).ok().map(|text| {
            let line = text.strip_suffix('\n').unwrap_or(text);
            line.strip_suffix('\r').unwrap_or(line)
        });
        let text = text.filter(|text| !text.is_empty()).ok_or_else(|| {
            let path = path.display();
            let reason = format!("{path}: is no {name}: write it into the file, in UTF-8");
            self.failures.error(TokenErrorKind::Unreachable, reason)
        })?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    fn read(&self, path: &Path, content: Content) -> Result<Zeroizing<Vec<u8>>> {
        let read = config::read_trusted(path, content);
        read.map_err(|fault| self.failures.error(TokenErrorKind::Unreachable, fault))
    }

    fn unusable(&self, error: &TlsFileError, by_pin: bool) -> Error {
        let kind = match error.problem {
            TlsFileProblem::WrongPassphrase if by_pin => TokenErrorKind::WrongPin,
            _ => TokenErrorKind::Unreachable,
        };
        self.failures.error(kind, error)
    }

    fn warn(&self, files: &TlsFiles, contents: &TlsContents) {
        let client = files
            .client_cert
            .as_deref()
            .zip(contents.client_cert.as_ref());
        let client = client.map(|(file, pem)| ("client certificate", file, pem.as_slice()));
        let ca = (
            "certificate authority",
            files.ca.as_path(),
            contents.ca.as_slice(),
        );
        for (what, file, pem) in client.into_iter().chain([ca]) {
            let all = Validity::of_all(pem).unwrap_or_default();
            let what = format!("{what} {}", file.display());
            all.iter().for_each(|it| self.warn_of(it, &what));
        }
    }

    /// Logs which servers have shown a certificate that ends soon, once.
    pub fn warn_of_servers(&self, client: &Client) {
        for (server, certificate) in shown_by(client) {
            self.warn_of(&certificate, &of_server(&server));
        }
    }

    fn warn_of(&self, certificate: &Validity, what: &str) {
        if let Some(warning) = certificate.warning(what)
            && self.told.lock().insert(warning.clone())
        {
            log::warn!("slot {:?}: {warning}", self.failures.slot);
        }
    }
}

/// True for what a server says to a client whom it does not let in.
fn is_about_us(refusal: &Refusal) -> bool {
    matches!(
        refusal.reason,
        ResultReason::AUTHENTICATION_NOT_SUCCESSFUL | ResultReason::PERMISSION_DENIED
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Backend, Config};

    fn access(lines: &str) -> Access {
        let text = format!(
            "[[slot]]\nlabel = \"t\"\nkmip.servers = [\"a\"]\nkmip.tls.ca = \"/nonexistent/ca\"\n{lines}"
        );
        let config = Config::parse(&text, Path::new("/c.toml")).unwrap();
        let Backend::Kmip(kmip) = config.slots[0].backend.clone() else {
            panic!("another back end")
        };
        let failures = Failures {
            slot: "t".into(),
            servers: "a:5696".into(),
        };
        Access::new(kmip, failures)
    }

    #[test]
    fn every_credential_is_taken_from_the_configuration() {
        let access = access(
            "kmip.username = \"alice\"\nkmip.pin = \"password\"\n\
             kmip.device.serial_number = \"1\"\nkmip.device.device_identifier = \"2\"\n\
             kmip.device.network_identifier = \"3\"\nkmip.device.machine_identifier = \"4\"\n\
             kmip.device.media_identifier = \"5\"\n",
        );
        let text = |text: &str| Some(text.to_owned());
        let user = Credential::UsernameAndPassword {
            username: "alice".into(),
            password: Some(Zeroizing::new("secret".into())),
        };
        let device = Credential::Device {
            device_serial_number: text("1"),
            password: None,
            device_identifier: text("2"),
            network_identifier: text("3"),
            machine_identifier: text("4"),
            media_identifier: text("5"),
        };
        let credentials = access.credentials(Some("secret")).unwrap();
        assert!(credentials == [user, device], "{credentials:?}");
        assert!(!format!("{credentials:?}").contains("secret"));
    }

    #[test]
    fn without_the_pin_there_is_no_client() {
        let access = access("kmip.username = \"alice\"\nkmip.pin = \"password\"\n");
        let Err(Error::Token(error)) = access.client() else {
            panic!("nobody is logged in")
        };
        assert_eq!(error.kind, TokenErrorKind::LoginRequired);
    }
}
