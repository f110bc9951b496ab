//! What happens around every call: panics stop here, errors become return values.
use std::panic::{AssertUnwindSafe, catch_unwind};

use cryptoki_sys::{CK_RV, CKR_FUNCTION_NOT_SUPPORTED, CKR_OK};

use crate::error::{Error, Result};

/// Runs the body of the Cryptoki function `name`.
///
/// Unwinding into C is undefined, and aborting would take the caller's process down: a panic is
/// one failed call. `AssertUnwindSafe` holds because state is taken out before it is worked on.
pub(super) fn call(name: &'static str, body: impl FnOnce() -> Result) -> CK_RV {
    match caught(body) {
        Ok(()) => CKR_OK,
        Err(error) => {
            // A lost record must cost no more than the record.
            let _ = caught(|| {
                report(name, &error);
                Ok(())
            });
            CK_RV::from(&error)
        }
    }
}

fn caught(body: impl FnOnce() -> Result) -> Result {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(Err(Error::Panicked))
}

/// Every failed call is logged once, here, as loudly as its kind deserves.
fn report(name: &str, error: &Error) {
    let level = match error {
        _ if error.is_routine() => log::Level::Debug,
        Error::Panicked => log::Level::Error,
        Error::Token(_) | Error::Configuration(_) => log::Level::Warn,
        _ => log::Level::Info,
    };
    log::log!(level, "{name}: {error}");
}

/// An entry point for every signature, for functions this module does not have.
pub(super) trait Unsupported {
    const ENTRY: Self;
}

macro_rules! unsupported {
    ($($argument:ident)*) => {
        impl<$($argument),*> Unsupported for Option<unsafe extern "C" fn($($argument),*) -> CK_RV> {
            const ENTRY: Self = {
                unsafe extern "C" fn entry<$($argument),*>($(_: $argument),*) -> CK_RV {
                    CKR_FUNCTION_NOT_SUPPORTED
                }
                Some(entry)
            };
        }
    };
}

unsupported!(A B);
unsupported!(A);
unsupported!(A B C);
unsupported!(A B C D);
unsupported!(A B C D E);
unsupported!(A B C D E F);
unsupported!(A B C D E F G);
unsupported!(A B C D E F G H);
unsupported!(A B C D E F G H I);
unsupported!(A B C D E F G H I J);
unsupported!(A B C D E F G H I J K);

#[cfg(test)]
mod tests {
    use cryptoki_sys::{CKR_BUFFER_TOO_SMALL, CKR_GENERAL_ERROR};

    use super::*;

    #[test]
    fn a_panic_is_one_failed_call() {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        let answer = call("C_Test", || panic!("a bug"));
        std::panic::set_hook(hook);
        assert_eq!(answer, CKR_GENERAL_ERROR);
        assert_eq!(call("C_Test", || Ok(())), CKR_OK);
    }

    #[test]
    fn errors_become_numbers() {
        let answer = call("C_Test", || Err(Error::BufferTooSmall));
        assert_eq!(answer, CKR_BUFFER_TOO_SMALL);
    }
}
