//! Names of tags and enumerations, as JSON has them: words in capitals, joined.
//!
//! Implementations agree on names of letters, digits and spaces ("Create Key Pair" is `CreateKeyPair`), but not on others: the
//! specification makes `P_256` of P-256, Cosmian takes only `P256`. So the numbers of such enumerations are written, which all
//! have to take; but tags always by name, since Cosmian passes over those that are numbers. All forms are read.

use crate::kmip::enums;
use crate::kmip::tags::Tag;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The name of a tag as the specification has it: "IV/Counter/Nonce" is `IVCounterNonce`, "PKCS#12" would be `PKCS_12`.
pub(super) fn in_camel_case(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    let mut word_begins = true;
    for (place, letter) in name.char_indices() {
        if letter.is_ascii_alphanumeric() {
            written.push(match word_begins {
                true => letter.to_ascii_uppercase(),
                false => letter,
            });
            word_begins = false;
            continue;
        }
        let next = name.get(place + 1..).and_then(|rest| rest.chars().next());
        if letter != ' ' && next.is_none_or(|next| !next.is_ascii_alphabetic()) {
            written.push('_');
        }
        word_begins = true;
    }
    written
}

/// Whether all write that name in the same way.
fn is_plain(name: &str) -> bool {
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ');
    letters && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// What all spellings of a name have in common: "3DES" and `DES3`, "Item Not Found" and `Item_Not_Found`.
fn essence(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let all: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    let rest = all.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = all.strip_suffix(rest).unwrap_or_default();
    [rest, digits].concat()
}

/// The tag of that name.
pub(super) fn tag(name: &str) -> Option<Tag> {
    static TAGS: LazyLock<HashMap<String, Tag>> = LazyLock::new(|| {
        let known = Tag::KNOWN.iter();
        known
            .map(|(number, name)| (essence(name), Tag(*number)))
            .collect()
    });
    TAGS.get(&essence(name)).copied()
}

/// The number that a name stands for under that tag.
pub(super) fn enumerated(tag: Tag, name: &str) -> Option<u32> {
    let essence_of_it = essence(name);
    let mut known = enums::names_under(tag)?.iter();
    let found = known.find(|(_, known)| essence(known) == essence_of_it);
    found.map(|(number, _)| *number).or_else(|| {
        let mut theirs = COSMIANS.iter();
        let found = theirs.find(|(of, theirs, _)| *of == tag && *theirs == name);
        found.map(|(_, _, number)| *number)
    })
}

/// Names of Cosmian's own, with the numbers that it sends in TTLV.
const COSMIANS: &[(Tag, &str, u32)] = &[
    (Tag::RECOMMENDED_CURVE, "CURVEED25519", 0x8000_0001),
    (Tag::RECOMMENDED_CURVE, "CURVEED448", 0x8000_0002),
];

/// The name of a number under that tag, if it can be written.
pub(super) fn of_number(tag: Tag, number: u32) -> Option<String> {
    let mut known = enums::names_under(tag)?.iter();
    let (_, name) = known.find(|(known, _)| *known == number)?;
    is_plain(name).then(|| in_camel_case(name))
}

/// The bit that a name stands for in the mask of that tag.
pub(super) fn bit(tag: Tag, name: &str) -> Option<u32> {
    let names = match tag {
        Tag::CRYPTOGRAPHIC_USAGE_MASK => USAGE,
        Tag::STORAGE_STATUS_MASK => STORAGE,
        _ => return None,
    };
    let essence_of_it = essence(name);
    let place = names
        .iter()
        .position(|known| essence(known) == essence_of_it)?;
    Some(1 << place)
}

/// The bits of Cryptographic Usage Mask from the lowest on (KMIP 2.1 section 12).
const USAGE: &[&str] = &[
    "Sign",
    "Verify",
    "Encrypt",
    "Decrypt",
    "Wrap Key",
    "Unwrap Key",
    "Export",
    "MAC Generate",
    "MAC Verify",
    "Derive Key",
    "Content Commitment",
    "Key Agreement",
    "Certificate Sign",
    "CRL Sign",
    "Generate Cryptogram",
    "Validate Cryptogram",
    "Translate Encrypt",
    "Translate Decrypt",
    "Translate Wrap",
    "Translate Unwrap",
    "Authenticate",
    "Unrestricted",
    "FPE Encrypt",
    "FPE Decrypt",
];

/// The bits of Storage Status Mask (KMIP 2.1 section 12).
const STORAGE: &[&str] = &["On-line storage", "Archival storage", "Destroyed storage"];
