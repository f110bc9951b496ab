//! A keystore with 20,000 keys: found by ID and label without the others, and listed in little memory, through the C ABI.

use std::ffi::OsString;

use cryptoki_sys::*;
use ffi_tests::configuration::Configuration;
use ffi_tests::counting_allocator::{Allocated, CountingAllocator};
use ffi_tests::here;
use ffi_tests::module::Module;
use ffi_tests::own_process::{Surroundings, alone};
use ffi_tests::scratch::Scratch;
use ffi_tests::session::{Session, class};
use kmip_p11::config::{Backend, Config, Slot};
use kmip_p11::model::public_key::KeyType;
use kmip_p11::provider::{CacheRules, Slot as ProviderSlot};
use kmip_p11::token::{self, NewKey, keystore};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const KEYS: usize = 20_000;

/// A keystore that a credential file opens, with as many real keys.
struct Large {
    _scratch: Scratch,
    configuration: Configuration,
}

impl Large {
    fn new() -> Self {
        let scratch = Scratch::new();
        let text = format!(
            "[[slot]]\nlabel = \"keys\"\nkeystore.path = {:?}\nkeystore.seal = \"file\"\n\
             keystore.seal_file = {:?}\n",
            scratch.file("keys.db"),
            scratch.file("credential")
        );
        let configuration = Configuration::of_text(&text);
        let slot = slot(&configuration);
        let Backend::Keystore(config) = &slot.backend else {
            panic!("another back end");
        };
        keystore::create("keys", config, None).expect("a keystore");
        let mut wanted = (0..KEYS).map(|number| NewKey::new(name(number), KeyType::Ed25519));
        keystore::fill("keys", config, None, &mut wanted).expect("keys");
        Self {
            _scratch: scratch,
            configuration,
        }
    }
}

impl Surroundings for Large {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.configuration.environment()
    }
}

fn slot(configuration: &Configuration) -> Slot {
    let config = Config::load_from(configuration.path()).expect("a configuration");
    config.slots.into_iter().next().expect("a slot")
}

fn name(number: usize) -> String {
    format!("user-{number:06}@example.org")
}

#[test]
fn programs_find_one_and_list_all() {
    alone(here!(), Large::new, || {
        let module = Module::initialized();
        let session = Session::open(&module, module.slot("keys")).expect("a session");
        let all = session.find(&class(CKO_PUBLIC_KEY)).expect("a search");
        assert_eq!(all.len(), KEYS);
        for number in [0, KEYS / 2, KEYS - 1] {
            let labelled = vec![(CKA_LABEL, name(number).into_bytes())];
            let pair = session.find(&labelled).expect("a search");
            assert_eq!((pair.len(), pair[0]), (2, all[number]));
            let id = session.attribute(pair[0], CKA_ID).expect("its CKA_ID");
            let named = vec![(CKA_ID, id), class(CKO_PRIVATE_KEY).remove(0)];
            let private = session.find(&named).expect("a search");
            assert_eq!(private, pair[1..]);
            session
                .sign_init(CKM_EDDSA, private[0])
                .expect("an operation");
            assert_eq!(
                session.sign_into(b"message", 64).expect("64 bytes").len(),
                64
            );
        }
        let certificates = session.find(&class(CKO_CERTIFICATE));
        assert!(certificates.expect("a search").is_empty());
    });
}

/// By what is allocated: time says too much about the machine.
#[test]
fn a_listing_takes_the_memory_of_a_page_and_a_search_that_of_a_key() {
    let large = Large::new();
    let hour = std::time::Duration::from_secs(3600);
    let rules = CacheRules {
        time_to_live: hour,
        min_refresh: hour,
        stale: hour,
        disk: None,
    };
    let slot = ProviderSlot::new(0, token::open(&slot(&large.configuration)), rules);
    let before = Allocated::now();
    let mut search = slot.search(vec![], false).expect("a search");
    let (mut count, mut most) = (0, 0);
    loop {
        let found = slot.found(&mut search, 100).expect("handles").len();
        most = most.max(Allocated::now().since(before).live);
        count += found;
        if found == 0 {
            break;
        }
    }
    assert_eq!(count, 2 * KEYS);
    println!("most at once: {most} bytes");
    assert!(most < 256 << 10, "{most} bytes at once");

    let before = Allocated::now();
    let labelled = vec![(CKA_LABEL, name(KEYS / 2).into_bytes())];
    let mut search = slot.search(labelled, false).expect("a search");
    assert_eq!(slot.found(&mut search, 9).expect("handles").len(), 2);
    let cost = Allocated::now().since(before).calls;
    assert!(cost < 1000, "{cost} allocations for one key");
}
