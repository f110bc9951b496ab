//! The TTLV reader: any bytes are a message or an error, and a message can be walked to its end.
#![no_main]

use kmip_p11::kmip::ttlv::{Frame, Item, Limits};
use kmip_p11_fuzz::bounded;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    bounded(input, 64, || {
        if let Ok(frame) = Frame::parse(input.to_vec().into(), &Limits::default()) {
            walk(frame.root());
        }
    });
});

fn walk(item: Item<'_>) {
    let _ = (item.integer(), item.long_integer(), item.big_integer());
    let _ = (item.enumeration(), item.boolean(), item.text());
    let _ = (item.bytes(), item.date_time(), item.interval());
    let _ = (item.date_time_extended(), item.raw());
    assert!(item.raw().len() < 1 << 30);
    item.children().for_each(walk);
}
