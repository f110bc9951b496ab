//! Answers with something changed: TTLV is taken apart and put together without any check, as no codec would.

/// An item's bytes, padding included, and those after it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(4..8)?.try_into().ok()?;
    let length = u32::from_be_bytes(length) as usize;
    bytes.split_at_checked(8 + length.next_multiple_of(8))
}

/// The items in a structure.
fn parts(structure: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = structure.get(8..).unwrap_or_default();
    let mut parts = vec![];
    while let Some((part, after)) = split(rest) {
        parts.push(part.to_vec());
        rest = after;
    }
    parts
}

fn item(tag: u32, kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).expect("a short value");
    let [_, tag @ ..] = tag.to_be_bytes();
    let mut bytes = [&tag[..], &[kind], &length.to_be_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// A structure like that, of other parts.
fn of_parts(like: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    let tag = like.first_chunk::<3>().expect("a tag");
    let tag = u32::from_be_bytes([0, tag[0], tag[1], tag[2]]);
    item(tag, 1, &parts.concat())
}

/// Changes the batch items, the header stays.
fn with_items(answer: &[u8], change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut header = parts(answer);
    let mut items = header.split_off(1);
    change(&mut items);
    of_parts(answer, &[header, items].concat())
}

/// Changes each batch item's parts.
fn in_each_item(answer: &[u8], change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    with_items(answer, |items| {
        for item in items {
            let mut inside = parts(item);
            change(&mut inside);
            *item = of_parts(item, &inside);
        }
    })
}

/// Puts four bytes for the value of every integer or enumeration with that tag.
fn with_value(answer: &[u8], tag: u32, value: [u8; 4]) -> Vec<u8> {
    let [_, tag @ ..] = tag.to_be_bytes();
    let mut answer = answer.to_vec();
    for at in (0..answer.len()).step_by(8) {
        if answer.get(at..at + 3) == Some(&tag[..]) {
            let place = answer.get_mut(at + 8..at + 12).expect("a value");
            place.copy_from_slice(&value);
        }
    }
    answer
}

const PAYLOAD: [u8; 3] = [0x42, 0, 0x7c];

fn with_payload(answer: &[u8], change: impl Fn(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    in_each_item(answer, |inside| {
        for part in inside.iter_mut().filter(|part| part.starts_with(&PAYLOAD)) {
            let mut fields = parts(part);
            change(&mut fields);
            *part = of_parts(part, &fields);
        }
    })
}

/// So many bytes without any order.
pub fn any_bytes(count: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    noise.take(count).collect()
}

pub fn noise(answer: &[u8]) -> Vec<u8> {
    of_parts(answer, &[vec![0xa5; 64]])
}

pub fn nested(_: &[u8]) -> Vec<u8> {
    (0..=10_000_u32)
        .flat_map(|level| [[0x42, 0, 0x7b, 1], (8 * (10_000 - level)).to_be_bytes()].concat())
        .collect()
}

pub fn empty(answer: &[u8]) -> Vec<u8> {
    of_parts(answer, &[])
}

pub fn twice(answer: &[u8]) -> Vec<u8> {
    [answer, answer].concat()
}

pub fn huge(answer: &[u8]) -> Vec<u8> {
    let more = item(0x54_0001, 8, &vec![0; 17 << 20]);
    let mut all = parts(answer);
    all.push(more);
    of_parts(answer, &all)
}

pub fn swapped(answer: &[u8]) -> Vec<u8> {
    with_items(answer, |items| items.reverse())
}

pub fn item_twice(answer: &[u8]) -> Vec<u8> {
    with_items(answer, |items| items.extend(items.last().cloned()))
}

pub fn without_items(answer: &[u8]) -> Vec<u8> {
    with_items(answer, Vec::clear)
}

const BATCH_COUNT: u32 = 0x42_000d;

pub fn count_too_high(answer: &[u8]) -> Vec<u8> {
    with_value(answer, BATCH_COUNT, [0, 0, 1, 0])
}

pub fn negative_count(answer: &[u8]) -> Vec<u8> {
    with_value(answer, BATCH_COUNT, [0xff; 4])
}

/// Every version that the answer names.
fn with_version(answer: &[u8], major: u8) -> Vec<u8> {
    let answer = with_value(answer, 0x42_006a, [0, 0, 0, major]);
    with_value(&answer, 0x42_006b, [0; 4])
}

/// The same in the header alone.
fn with_header_version(answer: &[u8], major: u8) -> Vec<u8> {
    let mut all = parts(answer);
    if let Some(header) = all.first_mut() {
        *header = with_version(header, major);
    }
    of_parts(answer, &all)
}

pub fn version_9(answer: &[u8]) -> Vec<u8> {
    with_header_version(answer, 9)
}

pub fn version_1(answer: &[u8]) -> Vec<u8> {
    with_header_version(answer, 1)
}

/// It says that it speaks nothing but 1.0, and refuses that.
pub fn only_version_1(answer: &[u8]) -> Vec<u8> {
    with_version(answer, 1)
}

pub fn without_payload(answer: &[u8]) -> Vec<u8> {
    in_each_item(answer, |inside| {
        inside.retain(|part| !part.starts_with(&PAYLOAD))
    })
}

pub fn unknown_status(answer: &[u8]) -> Vec<u8> {
    with_value(answer, 0x42_007f, [0, 0, 0, 0x77])
}

pub fn unknown_tags(answer: &[u8]) -> Vec<u8> {
    with_payload(answer, |fields| {
        fields.insert(0, item(0x54_ffff, 7, b"of a vendor"));
        fields.push(item(0x42_ffff, 5, &[0, 0, 0, 9]));
    })
}

pub fn unknown_type(answer: &[u8]) -> Vec<u8> {
    with_payload(answer, |fields| fields.push(item(0x42_0094, 0x7f, &[0; 8])))
}

pub fn not_utf8(answer: &[u8]) -> Vec<u8> {
    with_payload(answer, |fields| {
        fields.insert(0, item(0x42_0094, 7, &[0xff; 8]))
    })
}
