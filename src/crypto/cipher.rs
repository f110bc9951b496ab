//! AES by its modes, over data that comes in parts.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    StreamingEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::gcm::Gcm;
use crate::model::cipher::{AesMode, BLOCK};

/// Which way data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From plaintext to ciphertext.
    Encrypt,
    /// Back.
    Decrypt,
}

/// Why data is not encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CipherError {
    /// AES has no keys of that length.
    KeyLength,
    /// The data has a length that the mode does not take.
    Length(&'static str),
    /// The data is not what this key and mode give, or was changed since.
    NotAuthentic,
    /// The crypto library refused.
    Refused,
}

/// A cipher under way.
pub struct Cipher(Engine);

enum Engine {
    Blocks(Box<Blocks>),
    Counter(Counter),
    Gcm(Box<Gcm>),
}

/// ECB and CBC: whole blocks, with or without padding of the last one.
struct Blocks {
    key: BlockKey,
    /// The last block of ciphertext; none for ECB.
    chain: Option<[u8; BLOCK]>,
    padded: bool,
    /// What is not worked on yet: less than a block, or one that may be the last.
    rest: Zeroizing<Vec<u8>>,
}

enum BlockKey {
    Encrypting(EncryptingKey),
    Decrypting(DecryptingKey),
}

/// Counter mode, as far as its counter goes.
pub struct Counter {
    stream: StreamingEncryptingKey,
    /// Bytes before the counter would begin again.
    left: u128,
}

impl Cipher {
    /// A cipher that has seen nothing yet.
    pub fn new(mode: &AesMode, key: &[u8], direction: Direction) -> Result<Self, CipherError> {
        Ok(Self(match mode {
            AesMode::Ecb => Engine::Blocks(Box::new(Blocks::new(key, None, false, direction)?)),
            AesMode::Cbc { iv, padded } => {
                Engine::Blocks(Box::new(Blocks::new(key, Some(*iv), *padded, direction)?))
            }
            AesMode::Ctr { block, bits } => Engine::Counter(Counter::new(key, *block, *bits)?),
            AesMode::Gcm(mode) => Engine::Gcm(Box::new(Gcm::new(mode, key, direction)?)),
        }))
    }

    /// Bytes that a part of so many brings out.
    pub fn update_len(&self, part: usize) -> usize {
        match &self.0 {
            Engine::Blocks(blocks) => blocks.ready(part),
            Engine::Counter(_) => part,
            Engine::Gcm(gcm) => gcm.update_len(part),
        }
    }

    /// Bytes that the end brings out after so many more, at most.
    pub fn finish_len(&self, more: usize) -> usize {
        match &self.0 {
            Engine::Blocks(blocks) if blocks.padded => BLOCK,
            Engine::Blocks(_) | Engine::Counter(_) => 0,
            Engine::Gcm(gcm) => gcm.finish_len(more),
        }
    }

    /// True if the end brings out just as many.
    pub fn is_exact(&self) -> bool {
        !matches!(&self.0, Engine::Blocks(it) if it.padded && it.direction() == Direction::Decrypt)
    }

    /// Takes a part, and gives what is ready.
    pub fn update(&mut self, part: &[u8]) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        match &mut self.0 {
            Engine::Blocks(blocks) => blocks.update(part),
            Engine::Counter(counter) => counter.apply(part),
            Engine::Gcm(gcm) => gcm.update(part),
        }
    }

    /// What is left to be given after the last part.
    pub fn finish(self) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        match self.0 {
            Engine::Blocks(blocks) => blocks.finish(),
            Engine::Counter(_) => Ok(Zeroizing::default()),
            Engine::Gcm(gcm) => gcm.finish(),
        }
    }
}

/// A key of 16, 24 or 32 bytes.
fn unbound(key: &[u8]) -> Result<UnboundCipherKey, CipherError> {
    let algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        32 => &AES_256,
        _ => return Err(CipherError::KeyLength),
    };
    UnboundCipherKey::new(algorithm, key).map_err(|_| CipherError::Refused)
}

/// One block by itself, as GCM needs it.
pub fn encrypted_block(key: &[u8], mut block: [u8; BLOCK]) -> Result<[u8; BLOCK], CipherError> {
    let key = EncryptingKey::ecb(unbound(key)?).map_err(|_| CipherError::Refused)?;
    let done = key.less_safe_encrypt(&mut block, EncryptionContext::None);
    done.map_err(|_| CipherError::Refused)?;
    Ok(block)
}

impl Blocks {
    fn new(
        key: &[u8],
        chain: Option<[u8; BLOCK]>,
        padded: bool,
        direction: Direction,
    ) -> Result<Self, CipherError> {
        let key = unbound(key)?;
        let key = match (direction, chain) {
            (Direction::Encrypt, Some(_)) => EncryptingKey::cbc(key).map(BlockKey::Encrypting),
            (Direction::Encrypt, None) => EncryptingKey::ecb(key).map(BlockKey::Encrypting),
            (Direction::Decrypt, Some(_)) => DecryptingKey::cbc(key).map(BlockKey::Decrypting),
            (Direction::Decrypt, None) => DecryptingKey::ecb(key).map(BlockKey::Decrypting),
        };
        Ok(Self {
            key: key.map_err(|_| CipherError::Refused)?,
            chain,
            padded,
            rest: Zeroizing::default(),
        })
    }

