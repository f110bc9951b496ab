//! Attributes whose value is a list of attributes: one string of bytes here, an array of structures in C.

use cryptoki_sys::*;

use super::attribute::Template;

/// The attributes of that form (v3.2, 4.8, 4.9, 4.10).
pub const LISTS: [CK_ATTRIBUTE_TYPE; 2] = [CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE];

/// Bytes of an attribute's structure in C.
pub const STRUCTURE: usize = size_of::<CK_ATTRIBUTE>();

const NUMBER: usize = size_of::<CK_ULONG>();

/// The list as bytes: of each attribute its type, the length of its value, and the value.
pub fn encoded(list: &Template) -> Vec<u8> {
    let mut bytes = vec![];
    for (kind, value) in list {
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((value.len() as CK_ULONG).to_ne_bytes());
        bytes.extend(value);
    }
    bytes
}

/// The list of those bytes; `None` if they are none of a list.
pub fn decoded(mut bytes: &[u8]) -> Option<Template> {
    let mut list = vec![];
    while !bytes.is_empty() {
        let (kind, rest) = bytes.split_first_chunk::<NUMBER>()?;
        let (length, rest) = rest.split_first_chunk::<NUMBER>()?;
        let length = usize::try_from(CK_ULONG::from_ne_bytes(*length)).ok()?;
        let (value, rest) = rest.split_at_checked(length)?;
        list.push((CK_ATTRIBUTE_TYPE::from_ne_bytes(*kind), value.to_vec()));
        bytes = rest;
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_and_what_is_cut_is_none() {
        let list = vec![(CKA_LABEL, b"web".to_vec()), (CKA_ID, vec![])];
        let bytes = encoded(&list);
        assert_eq!(decoded(&bytes), Some(list));
        assert_eq!(decoded(&[]), Some(vec![]));
        for end in 1..bytes.len() {
            let cut = decoded(&bytes[..end]);
            assert!(cut.is_none_or(|list| list.len() == 1), "{end}");
        }
        assert_eq!(decoded(&[0xff; 24]), None);
    }
}
