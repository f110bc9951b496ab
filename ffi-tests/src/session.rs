//! A session of the module, with the few calls that most tests make. The contract is `module`'s.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::module::{Answer, Module, answer};

/// Bytes that any signature has room in.
const LONGEST_SIGNATURE: usize = 8192;

/// An open session; closed on drop.
pub struct Session<'module> {
    pub(crate) module: &'module Module,
    /// Its handle.
    pub handle: CK_SESSION_HANDLE,
}

/// Attribute types with the values wanted.
pub type Template = Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>;

/// A template that a class of object matches.
pub fn class(class: CK_OBJECT_CLASS) -> Template {
    vec![(CKA_CLASS, class.to_ne_bytes().to_vec())]
}

impl<'module> Session<'module> {
    /// A session as OpenSSH opens it: for reading and writing.
    pub fn open(module: &'module Module, slot: CK_SLOT_ID) -> Answer<Self> {
        let (mut handle, flags) = (0, CKF_RW_SESSION | CKF_SERIAL_SESSION);
        let place = &mut handle;
        answer(call!(
            module,
            C_OpenSession,
            slot,
            flags,
            null_mut(),
            None,
            place
        ))?;
        assert_ne!(handle, 0, "OpenSSH takes 0 for no session");
        Ok(Self { module, handle })
    }

    /// The handles of all objects that match, taken one at a time, as OpenSSH does.
    pub fn find(&self, template: &Template) -> Answer<Vec<CK_OBJECT_HANDLE>> {
        let mut found = vec![];
        self.each(template, |object| found.push(object))?;
        Ok(found)
    }

    /// The same, for those who keep no handle.
    pub fn each(&self, template: &Template, mut take: impl FnMut(CK_OBJECT_HANDLE)) -> Answer {
        let mut values: Template = template.clone();
        let mut attributes: Vec<_> = values
            .iter_mut()
            .map(|(kind, value)| CK_ATTRIBUTE {
                type_: *kind,
                pValue: value.as_mut_ptr().cast(),
                ulValueLen: value.len() as CK_ULONG,
            })
            .collect();
        let (start, count) = (attributes.as_mut_ptr(), attributes.len() as CK_ULONG);
        answer(call!(
            self.module,
            C_FindObjectsInit,
            self.handle,
            start,
            count
        ))?;
        loop {
            let (mut object, mut count) = (0, 0);
            let (place, number) = (&mut object, &mut count);
            answer(call!(
                self.module,
                C_FindObjects,
                self.handle,
                place,
                1,
                number
            ))?;
            if count == 0 {
                break;
            }
            take(object);
        }
        answer(call!(self.module, C_FindObjectsFinal, self.handle))
    }

    /// The private key with the label NAME@GROUP, of whatever group.
    #[track_caller]
    pub fn private_key(&self, name: &str) -> CK_OBJECT_HANDLE {
        let keys = self.find(&class(CKO_PRIVATE_KEY)).expect("a search");
        let named = |key: &CK_OBJECT_HANDLE| {
            let label = self
                .attribute(*key, CKA_LABEL)
                .expect("every key has a label");
            String::from_utf8_lossy(&label).split('@').next() == Some(name)
        };
        let found: Vec<_> = keys.into_iter().filter(named).collect();
        assert_eq!(found.len(), 1, "private keys called {name:?}");
        found[0]
    }

