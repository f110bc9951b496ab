//! Certificates, keys, passwords and passphrases in files: what is used of them, and what is said of those that cannot be.

use std::os::unix::fs::PermissionsExt;

use cryptoki_sys::*;
use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::{FakeServer, Vault};
use ffi_tests::late_configuration::{LateConfiguration, configure};
use ffi_tests::locked::{Locked, PIN};
use ffi_tests::module::{Module, library};
use ffi_tests::openssh::user::User;
use ffi_tests::own_process::alone;
use ffi_tests::process::run;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::scratch::Scratch;
use ffi_tests::session::{Session, class};
use ffi_tests::{here, on_each_server};
use kmip_p11::model::public_key::{Curve, KeyType};

const P256: KeyType = KeyType::Ec(Curve::P256);

fn open(module: &Module) -> Session<'_> {
    Session::open(module, module.slot(LABEL)).expect("a session")
}

fn web(vault: &mut Vault) {
    vault.pair("web", P256);
}

on_each_server! {
    fn the_passphrase_may_be_in_a_file(case) {
        let scene = Scene::on(case.server);
        scene.make("web", P256);
        let files = Scratch::new();
        let passphrase = files.write_mode("passphrase", format!("{PIN}\n"), 0o600);
        let line = format!("kmip.tls.client_key_passphrase_file = {passphrase:?}");
        let locked = Locked::of(scene, &line);
        let user = User::of(&locked.configuration);
        assert_eq!(user.list().len(), 1);
        assert_eq!(user.was_asked(), "");
        // Without it, the log says what to write.
        let without = Configuration::new(&[locked.slot()]);
        let user = User::of(&without);
        let mut keygen = user.command("ssh-keygen");
        run(keygen.arg("-D").arg(library()));
        let log = without.log();
        assert!(log.contains("pin = \"key_passphrase\""), "{log}");
    }
}

#[test]
fn a_password_may_be_in_a_file() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(web).letting_in("alice", PIN).start();
        let slot = SlotEntry::new(LABEL, server.endpoint());
        let files = Scratch::new();
        let password = files.write_mode("password", format!("{PIN}\r\n"), 0o600);
        let line = format!("kmip.password_file = {password:?}");
        let written = configure(&[slot.line("kmip.username = \"alice\"").line(line)]);
        let module = Module::initialized();
        let session = open(&module);
        assert_eq!(
            session.find(&class(CKO_PRIVATE_KEY)).map(|it| it.len()),
            Ok(1)
        );
        assert!(!written.log().contains(PIN), "{}", written.log());
    });
}

/// A certificate and its key may be exchanged for others after the configuration was read.
#[test]
fn a_key_that_changed_hands_is_not_used() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(web).start();
        let slot = SlotEntry::new(LABEL, server.endpoint());
        let key = slot.key_file();
        let written = configure(&[slot]);
        let module = Module::initialized();
        let open_to_all = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&key, open_to_all).expect("a file of ours");
        let session = open(&module);
        assert_eq!(session.find(&vec![]), Err(CKR_DEVICE_ERROR));
        assert!(
            written.log().contains("others may read this private key"),
            "{}",
            written.log()
        );
        assert_eq!(server.tally().connections, 0);
    });
}

#[test]
fn a_client_certificate_near_its_end_is_told_of_once() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(web).start();
        server.renew_client(20);
        let written =
            configure(&[SlotEntry::new(LABEL, server.endpoint()).line("cache.ttl = \"0s\"")]);
        let module = Module::initialized();
        let session = open(&module);
        for _ in 0..2 {
            assert_eq!(
                session.find(&class(CKO_PRIVATE_KEY)).map(|it| it.len()),
                Ok(1)
            );
        }
        let log = written.log();
        assert_eq!(log.matches("; renew it before").count(), 1, "{log}");
        assert!(
            log.contains("slot \"ssh keys\": client certificate "),
            "{log}"
        );
    });
}

#[test]
fn a_server_certificate_near_its_end_is_told_of_once() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(web).certified_for(20).start();
        let written =
            configure(&[SlotEntry::new(LABEL, server.endpoint()).line("cache.ttl = \"0s\"")]);
        let module = Module::initialized();
        let session = open(&module);
        for _ in 0..2 {
            let found = session.find(&class(CKO_PRIVATE_KEY)).map(|it| it.len());
            assert_eq!(found, Ok(1));
        }
        let (log, address) = (written.log(), server.address());
        assert_eq!(log.matches("; renew it before").count(), 1, "{log}");
        let what = format!("slot \"ssh keys\": server certificate of {address} (");
        assert!(log.contains(&what), "{log}");
    });
}

#[test]
fn renewed_files_are_used_and_broken_ones_take_nothing_away() {
    alone(here!(), LateConfiguration::default, || {
        let server = FakeServer::with(web).start();
        let slot = SlotEntry::new(LABEL, server.endpoint());
        let key = slot.key_file();
        let written = configure(&[slot.line("cache.ttl = \"0s\"")]);
        let module = Module::initialized();
        let session = open(&module);
        let listed = || {
            let found = session.find(&class(CKO_PRIVATE_KEY)).map(|it| it.len());
            assert_eq!(found, Ok(1), "{}", written.log());
            server.count_anew().connections
        };
        assert_eq!(listed(), 1);
        assert_eq!(listed(), 0);
        server.renew_client(20);
        assert_eq!(listed(), 1, "a new certificate, a new connection");
        assert!(
            written.log().contains("; renew it before"),
            "{}",
            written.log()
        );
        std::fs::write(&key, "half of a").expect("a file of ours");
        assert_eq!(listed(), 0);
        assert_eq!(listed(), 0);
        let log = written.log();
        assert_eq!(log.matches("the old ones serve on").count(), 1, "{log}");
    });
}
