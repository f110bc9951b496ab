//! What has to be so before a key is brought to a slot: asked for, and nothing changed.

use kmip_p11::model::key::{Key, State};
use kmip_p11::token::{NewKey, key_kind};

use super::source::Source;
use crate::command::key_make::{group_is_shown, name_is_free};
use crate::failure::Failure;
use crate::place::Place;
use crate::selection;

/// A key on its way: from where, to where, as what.
pub struct Way<'a> {
    /// Where it is.
    pub source: &'a Source<'a>,
    /// Where it is brought to.
    pub target: &'a Place,
    /// What it is to be there.
    pub wanted: NewKey,
    /// Whether its object groups were asked for, and are not only those that it has.
    pub groups_are_asked_for: bool,
    /// The same key, if it is there already.
    pub twin: Option<Key>,
    /// Whether it ends where it is.
    pub is_move: bool,
    /// Whether its certificates end there, too.
    pub without_certificates: bool,
}

/// A question, and its answer in words.
pub struct Check {
    /// What it is about.
    pub what: &'static str,
    /// What is so, or why it cannot be done.
    pub answer: Result<String, Failure>,
}

impl Way<'_> {
    /// All checks in order. None of them changes anything.
    pub fn checks(&self) -> Vec<Check> {
        let check = |what, answer| Check { what, answer };
        let mut checks = vec![
            check("state", self.source.is_of_use(self.twin.is_some())),
            check("whole", self.comes_as_a_whole()),
        ];
        match &self.twin {
            Some(twin) => checks.push(check("there already", self.takes_up(twin))),
            None => checks.extend([
                check("name", self.name()),
                check("group", self.group()),
                check("shown", self.is_shown()),
            ]),
        }
        checks
    }

    /// The same key under another name is the same key: what was interrupted goes on with it.
    fn takes_up(&self, twin: &Key) -> Result<String, Failure> {
        let (slot, label, id) = (&self.target.label, twin.label(), &twin.id);
        match twin.state {
            State::Active | State::PreActive => {
                Ok(format!("it is there already, as {label:?} (id {id})"))
            }
            state => Err(Failure::Refused(format!(
                "slot {slot:?}: this key is there already, as {label:?} (id {id}), and is {state}"
            ))),
        }
    }

    /// What a token has no words for would end with the key.
    fn comes_as_a_whole(&self) -> Result<String, Failure> {
        let source = self.source;
        let certificates = source.key().map_or(0, |key| key.certificates.len());
        match (source.waits() && self.is_move, self.without_certificates) {
            (true, _) => Err(Failure::Refused(format!(
                "{source} is pre-active, and cannot show that it works elsewhere: activate it first, or \
                 use \"key copy\""
            ))),
            (false, true) if certificates > 0 && self.is_move => {
                Ok("its certificates get lost, as it is wanted".into())
            }
            _ => Ok("nothing of it gets lost".into()),
        }
    }

    fn name(&self) -> Result<String, Failure> {
        let name = &self.wanted.name;
        name_is_free(self.target, name)
            .map_err(|failure| with_advice(failure, ", by --name"))
            .map(|()| format!("{name:?} is free"))
    }

    fn group(&self) -> Result<String, Failure> {
        group_is_shown(self.target, &self.wanted.groups)?;
        Ok(match self.wanted.groups.as_slice() {
            [] => "none".into(),
            groups => groups.join(", "),
        })
    }

    /// A key that the slot's filter leaves out could not be used there.
    fn is_shown(&self) -> Result<String, Failure> {
        let (filter, wanted) = (&self.target.filter, &self.wanted);
        let slot = &self.target.label;
        let key_type = wanted.key_type;
        if !filter.types.contains(&key_kind(key_type)) {
            return Err(Failure::Refused(format!(
                "slot {slot:?} shows no {key_type} keys: see keys.types in the configuration"
            )));
        }
        if !filter.names.matches(&wanted.name) {
            return Err(Failure::Refused(format!(
                "slot {slot:?} does not show keys called {:?}: give it another name with --name, or \
                 see keys.names in the configuration",
                wanted.name
            )));
        }
        Ok(format!("slot {slot:?} shows {key_type} keys"))
    }
}

/// The same key in a slot, whatever it is called there.
pub fn twin(target: &Place, source: &Source<'_>) -> Result<Option<Key>, Failure> {
    let found = target.find()?;
    let mut all = selection::all(&found).into_iter();
    let twin = all.find(|it| it.key.public == *source.public());
    Ok(twin.map(|it| it.key.clone()))
}

fn with_advice(failure: Failure, advice: &str) -> Failure {
    match failure {
        Failure::Refused(text) => Failure::Refused(text + advice),
        other => other,
    }
}
