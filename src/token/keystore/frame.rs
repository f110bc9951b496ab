//! Several fields as one string of bytes that can be read in one way only: what codes are computed over.

/// The length that stands for a field without value.
const NONE: u32 = u32::MAX;

/// Fields one after the other, each with its length before it in four bytes, big-endian.
pub struct Frame(Vec<u8>);

impl Frame {
    /// Begins with what the frame is for, so that none can be taken for one of another purpose.
    pub fn of(purpose: &str) -> Self {
        Self(vec![]).bytes(purpose.as_bytes())
    }

    /// One more field.
    pub fn bytes(mut self, field: &[u8]) -> Self {
        // A longer one than this does not fit into a row.
        let length = u32::try_from(field.len()).unwrap_or(NONE - 1);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    /// A text.
    pub fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    /// A number, in eight bytes, big-endian.
    pub fn number(self, field: i64) -> Self {
        self.bytes(&field.to_be_bytes())
    }

    /// A field that may have no value, which is not the same as an empty one.
    pub fn maybe<T>(mut self, field: Option<T>, put: impl FnOnce(Self, T) -> Self) -> Self {
        match field {
            Some(field) => put(self, field),
            None => {
                self.0.extend_from_slice(&NONE.to_be_bytes());
                self
            }
        }
    }

    /// All of it.
    pub fn done(self) -> Vec<u8> {
        self.0
    }
}

/// The next field of a frame, and what is left of it. `None` if it is cut off or has no value.
pub fn next(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = frame.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_of_fields_have_one_frame() {
        let whole = |fields: &[&[u8]]| {
            let frame = Frame::of("test");
            fields
                .iter()
                .fold(frame, |frame, it| frame.bytes(it))
                .done()
        };
        let all = [
            whole(&[b"ab", b"c"]),
            whole(&[b"a", b"bc"]),
            whole(&[b"abc"]),
            whole(&[b"abc", b""]),
            Frame::of("test")
                .bytes(b"abc")
                .maybe(None, Frame::text)
                .done(),
            Frame::of("tes").bytes(b"tabc").done(),
        ];
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one), "{place}");
        }
    }

    #[test]
    fn fields_are_read_as_they_were_written() {
        let frame = Frame::of("p").text("ab").number(1).done();
        let (purpose, rest) = next(&frame).unwrap();
        let (text, rest) = next(rest).unwrap();
        let (number, rest) = next(rest).unwrap();
        assert_eq!((purpose, text), (&b"p"[..], &b"ab"[..]));
        assert_eq!((number, rest), (&[0, 0, 0, 0, 0, 0, 0, 1][..], &[][..]));
        for end in 0..4 {
            assert!(next(&frame[..end]).is_none());
        }
        assert!(next(&NONE.to_be_bytes()).is_none());
    }
}
