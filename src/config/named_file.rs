//! The files that the configuration names, and whether they are there and may be trusted.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::error::Error;
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
        let Backend::Kmip(kmip) = &slot.backend;
        let Some(syntax::Kmip { tls, .. }) = &written.get_ref().kmip else {
            return Vec::new();
        };
        let file = |key, path: &Path, content, text: &Option<Text>| Self {
            slot: slot.label.clone(),
            key,
            path: path.to_owned(),
            content,
            at: text.as_ref().map_or(written.span(), Spanned::span),
        };
        vec![
            file("kmip.tls.ca", &kmip.tls.ca, Content::Public, &tls.ca),
            file(
                "kmip.tls.client_cert",
                &kmip.tls.client_cert,
                Content::Public,
                &tls.client_cert,
            ),
            file(
                "kmip.tls.client_key",
                &kmip.tls.client_key,
                Content::Secret,
                &tls.client_key,
            ),
        ]
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
