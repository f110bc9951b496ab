//! Objects of servers: from attributes and key blocks to the keys that programs see.
#![no_main]

use std::sync::LazyLock;

use kmip_p11::fuzzing::{self, Reader};
use kmip_p11_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Reader> = LazyLock::new(Reader::default);

fuzz_target!(|input: &[u8]| {
    let reader = &*READER;
    let listed = bounded(input, 256, || fuzzing::objects(reader, input.to_vec()));
    if let Some((told, found)) = listed {
        assert_eq!(told == 0, found.keys.is_empty());
        assert!(found.keys.iter().all(|key| !key.key_id.is_empty()));
    }
});
