//! Numbers, dates and bytes as JSON has them: as numbers, as names, or in hexadecimal.

use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// The number that stands in a string as "0x0000000e"; sixteen digits at most.
pub(super) fn in_hex(text: &str) -> Option<u64> {
    let digits = text.strip_prefix("0x")?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (plain && digits.len() <= 16)
        .then(|| u64::from_str_radix(digits, 16).ok())
        .flatten()
}

/// Bytes in hexadecimal, of either case and with or without "0x".
pub(super) fn bytes(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mut bytes = Zeroizing::new(vec![0; digits.len() / 2]);
    base16ct::mixed::decode(digits, &mut bytes).ok()?;
    Some(bytes)
}

/// The same back, after what comes before the digits.
pub(super) fn hex(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut digits = Zeroizing::new(vec![0; base16ct::encoded_len(bytes)]);
    let written = base16ct::upper::encode_str(bytes, &mut digits).unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + written.len()));
    text.push_str(prefix);
    text.push_str(written);
    text
}

/// Microseconds since 1970 of a date in ISO 8601: `2001-01-01T10:00:00+10:00`. Dates before 1970 come in hexadecimal.
pub(super) fn microseconds(text: &str) -> Option<i64> {
    let (local, ahead) = split_offset(text)?;
    let since = humantime::parse_rfc3339_weak(local)
        .ok()?
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?;
    i64::try_from(since.as_micros())
        .ok()?
        .checked_sub(ahead.checked_mul(60_000_000)?)
}

/// A date without its offset from UTC, and that offset in minutes.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    let time = text.find(['T', ' '])?;
    let Some(sign) = text.rfind(['+', '-']).filter(|place| *place > time) else {
        return Some((text, 0));
    };
    let (local, offset) = text.split_at_checked(sign)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<u8>().ok()? as i64 * 60 + i64::from(minutes.parse::<u8>().ok()?);
    Some((
        local,
        match offset.starts_with('-') {
            true => -minutes,
            false => minutes,
        },
    ))
}

/// A date in ISO 8601, if it is one of the years 1970 to 9999.
pub(super) fn date(seconds: i64) -> Option<String> {
    const YEAR_10000: u64 = 253_402_300_800;
    let since = u64::try_from(seconds).ok().filter(|it| *it < YEAR_10000)?;
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(since);
    Some(humantime::format_rfc3339_seconds(date).to_string())
}
