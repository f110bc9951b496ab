//! Where the configuration file is looked for.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::privilege;

/// The file's place below a configuration directory.
const BELOW: &str = "kmip-p11/config.toml";

/// The administrator's file.
const SYSTEM: &str = "/etc/kmip-p11/config.toml";

/// Where root keeps what may be lost.
const SYSTEM_CACHE: &str = "/var/cache/kmip-p11";

/// Where root keeps what must not be lost.
const SYSTEM_DATA: &str = "/var/lib/kmip-p11";

/// What made us look in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// `KMIP_P11_CONFIG`: if it counts, no other place does.
    Variable,
    /// `$XDG_CONFIG_HOME/kmip-p11/config.toml`.
    XdgConfigHome,
    /// `$HOME/.config/kmip-p11/config.toml`.
    Home,
    /// `/etc/kmip-p11/config.toml`.
    System,
}

/// Why a place is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The environment variable is not set, or empty.
    NotSet,
    /// The environment variable is not an absolute path, and a provider may run in any directory.
    NotAbsolute,
    /// The process has raised privileges, so the environment does not count.
    RaisedPrivileges,
    /// `KMIP_P11_CONFIG` is set, so only that file counts.
    Overridden,
}

/// A place for the configuration file, in the order in which they are looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What names the place.
    pub source: Source,
    /// The file, or why there is none to look at.
    pub place: Result<PathBuf, Skip>,
}

/// All places in order, skipped ones included; the first that exists is the configuration.
pub fn search_path() -> Vec<Candidate> {
    Environment::of_process().search_path()
}

/// The part of the environment that matters here.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub config: Option<OsString>,
    pub xdg_config_home: Option<OsString>,
    pub xdg_cache_home: Option<OsString>,
    pub xdg_data_home: Option<OsString>,
    pub home: Option<OsString>,
    pub raised: bool,
}

impl Environment {
    pub fn of_process() -> Self {
        Self {
            config: env::var_os("KMIP_P11_CONFIG"),
            xdg_config_home: env::var_os("XDG_CONFIG_HOME"),
            xdg_cache_home: env::var_os("XDG_CACHE_HOME"),
            xdg_data_home: env::var_os("XDG_DATA_HOME"),
            home: env::var_os("HOME"),
            raised: privilege::raised(),
        }
    }

    /// The home directory, if it may be trusted.
    pub fn home(&self) -> Result<PathBuf, Skip> {
        self.directory(self.home.as_ref())
    }

    /// The directory for a cache of `user`, if it may be trusted. Root's does not depend on the
    /// environment: `sudo` keeps the HOME of the user who called it.
    pub fn cache(&self, user: rustix::process::Uid) -> Result<PathBuf, Skip> {
        if user.is_root() {
            return Ok(PathBuf::from(SYSTEM_CACHE));
        }
        let xdg = self.directory(self.xdg_cache_home.as_ref());
        let cache = xdg.or_else(|_| Ok(self.home()?.join(".cache")))?;
        Ok(cache.join("kmip-p11"))
    }

    /// The directory for what `user` must not lose, if it may be trusted. Root's does not depend on
    /// HOME, as for the cache.
    ///
    /// # Errors
    /// Why there is none. With raised privileges there is none for anybody: whose would it be?
    pub fn data(&self, user: rustix::process::Uid) -> Result<PathBuf, Skip> {
        if self.raised {
            return Err(Skip::RaisedPrivileges);
        }
        match self.directory(self.xdg_data_home.as_ref()) {
            Ok(data) => Ok(data.join("kmip-p11")),
            Err(_) if user.is_root() => Ok(PathBuf::from(SYSTEM_DATA)),
            Err(_) => Ok(self.home()?.join(".local/share/kmip-p11")),
        }
    }

    pub fn search_path(&self) -> Vec<Candidate> {
        let variable = self.value(self.config.as_ref());
        let others_count = variable.is_err();
        let unless_overridden = |source, place| Candidate {
            source,
            place: if others_count {
                place
            } else {
                Err(Skip::Overridden)
            },
        };
        vec![
            Candidate {
                source: Source::Variable,
                place: variable,
            },
            unless_overridden(Source::XdgConfigHome, self.xdg_config_home()),
            unless_overridden(
                Source::Home,
                self.home().map(|home| home.join(".config").join(BELOW)),
            ),
            unless_overridden(Source::System, Ok(PathBuf::from(SYSTEM))),
        ]
    }

    fn xdg_config_home(&self) -> Result<PathBuf, Skip> {
        let directory = self.directory(self.xdg_config_home.as_ref())?;
        Ok(directory.join(BELOW))
    }

