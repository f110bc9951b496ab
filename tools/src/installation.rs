//! What is installed on this machine: the module's file, and OpenSSH.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where distributions and administrators put PKCS#11 modules.
const DIRECTORIES: [&str; 7] = [
    "/usr/local/lib",
    "/usr/local/lib/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib",
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
];

const MODULE: &str = "libkmip_p11.so";

/// More than any build of the module.
const LONGEST_MODULE: u64 = 256 << 20;

/// The module, where it was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    /// The name by which it is called.
    pub path: PathBuf,
    /// The file, after all links: what ssh-agent compares with its list.
    pub real: PathBuf,
}

impl Module {
    /// The one that was named, or the first that is installed.
    pub fn find(named: Option<&Path>) -> Result<Self, String> {
        if let Some(path) = named {
            return Self::at(path).map_err(|error| format!("{}: {error}", path.display()));
        }
        let places = DIRECTORIES.map(|directory| Path::new(directory).join(MODULE));
        let mut found = places.iter().filter_map(|path| Self::at(path).ok());
        found.next().ok_or_else(|| {
            format!(
                "{MODULE} is in none of {}: install it, or name it with --module",
                DIRECTORIES.join(", ")
            )
        })
    }

    /// Where it goes on a machine without a package for it.
    pub fn usual() -> PathBuf {
        Path::new("/usr/local/lib").join(MODULE)
    }

    fn at(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            real: fs::canonicalize(path)?,
        })
    }

    /// Why no program would load it. OpenSSH looks into the file before it does.
    pub fn unusable(&self) -> Option<String> {
        let name = self.real.display();
        let file = fs::metadata(&self.real);
        if !file.is_ok_and(|it| it.is_file() && it.len() <= LONGEST_MODULE) {
            return Some(format!("{name} is not a regular file"));
        }
        let symbol = b"C_GetFunctionList";
        match fs::read(&self.real) {
            Ok(bytes) if bytes.windows(symbol.len()).any(|it| it == symbol) => None,
            Ok(_) => Some(format!("{name} is no PKCS#11 module")),
            Err(error) => Some(format!("{name}: {error}")),
        }
    }

    /// Why ssh-agent would not load it, by its default list `/usr/lib*/*,/usr/local/lib*/*`.
    pub fn refused_by_agent(&self) -> Option<String> {
        let real = self.real.to_string_lossy();
        let allowed = ["/usr/lib", "/usr/local/lib"].into_iter().any(|start| {
            let rest = real.strip_prefix(start);
            rest.is_some_and(|rest| rest.contains('/'))
        });
        (!allowed).then(|| {
            format!(
                "ssh-agent loads modules only from /usr/lib*/ and /usr/local/lib*/, and this one is \
                 {real}: install it there, or start the agent with -P"
            )
        })
    }
}

/// The version of the ssh that is found first, in numbers and as it says it.
pub fn openssh() -> Option<((u32, u32), String)> {
    let output = Command::new("ssh").arg("-V").output().ok()?;
    let text = String::from_utf8(output.stderr).ok()?;
    let line = text.lines().next()?.to_owned();
    Some((version(&line)?, line))
}

fn version(text: &str) -> Option<(u32, u32)> {
    let rest = text.strip_prefix("OpenSSH_")?;
    let (major, rest) = rest.split_once('.')?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    Some((major.parse().ok()?, rest.get(..digits)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(
            version("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL"),
            Some((9, 2))
        );
        assert_eq!(version("OpenSSH_10.5p1"), Some((10, 5)));
        assert_eq!(version("dropbear"), None);
    }

    fn refused(real: &str) -> bool {
        let (path, real) = (real.into(), real.into());
        Module { path, real }.refused_by_agent().is_some()
    }

    #[test]
    fn the_agents_list_is_applied_as_the_agent_does() {
        for path in [
            "/usr/lib/x86_64-linux-gnu/pkcs11/a.so",
            "/usr/local/lib/a.so",
            "/usr/lib64/a.so",
        ] {
            assert!(!refused(path), "{path}");
        }
        for path in [
            "/tmp/a.so",
            "/usr/local/a.so",
            "/usr/share/lib/a.so",
            "/opt/usr/lib/a.so",
        ] {
            assert!(refused(path), "{path}");
        }
    }

    #[test]
    fn a_file_is_looked_into() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let module = Module::find(Some(file.path())).unwrap();
        assert!(module.unusable().unwrap().contains("no PKCS#11 module"));
        fs::write(file.path(), b"\x7fELF..C_GetFunctionList..").unwrap();
        assert_eq!(module.unusable(), None);
        assert!(Module::find(Some(Path::new("/nonexistent.so"))).is_err());
    }
}
