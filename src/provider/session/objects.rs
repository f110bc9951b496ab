//! Objects made, copied, changed and destroyed by a program.

use std::cell::Cell;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::Session;
use crate::error::{Error, Result};
use crate::model::attribute::{Attributes, Template};
use crate::model::attribute_rules::changed;
use crate::provider::new_object::{NewObject, permits};
use crate::provider::object::Object;
use crate::provider::session_object::SessionObject;

impl Session {
    /// C_CreateObject (v3.2, 5.7.1).
    pub fn create_object(&mut self, template: Template, handle: &Cell<CK_OBJECT_HANDLE>) -> Result {
        let template = Zeroizing::new(template);
        let made = NewObject::created(&template, self.slot.login.is_required())?;
        handle.set(self.keep(made)?);
        Ok(())
    }

    /// C_CopyObject (v3.2, 5.7.2).
    pub fn copy_object(
        &mut self,
        object: CK_OBJECT_HANDLE,
        template: Template,
        handle: &Cell<CK_OBJECT_HANDLE>,
    ) -> Result {
        let template = Zeroizing::new(template);
        let object = self.object(object)?;
        handle.set(self.keep(NewObject::copied(&object, &template)?)?);
        Ok(())
    }

    /// C_DestroyObject (v3.2, 5.7.3).
    pub fn destroy_object(&mut self, handle: CK_OBJECT_HANDLE) -> Result {
        let object = self.object(handle)?;
        let attributes = object.attributes();
        self.may_write(attributes.is_true(CKA_TOKEN))?;
        permits(
            &attributes,
            CKA_DESTROYABLE,
            "the object may not be destroyed",
        )?;
        match object {
            Object::Session(_) => match self.slot.session_objects.remove(handle) {
                true => Ok(()),
                false => Err(Error::ObjectHandleInvalid(handle)),
            },
            Object::Token(object) => self.slot.destroy(&object),
        }
    }

    /// C_GetObjectSize (v3.2, 5.7.4): the bytes of all its attributes.
    pub fn object_size(&mut self, handle: CK_OBJECT_HANDLE, size: &Cell<CK_ULONG>) -> Result {
        let object = self.object(handle)?;
        let attributes = object.attributes();
        let shown: usize = attributes.iter().map(|(_, value)| value.len()).sum();
        size.set(shown as CK_ULONG);
        Ok(())
    }

    /// C_SetAttributeValue (v3.2, 5.7.6): all of it or nothing.
    pub fn set_attributes(&mut self, handle: CK_OBJECT_HANDLE, template: Template) -> Result {
        let template = Zeroizing::new(template);
        let object = self.object(handle)?;
        let old = object.attributes();
        self.may_write(old.is_true(CKA_TOKEN))?;
        permits(&old, CKA_MODIFIABLE, "the object may not be modified")?;
        let new = changed(&old, &template, false)?;
        match object {
            Object::Session(object) => self.change(&object, new),
            Object::Token(object) => self.slot.change(&object, &old, &new),
        }
    }

    fn change(&self, object: &SessionObject, attributes: Attributes) -> Result {
        match self.slot.session_objects.change(object.handle, attributes) {
            true => Ok(()),
            false => Err(Error::ObjectHandleInvalid(object.handle)),
        }
    }

    /// A new object becomes one of this session, or the token's if its template says so.
    pub(super) fn keep(&mut self, new: NewObject) -> Result<CK_OBJECT_HANDLE> {
        self.may_keep(&new.attributes)?;
        if new.attributes.is_true(CKA_TOKEN) {
            return self.slot.take_in(&new);
        }
        let objects = &self.slot.session_objects;
        let handle = objects.insert(new.attributes, new.material);
        self.own.push(handle);
        Ok(handle)
    }

    /// That such an object may be made here and now.
    pub(super) fn may_keep(&self, attributes: &Attributes) -> Result {
        self.may_write(attributes.is_true(CKA_TOKEN))?;
        match attributes.is_true(CKA_PRIVATE) && self.slot.login.is_missing() {
            true => Err(Error::UserNotLoggedIn),
            false => Ok(()),
        }
    }

    /// What changes a token needs a session for writing (v3.2, 4.1.1), and its user.
    fn may_write(&self, in_token: bool) -> Result {
        match in_token {
            true if !self.is_rw() => Err(Error::SessionReadOnly),
            true if self.slot.login.is_missing() => Err(Error::UserNotLoggedIn),
            _ => Ok(()),
        }
    }
}
