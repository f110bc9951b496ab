//! The directory of the files: its owner's alone, or not used; files in it appear whole or not at all.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, Stat};
use rustix::fs::{flock, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

/// What a file's name ends with.
const SUFFIX: &str = ".keys";
/// A directory with more files than these is not one of ours.
const MOST_FILES: usize = 1000;
/// Longer than the longest time that a file may serve.
const FORGOTTEN: Duration = Duration::from_secs(31 * 24 * 3600);

/// Which file it is that has a name, and when it got there; the default one is that of no file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    size: i64,
    changed: (i64, i64),
}

/// An open directory that belongs to us, and that nobody else may enter.
pub struct Directory(OwnedFd);

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            size: stat.st_size,
            changed: (stat.st_ctime, stat.st_ctime_nsec as i64),
        }
    }
}

impl Directory {
    /// The directory, made if it is not there.
    ///
    /// # Errors
    /// As [`Directory::open`].
    pub fn make(path: &Path) -> Result<Self, String> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| error.to_string())?;
        Self::open(path)
    }

    /// The directory as it is.
    ///
    /// # Errors
    /// If it cannot be opened, is a symbolic link, or is not its owner's alone; what to do about it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = openat(CWD, path, flags, Mode::empty()).map_err(text)?;
        ours_alone(&fstat(&open).map_err(text)?, "the directory", "700")?;
        Ok(Self(open))
    }

    /// The file of that name, unless there is none or it is empty.
    pub fn file(&self, name: &str) -> Result<Option<(File, Stamp)>, String> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.0, full(name), flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            file => file.map_err(text)?,
        };
        let stat = fstat(&file).map_err(text)?;
        ours_alone(&stat, "the file", "600")?;
        let file = File::from(file);
        if !file.metadata().map_err(text)?.is_file() {
            return Err("it is not a regular file".into());
        }
        Ok((stat.st_size > 0).then(|| (file, Stamp::of(&stat))))
    }

    /// Everything in a file of at most so many bytes.
    pub fn read(&self, file: File, longest: u64) -> Result<Vec<u8>, String> {
        let mut bytes = vec![];
        file.take(longest + 1)
            .read_to_end(&mut bytes)
            .map_err(text)?;
        match bytes.len() as u64 > longest {
            true => Err(format!("it has more than {longest} bytes")),
            false => Ok(bytes),
        }
    }

    /// How the file of that name is now.
    pub fn stamp(&self, name: &str) -> Result<Stamp, String> {
        match statat(&self.0, full(name), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Stamp::of(&stat)),
            Err(Errno::NOENT) => Ok(Stamp::default()),
            Err(error) => Err(text(error)),
        }
    }

    /// Puts a file in its place, if that is still as it was `before` and nobody else is writing.
    ///
    /// # Errors
    /// A full or read-only disk.
    pub fn write(&self, name: &str, bytes: &[u8], before: Stamp) -> Result<Option<Stamp>, String> {
        if !self.lock(Duration::ZERO) {
            return Ok(None);
        }
        self.fill(name, bytes)?;
        if self.stamp(name)? != before {
            let _ = unlinkat(&self.0, new(name), AtFlags::empty());
            return Ok(None);
        }
        self.replace(name)?;
        self.sweep();
        self.stamp(name).map(Some)
    }

    /// Removes what nobody has written to for longer than any file serves: the slot is another by now.
    fn sweep(&self) {
        let end = SystemTime::now().checked_sub(FORGOTTEN);
        let end = end.and_then(|end| end.duration_since(UNIX_EPOCH).ok());
        for name in self.names().unwrap_or_default() {
            let stat = statat(&self.0, full(&name), AtFlags::SYMLINK_NOFOLLOW);
            let written = stat.map(|stat| stat.st_mtime.unsigned_abs());
            if written.is_ok_and(|at| end.is_some_and(|end| at < end.as_secs())) {
                let _ = unlinkat(&self.0, full(&name), AtFlags::empty());
            }
        }
    }

    /// Puts an empty file in its place, or at least removes the one that is there.
    ///
    /// # Errors
    /// If even that is not possible.
    pub fn empty(&self, name: &str, patience: Duration) -> Result<(), String> {
        // A writer that hangs must not keep a change from being seen: it compares once more.
        self.lock(patience);
        let put = self.fill(name, &[]).and_then(|()| self.replace(name));
        put.or_else(|fault| {
            let removed = unlinkat(&self.0, full(name), AtFlags::empty());
            match removed {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(_) => Err(fault),
            }
        })
    }

    /// The same for every file here.
    pub fn empty_all(&self, patience: Duration) -> Result<(), String> {
        let names = self.names()?;
        names.iter().try_for_each(|name| self.empty(name, patience))
    }

    fn names(&self) -> Result<Vec<String>, String> {
        let mut names = vec![];
        for entry in Dir::read_from(&self.0).map_err(text)?.take(MOST_FILES) {
            let entry = entry.map_err(text)?;
            let name = entry.file_name().to_str().unwrap_or_default();
            names.extend(name.strip_suffix(SUFFIX).map(str::to_owned));
        }
        Ok(names)
    }

    /// The new file under another name: nobody sees it before it is whole and on the disk.
    fn fill(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let _left_by_a_crash = unlinkat(&self.0, new(name), AtFlags::empty());
        let filled = self.written(name, bytes);
        filled.map_err(|error| {
            let _ = unlinkat(&self.0, new(name), AtFlags::empty());
            error.to_string()
        })
    }

    fn written(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let mut file = File::from(openat(&self.0, new(name), flags, mode)?);
        file.write_all(bytes)?;
        match bytes {
            [] => Ok(()),
            _ => file.sync_data(),
        }
    }

    fn replace(&self, name: &str) -> Result<(), String> {
        renameat(&self.0, new(name), &self.0, full(name)).map_err(text)
    }

    /// Waits for whoever writes here, and keeps others from it until this is dropped. False if
    /// somebody still does. A file system without locks has to do without.
    fn lock(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        loop {
            match flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) if begun.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(Errno::WOULDBLOCK) => return false,
                _ => return true,
            }
        }
    }
}

fn new(name: &str) -> String {
    format!(".{name}.new")
}

fn full(name: &str) -> String {
    format!("{name}{SUFFIX}")
}

/// Root's file is not ours either: what root keeps is not for this user.
fn ours_alone(stat: &Stat, what: &str, mode: &str) -> Result<(), String> {
    let user = geteuid().as_raw();
    if stat.st_uid != user {
        let owner = stat.st_uid;
        return Err(format!("{what} belongs to uid {owner}, not to uid {user}"));
    }
    if stat.st_mode & 0o077 != 0 {
        let wrong = stat.st_mode & 0o7777;
        return Err(format!(
            "{what} has mode {wrong:04o}: others may use it; \"chmod {mode}\" puts that right"
        ));
    }
    Ok(())
}

fn text(error: impl Into<io::Error>) -> String {
    error.into().to_string()
}
