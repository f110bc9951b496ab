//! AES-GCM over data that comes in parts, with every IV and tag that the standard has (SP 800-38D).
//!
//! aws-lc's own takes a message whole and IVs of 12 bytes: so its counter mode and the GHASH of
//! RustCrypto are put together here. What is decrypted is given only after its tag was right.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use ghash::GHash;
use ghash::universal_hash::UniversalHash;
use zeroize::Zeroizing;

use super::cipher::{CipherError, Counter, Direction, encrypted_block};
use crate::model::cipher::{BLOCK, GcmMode};

/// The blocks of the longest message: 2^32 - 2.
const MOST_BYTES: u64 = ((1 << 32) - 2) * BLOCK as u64;

/// GCM under way.
pub struct Gcm {
    direction: Direction,
    key: Zeroizing<Vec<u8>>,
    hash: GHash,
    /// The block that the next bytes begin with, if they are to be counted from another.
    counter: Counter,
    /// Bytes until the 32 bits of the counter begin again, and the block that they begin with then.
    turn: Option<(u64, [u8; BLOCK])>,
    /// What the tag is masked with.
    mask: [u8; BLOCK],
    aad_len: u64,
    /// Bytes of ciphertext that were hashed, and those that wait to be a block.
    hashed: u64,
    waiting: Vec<u8>,
    /// What cannot be given yet.
    collected: Zeroizing<Vec<u8>>,
    tag_len: usize,
}

impl Gcm {
    /// Nothing seen yet but what is only authenticated.
    pub fn new(mode: &GcmMode, key: &[u8], direction: Direction) -> Result<Self, CipherError> {
        let mut hash = GHash::new(&encrypted_block(key, [0; BLOCK])?.into());
        let first = first_block(&hash, &mode.iv);
        hash.update_padded(&mode.aad);
        let next = counted(first, 1);
        let blocks = u64::from(u32::MAX - low(next)) + 1;
        Ok(Self {
            direction,
            counter: Counter::new(key, next, 128)?,
            turn: Some((blocks * BLOCK as u64, with_low(next, 0))),
            mask: encrypted_block(key, first)?,
            key: Zeroizing::new(key.to_vec()),
            hash,
            aad_len: mode.aad.len() as u64,
            hashed: 0,
            waiting: vec![],
            collected: Zeroizing::default(),
            tag_len: mode.tag_len,
        })
    }

    /// Bytes that a part of so many brings out: none while the tag is not known.
    pub fn update_len(&self, part: usize) -> usize {
        match self.direction {
            Direction::Encrypt => part,
            Direction::Decrypt => 0,
        }
    }

    /// Bytes that the end brings out after so many more.
    pub fn finish_len(&self, more: usize) -> usize {
        match self.direction {
            Direction::Encrypt => self.tag_len,
            Direction::Decrypt => (self.collected.len() + more).saturating_sub(self.tag_len),
        }
    }

