//! The administration of keys in a module: making, taking in, naming, describing, destroying.

use super::device::{Fault, FaultKind, Handle, NewPair, Object, Reply, Request, Secret};
use super::{HsmToken, foreign_mechanism};
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, TokenErrorKind};
use crate::model::key::{Hidden, Key};
use crate::model::public_key::{KeyType, PublicKey};
use crate::token::{Half, NewKey, Probe, Token, Told, Wish};

impl HsmToken {
    /// A pair that is made in the token.
    pub(super) fn generate_pair(&self, wanted: &NewKey) -> Result<Key> {
        self.admitted(&wanted.name, None)?;
        self.can_sign(wanted.key_type)?;
        let pair = self.new_pair(wanted)?;
        let key = self.made(&Request::GeneratePair(pair))?;
        // By its public half, which nobody knew before.
        let natural = key.public.key_id();
        match self.name_pair(&key, None, Some(&natural)) {
            Ok(()) => Ok(Key {
                key_id: natural,
                ..key
            }),
            Err(error) => {
                log::warn!(
                    "{error}; key {:?} keeps the CKA_ID it was made with",
                    key.name
                );
                Ok(key)
            }
        }
    }

    /// A pair that was made elsewhere.
    pub(super) fn import_pair(&self, private: &PrivateKey, wanted: &NewKey) -> Result<Key> {
        self.admitted(&wanted.name, Some(private.public()))?;
        self.can_sign(private.public().key_type())?;
        let pkcs8 = private.to_pkcs8();
        let pkcs8 = pkcs8.map_err(|it| self.error(TokenErrorKind::BadInput, it.to_string()))?;
        let mut pair = self.new_pair(wanted)?;
        pair.key_type = private.public().key_type();
        self.made(&Request::ImportPair(Secret(pkcs8), pair))
    }

    /// That there may be a key of that name, and that one, if it is known, is not there yet.
    fn admitted(&self, name: &str, public: Option<&PublicKey>) -> Result {
        self.opened()?;
        self.named(name)?;
        let found = self.pairs()?.found;
        let hidden = found.hidden.into_iter().filter_map(|hidden| hidden.key);
        let mut keys = found.keys.into_iter().chain(hidden);
        let reason = keys.find_map(|held| match (held.name == name, Some(&held.public) == public) {
            (true, _) => Some(format!(
                "a key called {name:?} is there already ({}); choose another name, or rename or \
                 destroy that one",
                held.id
            )),
            (_, true) => Some(format!("this key is there already, called {:?}", held.name)),
            _ => None,
        });
        reason.map_or(Ok(()), |reason| {
            Err(self.error(TokenErrorKind::BadInput, reason))
        })
    }

    /// That the module has a mechanism for keys of that type. Its answer to a template of a type that it
    /// does not know says less.
    fn can_sign(&self, key_type: KeyType) -> Result {
        let offers = self.mechanisms();
        let mut numbers = offers.iter().map(|offer| offer.number);
        let signs = numbers.any(|number| foreign_mechanism::goes_with(number, key_type));
        // A module that tells of none has failed, and says why when it is asked for the key.
        match signs || offers.is_empty() {
            true => Ok(()),
            false => {
                let module = &self.module;
                let reason =
                    format!("module {module} has no mechanism that signs with {key_type} keys");
                Err(self.error(TokenErrorKind::Impossible, reason))
            }
        }
    }

    /// That no other key has that CKA_ID.
    fn nobody_elses(&self, key: &Key, id: &[u8]) -> Result {
        let found = self.pairs()?.found;
        let hidden = found.hidden.into_iter().filter_map(|hidden| hidden.key);
        let mut others = found.keys.into_iter().chain(hidden);
        match others.find(|other| other.id != key.id && other.key_id == id) {
            Some(other) => {
                let reason = format!(
                    "another key has that CKA_ID, {:?}; choose another one",
                    other.name
                );
                Err(self.error(TokenErrorKind::BadInput, reason))
            }
            None => Ok(()),
        }
    }

    /// That the PIN was given, where one is needed.
    pub(super) fn opened(&self) -> Result {
        match self.device.has_pin() {
            true => Ok(()),
            false => Err(self.error(TokenErrorKind::LoginRequired, "give the PIN first".into())),
        }
    }

    /// What PKCS#11 has no word for.
    pub(super) fn stateless(&self, key: &Key) -> Error {
        let there = self.opened().and_then(|()| self.holders(key));
        there.map_or_else(
            |error| error,
            |_| {
                let reason = "a key in a PKCS#11 token has no states: it can be used until it is \
                              destroyed";
                self.error(TokenErrorKind::Impossible, reason.into())
            },
        )
    }

    /// Another name for both halves.
    pub(super) fn rename_pair(&self, key: &Key, name: &str) -> Result {
        if key.name != name {
            self.admitted(name, None)?;
        }
        self.name_pair(key, Some(name), None)
    }

    fn new_pair(&self, wanted: &NewKey) -> Result<NewPair> {
        let reason = match (wanted.groups.is_empty(), wanted.activate) {
            (true, true) => {
                return Ok(NewPair {
                    label: wanted.name.clone(),
                    key_type: wanted.key_type,
                    extractable: wanted.extractable,
                    decrypts: wanted.decrypts,
                });
            }
            (false, _) => "a PKCS#11 token has no object groups",
            (true, false) => "a key in a PKCS#11 token can be used at once; it has no states",
        };
        Err(self.error(TokenErrorKind::Impossible, reason.into()))
    }

