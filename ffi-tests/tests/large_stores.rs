//! Stores with more keys than a server gives at once: whatever it takes to list them, nothing is lost unsaid.

use ffi_tests::configuration::{Configuration, SlotEntry};
use ffi_tests::fake_server::{FakeServer, Locating, Vault};
use ffi_tests::keys::Keyring;
use kmip_p11::kmip::{Operation, Tag, Version};
use kmip_p11::model::key::Found;

const LABEL: &str = "large";

fn server(pairs: usize, locating: Locating) -> FakeServer {
    let plan = FakeServer::with(|vault: &mut Vault| {
        vault.bulk(pairs);
        vault.locating = locating;
    });
    plan.start()
}

fn slot(server: &FakeServer) -> SlotEntry {
    SlotEntry::new(LABEL, server.endpoint()).line("kmip.deadline = \"60s\"")
}

/// What programs get.
#[track_caller]
fn listed(slot: SlotEntry) -> Found {
    let configuration = Configuration::new(&[slot]);
    let keyring = Keyring::of(&configuration, LABEL, "no group");
    keyring.token().find().expect("a listing")
}

#[track_caller]
fn assert_whole(found: &Found, keys: usize) {
    let first: Vec<_> = found.hidden.iter().take(3).collect();
    assert_eq!(
        (found.keys.len(), found.hidden.len()),
        (keys, 0),
        "{first:?} {:?}",
        found.warnings
    );
    assert_eq!(found.warnings, Vec::<String>::new());
}

#[test]
fn a_server_that_gives_all_at_once_is_believed_after_one_more_question() {
    let server = server(1500, Locating::default());
    assert_whole(&listed(slot(&server)), 1500);
    assert!(
        server.tally().of(Operation::LOCATE) <= 5,
        "{:?}",
        server.tally()
    );
}

#[test]
fn pages_are_followed_to_their_end() {
    for tells_total in [true, false] {
        let server = server(
            2345,
            Locating {
                most: Some(100),
                tells_total,
                ..Locating::default()
            },
        );
        assert_whole(&listed(slot(&server)), 2345);
    }
}

#[test]
fn what_is_made_while_the_pages_are_read_is_not_lost() {
    let server = server(
        450,
        Locating {
            most: Some(100),
            made_meanwhile: 3,
            ..Locating::default()
        },
    );
    let found = listed(slot(&server));
    assert_whole(&found, 453);
}

/// As Cosmian does it, but with keys that can be told apart.
#[test]
fn a_server_without_pages_is_asked_in_parts() {
    let server = server(
        700,
        Locating {
            most: Some(250),
            without_pages: true,
            ..Locating::default()
        },
    );
    for (place, object) in server.vault().objects.iter_mut().enumerate() {
        object.created += i64::try_from(place / 100).expect("a small number");
    }
    assert_whole(&listed(slot(&server)), 700);
}

/// Exactly as Cosmian does it: then the cut is said, and what there is can be used.
#[test]
fn what_cannot_be_listed_is_said() {
    let server = server(
        700,
        Locating {
            most: Some(250),
            without_pages: true,
            ignored: vec![Tag::INITIAL_DATE],
            ..Locating::default()
        },
    );
    let found = listed(slot(&server));
    assert_eq!(found.keys.len(), 250);
    let warnings = found.warnings.join("\n");
    assert!(
        warnings.contains("gives 250 objects at most") && warnings.contains("keys.groups"),
        "{warnings}"
    );
}

/// The public keys are as many: so the server would have given more, were there more.
#[test]
fn a_server_without_pages_is_believed_if_it_gave_more_elsewhere() {
    let server = server(
        300,
        Locating {
            most: Some(1000),
            without_pages: true,
            ignored: vec![Tag::INITIAL_DATE],
            ..Locating::default()
        },
    );
    assert_whole(&listed(slot(&server)), 300);
}

#[test]
fn an_old_protocol_without_pages_is_asked_in_parts() {
    let plan = FakeServer::with(|vault| {
        vault.bulk(300).locating.most = Some(200);
        for (place, object) in vault.objects.iter_mut().enumerate() {
            object.created += i64::try_from(place).expect("a small number");
        }
    });
    let server = plan.speaking(&[Version::V1_4]).start();
    assert_whole(&listed(slot(&server)), 300);
}

/// One named key in a large store costs what it costs in a small one.
#[test]
fn a_named_key_is_found_without_a_look_at_the_others() {
    let server = server(3000, Locating::default());
    let found = listed(slot(&server).line("keys.names = [\"bulk-001234\"]"));
    assert_whole(&found, 1);
    assert_eq!(found.keys[0].name, "bulk-001234");
    let tally = server.tally();
    assert_eq!(tally.messages, 2, "{tally:?}");
    assert!(tally.of(Operation::GET_ATTRIBUTES) <= 3, "{tally:?}");
}

#[test]
fn a_server_that_ignores_names_hides_no_key() {
    let server = server(
        300,
        Locating {
            ignored: vec![Tag::NAME],
            ..Locating::default()
        },
    );
    let found = listed(slot(&server).line("keys.names = [\"bulk-000123\"]"));
    assert_eq!((found.keys.len(), found.hidden.len()), (1, 299));
}

/// Of many keys, only those are read whose algorithm the slot shows.
#[test]
fn keys_of_other_types_are_not_read() {
    let fill = |vault: &mut Vault| {
        vault.pairs(3).bulk(500);
    };
    for ignored in [vec![], vec![Tag::CRYPTOGRAPHIC_ALGORITHM]] {
        let server = FakeServer::with(fill).start();
        server.vault().locating.ignored = ignored.clone();
        let found = listed(slot(&server).line("keys.types = [\"ecdsa-p256\"]"));
        assert_eq!(found.keys.len(), 3);
        let heeded = ignored.is_empty();
        assert_eq!(
            found.hidden.is_empty(),
            heeded,
            "{:?}",
            found.hidden.first()
        );
        let read = server.tally().of(Operation::GET_ATTRIBUTES);
        assert_eq!(read < 10, heeded, "{read}");
    }
}
