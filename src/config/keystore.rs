//! `slot.keystore`: private keys sealed in a database of their own, and what opens them.

use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use tokio_postgres::config::{Config as Connection, Host};

use super::choice::choice;
use super::complaint::{Complaint, read};
use super::file_path::Base;
use super::hsm::{Hsm, PinSource};
use super::kmip::Kmip;
use super::syntax::{self, Text};
use super::tls::path;

const SEALS: [(&str, SealKind); 4] = [
    ("pin", SealKind::Pin),
    ("file", SealKind::File),
    ("hsm", SealKind::Hsm),
    ("kmip", SealKind::Kmip),
];

/// A database with sealed keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keystore {
    /// Where it is.
    pub database: Database,
    /// What opens the key that seals all others.
    pub seal: Seal,
}

/// Where a keystore is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// An SQLite file; it may not be there yet.
    Sqlite(PathBuf),
    /// A database of a Postgres server.
    Postgres(Postgres),
}

/// A database of a Postgres server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postgres {
    /// Its connection string, without a password.
    pub connection: String,
    /// File: the user's password.
    pub password_file: Option<PathBuf>,
    /// PEM file: the certificates that sign the server's. Always there for a server that is not on
    /// this machine.
    pub ca: Option<PathBuf>,
    /// PEM file: our certificate and its chain.
    pub client_cert: Option<PathBuf>,
    /// PEM file: the certificate's private key; there if and only if the certificate is.
    pub client_key: Option<PathBuf>,
}

/// What opens a keystore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seal {
    /// A person's PIN.
    Pin,
    /// A file that only this user can read; it may not be there yet.
    File(PathBuf),
    /// An AES key in an HSM that encrypts and decrypts for us.
    Hsm {
        /// Its CKA_LABEL.
        key: String,
        /// Where it is. Its PIN is in a file or a variable.
        hsm: Box<Hsm>,
    },
    /// A key of a KMIP server that encrypts and decrypts for us.
    Kmip {
        /// The key's name or unique identifier.
        key: String,
        /// Where it is.
        kmip: Box<Kmip>,
    },
}

/// The words for [`Seal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SealKind {
    Pin,
    File,
    Hsm,
    Kmip,
}

impl Keystore {
    /// `beside` is the slot that it is in, and `slot` where to point if a key is missing.
    pub(super) fn read(
        written: &syntax::Keystore,
        beside: &syntax::Slot,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        Ok(Self {
            database: Database::read(written, slot.clone(), base)?,
            seal: Seal::read(written, beside, slot, base)?,
        })
    }
}

impl Database {
    fn read(
        written: &syntax::Keystore,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        match (&written.path, &written.postgres) {
            (Some(_), Some(postgres)) => Err(Complaint::said(
                postgres.span(),
                "slot.keystore.postgres: a keystore is in one place, and keystore.path names another; \
                 leave out one of the two",
            )),
            (None, Some(postgres)) => Postgres::read(written, postgres, base).map(Self::Postgres),
            (Some(file), None) => {
                of_postgres_alone(written)?;
                Ok(Self::Sqlite(read(file, |text| base.resolve(text))?))
            }
            (None, None) => Err(Complaint::missing(slot, "slot.keystore.path")),
        }
    }
}

/// With a file there is nobody to give a password or a certificate to.
fn of_postgres_alone(written: &syntax::Keystore) -> Result<(), Complaint> {
    let keys = [
        ("password_file", &written.password_file),
        ("tls.ca", &written.tls.ca),
        ("tls.client_cert", &written.tls.client_cert),
        ("tls.client_key", &written.tls.client_key),
    ];
    for (key, text) in keys {
        if let Some(text) = text {
            return said(
                text,
                format!(
                    "slot.keystore.{key}: it is for keystore.postgres, and this keystore is a file; \
                     leave it out"
                ),
            );
        }
    }
    Ok(())
}

impl Postgres {
    fn read(written: &syntax::Keystore, connection: &Text, base: &Base) -> Result<Self, Complaint> {
        let parsed = read(connection, |text| parsed(text))?;
        let tls = &written.tls;
        match (&tls.client_cert, &tls.client_key) {
            (Some(text), None) => said(text, lonely("client_cert", "client_key"))?,
            (None, Some(text)) => said(text, lonely("client_key", "client_cert"))?,
            _ => {}
        }
        match (&tls.ca, &tls.client_cert) {
            (None, Some(text)) => said(text, lonely("client_cert", "ca"))?,
            (None, None) if !parsed.get_hosts().iter().all(is_here) => said(
                connection,
                "slot.keystore.postgres: the server is on another machine, and nothing protects the way to \
                 it; write keystore.tls.ca",
            )?,
            _ => {}
        }
        Ok(Self {
            connection: connection.get_ref().clone(),
            password_file: path(written.password_file.as_ref(), base)?,
            ca: path(tls.ca.as_ref(), base)?,
            client_cert: path(tls.client_cert.as_ref(), base)?,
            client_key: path(tls.client_key.as_ref(), base)?,
        })
    }
}

