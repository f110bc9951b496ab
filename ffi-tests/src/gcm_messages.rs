//! AES-GCM message by message, and two operations at once, call by call. The contract is `module`'s.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::ciphers::{Told, Way, plain, told};
use crate::module::{Answer, answer};
use crate::session::Session;

/// An IV and a tag with what makes and measures them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The IV, or the place for one.
    pub iv: Vec<u8>,
    /// So many of its bits are the program's.
    pub fixed_bits: CK_ULONG,
    /// What makes the others.
    pub generator: CK_GENERATOR_FUNCTION,
    /// The tag, or the place for it.
    pub tag: Vec<u8>,
}

impl Message {
    /// One with that IV and place for a whole tag.
    pub fn of(iv: &[u8]) -> Self {
        Self {
            iv: iv.to_vec(),
            fixed_bits: 0,
            generator: CKG_NO_GENERATE,
            tag: vec![0; 16],
        }
    }

    /// As C has it; it points into `self`.
    pub fn raw(&mut self) -> CK_GCM_MESSAGE_PARAMS {
        CK_GCM_MESSAGE_PARAMS {
            pIv: self.iv.as_mut_ptr(),
            ulIvLen: self.iv.len() as CK_ULONG,
            ulIvFixedBits: self.fixed_bits,
            ivGenerator: self.generator,
            pTag: self.tag.as_mut_ptr(),
            ulTagBits: self.tag.len() as CK_ULONG * 8,
        }
    }
}

/// Calls a function of the table of version 3.2 with these arguments.
macro_rules! call_3_2 {
    ($session:expr, $function:ident $(, $argument:expr)* $(,)?) => {{
        let function = $session.module().list_3_2().$function.expect("no entry is null");
        // Arguments of every number and type: they cannot be evaluated anywhere else.
        // SAFETY: the arguments are as PKCS#11 wants them; those that are not must be refused.
        #[allow(clippy::macro_metavars_in_unsafe)]
        let rv = unsafe { function($session.handle $(, $argument)*) };
        rv
    }};
}

