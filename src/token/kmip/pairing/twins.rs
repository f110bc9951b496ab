//! Several private keys with one public half: each says so itself, and the one that proves it is believed.

use std::collections::HashMap;

use super::{Proof, Prove};
use crate::error::Result;
use crate::model::key::{Hidden, Key};

/// Hides those that do not sign for their public half, and, if one does, those that show nothing.
/// What a token shows may be another's, and anybody can link his key to a public one that he sees.
pub fn settle(keys: &mut Vec<Key>, hidden: &mut Vec<Hidden>, prove: Prove<'_>) -> Result {
    let mut number: HashMap<Vec<u8>, usize> = HashMap::new();
    for key in keys.iter() {
        *number.entry(key.public.key_id()).or_default() += 1;
    }
    if number.values().all(|&number| number == 1) {
        return Ok(());
    }
    let mut proofs = vec![];
    for key in keys.iter() {
        let is_twin = number.get(&key.public.key_id()).is_some_and(|&it| it > 1);
        proofs.push(is_twin.then(|| prove(key)).transpose()?);
    }
    let proven = keys.iter().zip(&proofs);
    let proven = proven.filter(|(_, proof)| **proof == Some(Proof::Proven));
    let proven: Vec<_> = proven.map(|(key, _)| key.public.clone()).collect();
    let mut left = vec![];
    for (key, proof) in keys.drain(..).zip(proofs) {
        let reason = match proof {
            Some(Proof::Refuted) => Some("its signatures do not verify with its public half"),
            Some(Proof::Lacking(_)) if proven.contains(&key.public) => {
                Some("another object of the token is the same key, and signs")
            }
            _ => None,
        };
        match reason {
            None => left.push(key),
            Some(reason) => hidden.push(Hidden {
                id: key.id.clone(),
                reason: reason.into(),
                key: Some(key),
            }),
        }
    }
    *keys = left;
    Ok(())
}
