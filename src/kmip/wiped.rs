//! Buffers for secrets: what they leave behind when they grow or go is overwritten.

use zeroize::Zeroizing;

/// Bytes that are overwritten when dropped.
pub(super) type Wiped = Zeroizing<Vec<u8>>;

/// Appends without leaving a copy: a vector that grows by itself gives its old memory back as it is.
pub(super) fn append(buffer: &mut Wiped, bytes: &[u8]) {
    let needed = buffer.len() + bytes.len();
    if needed > buffer.capacity() {
        let capacity = needed.max(2 * buffer.capacity()).max(1024);
        let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(bytes);
}
