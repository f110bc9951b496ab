//! What the data key does: it seals private keys, and authenticates the rows that they are in.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{digest, hkdf, hmac};
use zeroize::Zeroizing;

use super::frame::Frame;
use super::random;
use super::store::{KeyRow, StoreError, Stored, TokenRow};
use crate::error::TokenErrorKind;

/// The version of all that is described here.
pub const FORMAT: i64 = 1;

/// Bytes of a key of AES-256, and of an authentication code.
pub const KEY_LEN: usize = 32;

const NONCE_LEN: usize = 12;

/// Nonces are drawn: after so many, two may be the same with a probability of 2^-32 (NIST SP 800-38D,
/// 8.3). Keys are numbered from one on, and each is sealed once.
pub const MOST_SEALINGS: i64 = 1 << 32;

/// The one key of a keystore that opens all others.
pub struct DataKey(Zeroizing<[u8; KEY_LEN]>);

/// The keys that are made of a data key, for one token.
pub struct Keys {
    serial: String,
    sealing: LessSafeKey,
    rows: hmac::Key,
    check: hmac::Key,
}

impl DataKey {
    /// A new one.
    pub fn generate() -> Stored<Self> {
        let bytes = random::bytes().map_err(|error| broken(&error.to_string()))?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// One that was unwrapped.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// To be wrapped.
    pub fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// HKDF with SHA-256 (RFC 5869); the salt is the token's serial number, so that a data key that
    /// two tokens should ever share does not give them the same keys.
    pub fn keys(&self, serial: &str) -> Stored<Keys> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, serial.as_bytes());
        let extracted = salt.extract(&*self.0);
        let derived = |purpose: &[u8]| -> Stored<Zeroizing<[u8; KEY_LEN]>> {
            let mut key = Zeroizing::new([0; KEY_LEN]);
            let purpose = [purpose];
            let expanded = extracted.expand(&purpose, hkdf::HKDF_SHA256);
            let filled = expanded.and_then(|expanded| expanded.fill(&mut *key));
            filled.map_err(|_| broken("no key can be derived"))?;
            Ok(key)
        };
        let code = |key: &[u8; KEY_LEN]| hmac::Key::new(hmac::HMAC_SHA256, key);
        Ok(Keys {
            serial: serial.to_owned(),
            sealing: cipher(&*derived(b"kmip-p11 private keys")?)?,
            rows: code(&*derived(b"kmip-p11 rows")?),
            check: code(&*derived(b"kmip-p11 data key")?),
        })
    }
}

impl Keys {
    /// A private key as it is kept in that row, whose identity it is bound to.
    pub fn seal(&self, row: &KeyRow, private: &[u8]) -> Stored<Vec<u8>> {
        encrypt(&self.sealing, &self.identity(row), private)
    }

    /// The private key of that row; `None` if it was not sealed for it.
    pub fn unseal(&self, row: &KeyRow) -> Option<Zeroizing<Vec<u8>>> {
        decrypt(&self.sealing, &self.identity(row), &row.sealed)
    }

    fn identity(&self, row: &KeyRow) -> Vec<u8> {
        let public = digest::digest(&digest::SHA256, &row.public_key);
        Frame::of("kmip-p11 private key")
            .number(FORMAT)
            .text(&self.serial)
            .text(&row.id)
            .bytes(public.as_ref())
            .done()
    }

    /// The code that belongs to the row.
    pub fn code(&self, row: &KeyRow) -> Vec<u8> {
        hmac::sign(&self.rows, &self.content(row)).as_ref().to_vec()
    }

    /// Whether the row is as one who has the data key wrote it.
    pub fn is_authentic(&self, row: &KeyRow) -> bool {
        hmac::verify(&self.rows, &self.content(row), &row.code).is_ok()
    }

    fn content(&self, row: &KeyRow) -> Vec<u8> {
        Frame::of("kmip-p11 row of keys")
            .number(FORMAT)
            .text(&self.serial)
            .text(&row.id)
            .text(&row.name)
            .maybe(row.own_label.as_deref(), Frame::text)
            .text(&row.label)
            .bytes(&row.cka_id)
            .bytes(&row.public_key)
            .text(&row.key_type)
            .number(row.state)
            .maybe(row.activated, Frame::number)
            .maybe(row.revoked, Frame::number)
            .maybe(row.revocation.as_deref(), Frame::text)
            .text(&row.object_groups)
            .number(row.extractable.into())
            .number(row.never_extractable.into())
            .number(row.created)
            .bytes(&row.sealed)
            .done()
    }

    /// The value by which a data key shows that it is that of the token, however it was unwrapped.
    pub fn check_value(&self, token: &TokenRow) -> Vec<u8> {
        hmac::sign(&self.check, &wrapping_of(token))
            .as_ref()
            .to_vec()
    }

    /// Whether these are the keys of the token, and its wrapping is as one wrote it who had them.
    pub fn are_of(&self, token: &TokenRow) -> bool {
        hmac::verify(&self.check, &wrapping_of(token), &token.check_value).is_ok()
    }
}

fn wrapping_of(token: &TokenRow) -> Vec<u8> {
    Frame::of("kmip-p11 data key")
        .number(token.format)
        .text(&token.serial)
        .text(&token.seal)
        .bytes(&token.seal_parameters)
        .bytes(&token.data_key)
        .done()
}

/// A key for AES-256-GCM.
pub fn cipher(key: &[u8; KEY_LEN]) -> Stored<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key);
    key.map(LessSafeKey::new)
        .map_err(|_| broken("AES-256-GCM does not work"))
}

/// Nonce, ciphertext and tag.
pub fn encrypt(key: &LessSafeKey, associated: &[u8], plain: &[u8]) -> Stored<Vec<u8>> {
    let nonce: [u8; NONCE_LEN] = random::bytes().map_err(|error| broken(&error.to_string()))?;
    // With room for all of it, no half of the plain text stays behind where it was.
    let mut text = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
    text.extend_from_slice(plain);
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(associated),
        &mut *text,
    )
    .map_err(|_| broken("AES-256-GCM does not work"))?;
    Ok([&nonce[..], &text[..]].concat())
}

/// The plain text of what [`encrypt`] gave; `None` if it is not that, or belongs to something else.
pub fn decrypt(key: &LessSafeKey, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let mut text = Zeroizing::new(text.to_vec());
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = key.open_in_place(nonce, Aad::from(associated), &mut text);
    let length = opened.ok()?.len();
    text.truncate(length);
    Some(text)
}

fn broken(what: &str) -> StoreError {
    StoreError::new(
        TokenErrorKind::Failed,
        format!("the crypto library fails: {what}"),
    )
}
