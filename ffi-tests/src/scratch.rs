//! A directory of a test's own, gone when the test is.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the names of all of them begin with; the number of their process follows.
const PREFIX: &str = "kp11-";

/// A directory that only its owner may enter; removed on drop, also when a test panics.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Scratch {
    /// A new one. Its path is short: the socket of an agent has to fit into 108 bytes.
    pub fn new() -> Self {
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // What is left of a killed run whose process had the same number is of no use.
        let _ = fs::remove_dir_all(&path);
        let made = fs::DirBuilder::new().mode(0o700).create(&path);
        made.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it, there or not.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner may read.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        self.write_mode(name, content, 0o600)
    }

    /// Writes a file with these permissions.
    pub fn write_mode(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(&path, permissions).expect("the file was just written");
        path
    }

    /// The text of a file, empty if there is none.
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.file(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Removes what killed runs have left: directories whose process is gone.
fn sweep() {
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        let gone = |number: &str| !Path::new("/proc").join(number).exists();
        if process.is_some_and(|number| number.parse::<u32>().is_ok() && gone(number)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::env::var_os("KMIP_P11_KEEP").is_some() {
            eprintln!("kept: {}", self.path.display());
            return;
        }
        let _ = fs::remove_dir_all(&self.path);
    }
}
