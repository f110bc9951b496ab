//! Encryption and decryption through the C interface, call by call. The contract is `module`'s.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::module::{Answer, answer};
use crate::session::Session;

/// Which way data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// C_EncryptInit and what follows it.
    Encrypt,
    /// C_DecryptInit and what follows it.
    Decrypt,
}

/// What a call with a buffer came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its answer.
    pub answer: CK_RV,
    /// The length that it told.
    pub length: usize,
    /// As much of the buffer as was filled.
    pub bytes: Vec<u8>,
}

impl Told {
    /// The bytes, if the call went well.
    pub fn good(self) -> Answer<Vec<u8>> {
        answer(self.answer).map(|()| self.bytes)
    }
}

/// Room that is enough for everything here.
pub const PLENTY: Option<usize> = Some(1 << 16);

/// A call with room for so many bytes; `None` is a question for the size.
pub fn told(room: Option<usize>, call: impl FnOnce(*mut u8, *mut CK_ULONG) -> CK_RV) -> Told {
    let mut buffer = vec![0xa5; room.unwrap_or(0)];
    let mut length = buffer.len() as CK_ULONG;
    let place = match room {
        Some(_) => buffer.as_mut_ptr(),
        None => null_mut(),
    };
    let answer = call(place, &mut length);
    let length = length as usize;
    if answer == CKR_OK {
        buffer.truncate(length);
    }
    Told {
        answer,
        length,
        bytes: buffer,
    }
}

/// A mechanism whose parameter is that structure, which has to outlive it.
pub fn mechanism<T>(number: CK_MECHANISM_TYPE, parameter: &mut T) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism: number,
        pParameter: (&raw mut *parameter).cast(),
        ulParameterLen: size_of::<T>() as CK_ULONG,
    }
}

/// A mechanism without parameter.
pub fn plain(number: CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism: number,
        pParameter: null_mut(),
        ulParameterLen: 0,
    }
}

impl Session<'_> {
    /// C_EncryptInit or C_DecryptInit.
    pub fn cipher_init(
        &self,
        way: Way,
        mut mechanism: CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
    ) -> Answer {
        let (module, session, mechanism) = (self.module, self.handle, &mut mechanism);
        answer(match way {
            Way::Encrypt => call!(module, C_EncryptInit, session, mechanism, key),
            Way::Decrypt => call!(module, C_DecryptInit, session, mechanism, key),
        })
    }

    /// C_Encrypt or C_Decrypt.
    pub fn cipher(&self, way: Way, data: &[u8], room: Option<usize>) -> Told {
        let (module, session, mut data) = (self.module, self.handle, data.to_vec());
        let (start, count) = (data.as_mut_ptr(), data.len() as CK_ULONG);
        told(room, |place, length| match way {
            Way::Encrypt => call!(module, C_Encrypt, session, start, count, place, length),
            Way::Decrypt => call!(module, C_Decrypt, session, start, count, place, length),
        })
    }

    /// C_EncryptUpdate or C_DecryptUpdate.
    pub fn cipher_update(&self, way: Way, part: &[u8], room: Option<usize>) -> Told {
        let (module, session, mut part) = (self.module, self.handle, part.to_vec());
        let (start, count) = (part.as_mut_ptr(), part.len() as CK_ULONG);
        told(room, |place, length| match way {
            Way::Encrypt => call!(
                module,
                C_EncryptUpdate,
                session,
                start,
                count,
                place,
                length
            ),
            Way::Decrypt => call!(
                module,
                C_DecryptUpdate,
                session,
                start,
                count,
                place,
                length
            ),
        })
    }

    /// C_EncryptFinal or C_DecryptFinal.
    pub fn cipher_final(&self, way: Way, room: Option<usize>) -> Told {
        let (module, session) = (self.module, self.handle);
        told(room, |place, length| match way {
            Way::Encrypt => call!(module, C_EncryptFinal, session, place, length),
            Way::Decrypt => call!(module, C_DecryptFinal, session, place, length),
        })
    }

    /// The beginning and the one call that ends it, with room for everything.
    pub fn ciphered(
        &self,
        way: Way,
        mechanism: CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Answer<Vec<u8>> {
        self.cipher_init(way, mechanism, key)?;
        self.cipher(way, data, PLENTY).good()
    }

    /// The same in parts of so many bytes.
    pub fn ciphered_in_parts(
        &self,
        way: Way,
        mechanism: CK_MECHANISM,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
        part: usize,
    ) -> Answer<Vec<u8>> {
        self.cipher_init(way, mechanism, key)?;
        let mut all = vec![];
        for part in data.chunks(part) {
            all.extend(self.cipher_update(way, part, PLENTY).good()?);
        }
        all.extend(self.cipher_final(way, PLENTY).good()?);
        Ok(all)
    }
}
