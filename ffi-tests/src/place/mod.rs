//! A fresh place for keys, of any kind: the slot that names it, and tokens of it as people and programs open them.

mod kind;
mod view;

use std::any::Any;
use std::ffi::OsString;
use std::sync::Arc;

use kmip_p11::config::Config;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::KeyType;
use kmip_p11::token::memory::MemoryToken;
use kmip_p11::token::{self, NewKey, SharedToken, Token};

pub use kind::Kind;
pub use view::View;

use crate::configuration::{Configuration, SlotEntry};
use crate::keys::fresh_group;
use crate::locked::PIN;
use crate::openssh::user::User;
use crate::own_process::Surroundings;
use crate::scene::LABEL;

/// Somewhere to keep keys, that nobody else uses.
pub struct Place {
    /// What kind it is.
    pub kind: Kind,
    home: Home,
    naming: Naming,
    _alive: Vec<Box<dyn Any>>,
}

/// How the place is reached.
// One of them in a check: its size is nobody's concern.
#[allow(clippy::large_enum_variant)]
enum Home {
    /// In this process alone.
    Memory(MemoryToken),
    /// By a configuration.
    Slot {
        open: SlotEntry,
        /// Behind a PIN.
        locked: Option<LockedSlot>,
    },
}

/// A slot behind a PIN.
struct LockedSlot {
    slot: SlotEntry,
    pin: &'static str,
    /// Whether the keys are those of the slot that needs none.
    is_same_place: bool,
}

/// The place behind its PIN.
pub struct Locked {
    /// A token that the PIN opens.
    pub token: SharedToken,
    /// The PIN.
    pub pin: &'static str,
    /// An open one with the same keys.
    pub keeper: SharedToken,
}

/// What keeps the keys of this place apart from those of others on the same server.
#[derive(Debug, Clone)]
pub struct Naming {
    tag: String,
    /// An object group, where the server is shared.
    group: Option<String>,
}

impl Naming {
    /// Of a place on a server that others use, too.
    pub fn on_shared_server() -> Self {
        let tag = fresh_group();
        let group = Some(tag.clone());
        Self { tag, group }
    }

    /// Of a place of our own.
    pub fn alone() -> Self {
        Self {
            tag: fresh_group(),
            group: None,
        }
    }

    /// NAME@TAG, which no other place has.
    pub fn name(&self, name: &str) -> String {
        format!("{name}@{}", self.tag)
    }

    /// A key for use at once.
    pub fn wanted(&self, name: &str, key_type: KeyType) -> NewKey {
        NewKey {
            groups: self.group.clone().into_iter().collect(),
            ..NewKey::new(self.name(name), key_type)
        }
    }

    /// What shows the keys of this place alone.
    fn narrowed(&self, view: &View) -> View {
        let mut view = view.clone();
        if view.groups.is_empty() {
            view.groups.extend(self.group.clone());
        }
        view
    }
}

impl Place {
    fn by_slot(kind: Kind, naming: Naming, open: SlotEntry, locked: Option<LockedSlot>) -> Self {
        Self {
            kind,
            home: Home::Slot { open, locked },
            naming,
            _alive: vec![],
        }
    }

    fn keeping(mut self, alive: impl Any) -> Self {
        self._alive.push(Box::new(alive));
        self
    }

    /// NAME@TAG.
    pub fn name(&self, name: &str) -> String {
        self.naming.name(name)
    }

    /// A key for use at once, called NAME@TAG.
    pub fn wanted(&self, name: &str, key_type: KeyType) -> NewKey {
        self.naming.wanted(name, key_type)
    }

    /// A token that shows all keys of the place and needs no PIN.
    pub fn token(&self) -> SharedToken {
        self.viewed(&View::default())
    }

    /// Another that shows what that view lets through.
    pub fn viewed(&self, view: &View) -> SharedToken {
        let view = self.naming.narrowed(view);
        match &self.home {
            Home::Memory(token) => Arc::new(token.another().showing(view.filter())),
            Home::Slot { open, .. } => opened(&view.written(open.clone())),
        }
    }

