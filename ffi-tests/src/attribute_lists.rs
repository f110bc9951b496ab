//! Attributes whose value is a list of attributes, given to the module and asked of it. The contract is `module`'s.

use std::ptr::null_mut;

use cryptoki_sys::*;

use crate::call;
use crate::module::{Answer, answer};
use crate::session::{Session, Template};

/// The structures of a list, as the bytes of an attribute's value; they point into the list.
pub fn structures(list: &mut Template) -> Vec<u8> {
    let structure = |(kind, value): &mut (CK_ATTRIBUTE_TYPE, Vec<u8>)| {
        [
            kind.to_ne_bytes(),
            (value.as_mut_ptr() as usize as u64).to_ne_bytes(),
            (value.len() as CK_ULONG).to_ne_bytes(),
        ]
        .concat()
    };
    list.iter_mut().flat_map(structure).collect()
}

impl Session<'_> {
    /// The value of an attribute that is a list, with room for so many bytes in each value.
    pub fn list(
        &self,
        object: CK_OBJECT_HANDLE,
        kind: CK_ATTRIBUTE_TYPE,
        room: usize,
    ) -> Answer<Template> {
        let mut question = CK_ATTRIBUTE {
            type_: kind,
            pValue: null_mut(),
            ulValueLen: 0,
        };
        let ask = |question: &mut CK_ATTRIBUTE| {
            let module = self.module();
            let session = self.handle;
            answer(call!(
                module,
                C_GetAttributeValue,
                session,
                object,
                question,
                1
            ))
        };
        ask(&mut question)?;
        let count = question.ulValueLen as usize / size_of::<CK_ATTRIBUTE>();
        let mut values = vec![vec![0_u8; room]; count];
        let place = |value: &mut Vec<u8>| CK_ATTRIBUTE {
            type_: 0,
            pValue: value.as_mut_ptr().cast(),
            ulValueLen: value.len() as CK_ULONG,
        };
        let mut list: Vec<_> = values.iter_mut().map(place).collect();
        question.pValue = list.as_mut_ptr().cast();
        ask(&mut question)?;
        let told = list.iter().zip(values);
        let told = told.map(|(it, value)| (it.type_, value[..it.ulValueLen as usize].to_vec()));
        Ok(told.collect())
    }
}
