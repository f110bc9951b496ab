//! Digests and random numbers: C_DigestInit, and the way to the calls that go on with it.

use std::cell::Cell;
use std::mem::MaybeUninit;

use cryptoki_sys::CK_MECHANISM_TYPE;
use zeroize::Zeroize;

use super::Session;
use crate::crypto::fill_with_random;
use crate::error::{Error, Result};
use crate::model::local_mechanism::{LocalMechanism, Work};
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::provider::digesting::{DigestOperation, Digesting};

impl Session {
    /// C_DigestInit (v3.2, 5.12.1); no mechanism ends the operation under way. Asks nobody.
    pub fn digest_init(&mut self, mechanism: Option<MechanismCall>) -> Result {
        let Some(call) = mechanism else {
            self.digest.cancel();
            return Ok(());
        };
        self.digest.vacate()?;
        let row = LocalMechanism::of(call.number).ok_or_else(|| invalid(call.number))?;
        let Work::Digest(digest) = row.work else {
            return Err(invalid(call.number));
        };
        if call.parameter != Parameter::None {
            return Err(Error::MechanismParamInvalid(row.name));
        }
        self.digest.keep(DigestOperation::new(digest));
        Ok(())
    }

    /// The digest under way, taken out for one call that goes on with it.
    pub fn digesting(&mut self) -> Digesting<'_> {
        self.digest.turn(&self.slot)
    }

    /// C_SeedRandom (v3.2, 5.19.1).
    pub fn seed_random(&mut self, _seed: &[u8]) -> Result {
        Err(Error::RandomSeedNotSupported)
    }

    /// C_GenerateRandom (v3.2, 5.19.2), from the operating system by way of the crypto library.
    pub fn random(&mut self, place: &[Cell<MaybeUninit<u8>>]) -> Result {
        let mut bytes = [0; 4096];
        for part in place.chunks(bytes.len()) {
            fill_with_random(&mut bytes).map_err(|_| Error::RandomNoRng)?;
            for (cell, byte) in part.iter().zip(bytes) {
                cell.set(MaybeUninit::new(byte));
            }
        }
        bytes.zeroize();
        Ok(())
    }
}

fn invalid(number: CK_MECHANISM_TYPE) -> Error {
    Error::MechanismInvalid(number)
}
