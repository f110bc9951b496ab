//! Messages of servers: whatever they are, every answer in them is read, or they are an error.
#![no_main]

use std::sync::LazyLock;

use kmip_p11::fuzzing::Reader;
use kmip_p11_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Reader> = LazyLock::new(Reader::default);

fuzz_target!(|input: &[u8]| {
    let reader = &*READER;
    bounded(input, 64, || reader.answers(input.to_vec()));
});
