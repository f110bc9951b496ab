//! The data key under a key of KMIP servers, which encrypt and decrypt it.

use zeroize::Zeroizing;

use super::{Wrapping, told};
use crate::error::{Error, Result, TokenErrorKind};
use crate::token::keystore::frame::{self, Frame};
use crate::token::keystore::random;
use crate::token::keystore::sealing::DataKey;
use crate::token::keystore::store::{StoreError, Stored, TokenRow};
use crate::token::kmip::cipher_key::{CipherKey, Encrypted, Mode};

/// What the frame of the parameters is for.
const PURPOSE: &str = "kmip-p11 kmip seal";

/// A key of KMIP servers. What they give back is known by the check value to be what they got, be it
/// authenticated by the cipher or not.
pub struct KmipKey(pub CipherKey);

impl Wrapping for KmipKey {
    fn kind(&self) -> &'static str {
        "kmip"
    }

    fn wrap(&self, _: &TokenRow, data_key: &DataKey) -> Stored<(Vec<u8>, Vec<u8>)> {
        let encrypted = self.0.encrypt(data_key.bytes(), drawn).map_err(told)?;
        Ok((parameters(&encrypted), encrypted.data))
    }

    fn unwrap(&self, token: &TokenRow) -> Stored<Zeroizing<Vec<u8>>> {
        let encrypted = read(&token.seal_parameters, &token.data_key).ok_or_else(|| {
            let reason = "what is noted of the KMIP key that opens the keystore was altered in the database; \
                          restore the last backup";
            StoreError::new(TokenErrorKind::Failed, reason)
        })?;
        self.0.decrypt(&encrypted).map_err(told)
    }
}

fn drawn(mode: Mode) -> Result<Vec<u8>> {
    let bytes = random::bytes::<16>();
    let bytes = bytes.map_err(|_| Error::Configuration("no random numbers".into()))?;
    Ok(bytes.into_iter().take(mode.iv_len()).collect())
}

/// Purpose, the key's unique identifier, mode, IV, and the tag or nothing.
fn parameters(encrypted: &Encrypted) -> Vec<u8> {
    Frame::of(PURPOSE)
        .text(&encrypted.key)
        .text(match encrypted.mode {
            Mode::Gcm => "gcm",
            Mode::Cbc => "cbc",
        })
        .bytes(&encrypted.iv)
        .bytes(encrypted.tag.as_deref().unwrap_or_default())
        .done()
}

fn read(parameters: &[u8], data: &[u8]) -> Option<Encrypted> {
    let (purpose, rest) = frame::next(parameters)?;
    let (key, rest) = frame::next(rest)?;
    let (mode, rest) = frame::next(rest)?;
    let (iv, rest) = frame::next(rest)?;
    let (tag, rest) = frame::next(rest)?;
    let mode = match mode {
        b"gcm" => Mode::Gcm,
        b"cbc" => Mode::Cbc,
        _ => return None,
    };
    (purpose == PURPOSE.as_bytes() && rest.is_empty()).then_some(Encrypted {
        key: String::from_utf8(key.into()).ok()?,
        mode,
        iv: iv.into(),
        data: data.into(),
        tag: (!tag.is_empty()).then(|| tag.into()),
    })
}
