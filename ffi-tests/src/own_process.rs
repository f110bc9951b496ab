//! A test whose body runs in a process of its own.
//!
//! C_Initialize is per process, and the configuration comes from the environment: tests that want
//! different ones cannot share a process. The test program runs itself once more, for this one test.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use crate::process::{PATIENCE, run_within};

const NAME: &str = "KMIP_P11_TEST_ALONE";

/// What a body finds around it.
pub trait Surroundings {
    /// Variables of its environment.
    fn environment(&self) -> Vec<(&'static str, OsString)>;
}

impl Surroundings for () {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![]
    }
}

impl<A: Surroundings, B: Surroundings> Surroundings for (A, B) {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        [self.0.environment(), self.1.environment()].concat()
    }
}

impl<S: Surroundings + ?Sized> Surroundings for Box<S> {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        (**self).environment()
    }
}

impl<S: Surroundings> Surroundings for &S {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        (**self).environment()
    }
}

/// Runs `body` in a process of its own, in what `setup` made, which stays until the body's end.
/// `test` is the path of the calling test: `here!()`, or `case.test`.
#[track_caller]
pub fn alone<S: Surroundings>(test: &str, setup: impl FnOnce() -> S, body: impl FnOnce()) {
    alone_within(PATIENCE, test, setup, body);
}

/// The same for a body that may take so long.
#[track_caller]
pub fn alone_within<S: Surroundings>(
    limit: Duration,
    test: &str,
    setup: impl FnOnce() -> S,
    body: impl FnOnce(),
) {
    if std::env::var(NAME).is_ok_and(|name| name == test) {
        return body();
    }
    let surroundings = setup();
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command.args([test, "--exact", "--nocapture", "--include-ignored"]);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    for name in [
        "HOME",
        "TMPDIR",
        "KMIP_P11_CACHE",
        "XDG_CACHE_HOME",
        "RUST_BACKTRACE",
    ] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    command.env(NAME, test).envs(surroundings.environment());
    let finished = run_within(limit, &mut command, b"");
    let said = finished.text();
    let passed = said.contains("test result: ok. 1 passed");
    assert!(passed, "{test} did not run: {}", finished.report());
    print!("{said}");
}

/// The path of the calling test, as the test program names it.
#[macro_export]
macro_rules! here {
    () => {{
        fn here() {}
        let path = std::any::type_name_of_val(&here);
        let path = path.trim_end_matches("::here");
        path.split_once("::").map_or(path, |(_program, test)| test)
    }};
}
