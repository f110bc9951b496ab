//! From C arguments to Rust values. Every check of a pointer or length is here.
//!
//! # Safety
//! All functions trust the caller as the specification lets them: a non-null pointer is valid for
//! the length that came with it until the call returns, and no other thread writes there.
use std::cell::Cell;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::slice;

use cryptoki_sys::*;
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::model::attribute::Template;
use crate::model::attribute_list::{LISTS, STRUCTURE, encoded};
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::output::{AttributeSlot, ListSlot, Output};

/// Bytes to read; null is allowed for none of them. Copied, because the answer may go to the same
/// place (v3.2, 5.8.2: "it is OK if pData and pEncryptedData point to the same location").
pub(super) unsafe fn input(data: *mut u8, length: CK_ULONG) -> Result<Vec<u8>> {
    // SAFETY: see the module.
    let bytes = unsafe { cells(data, length) }?;
    let mut copy = vec![];
    // Memory that cannot be had would otherwise end the caller's process.
    copy.try_reserve_exact(bytes.len())
        .map_err(|_| Error::HostMemory(bytes.len()))?;
    copy.extend(bytes.iter().map(Cell::get));
    Ok(copy)
}

/// One value to write; never null. Zeroed first: the caller need not have written to it, and
/// `Cell::set` reads what it replaces.
pub(super) unsafe fn set<'call, T>(place: *mut T) -> Result<&'call Cell<T>> {
    // SAFETY: see the module; structures of C are valid when zero.
    unsafe {
        let cell = required(place)?;
        place.write_bytes(0, 1);
        Ok(cell)
    }
}

/// A buffer to fill, with its length; a null buffer asks for the size.
pub(super) unsafe fn output<'call, T: Copy>(
    buffer: *mut T,
    length: *mut CK_ULONG,
) -> Result<Output<'call, T>> {
    // SAFETY: see the module.
    unsafe {
        if buffer.is_null() {
            return Ok(Output::new(None, set(length)?));
        }
        let length = required(length)?;
        let buffer = cells(buffer.cast::<MaybeUninit<T>>(), length.get())?;
        Ok(Output::new(Some(buffer), length))
    }
}

/// Bytes to read that are a secret: our copy is wiped.
pub(super) unsafe fn secret(data: *mut u8, length: CK_ULONG) -> Result<Zeroizing<Vec<u8>>> {
    // SAFETY: see the module.
    unsafe { input(data, length) }.map(Zeroizing::new)
}

/// A buffer for at most so many things, and the place for how many there are; never null.
pub(super) unsafe fn filled<'call, T: Copy>(
    buffer: *mut T,
    capacity: CK_ULONG,
    count: *mut CK_ULONG,
) -> Result<Output<'call, T>> {
    // SAFETY: see the module.
    unsafe {
        let buffer = cells(buffer.cast::<MaybeUninit<T>>(), capacity)?;
        Ok(Output::new(Some(buffer), set(count)?))
    }
}

/// Memory to fill to its end; null is allowed for none of it.
pub(super) unsafe fn place<'call, T>(
    start: *mut T,
    length: CK_ULONG,
) -> Result<&'call [Cell<MaybeUninit<T>>]> {
    // SAFETY: see the module.
    unsafe { cells(start.cast::<MaybeUninit<T>>(), length) }
}

/// Which mechanism, if any, with its parameter.
pub(super) unsafe fn mechanism(mechanism: *mut CK_MECHANISM) -> Result<Option<MechanismCall>> {
    // SAFETY: see the module.
    let Some(mechanism) = unsafe { optional(mechanism) }? else {
        return Ok(None);
    };
    let mechanism = mechanism.get();
    let number = mechanism.mechanism;
    let parameter = match mechanism.ulParameterLen {
        0 => Parameter::None,
        // SAFETY: as above; what it points to is as long as it says.
        _ => unsafe { super::parameter::read(mechanism) },
    };
    Ok(Some(MechanismCall { number, parameter }))
}