    fn made(&self, request: &Request) -> Result<Key> {
        let Reply::Pair(_, private) = self.ask(request)? else {
            return Err(self.unexpected());
        };
        let pairs = self.pairs()?;
        let holders = pairs.holders.iter();
        let id = holders
            .filter(|(_, holders)| holders.private == Some(private))
            .map(|(id, _)| id.clone())
            .next();
        let hidden = pairs
            .found
            .hidden
            .into_iter()
            .filter_map(|Hidden { key, .. }| key);
        let mut keys = pairs.found.keys.into_iter().chain(hidden);
        keys.find(|key| Some(&key.id) == id.as_ref())
            .ok_or_else(|| {
                let reason = "the key was made, and cannot be seen".to_owned();
                self.error(TokenErrorKind::Failed, reason)
            })
    }

    /// Ends a pair, the private half first, and its certificates.
    pub(super) fn destroy_pair(&self, key: &Key) -> Result {
        self.opened()?;
        let answer = self.of_all(key, Request::Destroy);
        self.holders.write().remove(&key.id);
        answer
    }

    /// Gives both halves and their certificates another CKA_LABEL or CKA_ID.
    pub(super) fn name_pair(&self, key: &Key, label: Option<&str>, id: Option<&[u8]>) -> Result {
        self.of_all(key, |objects| Request::Name {
            objects,
            label: label.map(str::to_owned),
            id: id.map(<[u8]>::to_vec),
        })
    }

    fn of_all(&self, key: &Key, request: impl Fn(Vec<Handle>) -> Request) -> Result {
        let asked = |token: &Self| -> Result<std::result::Result<Reply, Fault>> {
            let holders = token.holders(key)?;
            Ok(token.device.ask(&request(holders.all())))
        };
        let answer = match asked(self)? {
            Err(fault) if fault.kind == FaultKind::NoSuchObject => {
                self.pairs()?;
                asked(self)?
            }
            answer => answer,
        };
        answer.map(drop).map_err(|fault| self.failed(&fault))
    }

    /// A CKA_ID is kept as it is set, unless another key has it: halves find each other by it. Without a
    /// wish it is the one that we would give. CKA_LABEL is the name that a key has.
    pub(super) fn fulfil(&self, key: &Key, wish: &Wish) -> Result {
        self.opened()?;
        let natural = key.public.key_id();
        match wish {
            Wish::Id(id) => {
                let id = id.as_deref().unwrap_or(&natural);
                self.nobody_elses(key, id)?;
                self.name_pair(key, None, Some(id))
            }
            Wish::Label(Some(_)) => {
                let reason = "a key in a PKCS#11 token has one name, which is its CKA_LABEL; rename \
                              it instead";
                Err(self.error(TokenErrorKind::Impossible, reason.into()))
            }
            Wish::Label(None) => Ok(()),
        }
    }

    /// All that the objects of a pair tell.
    pub(super) fn describe_pair(&self, key: &Key) -> Result<Vec<Told>> {
        let Reply::Objects(objects) = self.ask(&Request::Objects)? else {
            return Err(self.unexpected());
        };
        let holders = self.holders(key)?;
        let of = |handle: Option<Handle>| {
            let objects = objects.iter();
            objects.filter(move |object| Some(object.handle) == handle)
        };
        let private = of(holders.private).flat_map(|object| told(Half::Private, object));
        let public = of(holders.public).flat_map(|object| told(Half::Public, object));
        Ok(private.chain(public).collect())
    }

    /// What the module and its token show.
    pub(super) fn probe_module(&self) -> Result<Probe> {
        let Reply::Token(facts) = self.ask(&Request::Token)? else {
            return Err(self.unexpected());
        };
        let mut warnings = vec![];
        if facts.pin_locked {
            warnings.push("the PIN is locked; the security officer has to set a new one".into());
        } else if facts.pin_final_try {
            warnings.push("one more wrong PIN locks the token".into());
        }
        if facts.write_protected {
            warnings.push("the token is write-protected: keys cannot be made or changed".into());
        }
        Ok(Probe {
            facts: vec![
                ("module", format!("{} ({})", self.module, facts.module)),
                ("token", facts.label),
                ("manufacturer", facts.manufacturer),
                ("model", facts.model),
                ("serial number", facts.serial),
                ("slot", facts.slot.to_string()),
            ],
            warnings,
        })
    }
}

fn told(half: Half, object: &Object) -> Vec<Told> {
    let one = |name: &str, value: String, programs| Told {
        half,
        name: name.into(),
        value,
        programs,
    };
    let mut all = vec![
        one(
            "CKA_LABEL",
            String::from_utf8_lossy(&object.label).into_owned(),
            "CKA_LABEL",
        ),
        one(
            "CKA_ID",
            object.id.iter().map(|byte| format!("{byte:02x}")).collect(),
            "CKA_ID",
        ),
    ];
    let flags = [
        ("CKA_SIGN", object.sign, "CKA_SIGN"),
        ("CKA_DECRYPT", object.decrypt, "CKA_DECRYPT"),
        ("CKA_SENSITIVE", object.sensitive, ""),
        ("CKA_EXTRACTABLE", object.extractable, ""),
        (
            "CKA_ALWAYS_SENSITIVE",
            object.always_sensitive,
            "CKA_ALWAYS_SENSITIVE",
        ),
        (
            "CKA_NEVER_EXTRACTABLE",
            object.never_extractable,
            "CKA_NEVER_EXTRACTABLE",
        ),
        ("CKA_ALWAYS_AUTHENTICATE", object.always_authenticate, ""),
    ];
    let known = flags
        .into_iter()
        .filter_map(|(name, flag, programs)| Some(one(name, flag?.to_string(), programs)));
    all.extend(known);
    all
}