    fn directory(&self, variable: Option<&OsString>) -> Result<PathBuf, Skip> {
        let path = self.value(variable)?;
        if path.is_absolute() {
            Ok(path)
        } else {
            Err(Skip::NotAbsolute)
        }
    }

    fn value(&self, variable: Option<&OsString>) -> Result<PathBuf, Skip> {
        match variable {
            Some(_) if self.raised => Err(Skip::RaisedPrivileges),
            Some(value) if !value.is_empty() => Ok(Path::new(value).to_owned()),
            _ => Err(Skip::NotSet),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Variable => "KMIP_P11_CONFIG",
            Self::XdgConfigHome => "XDG_CONFIG_HOME",
            Self::Home => "HOME",
            Self::System => "the system's file",
        })
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSet => "not set",
            Self::NotAbsolute => "not an absolute path",
            Self::RaisedPrivileges => "ignored: the process has raised privileges",
            Self::Overridden => "not looked at: KMIP_P11_CONFIG is set",
        })
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, self.source) {
            (Ok(path), Source::System) => write!(f, "{}", path.display()),
            (Ok(path), source) => write!(f, "{} (from {source})", path.display()),
            (Err(skip), source) => write!(f, "{source} ({skip})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(config: &str, xdg: &str, home: &str, raised: bool) -> Environment {
        let value = |text: &str| Some(OsString::from(text));
        Environment {
            config: value(config),
            xdg_config_home: value(xdg),
            home: value(home),
            raised,
            ..Environment::default()
        }
    }

    fn places(environment: &Environment) -> Vec<Result<String, Skip>> {
        let place = |candidate: Candidate| Ok(candidate.place?.display().to_string());
        environment.search_path().into_iter().map(place).collect()
    }

    #[test]
    fn the_variable_alone_counts() {
        let found = places(&environment("/c.toml", "/x", "/h", false));
        assert_eq!(found.first(), Some(&Ok("/c.toml".to_owned())));
        assert!(
            found
                .iter()
                .skip(1)
                .all(|place| *place == Err(Skip::Overridden))
        );
    }

    #[test]
    fn xdg_then_home_then_system() {
        let found = places(&environment("", "/x", "/h", false));
        assert_eq!(
            found,
            [
                Err(Skip::NotSet),
                Ok("/x/kmip-p11/config.toml".to_owned()),
                Ok("/h/.config/kmip-p11/config.toml".to_owned()),
                Ok("/etc/kmip-p11/config.toml".to_owned()),
            ]
        );
    }

    #[test]
    fn relative_directories_do_not_count() {
        let found = places(&environment("", "x", "h", false));
        assert_eq!(
            found,
            [
                Err(Skip::NotSet),
                Err(Skip::NotAbsolute),
                Err(Skip::NotAbsolute),
                Ok("/etc/kmip-p11/config.toml".to_owned()),
            ]
        );
    }

    #[test]
    fn raised_privileges_leave_only_the_system() {
        let found = places(&environment("/c.toml", "/x", "/h", true));
        assert!(
            found
                .iter()
                .take(3)
                .all(|place| *place == Err(Skip::RaisedPrivileges))
        );
        assert_eq!(
            found.last(),
            Some(&Ok("/etc/kmip-p11/config.toml".to_owned()))
        );
    }

    #[test]
    fn data_is_the_users_or_the_systems_and_nobodys_with_raised_privileges() {
        use rustix::process::Uid;
        let (user, root) = (Uid::from_raw(1000), Uid::ROOT);
        let mut of = environment("", "", "/h", false);
        assert_eq!(of.data(user), Ok("/h/.local/share/kmip-p11".into()));
        assert_eq!(of.data(root), Ok("/var/lib/kmip-p11".into()));
        of.xdg_data_home = Some("/d".into());
        assert_eq!(of.data(user), Ok("/d/kmip-p11".into()));
        assert_eq!(of.data(root), Ok("/d/kmip-p11".into()));
        of.raised = true;
        assert_eq!(of.data(user), Err(Skip::RaisedPrivileges));
        assert_eq!(Environment::default().data(user), Err(Skip::NotSet));
    }

    #[test]
    fn no_environment_at_all_leaves_only_the_system() {
        let found = places(&Environment::default());
        assert!(
            found
                .iter()
                .take(3)
                .all(|place| *place == Err(Skip::NotSet))
        );
        assert_eq!(
            found.last(),
            Some(&Ok("/etc/kmip-p11/config.toml".to_owned()))
        );
    }
}
