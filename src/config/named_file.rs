//! The files that the configuration names, and whether they are there and may be trusted.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::error::Error;
use super::hsm::{Hsm, PinSource};
use super::keystore::{Database, Keystore, Postgres, Seal};
use super::kmip::Kmip;
use super::permissions::{self, Content};
use super::position::Position;
use super::slot::{Backend, Slot};
use super::syntax::{self, Text};

/// A file and the key that names it.
#[derive(Debug)]
pub struct NamedFile {
    slot: String,
    key: &'static str,
    path: PathBuf,
    content: Content,
    at: Range<usize>,
}

impl NamedFile {
    /// Those of one slot.
    pub fn of_slot(written: &Spanned<syntax::Slot>, slot: &Slot) -> Vec<Self> {
        let texts = written.get_ref();
        let kmip = texts.kmip.as_ref();
        let hsm = texts.hsm.as_ref();
        let of_kmip = |of| kmip.map_or(vec![], |kmip| files(of, kmip).into());
        let of_hsm = |of| hsm.map_or(vec![], |hsm| files_of_hsm(of, hsm).into());
        let named: Vec<File<'_>> = match &slot.backend {
            Backend::Kmip(of) => of_kmip(of),
            Backend::Keystore(of) => {
                let keystore = texts.keystore.as_ref();
                keystore.map_or(vec![], |keystore| of_keystore(of, keystore, texts))
            }
            Backend::Hsm(of) => of_hsm(of),
            Backend::Delivered(both) => [of_kmip(&both.kmip), of_hsm(&both.hsm)].concat(),
        };
        let files = named.into_iter().filter_map(|(key, path, content, text)| {
            Some(Self {
                slot: slot.label.clone(),
                key,
                path: path?.clone(),
                content,
                at: text.as_ref().map_or(written.span(), Spanned::span),
            })
        });
        files.collect()
    }

    /// Checks that the file can be opened and trusted; `config` and `text` are the file that names it.
    pub fn check(self, config: &Path, text: &str) -> Result<(), Error> {
        let named_file = |fault| Error::NamedFile {
            position: Position::of(config, text, self.at.start),
            slot: self.slot,
            key: self.key,
            fault: Box::new(fault),
        };
        permissions::open(&self.path, self.content)
            .map(drop)
            .map_err(named_file)
    }
}

type File<'a> = (&'static str, Option<&'a PathBuf>, Content, &'a Option<Text>);

/// The database and the file that opens it are made by a command that reads this configuration: they
/// are looked at when they are used.
fn of_keystore<'a>(
    keystore: &'a Keystore,
    written: &'a syntax::Keystore,
    beside: &'a syntax::Slot,
) -> Vec<File<'a>> {
    let mut named = vec![];
    if let Database::Postgres(postgres) = &keystore.database {
        named.extend(of_postgres(postgres, written));
    }
    match (&keystore.seal, &beside.kmip, &beside.hsm) {
        (Seal::Kmip { kmip: of, .. }, Some(kmip), _) => named.extend(files(of, kmip)),
        (Seal::Hsm { hsm: of, .. }, _, Some(hsm)) => named.extend(files_of_hsm(of, hsm)),
        _ => {}
    }
    named
}

fn of_postgres<'a>(postgres: &'a Postgres, written: &'a syntax::Keystore) -> [File<'a>; 4] {
    [
        (
            "keystore.password_file",
            postgres.password_file.as_ref(),
            Content::Secret("password"),
            &written.password_file,
        ),
        (
            "keystore.tls.ca",
            postgres.ca.as_ref(),
            Content::Public,
            &written.tls.ca,
        ),
        (
            "keystore.tls.client_cert",
            postgres.client_cert.as_ref(),
            Content::Public,
            &written.tls.client_cert,
        ),
        (
            "keystore.tls.client_key",
            postgres.client_key.as_ref(),
            Content::Secret("private key"),
            &written.tls.client_key,
        ),
    ]
}

/// Every key that can name a file, and the file if it does.
fn files<'a>(kmip: &'a Kmip, written: &'a syntax::Kmip) -> [File<'a>; 7] {
    let (tls, credentials) = (&kmip.tls, &kmip.credentials);
    let device = credentials.device.as_ref();
    let device_written = written.device.as_ref().map(Spanned::get_ref);
    [
        (
            "kmip.tls.ca",
            Some(&tls.ca),
            Content::Public,
            &written.tls.ca,
        ),
        (
            "kmip.tls.client_cert",
            tls.client_cert.as_ref(),
            Content::Public,
            &written.tls.client_cert,
        ),
        (
            "kmip.tls.client_key",
            tls.client_key.as_ref(),
            Content::Secret("private key"),
            &written.tls.client_key,
        ),
        (
            "kmip.tls.client_key_passphrase_file",
            tls.client_key_passphrase_file.as_ref(),
            Content::Secret("passphrase"),
            &written.tls.client_key_passphrase_file,
        ),
        (
            "kmip.password_file",
            credentials.password_file.as_ref(),
            Content::Secret("password"),
            &written.password_file,
        ),
        (
            "kmip.device.password_file",
            device.and_then(|device| device.password_file.as_ref()),
            Content::Secret("password"),
            device_written.map_or(&None, |device| &device.password_file),
        ),
        (
            "kmip.bearer_token_file",
            credentials.bearer_token_file.as_ref(),
            Content::Secret("bearer token"),
            &written.bearer_token_file,
        ),
    ]
}

/// Whoever may write the module or the program has all rights of those who use the slot.
fn files_of_hsm<'a>(hsm: &'a Hsm, written: &'a syntax::Hsm) -> [File<'a>; 3] {
    let pin = match &hsm.pin {
        PinSource::File(path) => Some(path),
        _ => None,
    };
    let process = hsm.process.as_ref();
    [
        (
            "hsm.module",
            Some(&hsm.module),
            Content::Public,
            &written.module,
        ),
        (
            "hsm.pin_file",
            pin,
            Content::Secret("PIN"),
            &written.pin_file,
        ),
        (
            "hsm.program",
            process.and_then(|process| process.program.as_ref()),
            Content::Public,
            &written.program,
        ),
    ]
}
