//! Set-up of delivery: a wrapping key at both ends, proven by a real delivery, and replaced without a gap.

use std::sync::Arc;

use super::DeliveredToken;
use super::delivering::Way;
use super::vault::{AES_BITS, LocalKey};
use crate::config;
use crate::error::{Error, Result, TokenErrorKind};
use crate::model::key::{Key, State};
use crate::model::public_key::{Curve, KeyType, PublicKey};
use crate::model::signature::{Hash, SignInput, SignScheme};
use crate::token::{DeliveryTask, NewKey, Probe, Revocation, Token};

/// Bytes of a new wrapping key's CKA_ID.
const ID_LEN: usize = 8;

/// Types of throw-away key, in the order in which they are tried: PyKMIP makes no ECDSA keys.
const TRIALS: [KeyType; 2] = [KeyType::Ec(Curve::P256), KeyType::Rsa(2048)];

impl DeliveredToken {
    /// Does what is asked of the slot's delivery, and tells how it stands then.
    pub(super) fn carry_out(&self, task: DeliveryTask) -> Result<Probe> {
        match task {
            DeliveryTask::Look => self.look(),
            DeliveryTask::Check => self.check(),
            DeliveryTask::SetUp => self.set_up(),
            DeliveryTask::Rotate => self.rotate(),
        }
    }

    fn look(&self) -> Result<Probe> {
        let mut told = Told::default();
        for way in self.ways()? {
            told.of(self, &way);
        }
        Ok(told.0)
    }

