//! Paths of files as written: absolute, relative to the configuration file, or `~/...`.

use std::path::{Path, PathBuf};

use super::location::Skip;

/// What a written path is relative to.
#[derive(Debug)]
pub struct Base {
    /// The configuration file's directory.
    pub directory: PathBuf,
    /// The home directory, or why there is none.
    pub home: Result<PathBuf, Skip>,
    /// The directory for what may be lost, or why there is none.
    pub cache: Result<PathBuf, Skip>,
}

impl Base {
    /// The path that `text` means.
    pub fn resolve(&self, text: &str) -> Result<PathBuf, String> {
        if text.is_empty() || text.contains('\0') {
            return Err(format!("{text:?} is not a path"));
        }
        if let Some(below) = text.strip_prefix("~/") {
            return self.below_home(text, below);
        }
        if text.starts_with('~') {
            return Err(format!("{text:?}: only \"~/\" is understood"));
        }
        Ok(self.directory.join(text))
    }

    fn below_home(&self, text: &str, below: &str) -> Result<PathBuf, String> {
        match &self.home {
            Ok(home) => Ok(home.join(Path::new(below))),
            Err(why) => Err(format!("{text:?} needs HOME, which is {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(home: Result<&str, Skip>) -> Base {
        Base {
            directory: "/etc/kmip-p11".into(),
            cache: home.map(|home| Path::new(home).join(".cache")),
            home: home.map(PathBuf::from),
        }
    }

    #[test]
    fn three_kinds_of_path() {
        let base = base(Ok("/home/a"));
        assert_eq!(base.resolve("/x/ca.pem"), Ok("/x/ca.pem".into()));
        assert_eq!(
            base.resolve("tls/ca.pem"),
            Ok("/etc/kmip-p11/tls/ca.pem".into())
        );
        assert_eq!(base.resolve("~/ca.pem"), Ok("/home/a/ca.pem".into()));
    }

    #[test]
    fn what_cannot_be_resolved_is_refused() {
        assert!(base(Ok("/h")).resolve("").is_err());
        assert!(base(Ok("/h")).resolve("~bob/ca.pem").is_err());
        assert_eq!(
            base(Err(Skip::NotSet)).resolve("~/ca.pem"),
            Err("\"~/ca.pem\" needs HOME, which is not set".into())
        );
    }
}
