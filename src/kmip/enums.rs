//! Enumerations: numbers with names, open to numbers we do not know.
//!
//! A server may answer with a value of a later version or of its own; it is kept and shown, and never makes a reply unreadable.

mod cryptography;
mod object;
mod protocol;

pub use cryptography::*;
pub use object::*;
pub use protocol::*;

macro_rules! open_enumerations {
    ($($(#[$doc:meta])* $type:ident { $($constant:ident = $number:literal $name:literal)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $type(pub u32);

            impl $type {
                $(#[doc = $name] pub const $constant: $type = $type($number);)*

                /// The name in the specification, if the number is known.
                pub fn name(self) -> Option<&'static str> {
                    match self.0 {
                        $($number => Some($name),)*
                        _ => None,
                    }
                }
            }

            impl std::fmt::Display for $type {
                fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    match self.name() {
                        Some(name) => out.write_str(name),
                        None => write!(out, "{:#x}", self.0),
                    }
                }
            }

            impl std::fmt::Debug for $type {
                fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    std::fmt::Display::fmt(self, out)
                }
            }

            impl From<$type> for u32 {
                fn from(value: $type) -> u32 {
                    value.0
                }
            }
        )*
    };
}
use open_enumerations;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_are_kept_and_shown() {
        assert_eq!(Operation(0x21), Operation::SIGN);
        assert_eq!(Operation::SIGN.to_string(), "Sign");
        assert_eq!(ResultReason(0x8000_0001).to_string(), "0x80000001");
    }

    #[test]
    fn where_two_implementations_disagree_the_specification_decides() {
        assert_eq!(ResultStatus::SUCCESS.0, 0);
        assert_eq!(RecommendedCurve::SECP256K1.0, 0x19);
        assert_eq!(RecommendedCurve::BRAINPOOLP512T1.0, 0x44);
    }
}
