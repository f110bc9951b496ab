//! Messages in JSON: whatever they are, every answer in them is read, or they are an error; and what
//! is read can be written again.
#![no_main]

use std::sync::LazyLock;

use kmip_p11::fuzzing::Reader;
use kmip_p11_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

static READER: LazyLock<Reader> = LazyLock::new(Reader::default);

fuzz_target!(|input: &[u8]| {
    let reader = &*READER;
    bounded(input, 128, || reader.json_answers(input));
    if let Some(message) = Reader::from_json(input) {
        let json = bounded(&message, 128, || Reader::in_json(&message));
        assert!(!json.is_empty());
    }
});
