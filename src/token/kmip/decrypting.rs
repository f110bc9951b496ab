//! One RSA ciphertext opened: by the server, or by the key itself where the slot allows that.

use zeroize::Zeroizing;

use super::KmipToken;
use super::failure::{is_inability, kind_of};
use super::request_form::oaep_hashing;
use crate::error::{Result, TokenErrorKind};
use crate::kmip::{
    CipherInput, CryptographicAlgorithm, CryptographicParameters, ErrorKind, MaskGenerator,
    PaddingMethod, Refusal, Request, Response,
};
use crate::model::cipher::RsaPadding;
use crate::model::key::Key;
use crate::token::Token;

impl KmipToken {
    /// The message, in one flight if the server decrypts.
    pub(super) fn message(
        &self,
        key: &Key,
        padding: &RsaPadding,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        self.usable(key, |uses| uses.decrypt)?;
        let refusal = match self.by_the_server(key, padding, data)? {
            Ok(message) => return Ok(message),
            Err(refusal) => refusal,
        };
        let kind = kind_of(&refusal);
        if refusal.leaves_open() || matches!(kind, TokenErrorKind::Gone) {
            return Err(self.failures.refusal(&refusal));
        }
        match kind {
            // Programs do not learn which of the things that can be wrong with a ciphertext it was.
            TokenErrorKind::Failed => {
                let slot = &self.failures.slot;
                log::info!(
                    "slot {slot:?}: key {:?} did not decrypt: {refusal}",
                    key.name
                );
                self.opened_by(None)
            }
            _ if self.filter.local_use => self.by_released_private(key, padding, data),
            _ => Err(self.failures.refusal(&refusal)),
        }
    }

    fn by_the_server(
        &self,
        key: &Key,
        padding: &RsaPadding,
        data: &[u8],
    ) -> Result<std::result::Result<Zeroizing<Vec<u8>>, Refusal>> {
        let request = Request::Decrypt {
            id: key.id.to_string(),
            parameters: parameters(padding),
            input: CipherInput {
                data: data.to_vec().into(),
                ..CipherInput::default()
            },
        };
        let answers = self.client()?.call_within(self.deadline(), &[request]);
        match answers.map(|answers| answers.into_iter().next()) {
            Ok(Some(Ok(Response::Decrypt { data, .. }))) => Ok(Ok(Zeroizing::new(data.to_vec()))),
            Ok(Some(Err(refusal))) => Ok(Err(refusal)),
            Ok(_) => Err(self.failures.unexpected("Decrypt")),
            Err(error) => match error.kind {
                ErrorKind::Refused(refusal) if is_inability(&refusal) => Ok(Err(refusal)),
                _ => Err(self.failures.call(&error)),
            },
        }
    }
}

/// The Cryptographic Parameters of a padding; all that say the same are given.
fn parameters(padding: &RsaPadding) -> CryptographicParameters {
    let of_rsa = CryptographicParameters {
        algorithm: Some(CryptographicAlgorithm::RSA),
        ..CryptographicParameters::default()
    };
    match padding {
        RsaPadding::Pkcs1 => CryptographicParameters {
            padding: Some(PaddingMethod::PKCS1_V15),
            ..of_rsa
        },
        RsaPadding::Oaep { hash, label } => CryptographicParameters {
            padding: Some(PaddingMethod::OAEP),
            hashing: Some(oaep_hashing(*hash)),
            mask_generator: Some(MaskGenerator::MGF1),
            mask_generator_hashing: Some(oaep_hashing(*hash)),
            p_source: (!label.is_empty()).then(|| label.clone()),
            ..of_rsa
        },
    }
}