/// Attributes to compare with or to set: types with copies of their values.
pub(super) unsafe fn template(template: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Result<Template> {
    // SAFETY: see the module; each element is itself a pointer and its length.
    let attributes = unsafe { attribute_cells(template, count) }?;
    let copied = |cell: &Cell<CK_ATTRIBUTE>| {
        let attribute = cell.get();
        if attribute.ulValueLen > LONGEST_VALUE {
            return Err(Error::ArgumentsBad("an attribute's value is too long"));
        }
        let value = match structures(attribute) {
            // SAFETY: as above.
            Some(count) => encoded(&unsafe { plain_template(attribute.pValue.cast(), count) }?),
            // SAFETY: as above.
            None => unsafe { input(attribute.pValue.cast(), attribute.ulValueLen) }?,
        };
        Ok((attribute.type_, value))
    };
    attributes.iter().map(copied).collect()
}

/// How many structures the value of a list is; `None` of an attribute that is no list, or of half a structure.
fn structures(attribute: CK_ATTRIBUTE) -> Option<CK_ULONG> {
    let unit = STRUCTURE as CK_ULONG;
    let is_list = LISTS.contains(&attribute.type_) && attribute.ulValueLen.is_multiple_of(unit);
    is_list.then_some(attribute.ulValueLen / unit)
}

/// The attributes of a list, none of which is a list itself.
unsafe fn plain_template(list: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Result<Template> {
    // SAFETY: see the module; each element is itself a pointer and its length.
    let attributes = unsafe { attribute_cells(list, count) }?;
    let copied = |cell: &Cell<CK_ATTRIBUTE>| {
        let attribute = cell.get();
        if attribute.ulValueLen > LONGEST_VALUE || LISTS.contains(&attribute.type_) {
            return Err(Error::ArgumentsBad(
                "a list of attributes holds none of its kind",
            ));
        }
        // SAFETY: as above.
        let value = unsafe { input(attribute.pValue.cast(), attribute.ulValueLen) }?;
        Ok((attribute.type_, value))
    };
    attributes.iter().map(copied).collect()
}

/// Bytes of an attribute's value, and attributes of a template, that nobody has a use for: a caller who claims
/// more is wrong about them, and what he points to is not read.
const LONGEST_VALUE: CK_ULONG = 16 << 20;
const MOST_ATTRIBUTES: CK_ULONG = 4096;

unsafe fn attribute_cells<'call>(
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<&'call [Cell<CK_ATTRIBUTE>]> {
    match count > MOST_ATTRIBUTES {
        true => Err(Error::ArgumentsBad("a template has too many attributes")),
        // SAFETY: see the module.
        false => unsafe { cells(template, count) },
    }
}

/// Attributes to read: each one is a kind and an `output`.
pub(super) unsafe fn attributes<'call>(
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<Vec<AttributeSlot<'call>>> {
    // SAFETY: see the module; each element is itself a pointer and its length.
    let template = unsafe { attribute_cells(template, count) }?;
    let slot = |cell: &Cell<CK_ATTRIBUTE>| {
        let attribute = cell.get();
        // SAFETY: as above; the length stays in the caller's structure.
        let value = unsafe {
            output(
                attribute.pValue.cast(),
                &raw mut (*cell.as_ptr()).ulValueLen,
            )
        }?;
        let kind = attribute.type_;
        let list = match structures(attribute) {
            Some(count) if !attribute.pValue.is_null() => {
                // SAFETY: as above (v3.2, 5.7.5): the caller has filled in each structure of a list.
                unsafe { list_slots(attribute.pValue.cast(), count) }?
            }
            _ => vec![],
        };
        Ok(AttributeSlot { kind, value, list })
    };
    template.iter().map(slot).collect()
}

/// The places in a list of attributes.
unsafe fn list_slots<'call>(
    list: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<Vec<ListSlot<'call>>> {
    // SAFETY: see the module; each element is itself a pointer and its length.
    let list = unsafe { attribute_cells(list, count) }?;
    let slot = |cell: &'call Cell<CK_ATTRIBUTE>| {
        let place = cell.as_ptr();
        // SAFETY: as above; type and length stay in the caller's structure.
        let (kind, value) = unsafe {
            (
                required(&raw mut (*place).type_)?,
                output(cell.get().pValue.cast(), &raw mut (*place).ulValueLen)?,
            )
        };
        Ok(ListSlot { kind, value })
    };
    list.iter().map(slot).collect()
}

/// True if the C string is `known`; reads no further than to the first difference, so that a
/// string without its NUL does no harm.
pub(super) unsafe fn is_text(text: *const CK_UTF8CHAR, known: &CStr) -> bool {
    let mut expected = known.to_bytes_with_nul().iter().enumerate();
    // SAFETY: see the module; all bytes before this one were the same, and none of them a NUL.
    expected.all(|(at, &byte)| unsafe { text.add(at).read() } == byte)
}

const NULL: Error = Error::ArgumentsBad("a pointer is null");
const MISALIGNED: Error = Error::ArgumentsBad("a pointer is not aligned for what it points to");

/// One thing of the caller's.
pub(super) unsafe fn required<'call, T>(place: *mut T) -> Result<&'call Cell<T>> {
    // SAFETY: see the module.
    unsafe { optional(place) }?.ok_or(NULL)
}

/// One thing of the caller's, or null.
unsafe fn optional<'call, T>(place: *mut T) -> Result<Option<&'call Cell<T>>> {
    match place.is_aligned() {
        // SAFETY: see the module; `Cell<T>` has the layout of `T`, and null is aligned.
        true => Ok(unsafe { place.cast::<Cell<T>>().as_ref() }),
        false => Err(MISALIGNED),
    }
}

/// `count` things of the caller's; null is allowed for none of them.
pub(super) unsafe fn cells<'call, T>(start: *mut T, count: CK_ULONG) -> Result<&'call [Cell<T>]> {
    let fits = |&count: &usize| count <= isize::MAX as usize / size_of::<T>().max(1);
    let count = usize::try_from(count).ok().filter(fits);
    match count.ok_or(Error::ArgumentsBad("a length is out of range"))? {
        0 => Ok(&[]),
        _ if start.is_null() => Err(NULL),
        _ if !start.is_aligned() => Err(MISALIGNED),
        // SAFETY: see the module; not null, aligned, not too long.
        count => Ok(unsafe { slice::from_raw_parts(start.cast(), count) }),
    }
}
