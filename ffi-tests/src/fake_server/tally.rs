//! Counts of what a server was asked, so that tests can hold the module to its round trips.

use std::collections::BTreeMap;
use std::sync::Mutex;

use kmip_p11::kmip::Operation;

/// What came to the server since it was started, or since it was last asked to count anew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// TCP connections that were accepted.
    pub connections: usize,
    /// Messages that were read.
    pub messages: usize,
    /// Batch items by operation.
    pub operations: BTreeMap<u32, usize>,
}

impl Tally {
    /// How often that was asked.
    pub fn of(&self, operation: Operation) -> usize {
        self.operations.get(&operation.0).copied().unwrap_or(0)
    }
}

/// A tally that grows.
#[derive(Default)]
pub struct Counter(Mutex<Tally>);

impl Counter {
    /// A connection came.
    pub fn connected(&self) {
        self.with(|tally| tally.connections += 1);
    }

    /// A message came with these operations.
    pub fn asked(&self, operations: impl IntoIterator<Item = u32>) {
        self.with(|tally| {
            tally.messages += 1;
            for operation in operations {
                *tally.operations.entry(operation).or_default() += 1;
            }
        });
    }

    /// So far.
    pub fn tally(&self) -> Tally {
        self.with(|tally| tally.clone())
    }

    /// Counts from zero again; what was counted till now.
    pub fn restart(&self) -> Tally {
        self.with(std::mem::take)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Tally) -> T) -> T {
        change(&mut self.0.lock().expect("nothing panics with it"))
    }
}
