//! Validation: one pass over a frame, without recursion, that makes every later look at it safe and bounded.

use super::{HEADER_LENGTH, Invalid, ItemType, padded};

/// How much a frame may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole frame.
    pub bytes: usize,
    /// Structures within structures; the outermost counts as one.
    pub depth: usize,
    /// Items of any type.
    pub items: usize,
}

impl Default for Limits {
    /// Far above what a server sends us for thousands of keys, far below what hurts a process.
    fn default() -> Self {
        Limits {
            bytes: 16 << 20,
            depth: 32,
            items: 1 << 18,
        }
    }
}

/// The header of one item.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub tag: u32,
    pub kind: ItemType,
    pub length: usize,
}

impl Header {
    pub fn read(bytes: &[u8]) -> Option<(Header, &[u8])> {
        let (&[a, b, c, kind, l1, l2, l3, l4], rest) =
            bytes.split_first_chunk::<HEADER_LENGTH>()?;
        let tag = u32::from_be_bytes([0, a, b, c]);
        let length = usize::try_from(u32::from_be_bytes([l1, l2, l3, l4])).ok()?;
        Some((
            Header {
                tag,
                kind: ItemType(kind),
                length,
            },
            rest,
        ))
    }
}

/// Checks that `bytes` are exactly one structure, all of whose items lie within their parents.
pub(super) fn validate(bytes: &[u8], limits: &Limits) -> Result<(), Invalid> {
    if bytes.len() > limits.bytes {
        return Err(Invalid::TooManyBytes);
    }
    let (root, body) = Header::read(bytes).ok_or(Invalid::Truncated)?;
    if root.kind != ItemType::STRUCTURE {
        return Err(Invalid::NotAStructure);
    }
    match padded(root.length).cmp(&body.len()) {
        std::cmp::Ordering::Greater => Err(Invalid::Truncated),
        std::cmp::Ordering::Less => Err(Invalid::TrailingBytes),
        std::cmp::Ordering::Equal => validate_children(body, limits),
    }
}

/// Walks all descendants of a structure; `open` holds what is left of each structure around the current place.
fn validate_children(body: &[u8], limits: &Limits) -> Result<(), Invalid> {
    let mut open: Vec<&[u8]> = Vec::with_capacity(limits.depth.min(64));
    let mut items = 1_usize;
    let mut rest = body;
    loop {
        while rest.is_empty() {
            match open.pop() {
                Some(outer) => rest = outer,
                None => return Ok(()),
            }
        }
        items += 1;
        if items > limits.items {
            return Err(Invalid::TooManyItems);
        }
        let (header, value) = Header::read(rest).ok_or(Invalid::BeyondParent)?;
        let (value, after) = value
            .split_at_checked(padded(header.length))
            .ok_or(Invalid::BeyondParent)?;
        if header
            .kind
            .fixed_length()
            .is_some_and(|length| length != header.length)
        {
            return Err(Invalid::WrongLength);
        }
        rest = after;
        if header.kind == ItemType::STRUCTURE {
            if open.len() + 2 > limits.depth {
                return Err(Invalid::TooDeep);
            }
            open.push(after);
            rest = value;
        }
    }
}
