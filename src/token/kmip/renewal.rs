//! Whether the files that a client was made of are still the same: certificates and tokens are renewed while agents run.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::config;

/// Which files there were, by what changes when one is written or replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamps(Vec<Option<Stamp>>);

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamps {
    /// Of all files that a slot names, as they are now. A few system calls, and nothing is read.
    pub fn of(kmip: &config::Kmip) -> Self {
        let (tls, credentials) = (&kmip.tls, &kmip.credentials);
        let device = credentials.device.as_ref();
        let files = [
            Some(&tls.ca),
            tls.client_cert.as_ref(),
            tls.client_key.as_ref(),
            tls.client_key_passphrase_file.as_ref(),
            credentials.password_file.as_ref(),
            device.and_then(|device| device.password_file.as_ref()),
            credentials.bearer_token_file.as_ref(),
        ];
        let stamps = files.into_iter().flatten().map(|file| Stamp::of(file));
        Self(stamps.collect())
    }
}

impl Stamp {
    fn of(file: &Path) -> Option<Self> {
        let found = std::fs::metadata(file).ok()?;
        Some(Self {
            inode: (found.dev(), found.ino()),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}
