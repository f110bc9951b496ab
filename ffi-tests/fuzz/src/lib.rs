//! What the fuzz targets share: a bound on the memory that an input may cost.

#[path = "../../src/counting_allocator.rs"]
mod counting_allocator;

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use counting_allocator::{Allocated, CountingAllocator};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Allocated whatever the input is.
pub const BASE: usize = 64 << 10;

/// The largest ratio seen, in hundredths of a byte for a byte of input.
static LARGEST: AtomicUsize = AtomicUsize::new(0);

/// Inputs that are shorter than this say nothing of ratios.
const LONG: usize = 256;

/// Does something with an input, and panics if all the allocations that it made together have more
/// than `factor` bytes for each byte of the input, and [`BASE`]. Tells of each new largest ratio of
/// the two, for inputs of 256 bytes and more.
///
/// # Panics
/// See above; to libFuzzer that is a crash.
pub fn bounded<T>(input: &[u8], factor: usize, body: impl FnOnce() -> T) -> T {
    let before = Allocated::now();
    let result = body();
    let allocated = Allocated::now().since(before).bytes;
    let bound = factor * input.len() + BASE;
    assert!(
        allocated <= bound,
        "{allocated} bytes are allocated for {} bytes of input; the bound is {bound}",
        input.len()
    );
    let ratio = 100 * allocated / input.len().max(LONG);
    if input.len() >= LONG && ratio > LARGEST.fetch_max(ratio, Relaxed) {
        eprintln!("largest ratio: {}.{:02}", ratio / 100, ratio % 100);
    }
    result
}
