//! One delivery: a private key leaves the server wrapped, in one flight, and is unwrapped in the HSM.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use parking_lot::Mutex;

use super::super::hsm::device::{Fault, FaultKind, Handle};
use super::super::hsm::error_kind;
use super::super::kmip::{WrapUnder, Wrapped};
use super::DeliveredToken;
use super::shelf::Loan;
use super::vault::{How, LocalKey};
use crate::config::{self, Wrap};
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::KeyFormatType;
use crate::model::key::{Key, ObjectId, State};
use crate::model::public_key::KeyType;
use crate::model::signature::{SignInput, SignScheme};
use crate::token::Token;

/// A wrapping key at both ends.
#[derive(Debug, Clone)]
pub struct Way {
    /// In the HSM.
    pub local: LocalKey,
    /// Its unique identifier at the server.
    pub remote: String,
}

/// What the HSM was seen to take, and what not.
#[derive(Default)]
pub struct Refused {
    /// Keys that were not taken while others were, and why.
    keys: Mutex<HashMap<ObjectId, String>>,
    /// Whether anything was taken: then the wrapping keys are the same at both ends.
    some_taken: AtomicBool,
    /// Whether the server has to be asked for PKCS#8.
    names_format: AtomicBool,
}

impl DeliveredToken {
    /// A signature by the key in the HSM, which is brought there if it is not.
    pub(super) fn signed_in_hsm(
        &self,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Vec<u8>> {
        if let Some(loan) = self.shelf.take(&key.id) {
            match self.vault.sign(loan.object, scheme, input) {
                Ok(signature) => return Ok(signature),
                // The device lost its sessions, and with them the object.
                Err(fault) if lost(&fault) => self.shelf.forget(&key.id),
                Err(fault) => return Err(self.no_signature(key, scheme, &fault)),
            }
        }
        let loan = Arc::new(self.deliver(key)?);
        let signed = self.vault.sign(loan.object, scheme, input);
        let signature = signed.map_err(|fault| self.no_signature(key, scheme, &fault))?;
        self.shelf.put(&key.id, loan);
        Ok(signature)
    }

    fn no_signature(&self, key: &Key, scheme: SignScheme, fault: &Fault) -> Error {
        self.hsm_fault(&format!("sign by {scheme} with key {:?}", key.name), fault)
    }

    /// Brings a key into the HSM, by the way that was gone last or, if that is closed, by another.
    pub(super) fn deliver(&self, key: &Key) -> Result<Loan> {
        let known = self.way.lock().clone();
        if let Some(way) = known {
            match self.deliver_by(&way, key)? {
                Ok(loan) => return Ok(loan),
                Err(closed) => log::info!("slot {:?}: {closed}; looking for another", self.label),
            }
            *self.way.lock() = None;
        }
        let mut reasons = vec![];
        for way in self.ways()? {
            match self.deliver_by(&way, key)? {
                Ok(loan) => {
                    *self.way.lock() = Some(way);
                    return Ok(loan);
                }
                Err(closed) => reasons.push(closed),
            }
        }
        Err(self.error(TokenErrorKind::Failed, reasons.join("; ")))
    }

    /// By one way; the inner error is why that is closed.
    pub(super) fn deliver_by(
        &self,
        way: &Way,
        key: &Key,
    ) -> Result<std::result::Result<Loan, String>> {
        let named = self.refused.names_format.load(Relaxed);
        let format = named.then_some(KeyFormatType::PKCS_8);
        let fault = match self.attempt(way, key, format)? {
            Attempt::Taken(object) => return Ok(Ok(self.taken(object))),
            Attempt::Closed(reason) => return Ok(Err(reason)),
            Attempt::NotTaken(fault) => fault,
        };
        if fault.kind == FaultKind::NoSuchObject {
            return Ok(Err(format!("the HSM has lost its wrapping key ({fault})")));
        }
        // A server that chooses the encoding by itself may have chosen one that no HSM knows.
        if !named
            && let Ok(Attempt::Taken(object)) = self.attempt(way, key, Some(KeyFormatType::PKCS_8))
        {
            self.refused.names_format.store(true, Relaxed);
            return Ok(Ok(self.taken(object)));
        }
        Err(self.not_taken(way, key, &fault))
    }

    fn attempt(&self, way: &Way, key: &Key, format: Option<KeyFormatType>) -> Result<Attempt> {
        let delivery = &self.config.delivery;
        let deadline = Instant::now() + self.config.kmip.deadline;
        let under = WrapUnder {
            id: &way.remote,
            wrap: delivery.wrap,
            hash: delivery.oaep_hash,
        };
        let wrapped = match self.kmip.wrapped(deadline, key, under, format)? {
            Wrapped::Key(bytes) => bytes,
            Wrapped::NoWrappingKey(reason) => return Ok(Attempt::Closed(reason)),
        };
        let key_type = key.public.key_type();
        let unwrapped = self
            .vault
            .unwrap(&way.local, self.how(), &wrapped, key_type);
        Ok(unwrapped.map_or_else(Attempt::NotTaken, Attempt::Taken))
    }

    pub(super) fn how(&self) -> How {
        How {
            wrap: self.config.delivery.wrap,
            hash: self.config.delivery.oaep_hash,
        }
    }

    fn taken(&self, object: Handle) -> Loan {
        self.refused.some_taken.store(true, Relaxed);
        Loan::new(object, Arc::clone(&self.vault))
    }

    fn not_taken(&self, way: &Way, key: &Key, fault: &Fault) -> Error {
        let wrap = self.config.delivery.wrap.name();
        let key_type = key.public.key_type();
        let remedy = match fault.kind {
            FaultKind::Mechanism => "it lacks the mechanism: choose another delivery.wrap",
            _ => {
                "either it takes no keys of this type, or its wrapping key is another than the server's: \
                 `kmip-ssh delivery check` tells"
            }
        };
        let reason = format!(
            "the HSM does not unwrap {key_type} key {:?}, wrapped by {wrap} under {:?}: {fault}; {remedy}",
            key.name, way.remote
        );
        if self.refused.some_taken.load(Relaxed) {
            let mut keys = self.refused.keys.lock();
            keys.insert(key.id.clone(), reason.clone());
        }
        let kind = match error_kind(fault.kind) {
            TokenErrorKind::Gone => TokenErrorKind::Failed,
            kind => kind,
        };
        self.error(kind, reason)
    }

    /// All wrapping keys that are at both ends, and may be used.
    pub(super) fn ways(&self) -> Result<Vec<Way>> {
        let mut ways = vec![];
        let locals = self.local_keys()?;
        for local in &locals {
            if let Some(remote) = self.remote_of(local)? {
                let local = local.clone();
                ways.push(Way { local, remote });
            }
        }
        if ways.is_empty() {
            return Err(self.no_way(&locals));
        }
        Ok(ways)
    }

    pub(super) fn local_keys(&self) -> Result<Vec<LocalKey>> {
        let delivery = &self.config.delivery;
        let keys = self
            .vault
            .wrapping_keys(delivery.wrap, &delivery.wrapping_key);
        keys.map_err(|fault| self.hsm_fault("list its wrapping keys", &fault))
    }

    /// The other end of a wrapping key: by label and CKA_ID as set-up calls it, or by its label alone, as people may have
    /// registered it.
    pub(super) fn remote_of(&self, local: &LocalKey) -> Result<Option<String>> {
        let delivery = &self.config.delivery;
        let names = [self.remote_name(&local.id), delivery.wrapping_key.clone()];
        for name in names {
            let remotes = self.kmip.wrapping_keys(delivery.wrap, &name)?;
            let active = remotes.into_iter().find(|it| it.state == State::Active);
            if let Some(remote) = active {
                return Ok(Some(remote.id));
            }
        }
        Ok(None)
    }

    /// What a wrapping key with that CKA_ID is called at the server.
    pub(super) fn remote_name(&self, id: &[u8]) -> String {
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{id}", self.config.delivery.wrapping_key)
    }

    fn no_way(&self, locals: &[LocalKey]) -> Error {
        let config::Delivery {
            wrapping_key, wrap, ..
        } = &self.config.delivery;
        let what = match wrap.is_by_pair() {
            true => "an RSA private key",
            false => "an AES key",
        };
        let reason = match locals.len() {
            0 => format!(
                "the HSM has no wrapping key {wrapping_key:?} ({what} that unwraps); run `kmip-ssh delivery setup`"
            ),
            _ => format!(
                "the server has no active wrapping key for {wrapping_key:?} of the HSM; run `kmip-ssh delivery setup`"
            ),
        };
        self.error(TokenErrorKind::Failed, reason)
    }

    /// Why a key cannot get into the HSM, as far as that is known without trying.
    pub(super) fn cannot_deliver(&self, key: &Key) -> Option<String> {
        if key.custody.extractable == Some(false) {
            let reason = "its attribute Extractable is false: the server gives it to nobody, not even wrapped; use it \
                          in a slot without delivery, where the server signs";
            return Some(reason.into());
        }
        let by_oaep = self.config.delivery.wrap == Wrap::RsaOaep;
        if by_oaep && matches!(key.public.key_type(), KeyType::Rsa(_)) {
            let reason = "rsa-oaep wraps only what is shorter than the wrapping key, and an RSA key is not; use \
                          delivery.wrap = \"rsa-aes\"";
            return Some(reason.into());
        }
        let key_type = key.public.key_type();
        if let Ok(false) = self.vault.can_sign(key_type) {
            return Some(format!(
                "the HSM has no mechanism that signs with {key_type} keys"
            ));
        }
        self.refused.keys.lock().get(&key.id).cloned()
    }
}

/// What one attempt came to.
enum Attempt {
    /// The key is in the HSM.
    Taken(Handle),
    /// The HSM did not unwrap it.
    NotTaken(Fault),
    /// The wrapping key is not at the server any more.
    Closed(String),
}

/// The object is not there any more.
fn lost(fault: &Fault) -> bool {
    matches!(
        fault.kind,
        FaultKind::NoSuchObject | FaultKind::SessionsLost | FaultKind::NoAnswer
    )
}
