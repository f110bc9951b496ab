//! AES key wrap (RFC 3394) and key wrap with padding (RFC 5649), as SP 800-38F has them.

use aes_kw::{KeyInit, KwAes192, KwpAes192};
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesBlockCipher, AesKek, KeyWrap, KeyWrapPadded};
use zeroize::Zeroizing;

use super::cipher::CipherError;
use crate::model::key_wrap::{HALF_BLOCK, WrapKind};

type Bytes = Result<Zeroizing<Vec<u8>>, CipherError>;

/// The wrapped form of a value: the half block of integrity longer than it with its padding.
///
/// # Errors
/// [`CipherError::KeyLength`] of the key that wraps, [`CipherError::Length`] of the value.
pub fn wrap(kind: WrapKind, kek: &[u8], value: &[u8]) -> Bytes {
    if !kind.takes(value.len()) {
        return Err(CipherError::Length(kind.wanted()));
    }
    let mut room = Zeroizing::new(vec![0; kind.wrapped_len(value.len())]);
    let length = match kek.len() {
        16 => wrap_by(&AES_128, kind, kek, value, &mut room)?,
        24 => wrap_192(kind, kek, value, &mut room)?,
        32 => wrap_by(&AES_256, kind, kek, value, &mut room)?,
        _ => return Err(CipherError::KeyLength),
    };
    room.truncate(length);
    Ok(room)
}

/// The value that was wrapped so.
///
/// # Errors
/// [`CipherError::KeyLength`] of the key that wraps, [`CipherError::Length`] of what no value gives, and
/// [`CipherError::NotAuthentic`].
pub fn unwrap(kind: WrapKind, kek: &[u8], wrapped: &[u8]) -> Bytes {
    if !wrapped.len().is_multiple_of(HALF_BLOCK) || wrapped.len() < kind.least_wrapped() {
        return Err(CipherError::Length(
            "a multiple of 8 bytes, of 16 or 24 at least,",
        ));
    }
    let mut room = Zeroizing::new(vec![0; wrapped.len() - HALF_BLOCK]);
    let length = match kek.len() {
        16 => unwrap_by(&AES_128, kind, kek, wrapped, &mut room)?,
        24 => unwrap_192(kind, kek, wrapped, &mut room)?,
        32 => unwrap_by(&AES_256, kind, kek, wrapped, &mut room)?,
        _ => return Err(CipherError::KeyLength),
    };
    room.truncate(length);
    Ok(room)
}

fn wrap_by(
    cipher: &'static AesBlockCipher,
    kind: WrapKind,
    kek: &[u8],
    value: &[u8],
    room: &mut [u8],
) -> Result<usize, CipherError> {
    let key = AesKek::new(cipher, kek).map_err(|_| CipherError::KeyLength)?;
    let made = match kind {
        WrapKind::Plain => key.wrap(value, room),
        WrapKind::Padded => key.wrap_with_padding(value, room),
    };
    made.map(|made| made.len())
        .map_err(|_| CipherError::Refused)
}

fn unwrap_by(
    cipher: &'static AesBlockCipher,
    kind: WrapKind,
    kek: &[u8],
    wrapped: &[u8],
    room: &mut [u8],
) -> Result<usize, CipherError> {
    let key = AesKek::new(cipher, kek).map_err(|_| CipherError::KeyLength)?;
    let made = match kind {
        WrapKind::Plain => key.unwrap(wrapped, room),
        WrapKind::Padded => key.unwrap_with_padding(wrapped, room),
    };
    made.map(|made| made.len())
        .map_err(|_| CipherError::NotAuthentic)
}

fn wrap_192(
    kind: WrapKind,
    kek: &[u8],
    value: &[u8],
    room: &mut [u8],
) -> Result<usize, CipherError> {
    let made = match kind {
        WrapKind::Plain => {
            let key = KwAes192::new_from_slice(kek).map_err(|_| CipherError::KeyLength)?;
            key.wrap_key(value, room)
        }
        WrapKind::Padded => {
            let key = KwpAes192::new_from_slice(kek).map_err(|_| CipherError::KeyLength)?;
            key.wrap_key(value, room)
        }
    };
    made.map(<[u8]>::len).map_err(|_| CipherError::Refused)
}