    /// Takes a part.
    pub fn update(&mut self, part: &[u8]) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        match self.direction {
            Direction::Encrypt => {
                let encrypted = self.count(part)?;
                self.authenticate(&encrypted)?;
                Ok(encrypted)
            }
            Direction::Decrypt => {
                self.collected.extend_from_slice(part);
                Ok(Zeroizing::default())
            }
        }
    }

    /// The tag, or what was decrypted if the tag behind it is right.
    pub fn finish(mut self) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        if self.direction == Direction::Encrypt {
            return Ok(Zeroizing::new(self.tag()));
        }
        let collected = std::mem::take(&mut self.collected);
        let split = collected.len().checked_sub(self.tag_len);
        let parts = split.and_then(|at| collected.split_at_checked(at));
        let (data, tag) = parts.ok_or(CipherError::Length("at least those of the tag"))?;
        self.authenticate(data)?;
        verify_slices_are_equal(&self.tag(), tag).map_err(|_| CipherError::NotAuthentic)?;
        self.count(data)
    }

    /// Counter mode, whose counter has 32 bits here.
    fn count(&mut self, data: &[u8]) -> Result<Zeroizing<Vec<u8>>, CipherError> {
        let Some((left, begin)) = self.turn else {
            return self.counter.apply(data);
        };
        let now = data.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let (now, later) = data.split_at_checked(now).unwrap_or((data, &[]));
        let mut result = self.counter.apply(now)?;
        self.turn = Some((left - now.len() as u64, begin));
        if !later.is_empty() {
            self.counter = Counter::new(&self.key, begin, 128)?;
            self.turn = None;
            result.extend_from_slice(&self.counter.apply(later)?);
        }
        Ok(result)
    }

    fn authenticate(&mut self, encrypted: &[u8]) -> Result<(), CipherError> {
        self.hashed += encrypted.len() as u64;
        if self.hashed > MOST_BYTES {
            return Err(CipherError::Length("less than 64 GiB"));
        }
        let missing = (BLOCK - self.waiting.len()).min(encrypted.len());
        let (first, rest) = encrypted
            .split_at_checked(missing)
            .unwrap_or((encrypted, &[]));
        self.waiting.extend_from_slice(first);
        if self.waiting.len() == BLOCK {
            self.hash.update_padded(&self.waiting);
            let (whole, last) = rest
                .split_at_checked(rest.len() / BLOCK * BLOCK)
                .unwrap_or_default();
            self.hash.update_padded(whole);
            self.waiting = last.to_vec();
        }
        Ok(())
    }

    fn tag(&self) -> Vec<u8> {
        let mut hash = self.hash.clone();
        hash.update_padded(&self.waiting);
        let lengths = (u128::from(self.aad_len * 8) << 64) | u128::from(self.hashed * 8);
        hash.update(&[lengths.to_be_bytes().into()]);
        let full = hash.finalize();
        let masked = full.iter().zip(self.mask).map(|(byte, mask)| byte ^ mask);
        masked.take(self.tag_len).collect()
    }
}

/// SP 800-38D, 7.1, step 2.
fn first_block(hash: &GHash, iv: &[u8]) -> [u8; BLOCK] {
    if iv.len() == 12 {
        let mut block = [0; BLOCK];
        for (place, byte) in block.iter_mut().zip(iv.iter().chain(&[0, 0, 0, 1])) {
            *place = *byte;
        }
        return block;
    }
    let mut hash = hash.clone();
    hash.update_padded(iv);
    hash.update(&[(iv.len() as u128 * 8).to_be_bytes().into()]);
    hash.finalize().into()
}

fn low(block: [u8; BLOCK]) -> u32 {
    u128::from_be_bytes(block) as u32
}

fn with_low(block: [u8; BLOCK], low: u32) -> [u8; BLOCK] {
    let high = u128::from_be_bytes(block) >> 32 << 32;
    (high | u128::from(low)).to_be_bytes()
}

