//! A symmetric key on KMIP servers that encrypts for another token, and is never fetched.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::access::Access;
use super::failure::Failures;
use crate::config;
use crate::error::{Result, TokenErrorKind};
use crate::kmip::{
    Answer, Attribute, BlockCipherMode, CipherInput, CryptographicAlgorithm,
    CryptographicParameters, ObjectType, PaddingMethod, Refusal, Request, Response,
};

/// How the key is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// AES-GCM with a nonce of 12 bytes.
    Gcm,
    /// AES-CBC with PKCS#5's padding: where a server has no other. It authenticates nothing.
    Cbc,
}

/// What came of an encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// The key's unique identifier.
    pub key: String,
    /// How it was used.
    pub mode: Mode,
    /// The nonce, or the first block.
    pub iv: Vec<u8>,
    /// The ciphertext.
    pub data: Vec<u8>,
    /// Of AES-GCM.
    pub tag: Option<Vec<u8>>,
}

/// A key, and who may use it.
pub struct CipherKey {
    access: Access,
    failures: Failures,
    deadline: Duration,
    name: String,
}

impl Mode {
    /// Bytes of its nonce or first block.
    pub const fn iv_len(self) -> usize {
        match self {
            Self::Gcm => 12,
            Self::Cbc => 16,
        }
    }

    fn parameters(self) -> CryptographicParameters {
        CryptographicParameters {
            block_cipher_mode: Some(match self {
                Self::Gcm => BlockCipherMode::GCM,
                Self::Cbc => BlockCipherMode::CBC,
            }),
            padding: (self == Self::Cbc).then_some(PaddingMethod::PKCS5),
            algorithm: Some(CryptographicAlgorithm::AES),
            tag_length: (self == Self::Gcm).then_some(16),
            ..CryptographicParameters::default()
        }
    }
}

impl CipherKey {
    /// The key of that name or unique identifier; asks nobody.
    pub fn new(slot: &str, config: &config::Kmip, name: &str) -> Self {
        let servers = config.servers.iter().map(ToString::to_string);
        let failures = Failures {
            slot: slot.into(),
            servers: servers.collect::<Vec<_>>().join(" or "),
        };
        Self {
            access: Access::new(config.clone(), failures.clone()),
            failures,
            deadline: config.deadline,
            name: name.into(),
        }
    }

    /// Encrypts with AES-GCM, or else with AES-CBC; `iv` gives a new one of that length.
    ///
    /// # Errors
    /// If there is no such key, or no server encrypts with it.
    pub fn encrypt(&self, plain: &[u8], iv: impl Fn(Mode) -> Result<Vec<u8>>) -> Result<Encrypted> {
        let key = self.id()?;
        let mut refusals = vec![];
        for mode in [Mode::Gcm, Mode::Cbc] {
            let iv = iv(mode)?;
            let request = Request::Encrypt {
                id: key.clone(),
                parameters: mode.parameters(),
                input: CipherInput {
                    data: plain.into(),
                    iv_counter_nonce: Some(iv.clone()),
                    ..CipherInput::default()
                },
            };
            match self.ask(request)? {
                Ok(Response::Encrypt { data, tag, .. }) if data != plain => {
                    return Ok(Encrypted {
                        key,
                        mode,
                        iv,
                        data,
                        tag,
                    });
                }
                Ok(_) => return Err(self.failures.unexpected("Encrypt")),
                Err(refusal) => refusals.push(refusal),
            }
        }
        Err(self.refused("encrypt", &refusals))
    }

    /// What was encrypted.
    ///
    /// # Errors
    /// If the key is gone, or the server does not decrypt with it.
    pub fn decrypt(&self, encrypted: &Encrypted) -> Result<Zeroizing<Vec<u8>>> {
        let request = Request::Decrypt {
            id: encrypted.key.clone(),
            parameters: encrypted.mode.parameters(),
            input: CipherInput {
                data: encrypted.data.clone().into(),
                iv_counter_nonce: Some(encrypted.iv.clone()),
                tag: encrypted.tag.clone(),
                ..CipherInput::default()
            },
        };
        match self.ask(request)? {
            Ok(Response::Decrypt { data, .. }) => Ok(Zeroizing::new(data.to_vec())),
            Ok(_) => Err(self.failures.unexpected("Decrypt")),
            Err(refusal) => Err(self.refused("decrypt", &[refusal])),
        }
    }

    /// By its name; if no key has it, what was given is the identifier.
    fn id(&self) -> Result<String> {
        let locate = Request::Locate {
            filters: vec![
                Attribute::ObjectType(ObjectType::SYMMETRIC_KEY),
                Attribute::Name(self.name.clone()),
            ],
            maximum_items: None,
            offset_items: None,
            group_member: None,
            storage_status: None,
        };
        match self.ask(locate)? {
            Ok(Response::Locate { ids, .. }) => match &ids[..] {
                [] => Ok(self.name.clone()),
                [id] => Ok(id.clone()),
                several => {
                    let (name, number) = (&self.name, several.len());
                    let reason = format!(
                        "{number} keys of the server are named {name:?}; give an identifier"
                    );
                    Err(self.failures.error(TokenErrorKind::Failed, reason))
                }
            },
            Ok(_) => Err(self.failures.unexpected("Locate")),
            Err(refusal) => Err(self.failures.refusal(&refusal)),
        }
    }

    fn ask(&self, request: Request) -> Result<Answer> {
        let client = self.access.client()?;
        let deadline = Instant::now() + self.deadline;
        let answers = client.call_within(deadline, &[request]);
        let answers = answers.map_err(|error| self.failures.call(&error))?;
        let answer = answers.into_iter().next();
        answer.ok_or_else(|| self.failures.unexpected("a request"))
    }

    fn refused(&self, what: &str, refusals: &[Refusal]) -> crate::error::Error {
        let (name, servers) = (&self.name, &self.failures.servers);
        let reasons: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        let reason = format!(
            "server {servers} does not {what} with key {name:?}: {}; the key has to be an active AES key that \
             may encrypt and decrypt",
            reasons.join("; ")
        );
        self.failures.error(TokenErrorKind::Failed, reason)
    }
}