fn unwrap_192(
    kind: WrapKind,
    kek: &[u8],
    wrapped: &[u8],
    room: &mut [u8],
) -> Result<usize, CipherError> {
    let made = match kind {
        WrapKind::Plain => {
            let key = KwAes192::new_from_slice(kek).map_err(|_| CipherError::KeyLength)?;
            key.unwrap_key(wrapped, room)
        }
        WrapKind::Padded => {
            let key = KwpAes192::new_from_slice(kek).map_err(|_| CipherError::KeyLength)?;
            key.unwrap_key(wrapped, room)
        }
    };
    made.map(<[u8]>::len).map_err(|_| CipherError::NotAuthentic)
}

#[cfg(test)]
mod tests {
    use aes_kw::{KwAes256, KwpAes128};

    use super::super::hex;
    use super::*;

    /// RFC 3394, 4.1, 4.2 and 4.6.
    #[test]
    fn key_wrap_gives_what_its_standard_prints() {
        let kek = hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
        let value = hex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
        for (bytes, length, wanted) in [
            (16, 16, "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"),
            (24, 16, "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"),
            (
                32,
                32,
                "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
            ),
        ] {
            let (kek, value) = (&kek[..bytes], &value[..length]);
            let wrapped = wrap(WrapKind::Plain, kek, value).unwrap();
            assert_eq!(*wrapped, hex(wanted));
            assert_eq!(*unwrap(WrapKind::Plain, kek, &wrapped).unwrap(), value);
            let mut changed = wrapped.to_vec();
            changed[0] ^= 1;
            let refused = unwrap(WrapKind::Plain, kek, &changed);
            assert_eq!(refused, Err(CipherError::NotAuthentic));
            assert!(unwrap(WrapKind::Padded, kek, &wrapped).is_err());
        }
    }

    /// RFC 5649, 6.
    #[test]
    fn key_wrap_with_padding_gives_what_its_standard_prints() {
        let kek = hex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8");
        for (value, wanted) in [
            (
                "c37b7e6492584340bed12207808941155068f738",
                "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
            ),
            ("466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"),
        ] {
            let wrapped = wrap(WrapKind::Padded, &kek, &hex(value)).unwrap();
            assert_eq!(*wrapped, hex(wanted));
            assert_eq!(
                *unwrap(WrapKind::Padded, &kek, &wrapped).unwrap(),
                hex(value)
            );
        }
    }

    #[test]
    fn the_two_libraries_wrap_alike() {
        let value: Vec<u8> = (0..64).collect();
        for length in 1..=value.len() {
            let mut room = [0; 128];
            let other = KwpAes128::new_from_slice(&[7; 16]).unwrap();
            let other = other.wrap_key(&value[..length], &mut room).unwrap();
            let ours = wrap(WrapKind::Padded, &[7; 16], &value[..length]).unwrap();
            assert_eq!(*ours, other);
        }
        let mut room = [0; 128];
        let other = KwAes256::new_from_slice(&[7; 32]).unwrap();
        let other = other.wrap_key(&value, &mut room).unwrap();
        assert_eq!(*wrap(WrapKind::Plain, &[7; 32], &value).unwrap(), other);
    }

    #[test]
    fn lengths_that_cannot_be_are_refused() {
        for length in [0, 8, 17] {
            let refused = wrap(WrapKind::Plain, &[1; 16], &vec![0; length]);
            assert!(matches!(refused, Err(CipherError::Length(_))), "{length}");
        }
        assert!(wrap(WrapKind::Padded, &[1; 16], &[]).is_err());
        for length in [0, 8, 16, 25] {
            assert!(unwrap(WrapKind::Plain, &[1; 16], &vec![0; length]).is_err());
        }
        let short = wrap(WrapKind::Padded, &[1; 15], &[1]);
        assert_eq!(short, Err(CipherError::KeyLength));
    }
}
