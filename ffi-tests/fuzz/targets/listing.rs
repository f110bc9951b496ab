//! The listing on disk: any bytes behind the checksum are a listing or an error, and a listing is
//! written as it was read.
#![no_main]

use kmip_p11::fuzzing;
use kmip_p11_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let kept = bounded(input, 64, || fuzzing::listing(input));
    if let Ok(kept) = kept {
        let written = fuzzing::written(&kept).expect("what was read can be written");
        assert_eq!(fuzzing::listing(&written), Ok(kept));
    }
});
