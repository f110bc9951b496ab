//! Random bytes of the operating system, by way of the crypto library.

use std::io;

use crate::crypto::fill_with_random;

/// So many of them.
///
/// # Errors
/// If the system has none.
pub fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    let none = |_| io::Error::other("the system gives no random numbers");
    fill_with_random(&mut bytes).map_err(none)?;
    Ok(bytes)
}

/// So many of them, two hexadecimal digits each.
///
/// # Errors
/// As [`bytes`].
pub fn hex<const N: usize>() -> io::Result<String> {
    let digits = |bytes: [u8; N]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes().map(digits)
}
