//! Memory that ends where no page is: whoever reads or writes a byte further is killed there.
//!
//! # Safety
//! The `unsafe` blocks of this file map and copy to pages that belong to the value they are in.

use std::ptr::null_mut;

use cryptoki_sys::{CK_ULONG, CK_VOID_PTR};

const PAGE: usize = 4096;

/// A page to write to between two that nobody may touch.
pub struct Guarded {
    start: *mut u8,
}

impl Default for Guarded {
    fn default() -> Self {
        Self::new()
    }
}

impl Guarded {
    /// A page of zeros.
    pub fn new() -> Self {
        let (flags, none) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, libc::PROT_NONE);
        // SAFETY: see the module.
        let start = unsafe {
            let start = libc::mmap(null_mut(), 3 * PAGE, none, flags, -1, 0).cast::<u8>();
            let access = libc::PROT_READ | libc::PROT_WRITE;
            assert_eq!(libc::mprotect(start.add(PAGE).cast(), PAGE, access), 0);
            start
        };
        Self { start }
    }

    /// A place for so many bytes, which are the last ones before the end.
    pub fn room(&self, bytes: usize) -> *mut u8 {
        assert!(bytes <= PAGE);
        // SAFETY: within the page in the middle, or at its end.
        unsafe { self.start.add(2 * PAGE - bytes) }
    }

    /// These bytes before the end.
    pub fn put(&self, bytes: &[u8]) -> *mut u8 {
        let place = self.room(bytes.len());
        // SAFETY: see above; nobody else holds a reference into the page.
        unsafe { place.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        place
    }

    /// These structures before the end.
    pub fn put_all<T: Copy>(&self, things: &[T]) -> *mut T {
        let bytes = std::ptr::from_ref(things).cast::<u8>();
        // SAFETY: plain structures of C, read as bytes.
        self.put(unsafe { std::slice::from_raw_parts(bytes, size_of_val(things)) })
            .cast()
    }

    /// The last so many bytes.
    pub fn get(&self, bytes: usize) -> Vec<u8> {
        // SAFETY: see above.
        unsafe { std::slice::from_raw_parts(self.room(bytes), bytes) }.to_vec()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`.
        unsafe { libc::munmap(self.start.cast(), 3 * PAGE) };
    }
}

/// Addresses for more than 4 GiB that cost nothing until they are written to.
pub struct Vast {
    start: *mut u8,
    bytes: usize,
}

impl Vast {
    /// So many bytes, which are zero.
    pub fn new(bytes: usize) -> Self {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping.
        let start = unsafe { libc::mmap(null_mut(), bytes, access, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "{bytes} bytes of addresses");
        let start = start.cast();
        Self { start, bytes }
    }

    /// The first byte.
    pub fn start(&self) -> *mut u8 {
        self.start
    }

    /// The first byte as an attribute's value.
    pub fn value(&self) -> CK_VOID_PTR {
        self.start.cast()
    }

    /// How many there are.
    pub fn len(&self) -> CK_ULONG {
        self.bytes as CK_ULONG
    }

    /// Never.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

impl Drop for Vast {
    fn drop(&mut self) {
        // SAFETY: mapped by `new`.
        unsafe { libc::munmap(self.start.cast(), self.bytes) };
    }
}

/// The most memory that this process ever held at once, in bytes.
pub fn peak() -> usize {
    let status =
        std::fs::read_to_string("/proc/self/status").expect("Linux tells of its processes");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kilobytes.expect("the peak of the resident set") << 10
}
