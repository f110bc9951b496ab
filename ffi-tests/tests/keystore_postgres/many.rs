//! Many keys: found by ID and label, and listed to the end, page by page.

use std::ffi::OsString;
use std::path::Path;

use cryptoki_sys::*;
use ffi_tests::configuration::Configuration;
use ffi_tests::here;
use ffi_tests::module::Module;
use ffi_tests::own_process::{Surroundings, alone};
use ffi_tests::session::{Session, class};
use kmip_p11::config::Config;
use kmip_p11::token::keystore;

use super::place::{Place, Told, ed25519, keystore_of};

/// More than eight pages.
const KEYS: usize = 2_100;

/// The keystore, and who uses it.
struct Full {
    _place: Place,
    told: Told,
}

impl Surroundings for Full {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.told.environment()
    }
}

fn name(number: usize) -> String {
    format!("user-{number:04}@example.org")
}

#[test]
fn programs_find_one_of_many_and_list_all() {
    let place = || {
        let place = Place::with_keystore();
        let text = place.text(&place.server.by_socket("alice", "keys"), &[], false);
        let config = Config::parse(&text, Path::new("/config.toml")).expect("a configuration");
        let mut wanted = (0..KEYS).map(|number| ed25519(&name(number)));
        let keystore = keystore_of(&config.slots[0]);
        keystore::fill("keys", keystore, None, &mut wanted).expect("keys");
        Full {
            told: Told(Configuration::of_text(&text)),
            _place: place,
        }
    };
    alone(here!(), place, || {
        let module = Module::initialized();
        let session = Session::open(&module, module.slot("keys")).expect("a session");
        let all = session.find(&class(CKO_PUBLIC_KEY)).expect("a search");
        assert_eq!(all.len(), KEYS);
        for number in [0, KEYS / 2, KEYS - 1] {
            let labelled = vec![(CKA_LABEL, name(number).into_bytes())];
            let pair = session.find(&labelled).expect("a search");
            assert_eq!((pair.len(), pair[0]), (2, all[number]));
            let id = session.attribute(pair[0], CKA_ID).expect("its CKA_ID");
            let found = session.find(&vec![(CKA_ID, id)]).expect("a search");
            assert_eq!(found, pair);
            let signed = session.sign(CKM_EDDSA, pair[1], b"message");
            assert_eq!(signed.map(|it| it.len()), Ok(64));
        }
        let certificates = session.find(&class(CKO_CERTIFICATE));
        assert!(certificates.expect("a search").is_empty());
    });
}
