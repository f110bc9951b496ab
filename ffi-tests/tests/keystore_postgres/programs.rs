//! A keystore in Postgres as programs see it: threads, forks, and a login with ssh.

use ffi_tests::configuration::Configuration;
use ffi_tests::here;
use ffi_tests::module::Module;
use ffi_tests::openssh::name;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::own_process::alone;
use ffi_tests::session::Session;
use kmip_p11::config::Config;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::{self, NewKey};

use super::place::{Place, Told, ed25519, names};

#[test]
fn connections_are_few_and_no_thread_is_started() {
    let place = Place::with_keystore();
    let text = place.text(&place.server.by_socket("alice", "keys"), &[], false);
    alone(
        here!(),
        || Told(Configuration::of_text(&text)),
        || {
            let config = Config::load().expect("a configuration");
            let token = token::open(&config.slots[0]);
            let threads = || std::fs::read_dir("/proc/self/task").map(Iterator::count);
            let before = threads().expect("a count");
            token.generate(&ed25519("web")).expect("a key");
            assert_eq!(threads().expect("a count"), before);
        },
    );
    if std::env::var_os("KMIP_P11_TEST_ALONE").is_some() {
        return;
    }
    let token = place.token();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| assert_eq!(names(&token), ["web"]));
        }
    });
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice'";
    let open: usize = place.server.sql("keys", count).parse().expect("a number");
    assert!((1..=8).contains(&open), "{open} connections");
}

/// The child has its own connections, and leaves those of its parent as they are.
#[test]
fn a_forked_child_and_its_parent_both_go_on() {
    if std::env::var_os("KMIP_P11_TEST_ALONE").is_none() {
        let place = Place::with_keystore();
        place.token().generate(&ed25519("web")).expect("a key");
        let text = place.text(&place.server.by_socket("alice", "keys"), &[], false);
        return alone(here!(), || Told(Configuration::of_text(&text)), || ());
    }
    let module = Module::initialized();
    let listed = || {
        let slot = module.slots().expect("slots")[0];
        let session = Session::open(&module, slot).expect("a session");
        session.find(&vec![]).expect("a search").len()
    };
    assert_eq!(listed(), 2);
    // SAFETY: this process has one thread besides that of the test runner, which waits.
    match unsafe { libc::fork() } {
        0 => {
            let anew = module.initialize() == Ok(()) && listed() == 2;
            let ended = module.finalize() == Ok(());
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(i32::from(!(anew && ended))) }
        }
        child => {
            let mut status = 0;
            // SAFETY: our own child, a valid place.
            let ended = unsafe { libc::waitpid(child, &mut status, 0) };
            assert_eq!((ended, status), (child, 0));
            assert_eq!(listed(), 2, "on the connection of before");
        }
    }
}

#[test]
fn ssh_logs_in() {
    let place = Place::with_keystore();
    let wanted = NewKey::new("web", KeyType::Ec(Curve::P256));
    place.token().generate(&wanted).expect("a key");
    let lines = [place.ca("ca.crt"), place.password()];
    let text = place.text(&place.server.by_tcp("alice", "keys"), &lines, false);
    let configuration = Configuration::of_text(&text);
    let user = User::of(&configuration);
    let lines = user.list();
    assert_eq!(
        lines.iter().map(|line| name(line)).collect::<Vec<_>>(),
        ["web"]
    );
    let sshd = Setup::authorizing(&lines).start();
    user.knows(&sshd.known_hosts());
    let login = user.login(&sshd, &[], "echo logged in");
    assert_eq!(
        login.text(),
        "logged in\n",
        "{}\n{}",
        login.report(),
        sshd.log()
    );
}
