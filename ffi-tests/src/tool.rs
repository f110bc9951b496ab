//! Programs that the tests need, and what to say when one is missing.

use std::path::PathBuf;
use std::process::Command;

/// Where programs are looked for besides `PATH`, which often lacks the places of daemons.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The path of an installed program; a missing one fails the test.
pub fn path(name: &str) -> PathBuf {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&own).chain(PLACES.map(PathBuf::from));
    let mut candidates = places.map(|place| place.join(name));
    candidates
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed: run tools/test.sh, which installs it"))
}

/// A command of that program with nothing in its environment but a path.
pub fn command(name: &str) -> Command {
    let mut command = Command::new(path(name));
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin");
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command
}

/// The name of the user that runs the tests, who is also the one that logs in.
pub fn user() -> String {
    let output = command("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
