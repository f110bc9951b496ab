//! The checks of signatures by the module itself.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::module::{Answer, answer};
use crate::session::Session;

/// A mechanism with its parameter, if it has one.
#[derive(Clone, Copy)]
pub struct Mechanism {
    number: CK_MECHANISM_TYPE,
    pss: Option<CK_RSA_PKCS_PSS_PARAMS>,
}

impl Mechanism {
    /// One without parameter.
    pub fn plain(number: CK_MECHANISM_TYPE) -> Self {
        Self { number, pss: None }
    }

    /// RSASSA-PSS with "sha256", "sha384" or "sha512" in digest and mask, and a salt as long.
    pub fn pss(number: CK_MECHANISM_TYPE, hash: &str) -> Self {
        let (digest, mgf, salt) = match hash {
            "sha256" => (CKM_SHA256, CKG_MGF1_SHA256, 32),
            "sha384" => (CKM_SHA384, CKG_MGF1_SHA384, 48),
            _ => (CKM_SHA512, CKG_MGF1_SHA512, 64),
        };
        let pss = CK_RSA_PKCS_PSS_PARAMS {
            hashAlg: digest,
            mgf,
            sLen: salt,
        };
        Self {
            number,
            pss: Some(pss),
        }
    }

    /// As C has it; its parameter is where `self` is.
    pub fn raw(&mut self) -> CK_MECHANISM {
        let (place, length) = match &mut self.pss {
            Some(pss) => (std::ptr::from_mut(pss).cast(), size_of_val(pss)),
            None => (null_mut(), 0),
        };
        CK_MECHANISM {
            mechanism: self.number,
            pParameter: place,
            ulParameterLen: length as CK_ULONG,
        }
    }
}

impl Session<'_> {
    /// C_SignInit and C_Sign by a mechanism with its parameter.
    pub fn sign_by(
        &self,
        mut mechanism: Mechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Answer<Vec<u8>> {
        self.sign_init_by(mechanism.raw(), key)?;
        self.sign_into(data, 8192)
    }

    /// C_VerifyInit.
    pub fn verify_init(&self, mut mechanism: Mechanism, key: CK_OBJECT_HANDLE) -> Answer {
        let (mut raw, module) = (mechanism.raw(), self.module());
        answer(call!(module, C_VerifyInit, self.handle, &mut raw, key))
    }

    /// C_VerifyInit and C_Verify.
    pub fn verify(
        &self,
        mechanism: Mechanism,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        signature: &[u8],
    ) -> Answer {
        self.verify_init(mechanism, key)?;
        self.verify_now(data, signature)
    }

    /// C_Verify.
    pub fn verify_now(&self, data: &[u8], signature: &[u8]) -> Answer {
        let (data, signature) = (&mut data.to_vec(), &mut signature.to_vec());
        answer(call!(
            self.module(),
            C_Verify,
            self.handle,
            data.as_mut_ptr(),
            data.len() as CK_ULONG,
            signature.as_mut_ptr(),
            signature.len() as CK_ULONG
        ))
    }

    /// C_VerifyUpdate.
    pub fn verify_update(&self, part: &[u8]) -> Answer {
        let part = &mut part.to_vec();
        let (start, count) = (part.as_mut_ptr(), part.len() as CK_ULONG);
        answer(call!(
            self.module(),
            C_VerifyUpdate,
            self.handle,
            start,
            count
        ))
    }

    /// C_VerifyFinal.
    pub fn verify_final(&self, signature: &[u8]) -> Answer {
        let signature = &mut signature.to_vec();
        let (start, count) = (signature.as_mut_ptr(), signature.len() as CK_ULONG);
        answer(call!(
            self.module(),
            C_VerifyFinal,
            self.handle,
            start,
            count
        ))
    }

    /// The public key with the CKA_ID of that private key.
    pub fn public_half(&self, private: CK_OBJECT_HANDLE) -> Answer<CK_OBJECT_HANDLE> {
        let class = CKO_PUBLIC_KEY.to_ne_bytes().to_vec();
        let id = self.attribute(private, CKA_ID)?;
        let found = self.find(&vec![(CKA_CLASS, class), (CKA_ID, id)])?;
        assert_eq!(found.len(), 1, "public keys of one CKA_ID");
        Ok(found[0])
    }
}
