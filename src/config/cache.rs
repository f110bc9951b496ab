//! `slot.cache`: how long what a token held is believed, and where it is kept.

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::time::Duration;

use super::complaint::{Complaint, read_or};
use super::duration::duration;
use super::file_path::Base;
use super::syntax;
use super::tls::path;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const TTLS: RangeInclusive<Duration> = Duration::ZERO..=DAY;
const REFRESHES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60 * 60);
const STALE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(30 * 24 * 60 * 60);
const DISK_AGES: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(30 * 24 * 60 * 60);

/// An hour: what somebody else has changed on the server is seen by then.
const DISK_AGE: Duration = Duration::from_secs(60 * 60);

/// How long a listing lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// How long a listing is served from memory. 0 s to 1 day.
    pub ttl: Duration,
    /// How soon a search that found nothing may ask the server again. 0 s to 1 h.
    pub min_refresh: Duration,
    /// How old a listing may be that serves because the server does not answer. 0 s to 30 days.
    pub stale: Duration,
    /// Where public objects are kept between processes; if none, nowhere.
    pub disk: Option<Disk>,
}

/// The cache on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// The directory, which need not exist yet.
    pub directory: PathBuf,
    /// How old a file may be that serves. 1 s to 30 days.
    pub age: Duration,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(60),
            min_refresh: Duration::from_secs(2),
            stale: DAY,
            disk: None,
        }
    }
}

impl Cache {
    pub(super) fn read(written: &syntax::Cache, base: &Base) -> Result<Self, Complaint> {
        let default = Self::default();
        let time = |text: &Option<syntax::Text>, default, allowed| {
            read_or(text.as_ref(), default, |text| duration(text, allowed))
        };
        Ok(Self {
            ttl: time(&written.ttl, default.ttl, &TTLS)?,
            min_refresh: time(&written.min_refresh, default.min_refresh, &REFRESHES)?,
            stale: time(&written.stale, default.stale, &STALE)?,
            disk: Disk::read(written, base)?,
        })
    }
}

impl Disk {
    /// What is written is checked even if the cache on disk is off.
    fn read(written: &syntax::Cache, base: &Base) -> Result<Option<Self>, Complaint> {
        let directory = path(written.disk_directory.as_ref(), base)?;
        let age = read_or(written.disk_age.as_ref(), DISK_AGE, |text| {
            duration(text, &DISK_AGES)
        })?;
        let Some(on) = written.disk.as_ref().filter(|disk| *disk.get_ref()) else {
            return Ok(None);
        };
        let directory = match directory {
            Some(directory) => directory,
            None => default_directory(on.span(), base)?,
        };
        Ok(Some(Self { directory, age }))
    }
}

fn default_directory(at: Range<usize>, base: &Base) -> Result<PathBuf, Complaint> {
    base.cache.clone().map_err(|why| {
        Complaint::said(
            at,
            format!(
                "slot.cache.disk: the directory is by default below HOME, which is {why}; \
                 write cache.disk_directory as well"
            ),
        )
    })
}
