//! Whether this process has more rights than the person who started it, so that the environment,
//! which is that person's, must not decide anything.

use std::fs;

/// `AT_SECURE` in the kernel's auxiliary vector (`getauxval(3)`): set when the program was started
/// set-user-ID, set-group-ID or with file capabilities.
const AT_SECURE: usize = 23;

/// True if the process runs with raised privileges.
///
/// Three signs, because none alone is enough: the IDs differ (a set-ID program that may still
/// switch back); the kernel's mark, which also catches a set-user-ID program that has become
/// root altogether; and capabilities that were gained and not inherited, because the kernel's mark
/// cannot be read by an ordinary user in just those programs.
///
/// Debian's set-group-ID `ssh-agent` drops its group for good before it starts
/// `ssh-pkcs11-helper`, so the helper, where a provider runs, shows none of the three.
pub fn raised() -> bool {
    ids_differ() || marked_by_kernel() || capabilities_gained()
}

fn ids_differ() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

fn marked_by_kernel() -> bool {
    fs::read("/proc/self/auxv").is_ok_and(|vector| marks_secure(&vector))
}

/// Looks for a non-zero `AT_SECURE` among the (type, value) pairs of machine words.
fn marks_secure(vector: &[u8]) -> bool {
    const WORD: usize = size_of::<usize>();
    vector.as_chunks::<WORD>().0.chunks_exact(2).any(|pair| {
        matches!(pair, [kind, value]
            if usize::from_ne_bytes(*kind) == AT_SECURE && usize::from_ne_bytes(*value) != 0)
    })
}

fn capabilities_gained() -> bool {
    // Root has its capabilities by being root.
    !rustix::process::getuid().is_root()
        && fs::read_to_string("/proc/self/status").is_ok_and(|status| gained(&status))
}

/// True if the process may use a capability that is not ambient, that is, inherited.
fn gained(status: &str) -> bool {
    let set = |name| {
        let value = status.lines().find_map(|line| line.strip_prefix(name))?;
        u64::from_str_radix(value.trim(), 16).ok()
    };
    match (set("CapPrm:"), set("CapAmb:")) {
        (Some(permitted), Some(ambient)) => permitted & !ambient != 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(pairs: &[(usize, usize)]) -> Vec<u8> {
        let words = pairs.iter().flat_map(|(kind, value)| [*kind, *value]);
        words.flat_map(usize::to_ne_bytes).collect()
    }

    #[test]
    fn a_test_has_no_raised_privileges() {
        assert!(!raised());
    }

    #[test]
    fn the_kernels_mark_is_found() {
        assert!(marks_secure(&vector(&[(6, 4096), (23, 1), (0, 0)])));
        assert!(!marks_secure(&vector(&[(6, 4096), (23, 0), (0, 0)])));
        assert!(!marks_secure(&vector(&[(1, 23), (2, 1)])));
        assert!(!marks_secure(b"short"));
    }

    #[test]
    fn only_capabilities_that_were_not_inherited_count() {
        assert!(gained(
            "CapPrm:\t0000000000000400\nCapAmb:\t0000000000000000\n"
        ));
        assert!(!gained(
            "CapPrm:\t0000000000000400\nCapAmb:\t0000000000000400\n"
        ));
        assert!(!gained("CapPrm:\t0000000000000000\n"));
    }
}
