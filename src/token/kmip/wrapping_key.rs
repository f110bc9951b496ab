//! Keys at a server that wrap others for an HSM: looked for, brought there without being readable on the way, taken away.

use super::KmipToken;
use super::making::ToMake;
use super::material;
use super::wrapped::parameters;
use crate::config::{OaepHash, Wrap};
use crate::error::{Result, TokenErrorKind};
use crate::kmip::{
    Attribute, CryptographicAlgorithm, EncodingOption, KeyBlock, KeyFormatType, KeyInformation,
    KeyMaterial, KeyWrapType, KeyWrappingData, ManagedObject, ObjectType, Refusal, Request,
    Response, UsageMask, WrappingMethod,
};
use crate::model::key::State;
use crate::model::public_key::PublicKey;
use zeroize::Zeroizing;

/// Bits of the pair under which an AES wrapping key travels.
const TRANSPORT_BITS: u32 = 3072;

/// A wrapping key at the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteKey {
    /// Its unique identifier.
    pub id: String,
    /// Where it stands in its life.
    pub state: State,
}

/// A pair at the server, by which it takes in a key that nobody can read on the way.
#[derive(Debug)]
pub struct Transport {
    private_id: String,
    public_id: String,
    /// Under this an HSM wraps the key.
    pub public: PublicKey,
}

impl KmipToken {
    /// The wrapping keys of that name: symmetric ones, or public halves.
    pub(in crate::token) fn wrapping_keys(&self, wrap: Wrap, name: &str) -> Result<Vec<RemoteKey>> {
        let found = self.namesakes(kind(wrap), name)?;
        let remote = found.all.into_iter().map(|it| RemoteKey {
            state: it.managed.state(),
            id: it.managed.id,
        });
        Ok(remote.collect())
    }

    /// Registers the public half of an HSM's pair, for wrapping alone.
    pub(in crate::token) fn register_wrapping_half(
        &self,
        name: &str,
        public: &PublicKey,
    ) -> Result<String> {
        let spki = public.to_spki().map_err(|error| {
            let reason = format!("the public half of wrapping key {name:?}: {error}");
            self.failures.error(TokenErrorKind::Failed, reason)
        })?;
        let length = material::length(public.key_type());
        let wanted = [ToMake {
            kind: ObjectType::PUBLIC_KEY,
            name: name.to_owned(),
        }];
        let mut refused = self.failures.unexpected("Register");
        // Cosmian calls a SubjectPublicKeyInfo PKCS#8, everybody else X.509.
        for format in [KeyFormatType::X_509, KeyFormatType::PKCS_8] {
            let registered = self.make_once(&wanted, true, |mark| Request::Register {
                object: ManagedObject::PublicKey(KeyBlock {
                    format: Some(format),
                    algorithm: Some(CryptographicAlgorithm::RSA),
                    length: Some(length),
                    material: KeyMaterial::Bytes(Zeroizing::new(spki.clone())),
                    wrapping: None,
                }),
                attributes: [
                    &described(name, CryptographicAlgorithm::RSA, length)[..],
                    &[usage(UsageMask::WRAP_KEY | UsageMask::ENCRYPT)],
                    mark,
                ]
                .concat(),
            })?;
            match registered.map(|ids| ids.into_iter().next()) {
                Ok(Some(id)) => return self.activate_both(&id, "").map(|()| id),
                Ok(None) => return Err(self.failures.unexpected("Register")),
                Err(refusal) => refused = self.failures.refusal(&refusal),
            }
        }
        Err(refused)
    }

    /// A pair for the journey of one key; see [`KmipToken::end_transport`].
    pub(in crate::token) fn make_transport(&self, name: &str) -> Result<Transport> {
        let private_usage = usage(UsageMask::UNWRAP_KEY | UsageMask::DECRYPT);
        let public_usage = usage(UsageMask::WRAP_KEY | UsageMask::ENCRYPT);
        let named = |usage| vec![Attribute::Name(name.to_owned()), usage];
        let halves = [ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY].map(|kind| ToMake {
            kind,
            name: name.to_owned(),
        });
        let made = self.make_once(&halves, true, |mark| Request::CreateKeyPair {
            common: vec![
                Attribute::CryptographicAlgorithm(CryptographicAlgorithm::RSA),
                Attribute::CryptographicLength(TRANSPORT_BITS),
            ],
            private: [&named(private_usage.clone())[..], mark].concat(),
            public: [&named(public_usage.clone())[..], mark].concat(),
        })?;
        let ids = made.map_err(|refusal| {
            let reason = format!(
                "server {} makes no RSA pair under which the HSM could send it an AES wrapping key: {refusal}; \
                 use delivery.wrap = \"rsa-aes\" or \"rsa-oaep\", which need none",
                self.failures.servers
            );
            self.failures.error(TokenErrorKind::Impossible, reason)
        })?;
        let [private_id, public_id] = <[String; 2]>::try_from(ids)
            .map_err(|_| self.failures.unexpected("Create Key Pair"))?;
        let public = self
            .activate_both(&private_id, &public_id)
            .and_then(|()| self.public_half(&public_id));
        let public = public.inspect_err(|_| {
            self.removed(&[private_id.clone(), public_id.clone()]);
        })?;
        Ok(Transport {
            private_id,
            public_id,
            public,
        })
    }

