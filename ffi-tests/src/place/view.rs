//! What a slot shows of its place: the keys.* of its configuration.

use kmip_p11::config::{KeyFilter, KeyKind};

use crate::configuration::SlotEntry;

/// Empty lists show everything.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// keys.groups
    pub groups: Vec<String>,
    /// keys.names
    pub names: Vec<String>,
    /// keys.types
    pub types: Vec<KeyKind>,
}

impl View {
    /// That slot with what this says.
    pub fn written(&self, slot: SlotEntry) -> SlotEntry {
        let types: Vec<_> = self.types.iter().map(|kind| kind.name()).collect();
        let lines = [
            ("groups", format!("{:?}", self.groups)),
            ("names", format!("{:?}", self.names)),
            ("types", format!("{types:?}")),
        ];
        let said = lines.iter().filter(|(_, list)| list != "[]");
        said.fold(slot, |slot, (key, list)| {
            slot.line(format!("keys.{key} = {list}"))
        })
    }

    /// The same for a token that no configuration names.
    pub fn filter(&self) -> KeyFilter {
        let mut filter = KeyFilter {
            groups: self.groups.clone(),
            names: self.names.iter().collect(),
            ..KeyFilter::default()
        };
        if !self.types.is_empty() {
            filter.types = self.types.clone();
        }
        filter
    }
}
