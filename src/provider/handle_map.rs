//! Numbers that C callers hold for things of ours: never zero, never used twice.

use std::collections::HashMap;
use std::sync::Arc;

use cryptoki_sys::CK_ULONG;
use parking_lot::Mutex;

/// A map that gives each thing put into it a new handle.
pub struct HandleMap<T> {
    inner: Mutex<Inner<T>>,
}

struct Inner<T> {
    last: CK_ULONG,
    things: HashMap<CK_ULONG, Arc<T>>,
}

impl<T> Default for HandleMap<T> {
    fn default() -> Self {
        let things = HashMap::new();
        let inner = Mutex::new(Inner { last: 0, things });
        Self { inner }
    }
}

impl<T> HandleMap<T> {
    /// Keeps `thing`; the answer is its handle.
    pub fn insert(&self, thing: T) -> CK_ULONG {
        let mut inner = self.inner.lock();
        inner.last += 1;
        let handle = inner.last;
        inner.things.insert(handle, Arc::new(thing));
        handle
    }

    /// The thing with that handle; it lives on while someone works with it.
    pub fn get(&self, handle: CK_ULONG) -> Option<Arc<T>> {
        self.inner.lock().things.get(&handle).cloned()
    }

    /// Lets go of the thing with that handle.
    pub fn remove(&self, handle: CK_ULONG) -> Option<Arc<T>> {
        self.inner.lock().things.remove(&handle)
    }

    /// Everything there is, in no order.
    pub fn all(&self) -> Vec<(CK_ULONG, Arc<T>)> {
        let inner = self.inner.lock();
        inner.things.iter().map(|(&h, t)| (h, t.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_start_at_one_and_are_never_reused() {
        let map = HandleMap::default();
        let (a, b) = (map.insert('a'), map.insert('b'));
        assert_eq!((a, b), (1, 2));
        assert_eq!(map.remove(b).as_deref(), Some(&'b'));
        assert_eq!(map.insert('c'), 3);
        assert_eq!(map.get(b), None);
        assert_eq!(map.all().len(), 2);
    }
}
