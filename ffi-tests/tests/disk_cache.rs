//! Listings that the processes of a user share by a file: what they save, and when they are not believed.

use std::fs;
use std::path::PathBuf;

use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::counting_proxy::Passed;
use ffi_tests::fake_server::FakeServer;
use ffi_tests::openssh::comment;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::passage::Passage;
use ffi_tests::scene::Scene;
use ffi_tests::scratch::Scratch;
use ffi_tests::{ServerKind, on_each_server};
use kmip_p11::kmip::Version;
use kmip_p11::model::public_key::{Curve, KeyType};

const LABEL: &str = "kept";

/// A server with two pairs behind a counting proxy, and a place for listings.
struct Stage {
    server: FakeServer,
    passage: Passage,
    place: Scratch,
}

impl Stage {
    fn new(adapt: impl FnOnce(SlotEntry) -> SlotEntry) -> Self {
        let plan = FakeServer::with(|vault| {
            vault.pairs(2);
        });
        let server = plan.speaking(&[Version::V2_1, Version::V1_4]).start();
        let place = Scratch::new();
        let passage = Passage::new(LABEL, server.endpoint(), |slot| {
            adapt(slot.disk(&place.file("listings")))
        });
        Self {
            server,
            passage,
            place,
        }
    }

    /// What `ssh-keygen -D` costs, and how many keys it prints.
    #[track_caller]
    fn listing(&self) -> (usize, usize) {
        let (passed, keys) = self.passage.listing();
        (passed.flights, keys)
    }

    fn file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.place.file("listings")).expect("a directory");
        files.next().expect("a file").expect("an entry").path()
    }

    fn user(&self) -> (Configuration, User) {
        let configuration = Configuration::new(&[self.passage.slot()]);
        let user = User::of(&configuration);
        (configuration, user)
    }
}

#[test]
fn a_warm_login_takes_two_flights_and_a_warm_listing_none() {
    let stage = Stage::new(|slot| slot);
    assert_eq!(stage.listing(), (3, 2), "cold");
    assert_eq!(stage.passage.listing(), (Passed::default(), 2), "warm");
    let login = stage.passage.login();
    assert_eq!((login.flights, login.connections), (2, 1), "{login:?}");
}

/// The file is written by whoever signs, too: nothing has to be found out again.
#[test]
fn a_warm_login_takes_two_flights_after_a_login_as_well() {
    let stage = Stage::new(|slot| slot);
    for _ in 0..3 {
        let login = stage.passage.login();
        assert_eq!((login.flights, login.connections), (2, 1), "{login:?}");
    }
    assert_eq!(
        stage.server.tally().connections,
        4,
        "one listing, three logins"
    );
}

on_each_server! {
    /// TLS 1.2, which PyKMIP speaks, takes a flight more.
    fn a_warm_login_on_a_real_server_takes_the_handshake_and_one_request(case) {
        let place = Scratch::new();
        let server = case.server.shared();
        let scene = Scene::at(server, case.server);
        scene.make("warm", KeyType::Ec(Curve::P256));
        let endpoint = server.endpoint("alice");
        let passage = Passage::new(LABEL, endpoint, |slot| {
            let slot = slot.group(&scene.group).disk(&place.file("listings"));
            match case.server.signs_digests() {
                true => slot,
                false => slot.local_use(),
            }
        });
        let login = passage.login();
        let expected = if case.server == ServerKind::Cosmian { 2 } else { 3 };
        assert_eq!((login.flights, login.connections), (expected, 1), "{login:?}");
        assert_eq!(passage.listing(), (Passed::default(), 1));
    }
}

#[test]
fn another_configuration_never_reads_the_file() {
    let stage = Stage::new(|slot| slot);
    assert_eq!(stage.listing(), (3, 2));
    let directory = stage.place.file("listings");
    let narrower = Passage::new(LABEL, stage.server.endpoint(), |slot| {
        slot.disk(&directory).names(&["key-001"])
    });
    let (passed, keys) = narrower.listing();
    assert_eq!((passed.flights, keys), (3, 1));
    assert_eq!(fs::read_dir(&directory).expect("a directory").count(), 2);
}

