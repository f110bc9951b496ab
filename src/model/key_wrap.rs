//! AES key wrap: its two forms, the lengths that they have, and the parameter that says nothing new.

use super::mechanism_call::Parameter;

/// Bytes of what key wrap counts in.
pub const HALF_BLOCK: usize = 8;

/// A form of AES key wrap (SP 800-38F).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrapKind {
    /// KW (RFC 3394): of values in whole half blocks.
    Plain,
    /// KWP (RFC 5649): of all values.
    Padded,
}

impl WrapKind {
    /// That the parameter is none, or the initial value that there is anyway (RFC 3394, 2.2.3.1; RFC 5649, 3).
    ///
    /// # Errors
    /// What is wrong with the parameter.
    pub fn check(self, parameter: &Parameter) -> Result<(), &'static str> {
        let (usual, refusal): (&[u8], _) = match self {
            Self::Plain => (&[0xa6; 8], "takes no initial value but A6A6A6A6A6A6A6A6"),
            Self::Padded => (
                &[0xa6, 0x59, 0x59, 0xa6],
                "takes no initial value but A65959A6",
            ),
        };
        match parameter {
            Parameter::None => Ok(()),
            Parameter::WrapIv(iv) if iv == usual => Ok(()),
            _ => Err(refusal),
        }
    }

    /// True if a value of so many bytes is wrapped.
    pub fn takes(self, length: usize) -> bool {
        match self {
            Self::Plain => length >= 2 * HALF_BLOCK && length.is_multiple_of(HALF_BLOCK),
            Self::Padded => length > 0,
        }
    }

    /// What values are wrapped.
    pub const fn wanted(self) -> &'static str {
        match self {
            Self::Plain => "a multiple of 8 bytes, of 16 at least,",
            Self::Padded => "a byte or more",
        }
    }

    /// Bytes of the wrapped form of so many.
    pub fn wrapped_len(self, length: usize) -> usize {
        length
            .next_multiple_of(HALF_BLOCK)
            .saturating_add(HALF_BLOCK)
    }

    /// Bytes of the shortest wrapped form.
    pub const fn least_wrapped(self) -> usize {
        match self {
            Self::Plain => 3 * HALF_BLOCK,
            Self::Padded => 2 * HALF_BLOCK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_initial_value_may_be_said_and_no_other() {
        let iv = |bytes: &[u8]| Parameter::WrapIv(bytes.to_vec());
        assert!(WrapKind::Plain.check(&Parameter::None).is_ok());
        assert!(WrapKind::Plain.check(&iv(&[0xa6; 8])).is_ok());
        assert!(WrapKind::Padded.check(&iv(b"\xa6\x59\x59\xa6")).is_ok());
        for wrong in [iv(&[0xa6; 4]), iv(&[0; 8]), Parameter::Unknown] {
            assert!(WrapKind::Plain.check(&wrong).is_err());
            assert!(WrapKind::Padded.check(&wrong).is_err());
        }
    }
}
