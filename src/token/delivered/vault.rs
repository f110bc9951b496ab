//! What delivery asks of its HSM, in the device's words: wrapping keys, and objects that are unwrapped, used and destroyed.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use cryptoki_sys::{CKM_ECDSA, CKM_EDDSA, CKM_ML_DSA, CKM_RSA_PKCS};

use super::super::hsm::device::{
    Class, Fault, FaultKind, Handle, Object, Reply, Request, Unwrapped, Wrapping,
};
use super::super::hsm::{Conversation, call_of};
use crate::config::{OaepHash, Wrap};
use crate::model::public_key::{KeyType, PublicKey};
use crate::model::signature::{SignInput, SignScheme};

/// Bits of a new RSA wrapping key.
pub const PAIR_BITS: u32 = 3072;

/// Bits of a new AES wrapping key.
pub const AES_BITS: u32 = 256;

/// An HSM as delivery uses it.
pub struct Vault {
    hsm: Conversation,
    /// Whether it was out of its slot when it was last asked.
    removed: AtomicBool,
    /// The mechanisms by which it signs.
    signing: OnceLock<Vec<u64>>,
}

/// A wrapping key in the HSM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalKey {
    /// Its number: an AES key, or the private half of a pair.
    pub handle: Handle,
    /// The number of its public half, if it is a pair and that is there.
    pub public_handle: Option<Handle>,
    /// CKA_ID.
    pub id: Vec<u8>,
    /// Its public half, if it is a pair.
    pub public: Option<PublicKey>,
    /// CKA_EXTRACTABLE.
    pub extractable: Option<bool>,
    /// CKA_NEVER_EXTRACTABLE.
    pub never_extractable: Option<bool>,
}

/// How a key was wrapped.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// By which mechanism.
    pub wrap: Wrap,
    /// The hash of OAEP.
    pub hash: OaepHash,
}

impl Vault {
    /// Behind that conversation.
    pub fn new(hsm: Conversation) -> Self {
        Self {
            hsm,
            removed: AtomicBool::new(false),
            signing: OnceLock::new(),
        }
    }

    /// Whether the HSM was in its slot when it was last asked.
    pub fn is_present(&self) -> bool {
        !self.removed.load(Relaxed)
    }

    /// Tries the PIN, and uses it until [`Vault::logout`].
    pub fn login(&self, pin: &str) -> Result<(), Fault> {
        self.hsm.login(pin)
    }

    /// Another PIN in the place of the one of C_Login.
    pub fn set_pin(&self, old: &str, new: &str) -> Result<(), Fault> {
        self.hsm.set_pin(old, new)
    }

    /// True if the PIN was given, or need not be.
    pub fn has_pin(&self) -> bool {
        self.hsm.has_pin()
    }

    /// Forgets the PIN.
    pub fn logout(&self) {
        self.hsm.logout();
    }

    fn ask(&self, request: &Request) -> Result<Reply, Fault> {
        let answer = self.hsm.ask(request);
        let removed = matches!(&answer, Err(fault) if fault.kind == FaultKind::Removed);
        self.removed.store(removed, Relaxed);
        answer
    }

    /// The wrapping keys of that label that can unwrap, those of a pair with their public half.
    pub fn wrapping_keys(&self, wrap: Wrap, label: &str) -> Result<Vec<LocalKey>, Fault> {
        let objects = match self.ask(&Request::Objects)? {
            Reply::Objects(objects) => objects,
            other => return Err(unexpected(&other)),
        };
        let class = match wrap.is_by_pair() {
            true => Class::Private,
            false => Class::Secret,
        };
        let named = objects.iter().filter(|it| it.label == label.as_bytes());
        let fitting = named.filter(|it| it.class == class && it.unwrap != Some(false));
        let keys = fitting.map(|it| local_key(it, &objects));
        Ok(keys
            .filter(|it| !wrap.is_by_pair() || it.public.is_some())
            .collect())
    }

    /// A new wrapping key of that label and CKA_ID. One of AES may leave, wrapped, until it is confined.
    pub fn make_wrapping_key(&self, wrap: Wrap, label: &str, id: &[u8]) -> Result<(), Fault> {
        let (label, id) = (label.to_owned(), id.to_vec());
        let request = match wrap.is_by_pair() {
            true => Request::GenerateWrappingPair {
                label,
                id,
                bits: PAIR_BITS,
            },
            false => Request::GenerateWrappingKey {
                label,
                id,
                extractable: true,
            },
        };
        self.ask(&request).map(drop)
    }

    /// An AES key, wrapped by RSA-OAEP under somebody's public key.
    pub fn wrap_for(
        &self,
        key: &LocalKey,
        receiver: &PublicKey,
        hash: OaepHash,
    ) -> Result<Vec<u8>, Fault> {
        let PublicKey::Rsa { modulus, exponent } = receiver else {
            let said = "only an RSA key can wrap another one";
            return Err(Fault::new(FaultKind::KeyType, said));
        };
        let with = self.object(&Request::TakePublicKey {
            modulus: modulus.clone(),
            exponent: exponent.clone(),
        })?;
        let wrapped = self.bytes(&Request::Wrap {
            with,
            key: key.handle,
            wrapping: oaep(hash),
        });
        self.destroy(with);
        wrapped
    }

