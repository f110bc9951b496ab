//! Whether a file may be trusted: nobody but root and we may have written it, or read a secret in it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;
use zeroize::Zeroizing;

const WRITE_BY_OTHERS: u32 = 0o022;
const WRITE_BY_ALL: u32 = 0o002;
const READ_BY_GROUP: u32 = 0o040;
const READ_BY_ALL: u32 = 0o004;
const STICKY: u32 = 0o1000;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Settings or a certificate: anyone may read it.
    Public,
    /// A secret of this name: read by its owner, or by a group that root has given it to.
    Secret(&'static str),
}

/// Why a file cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be opened or read.
    #[error("{}: {reason}{}", .path.display(), remedy(.reason))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// It is a directory, a device or a pipe.
    #[error("{}: not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// It belongs to neither root nor the user of this process.
    #[error(
        "{}: belongs to uid {owner}, who could change it; it must belong to {}: run \"chown {user} {}\"",
        .path.display(), trusted(*.user), .path.display()
    )]
    Owner {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// Its group or everybody may write it.
    #[error(
        "{}: mode {mode:04o}, owner uid {owner}: others may change it: run \"chmod go-w {}\"",
        .path.display(), .path.display()
    )]
    Writable {
        /// The file.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
        /// Whose it is.
        owner: u32,
    },
    /// It is a secret that others may read.
    #[error(
        "{}: mode {mode:04o}, owner uid {owner}: others may read this {secret}: run \"chmod {fix} {}\"",
        .path.display(), .path.display()
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
        /// Whose it is.
        owner: u32,
        /// What it holds.
        secret: &'static str,
        /// What to take away.
        fix: &'static str,
    },
    /// A directory above it belongs to somebody who could put another file in its place.
    #[error(
        "{}: the directory {} belongs to uid {owner}, who could replace it; it must belong to {}: \
         run \"chown {user} {}\"",
        .path.display(), .directory.display(), trusted(*.user), .directory.display()
    )]
    DirectoryOwner {
        /// The file.
        path: PathBuf,
        /// The directory.
        directory: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// A directory above it lets others put another file in its place.
    #[error(
        "{}: the directory {} (mode {mode:04o}, owner uid {owner}) lets {} replace it: \
         run \"chmod go-w {}\"",
        .path.display(), .directory.display(),
        if *.mode & WRITE_BY_ALL == 0 { "its group" } else { "anybody" },
        .directory.display()
    )]
    Directory {
        /// The file.
        path: PathBuf,
        /// The directory.
        directory: PathBuf,
        /// Permission bits.
        mode: u32,
        /// Whose it is.
        owner: u32,
    },
}

fn remedy(reason: &io::Error) -> String {
    match reason.kind() {
        io::ErrorKind::NotFound => "; correct the path or put the file there".into(),
        io::ErrorKind::PermissionDenied => {
            format!("; let uid {} read it", geteuid().as_raw())
        }
        _ => String::new(),
    }
}

fn trusted(user: u32) -> String {
    match user {
        0 => "root".into(),
        _ => format!("root or to uid {user}"),
    }
}

/// Opens a file that may be trusted.
///
/// # Errors
/// A [`Fault`] that says what is wrong with the file and how to put it right.
pub fn open(path: &Path, content: Content) -> Result<File, Fault> {
    let unreadable = |reason| Fault::Unreadable {
        path: path.to_owned(),
        reason,
    };
    // Without O_NONBLOCK, a pipe in the file's place would keep us waiting for ever.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(unreadable)?;
    // Asked of the open file: by its name, it could be another one by now.
    judge(path, &file.metadata().map_err(unreadable)?, content)?;
    judge_directories(path)?;
    Ok(file)
}

/// Judges a file as [`open`] does, by its name: for a database, whose locks a `close` would end.
///
/// # Errors
/// As [`open`].
pub fn judge_unopened(path: &Path, content: Content) -> Result<(), Fault> {
    let found = fs::metadata(path).map_err(|reason| Fault::Unreadable {
        path: path.to_owned(),
        reason,
    })?;
    judge(path, &found, content)?;
    judge_directories(path)
}

/// More than any certificate or secret needs: what is longer is another file.
const LONGEST: u64 = 1024 * 1024;

/// Reads a file that may be trusted, 1 MiB of it at most.
///
/// # Errors
/// As [`open`].
pub fn read(path: &Path, content: Content) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let unreadable = |reason| Fault::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let file = open(path, content)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length > LONGEST {
        return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
    }
    // With room for one more, it need not be moved, which would leave a copy of a secret behind.
    let room = usize::try_from(length + 1).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(length)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok(bytes)
}

fn judge(path: &Path, file: &Metadata, content: Content) -> Result<(), Fault> {
    let (mode, owner, path) = (file.mode() & 0o7777, file.uid(), path.to_owned());
    if !file.is_file() {
        return Err(Fault::NotAFile(path));
    }
    if !is_ours(owner) {
        return Err(Fault::Owner {
            path,
            owner,
            user: geteuid().as_raw(),
        });
    }
    if mode & WRITE_BY_OTHERS != 0 {
        return Err(Fault::Writable { path, mode, owner });
    }
    match content {
        Content::Secret(secret) => judge_readers(path, mode, owner, secret),
        Content::Public => Ok(()),
    }
}

/// The real user does not count: it differs from the effective one only in a set-user-ID program,
/// which that user must not direct.
fn is_ours(owner: u32) -> bool {
    owner == 0 || owner == geteuid().as_raw()
}

