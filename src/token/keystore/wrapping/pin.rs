//! The data key under a PIN, by way of Argon2id (RFC 9106).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::{Wrapping, binding};
use crate::error::TokenErrorKind;
use crate::token::keystore::random;
use crate::token::keystore::sealing::{DataKey, KEY_LEN, cipher, decrypt, encrypt};
use crate::token::keystore::store::{StoreError, Stored, TokenRow};

const SALT_LEN: usize = 16;

/// More is no cost that we have ever set, and would hang the program that asks for it.
const MOST: Cost = Cost {
    kibibytes: 1 << 20,
    passes: 64,
    lanes: 16,
};

/// What one try at a PIN costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory.
    pub kibibytes: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes, which are computed one after the other here.
    pub lanes: u32,
}

impl Default for Cost {
    /// RFC 9106's second choice, for places where 2 GiB are too much: but with one lane, since there are no
    /// threads here, and its work is done in the same time by whoever guesses.
    fn default() -> Self {
        Self {
            kibibytes: 64 * 1024,
            passes: 3,
            lanes: 1,
        }
    }
}

/// A PIN.
pub struct Pin {
    /// As it was given: UTF-8.
    pub pin: Zeroizing<String>,
    /// What tries will cost that are made at what this wraps.
    pub cost: Cost,
}

impl Pin {
    /// With the usual cost.
    pub fn new(pin: &str) -> Self {
        Self {
            pin: Zeroizing::new(pin.to_owned()),
            cost: Cost::default(),
        }
    }

    fn key(&self, salt: &[u8], cost: Cost) -> Stored<Zeroizing<[u8; KEY_LEN]>> {
        let params = Params::new(cost.kibibytes, cost.passes, cost.lanes, Some(KEY_LEN));
        let params = params.map_err(|error| impossible(&error.to_string()))?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        let mut memory = memory(params.block_count())?;
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(self.pin.as_bytes(), salt, &mut *key, &mut memory[..])
            .map_err(|error| impossible(&error.to_string()))?;
        Ok(key)
    }
}

impl Wrapping for Pin {
    fn kind(&self) -> &'static str {
        "pin"
    }

    fn wrap(&self, token: &TokenRow, data_key: &DataKey) -> Stored<(Vec<u8>, Vec<u8>)> {
        let salt = random::bytes::<SALT_LEN>().map_err(|error| impossible(&error.to_string()))?;
        let parameters = parameters(salt, self.cost);
        let key = cipher(&*self.key(&salt, self.cost)?)?;
        let bound = binding(token, self.kind(), &parameters);
        Ok((parameters, encrypt(&key, &bound, data_key.bytes())?))
    }

    fn unwrap(&self, token: &TokenRow) -> Stored<Zeroizing<Vec<u8>>> {
        let (salt, cost) = read(&token.seal_parameters)
            .ok_or_else(|| impossible("what is noted of it is not as it should be"))?;
        let key = cipher(&*self.key(salt, cost)?)?;
        let bound = binding(token, self.kind(), &token.seal_parameters);
        decrypt(&key, &bound, &token.data_key)
            .ok_or_else(|| StoreError::new(TokenErrorKind::WrongPin, "the PIN is wrong"))
    }
}

/// That much, wiped after use. A host program without it is told so, and not ended.
fn memory(blocks: usize) -> Stored<Zeroizing<Vec<Block>>> {
    let mut memory = Zeroizing::new(Vec::new());
    let reserved = memory.try_reserve_exact(blocks);
    reserved.map_err(|_| impossible("there is not enough memory"))?;
    memory.resize(blocks, Block::new());
    Ok(memory)
}

/// Salt, memory, passes and lanes, the numbers in four bytes each, big-endian.
fn parameters(salt: [u8; SALT_LEN], cost: Cost) -> Vec<u8> {
    let numbers = [cost.kibibytes, cost.passes, cost.lanes].map(u32::to_be_bytes);
    [&salt[..], numbers.as_flattened()].concat()
}

fn read(parameters: &[u8]) -> Option<(&[u8], Cost)> {
    let (salt, numbers) = parameters.split_first_chunk::<SALT_LEN>()?;
    let (numbers, []) = numbers.as_chunks::<4>() else {
        return None;
    };
    let [kibibytes, passes, lanes] = <[[u8; 4]; 3]>::try_from(numbers)
        .ok()?
        .map(u32::from_be_bytes);
    let sane = kibibytes <= MOST.kibibytes && passes <= MOST.passes && lanes <= MOST.lanes;
    let cost = Cost {
        kibibytes,
        passes,
        lanes,
    };
    sane.then_some((&salt[..], cost))
}

fn impossible(why: &str) -> StoreError {
    let reason = format!("the PIN cannot be tried: {why}");
    StoreError::new(TokenErrorKind::Failed, reason)
}
