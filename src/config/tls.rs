//! `slot.kmip.tls`: how the two sides of a connection prove who they are.

use std::ops::Range;
use std::path::PathBuf;

use super::complaint::{Complaint, read};
use super::file_path::Base;
use super::server::host_name;
use super::syntax::{self, Text};

/// TLS files and names. The files may have changed since they were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// PEM file: the certificates that sign the servers'.
    pub ca: PathBuf,
    /// PEM file: our certificate and its chain.
    pub client_cert: Option<PathBuf>,
    /// PEM file: the certificate's private key; there if and only if the certificate is.
    pub client_key: Option<PathBuf>,
    /// The passphrase of an encrypted private key.
    pub client_key_passphrase_file: Option<PathBuf>,
    /// The name to expect in the server's certificate; the host's if `None`.
    pub server_name: Option<String>,
}

impl Tls {
    /// `slot` is where to point if a key is missing.
    pub(super) fn read(
        written: &syntax::Tls,
        slot: Range<usize>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        belong_together(written, &slot)?;
        let path = |text: &Option<Text>| path(text.as_ref(), base);
        let server_name = written.server_name.as_ref();
        Ok(Self {
            ca: path(&written.ca)?.ok_or_else(|| Complaint::missing(slot, "slot.kmip.tls.ca"))?,
            client_cert: path(&written.client_cert)?,
            client_key: path(&written.client_key)?,
            client_key_passphrase_file: path(&written.client_key_passphrase_file)?,
            server_name: server_name
                .map(|name| read(name, |name| host_name(name)))
                .transpose()?,
        })
    }
}

/// The path of a file that need not be named.
pub(super) fn path(text: Option<&Text>, base: &Base) -> Result<Option<PathBuf>, Complaint> {
    let resolved = text.map(|text| read(text, |text| base.resolve(text)));
    resolved.transpose()
}

/// A certificate needs its key, a key its certificate, and a passphrase something to open.
fn belong_together(written: &syntax::Tls, slot: &Range<usize>) -> Result<(), Complaint> {
    match (&written.client_cert, &written.client_key) {
        (Some(_), None) => Err(Complaint::missing(slot.clone(), "slot.kmip.tls.client_key")),
        (None, Some(key)) => Err(Complaint::said(
            key.span(),
            "slot.kmip.tls.client_key: a key is of no use without its certificate; \
             write kmip.tls.client_cert as well",
        )),
        (_, None) => match &written.client_key_passphrase_file {
            Some(file) => Err(Complaint::said(
                file.span(),
                "slot.kmip.tls.client_key_passphrase_file: there is no key that it opens; \
                 write kmip.tls.client_cert and kmip.tls.client_key, or leave it out",
            )),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}
