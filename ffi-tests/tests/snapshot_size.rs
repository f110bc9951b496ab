//! What a listing of 100,000 keys costs in memory, and that a search for one does not walk them all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use ffi_tests::counting_allocator::{Allocated, CountingAllocator};
use ffi_tests::scratch::Scratch;
use kmip_p11::error::Result;
use kmip_p11::model::attribute::Template;
use kmip_p11::model::key::{Custody, Found, Key, ObjectId, OtherUses, State};
use kmip_p11::model::public_key::{Curve, PublicKey};
use kmip_p11::model::signature::{SignInput, SignScheme};
use kmip_p11::model::validity::Validity;
use kmip_p11::provider::{CacheRules, Disk, Slot};
use kmip_p11::token::memory::MemoryToken;
use kmip_p11::token::{Token, TokenInfo};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const KEYS: usize = 100_000;

/// A token that makes its keys up: P-256, with names as people give them.
struct Large;

impl Token for Large {
    fn info(&self) -> TokenInfo {
        MemoryToken::new("large").info()
    }
    fn find(&self) -> Result<Found> {
        Ok(Found {
            keys: (0..KEYS).map(key).collect(),
            ..Found::default()
        })
    }
    fn identity(&self) -> Option<[u8; 32]> {
        Some([9; 32])
    }
    fn sign(&self, key: &Key, _: SignScheme, _: SignInput<'_>) -> Result<Vec<u8>> {
        panic!("{} is not to sign", key.id)
    }
}

fn key(number: usize) -> Key {
    let mut point = vec![4; 65];
    point[1..9].copy_from_slice(&(number as u64).to_be_bytes());
    let public = PublicKey::from_point(Curve::P256, &point).expect("its length is right");
    Key {
        id: ObjectId(format!("b1946ac9-2492-4c34-8d6b-{number:012}")),
        public_id: Some(ObjectId(format!("b1946ac9-2492-4c34-8d6c-{number:012}"))),
        name: format!("user-{number:06}@example.org"),
        own_label: None,
        key_id: public.key_id(),
        public,
        state: State::Active,
        validity: Validity::default(),
        may_sign: true,
        mechanisms: None,
        other_uses: OtherUses::default(),
        custody: Custody::default(),
        groups: vec!["ssh-users".into()],
        created: Some(1_790_000_000),
        certificates: vec![],
        remarks: vec![],
    }
}

fn slot(disk: Option<Disk>) -> Slot {
    let hour = Duration::from_secs(3600);
    let rules = CacheRules {
        time_to_live: hour,
        min_refresh: hour,
        stale: hour,
        disk,
    };
    Slot::new(0, Arc::new(Large), rules)
}

/// How many objects match.
fn all(slot: &Slot, template: Template) -> usize {
    let mut search = slot.search(template, false).expect("a listing");
    let found = slot.found(&mut search, usize::MAX);
    found.expect("a listing").len()
}

fn timed<T>(what: &str, body: impl FnOnce() -> T) -> (Allocated, T) {
    let (before, start) = (Allocated::now(), Instant::now());
    let result = body();
    let (took, after) = (start.elapsed(), Allocated::now());
    println!("{what}: {took:.1?}");
    (after.since(before), result)
}

/// All of it in one test: the allocator counts for all threads.
#[test]
fn a_hundred_thousand_keys_take_little_memory_and_are_found_at_once() {
    let slot_of_memory = slot(None);
    let (keys_alone, keys) = timed("making the keys", || Large.find());
    drop(keys);
    let (listed, found) = timed("a snapshot of 100,000 keys, and all of its handles", || {
        all(&slot_of_memory, vec![])
    });
    assert_eq!(found, 2 * KEYS);
    let (bytes, calls) = (
        listed.live / KEYS,
        listed.calls.saturating_sub(keys_alone.calls),
    );
    let of_keys = keys_alone.live / KEYS;
    println!(
        "a key: {bytes} bytes ({of_keys} of them what the token tells), {:.2} allocations",
        calls as f64 / KEYS as f64
    );
    assert!(bytes < 1024, "{bytes} bytes a key");
    assert!(calls < 6 * KEYS, "{calls} allocations");

    let wanted = key(KEYS / 2);
    for (what, attribute) in [
        ("CKA_ID", (CKA_ID, wanted.key_id.clone())),
        ("CKA_LABEL", (CKA_LABEL, wanted.label().into_bytes())),
    ] {
        let class = (CKA_CLASS, CKO_PRIVATE_KEY.to_ne_bytes().to_vec());
        let template = vec![class, attribute];
        let (cost, found) = timed(what, || all(&slot_of_memory, template));
        assert_eq!(found, 1);
        assert!(cost.calls < 200, "{} allocations for {what}", cost.calls);
    }
    drop(slot_of_memory);
    on_disk();
}

fn on_disk() {
    let place = Scratch::new();
    let disk = Disk {
        directory: place.file("listings"),
        age: Duration::from_secs(3600),
    };
    let (_, found) = timed("listing and writing the file", || {
        all(&slot(Some(disk.clone())), vec![])
    });
    assert_eq!(found, 2 * KEYS);
    let mut files = std::fs::read_dir(&disk.directory).expect("a directory");
    let size = files.next().expect("a file").expect("an entry").metadata();
    println!(
        "the file: {} bytes a key",
        size.expect("its size").len() as usize / KEYS
    );
    let (_, found) = timed("reading the file", || {
        all(&slot(Some(disk.clone())), vec![])
    });
    assert_eq!(found, 2 * KEYS);
}