    fn direction(&self) -> Direction {
        match self.key {
            BlockKey::Encrypting(_) => Direction::Encrypt,
            BlockKey::Decrypting(_) => Direction::Decrypt,
        }
    }

    /// Bytes of the blocks that can be worked on once so many more are there: the last one of what is
    /// decrypted has the padding.
    fn ready(&self, more: usize) -> usize {
        let there = self.rest.len().saturating_add(more);
        let whole = there / BLOCK * BLOCK;
        match self.padded && self.direction() == Direction::Decrypt && whole == there {
            true => whole.saturating_sub(BLOCK),
            false => whole,
        }
    }

    fn update(&mut self, part: &[u8]) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let ready = self.ready(part.len());
        let mut data = std::mem::take(&mut self.rest);
        data.extend_from_slice(part);
        self.rest = Zeroizing::new(data.get(ready..).unwrap_or_default().to_vec());
        data.truncate(ready);
        self.work(&mut data)?;
        Ok(data)
    }

    /// Whole blocks in place.
    fn work(&mut self, data: &mut [u8]) -> Result<(), CipherError> {
        let Some(last) = data.last_chunk::<BLOCK>().copied() else {
            return Ok(());
        };
        match &self.key {
            BlockKey::Encrypting(key) => {
                let context = match self.chain {
                    Some(iv) => EncryptionContext::Iv128(FixedLength::from(iv)),
                    None => EncryptionContext::None,
                };
                key.less_safe_encrypt(data, context)
                    .map_err(|_| CipherError::Refused)?;
                self.chain = self.chain.and(data.last_chunk::<BLOCK>().copied());
            }
            BlockKey::Decrypting(key) => {
                let context = match self.chain {
                    Some(iv) => DecryptionContext::Iv128(FixedLength::from(iv)),
                    None => DecryptionContext::None,
                };
                key.decrypt(data, context)
                    .map_err(|_| CipherError::Refused)?;
                self.chain = self.chain.and(Some(last));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let mut rest = std::mem::take(&mut self.rest);
        match (self.padded, self.direction(), rest.len()) {
            (false, _, 0) => Ok(rest),
            (false, ..) => Err(CipherError::Length("a multiple of 16 bytes")),
            (true, Direction::Encrypt, len) => {
                let padding = BLOCK - len % BLOCK;
                rest.resize(len + padding, padding as u8);
                self.work(&mut rest)?;
                Ok(rest)
            }
            (true, Direction::Decrypt, BLOCK) => {
                self.work(&mut rest)?;
                let kept = unpadded(&rest).ok_or(CipherError::NotAuthentic)?;
                rest.truncate(kept);
                Ok(rest)
            }
            (true, Direction::Decrypt, _) => Err(CipherError::Length(
                "a multiple of 16 bytes, and at least 16,",
            )),
        }
    }
}

/// Bytes of the last block that are no padding (RFC 5652, 6.3). Looks at all of it, whatever it finds.
fn unpadded(block: &[u8]) -> Option<usize> {
    let padding = usize::from(*block.last()?);
    let is_wrong = |(place, byte): (usize, &u8)| {
        let is_padding = place + padding >= block.len();
        is_padding & (usize::from(*byte) != padding)
    };
    let wrong = block.iter().enumerate().map(is_wrong);
    let wrong = wrong.fold(padding == 0 || padding > BLOCK, |all, it| all | it);
    (!wrong).then(|| block.len().saturating_sub(padding))
}

impl Counter {
    /// From that block on, of which so many of the last bits count.
    pub fn new(key: &[u8], block: [u8; BLOCK], bits: u32) -> Result<Self, CipherError> {
        let context = EncryptionContext::Iv128(FixedLength::from(block));
        let stream = StreamingEncryptingKey::less_safe_ctr(unbound(key)?, context);
        let unused = 128_u32.saturating_sub(bits);
        let counter = u128::from_be_bytes(block) << unused >> unused;
        let all = 1_u128.checked_shl(bits).filter(|_| bits < 128);
        let blocks = all.map_or(u128::MAX - counter, |all| all - counter);
        Ok(Self {
            stream: stream.map_err(|_| CipherError::Refused)?,
            left: blocks.saturating_mul(BLOCK as u128),
        })
    }

    /// Encrypts or decrypts the next bytes. Nothing is done if the counter does not suffice.
    pub fn apply(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let left = self.left.checked_sub(data.len() as u128);
        self.left = left.ok_or(CipherError::Length(
            "no more than the counter has blocks for",
        ))?;
        let mut result = Zeroizing::new(vec![0; data.len() + BLOCK]);
        let mut written = 0;
        // The library counts in 31 bits.
        for part in data.chunks(1 << 30) {
            let place = result.get_mut(written..).unwrap_or_default();
            let update = self.stream.update(part, place);
            written += update.map_err(|_| CipherError::Refused)?.written().len();
        }
        result.truncate(written);
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;

    fn block(text: &str) -> [u8; BLOCK] {
        hex(text).try_into().unwrap()
    }

    /// In parts of that many bytes; each brings out what was said.
    fn run(
        mode: &AesMode,
        key: &[u8],
        direction: Direction,
        data: &[u8],
        part: usize,
    ) -> Result<Vec<u8>, CipherError> {
        let mut cipher = Cipher::new(mode, key, direction)?;
        let mut all = vec![];
        for part in data.chunks(part) {
            let said = cipher.update_len(part.len());
            let some = cipher.update(part)?;
            assert_eq!(some.len(), said);
            all.extend_from_slice(&some);
        }
        let (most, exact) = (cipher.finish_len(0), cipher.is_exact());
        let last = cipher.finish()?;
        assert!(last.len() <= most && (!exact || last.len() == most));
        all.extend_from_slice(&last);
        Ok(all)
    }

    fn there_and_back(mode: &AesMode, key: &str, plain: &str, encrypted: &str) {
        let (key, plain, encrypted) = (hex(key), hex(plain), hex(encrypted));
        for part in [1, 5, 16, 17, 64] {
            let there = run(mode, &key, Direction::Encrypt, &plain, part);
            assert_eq!(there.as_ref(), Ok(&encrypted), "{mode:?} {part}");
            let back = run(mode, &key, Direction::Decrypt, &encrypted, part);
            assert_eq!(back.as_ref(), Ok(&plain), "{mode:?} {part}");
        }
    }

    /// NIST SP 800-38A, F.
    const KEY_128: &str = "2b7e151628aed2a6abf7158809cf4f3c";
    const KEY_192: &str = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b";
    const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
    const IV: &str = "000102030405060708090a0b0c0d0e0f";
    const COUNTER: &str = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff";

    #[test]
    fn ecb_cbc_and_ctr_give_what_the_standard_says() {
        there_and_back(
            &AesMode::Ecb,
            KEY_128,
            PLAIN,
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf",
        );
        let (iv, padded) = (block(IV), false);
        there_and_back(
            &AesMode::Cbc { iv, padded },
            KEY_128,
            PLAIN,
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2",
        );
        there_and_back(
            &AesMode::Cbc { iv, padded },
            KEY_192,
            PLAIN,
            "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a",
        );
        let (block, bits) = (block(COUNTER), 128);
        there_and_back(
            &AesMode::Ctr { block, bits },
            KEY_128,
            PLAIN,
            "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff",
        );
    }

    #[test]
    fn padding_makes_every_length_whole_and_comes_off_again() {
        let mode = AesMode::Cbc {
            iv: block(IV),
            padded: true,
        };
        let key = hex(KEY_128);
        for len in [0, 1, 15, 16, 17, 33, 48] {
            let plain = vec![7; len];
            let encrypted = run(&mode, &key, Direction::Encrypt, &plain, 5).unwrap();
            assert_eq!(encrypted.len(), (len / 16 + 1) * 16);
            let back = run(&mode, &key, Direction::Decrypt, &encrypted, 3).unwrap();
            assert_eq!(back, plain);
            let cut = run(&mode, &key, Direction::Decrypt, &encrypted[1..], 64);
            assert!(matches!(cut, Err(CipherError::Length(_))));
        }
    }

    #[test]
    fn no_padding_but_the_right_one_is_taken() {
        let (key, iv) = (hex(KEY_128), block(IV));
        let plain = AesMode::Cbc { iv, padded: false };
        let padded = AesMode::Cbc { iv, padded: true };
        for (last, good) in [(1, true), (0, false), (17, false), (2, false), (16, false)] {
            let mut data = [9; 16];
            data[15] = last;
            let made = run(&plain, &key, Direction::Encrypt, &data, 16).unwrap();
            let back = run(&padded, &key, Direction::Decrypt, &made, 16);
            let wanted = match good {
                true => Ok(vec![9; 15]),
                false => Err(CipherError::NotAuthentic),
            };
            assert_eq!(back, wanted, "{last}");
        }
    }

    /// v3.2, 6.13.7: with two bits that start as 1, three blocks and no more.
    #[test]
    fn a_counter_ends_with_its_bits() {
        let mode = AesMode::Ctr {
            block: block("fffffffffffffffffffffffffffffffd"),
            bits: 2,
        };
        let key = hex(KEY_128);
        assert_eq!(
            run(&mode, &key, Direction::Encrypt, &[0; 48], 7)
                .unwrap()
                .len(),
            48
        );
        let more = run(&mode, &key, Direction::Encrypt, &[0; 49], 7);
        assert!(matches!(more, Err(CipherError::Length(_))));
    }

    #[test]
    fn odd_lengths_and_odd_keys_are_refused() {
        let mode = AesMode::Ecb;
        let odd = run(&mode, &hex(KEY_128), Direction::Encrypt, &[0; 17], 17);
        assert!(matches!(odd, Err(CipherError::Length(_))));
        let short = Cipher::new(&mode, &[0; 15], Direction::Encrypt);
        assert_eq!(short.err(), Some(CipherError::KeyLength));
    }
}
