//! An AES key of an HSM that encrypts for another token, and never leaves it.

use cryptoki::mechanism::Mechanism;
use zeroize::Zeroizing;

use super::conversation::Conversation;
use super::device::*;
use super::seat::Seat;
use super::{device, error_kind, remedy, template};
use crate::config;
use crate::error::{Error, Result, TokenError, TokenErrorKind};

impl Seat {
    /// By CKM_AES_CBC_PAD.
    pub(super) fn encrypt(&self, key: Handle, iv: [u8; 16], data: &Secret) -> Result<Reply, Fault> {
        let key = self.object(key)?;
        let mechanism = Mechanism::AesCbcPad(iv);
        self.with(|session| Ok(session.encrypt(&mechanism, key, &data.0)?))
            .map(Reply::Bytes)
    }

    /// What [`Seat::encrypt`] gave.
    pub(super) fn decrypt(&self, key: Handle, iv: [u8; 16], data: &[u8]) -> Result<Reply, Fault> {
        let key = self.object(key)?;
        let mechanism = Mechanism::AesCbcPad(iv);
        let plain = self.with(|session| Ok(session.decrypt(&mechanism, key, data)?))?;
        Ok(Reply::Secret(Secret(Zeroizing::new(plain))))
    }

    /// A new key for both.
    pub(super) fn generate_cipher_key(&self, label: &str, id: &[u8]) -> Result<Reply, Fault> {
        let template = template::of_cipher_key(label, id);
        let made =
            self.with(|session| Ok(session.generate_key(&Mechanism::AesKeyGen, &template)?))?;
        Ok(Reply::Object(self.note(made)))
    }
}

/// A key, and the token that it is in.
pub struct CipherKey {
    slot: String,
    module: String,
    device: Conversation,
    label: String,
}

impl CipherKey {
    /// The AES key with that CKA_LABEL; loads no module yet.
    pub fn new(slot: &str, hsm: &config::Hsm, label: &str) -> Self {
        Self {
            slot: slot.into(),
            module: hsm.module.display().to_string(),
            device: Conversation::new(device(hsm), hsm.pin.clone()),
            label: label.into(),
        }
    }

    /// Encrypts by CKM_AES_CBC_PAD, which authenticates nothing. A key that is not there is made, with `id`
    /// as its CKA_ID.
    ///
    /// # Errors
    /// If the token cannot be used, or has several such keys.
    pub fn encrypt(&self, plain: Zeroizing<Vec<u8>>, iv: [u8; 16], id: &[u8]) -> Result<Vec<u8>> {
        let key = match self.found()? {
            Some(key) => key,
            None => self.made(id)?,
        };
        let data = Secret(plain);
        match self.ask(&Request::Encrypt { key, iv, data })? {
            Reply::Bytes(encrypted) => Ok(encrypted),
            _ => Err(self.unexpected()),
        }
    }

    /// What was encrypted with that IV.
    ///
    /// # Errors
    /// If the token cannot be used, or has no such key.
    pub fn decrypt(&self, encrypted: &[u8], iv: [u8; 16]) -> Result<Zeroizing<Vec<u8>>> {
        let key = self.found()?.ok_or_else(|| {
            let label = &self.label;
            self.error(
                TokenErrorKind::Failed,
                format!("the token has no AES key {label:?}; correct keystore.seal_key, or the choice of the token"),
            )
        })?;
        let data = encrypted.to_vec();
        match self.ask(&Request::Decrypt { key, iv, data })? {
            Reply::Secret(Secret(plain)) => Ok(plain),
            _ => Err(self.unexpected()),
        }
    }

    fn found(&self) -> Result<Option<Handle>> {
        let Reply::Objects(objects) = self.ask(&Request::Objects)? else {
            return Err(self.unexpected());
        };
        let named = |object: &&Object| {
            object.class == Class::Secret && object.label == self.label.as_bytes()
        };
        let found: Vec<_> = objects.iter().filter(named).map(|it| it.handle).collect();
        match found[..] {
            [] => Ok(None),
            [key] => Ok(Some(key)),
            _ => {
                let label = &self.label;
                let reason =
                    format!("the token has several keys {label:?}; give one of them another label");
                Err(self.error(TokenErrorKind::Failed, reason))
            }
        }
    }

    fn made(&self, id: &[u8]) -> Result<Handle> {
        let (label, id) = (self.label.clone(), id.to_vec());
        match self.ask(&Request::GenerateCipherKey { label, id })? {
            Reply::Object(key) => Ok(key),
            _ => Err(self.unexpected()),
        }
    }

    fn ask(&self, request: &Request) -> Result<Reply> {
        self.device.ask(request).map_err(|fault| {
            let reason = format!("{}{}", fault.said, remedy(fault.kind));
            self.error(error_kind(fault.kind), reason)
        })
    }

    fn unexpected(&self) -> Error {
        let reason = "an answer to another question".to_owned();
        self.error(TokenErrorKind::Failed, reason)
    }

    fn error(&self, kind: TokenErrorKind, reason: String) -> Error {
        Error::Token(TokenError {
            kind,
            slot: self.slot.clone(),
            reason: format!("module {}: {reason}", self.module),
        })
    }
}
