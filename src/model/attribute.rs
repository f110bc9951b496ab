//! Attributes of a PKCS#11 object: their types, and their values as C sees them.

use std::ops::Range;

use cryptoki_sys::*;

use super::text::steers;

/// A search template or part of one: attribute types with the values wanted.
pub type Template = Vec<(CK_ATTRIBUTE_TYPE, Vec<u8>)>;

/// The attributes of one object, each in the bytes that a C caller gets.
///
/// A token may hold a hundred thousand objects of thirty attributes each, so that all values of one
/// object lie in one piece of memory.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    /// In the order of their types: where the value lies.
    places: Vec<(CK_ATTRIBUTE_TYPE, Range<u32>)>,
    values: Vec<u8>,
}

impl Attributes {
    /// Adds a value of bytes: an array, a big integer (big-endian), a UTF-8 string.
    pub fn bytes(mut self, kind: CK_ATTRIBUTE_TYPE, value: impl Into<Vec<u8>>) -> Self {
        self.set(kind, &value.into());
        self
    }

    fn set(&mut self, kind: CK_ATTRIBUTE_TYPE, value: &[u8]) {
        let start = self.values.len();
        self.values.extend(value);
        // Four gigabytes of attributes are none that a program could be shown.
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let range = place(start)..place(self.values.len());
        match self.find(kind) {
            Ok(known) => {
                if let Some((_, old)) = self.places.get_mut(known) {
                    *old = range;
                }
            }
            Err(place) => self.places.insert(place, (kind, range)),
        }
    }

    fn find(&self, kind: CK_ATTRIBUTE_TYPE) -> Result<usize, usize> {
        self.places.binary_search_by_key(&kind, |(known, _)| *known)
    }

    /// All of them, in the order of their types.
    pub fn iter(&self) -> impl Iterator<Item = (CK_ATTRIBUTE_TYPE, &[u8])> {
        let values = self.places.iter();
        values.filter_map(|(kind, range)| Some((*kind, self.value(range)?)))
    }

    fn value(&self, range: &Range<u32>) -> Option<&[u8]> {
        let (start, end) = (range.start as usize, range.end as usize);
        self.values.get(start..end)
    }

    /// Gives back the memory that nothing will be added to.
    pub fn complete(mut self) -> Self {
        self.places.shrink_to_fit();
        self.values.shrink_to_fit();
        self
    }

    /// Adds a CK_BBOOL.
    pub fn bool(self, kind: CK_ATTRIBUTE_TYPE, value: bool) -> Self {
        self.bytes(kind, [if value { CK_TRUE } else { CK_FALSE }])
    }

    /// Adds several CK_BBOOLs of one value.
    pub fn bools(self, kinds: &[CK_ATTRIBUTE_TYPE], value: bool) -> Self {
        kinds.iter().fold(self, |all, &kind| all.bool(kind, value))
    }

    /// Adds a CK_ULONG.
    pub fn ulong(self, kind: CK_ATTRIBUTE_TYPE, value: CK_ULONG) -> Self {
        self.bytes(kind, value.to_ne_bytes())
    }

    /// Adds an array of CK_ULONGs.
    pub fn ulongs(self, kind: CK_ATTRIBUTE_TYPE, values: &[CK_ULONG]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        self.bytes(kind, bytes)
    }

    /// Adds everything of `other`.
    pub fn and(mut self, other: Attributes) -> Self {
        other.iter().for_each(|(kind, value)| self.set(kind, value));
        self
    }

    /// The value of an attribute, if the object has it.
    pub fn get(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        let (_, range) = self.places.get(self.find(kind).ok()?)?;
        self.value(range)
    }

    /// The value of an attribute that is a CK_ULONG.
    pub fn number(&self, kind: CK_ATTRIBUTE_TYPE) -> Option<CK_ULONG> {
        Some(CK_ULONG::from_ne_bytes(self.get(kind)?.try_into().ok()?))
    }

    /// The values of an attribute that is an array of CK_ULONGs; none if the object does not have it.
    pub fn numbers(&self, kind: CK_ATTRIBUTE_TYPE) -> Vec<CK_ULONG> {
        let (values, _) = self.get(kind).unwrap_or_default().as_chunks();
        values
            .iter()
            .map(|it| CK_ULONG::from_ne_bytes(*it))
            .collect()
    }

    /// True if the object has that CK_BBOOL, and it is CK_TRUE.
    pub fn is_true(&self, kind: CK_ATTRIBUTE_TYPE) -> bool {
        self.get(kind) == Some(&[CK_TRUE])
    }

    /// True if the object has each attribute of `template` with just that value.
    pub fn match_template(&self, template: &Template) -> bool {
        let same = |(kind, value): &(CK_ATTRIBUTE_TYPE, Vec<u8>)| {
            self.get(*kind) == Some(value.as_slice())
        };
        template.iter().all(same)
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Attributes {}

/// A label as every program can take it: at most 255 bytes (OpenSSH's buffer), cut at a character,
/// without characters that steer (a newline would make a second line in an authorized_keys file, a
/// reversed direction of writing another key of what `ssh-add -l` shows).
pub fn presentable_label(text: &str) -> String {
    let mut label: String = text.chars().filter(|&c| !steers(c)).collect();
    let end = (0..=label.len().min(255))
        .rev()
        .find(|&end| label.is_char_boundary(end));
    label.truncate(end.unwrap_or(0));
    label
}

/// True for the parts of a private key that no call ever gives out.
pub fn is_secret(kind: CK_ATTRIBUTE_TYPE) -> bool {
    const SECRET: [CK_ATTRIBUTE_TYPE; 8] = [
        CKA_VALUE,
        CKA_SEED,
        CKA_PRIVATE_EXPONENT,
        CKA_PRIME_1,
        CKA_PRIME_2,
        CKA_EXPONENT_1,
        CKA_EXPONENT_2,
        CKA_COEFFICIENT,
    ];
    SECRET.contains(&kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_by_value_and_by_length() {
        let object = Attributes::default()
            .bool(CKA_TOKEN, true)
            .bytes(CKA_ID, *b"id")
            .ulong(CKA_CLASS, CKO_PUBLIC_KEY);
        assert!(object.match_template(&vec![]));
        assert!(object.match_template(&vec![(CKA_ID, b"id".to_vec()), (CKA_TOKEN, vec![1])]));
        assert!(!object.match_template(&vec![(CKA_TOKEN, vec![1; 8])]));
        assert!(!object.match_template(&vec![(CKA_LABEL, vec![])]));
    }

    #[test]
    fn a_value_that_is_set_again_is_the_last_one() {
        let object = Attributes::default()
            .bool(CKA_TOKEN, false)
            .bytes(CKA_ID, *b"old");
        let object = object.and(Attributes::default().bytes(CKA_ID, *b"newer"));
        assert_eq!(object.get(CKA_ID), Some(&b"newer"[..]));
        let same = Attributes::default()
            .bytes(CKA_ID, *b"newer")
            .bool(CKA_TOKEN, false);
        assert_eq!(object.complete(), same);
    }

    #[test]
    fn labels_lose_what_steers_and_excess() {
        assert_eq!(presentable_label("web\n1\u{7f}\u{85}"), "web1");
        assert_eq!(presentable_label("a\u{2028}b\u{202e}c\u{2066}"), "abc");
        assert_eq!(presentable_label("שלום ü"), "שלום ü");
        let long = presentable_label(&"ü".repeat(200));
        assert_eq!((long.len(), long.chars().count()), (254, 127));
        assert_eq!(presentable_label(""), "");
    }
}
