//! The kinds of place, and how a fresh one of each is made.

use kmip_p11::token::memory::MemoryToken;

use super::{Home, Naming, Place};
use crate::configuration::SlotEntry;
use crate::fake_server::FakeServer;
use crate::kmip_server::ServerKind;
use crate::locked::{PIN, encrypt};
use crate::scene::LABEL;
use crate::scratch::Scratch;

/// What keeps the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The process itself.
    Memory,
    /// A KMIP server in this process that does all that our client asks.
    FakeKmip,
    /// PyKMIP. It signs no digests: the slot lets keys be used in the process.
    PyKmip,
    /// Cosmian KMS.
    Cosmian,
}

impl Kind {
    /// All of them, in the order of the document's columns.
    pub const ALL: [Self; 4] = [Self::Memory, Self::FakeKmip, Self::PyKmip, Self::Cosmian];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::FakeKmip => "fake KMIP",
            Self::PyKmip => "PyKMIP",
            Self::Cosmian => "Cosmian",
        }
    }

    /// False if its tests are not wanted: said aloud.
    pub fn is_wanted(self, test: &str) -> bool {
        self != Self::Cosmian || ServerKind::Cosmian.is_wanted(test)
    }

    /// A fresh place.
    pub fn place(self) -> Place {
        match self {
            Self::Memory => Place {
                kind: self,
                home: Home::Memory(MemoryToken::new(LABEL)),
                naming: Naming::alone(),
                _alive: vec![],
            },
            Self::FakeKmip => {
                let server = FakeServer::with(|_| ()).start();
                let slot = SlotEntry::new(LABEL, server.endpoint());
                self.on_kmip(Naming::alone(), slot).keeping(server)
            }
            Self::PyKmip => self.on_server(ServerKind::PyKmip),
            Self::Cosmian => self.on_server(ServerKind::Cosmian),
        }
    }

    fn on_server(self, server: ServerKind) -> Place {
        let slot = SlotEntry::new(LABEL, server.shared().endpoint("alice"));
        let slot = match server.signs_digests() {
            true => slot,
            false => slot.local_use(),
        };
        self.on_kmip(Naming::on_shared_server(), slot)
    }

    /// The PIN is the passphrase of the client key.
    fn on_kmip(self, naming: Naming, open: SlotEntry) -> Place {
        let files = Scratch::new();
        let key = files.file("client.key");
        encrypt(&open.key_file(), &key);
        let locked = open.clone().with_key_file(&key);
        let locked = locked.line("kmip.pin = \"key_passphrase\"");
        Place::by_slot(self, naming, open, Some((locked, PIN))).keeping(files)
    }
}
