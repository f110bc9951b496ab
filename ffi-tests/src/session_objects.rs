//! Objects made, changed and destroyed in a session of the module. The contract is `module`'s.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::ciphers::{PLENTY, Told, told};
use crate::module::{Answer, Module, answer};
use crate::session::{Session, Template};

/// The value of a CK_ULONG.
pub fn number(value: CK_ULONG) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// A template as C has it; it points into the other one.
fn attributes(template: &mut Template) -> Vec<CK_ATTRIBUTE> {
    let attribute = |(kind, value): &mut (CK_ATTRIBUTE_TYPE, Vec<u8>)| CK_ATTRIBUTE {
        type_: *kind,
        pValue: value.as_mut_ptr().cast(),
        ulValueLen: value.len() as CK_ULONG,
    };
    template.iter_mut().map(attribute).collect()
}

/// The calls that make, change and end objects.
pub struct Objects<'call> {
    module: &'call Module,
    session: CK_SESSION_HANDLE,
}

impl<'call> Objects<'call> {
    /// Those of that session.
    pub fn of(module: &'call Module, session: &Session<'_>) -> Self {
        let session = session.handle;
        Self { module, session }
    }

    /// C_CreateObject.
    pub fn create(&self, template: &Template) -> Answer<CK_OBJECT_HANDLE> {
        let (mut template, mut handle) = (template.clone(), 0);
        let mut list = attributes(&mut template);
        let (start, count) = (list.as_mut_ptr(), list.len() as CK_ULONG);
        let (session, place) = (self.session, &mut handle);
        let rv = call!(self.module, C_CreateObject, session, start, count, place);
        answer(rv).map(|()| handle)
    }

    /// C_CopyObject.
    pub fn copy(&self, object: CK_OBJECT_HANDLE, template: &Template) -> Answer<CK_OBJECT_HANDLE> {
        let (mut template, mut handle) = (template.clone(), 0);
        let mut list = attributes(&mut template);
        let (start, count) = (list.as_mut_ptr(), list.len() as CK_ULONG);
        let (session, place) = (self.session, &mut handle);
        let rv = call!(
            self.module,
            C_CopyObject,
            session,
            object,
            start,
            count,
            place
        );
        answer(rv).map(|()| handle)
    }

    /// C_SetAttributeValue.
    pub fn set(&self, object: CK_OBJECT_HANDLE, template: &Template) -> Answer {
        let mut template = template.clone();
        let mut list = attributes(&mut template);
        let (start, count) = (list.as_mut_ptr(), list.len() as CK_ULONG);
        let session = self.session;
        answer(call!(
            self.module,
            C_SetAttributeValue,
            session,
            object,
            start,
            count
        ))
    }

    /// C_DestroyObject.
    pub fn destroy(&self, object: CK_OBJECT_HANDLE) -> Answer {
        answer(call!(self.module, C_DestroyObject, self.session, object))
    }

    /// C_GetObjectSize.
    pub fn size(&self, object: CK_OBJECT_HANDLE) -> Answer<CK_ULONG> {
        let mut size = 0;
        let (session, place) = (self.session, &mut size);
        answer(call!(self.module, C_GetObjectSize, session, object, place))?;
        Ok(size)
    }

