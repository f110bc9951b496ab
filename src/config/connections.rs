//! `slot.kmip.connections`, `.idle` and `.max_age`: how many connections there are, and for how long.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::complaint::{Complaint, read_or};
use super::duration::duration;
use super::syntax;

const MOST: RangeInclusive<i64> = 1..=256;
const IDLE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60 * 60);
const AGES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

/// The connections of a slot, to all its servers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// How many there are at once, at most. 1 to 256.
    pub most: usize,
    /// How long an unused one is kept. 0 s to 1 h.
    pub idle: Duration,
    /// How long any is used. 1 s to 1 day.
    pub max_age: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            most: 16,
            idle: Duration::from_secs(60),
            max_age: Duration::from_secs(600),
        }
    }
}

impl Connections {
    pub(super) fn read(written: &syntax::Kmip) -> Result<Self, Complaint> {
        let default = Self::default();
        let idle = |text: &String| duration(text, &IDLE);
        let max_age = |text: &String| duration(text, &AGES);
        Ok(Self {
            most: read_or(written.connections.as_ref(), default.most, |it| most(*it))?,
            idle: read_or(written.idle.as_ref(), default.idle, idle)?,
            max_age: read_or(written.max_age.as_ref(), default.max_age, max_age)?,
        })
    }
}

fn most(number: i64) -> Result<usize, String> {
    let within = Some(number).filter(|number| MOST.contains(number));
    let most = within.and_then(|number| usize::try_from(number).ok());
    most.ok_or_else(|| format!("{number} is not a number of connections"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_1_to_256_connections() {
        assert_eq!(most(1), Ok(1));
        assert_eq!(most(256), Ok(256));
        for number in [0, -1, 257, i64::MIN] {
            assert!(most(number).is_err(), "{number}");
        }
    }
}
