//! A private key on its way out, wrapped under a key that an HSM has: nobody between the two can read it.

use std::time::Instant;

use super::KmipToken;
use super::failure::kind_of;
use super::managed::Managed;
use super::reading::attributes;
use crate::config::{OaepHash, Wrap};
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{
    Answer, BlockCipherMode, CryptographicAlgorithm, CryptographicParameters, EncodingOption,
    HashingAlgorithm, KeyFormatType, KeyInformation, KeyMaterial, KeyWrappingSpecification,
    ManagedObject, MaskGenerator, PaddingMethod, Refusal, Request, Response,
};
use crate::model::key::{Key, State};

/// Under what and how a key is wrapped.
#[derive(Debug, Clone, Copy)]
pub struct WrapUnder<'a> {
    /// The unique identifier of the wrapping key at the server.
    pub id: &'a str,
    /// How.
    pub wrap: Wrap,
    /// The hash, where OAEP is used.
    pub hash: OaepHash,
}

/// What became of the request for a wrapped key.
#[derive(Debug)]
pub enum Wrapped {
    /// The wrapped key: of a PKCS#8 PrivateKeyInfo (RFC 5208), if the server did as it was asked.
    Key(Vec<u8>),
    /// The wrapping key is no longer there, or not to be used any more: why.
    NoWrappingKey(String),
}

impl KmipToken {
    /// The private key, wrapped, in one flight: with the states of both keys in the same message, since not every
    /// server looks at them.
    ///
    /// # Errors
    /// [`TokenErrorKind::Denied`] for a key that may not sign now, or may not leave the server;
    /// [`TokenErrorKind::Impossible`] if the server cannot wrap so.
    pub(in crate::token) fn wrapped(
        &self,
        deadline: Instant,
        key: &Key,
        under: WrapUnder<'_>,
        format: Option<KeyFormatType>,
    ) -> Result<Wrapped> {
        let get = Request::Get {
            id: key.id.to_string(),
            format,
            wrapping: Some(specification(under)),
        };
        let requests = [attributes(under.id), attributes(&key.id.0), get];
        let answered = self.client()?.call_within(deadline, &requests);
        let mut answers = match answered {
            Ok(answers) => answers.into_iter(),
            Err(error) => {
                let refusal = self.refused_whole(error)?;
                return Err(self.not_wrapped(key, under, &refusal));
            }
        };
        if let Some(reason) = self.no_wrapping_key(under, answers.next()) {
            return Ok(Wrapped::NoWrappingKey(reason));
        }
        let now = self.as_it_is_now(key, answers.next())?;
        self.usable_now(key, &now, now.may_sign())?;
        match answers.next() {
            Some(Ok(Response::Get {
                object: ManagedObject::PrivateKey(block),
                ..
            })) => match block.material {
                KeyMaterial::Wrapped(bytes) if !bytes.is_empty() => Ok(Wrapped::Key(bytes)),
                KeyMaterial::Wrapped(_) | KeyMaterial::Other => {
                    Err(self.failures.unexpected("Get of a wrapped key"))
                }
                _ => Err(self.given_bare(key)),
            },
            Some(Err(refusal)) => Err(self.not_wrapped(key, under, &refusal)),
            _ => Err(self.failures.unexpected("Get of a wrapped key")),
        }
    }

    /// Why the wrapping key cannot wrap, if it cannot. A server that does not tell of it may still use it.
    fn no_wrapping_key(&self, under: WrapUnder<'_>, answer: Option<Answer>) -> Option<String> {
        match answer {
            Some(Err(refusal)) if kind_of(&refusal) == TokenErrorKind::Gone => {
                let servers = &self.failures.servers;
                Some(format!(
                    "server {servers} has no wrapping key {:?}",
                    under.id
                ))
            }
            Some(Ok(Response::GetAttributes { attributes, .. })) => {
                let state = Managed::new(under.id, attributes).state();
                let usable = state == State::Active;
                (!usable).then(|| format!("wrapping key {:?} at the server is {state}", under.id))
            }
            _ => None,
        }
    }

