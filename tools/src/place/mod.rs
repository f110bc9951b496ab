//! A place where keys are, ready for commands: a configured slot, its token, and the words for it.

pub mod pin;
mod watched;

use std::path::Path;
use std::sync::Arc;

use kmip_p11::config::{Config, KeyFilter, KeyKind, Slot};
use kmip_p11::model::key::Found;
use kmip_p11::provider::{CacheRules, ListingFile};
use kmip_p11::startup;
use kmip_p11::token::{SharedToken, Token};
use zeroize::Zeroizing;

use crate::arguments::Arguments;
use crate::command::CopyArguments;
use crate::failure::Failure;
use crate::person::Person;
pub use pin::PinFile;
use watched::Watched;

/// A slot and what commands need to know of it.
pub struct Place {
    /// The slot's label.
    pub label: String,
    /// Where its keys are: servers, in the order in which they are tried, or a file.
    pub places: Vec<String>,
    /// What kind of place that is.
    pub kind: String,
    /// What people call it: a server, an HSM, a keystore.
    pub noun: &'static str,
    /// Which keys are shown.
    pub filter: KeyFilter,
    /// What is asked.
    pub token: SharedToken,
    /// What opens it, if it is closed.
    pub pin: Option<Zeroizing<String>>,
    /// How long what was heard is believed.
    pub cache: CacheRules,
}

impl Place {
    /// Asks for the PIN if the token is there and gives what is wanted only to those who know it.
    fn open(
        slot: &Slot,
        pin_file: PinFile<'_>,
        only_looks: bool,
        person: &dyn Person,
    ) -> Result<Self, Failure> {
        let places = slot.backend.places();
        let token = kmip_p11::token::open(slot);
        let info = token.info();
        let asks = info.login_required && !(only_looks && info.public_is_open);
        let cache = startup::cache_rules(&slot.cache);
        let listing = cache.disk.clone();
        let listing = listing.map(|disk| ListingFile::new(disk, Arc::clone(&token)));
        let pin = match asks && token.is_present() {
            true => Some(pin::pin(&slot.label, pin_file, person)?),
            false => None,
        };
        Ok(Self {
            label: slot.label.clone(),
            kind: slot.backend.kind(),
            noun: slot.backend.noun(),
            filter: slot.keys.clone(),
            token: Arc::new(Watched::new(token, &places, pin.clone(), listing)),
            pin,
            places,
            cache,
        })
    }

    /// All keys of the token, the hidden ones too.
    pub fn find(&self) -> Result<Found, Failure> {
        Ok(self.token.survey()?)
    }

    /// Which keys are shown, in words.
    pub fn shows(&self) -> String {
        shows(&self.filter)
    }

    /// Where its keys are, as part of a sentence.
    pub fn inside(&self) -> String {
        match self.noun {
            "server" => "on the server".into(),
            noun => format!("in the {noun}"),
        }
    }

    /// What to ask.
    pub fn token(&self) -> &dyn Token {
        &*self.token
    }
}

/// The filter in words; `all` if it lets everything through that OpenSSH knows.
fn shows(filter: &KeyFilter) -> String {
    let mut parts = vec![];
    if !filter.groups.is_empty() {
        parts.push(format!("groups {}", filter.groups.join(", ")));
    }
    if !filter.names.is_empty() {
        parts.push("names that match a pattern".into());
    }
    if filter.types != KeyKind::OPENSSH {
        let types: Vec<_> = filter.types.iter().map(|kind| kind.name()).collect();
        parts.push(format!("types {}", types.join(", ")));
    }
    match parts.is_empty() {
        true => "all".into(),
        false => parts.join("; "),
    }
}

/// The configuration that the command line asks for, or the one that the module would take.
pub fn configuration(file: Option<&Path>) -> Result<Config, Failure> {
    Ok(match file {
        Some(file) => Config::load_from(file)?,
        None => startup::configuration()?,
    })
}

/// The places to work on: the one that `--slot` names, or all of them; of a key that is brought from
/// one to another, these two. Asks for the PINs that they need.
pub fn open(
    config: &Config,
    arguments: &Arguments,
    person: &dyn Person,
) -> Result<Vec<Place>, Failure> {
    if let Some(copy) = arguments.command.copying() {
        return both_ends(config, arguments, copy, person);
    }
    let wanted = |slot: &&Slot| arguments.slot.as_ref().is_none_or(|it| *it == slot.label);
    let slots: Vec<_> = config.slots.iter().filter(wanted).collect();
    if slots.is_empty() {
        let wanted = arguments.slot.as_deref().unwrap_or_default();
        return Err(no_such_slot(config, wanted));
    }
    let pin_file = PinFile::of_slot(arguments);
    let only_looks = arguments.command.only_looks();
    let open = |slot| Place::open(slot, pin_file, only_looks, person);
    slots.into_iter().map(open).collect()
}

