//! Proof that a private and a public key are one pair, where nobody but a stranger may say so.
//!
//! Some servers show everybody's public keys to everyone. A stranger's key that bears the name of
//! one of ours must not get into an authorized_keys file as ours.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Instant;

use parking_lot::Mutex;

use super::KmipToken;
use super::pairing::Proof;
use crate::error::{Error, Result, TokenErrorKind};
use crate::model::key::{Key, ObjectId};
use crate::model::signature::{SignInput, SignScheme};
use crate::token::check_signature::unheard_of;

/// Signatures asked for in one listing; what is still in doubt then waits for the next.
const PROOFS: usize = 16;

/// Nothing that any protocol would take for its own message.
const PURPOSE: &[u8] = b"kmip-p11: does this key belong to that public key?\0";

/// What was proven: it stays so, since no two public keys have the same private one.
#[derive(Debug, Default)]
pub struct Proofs {
    known: Mutex<HashMap<(ObjectId, Vec<u8>), Proof>>,
}

impl Proofs {
    fn of(&self, pair: &Key) -> Option<Proof> {
        let place = (pair.id.clone(), pair.public.key_id());
        self.known.lock().get(&place).cloned()
    }

    /// Keeps what a signature showed. One that was not made may be made tomorrow.
    fn keep(&self, pair: &Key, proof: &Proof) {
        if matches!(proof, Proof::Lacking(_)) {
            return;
        }
        let place = (pair.id.clone(), pair.public.key_id());
        self.known.lock().insert(place, proof.clone());
    }
}

impl KmipToken {
    /// Judges doubtful pairs of one listing.
    pub(super) fn prover(&self, deadline: Instant) -> impl FnMut(&Key) -> Result<Proof> + '_ {
        let left = Cell::new(PROOFS);
        move |pair| {
            if let Some(proof) = self.proofs.of(pair) {
                return Ok(proof);
            }
            if let Some(reason) = pair.unusable() {
                return Ok(Proof::Lacking(reason));
            }
            let Some(still) = left.get().checked_sub(1) else {
                return Ok(Proof::Lacking("too many keys are in doubt".into()));
            };
            left.set(still);
            let proof = self.prove(deadline, pair)?;
            self.proofs.keep(pair, &proof);
            Ok(proof)
        }
    }

    fn prove(&self, deadline: Instant, pair: &Key) -> Result<Proof> {
        let Some(message) = unheard_of(PURPOSE) else {
            return Ok(Proof::Lacking("there is no randomness".into()));
        };
        let scheme = SignScheme::usual(pair.public.key_type());
        match self.signature(deadline, pair, scheme, SignInput::Message(&message)) {
            Ok(_) => Ok(Proof::Proven),
            Err(Error::Token(error)) => match error.kind {
                TokenErrorKind::WrongSignature => Ok(Proof::Refuted),
                TokenErrorKind::Unreachable => Err(Error::Token(error)),
                _ => Ok(Proof::Lacking(error.reason)),
            },
            Err(error) => Ok(Proof::Lacking(error.to_string())),
        }
    }
}
