//! `slot.cache`: how long what a token held is believed.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::complaint::{Complaint, read_or};
use super::duration::duration;
use super::syntax;

const TTLS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(24 * 60 * 60);
const REFRESHES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60 * 60);

/// How long a listing lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// How long a listing is served from memory. 0 s to 1 day.
    pub ttl: Duration,
    /// How soon a search that found nothing may ask the server again. 0 s to 1 h.
    pub min_refresh: Duration,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(60),
            min_refresh: Duration::from_secs(2),
        }
    }
}

impl Cache {
    pub(super) fn read(written: &syntax::Cache) -> Result<Self, Complaint> {
        let default = Self::default();
        let ttl = |text: &String| duration(text, &TTLS);
        let min_refresh = |text: &String| duration(text, &REFRESHES);
        Ok(Self {
            ttl: read_or(written.ttl.as_ref(), default.ttl, ttl)?,
            min_refresh: read_or(
                written.min_refresh.as_ref(),
                default.min_refresh,
                min_refresh,
            )?,
        })
    }
}