#[test]
fn a_file_that_cannot_be_believed_costs_a_listing_and_one_line_in_the_log() {
    let stage = Stage::new(|slot| slot);
    stage.listing();
    let whole = fs::read(stage.file()).expect("a listing");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    let told = |content: &[u8], expected: &str| {
        fs::write(stage.file(), content).expect("a file of ours");
        let (configuration, user) = stage.user();
        assert_eq!(user.list().len(), 2);
        let log = configuration.log();
        assert_eq!(log.matches("the listing in").count(), 1, "{log}");
        assert!(log.contains(expected), "{log}");
        assert_eq!(stage.listing(), (0, 2), "it was written anew");
    };
    told(&damaged, "it is damaged");
    told(&whole[..20], "it is cut off");
    told(b"something else", "not a listing of this version");
}

#[test]
fn a_disk_that_cannot_be_written_is_no_error() {
    let stage = Stage::new(|slot| slot);
    fs::write(stage.place.file("listings"), "in the way").expect("a file");
    assert_eq!(stage.listing(), (3, 2));
    assert_eq!(stage.listing(), (3, 2));
    let (configuration, user) = stage.user();
    assert_eq!(user.list().len(), 2);
    let log = configuration.log();
    assert!(log.contains("was not written"), "{log}");
}

#[test]
fn a_file_that_is_too_old_does_not_serve() {
    let stage = Stage::new(|slot| slot.line("cache.disk_age = \"1s\""));
    assert_eq!(stage.listing(), (3, 2));
    std::thread::sleep(std::time::Duration::from_millis(1200));
    assert_eq!(stage.listing(), (3, 2));
}

#[test]
fn a_key_that_is_gone_is_refused_and_the_next_program_asks_again() {
    let stage = Stage::new(|slot| slot);
    let (_configuration, user) = stage.user();
    let lines = user.list();
    let gone = lines.iter().find(|line| comment(line) == "key-000");
    let sshd = Setup::authorizing(std::slice::from_ref(gone.expect("that key"))).start();
    user.knows(&sshd.known_hosts());
    stage
        .server
        .vault()
        .objects
        .retain(|object| !object.id.ends_with("-1"));
    let login = user.login(&sshd, &["-o", "BatchMode=yes"], "echo here");
    assert!(!login.status.success(), "{}", login.report());
    assert_eq!(stage.listing(), (3, 1));
}

/// A file that was written for a server of KMIP 2.1, which is one of 1.4 by now.
#[test]
fn a_server_that_is_another_by_now_is_asked_anew() {
    let stage = Stage::new(|slot| slot);
    assert_eq!(stage.listing(), (3, 2));
    stage.server.speak(&[Version::V1_4]);
    let login = stage.passage.login();
    assert_eq!((login.flights, login.connections), (3, 1), "{login:?}");
}

#[test]
fn nothing_secret_is_in_the_file_and_nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::new(|slot| slot);
    stage.passage.login();
    let file = fs::read(stage.file()).expect("a listing");
    let vault = stage.server.vault();
    let private = vault.objects.iter().filter(|it| it.signer.is_some());
    for object in private {
        // Any part of a private key that is long enough not to be found by chance.
        let mut parts = object.value.windows(12);
        let public = vault.get(&object.id.replace("private", "public"));
        let spki = &public.expect("the other half").value;
        let is_secret = |part: &&[u8]| !spki.windows(12).any(|known| known == *part);
        assert!(
            parts
                .by_ref()
                .filter(is_secret)
                .all(|part| !file.windows(12).any(|bytes| bytes == part))
        );
    }
    let mode = |path: &std::path::Path| {
        let metadata = fs::metadata(path).expect("it is there");
        metadata.permissions().mode() & 0o7777
    };
    assert_eq!(mode(&stage.file()), 0o600);
    assert_eq!(mode(&stage.place.file("listings")), 0o700);
}
