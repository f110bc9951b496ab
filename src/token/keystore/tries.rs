//! Wrong PINs: they are counted in the database, and after some of them the next try has to wait.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::store::{StoreError, TokenRow};
use crate::error::TokenErrorKind;
use crate::model::validity::instant;
use crate::token::PinTries;

/// So many wrong PINs in a row cost nothing: people err.
const FREE: i64 = 3;

/// What the first of the following costs; each further one twice as much.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// The longest wait: a day has room for a hundred guesses, and its owner is not kept out for good.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

/// How long after its last wrong PIN the token takes another one.
fn wait(failures: i64) -> Duration {
    let Some(beyond) = failures.checked_sub(FREE).filter(|beyond| *beyond >= 0) else {
        return Duration::ZERO;
    };
    let doublings = u32::try_from(beyond).unwrap_or(u32::MAX).min(16);
    (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT)
}

/// What is left to wait at that time. A clock that was put back makes nobody wait longer than once.
pub fn left(token: &TokenRow, now: i64) -> Option<Duration> {
    let whole = wait(token.failures);
    let passed = now.saturating_sub(token.last_failure);
    let passed = Duration::from_millis(u64::try_from(passed).unwrap_or(0));
    whole.checked_sub(passed).filter(|left| !left.is_zero())
}

/// The refusal of a try that comes too early.
pub fn refused(token: &TokenRow, left: Duration) -> StoreError {
    let seconds = left.as_millis().div_ceil(1000);
    let until = instant(now() / 1000 + i64::try_from(seconds).unwrap_or(0));
    StoreError::new(
        TokenErrorKind::PinLocked,
        format!(
            "{} wrong PINs were given: no PIN is tried for another {seconds} s, until {until}",
            token.failures
        ),
    )
}

/// A wrong one more.
pub fn count(token: &mut TokenRow) {
    token.failures = token.failures.saturating_add(1);
    token.last_failure = now();
}

/// What is told of it: the try after the last free one begins a wait.
pub fn told(token: &TokenRow) -> PinTries {
    match token.failures {
        ..=0 => PinTries::All,
        _ if left(token, now()).is_some() => PinTries::None,
        failures if failures + 1 >= FREE => PinTries::Last,
        _ => PinTries::Fewer,
    }
}