    /// The place behind a PIN; `None` if this kind has none.
    pub fn locked(&self) -> Option<Locked> {
        match &self.home {
            Home::Memory(token) => Some(Locked {
                token: Arc::new(token.another().behind(PIN)),
                pin: PIN,
                keeper: self.token(),
            }),
            Home::Slot { locked, .. } => {
                let LockedSlot {
                    slot,
                    pin,
                    is_same_place,
                } = locked.as_ref()?;
                let slot = self.naming.narrowed(&View::default()).written(slot.clone());
                let keeper = match is_same_place {
                    true => self.token(),
                    false => logged_in(opened(&slot), pin),
                };
                let token = opened(&slot);
                Some(Locked { token, pin, keeper })
            }
        }
    }

    /// A configuration with the place's slot; `None` if none can name it.
    pub fn configuration(&self) -> Option<Configuration> {
        match &self.home {
            Home::Memory(_) => None,
            Home::Slot { open, .. } => Some(self.written(open)),
        }
    }

    /// A configuration with the place behind its PIN.
    pub fn locked_configuration(&self) -> Option<(Configuration, &'static str)> {
        match &self.home {
            Home::Memory(_) => None,
            Home::Slot { locked, .. } => {
                let locked = locked.as_ref()?;
                Some((self.written(&locked.slot), locked.pin))
            }
        }
    }

    #[track_caller]
    fn furnish(&self, token: &dyn Token, types: &[(&str, KeyType)]) {
        for (name, key_type) in types {
            let key = made(token, &self.wanted(name, *key_type));
            key.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    fn written(&self, slot: &SlotEntry) -> Configuration {
        let view = self.naming.narrowed(&View::default());
        let slot = view.written(slot.clone());
        // Whoever makes a key in a test wants to see it at once.
        Configuration::new(&[slot.line("cache.min_refresh = \"0s\"")])
    }
}

fn logged_in(token: SharedToken, pin: &str) -> SharedToken {
    token.login(pin).unwrap_or_else(|error| panic!("{error}"));
    token
}

/// The token of the only slot of that configuration.
#[track_caller]
fn opened(slot: &SlotEntry) -> SharedToken {
    let configuration = Configuration::new(std::slice::from_ref(slot));
    let config = Config::load_from(configuration.path());
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    token::open(config.slots.first().expect("a slot"))
}

/// The token of the environment's configuration, for a body in a process of its own.
#[track_caller]
pub fn of_environment() -> SharedToken {
    let config = Config::load().unwrap_or_else(|error| panic!("{error}"));
    let mut slots = config.slots.iter();
    let slot = slots.find(|slot| slot.label == LABEL).expect("such a slot");
    token::open(slot)
}

/// Makes a key, or takes one in where none can be made.
///
/// # Errors
/// What kept both from being done.
pub fn made(token: &dyn Token, wanted: &NewKey) -> Result<Key, Error> {
    match token.generate(wanted) {
        Err(Error::Token(error)) if error.kind == TokenErrorKind::Impossible => {
            let private = PrivateKey::generate(wanted.key_type).expect("a usual type");
            token.import(&private, wanted)
        }
        other => other,
    }
}

/// A place, by a configuration, whose keys are made.
pub struct Furnished {
    /// The place.
    pub place: Place,
    /// What programs read.
    pub configuration: Configuration,
}

impl Furnished {
    /// A fresh place with one key of each of these types, by these names.
    #[track_caller]
    pub fn of(kind: Kind, types: &[(&str, KeyType)]) -> Self {
        let place = kind.place();
        place.furnish(&*place.token(), types);
        let configuration = place.configuration();
        Self {
            configuration: configuration.expect("a kind with a slot"),
            place,
        }
    }

    /// The same behind a PIN, and that PIN.
    #[track_caller]
    pub fn locked(kind: Kind, types: &[(&str, KeyType)]) -> (Self, &'static str) {
        let place = kind.place();
        let locked = place.locked().expect("a kind with a PIN");
        place.furnish(&*locked.keeper, types);
        let configuration = place.locked_configuration();
        let (configuration, pin) = configuration.expect("a kind with a slot");
        let furnished = Self {
            configuration,
            place,
        };
        (furnished, pin)
    }

    /// Somebody whose OpenSSH uses it.
    pub fn user(&self) -> User {
        User::of(&self.configuration)
    }
}

impl Surroundings for Furnished {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        self.configuration.environment()
    }
}
