//! Searches: C_FindObjectsInit to C_FindObjectsFinal.

use cryptoki_sys::{CK_OBJECT_HANDLE, CKA_ID};

use super::Session;
use crate::error::{Error, Result};
use crate::model::attribute::Template;
use crate::model::output::Output;

impl Session {
    /// C_FindObjectsInit (v3.2, 5.7.7). A listing that fails is an error, never an empty one.
    pub fn find_init(&mut self, template: Template) -> Result {
        if self.search.is_some() {
            return Err(Error::OperationActive);
        }
        let exact = template.iter().any(|(kind, _)| *kind == CKA_ID);
        self.search = Some(self.slot.search(template, exact)?);
        Ok(())
    }

    /// C_FindObjects (v3.2, 5.7.8).
    pub fn find(&mut self, mut handles: Output<CK_OBJECT_HANDLE>) -> Result {
        let search = self.search.as_mut().ok_or(Error::OperationNotInitialized)?;
        let found = self.slot.found(search, handles.capacity())?;
        handles.put(&found)
    }

    /// C_FindObjectsFinal (v3.2, 5.7.9).
    pub fn find_final(&mut self) -> Result {
        let ended = self.search.take().map(drop);
        ended.ok_or(Error::OperationNotInitialized)
    }
}
