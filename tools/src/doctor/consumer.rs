//! A program in OpenSSH's place: the calls of PKCS#11 that it makes, with buffers as it offers them.

use std::cell::Cell;
use std::sync::Arc;

use cryptoki_sys::*;
use kmip_p11::error::Result;
use kmip_p11::model::attribute::Template;
use kmip_p11::model::mechanism_call::MechanismCall;
use kmip_p11::model::output::{AttributeSlot, Output};
use kmip_p11::provider::{OpenSession, Provider};

/// A program that has loaded the module.
pub struct Consumer(Provider);

/// A session of that program's.
pub struct ConsumerSession(Arc<OpenSession>);

impl Consumer {
    /// After C_Initialize.
    pub fn new(provider: Provider) -> Self {
        Self(provider)
    }

    /// C_GetSlotList, first for the number, then for the slots.
    pub fn slots(&self) -> Result<Vec<CK_SLOT_ID>> {
        let length = Cell::new(0);
        self.0.slots(CK_TRUE, Output::new(None, &length))?;
        let memory = Memory::new(length.get() as usize);
        self.0.slots(CK_TRUE, memory.output())?;
        Ok(memory.items())
    }

    /// The flags of C_GetTokenInfo.
    pub fn token_flags(&self, slot: CK_SLOT_ID) -> Result<CK_FLAGS> {
        let info = Cell::new(CK_TOKEN_INFO::default());
        self.0.token_info(slot, &info)?;
        Ok(info.get().flags)
    }

    /// C_OpenSession: OpenSSH wants to write wherever it reads.
    pub fn open(&self, slot: CK_SLOT_ID) -> Result<ConsumerSession> {
        let handle = Cell::new(0);
        let flags = CKF_RW_SESSION | CKF_SERIAL_SESSION;
        let (nothing, nobody) = (std::ptr::null_mut(), None);
        self.0.open_session(slot, flags, nothing, nobody, &handle)?;
        Ok(ConsumerSession(self.0.session(handle.get())?))
    }
}

impl ConsumerSession {
    /// C_FindObjectsInit, C_FindObjects for one object at a time, C_FindObjectsFinal. `each` works
    /// while the search is under way, as OpenSSH does.
    pub fn each_object(
        &self,
        template: Template,
        mut each: impl FnMut(CK_OBJECT_HANDLE),
    ) -> Result<()> {
        self.0.session.lock().find_init(template)?;
        while let Some(handle) = self.next_object()? {
            each(handle);
        }
        self.0.session.lock().find_final()
    }

    fn next_object(&self) -> Result<Option<CK_OBJECT_HANDLE>> {
        let memory = Memory::new(1);
        self.0.session.lock().find(memory.output())?;
        Ok(memory.items().first().copied())
    }

    /// C_Login as CKU_USER.
    pub fn login(&self, pin: &str) -> Result<()> {
        self.0.session.lock().login(CKU_USER, pin.as_bytes())
    }

    /// C_GetAttributeValue without buffers: the sizes.
    pub fn sizes<const N: usize>(
        &self,
        object: CK_OBJECT_HANDLE,
        kinds: [CK_ATTRIBUTE_TYPE; N],
    ) -> Result<[usize; N]> {
        let lengths = [const { Cell::new(0) }; N];
        let slot = |(kind, length)| AttributeSlot {
            kind,
            value: Output::new(None, length),
            list: vec![],
        };
        let slots = kinds.into_iter().zip(&lengths).map(slot).collect();
        self.0.session.lock().attributes(object, slots)?;
        Ok(lengths.map(|length| length.get() as usize))
    }

    /// C_GetAttributeValue with a buffer of that size for each attribute.
    pub fn values<const N: usize>(
        &self,
        object: CK_OBJECT_HANDLE,
        kinds: [CK_ATTRIBUTE_TYPE; N],
        rooms: [usize; N],
    ) -> Result<[Vec<u8>; N]> {
        let memories = rooms.map(Memory::<u8>::new);
        let slot = |(kind, memory)| AttributeSlot {
            kind,
            value: Memory::output(memory),
            list: vec![],
        };
        let slots = kinds.into_iter().zip(&memories).map(slot).collect();
        self.0.session.lock().attributes(object, slots)?;
        let mut values = [const { vec![] }; N];
        for (value, memory) in values.iter_mut().zip(&memories) {
            *value = memory.items();
        }
        Ok(values)
    }

    /// C_SignInit; no mechanism of OpenSSH's has a parameter.
    pub fn sign_init(&self, number: CK_MECHANISM_TYPE, key: CK_OBJECT_HANDLE) -> Result<()> {
        let mechanism = MechanismCall::plain(number);
        self.0.session.lock().sign_init(Some(mechanism), key)
    }

    /// One C_Sign, with room for so many bytes, and no second try.
    pub fn sign(&self, data: &[u8], room: usize) -> Result<Vec<u8>> {
        let memory = Memory::new(room);
        self.0.session.lock().sign(data, memory.output())?;
        Ok(memory.items())
    }
}

/// Memory as a C program offers it: so many items, and a length.
struct Memory<T> {
    cells: Box<[Cell<T>]>,
    length: Cell<CK_ULONG>,
}

impl<T: Copy + Default> Memory<T> {
    fn new(room: usize) -> Self {
        Self {
            cells: (0..room).map(|_| Cell::default()).collect(),
            length: Cell::new(room as CK_ULONG),
        }
    }

    fn output(&self) -> Output<'_, T> {
        Output::to_cells(&self.cells, &self.length)
    }

    /// What was written into it.
    fn items(&self) -> Vec<T> {
        let written = self.cells.iter().take(self.length.get() as usize);
        written.map(Cell::get).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_holds_what_was_put_into_it() {
        let memory = Memory::new(5);
        memory.output().put(b"four").unwrap();
        assert_eq!(memory.items(), b"four");
        assert!(Memory::<u8>::new(0).items().is_empty());
    }
}
