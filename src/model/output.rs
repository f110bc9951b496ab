//! The caller's buffer: PKCS#11's size-query rule (v3.2, 5.2), written once.
//!
//! Memory of a C caller is `Cell`, not `&mut`: he may give one buffer twice in a call.

use std::cell::Cell;
use std::mem::MaybeUninit;

use cryptoki_sys::{CK_ATTRIBUTE_TYPE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};

use crate::error::{Error, Result};

/// A place in the caller's memory for a value whose size he may not know yet.
pub struct Output<'call, T> {
    /// `None` when the caller only asks how much room he needs.
    buffer: Option<Buffer<'call, T>>,
    length: &'call Cell<CK_ULONG>,
}

/// Memory to be filled, and never read here.
#[derive(Clone, Copy)]
enum Buffer<'call, T> {
    /// A C caller's, who need not have written to it before.
    Uninit(&'call [Cell<MaybeUninit<T>>]),
    /// A Rust caller's, who can read it afterwards.
    Init(&'call [Cell<T>]),
}

impl<T: Copy> Buffer<'_, T> {
    fn len(self) -> usize {
        match self {
            Buffer::Uninit(cells) => cells.len(),
            Buffer::Init(cells) => cells.len(),
        }
    }

    fn fill(self, value: &[T]) {
        match self {
            Buffer::Uninit(cells) => {
                for (cell, &item) in cells.iter().zip(value) {
                    cell.set(MaybeUninit::new(item));
                }
            }
            Buffer::Init(cells) => {
                for (cell, &item) in cells.iter().zip(value) {
                    cell.set(item);
                }
            }
        }
    }
}

/// A question of `C_GetAttributeValue`: which attribute, and where to put it.
pub struct AttributeSlot<'call> {
    /// The attribute asked for.
    pub kind: CK_ATTRIBUTE_TYPE,
    /// Where its value goes.
    pub value: Output<'call, u8>,
    /// The structures in that place, for a value that is a list of attributes.
    pub list: Vec<ListSlot<'call>>,
}

/// A place for one attribute of a list.
pub struct ListSlot<'call> {
    /// Where its type goes.
    pub kind: &'call Cell<CK_ATTRIBUTE_TYPE>,
    /// Where its value goes.
    pub value: Output<'call, u8>,
}

/// What the caller offered, compared with what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// The value fits.
    Enough,
    /// There is no buffer: he asks for the size.
    OnlyAsked,
    /// The buffer cannot hold the value.
    TooSmall,
}

impl<'call, T: Copy> Output<'call, T> {
    /// A C caller's buffer, if he gave one, and the place of its length.
    pub fn new(
        buffer: Option<&'call [Cell<MaybeUninit<T>>]>,
        length: &'call Cell<CK_ULONG>,
    ) -> Self {
        let buffer = buffer.map(Buffer::Uninit);
        Self { buffer, length }
    }

    /// A Rust caller's buffer and the place of its length.
    pub fn to_cells(cells: &'call [Cell<T>], length: &'call Cell<CK_ULONG>) -> Self {
        let buffer = Some(Buffer::Init(cells));
        Self { buffer, length }
    }

    /// Tells the caller the size, and us whether to go on.
    pub fn room_for(&mut self, needed: usize) -> Room {
        self.length.set(needed as CK_ULONG);
        match self.buffer {
            None => Room::OnlyAsked,
            Some(buffer) if buffer.len() < needed => Room::TooSmall,
            Some(_) => Room::Enough,
        }
    }

    /// Answers with `value`, its size, or `BufferTooSmall`.
    pub fn put(&mut self, value: &[T]) -> Result {
        let room = self.room_for(value.len());
        if let (Room::Enough, Some(buffer)) = (room, self.buffer) {
            buffer.fill(value);
        }
        room.verdict()
    }

    /// How many items the caller has room for.
    pub fn capacity(&self) -> usize {
        self.buffer.map_or(0, Buffer::len)
    }

    /// Marks an attribute that cannot be given (v3.2, 5.7.5).
    pub fn unavailable(&mut self) {
        self.length.set(CK_UNAVAILABLE_INFORMATION);
    }
}

impl Room {
    /// What the call answers where the operation goes no further than this.
    pub fn verdict(self) -> Result {
        match self {
            Room::Enough | Room::OnlyAsked => Ok(()),
            Room::TooSmall => Err(Error::BufferTooSmall),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(n: usize) -> Vec<Cell<u8>> {
        (0..n).map(|_| Cell::new(b'-')).collect()
    }

    fn text(cells: &[Cell<u8>]) -> Vec<u8> {
        cells.iter().map(Cell::get).collect()
    }

    #[test]
    fn a_question_gets_the_size() {
        let length = Cell::new(7);
        assert_eq!(Output::<u8>::new(None, &length).put(b"four"), Ok(()));
        assert_eq!(length.get(), 4);
    }

    #[test]
    fn a_small_buffer_is_left_alone_and_told_the_size() {
        let (length, buffer) = (Cell::new(3), cells(3));
        let answer = Output::to_cells(&buffer, &length).put(b"four");
        assert_eq!((answer, length.get()), (Err(Error::BufferTooSmall), 4));
        assert_eq!(text(&buffer), b"---");
    }

    #[test]
    fn a_large_buffer_gets_value_and_length() {
        let (length, buffer) = (Cell::new(6), cells(6));
        assert_eq!(Output::to_cells(&buffer, &length).put(b"four"), Ok(()));
        assert_eq!((length.get(), text(&buffer)), (4, b"four--".to_vec()));
    }
}
