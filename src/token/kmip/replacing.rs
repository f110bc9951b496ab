//! A new pair in the place of another: made by the server, once, with the names of the one that it replaces.

use std::thread::sleep;
use std::time::Duration;

use super::KmipToken;
use super::failure::noting;
use super::managed::Managed;
use super::pairing::PUBLIC_SUFFIX;
use crate::error::{Error, Result, TokenErrorKind};
use crate::kmip::{LinkType, ObjectType, Refusal, Request, Response};
use crate::model::key::{Key, State};

/// How often what a try has made is looked for, and how long between the looks.
const LOOKS: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Follows the name of a key that was replaced.
const REPLACED_SUFFIX: &str = "-replaced";

/// The unique identifiers of a pair.
struct Pair {
    private: String,
    public: String,
}

impl KmipToken {
    /// Re-key Key Pair (KMIP 2.1, 6.1.42). What servers leave undone of it is done here: names, links, activation.
    pub(super) fn rekey_pair(&self, key: &Key) -> Result<Key> {
        self.is_the_latest(key)?;
        let new = self.replaced_once(key)?;
        let finished = self
            .move_names(key, &new)
            .and_then(|()| self.link_replacement(key, &new))
            .and_then(|()| self.activate_replacement(key, &new))
            .and_then(|()| self.key_named(&new.private, &key.name));
        finished.map_err(|error| {
            let Pair { private, public } = &new;
            let note =
                format!("the new pair is on the server: {private:?}, public half {public:?}");
            noting(error, &note)
        })
    }

    /// Only then what comes of the request can be told from what was there before.
    fn is_the_latest(&self, key: &Key) -> Result {
        match self.replacement_of(key)? {
            None => Ok(()),
            Some(new) => {
                let reason = format!("key {} was replaced already, by {new:?}", key.id);
                Err(self.failures.error(TokenErrorKind::BadInput, reason))
            }
        }
    }

    /// By the old key's own word; else by its name, which moves to the new one.
    fn replacement_of(&self, key: &Key) -> Result<Option<String>> {
        let old = self.object_there(&key.id.0)?;
        if let Some(new) = old.linked(LinkType::REPLACEMENT_OBJECT_LINK) {
            return Ok(Some(new.to_owned()));
        }
        let mut called = self.called(ObjectType::PRIVATE_KEY, &key.name)?;
        called.retain(|id| *id != key.id.0);
        Ok(called.into_iter().next())
    }

    fn object_there(&self, id: &str) -> Result<Managed> {
        let reason = || format!("there is no object {id:?} any more");
        let gone = || self.failures.error(TokenErrorKind::Gone, reason());
        self.object_now(id)?.ok_or_else(gone)
    }

    /// If the connection fails, what the request has made is looked for; it is not sent again.
    fn replaced_once(&self, key: &Key) -> Result<Pair> {
        let request = Request::RekeyKeyPair {
            id: key.id.to_string(),
            offset: None,
            common: vec![],
            private: vec![],
            public: vec![],
        };
        let error = match self.tried(&request)? {
            Ok(Ok(Response::RekeyKeyPair {
                private_id,
                public_id,
            })) => {
                return Ok(Pair {
                    private: private_id,
                    public: public_id,
                });
            }
            Ok(Ok(_)) => return Err(self.failures.unexpected("Re-key Key Pair")),
            Ok(Err(refusal)) => return Err(self.not_rekeyed(key, &refusal)),
            Err(error) => error,
        };
        log::info!(
            "slot {:?}: {error}; looking for what it made",
            self.failures.slot
        );
        for _ in 0..LOOKS {
            if let Ok(Some(private)) = self.replacement_of(key) {
                let public = self.object_there(&private)?;
                let public = public.linked(LinkType::PUBLIC_KEY_LINK).unwrap_or_default();
                return Ok(Pair {
                    public: public.to_owned(),
                    private,
                });
            }
            sleep(PAUSE);
        }
        Err(noting(
            error,
            "it may be carried out all the same: see whether there is a new key (kmip-ssh key list \
             --all) before you try again",
        ))
    }

    fn not_rekeyed(&self, key: &Key, refusal: &Refusal) -> Error {
        let name = &key.name;
        noting(
            self.failures.refusal(refusal),
            &format!(
                "where the server makes no pair in the place of another, generate a key of another \
                 name, and rename both when {name:?} is revoked"
            ),
        )
    }

    /// A name is to lead to the new pair, and to that alone.
    fn move_names(&self, key: &Key, new: &Pair) -> Result {
        let old_public = key.public_id.as_ref().map_or("", |id| &id.0);
        let halves = [
            (key.id.0.as_str(), new.private.as_str(), ""),
            (old_public, &new.public, PUBLIC_SUFFIX),
        ];
        for (old, new, suffix) in halves.into_iter().filter(|(old, ..)| !old.is_empty()) {
            self.move_name(old, new, &key.name, suffix)?;
        }
        Ok(())
    }

    /// The old half is named first: there are never two of one name.
    fn move_name(&self, old: &str, new: &str, name: &str, suffix: &str) -> Result {
        let wanted = format!("{name}{suffix}");
        let given = |id: &str| Ok::<_, Error>(self.object_there(id)?.names);
        let known = given(old)?
            .into_iter()
            .find(|it| *it == wanted || it == name);
        let wanted = known.clone().unwrap_or(wanted);
        if let Some(known) = known {
            self.rename_one(old, &known, &format!("{name}{REPLACED_SUFFIX}{suffix}"))?;
        }
        match new.is_empty() {
            true => Ok(()),
            false => match given(new)?.as_slice() {
                names if names.contains(&wanted) => Ok(()),
                [first, ..] => self.rename_one(new, first, &wanted),
                [] => self.add_name(new, &wanted),
            },
        }
    }

    /// Replacement and Replaced Object Link, and the one between the new halves, where the server keeps
    /// links and has not made them itself.
    fn link_replacement(&self, key: &Key, new: &Pair) -> Result {
        let (old, made) = (
            self.object_there(&key.id.0)?,
            self.object_there(&new.private)?,
        );
        let links = [
            (&old, LinkType::REPLACEMENT_OBJECT_LINK, &new.private),
            (&made, LinkType::REPLACED_OBJECT_LINK, &key.id.0),
            (&made, LinkType::PUBLIC_KEY_LINK, &new.public),
        ];
        for (object, kind, other) in links {
            if object.linked(kind).is_none() && !other.is_empty() {
                self.link(&object.id, kind, other);
            }
        }
        Ok(())
    }

    fn activate_replacement(&self, key: &Key, new: &Pair) -> Result {
        let state = self.object_there(&new.private)?.state();
        match (key.state, state) {
            (State::Active, State::PreActive) => self.activate_both(&new.private, &new.public),
            _ => Ok(()),
        }
    }
}