/// A group may read a secret only if root owns it: then an administrator has chosen the group
/// (`root:ssl-cert`, mode 0640), while a user's own group is there by the accident of a umask.
fn judge_readers(path: PathBuf, mode: u32, owner: u32, secret: &'static str) -> Result<(), Fault> {
    let (refused, fix) = match owner {
        0 => (READ_BY_ALL, "o-r"),
        _ => (READ_BY_GROUP | READ_BY_ALL, "go-r"),
    };
    if mode & refused != 0 {
        return Err(Fault::Readable {
            path,
            mode,
            owner,
            secret,
            fix,
        });
    }
    Ok(())
}

/// Every directory up to the root, after symbolic links: any of them could be exchanged.
fn judge_directories(path: &Path) -> Result<(), Fault> {
    let unreadable = |reason| Fault::Unreadable {
        path: path.to_owned(),
        reason,
    };
    for directory in fs::canonicalize(path)
        .map_err(unreadable)?
        .ancestors()
        .skip(1)
    {
        let found = fs::metadata(directory).map_err(unreadable)?;
        judge_directory(path, directory, found.mode() & 0o7777, found.uid())?;
    }
    Ok(())
}

/// A sticky directory like `/tmp` lets nobody replace what is another's, except its owner.
fn judge_directory(path: &Path, directory: &Path, mode: u32, owner: u32) -> Result<(), Fault> {
    let (path, directory) = (path.to_owned(), directory.to_owned());
    if !is_ours(owner) {
        return Err(Fault::DirectoryOwner {
            path,
            directory,
            owner,
            user: geteuid().as_raw(),
        });
    }
    if mode & WRITE_BY_OTHERS != 0 && mode & STICKY == 0 {
        return Err(Fault::Directory {
            path,
            directory,
            mode,
            owner,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, chown};

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    /// What `open` says about a file of ours with this mode.
    fn verdict(mode: u32, content: Content) -> Result<(), String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "").unwrap();
        set_mode(&path, mode);
        open(&path, content)
            .map(drop)
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn ordinary_modes_are_trusted() {
        assert_eq!(verdict(0o644, Content::Public), Ok(()));
        assert_eq!(verdict(0o600, Content::Secret("password")), Ok(()));
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        for mode in [0o664, 0o646, 0o622] {
            let message = verdict(mode, Content::Public).unwrap_err();
            assert!(message.contains(&format!("mode {mode:04o}")), "{message}");
            assert!(message.contains("run \"chmod go-w "), "{message}");
        }
    }

    #[test]
    fn a_secret_that_all_may_read_is_refused() {
        let message = verdict(0o604, Content::Secret("password")).unwrap_err();
        assert!(
            message.contains("others may read this password"),
            "{message}"
        );
    }

    #[test]
    fn a_group_may_read_a_secret_of_root_only() {
        let path = || PathBuf::from("/k");
        assert!(judge_readers(path(), 0o640, 0, "password").is_ok());
        assert!(
            judge_readers(path(), 0o640, 1000, "password")
                .unwrap_err()
                .to_string()
                .contains("chmod go-r /k")
        );
        assert!(
            judge_readers(path(), 0o644, 0, "password")
                .unwrap_err()
                .to_string()
                .contains("chmod o-r /k")
        );
    }

    #[test]
    fn directories_and_pipes_are_not_files() {
        let directory = tempfile::tempdir().unwrap();
        let fault = open(directory.path(), Content::Public).unwrap_err();
        assert!(matches!(fault, Fault::NotAFile(_)), "{fault}");
        let pipe = directory.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let fault = open(&pipe, Content::Public).unwrap_err();
        assert!(matches!(fault, Fault::NotAFile(_)), "{fault}");
    }

    #[test]
    fn a_directory_open_to_all_is_refused_unless_sticky() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let path = inner.join("file");
        fs::write(&path, "").unwrap();
        set_mode(&path, 0o600);
        set_mode(directory.path(), 0o777);
        let message = open(&path, Content::Public).unwrap_err().to_string();
        assert!(
            message.contains("lets anybody replace it: run \"chmod go-w "),
            "{message}"
        );
        set_mode(directory.path(), 0o775);
        let message = open(&path, Content::Public).unwrap_err().to_string();
        assert!(
            message.contains("lets its group replace it: run \"chmod go-w "),
            "{message}"
        );
        set_mode(directory.path(), 0o1777);
        assert!(open(&path, Content::Public).is_ok());
    }

    #[test]
    fn a_strangers_directory_is_refused_sticky_or_not() {
        let judged = |mode, owner| judge_directory(Path::new("/d/f"), Path::new("/d"), mode, owner);
        assert!(judged(0o755, 0).is_ok());
        for mode in [0o755, 0o1777] {
            let message = judged(mode, 12345).unwrap_err().to_string();
            let start = "/d/f: the directory /d belongs to uid 12345, who could replace it; ";
            assert!(message.starts_with(start), "{message}");
            assert!(message.contains(": run \"chown "), "{message}");
        }
    }

    #[test]
    fn a_strangers_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "").unwrap();
        // Only root can give a file away; elsewhere the rule is tested by `is_ours`.
        if geteuid().is_root() {
            chown(&path, Some(12345), None).unwrap();
            let message = open(&path, Content::Public).unwrap_err().to_string();
            assert!(message.contains("belongs to uid 12345"), "{message}");
        }
        assert!(!is_ours(12345));
    }
}
