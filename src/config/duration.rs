//! Times as people write them: "5s", "500ms", "1m 30s".

use std::ops::RangeInclusive;
use std::time::Duration;

/// Reads a time within `allowed`.
///
/// The upper bounds keep arithmetic with clocks from overflowing.
pub fn duration(text: &str, allowed: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let value = humantime::parse_duration(text).map_err(|error| format!("{text:?}: {error}"))?;
    if allowed.contains(&value) {
        return Ok(value);
    }
    Err(format!(
        "{text:?} is too {}",
        if value < *allowed.start() {
            "short"
        } else {
            "long"
        }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(600);

    #[test]
    fn usual_forms_are_read() {
        assert_eq!(duration("5s", &ALLOWED), Ok(Duration::from_secs(5)));
        assert_eq!(duration("500ms", &ALLOWED), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m 30s", &ALLOWED), Ok(Duration::from_secs(90)));
    }

    #[test]
    fn bounds_are_kept() {
        assert_eq!(duration("0s", &ALLOWED), Err("\"0s\" is too short".into()));
        assert_eq!(duration("11m", &ALLOWED), Err("\"11m\" is too long".into()));
    }

    #[test]
    fn other_text_is_refused() {
        for text in ["", "5", "soon", "-1s", "99999999999999999999s"] {
            assert!(duration(text, &ALLOWED).is_err(), "{text}");
        }
    }
}
