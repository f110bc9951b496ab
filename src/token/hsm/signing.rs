//! One honest signature of a module: verified before it leaves, and one line in the log for each use.

use cryptoki::mechanism::MechanismType;
use cryptoki_sys::*;

use super::device::{Fault, FaultKind, Reply, Request};
use super::pairing::Holders;
use super::{HsmToken, foreign_mechanism, vouching};
use crate::crypto::digest_of;
use crate::error::{Result, TokenErrorKind};
use crate::model::key::Key;
use crate::model::mechanism::Offer;
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::public_key::KeyType;
use crate::model::signature::{SignInput, SignScheme, digest_info};
use crate::token::Token;

/// The mechanism that signs a digest, by which one that hashes can be made good.
pub fn base_of(number: CK_MECHANISM_TYPE) -> CK_MECHANISM_TYPE {
    match number {
        CKM_SHA256_RSA_PKCS | CKM_SHA384_RSA_PKCS | CKM_SHA512_RSA_PKCS => CKM_RSA_PKCS,
        CKM_ECDSA_SHA256 | CKM_ECDSA_SHA384 | CKM_ECDSA_SHA512 => CKM_ECDSA,
        other => other,
    }
}

/// The mechanism that every module has for a scheme, and what it takes.
pub fn call_of(
    scheme: SignScheme,
    input: SignInput<'_>,
) -> std::result::Result<(MechanismCall, Vec<u8>), Fault> {
    let (number, data) = match (scheme, input) {
        (SignScheme::RsaPkcs1(hash), _) => {
            (CKM_RSA_PKCS, digest_info(hash, &digest_of(input, hash)))
        }
        (SignScheme::RsaPkcs1Bare, SignInput::Message(data)) => (CKM_RSA_PKCS, data.to_vec()),
        (SignScheme::RsaPss(hash), _) => {
            let parameter = Parameter::pss(hash);
            let number = CKM_RSA_PKCS_PSS;
            return Ok((MechanismCall { number, parameter }, digest_of(input, hash)));
        }
        (SignScheme::Ecdsa(hash), _) => (CKM_ECDSA, digest_of(input, hash)),
        (SignScheme::Ed25519, SignInput::Message(message)) => (CKM_EDDSA, message.to_vec()),
        (SignScheme::MlDsa, SignInput::Message(message)) => (CKM_ML_DSA, message.to_vec()),
        (_, SignInput::Digest(_)) => {
            let said = format!("{scheme} signs messages, no digests");
            return Err(Fault::new(FaultKind::Mechanism, said));
        }
    };
    Ok((MechanismCall::plain(number), data))
}

/// By which of these keys of that type sign; `None` if the module did not tell any.
pub fn mechanisms_of(key_type: KeyType, offers: &[Offer]) -> Option<Vec<CK_MECHANISM_TYPE>> {
    let numbers = offers.iter().map(|offer| offer.number);
    let fitting = numbers.filter(|number| foreign_mechanism::goes_with(*number, key_type));
    (!offers.is_empty()).then(|| fitting.collect())
}

impl HsmToken {
    /// Hashed here and signed there: every module has the mechanisms for that.
    pub(super) fn sign_scheme(
        &self,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Vec<u8>> {
        self.signable(key, scheme, input)?;
        let (call, data) = call_of(scheme, input).map_err(|fault| self.failed(&fault))?;
        self.signature(key, &call, &data)
    }

    /// A signature by a mechanism of the module over what it takes, in PKCS#11's form.
    pub(super) fn signature(
        &self,
        key: &Key,
        call: &MechanismCall,
        data: &[u8],
    ) -> Result<Vec<u8>> {
        let outcome = self.by_module(key, call, data);
        let result = match &outcome {
            Ok(_) => "signed".to_owned(),
            Err(error) => error.to_string(),
        };
        log::info!(
            "slot {:?}: key {:?} ({}), {}: {result}",
            self.label,
            key.name,
            key.id,
            name(call.number)
        );
        outcome
    }

    fn by_module(&self, key: &Key, call: &MechanismCall, data: &[u8]) -> Result<Vec<u8>> {
        self.opened()?;
        let key_type = key.public.key_type();
        if !foreign_mechanism::goes_with(call.number, key_type) {
            let reason = format!("{} does not go with {key_type} keys", name(call.number));
            return Err(self.error(TokenErrorKind::OtherKeyType, reason));
        }
        let mut holders = self.holders(key)?;
        let signed = match self.try_once(&holders, call, data) {
            // Numbers of objects end with the sessions that they were seen in.
            Err(fault) if fault.kind == FaultKind::NoSuchObject => {
                self.pairs()?;
                holders = self.holders(key)?;
                self.try_once(&holders, call, data)
            }
            // Some modules have no word for a key that another process has destroyed.
            Err(fault) if fault.kind == FaultKind::Failed && self.pairs().is_ok() => {
                self.holders(key)?;
                Err(fault)
            }
            signed => signed,
        };
        let signature = match signed.map_err(|fault| self.failed(&fault))? {
            Reply::Bytes(signature) => key.public.signature_from_token(signature),
            _ => return Err(self.unexpected()),
        };
        match self.is_right(key, &holders, call, data, &signature)? {
            true => Ok(signature),
            false => {
                let reason = format!(
                    "module {}: the signature that came back for key {:?} ({}) does not verify; \
                     it was not used",
                    self.module, key.name, key.id
                );
                Err(self.error(TokenErrorKind::WrongSignature, reason))
            }
        }
    }

    fn try_once(
        &self,
        holders: &Holders,
        call: &MechanismCall,
        data: &[u8],
    ) -> Result<Reply, Fault> {
        let missing = || Fault::new(FaultKind::NoSuchObject, "the private key cannot be seen");
        self.device.ask(&Request::Sign {
            key: holders.private.ok_or_else(missing)?,
            mechanism: call.clone(),
            data: data.to_vec(),
        })
    }

    /// By our own computation, else by the module's word, if it has one.
    fn is_right(
        &self,
        key: &Key,
        holders: &Holders,
        call: &MechanismCall,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool> {
        if let Some(verdict) = vouching::verdict(&key.public, call, data, signature) {
            return Ok(verdict);
        }
        let Some(public) = holders.public else {
            return Ok(true);
        };
        let verify = Request::Verify {
            key: public,
            mechanism: call.clone(),
            data: data.to_vec(),
            signature: signature.to_vec(),
        };
        match self.ask(&verify)? {
            Reply::Verdict(verdict) => Ok(verdict.unwrap_or(true)),
            _ => Err(self.unexpected()),
        }
    }
}

fn name(number: CK_MECHANISM_TYPE) -> String {
    let known = MechanismType::try_from(number);
    known.map_or_else(|_| format!("mechanism {number:#x}"), |it| it.to_string())
}