/// Where a key is, if that is a slot, and where it is brought to.
fn both_ends(
    config: &Config,
    arguments: &Arguments,
    copy: &CopyArguments,
    person: &dyn Person,
) -> Result<Vec<Place>, Failure> {
    let target = PinFile {
        option: "--to-pin-file",
        file: copy.to_pin_file.as_deref(),
    };
    let mut places = vec![];
    if copy.from_file.is_none() {
        let home = home(config, arguments.slot.as_deref(), &copy.to)?;
        places.push(named(config, home, PinFile::of_slot(arguments), person)?);
    }
    places.push(named(config, &copy.to, target, person)?);
    Ok(places)
}

/// The slot that a key is brought from: the one that was named, or the only one beside the other.
fn home<'a>(config: &'a Config, slot: Option<&'a str>, to: &str) -> Result<&'a str, Failure> {
    let labels = config.slots.iter().map(|slot| &slot.label);
    let others: Vec<_> = labels.filter(|label| *label != to).collect();
    match (slot, others.as_slice()) {
        (Some(slot), _) if slot == to => Err(Failure::Usage(format!(
            "slot {to:?} is where the key is to be brought to: --slot names the one that it is in"
        ))),
        (Some(slot), _) => Ok(slot),
        (None, [only]) => Ok(only),
        (None, _) => Err(Failure::Usage(format!(
            "say which slot the key is in with --slot ({})",
            quoted(others.into_iter())
        ))),
    }
}

/// The place with that label.
pub fn named(
    config: &Config,
    label: &str,
    pin_file: PinFile<'_>,
    person: &dyn Person,
) -> Result<Place, Failure> {
    let slot = config.slots.iter().find(|slot| slot.label == label);
    let slot = slot.ok_or_else(|| no_such_slot(config, label))?;
    Place::open(slot, pin_file, false, person)
}

/// The complaint about a label that no slot has.
pub fn no_such_slot(config: &Config, wanted: &str) -> Failure {
    let labels = quoted(config.slots.iter().map(|slot| &slot.label));
    let file = config.path.display();
    Failure::Usage(format!("{file} has no slot {wanted:?}; it has {labels}"))
}

/// The one place to work on.
pub fn only(places: &[Place]) -> Result<&Place, Failure> {
    match places {
        [place] => Ok(place),
        _ => Err(Failure::Usage(format!(
            "several slots are configured: say which one with --slot ({})",
            quoted(places.iter().map(|place| &place.label))
        ))),
    }
}

fn quoted<'a>(labels: impl Iterator<Item = &'a String>) -> String {
    let labels: Vec<_> = labels.map(|label| format!("{label:?}")).collect();
    labels.join(", ")
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::time::Duration;

    use kmip_p11::error::TokenErrorKind;
    use kmip_p11::model::key::Key;
    use kmip_p11::model::public_key::KeyType;
    use kmip_p11::model::signature::{SignInput, SignScheme};
    use kmip_p11::token::memory::MemoryToken;
    use kmip_p11::token::{NewKey, TokenInfo};

    /// A place in front of any token.
    pub fn place(token: impl Token + 'static) -> Place {
        Place {
            label: token.info().label,
            places: vec!["kmip1.example.org:5696".into()],
            kind: "KMIP auto".into(),
            noun: "server",
            filter: KeyFilter::default(),
            token: Arc::new(token),
            pin: None,
            cache: CacheRules {
                time_to_live: Duration::from_secs(60),
                min_refresh: Duration::ZERO,
                stale: Duration::ZERO,
                disk: None,
            },
        }
    }

    /// A place in memory, without keys.
    pub fn empty(label: &str) -> Place {
        place(MemoryToken::new(label))
    }

    struct Down(String);

    impl Token for Down {
        fn info(&self) -> TokenInfo {
            MemoryToken::new(&self.0).info()
        }
        fn find(&self) -> kmip_p11::error::Result<Found> {
            Err(self.error(TokenErrorKind::Unreachable, "connection refused".into()))
        }
        fn sign(
            &self,
            _: &Key,
            _: SignScheme,
            _: SignInput<'_>,
        ) -> kmip_p11::error::Result<Vec<u8>> {
            Err(self.error(TokenErrorKind::Unreachable, "connection refused".into()))
        }
    }

    /// A place whose server does not answer.
    pub fn down(label: &str) -> Place {
        place(Down(label.into()))
    }

    /// Makes an active key.
    pub fn add(place: &Place, name: &str, key_type: KeyType) -> Key {
        let wanted = NewKey {
            groups: vec!["ssh".into()],
            ..NewKey::new(name, key_type)
        };
        place.token().generate(&wanted).unwrap()
    }

    #[test]
    fn a_change_wants_one_slot() {
        let places = [empty("a"), empty("b")];
        assert_eq!(only(&places[..1]).unwrap().label, "a");
        let Err(failure) = only(&places) else {
            panic!("two are not one")
        };
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains("--slot (\"a\", \"b\")"));
    }

    #[test]
    fn a_filter_is_told_in_words() {
        let mut filter = KeyFilter::default();
        assert_eq!(shows(&filter), "all");
        filter.groups = vec!["ssh".into(), "ca".into()];
        filter.types = vec![KeyKind::Rsa];
        assert_eq!(shows(&filter), "groups ssh, ca; types rsa");
    }
}
