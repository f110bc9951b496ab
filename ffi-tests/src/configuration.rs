//! A configuration file with the slots that a test wants.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::kmip_server::Endpoint;
use crate::own_process::Surroundings;
use crate::scratch::Scratch;

/// A slot to be written.
#[derive(Debug, Clone)]
pub struct SlotEntry {
    label: String,
    endpoint: Option<Endpoint>,
    has_certificate: bool,
    others: Vec<String>,
    lines: Vec<String>,
}

impl SlotEntry {
    /// A slot with that label on a KMIP server, and defaults for everything else.
    pub fn new(label: &str, endpoint: Endpoint) -> Self {
        Self {
            endpoint: Some(endpoint),
            ..Self::bare(label)
        }
    }

    /// A slot whose lines say where its keys are.
    pub fn bare(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            endpoint: None,
            has_certificate: true,
            others: vec![],
            lines: vec![],
        }
    }

    /// The same slot under another label.
    pub fn called(mut self, label: &str) -> Self {
        label.clone_into(&mut self.label);
        self
    }

    /// The same slot with its server at another address or URL.
    #[track_caller]
    pub fn at(mut self, address: String) -> Self {
        self.server().address = address;
        self
    }

    #[track_caller]
    fn server(&mut self) -> &mut Endpoint {
        self.endpoint.as_mut().expect("a slot on a KMIP server")
    }

    /// Has another server with the same objects, at this address.
    pub fn or_at(mut self, address: String) -> Self {
        self.others.push(address);
        self
    }

    /// Shows the keys of this object group only.
    pub fn group(self, group: &str) -> Self {
        self.line(format!("keys.groups = [{group:?}]"))
    }

    /// Shows keys with these names only.
    pub fn names(self, patterns: &[&str]) -> Self {
        self.line(format!("keys.names = {patterns:?}"))
    }

    /// Lets keys be used here where the server cannot sign.
    pub fn local_use(self) -> Self {
        self.line("keys.local_use = true")
    }

    /// Limits a call.
    pub fn deadline(self, deadline: &str) -> Self {
        self.line(format!("kmip.deadline = {deadline:?}"))
    }

    /// Keeps its listings in that directory.
    pub fn disk(self, directory: &Path) -> Self {
        self.line("cache.disk = true")
            .line(format!("cache.disk_directory = {directory:?}"))
    }

    /// Shows no client certificate.
    pub fn without_certificate(mut self) -> Self {
        self.has_certificate = false;
        self
    }

    /// Our client certificate's key.
    #[track_caller]
    pub fn key_file(&self) -> PathBuf {
        let endpoint = self.endpoint.as_ref();
        endpoint.expect("a slot on a KMIP server").key.clone()
    }

    /// Takes that key from another file.
    #[track_caller]
    pub fn with_key_file(mut self, key: &Path) -> Self {
        self.server().key = key.to_owned();
        self
    }

    /// Adds a line of any kind.
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    fn text(&self) -> String {
        let mut text = format!("\n[[slot]]\nlabel = {:?}\n", self.label);
        for line in self.of_server().iter().chain(&self.lines) {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    fn of_server(&self) -> Vec<String> {
        let Some(endpoint) = &self.endpoint else {
            return vec![];
        };
        let Endpoint {
            address,
            ca,
            certificate,
            key,
        } = endpoint;
        let others = self.others.iter();
        let addresses: Vec<&String> = std::iter::once(address).chain(others).collect();
        let mut lines = vec![
            format!("kmip.servers = {addresses:?}"),
            format!("kmip.tls.ca = {ca:?}"),
        ];
        if self.has_certificate {
            lines.push(format!("kmip.tls.client_cert = {certificate:?}"));
            lines.push(format!("kmip.tls.client_key = {key:?}"));
        }
        lines
    }
}

/// A file that is there until this is dropped.
pub struct Configuration {
    scratch: Scratch,
    path: PathBuf,
}

impl Configuration {
    /// A file with these slots, and a log beside it.
    pub fn new(slots: &[SlotEntry]) -> Self {
        let scratch = Scratch::new();
        let log = scratch.file("log");
        let mut text = format!("[log]\nlevel = \"debug\"\ntarget = {log:?}\n");
        text.extend(slots.iter().map(SlotEntry::text));
        Self::with(scratch, &text)
    }

    /// A file with these slots as they are written, and a log of that level beside it.
    pub fn logging(level: &str, slots: &str) -> Self {
        let scratch = Scratch::new();
        let log = scratch.file("log");
        let text = format!("[log]\nlevel = {level:?}\ntarget = {log:?}\n{slots}");
        Self::with(scratch, &text)
    }

    /// A file with these slots and this text after them, and a log beside it.
    pub fn with_more(slots: &[SlotEntry], more: &str) -> Self {
        let Self { scratch, path } = Self::new(slots);
        let text = std::fs::read_to_string(&path).expect("it was just written");
        Self::with(scratch, &(text + more))
    }

    /// A file with this text, right or wrong.
    pub fn of_text(text: &str) -> Self {
        Self::with(Scratch::new(), text)
    }

    fn with(scratch: Scratch, text: &str) -> Self {
        let path = scratch.write("config.toml", text);
        Self { scratch, path }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the library has logged so far.
    pub fn log(&self) -> String {
        self.scratch.read("log")
    }
}

/// What a body in a process of its own reads of its library's log.
pub fn own_log() -> String {
    let path = std::env::var_os("KMIP_P11_CONFIG").map(PathBuf::from);
    let log = path
        .as_deref()
        .and_then(Path::parent)
        .map(|dir| dir.join("log"));
    let log = log.expect("the parent has set KMIP_P11_CONFIG");
    std::fs::read_to_string(log).unwrap_or_default()
}

impl Surroundings for Configuration {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![("KMIP_P11_CONFIG", self.path.clone().into())]
    }
}