    /// The value of an attribute: its size asked first, then its bytes.
    pub fn attribute(&self, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Answer<Vec<u8>> {
        let mut question = CK_ATTRIBUTE {
            type_: kind,
            pValue: null_mut(),
            ulValueLen: 0,
        };
        let ask = |question: &mut CK_ATTRIBUTE| {
            let rv = call!(
                self.module,
                C_GetAttributeValue,
                self.handle,
                object,
                question,
                1
            );
            answer(rv)
        };
        ask(&mut question)?;
        let mut value = vec![0; question.ulValueLen as usize];
        question.pValue = value.as_mut_ptr().cast();
        ask(&mut question)?;
        assert_eq!(question.ulValueLen as usize, value.len());
        Ok(value)
    }

    /// C_SignInit with a mechanism that takes no parameter.
    pub fn sign_init(&self, mechanism: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE) -> Answer {
        let mechanism = CK_MECHANISM {
            mechanism,
            pParameter: null_mut(),
            ulParameterLen: 0,
        };
        self.sign_init_by(mechanism, key)
    }

    /// C_SignInit with a mechanism whose parameter is there until it returns.
    pub fn sign_init_by(&self, mut mechanism: CK_MECHANISM, key: CK_OBJECT_HANDLE) -> Answer {
        answer(call!(
            self.module,
            C_SignInit,
            self.handle,
            &mut mechanism,
            key
        ))
    }

    /// C_Sign with a buffer of `room` bytes.
    pub fn sign_into(&self, data: &[u8], room: usize) -> Answer<Vec<u8>> {
        let mut signature = vec![0; room];
        let length = self.sign_raw(data, signature.as_mut_ptr(), room)?;
        signature.truncate(length);
        Ok(signature)
    }

    /// C_Sign without a buffer: how long the signature will be.
    pub fn sign_size(&self, data: &[u8]) -> Answer<usize> {
        self.sign_raw(data, null_mut(), 0)
    }

    fn sign_raw(&self, data: &[u8], buffer: *mut u8, room: usize) -> Answer<usize> {
        let (mut data, mut length) = (data.to_vec(), room as CK_ULONG);
        let (start, count) = (data.as_mut_ptr(), data.len() as CK_ULONG);
        let rv = call!(
            self.module,
            C_Sign,
            self.handle,
            start,
            count,
            buffer,
            &mut length
        );
        answer(rv).map(|()| length as usize)
    }

    /// C_SignInit and C_Sign, with a buffer larger than any signature.
    pub fn sign(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        key: CK_OBJECT_HANDLE,
        data: &[u8],
    ) -> Answer<Vec<u8>> {
        self.sign_init(mechanism, key)?;
        self.sign_into(data, LONGEST_SIGNATURE)
    }

    /// C_SignInit, C_SignUpdate for each part, C_SignFinal.
    pub fn sign_in_parts(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        key: CK_OBJECT_HANDLE,
        parts: &[&[u8]],
    ) -> Answer<Vec<u8>> {
        self.sign_init(mechanism, key)?;
        for part in parts {
            let (mut part, session) = (part.to_vec(), self.handle);
            let (start, count) = (part.as_mut_ptr(), part.len() as CK_ULONG);
            answer(call!(self.module, C_SignUpdate, session, start, count))?;
        }
        let mut signature = vec![0; LONGEST_SIGNATURE];
        let mut length = signature.len() as CK_ULONG;
        let buffer = signature.as_mut_ptr();
        answer(call!(
            self.module,
            C_SignFinal,
            self.handle,
            buffer,
            &mut length
        ))?;
        signature.truncate(length as usize);
        Ok(signature)
    }

    /// Whose session it is.
    pub fn module(&self) -> &'module Module {
        self.module
    }

    /// For calls that are not here.
    pub fn handle(&self) -> CK_SESSION_HANDLE {
        self.handle
    }

    /// C_GetSessionInfo: the state.
    pub fn state(&self) -> Answer<CK_STATE> {
        let mut info = CK_SESSION_INFO::default();
        answer(call!(self.module, C_GetSessionInfo, self.handle, &mut info))?;
        Ok(info.state)
    }

    /// C_Logout.
    pub fn logout(&self) -> Answer {
        answer(call!(self.module, C_Logout, self.handle))
    }

    /// C_Login.
    pub fn login(&self, user: CK_USER_TYPE, pin: &str) -> Answer {
        let mut pin = pin.as_bytes().to_vec();
        let (start, count) = (pin.as_mut_ptr(), pin.len() as CK_ULONG);
        answer(call!(self.module, C_Login, self.handle, user, start, count))
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        call!(self.module, C_CloseSession, self.handle);
    }
}
