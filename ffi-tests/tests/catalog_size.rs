//! A catalog of 100,000 keys is read to its end in the memory of one page, and one key of it without the others.

use std::sync::Arc;
use std::time::Duration;

use ffi_tests::counting_allocator::{Allocated, CountingAllocator};
use kmip_p11::error::Result;
use kmip_p11::model::key::{Custody, Found, Key, ObjectId, OtherUses, State};
use kmip_p11::model::public_key::{Curve, PublicKey};
use kmip_p11::model::signature::{SignInput, SignScheme};
use kmip_p11::model::validity::Validity;
use kmip_p11::provider::{CacheRules, Slot};
use kmip_p11::token::catalog::{Catalog, KeyNumber, Page, Wanted};
use kmip_p11::token::memory::MemoryToken;
use kmip_p11::token::{Token, TokenInfo};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const KEYS: KeyNumber = 100_000;

/// A token that makes its keys up as they are asked for.
struct Large;

impl Token for Large {
    fn info(&self) -> TokenInfo {
        MemoryToken::new("large").info()
    }
    fn find(&self) -> Result<Found> {
        panic!("a token with a catalog is not listed")
    }
    fn catalog(self: Arc<Self>) -> Option<Arc<dyn Catalog>> {
        Some(self)
    }
    fn sign(&self, key: &Key, _: SignScheme, _: SignInput<'_>) -> Result<Vec<u8>> {
        panic!("{} is not to sign", key.id)
    }
}

impl Catalog for Large {
    fn page(&self, wanted: &Wanted, after: KeyNumber, limit: usize) -> Result<Page> {
        let last = KEYS.min(after + limit as KeyNumber);
        let keys = (after + 1..=last).map(|number| (number, key(number)));
        Ok(Page {
            keys: keys.filter(|(_, key)| wanted.includes(key)).collect(),
            next: (last < KEYS).then_some(last),
        })
    }
    fn key(&self, number: KeyNumber) -> Result<Option<Key>> {
        Ok((1..=KEYS).contains(&number).then(|| key(number)))
    }
}

fn key(number: KeyNumber) -> Key {
    let mut point = vec![4; 65];
    point[1..9].copy_from_slice(&number.to_be_bytes());
    let public = PublicKey::from_point(Curve::P256, &point).expect("its length is right");
    Key {
        id: ObjectId(number.to_string()),
        public_id: None,
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
        groups: vec![],
        created: Some(1_790_000_000),
        certificates: vec![],
        remarks: vec![],
    }
}

fn slot() -> Slot {
    let hour = Duration::from_secs(3600);
    let rules = CacheRules {
        time_to_live: hour,
        min_refresh: hour,
        stale: hour,
        disk: None,
    };
    Slot::new(0, Arc::new(Large), rules)
}

/// All of it in one test: the allocator counts for all threads.
#[test]
fn a_hundred_thousand_keys_stream_through_a_little_memory() {
    let slot = slot();
    let before = Allocated::now();
    let mut search = slot.search(vec![], false).expect("a search");
    let (mut count, mut most, mut last) = (0, 0, 0);
    loop {
        let found = slot.found(&mut search, 100).expect("a page");
        most = most.max(Allocated::now().since(before).live);
        let Some(handle) = found.last() else {
            break;
        };
        count += found.len() as KeyNumber;
        assert!(last < *handle, "in the order of the numbers");
        last = *handle;
    }
    assert_eq!(count, 2 * KEYS);
    println!("most at once: {most} bytes");
    assert!(most < 64 << 10, "{most} bytes at once");

    let before = Allocated::now();
    let object = slot
        .token_object(last)
        .expect("an answer")
        .expect("the object");
    let cost = Allocated::now().since(before);
    assert_eq!(object.key.id, ObjectId(KEYS.to_string()));
    assert!(cost.calls < 50, "{} allocations for one object", cost.calls);
}