    fn not_wrapped(&self, key: &Key, under: WrapUnder<'_>, refusal: &Refusal) -> Error {
        let reason = format!(
            "server {} does not give key {:?} out wrapped by {} under {:?}: {refusal}; a server and an HSM \
             have to share a way to wrap: see delivery.wrap",
            self.failures.servers,
            key.name,
            under.wrap.name(),
            under.id
        );
        self.failures.error(kind_of(refusal), reason)
    }

    /// The key was in this process, and is wiped with the answer that brought it.
    fn given_bare(&self, key: &Key) -> Error {
        let reason = format!(
            "server {} gave key {:?} out bare, though it was asked to wrap it: the key was not used; replace it, \
             and do not use this server for delivery",
            self.failures.servers, key.name
        );
        self.failures.error(TokenErrorKind::Failed, reason)
    }
}

/// The bytes alone are wrapped, not the item around them: an HSM knows nothing of TTLV.
fn specification(under: WrapUnder<'_>) -> KeyWrappingSpecification {
    let mut specification = KeyWrappingSpecification::encrypt(under.id);
    specification.encoding = Some(EncodingOption::NO_ENCODING);
    specification.encryption_key = Some(KeyInformation {
        id: under.id.to_owned(),
        parameters: parameters(under.wrap, under.hash),
    });
    specification
}

/// How a key is wrapped, in KMIP's words. CKM_RSA_AES_KEY_WRAP has none: Cosmian takes RSA without padding for it.
pub fn parameters(wrap: Wrap, hash: OaepHash) -> CryptographicParameters {
    let of_aes = |mode| CryptographicParameters {
        block_cipher_mode: Some(mode),
        ..CryptographicParameters::default()
    };
    match wrap {
        Wrap::AesKw => of_aes(BlockCipherMode::NIST_KEY_WRAP),
        Wrap::AesKwp => of_aes(BlockCipherMode::AES_KEY_WRAP_PADDING),
        Wrap::RsaOaep => of_rsa(PaddingMethod::OAEP, hash),
        Wrap::RsaAes => of_rsa(PaddingMethod::NONE, hash),
    }
}

/// A mask generator that is not named is one with SHA-1, before 1.4 as well (KMIP 1.4, 3.6).
fn of_rsa(padding: PaddingMethod, hash: OaepHash) -> CryptographicParameters {
    let (hashing, named) = match hash {
        OaepHash::Sha1 => (HashingAlgorithm::SHA_1, false),
        OaepHash::Sha256 => (HashingAlgorithm::SHA_256, true),
    };
    CryptographicParameters {
        padding: Some(padding),
        hashing: Some(hashing),
        algorithm: Some(CryptographicAlgorithm::RSA),
        mask_generator: named.then_some(MaskGenerator::MGF1),
        mask_generator_hashing: named.then_some(hashing),
        ..CryptographicParameters::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(wrap: Wrap, hash: OaepHash) -> CryptographicParameters {
        let id = "7";
        let specification = specification(WrapUnder { id, wrap, hash });
        assert_eq!(specification.encoding, Some(EncodingOption::NO_ENCODING));
        let key = specification.encryption_key.unwrap();
        assert_eq!(key.id, "7");
        key.parameters
    }

    #[test]
    fn each_way_to_wrap_has_its_words() {
        let padded = asked(Wrap::AesKwp, OaepHash::Sha256);
        let mode = Some(BlockCipherMode::AES_KEY_WRAP_PADDING);
        assert_eq!((padded.block_cipher_mode, padded.hashing), (mode, None));
        let plain = asked(Wrap::AesKw, OaepHash::Sha1);
        assert_eq!(
            plain.block_cipher_mode,
            Some(BlockCipherMode::NIST_KEY_WRAP)
        );
        let oaep = asked(Wrap::RsaOaep, OaepHash::Sha256);
        assert_eq!(oaep.padding, Some(PaddingMethod::OAEP));
        assert_eq!(oaep.mask_generator_hashing, Some(HashingAlgorithm::SHA_256));
        let both = asked(Wrap::RsaAes, OaepHash::Sha1);
        assert_eq!(both.padding, Some(PaddingMethod::NONE));
        assert_eq!(
            (both.hashing, both.mask_generator),
            (Some(HashingAlgorithm::SHA_1), None)
        );
    }
}
