//! A fresh place for keys, of any kind: the slot that names it, and tokens of it as people and programs open them.

mod kind;
mod view;

use std::any::Any;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use kmip_p11::config::Config;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::KeyType;
use kmip_p11::token::memory::MemoryToken;
use kmip_p11::token::{self, NewKey, Revocation, SharedToken, Token};

pub use kind::{Kind, set_up};
pub use view::View;

use crate::configuration::{Configuration, SlotEntry};
use crate::hsm::{self, Hsm};
use crate::keys::fresh_group;
use crate::locked::PIN;
use crate::openssh::user::User;
use crate::own_process::Surroundings;

/// Somewhere to keep keys, that nobody else uses.
pub struct Place {
    /// What kind it is.
    pub kind: Kind,
    home: Home,
    naming: Naming,
    /// Its tokens, if we have made them.
    hsm: Option<Hsm>,
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

/// A slot behind a PIN: perhaps the same keys, perhaps others.
struct LockedSlot {
    slot: SlotEntry,
    pin: &'static str,
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
        // Places in other processes have the same server.
        let tag = format!("{}-{}", fresh_group(), std::process::id());
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
            hsm: None,
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

    /// A place behind a PIN, which may be another one, and the PIN; `None` if this kind has none.
    pub fn locked(&self) -> Option<(SharedToken, &'static str)> {
        match &self.home {
            Home::Memory(token) => Some((Arc::new(token.another().behind(PIN)), PIN)),
            Home::Slot { locked, .. } => {
                let LockedSlot { slot, pin } = locked.as_ref()?;
                let slot = self.naming.narrowed(&View::default()).written(slot.clone());
                Some((opened(&slot), pin))
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

    /// What a process needs around it to reach the place.
    pub fn variables(&self) -> Vec<(&'static str, OsString)> {
        let Some(vendor) = self.kind.vendor() else {
            return vec![];
        };
        let conf = match &self.hsm {
            Some(hsm) => Some(hsm.conf()),
            None => vendor.conf_of_environment(),
        };
        let variable = |conf: PathBuf| (vendor.variable(), conf.into());
        conf.map(variable).into_iter().collect()
    }

    fn written(&self, slot: &SlotEntry) -> Configuration {
        let view = self.naming.narrowed(&View::default());
        let slot = view.written(slot.clone());
        // Whoever makes a key in a test wants to see it at once.
        Configuration::new(&[slot.line("cache.min_refresh = \"0s\"")])
    }
}

/// The token of the only slot of that configuration.
#[track_caller]
fn opened(slot: &SlotEntry) -> SharedToken {
    let configuration = Configuration::new(std::slice::from_ref(slot));
    let config = Config::load_from(configuration.path());
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    token::open(config.slots.first().expect("a slot"))
}

/// Ends a key: revoked first, where there are states.
///
/// # Errors
/// What kept it from being done.
pub fn ended(token: &dyn Token, key: &Key) -> Result<(), Error> {
    let why = Revocation {
        compromised: false,
        message: None,
    };
    match token.revoke(key, &why) {
        Err(Error::Token(error)) if error.kind == TokenErrorKind::Impossible => {}
        other => other?,
    }
    token.destroy(key)
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

/// A place, and the configuration by which programs reach it.
pub struct Furnished {
    /// The place.
    pub place: Place,
    /// What programs read.
    pub configuration: Configuration,
    /// Opens it, if it is not empty.
    pub pin: &'static str,
}

impl Furnished {
    /// A fresh place without keys.
    pub fn empty(kind: Kind) -> Self {
        let place = kind.place();
        let configuration = place.configuration();
        Self {
            configuration: configuration.expect("a kind with a slot"),
            place,
            pin: "",
        }
    }

    /// The same behind a PIN.
    pub fn locked(kind: Kind) -> Self {
        let place = kind.place();
        let (configuration, pin) = place.locked_configuration().expect("a kind with a PIN");
        Self {
            configuration,
            place,
            pin,
        }
    }

    /// With one key of each of these types, by these names. An HSM's module finds its tokens by a variable
    /// that this process does not have: other programs make its keys.
    #[track_caller]
    pub fn with(self, types: &[(&str, KeyType)]) -> Self {
        let token = || self.place.token();
        for (name, key_type) in types {
            match &self.place.hsm {
                Some(hsm) => hsm.add_key(hsm::kind(*key_type), name, hsm::TOKEN),
                None => {
                    let key = made(&*token(), &self.place.wanted(name, *key_type));
                    key.unwrap_or_else(|error| panic!("{name}: {error}"));
                }
            }
        }
        self
    }

    /// Somebody whose OpenSSH uses it.
    pub fn user(&self) -> User {
        let user = User::of(&self.configuration);
        let variables = self.place.variables().into_iter();
        variables.fold(user, |user, (name, value)| user.with_variable(name, value))
    }
}

impl Surroundings for Furnished {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        [self.configuration.environment(), self.place.variables()].concat()
    }
}
