//! What the library says: nothing on standard output, one line on standard error, and only when
//! C_Initialize fails.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};

use cryptoki_sys::CKR_OK;
use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::here;
use ffi_tests::kmip_server::certificates;
use ffi_tests::module::Module;
use ffi_tests::own_process::{Surroundings, alone};
use ffi_tests::scratch::Scratch;
use ffi_tests::session::{Session, class};

/// What goes to descriptors 1 and 2 while `body` runs. Only for a process of a test's own.
fn said_during(body: impl FnOnce()) -> (String, String) {
    let scratch = Scratch::new();
    let redirected = [(1, "out"), (2, "err")].map(|(descriptor, name)| {
        let file = File::create(scratch.file(name)).expect("a new file");
        // SAFETY: descriptors only; nobody else writes there meanwhile.
        let kept = unsafe { libc::dup(descriptor) };
        unsafe { libc::dup2(file.as_raw_fd(), descriptor) };
        (kept, descriptor)
    });
    body();
    for (kept, descriptor) in redirected {
        restore(kept, descriptor);
    }
    (scratch.read("out"), scratch.read("err"))
}

fn restore(kept: RawFd, descriptor: RawFd) {
    // SAFETY: descriptors only, ours both.
    unsafe { libc::dup2(kept, descriptor) };
    unsafe { libc::close(kept) };
}

/// A configuration, and files beside it that it may name.
struct Given(Configuration, Scratch);

impl Surroundings for Given {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.0.environment()
    }
}

/// A configuration with one thing wrong.
fn wrong(change: impl FnOnce(SlotEntry) -> SlotEntry) -> impl FnOnce() -> Given {
    || {
        let scratch = Scratch::new();
        let slot = SlotEntry::new("slot", certificates(&scratch, "127.0.0.1:1"));
        Given(Configuration::new(&[change(slot)]), scratch)
    }
}

/// C_Initialize fails, with nothing on standard output and one line, with these words, on standard
/// error.
#[track_caller]
fn fails_in_one_line(words: &[&str]) {
    let mut rv = Ok(());
    let (out, err) = said_during(|| rv = Module::load().initialize());
    assert!(rv.is_err());
    assert_eq!((out.as_str(), err.lines().count()), ("", 1), "{out}{err}");
    for word in words {
        assert!(err.contains(word), "{word:?} is not in {err:?}");
    }
}

struct Environment(&'static str, &'static str);

impl Surroundings for Environment {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![(self.0, self.1.into())]
    }
}

#[test]
fn a_missing_configuration_is_one_line_that_names_it() {
    let nowhere = || Environment("KMIP_P11_CONFIG", "/nowhere/config.toml");
    alone(here!(), nowhere, || {
        fails_in_one_line(&["/nowhere/config.toml"])
    });
}

#[test]
fn an_unknown_key_is_one_line_that_names_file_line_and_key() {
    let setup = wrong(|slot| slot.line("keys.colour = 1"));
    alone(here!(), setup, || {
        fails_in_one_line(&["config.toml:11", "colour"])
    });
}

#[test]
fn a_missing_tls_file_is_one_line_that_names_it() {
    let setup = wrong(|slot| slot.line("# no such file follows"));
    let setup = || {
        let given = setup();
        std::fs::remove_file(given.1.file("ca.crt")).expect("it was there");
        given
    };
    alone(here!(), setup, || {
        fails_in_one_line(&["ca.crt", "\"slot\""])
    });
}

#[test]
fn a_file_that_others_may_write_is_one_line_that_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let setup = wrong(|slot| slot);
    let setup = || {
        let given = setup();
        let everybody = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(given.0.path(), everybody).expect("our own file");
        given
    };
    alone(here!(), setup, || {
        fails_in_one_line(&["config.toml", "chmod go-w"])
    });
}

#[test]
fn an_error_in_use_says_nothing_at_all() {
    alone(here!(), wrong(|slot| slot.deadline("1s")), || {
        let (out, err) = said_during(|| {
            let module = Module::initialized();
            let slot = module.slots().expect("slots")[0];
            let session = Session::open(&module, slot).expect("a session");
            let listed = session.find(&class(2));
            assert!(
                listed.is_err_and(|rv| rv != CKR_OK),
                "nobody is behind port 1"
            );
            drop(session);
            assert_eq!(module.finalize(), Ok(()));
        });
        assert_eq!((out.as_str(), err.as_str()), ("", ""));
    });
}
