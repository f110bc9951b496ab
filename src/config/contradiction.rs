//! Keys of `slot.kmip` that are right one by one and wrong together, and which of them to change.

use std::ops::Range;

use super::complaint::Complaint;
use super::kmip::{Encoding, Pin};
use super::server::Server;
use super::syntax::{self, Text};

/// What was written, and what of it has been understood so far.
pub struct Slot<'a> {
    pub written: &'a syntax::Kmip,
    pub servers: &'a [Server],
    pub encoding: Encoding,
    pub pin: Option<Pin>,
    /// Where to point if nothing else is to blame.
    pub place: Range<usize>,
}

impl Slot<'_> {
    /// Finds the first contradiction.
    pub fn check(&self) -> Result<(), Complaint> {
        self.json_needs_https()?;
        self.token_needs_https()?;
        self.password_needs_username()?;
        self.pin_is_the_only_source()?;
        self.key_to_unlock()?;
        self.some_credential()
    }

    fn not_https(&self) -> Option<&Server> {
        self.servers.iter().find(|server| server.path.is_none())
    }

    fn pin_is(&self, pin: Pin) -> Option<&Text> {
        let named = self.written.pin.as_ref();
        named.filter(|_| self.pin == Some(pin))
    }

    fn json_needs_https(&self) -> Result<(), Complaint> {
        match (&self.written.encoding, self.not_https()) {
            (Some(encoding), Some(server)) if self.encoding == Encoding::Json => said(
                encoding,
                format!(
                    "slot.kmip.encoding: JSON travels over HTTPS only, and {server} is not an https server; \
                     write it as \"https://...\", or kmip.encoding = \"ttlv\""
                ),
            ),
            _ => Ok(()),
        }
    }

    fn token_needs_https(&self) -> Result<(), Complaint> {
        let file = self.written.bearer_token_file.as_ref();
        let (key, text) = match (file, self.pin_is(Pin::Token)) {
            (Some(file), _) => ("bearer_token_file", file),
            (None, Some(pin)) => ("pin", pin),
            (None, None) => return Ok(()),
        };
        match self.not_https() {
            None => Ok(()),
            Some(server) => said(
                text,
                format!(
                    "slot.kmip.{key}: a bearer token travels over HTTPS only, and {server} is not an https \
                     server; write it as \"https://...\", or use another credential"
                ),
            ),
        }
    }

    fn password_needs_username(&self) -> Result<(), Complaint> {
        if self.written.username.is_some() {
            return Ok(());
        }
        let file = self.written.password_file.as_ref();
        match (file, self.pin_is(Pin::Password)) {
            (Some(file), _) => said(
                file,
                "slot.kmip.password_file: a password needs a user; write kmip.username as well",
            ),
            (None, Some(pin)) => said(
                pin,
                "slot.kmip.pin: a password needs a user; write kmip.username as well",
            ),
            (None, None) => Ok(()),
        }
    }

    /// A secret that is in a file is not asked for.
    fn pin_is_the_only_source(&self) -> Result<(), Complaint> {
        let kmip = self.written;
        let sources = [
            (Pin::Password, &kmip.password_file, "kmip.password_file"),
            (
                Pin::Token,
                &kmip.bearer_token_file,
                "kmip.bearer_token_file",
            ),
            (
                Pin::KeyPassphrase,
                &kmip.tls.client_key_passphrase_file,
                "kmip.tls.client_key_passphrase_file",
            ),
        ];
        for (pin, file, key) in sources {
            if let (Some(text), Some(_)) = (self.pin_is(pin), file) {
                return said(
                    text,
                    format!(
                        "slot.kmip.pin: {:?} is asked for, and {key} has it already; leave out one of the two",
                        text.get_ref()
                    ),
                );
            }
        }
        Ok(())
    }

    fn key_to_unlock(&self) -> Result<(), Complaint> {
        match self.pin_is(Pin::KeyPassphrase) {
            Some(pin) if self.written.tls.client_key.is_none() => said(
                pin,
                "slot.kmip.pin: there is no key that it opens; \
                 write kmip.tls.client_cert and kmip.tls.client_key, or another kmip.pin",
            ),
            _ => Ok(()),
        }
    }

    fn some_credential(&self) -> Result<(), Complaint> {
        let kmip = self.written;
        let token = kmip.bearer_token_file.is_some() || self.pin == Some(Pin::Token);
        let other = kmip.username.is_some() || kmip.device.is_some();
        match kmip.tls.client_cert.is_some() || other || token {
            true => Ok(()),
            false => Err(Complaint::said(
                self.place.clone(),
                "the slot has nothing by which the servers could know us; write kmip.tls.client_cert and \
                 kmip.tls.client_key, or kmip.username, or kmip.bearer_token_file",
            )),
        }
    }
}

fn said(text: &Text, sentence: impl Into<String>) -> Result<(), Complaint> {
    Err(Complaint::said(text.span(), sentence))
}