impl Session<'_> {
    /// C_MessageEncryptInit or C_MessageDecryptInit by AES-GCM.
    pub fn messages_init(&self, way: Way, key: CK_OBJECT_HANDLE) -> Answer {
        self.messages_init_by(way, plain(CKM_AES_GCM), key)
    }

    /// The same by a mechanism whose parameter is there until it returns.
    pub fn messages_init_by(
        &self,
        way: Way,
        mut by: CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) -> Answer {
        let by = &mut by;
        answer(match way {
            Way::Encrypt => call_3_2!(self, C_MessageEncryptInit, by, key),
            Way::Decrypt => call_3_2!(self, C_MessageDecryptInit, by, key),
        })
    }

    /// C_EncryptMessage or C_DecryptMessage.
    pub fn message(
        &self,
        way: Way,
        message: &mut Message,
        aad: &[u8],
        data: &[u8],
        room: Option<usize>,
    ) -> Told {
        let (mut aad, mut data, mut raw) = (aad.to_vec(), data.to_vec(), message.raw());
        let (parameter, size) = ((&raw mut raw).cast(), size_of_val(&raw) as CK_ULONG);
        let (aad, aad_len) = (aad.as_mut_ptr(), aad.len() as CK_ULONG);
        let (data, data_len) = (data.as_mut_ptr(), data.len() as CK_ULONG);
        told(room, |to, length| match way {
            Way::Encrypt => call_3_2!(
                self,
                C_EncryptMessage,
                parameter,
                size,
                aad,
                aad_len,
                data,
                data_len,
                to,
                length
            ),
            Way::Decrypt => call_3_2!(
                self,
                C_DecryptMessage,
                parameter,
                size,
                aad,
                aad_len,
                data,
                data_len,
                to,
                length
            ),
        })
    }

    /// C_EncryptMessageBegin or C_DecryptMessageBegin.
    pub fn message_begin(&self, way: Way, message: &mut Message, aad: &[u8]) -> Answer {
        let (mut aad, mut raw) = (aad.to_vec(), message.raw());
        let (parameter, size) = ((&raw mut raw).cast(), size_of_val(&raw) as CK_ULONG);
        let (aad, length) = (aad.as_mut_ptr(), aad.len() as CK_ULONG);
        answer(match way {
            Way::Encrypt => call_3_2!(self, C_EncryptMessageBegin, parameter, size, aad, length),
            Way::Decrypt => call_3_2!(self, C_DecryptMessageBegin, parameter, size, aad, length),
        })
    }

    /// C_EncryptMessageNext or C_DecryptMessageNext.
    pub fn message_next(
        &self,
        way: Way,
        message: &mut Message,
        part: &[u8],
        flags: CK_FLAGS,
    ) -> Told {
        let (mut part, mut raw) = (part.to_vec(), message.raw());
        let (parameter, size) = ((&raw mut raw).cast(), size_of_val(&raw) as CK_ULONG);
        let (part, count) = (part.as_mut_ptr(), part.len() as CK_ULONG);
        told(crate::ciphers::PLENTY, |to, length| match way {
            Way::Encrypt => call_3_2!(
                self,
                C_EncryptMessageNext,
                parameter,
                size,
                part,
                count,
                to,
                length,
                flags
            ),
            Way::Decrypt => call_3_2!(
                self,
                C_DecryptMessageNext,
                parameter,
                size,
                part,
                count,
                to,
                length,
                flags
            ),
        })
    }

    /// C_MessageEncryptFinal or C_MessageDecryptFinal.
    pub fn messages_final(&self, way: Way) -> Answer {
        answer(match way {
            Way::Encrypt => call_3_2!(self, C_MessageEncryptFinal),
            Way::Decrypt => call_3_2!(self, C_MessageDecryptFinal),
        })
    }

    /// C_EncryptMessage without a parameter.
    pub fn message_without_parameter(&self) -> CK_RV {
        let mut length = 0;
        let none = null_mut();
        call_3_2!(
            self,
            C_EncryptMessage,
            null_mut(),
            0,
            none,
            0,
            none,
            0,
            none,
            &mut length
        )
    }

    /// C_WrapKeyAuthenticated.
    pub fn wrap_authenticated(
        &self,
        mut by: CK_MECHANISM,
        keys: [CK_OBJECT_HANDLE; 2],
        aad: &[u8],
    ) -> Told {
        let (mut aad, [wrapping, key], by) = (aad.to_vec(), keys, &mut by);
        let (aad, aad_len) = (aad.as_mut_ptr(), aad.len() as CK_ULONG);
        told(crate::ciphers::PLENTY, |to, length| {
            call_3_2!(
                self,
                C_WrapKeyAuthenticated,
                by,
                wrapping,
                key,
                aad,
                aad_len,
                to,
                length
            )
        })
    }

    /// C_UnwrapKeyAuthenticated.
    pub fn unwrap_authenticated(
        &self,
        mut by: CK_MECHANISM,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        template: &mut [CK_ATTRIBUTE],
        aad: &[u8],
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut aad, mut wrapped, mut handle) = (aad.to_vec(), wrapped.to_vec(), 0);
        answer(call_3_2!(
            self,
            C_UnwrapKeyAuthenticated,
            &mut by,
            unwrapping,
            wrapped.as_mut_ptr(),
            wrapped.len() as CK_ULONG,
            template.as_mut_ptr(),
            template.len() as CK_ULONG,
            aad.as_mut_ptr(),
            aad.len() as CK_ULONG,
            &mut handle
        ))?;
        Ok(handle)
    }

    /// C_DigestEncryptUpdate, C_DecryptDigestUpdate, C_SignEncryptUpdate or C_DecryptVerifyUpdate.
    pub fn dual(&self, which: Dual, part: &[u8], room: Option<usize>) -> Told {
        let mut part = part.to_vec();
        let (part, count) = (part.as_mut_ptr(), part.len() as CK_ULONG);
        told(room, |to, length| match which {
            Dual::DigestEncrypt => call_3_2!(self, C_DigestEncryptUpdate, part, count, to, length),
            Dual::DecryptDigest => call_3_2!(self, C_DecryptDigestUpdate, part, count, to, length),
            Dual::SignEncrypt => call_3_2!(self, C_SignEncryptUpdate, part, count, to, length),
            Dual::DecryptVerify => call_3_2!(self, C_DecryptVerifyUpdate, part, count, to, length),
        })
    }

    /// C_DigestInit by a mechanism without parameter.
    pub fn digest_init(&self, by: CK_MECHANISM_TYPE) -> Answer {
        answer(call_3_2!(self, C_DigestInit, &mut plain(by)))
    }

    /// C_DigestFinal.
    pub fn digest_final(&self) -> Answer<Vec<u8>> {
        let end = |to, length| call_3_2!(self, C_DigestFinal, to, length);
        told(crate::ciphers::PLENTY, end).good()
    }

    /// C_SignFinal.
    pub fn sign_final(&self) -> Answer<Vec<u8>> {
        let end = |to, length| call_3_2!(self, C_SignFinal, to, length);
        told(crate::ciphers::PLENTY, end).good()
    }
}

/// A function that goes on with two operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dual {
    /// C_DigestEncryptUpdate
    DigestEncrypt,
    /// C_DecryptDigestUpdate
    DecryptDigest,
    /// C_SignEncryptUpdate
    SignEncrypt,
    /// C_DecryptVerifyUpdate
    DecryptVerify,
}
