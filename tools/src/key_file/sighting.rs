//! A file as it was when it was read, and its removal if it is still the same.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::failure::Failure;

/// What changes when a file is replaced or written to.
#[derive(Debug, PartialEq, Eq)]
pub struct Sighting {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    is_file: bool,
}

impl Sighting {
    /// How it is now.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        let metadata = fs::symlink_metadata(path);
        Ok(Self::from(&metadata.map_err(|error| told(path, &error))?))
    }

    /// Removes the file, so that it stays removed after a power cut. Its blocks on the disk are not
    /// written over: no file system promises that this would reach them.
    pub fn remove(&self, path: &Path) -> Result<(), Failure> {
        if !self.is_file {
            let name = path.display();
            return Err(Failure::File(format!(
                "{name} is a link: nothing was removed; name the file that it leads to"
            )));
        }
        if Self::of(path)? != *self {
            let name = path.display();
            return Err(Failure::File(format!(
                "{name} is not as it was when it was read: nothing was removed"
            )));
        }
        let removed = fs::remove_file(path).and_then(|()| sync(path));
        removed.map_err(|error| told(path, &error))
    }
}

impl From<&Metadata> for Sighting {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            is_file: metadata.is_file(),
        }
    }
}

fn told(path: &Path, error: &io::Error) -> Failure {
    Failure::File(format!("{}: {error}", path.display()))
}

/// A name is gone for good when its directory is on the disk.
fn sync(removed: &Path) -> io::Result<()> {
    let directory = match removed.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_removed_only_as_it_was_seen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("id_ecdsa");
        fs::write(&path, "a key").unwrap();
        let seen = Sighting::of(&path).unwrap();
        fs::write(&path, "another key").unwrap();
        let refused = seen.remove(&path).unwrap_err().to_string();
        assert!(refused.contains("not as it was"), "{refused}");
        assert!(path.exists());
        Sighting::of(&path).unwrap().remove(&path).unwrap();
        assert!(!path.exists());
        assert!(seen.remove(&path).is_err());
    }

    #[test]
    fn a_link_is_not_taken_for_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("a"), directory.path().join("b"));
        fs::write(&file, "a key").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let refused = Sighting::of(&link).unwrap().remove(&link).unwrap_err();
        assert!(refused.to_string().contains("is a link"), "{refused}");
        assert!(file.exists() && link.exists());
    }
}