fn lonely(key: &str, other: &str) -> String {
    format!("slot.keystore.tls.{key}: it is of no use alone; write keystore.tls.{other} as well")
}

fn parsed(text: &str) -> Result<Connection, String> {
    let parsed = Connection::from_str(text)
        .map_err(|error| format!("{text:?} is no connection string: {error}"))?;
    if parsed.get_password().is_some() {
        return Err(
            "there is a password in it, which everybody can read who can read this file; \
             put it into a file and write keystore.password_file"
                .into(),
        );
    }
    if parsed.get_hosts().is_empty() {
        return Err(format!("{text:?} names no host"));
    }
    Ok(parsed)
}

/// Whether nobody else can listen on the way.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

impl Seal {
    fn read(
        written: &syntax::Keystore,
        beside: &syntax::Slot,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        let text = written.seal.as_ref();
        let text = text.ok_or_else(|| Complaint::missing(slot.clone(), "slot.keystore.seal"))?;
        let kind = read(text, |text| choice(text, &SEALS, "known"))?;
        fits(written, kind, beside)?;
        match kind {
            SealKind::Pin => Ok(Self::Pin),
            SealKind::File => match path(written.seal_file.as_ref(), base)? {
                Some(file) => Ok(Self::File(file)),
                None => Err(Complaint::missing(slot, "slot.keystore.seal_file")),
            },
            SealKind::Kmip => match &beside.kmip {
                Some(kmip) => Self::by_kmip(written, kmip, slot, base),
                None => Err(Complaint::said(
                    text.span(),
                    "slot.keystore.seal: \"kmip\" needs a server; write kmip.servers and the other kmip keys \
                     in the same slot",
                )),
            },
            SealKind::Hsm => match &beside.hsm {
                Some(hsm) => Self::by_hsm(written, hsm, slot, base),
                None => Err(Complaint::said(
                    text.span(),
                    "slot.keystore.seal: \"hsm\" needs an HSM; write hsm.module and the other hsm keys in the \
                     same slot",
                )),
            },
        }
    }

    fn by_kmip(
        written: &syntax::Keystore,
        kmip: &syntax::Kmip,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        if let Some(pin) = &kmip.pin {
            said(
                pin,
                "slot.kmip.pin: what opens a keystore needs no person; leave it out, and write the file with \
                 the secret, or keystore.seal = \"pin\"",
            )?;
        }
        Ok(Self::Kmip {
            key: seal_key(written, slot.clone())?,
            kmip: Box::new(Kmip::read(kmip, slot, base)?),
        })
    }

    fn by_hsm(
        written: &syntax::Keystore,
        hsm: &syntax::Hsm,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        let hsm = Hsm::read(hsm, slot.clone(), base)?;
        if hsm.pin == PinSource::Login {
            return Err(Complaint::said(
                slot,
                "slot.hsm.pin_file is missing: the HSM opens the keystore without a person; write hsm.pin_file \
                 or hsm.pin_env",
            ));
        }
        Ok(Self::Hsm {
            key: seal_key(written, slot)?,
            hsm: Box::new(hsm),
        })
    }
}

/// What belongs to another kind of seal is a mistake.
fn fits(
    written: &syntax::Keystore,
    kind: SealKind,
    beside: &syntax::Slot,
) -> Result<(), Complaint> {
    let by_key = matches!(kind, SealKind::Hsm | SealKind::Kmip);
    match (&written.seal_file, &written.seal_key, &written.seal) {
        (Some(file), _, _) if kind != SealKind::File => said(
            file,
            "slot.keystore.seal_file: it is read with keystore.seal = \"file\" only; leave it out or \
             write that",
        ),
        (_, Some(key), _) if !by_key => said(
            key,
            "slot.keystore.seal_key: it is used with keystore.seal = \"hsm\" or \"kmip\" only; leave it out \
             or write one of them",
        ),
        (_, _, Some(seal)) if beside.kmip.is_some() && kind != SealKind::Kmip => {
            said(seal, useless("kmip"))
        }
        (_, _, Some(seal)) if beside.hsm.is_some() && kind != SealKind::Hsm => {
            said(seal, useless("hsm"))
        }
        _ => Ok(()),
    }
}

fn useless(keys: &str) -> String {
    format!(
        "slot.keystore.seal: the {keys} keys of this slot are of no use; leave them out, or write \
         keystore.seal = {keys:?}"
    )
}

fn seal_key(written: &syntax::Keystore, slot: Range<usize>) -> Result<String, Complaint> {
    let key = written.seal_key.as_ref();
    let key = key.ok_or_else(|| Complaint::missing(slot, "slot.keystore.seal_key"))?;
    read(key, |text| {
        match text.is_empty() || text.chars().any(char::is_control) {
            true => Err(format!("{text:?} is empty or has a control character")),
            false => Ok(text.clone()),
        }
    })
}

fn said(text: &Text, sentence: impl Into<String>) -> Result<(), Complaint> {
    Err(Complaint::said(text.span(), sentence))
}
