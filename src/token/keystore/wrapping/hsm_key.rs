//! The data key under an AES key of an HSM, which encrypts and decrypts it.

use zeroize::Zeroizing;

use super::{Wrapping, told};
use crate::error::TokenErrorKind;
use crate::token::hsm::cipher_key::CipherKey;
use crate::token::keystore::random;
use crate::token::keystore::sealing::DataKey;
use crate::token::keystore::store::{StoreError, Stored, TokenRow};

/// Bytes of an IV, which is all that there is to note.
const IV_LEN: usize = 16;

/// A key in an HSM. What it gives back is known by the check value to be what it got.
pub struct HsmKey(pub CipherKey);

impl Wrapping for HsmKey {
    fn kind(&self) -> &'static str {
        "hsm"
    }

    fn wrap(&self, _: &TokenRow, data_key: &DataKey) -> Stored<(Vec<u8>, Vec<u8>)> {
        let drawn = random::bytes::<IV_LEN>().and_then(|iv| Ok((iv, random::bytes::<IV_LEN>()?)));
        let failed =
            |error: std::io::Error| StoreError::new(TokenErrorKind::Failed, error.to_string());
        let (iv, id) = drawn.map_err(failed)?;
        let plain = Zeroizing::new(data_key.bytes().to_vec());
        let wrapped = self.0.encrypt(plain, iv, &id).map_err(told)?;
        Ok((iv.to_vec(), wrapped))
    }

    fn unwrap(&self, token: &TokenRow) -> Stored<Zeroizing<Vec<u8>>> {
        let iv = token.seal_parameters[..].try_into().map_err(|_| {
            let reason = "what is noted of the HSM's key that opens the keystore was altered in the database; \
                          restore the last backup";
            StoreError::new(TokenErrorKind::Failed, reason)
        })?;
        self.0.decrypt(&token.data_key, iv).map_err(told)
    }
}