    fn public_half(&self, id: &str) -> Result<PublicKey> {
        let get = Request::Get {
            id: id.to_owned(),
            format: None,
            wrapping: None,
        };
        match self.carry_out(&get)? {
            Ok(Response::Get {
                object: ManagedObject::PublicKey(block),
                ..
            }) => material::public_key(&block)
                .map_err(|error| self.failures.error(TokenErrorKind::Failed, error)),
            Ok(_) => Err(self.failures.unexpected("Get")),
            Err(refusal) => Err(self.failures.refusal(&refusal)),
        }
    }

    /// Destroys the pair; best effort, since nothing else was or will be sent under it.
    pub(in crate::token) fn end_transport(&self, transport: Transport) {
        let ids = [transport.private_id, transport.public_id];
        if !self.removed(&ids) {
            log::warn!(
                "slot {:?}: the pair {ids:?}, under which a wrapping key was sent, could not be destroyed; \
                 remove it at the server",
                self.failures.slot
            );
        }
    }

    /// Import (KMIP 2.1, 6.1.24) of an AES key that the server unwraps before it keeps it.
    pub(in crate::token) fn import_wrapping_key(
        &self,
        name: &str,
        wrapped: &[u8],
        bits: u32,
        transport: &Transport,
        hash: OaepHash,
    ) -> Result<String> {
        let strict = [Attribute::Sensitive(true), Attribute::Extractable(false)];
        let travelling = |material| travelling(material, bits, transport, hash);
        let forms = [KeyMaterial::Wrapped, KeyMaterial::WrappedInPlace];
        let forms = forms.map(|form| travelling(form(wrapped.to_vec())));
        let mut refused: Option<Refusal> = None;
        let guarded = [&strict[..], &[]].into_iter();
        for (guard, block) in guarded.flat_map(|guard| forms.iter().map(move |it| (guard, it))) {
            let import = Request::Import {
                id: name.to_owned(),
                object: ManagedObject::SymmetricKey(block.clone()),
                attributes: [
                    &described(name, CryptographicAlgorithm::AES, bits)[..],
                    &[usage(UsageMask::WRAP_KEY)],
                    guard,
                ]
                .concat(),
                replace_existing: false,
                key_wrap_type: Some(KeyWrapType::NOT_WRAPPED),
            };
            match self.carry_out(&import)? {
                Ok(Response::Import { id }) => return self.activate_both(&id, "").map(|()| id),
                Ok(_) => return Err(self.failures.unexpected("Import")),
                Err(refusal) => refused = Some(refusal),
            }
        }
        let reason = refused.map(|it| it.to_string()).unwrap_or_default();
        let reason = format!(
            "server {} does not take a wrapping key in that is wrapped itself: {reason}; use delivery.wrap = \
             \"rsa-aes\" or \"rsa-oaep\", of which the server needs only the public half",
            self.failures.servers
        );
        Err(self.failures.error(TokenErrorKind::Impossible, reason))
    }

    /// Revokes and destroys a wrapping key.
    pub(in crate::token) fn remove_wrapping_key(&self, id: &str) -> Result {
        if self.removed(&[id.to_owned()]) {
            return Ok(());
        }
        let servers = &self.failures.servers;
        let reason = format!("wrapping key {id:?} at server {servers} could not be destroyed");
        Err(self.failures.error(TokenErrorKind::Denied, reason))
    }
}

/// What of a wrapping key the server has.
fn kind(wrap: Wrap) -> ObjectType {
    match wrap.is_by_pair() {
        true => ObjectType::PUBLIC_KEY,
        false => ObjectType::SYMMETRIC_KEY,
    }
}

fn usage(mask: UsageMask) -> Attribute {
    Attribute::CryptographicUsageMask(mask)
}

fn described(name: &str, algorithm: CryptographicAlgorithm, bits: u32) -> Vec<Attribute> {
    vec![
        Attribute::CryptographicAlgorithm(algorithm),
        Attribute::CryptographicLength(bits),
        Attribute::Name(name.to_owned()),
    ]
}

/// An AES key on its way from the HSM to the server.
fn travelling(material: KeyMaterial, bits: u32, transport: &Transport, hash: OaepHash) -> KeyBlock {
    let under = KeyInformation {
        id: transport.private_id.clone(),
        parameters: parameters(Wrap::RsaOaep, hash),
    };
    KeyBlock {
        format: Some(KeyFormatType::RAW),
        algorithm: Some(CryptographicAlgorithm::AES),
        length: Some(bits),
        material,
        wrapping: Some(Box::new(KeyWrappingData {
            method: WrappingMethod::ENCRYPT,
            encryption_key: Some(under),
            mac_signature_key: None,
            mac_signature: None,
            iv_counter_nonce: None,
            encoding: Some(EncodingOption::NO_ENCODING),
        })),
    }
}