    /// C_GenerateKey.
    pub fn generate(
        &self,
        mut mechanism: CK_MECHANISM,
        template: &Template,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut template, mut handle) = (template.clone(), 0);
        let mut list = attributes(&mut template);
        let (start, count) = (list.as_mut_ptr(), list.len() as CK_ULONG);
        let (session, by, place) = (self.session, &mut mechanism, &mut handle);
        let rv = call!(self.module, C_GenerateKey, session, by, start, count, place);
        answer(rv).map(|()| handle)
    }

    /// C_WrapKey with room for so many bytes; `None` is a question for the size.
    pub fn wrap_into(
        &self,
        mut mechanism: CK_MECHANISM,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
        room: Option<usize>,
    ) -> Told {
        let (session, by) = (self.session, &mut mechanism);
        told(room, |place, length| {
            call!(
                self.module,
                C_WrapKey,
                session,
                by,
                wrapping,
                key,
                place,
                length
            )
        })
    }

    /// The same with room for everything.
    pub fn wrap(
        &self,
        mechanism: CK_MECHANISM,
        wrapping: CK_OBJECT_HANDLE,
        key: CK_OBJECT_HANDLE,
    ) -> Answer<Vec<u8>> {
        self.wrap_into(mechanism, wrapping, key, PLENTY).good()
    }

    /// C_UnwrapKey.
    pub fn unwrap(
        &self,
        mut mechanism: CK_MECHANISM,
        unwrapping: CK_OBJECT_HANDLE,
        wrapped: &[u8],
        template: &Template,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut wrapped, mut template, mut handle) = (wrapped.to_vec(), template.clone(), 0);
        let mut list = attributes(&mut template);
        let rv = call!(
            self.module,
            C_UnwrapKey,
            self.session,
            &mut mechanism,
            unwrapping,
            wrapped.as_mut_ptr(),
            wrapped.len() as CK_ULONG,
            list.as_mut_ptr(),
            list.len() as CK_ULONG,
            &mut handle
        );
        answer(rv).map(|()| handle)
    }

    /// C_DeriveKey by ECDH with that derivation function, shared data and public key of the other one.
    pub fn agree(
        &self,
        base: CK_OBJECT_HANDLE,
        (kdf, shared, public): (CK_EC_KDF_TYPE, &[u8], &[u8]),
        template: &Template,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut shared, mut public) = (shared.to_vec(), public.to_vec());
        let mut parameter = CK_ECDH1_DERIVE_PARAMS {
            kdf,
            ulSharedDataLen: shared.len() as CK_ULONG,
            pSharedData: shared.as_mut_ptr(),
            ulPublicDataLen: public.len() as CK_ULONG,
            pPublicData: public.as_mut_ptr(),
        };
        let mechanism = CK_MECHANISM {
            mechanism: CKM_ECDH1_DERIVE,
            pParameter: (&raw mut parameter).cast(),
            ulParameterLen: size_of_val(&parameter) as CK_ULONG,
        };
        self.derive(mechanism, base, template)
    }

    /// C_DeriveKey.
    pub fn derive(
        &self,
        mut mechanism: CK_MECHANISM,
        base: CK_OBJECT_HANDLE,
        template: &Template,
    ) -> Answer<CK_OBJECT_HANDLE> {
        let (mut template, mut handle) = (template.clone(), 0);
        let mut list = attributes(&mut template);
        let (start, count) = (list.as_mut_ptr(), list.len() as CK_ULONG);
        let (session, by, place) = (self.session, &mut mechanism, &mut handle);
        let rv = call!(
            self.module,
            C_DeriveKey,
            session,
            by,
            base,
            start,
            count,
            place
        );
        answer(rv).map(|()| handle)
    }

    /// C_GenerateKeyPair by a mechanism without parameter: the public key, and the private one.
    pub fn pair(
        &self,
        mechanism: CK_MECHANISM_TYPE,
        public: &Template,
        private: &Template,
    ) -> Answer<[CK_OBJECT_HANDLE; 2]> {
        let mut mechanism = CK_MECHANISM {
            mechanism,
            pParameter: null_mut(),
            ulParameterLen: 0,
        };
        let (mut public, mut private) = (public.clone(), private.clone());
        let mut lists = [attributes(&mut public), attributes(&mut private)];
        let [public, private] = lists.each_mut().map(|list| list.as_mut_ptr());
        let [public_count, private_count] = lists.each_ref().map(|list| list.len() as CK_ULONG);
        let mut handles = [0; 2];
        let [public_key, private_key] = handles.each_mut();
        answer(call!(
            self.module,
            C_GenerateKeyPair,
            self.session,
            &mut mechanism,
            public,
            public_count,
            private,
            private_count,
            public_key,
            private_key
        ))?;
        Ok(handles)
    }
}