    fn check(&self) -> Result<Probe> {
        let mut told = Told::default();
        let mut failed = None;
        for way in self.ways()? {
            told.of(self, &way);
            match self.prove(&way) {
                Ok(proof) => told.fact("proven", proof),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(told.0), Err)
    }

    /// Makes what is missing. A wrapping key that is proven is left as it is.
    fn set_up(&self) -> Result<Probe> {
        let mut told = Told::default();
        let locals = self.local_keys()?;
        for local in &locals {
            if let Some(remote) = self.remote_of(local)? {
                let local = local.clone();
                let way = Way { local, remote };
                let proof = self.prove(&way)?;
                self.confine(&way.local)?;
                told.fact("set up", "already, nothing was changed".into());
                told.of(self, &way);
                told.fact("proven", proof);
                return Ok(told.0);
            }
        }
        let found = locals.iter().find(|local| self.can_be_registered(local));
        let way = match found {
            Some(local) => self.register(local)?,
            None => self.make(&mut told)?,
        };
        let proof = self.prove(&way).inspect_err(|_| {
            if found.is_none() {
                self.abandon(&way);
            }
        })?;
        told.of(self, &way);
        told.fact("proven", proof);
        Ok(told.0)
    }

    /// A new wrapping key; the old ones are destroyed at both ends once it is proven.
    fn rotate(&self) -> Result<Probe> {
        let mut told = Told::default();
        let old = self.local_keys()?;
        let way = self.make(&mut told)?;
        let proof = self.prove(&way).inspect_err(|_| self.abandon(&way))?;
        *self.way.lock() = Some(way.clone());
        told.of(self, &way);
        told.fact("proven", proof);
        for local in old {
            self.retire(&local)?;
            told.fact("destroyed at both ends", self.remote_name(&local.id));
        }
        Ok(told.0)
    }

    /// A pair's public half can always be registered, an AES key only as long as it may leave.
    fn can_be_registered(&self, local: &LocalKey) -> bool {
        local.public.is_some() || local.extractable == Some(true)
    }

    fn make(&self, told: &mut Told) -> Result<Way> {
        let delivery = &self.config.delivery;
        let id = random::<ID_LEN>().ok_or_else(|| self.no_random())?;
        let label = &delivery.wrapping_key;
        let made = self.vault.make_wrapping_key(delivery.wrap, label, &id);
        made.map_err(|fault| self.hsm_fault("make a wrapping key", &fault))?;
        let keys = self.local_keys()?;
        let local = keys.into_iter().find(|key| key.id == id).ok_or_else(|| {
            let reason = format!("the HSM made a wrapping key {label:?} and does not list it");
            self.error(TokenErrorKind::Failed, reason)
        })?;
        told.fact("made in the HSM", self.remote_name(&id));
        let registered = self.register(&local);
        registered.inspect_err(|_| {
            if let Err(fault) = self.vault.remove(&local) {
                log::warn!(
                    "slot {:?}: a wrapping key that is of no use is left in the HSM: {fault}",
                    self.label
                );
            }
        })
    }

    /// Brings the wrapping key, or its public half, to the server. Nobody on the way can read it.
    fn register(&self, local: &LocalKey) -> Result<Way> {
        let name = self.remote_name(&local.id);
        let remote = match &local.public {
            Some(public) => self.kmip.register_wrapping_half(&name, public)?,
            None => self.send(local, &name)?,
        };
        let confined = self.confine(local);
        confined.inspect_err(|_| {
            let _ = self.kmip.remove_wrapping_key(&remote);
        })?;
        let local = LocalKey {
            extractable: Some(false),
            ..local.clone()
        };
        Ok(Way { local, remote })
    }

    /// An AES key, wrapped in the HSM under a public key of the server's.
    fn send(&self, local: &LocalKey, name: &str) -> Result<String> {
        let hash = self.config.delivery.oaep_hash;
        let transport = self.kmip.make_transport(&format!("{name}-transport"))?;
        let wrapped = self.vault.wrap_for(local, &transport.public, hash);
        let wrapped =
            wrapped.map_err(|fault| self.hsm_fault("wrap its wrapping key for the server", &fault));
        let sent = wrapped.and_then(|wrapped| {
            let kmip = &self.kmip;
            kmip.import_wrapping_key(name, &wrapped, AES_BITS, &transport, hash)
        });
        self.kmip.end_transport(transport);
        sent
    }

    fn confine(&self, local: &LocalKey) -> Result {
        if local.extractable != Some(true) {
            return Ok(());
        }
        let confined = self.vault.confine(local);
        confined.map_err(|fault| {
            self.hsm_fault(
                "keep its wrapping key from leaving (CKA_EXTRACTABLE)",
                &fault,
            )
        })
    }

    /// A throw-away key is made at the server, delivered, used and destroyed.
    fn prove(&self, way: &Way) -> Result<String> {
        let mut refused = None;
        for key_type in TRIALS {
            let name = random::<4>().ok_or_else(|| self.no_random())?;
            let wanted = NewKey::new(format!("{}-trial", self.remote_name(&name)), key_type);
            match self.kmip.generate(&wanted) {
                Ok(key) => {
                    let proof = self.try_out(way, &key);
                    self.throw_away(&key);
                    return proof;
                }
                Err(error) => refused = Some(error),
            }
        }
        Err(refused.unwrap_or_else(|| self.no_random()))
    }

    fn try_out(&self, way: &Way, key: &Key) -> Result<String> {
        let loan = self.deliver_by(way, key)?;
        let loan = loan.map_err(|reason| self.error(TokenErrorKind::Failed, reason))?;
        let loan = Arc::new(loan);
        let message = random::<32>().ok_or_else(|| self.no_random())?;
        let input = SignInput::Message(&message);
        let scheme = match key.public {
            PublicKey::Rsa { .. } => SignScheme::RsaPkcs1(Hash::Sha256),
            _ => SignScheme::Ecdsa(Hash::Sha256),
        };
        let signed = self.vault.sign(loan.object, scheme, input);
        let signature =
            signed.map_err(|fault| self.hsm_fault("sign with a delivered key", &fault))?;
        self.verified(
            key,
            scheme,
            input,
            key.public.signature_from_token(signature),
        )?;
        let key_type = key.public.key_type();
        Ok(format!(
            "a throw-away {key_type} key was delivered, made a signature, and is destroyed"
        ))
    }

    fn throw_away(&self, key: &Key) {
        let revocation = Revocation {
            compromised: false,
            message: Some("a trial of delivery".into()),
        };
        let gone = self
            .kmip
            .revoke(key, &revocation)
            .and_then(|()| self.kmip.destroy(key));
        if let Err(error) = gone {
            log::warn!(
                "slot {:?}: throw-away key {:?} ({}) is left: {error}",
                self.label,
                key.name,
                key.id
            );
        }
    }

    /// What was made and turned out to be of no use.
    fn abandon(&self, way: &Way) {
        if let Err(error) = self.kmip.remove_wrapping_key(&way.remote) {
            log::warn!("{error}");
        }
        if let Err(fault) = self.vault.remove(&way.local) {
            log::warn!(
                "slot {:?}: the new wrapping key is left in the HSM: {fault}",
                self.label
            );
        }
    }

    /// At the server first: what the HSM still has can then wrap nothing any more.
    fn retire(&self, local: &LocalKey) -> Result {
        let wrap = self.config.delivery.wrap;
        let names = [
            self.remote_name(&local.id),
            self.config.delivery.wrapping_key.clone(),
        ];
        for name in names {
            for remote in self.kmip.wrapping_keys(wrap, &name)? {
                if !matches!(remote.state, State::Destroyed | State::DestroyedCompromised) {
                    self.kmip.remove_wrapping_key(&remote.id)?;
                }
            }
        }
        let removed = self.vault.remove(local);
        removed.map_err(|fault| self.hsm_fault("destroy its old wrapping key", &fault))
    }

    fn no_random(&self) -> Error {
        let reason = "there are no random bytes to be had".to_owned();
        self.error(TokenErrorKind::Failed, reason)
    }
}

/// What is told to people.
#[derive(Default)]
struct Told(Probe);

impl Told {
    fn fact(&mut self, name: &'static str, fact: String) {
        self.0.facts.push((name, fact));
    }

    fn of(&mut self, token: &DeliveredToken, way: &Way) {
        let config::Delivery {
            wrap, keep, uses, ..
        } = &token.config.delivery;
        let Way { local, remote } = way;
        let what = match &local.public {
            Some(public) => public.key_type().to_string(),
            None => format!("AES-{AES_BITS}"),
        };
        let leaves = match (local.extractable, local.never_extractable) {
            (_, Some(true)) => "never could leave it",
            (Some(true), _) => "may leave it",
            _ => "cannot leave it any more",
        };
        let name = token.remote_name(&local.id);
        self.fact(
            "wrapping key",
            format!("{what} {name:?} in the HSM, which {leaves}"),
        );
        self.fact("at the server", remote.clone());
        self.fact("wrapped by", wrap.name().to_owned());
        let keep = humantime::format_duration(*keep);
        self.fact("a key stays", format!("{keep}, or for {uses} signatures"));
        if local.extractable == Some(true) {
            let warning =
                format!("wrapping key {name:?} may leave the HSM; run `kmip-ssh delivery setup`");
            self.0.warnings.push(warning);
        }
    }
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    crate::crypto::fill_with_random(&mut bytes).ok()?;
    Some(bytes)
}