fn counted(block: [u8; BLOCK], by: u32) -> [u8; BLOCK] {
    with_low(block, low(block).wrapping_add(by))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};

    use super::*;
    use crate::crypto::hex;

    fn mode(iv: &[u8], aad: &[u8], tag_len: usize) -> GcmMode {
        let (iv, aad) = (iv.to_vec(), aad.to_vec());
        GcmMode { iv, aad, tag_len }
    }

    fn encrypted(mode: &GcmMode, key: &[u8], plain: &[u8], part: usize) -> Vec<u8> {
        let mut gcm = Gcm::new(mode, key, Direction::Encrypt).unwrap();
        let parts = plain
            .chunks(part)
            .map(|it| gcm.update(it).unwrap().to_vec());
        let mut all = parts.collect::<Vec<_>>().concat();
        all.extend_from_slice(&gcm.finish().unwrap());
        all
    }

    fn decrypted(mode: &GcmMode, key: &[u8], data: &[u8]) -> Result<Vec<u8>, CipherError> {
        let mut gcm = Gcm::new(mode, key, Direction::Decrypt).unwrap();
        for part in data.chunks(7) {
            assert!(gcm.update(part).unwrap().is_empty());
        }
        assert_eq!(gcm.finish_len(0), data.len().saturating_sub(mode.tag_len));
        gcm.finish().map(|plain| plain.to_vec())
    }

    /// Test cases 4, 5 and 6 of McGrew and Viega's specification of GCM, which SP 800-38D refers to.
    #[test]
    fn ivs_of_every_length_give_what_the_specification_says() {
        let key = hex("feffe9928665731c6d6a8f9467308308");
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let plain = hex(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c9595680953",
            "2fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ));
        for (iv, wanted) in [
            (
                "cafebabefacedbaddecaf888",
                concat!(
                    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c",
                    "7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47"
                ),
            ),
            (
                "cafebabefacedbad",
                concat!(
                    "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b2",
                    "2b097544d4896b424989b5e1ebac0f07c23f45983612d2e79e3b0785561be14aaca2fccb"
                ),
            ),
            (
                concat!(
                    "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c95156809539",
                    "fcf0e2429a6b525416aedbf5a0de6a57a637b39b"
                ),
                concat!(
                    "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90",
                    "ccdcb281d48c7c6fd62875d2aca417034c34aee5619cc5aefffe0bfa462af43c1699d050"
                ),
            ),
        ] {
            let mode = mode(&hex(iv), &aad, 16);
            for part in [1, 15, 16, 33, 100] {
                assert_eq!(encrypted(&mode, &key, &plain, part), hex(wanted), "{part}");
            }
            assert_eq!(decrypted(&mode, &key, &hex(wanted)), Ok(plain.clone()));
        }
    }

    #[test]
    fn it_agrees_with_aws_lc() {
        let (key, iv) = ([3; 32], [5; 12]);
        let theirs = LessSafeKey::new(UnboundKey::new(&aead::AES_256_GCM, &key).unwrap());
        for len in [0, 1, 31, 4096] {
            let plain: Vec<u8> = (0..len).map(|byte| byte as u8).collect();
            let mut sealed = plain.clone();
            let nonce = Nonce::assume_unique_for_key(iv);
            theirs
                .seal_in_place_append_tag(nonce, Aad::from(b"aad"), &mut sealed)
                .unwrap();
            assert_eq!(encrypted(&mode(&iv, b"aad", 16), &key, &plain, 100), sealed);
        }
    }

    #[test]
    fn what_was_changed_is_not_given_and_short_tags_are_the_beginning_of_long_ones() {
        let (key, iv) = ([3; 16], [5; 12]);
        let long = encrypted(&mode(&iv, b"", 16), &key, b"data", 9);
        let short = mode(&iv, b"", 4);
        assert_eq!(encrypted(&short, &key, b"data", 9), long[..8]);
        assert_eq!(decrypted(&short, &key, &long[..8]), Ok(b"data".to_vec()));
        for place in 0..8 {
            let mut changed = long[..8].to_vec();
            changed[place] ^= 1;
            assert_eq!(
                decrypted(&short, &key, &changed),
                Err(CipherError::NotAuthentic)
            );
        }
        let cut = decrypted(&short, &key, &long[..3]);
        assert!(matches!(cut, Err(CipherError::Length(_))));
    }

    /// The 32 bits of the counter begin again without a carry into the IV (SP 800-38D, 6.2).
    #[test]
    fn the_counter_turns_over() {
        let key = [1; 16];
        let mut gcm = Gcm::new(&mode(&[5; 12], b"", 16), &key, Direction::Encrypt).unwrap();
        let last = with_low([0xaa; BLOCK], u32::MAX);
        gcm.counter = Counter::new(&key, last, 128).unwrap();
        gcm.turn = Some((BLOCK as u64, with_low(last, 0)));
        let stream = gcm.update(&[0; 40]).unwrap();
        let mut wanted = encrypted_block(&key, last).unwrap().to_vec();
        wanted.extend(encrypted_block(&key, with_low(last, 0)).unwrap());
        wanted.extend(&encrypted_block(&key, with_low(last, 1)).unwrap()[..8]);
        assert_eq!(*stream, wanted);
    }
}