    /// From now on the key cannot leave the HSM.
    pub fn confine(&self, key: &LocalKey) -> Result<(), Fault> {
        self.ask(&Request::Confine(key.handle)).map(drop)
    }

    /// Destroys a wrapping key.
    pub fn remove(&self, key: &LocalKey) -> Result<(), Fault> {
        let halves = [Some(key.handle), key.public_handle];
        let halves = halves.into_iter().flatten().collect();
        self.ask(&Request::Destroy(halves)).map(drop)
    }

    /// A private key as a session object: sensitive, not extractable, for signing. Each step happens in the HSM.
    pub fn unwrap(
        &self,
        with: &LocalKey,
        how: How,
        wrapped: &[u8],
        key_type: KeyType,
    ) -> Result<Handle, Fault> {
        let into = Unwrapped::PrivateKey(key_type);
        let unwrap = |with, wrapping, wrapped: &[u8], into| {
            self.object(&Request::Unwrap {
                with,
                wrapping,
                wrapped: wrapped.to_vec(),
                into,
            })
        };
        match how.wrap {
            Wrap::AesKw => unwrap(with.handle, Wrapping::AesKw, wrapped, into),
            Wrap::AesKwp => unwrap(with.handle, Wrapping::AesKwp, wrapped, into),
            Wrap::RsaOaep => unwrap(with.handle, oaep(how.hash), wrapped, into),
            Wrap::RsaAes => {
                let (key, rest) = halves(with, wrapped)?;
                let aes = unwrap(with.handle, oaep(how.hash), key, Unwrapped::AesKey)?;
                let unwrapped = unwrap(aes, Wrapping::AesKwp, rest, into);
                self.destroy(aes);
                unwrapped
            }
        }
    }

    /// A signature by an object that was unwrapped, as the HSM gives it.
    pub fn sign(
        &self,
        key: Handle,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Vec<u8>, Fault> {
        let (mechanism, data) = call_of(scheme, input)?;
        self.bytes(&Request::Sign {
            key,
            mechanism,
            data,
        })
    }

    /// The end of a session object. If the device is gone, so is the object.
    pub fn destroy(&self, object: Handle) {
        if let Err(fault) = self.ask(&Request::Destroy(vec![object])) {
            log::debug!("a delivered key's object is gone already: {fault}");
        }
    }

    /// Whether the HSM has the mechanism for signatures with keys of that type; asked once.
    pub fn can_sign(&self, key_type: KeyType) -> Result<bool, Fault> {
        let known = |all: &Vec<u64>| all.contains(&mechanism(key_type));
        if let Some(all) = self.signing.get() {
            return Ok(known(all));
        }
        match self.hsm.ask_anyone(&Request::Mechanisms)? {
            Reply::Mechanisms(all) => {
                let signing = all.iter().filter(|it| it.sign).map(|it| it.number);
                Ok(known(self.signing.get_or_init(|| signing.collect())))
            }
            other => Err(unexpected(&other)),
        }
    }

    fn object(&self, request: &Request) -> Result<Handle, Fault> {
        match self.ask(request)? {
            Reply::Object(handle) => Ok(handle),
            other => Err(unexpected(&other)),
        }
    }

    fn bytes(&self, request: &Request) -> Result<Vec<u8>, Fault> {
        match self.ask(request)? {
            Reply::Bytes(bytes) => Ok(bytes),
            other => Err(unexpected(&other)),
        }
    }
}

fn local_key(key: &Object, all: &[Object]) -> LocalKey {
    let is_half =
        |it: &&Object| it.class == Class::Public && it.id == key.id && it.label == key.label;
    let half = all.iter().find(is_half);
    let modulus = [Some(key), half].into_iter().flatten();
    let mut public = modulus.filter_map(|it| PublicKey::from_rsa(&it.modulus, &it.exponent).ok());
    LocalKey {
        handle: key.handle,
        public_handle: half.map(|it| it.handle),
        id: key.id.clone(),
        public: public.next(),
        extractable: key.extractable,
        never_extractable: key.never_extractable,
    }
}

/// CKM_RSA_AES_KEY_WRAP (v3.2, 6.1.22): as many bytes as the modulus has are the AES key, the rest is the key under it.
fn halves<'a>(with: &LocalKey, wrapped: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), Fault> {
    let length = match &with.public {
        Some(PublicKey::Rsa { modulus, .. }) => modulus.len(),
        _ => 0,
    };
    let halves = wrapped.split_at_checked(length);
    halves.filter(|_| length > 0).ok_or_else(|| {
        let said = format!(
            "{} bytes are too few for an AES key and a key under it",
            wrapped.len()
        );
        Fault::new(FaultKind::Input, said)
    })
}

fn oaep(hash: OaepHash) -> Wrapping {
    match hash {
        OaepHash::Sha1 => Wrapping::RsaOaepSha1,
        OaepHash::Sha256 => Wrapping::RsaOaepSha256,
    }
}

fn mechanism(key_type: KeyType) -> u64 {
    match key_type {
        KeyType::Rsa(_) => CKM_RSA_PKCS,
        KeyType::Ec(_) => CKM_ECDSA,
        KeyType::Ed25519 => CKM_EDDSA,
        KeyType::MlDsa(_) => CKM_ML_DSA,
    }
}

fn unexpected(reply: &Reply) -> Fault {
    let said = format!("the module's answer belongs to another question: {reply:?}");
    Fault::new(FaultKind::Failed, said)
}
