//! A look for secrets in the memory of a running process, from outside: every mapping that it can write to.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Something to look for, under a name for reports.
#[derive(Debug, Clone)]
pub struct Needle {
    /// What it is.
    pub name: String,
    /// Its bytes; 16 at least, so that none is found by chance.
    pub bytes: Vec<u8>,
}

impl Needle {
    /// A number as protocols write it, most significant byte first, and as OpenSSL and others keep it, the other way
    /// round.
    pub fn number(name: &str, bytes: &[u8]) -> [Self; 2] {
        let reversed = bytes.iter().rev().copied().collect();
        [
            (name.to_owned(), bytes.to_vec()),
            (format!("{name}, reversed"), reversed),
        ]
        .map(|(name, bytes)| Self { name, bytes })
    }

    /// Bytes as they are.
    pub fn bytes(name: &str, bytes: &[u8]) -> Self {
        let (name, bytes) = (name.to_owned(), bytes.to_vec());
        Self { name, bytes }
    }
}

/// What one look came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sighting {
    /// The names of what was found.
    pub found: Vec<String>,
    /// Bytes that were looked at.
    pub looked_at: usize,
}

/// Looks through the memory of that process; it runs on meanwhile.
#[track_caller]
pub fn look(process: libc::pid_t, needles: &[Needle]) -> Sighting {
    assert!(needles.iter().all(|needle| needle.bytes.len() >= 16));
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).expect("a living process");
    let memory = File::open(format!("/proc/{process}/mem")).expect("leave to read its memory");
    let mut sighting = Sighting::default();
    for (start, end) in maps.lines().filter_map(writable) {
        let mut bytes = vec![0; end - start];
        // Pages without memory behind them, and mappings that are gone since, cannot be read.
        let Ok(read) = memory.read_at(&mut bytes, start as u64) else {
            continue;
        };
        bytes.truncate(read);
        sighting.looked_at += read;
        for needle in needles {
            if has(&bytes, &needle.bytes) && !sighting.found.contains(&needle.name) {
                sighting.found.push(needle.name.clone());
            }
        }
    }
    sighting
}

/// The names of what is in these bytes, a core file's for instance.
pub fn within(bytes: &[u8], needles: &[Needle]) -> Vec<String> {
    let found = needles.iter().filter(|needle| has(bytes, &needle.bytes));
    found.map(|needle| needle.name.clone()).collect()
}

fn writable(line: &str) -> Option<(usize, usize)> {
    let mut words = line.split(' ');
    let (start, end) = words.next()?.split_once('-')?;
    let flags = words.next()?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    (flags.starts_with("rw") && !line.ends_with("[vvar]")).then_some((number(start)?, number(end)?))
}

/// By the first byte first: scans have to be fast enough to see what is there for a moment.
fn has(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((first, _)) = needle.split_first() else {
        return false;
    };
    let mut rest = bytes;
    while let Some(at) = memchr(*first, rest) {
        let Some(candidate) = rest.get(at..) else {
            return false;
        };
        if candidate.starts_with(needle) {
            return true;
        }
        rest = candidate.get(1..).unwrap_or_default();
    }
    false
}

fn memchr(byte: u8, bytes: &[u8]) -> Option<usize> {
    // SAFETY: the range is that of the slice.
    let found = unsafe { libc::memchr(bytes.as_ptr().cast(), byte.into(), bytes.len()) };
    (!found.is_null()).then(|| found as usize - bytes.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_memory_is_found_and_what_is_not_is_not() {
        let there: Vec<u8> = (0..64).map(|n| n * 3 + 17).collect();
        let absent: Vec<u8> = (0..32).map(|n| n * 5 + 2).collect();
        // The needles themselves are in this memory, too, unless they are made up while it is looked at.
        let found = within(&there, &Needle::number("n", &there[5..40]));
        assert_eq!(found, ["n"]);
        assert_eq!(
            within(&there, &[Needle::bytes("x", &absent)]),
            Vec::<String>::new()
        );
        let sighting = look(
            std::process::id() as libc::pid_t,
            &[Needle::bytes("n", &there)],
        );
        assert_eq!(sighting.found, ["n"]);
        assert!(sighting.looked_at > 1 << 16);
    }
}
