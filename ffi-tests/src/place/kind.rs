//! The kinds of place, and how a fresh one of each is made.

use kmip_p11::config::{Backend, Config};
use kmip_p11::token::memory::MemoryToken;
use kmip_p11::token::{DeliveryTask, Token, keystore};

use super::{Home, LockedSlot, Naming, Place};
use crate::configuration::{Configuration, SlotEntry};
use crate::fake_server::FakeServer;
use crate::hsm::{self, Hsm, Vendor};
use crate::kmip_server::{LentServer, ServerKind};
use crate::locked::{PIN, encrypt};
use crate::own_process::Surroundings;
use crate::postgres_server::PostgresServer;
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
    /// SoftHSM2, loaded into the process.
    Hsm,
    /// SoftHSM2 in a process of its own.
    HsmProcess,
    /// kryoptic, loaded into the process.
    Kryoptic,
    /// kryoptic in a process of its own.
    KryopticProcess,
    /// Cosmian KMS keeps the keys, SoftHSM2 uses them.
    Delivered,
    /// A keystore in an SQLite file.
    KeystoreSqlite,
    /// A keystore in a Postgres database.
    KeystorePostgres,
}

impl Kind {
    /// All of them, in the order of the document's columns.
    pub const ALL: [Self; 11] = [
        Self::Memory,
        Self::FakeKmip,
        Self::PyKmip,
        Self::Cosmian,
        Self::Hsm,
        Self::HsmProcess,
        Self::Kryoptic,
        Self::KryopticProcess,
        Self::Delivered,
        Self::KeystoreSqlite,
        Self::KeystorePostgres,
    ];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::FakeKmip => "fake KMIP",
            Self::PyKmip => "PyKMIP",
            Self::Cosmian => "Cosmian",
            Self::Hsm => "SoftHSM2",
            Self::HsmProcess => "SoftHSM2, own process",
            Self::Kryoptic => "kryoptic",
            Self::KryopticProcess => "kryoptic, own process",
            Self::Delivered => "KMIP + SoftHSM2",
            Self::KeystoreSqlite => "keystore SQLite",
            Self::KeystorePostgres => "keystore Postgres",
        }
    }

    /// False if its tests are not wanted: said aloud.
    pub fn is_wanted(self, test: &str) -> bool {
        let is_cosmian = matches!(self, Self::Cosmian | Self::Delivered);
        !is_cosmian || ServerKind::Cosmian.is_wanted(test)
    }

    /// A fresh place.
    pub fn place(self) -> Place {
        match self {
            Self::Memory => Place {
                kind: self,
                home: Home::Memory(MemoryToken::new(LABEL)),
                naming: Naming::alone(),
                hsm: None,
                _alive: vec![],
            },
            Self::FakeKmip => {
                let server = FakeServer::with(|_| ()).start();
                let slot = SlotEntry::new(LABEL, server.endpoint());
                self.on_kmip(Naming::alone(), slot).keeping(server)
            }
            Self::PyKmip => self.on_server(ServerKind::PyKmip),
            Self::Cosmian => self.on_server(ServerKind::Cosmian),
            Self::Hsm | Self::HsmProcess => self.on_hsm(Vendor::SoftHsm),
            Self::Kryoptic | Self::KryopticProcess => self.on_hsm(Vendor::Kryoptic),
            Self::Delivered => self.delivered(),
            Self::KeystoreSqlite => self.in_sqlite(),
            Self::KeystorePostgres => self.in_postgres(),
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
        let locked = LockedSlot {
            slot: locked.line("kmip.pin = \"key_passphrase\""),
            pin: PIN,
        };
        Place::by_slot(self, naming, open, Some(locked)).keeping(files)
    }

    fn in_sqlite(self) -> Place {
        let files = Scratch::new();
        let path = |name: &str| format!("keystore.path = {:?}", files.file(name));
        let (open, locked) = (path("open.db"), path("locked.db"));
        self.in_keystores(files, open, locked)
    }

    /// Two databases of a server that all places share, over its socket.
    fn in_postgres(self) -> Place {
        let server = PostgresServer::shared();
        let database = || {
            let name = server.new_database();
            format!("keystore.postgres = {:?}", server.by_socket("alice", &name))
        };
        self.in_keystores(Scratch::new(), database(), database())
    }

    /// Sealed by a file, and another one sealed by a PIN.
    fn in_keystores(self, files: Scratch, open: String, locked: String) -> Place {
        let of = |line: String| SlotEntry::bare(LABEL).line(line);
        let seal = files.file("seal");
        let open = of(open).line("keystore.seal = \"file\"");
        let open = open.line(format!("keystore.seal_file = {seal:?}"));
        let locked = of(locked).line("keystore.seal = \"pin\"");
        created(&open, None);
        created(&locked, Some(PIN));
        let locked = LockedSlot {
            slot: locked,
            pin: PIN,
        };
        Place::by_slot(self, Naming::alone(), open, Some(locked)).keeping(files)
    }

    /// Whose module its slot has.
    pub fn vendor(self) -> Option<Vendor> {
        match self {
            Self::Hsm | Self::HsmProcess | Self::Delivered => Some(Vendor::SoftHsm),
            Self::Kryoptic | Self::KryopticProcess => Some(Vendor::Kryoptic),
            _ => None,
        }
    }

    fn on_hsm(self, vendor: Vendor) -> Place {
        self.on_token(vendor, Naming::alone(), SlotEntry::bare(LABEL))
    }

    /// From Cosmian into a token of its own; set up at once where the module finds the token.
    fn delivered(self) -> Place {
        let vendor = Vendor::SoftHsm;
        let endpoint = match vendor.conf_of_environment() {
            None => ServerKind::Cosmian.shared().endpoint("alice"),
            Some(_) => LentServer.endpoint("alice"),
        };
        let slot = SlotEntry::new(LABEL, endpoint)
            .line("delivery.wrapping_key = \"kek\"")
            .line("delivery.wrap = \"aes-kwp\"");
        let place = self.on_token(vendor, Naming::on_shared_server(), slot);
        if place.hsm.is_none() {
            set_up(&*place.token());
        }
        place
    }

    /// On a token of its own: in surroundings with tokens, on the next of them.
    fn on_token(self, vendor: Vendor, naming: Naming, slot: SlotEntry) -> Place {
        let hsm = match vendor.conf_of_environment() {
            None => Some(Hsm::new(vendor)),
            Some(_) => None,
        };
        let (token, directory) = match &hsm {
            Some(hsm) => (hsm::TOKEN.to_owned(), hsm.directory().to_owned()),
            None => hsm::next_token(vendor),
        };
        let pin = hsm::pin_file(&directory);
        let slot = slot
            .line(format!("hsm.module = {:?}", vendor.module()))
            .line(format!("hsm.token = {token:?}"));
        let slot = match self {
            Self::HsmProcess | Self::KryopticProcess => slot.line(hsm::in_a_process("20s")),
            _ => slot,
        };
        let locked = LockedSlot {
            slot: slot.clone(),
            pin: hsm::PIN,
        };
        let open = slot.line(format!("hsm.pin_file = {pin:?}"));
        let mut place = Place::by_slot(self, naming, open, Some(locked));
        place.hsm = hsm;
        place
    }

    /// Whether its tests need surroundings that this process does not have.
    pub fn needs_a_process(self) -> bool {
        self.vendor().is_some()
    }

    /// Surroundings in which so many places can be made, one after the other.
    pub fn surroundings(self, places: usize) -> Box<dyn Surroundings> {
        let vendor = self.vendor().expect("a kind with an HSM");
        let tokens = Hsm::with_tokens(vendor, places);
        match self {
            Self::Delivered => Box::new((tokens, ServerKind::Cosmian.shared())),
            _ => Box::new(tokens),
        }
    }
}

/// Makes the wrapping key of a slot that has one.
#[track_caller]
pub fn set_up(token: &dyn Token) {
    let told = token.delivery(DeliveryTask::SetUp);
    told.unwrap_or_else(|error| panic!("{error}"));
}

/// Makes the keystore of that slot.
#[track_caller]
fn created(slot: &SlotEntry, pin: Option<&str>) {
    let configuration = Configuration::new(std::slice::from_ref(slot));
    let config = Config::load_from(configuration.path());
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    let slot = config.slots.first().expect("a slot");
    let Backend::Keystore(keystore) = &slot.backend else {
        panic!("{:?} is no keystore", slot.label);
    };
    let made = keystore::create(&slot.label, keystore, pin);
    made.unwrap_or_else(|error| panic!("{error}"));
}
