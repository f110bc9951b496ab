//! When a key may be used, by the dates that its owner has set beside its state.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::DateTime;

use super::key::State;

/// Dates in seconds since 1970 (KMIP 2.1, 4.2, 4.15, 4.38, 4.39); `None` where none is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    /// From when on it is active.
    pub activation: Option<i64>,
    /// From when on it may be used.
    pub process_start: Option<i64>,
    /// From when on it may not make signatures any more.
    pub protect_stop: Option<i64>,
    /// From when on it is not active any more.
    pub deactivation: Option<i64>,
}

impl Validity {
    /// The state that a key is in by its dates at that time, if not active, and why. Servers move
    /// keys from state to state when they like; a date counts when it has come.
    pub fn objection(&self, now: i64) -> Option<(State, String)> {
        let tell = |what: &str, date: i64| format!("its {what} is {}", instant(date));
        if let Some(date) = self.process_start.filter(|date| now < *date) {
            return Some((State::PreActive, tell("Process Start Date", date)));
        }
        if let Some(date) = self.protect_stop.filter(|date| now >= *date) {
            return Some((State::Deactivated, tell("Protect Stop Date", date)));
        }
        let ended = self.deactivation.filter(|date| now >= *date);
        ended.map(|date| (State::Deactivated, tell("Deactivation Date", date)))
    }

    /// CKA_START_DATE: a CK_DATE, or nothing.
    pub fn start_date(&self) -> Vec<u8> {
        ck_date(self.process_start.or(self.activation))
    }

    /// CKA_END_DATE: a CK_DATE, or nothing.
    pub fn end_date(&self) -> Vec<u8> {
        ck_date(self.protect_stop.or(self.deactivation))
    }
}

/// Now, in seconds since 1970.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs().cast_signed())
}

/// A time in RFC 3339, or in seconds where that has no room for it.
pub fn instant(seconds: i64) -> String {
    utc(seconds).map_or_else(
        || format!("{seconds} s after 1970"),
        |time| time.to_string(),
    )
}

fn utc(seconds: i64) -> Option<DateTime> {
    let since_1970 = Duration::from_secs(seconds.try_into().ok()?);
    DateTime::from_unix_duration(since_1970).ok()
}

/// Year, month and day in digits (v3.2, 3.4).
fn ck_date(seconds: Option<i64>) -> Vec<u8> {
    let date = seconds.and_then(utc);
    let digits = date.map(|it| format!("{:04}{:02}{:02}", it.year(), it.month(), it.day()));
    digits.unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_counts_when_it_has_come() {
        let validity = Validity {
            process_start: Some(100),
            protect_stop: Some(200),
            ..Validity::default()
        };
        let state = |now| validity.objection(now).map(|(state, _)| state);
        assert_eq!(state(99), Some(State::PreActive));
        assert_eq!((state(100), state(199)), (None, None));
        assert_eq!(state(200), Some(State::Deactivated));
        let reason = validity.objection(200).map(|(_, reason)| reason);
        assert_eq!(
            reason.unwrap(),
            "its Protect Stop Date is 1970-01-01T00:03:20Z"
        );
        let ended = Validity {
            deactivation: Some(5),
            ..Validity::default()
        };
        assert_eq!(ended.objection(5).map(|it| it.0), Some(State::Deactivated));
    }

    #[test]
    fn dates_are_eight_digits_or_nothing() {
        let validity = Validity {
            activation: Some(1_790_000_000),
            deactivation: Some(i64::MAX),
            ..Validity::default()
        };
        assert_eq!(validity.start_date(), b"20260921");
        assert_eq!(validity.end_date(), b"");
    }
}
