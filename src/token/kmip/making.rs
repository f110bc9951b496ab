//! Making objects once, though the connection fails: each try bears a mark, by which what it left
//! behind is found, and then taken for what was wanted, or removed.

use std::thread::sleep;
use std::time::Duration;

use super::KmipToken;
use super::failure::noting;
use super::managed::Managed;
use super::own_words::hex;
use super::reading::attributes;
use super::search::Question;
use crate::error::{Error, Result, TokenError, TokenErrorKind};
use crate::kmip::{
    Attribute, Error as KmipError, ErrorKind, LinkType, ObjectType, Refusal, Request, Response,
    RevocationReasonCode,
};
use crate::token::Token;

/// The Application Namespace of marks.
const NAMESPACE: &str = "kmip-p11-made-by";

/// How often a try is looked for, and how long between the looks: a server may still be at it.
const LOOKS: usize = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Objects that are looked at for a name; more than one is the exception.
const MOST_NAMESAKES: usize = 64;

/// Halves of a pair are made in one breath (seconds).
pub(super) const ONE_BREATH: u64 = 10;

/// An object that is to be made: what it is, and its name.
#[derive(Debug, Clone)]
pub struct ToMake {
    /// Its kind.
    pub kind: ObjectType,
    /// Its name.
    pub name: String,
}

/// What no other try has, of this process or any other.
#[derive(Debug, Clone)]
struct Mark(String);

/// What a request to make objects came to: their identifiers in the order in which they were wanted.
type Made = std::result::Result<Vec<String>, Refusal>;

/// Something that a try left behind.
struct Left {
    id: String,
    /// Whether it bears the mark of the try, or is only called so.
    is_marked: bool,
}

/// A try whose end is not known.
struct Doubt {
    error: Error,
    /// Whether the server is surely not at it any more, if it has left nothing.
    is_over: bool,
}

impl Mark {
    fn new() -> Option<Self> {
        let mut nonce = [0; 16];
        crate::crypto::fill_with_random(&mut nonce).ok()?;
        Some(Self(hex(&nonce)))
    }

    fn attribute(&self) -> Attribute {
        Attribute::ApplicationSpecificInformation {
            namespace: NAMESPACE.into(),
            data: self.0.clone(),
        }
    }
}

/// Whether an attribute is the mark of some try: it means nothing once the object is there.
pub fn is_mark(attribute: &Attribute) -> bool {
    matches!(attribute, Attribute::ApplicationSpecificInformation { namespace, .. }
        if namespace == NAMESPACE)
}

impl KmipToken {
    /// Makes objects by a request that takes further attributes for each of them; with a mark if
    /// `marked`. If the connection fails when it may have been carried out, it is asked for once
    /// more, but only after nothing of the first try was found.
    pub(super) fn make_once(
        &self,
        wanted: &[ToMake],
        marked: bool,
        request: impl Fn(&[Attribute]) -> Request,
    ) -> Result<Made> {
        let mut earlier: Vec<Option<Mark>> = vec![];
        loop {
            let mark = marked.then(Mark::new).flatten();
            let with: Vec<_> = mark.iter().map(Mark::attribute).collect();
            let doubt = match self.try_to_make(request(&with))? {
                Ok(made) => {
                    self.remove_latecomers(wanted, &earlier);
                    return Ok(made);
                }
                Err(doubt) => doubt,
            };
            log::info!(
                "slot {:?}: {}; looking for what it made",
                self.failures.slot,
                doubt.error
            );
            match self.left_behind(wanted, mark.as_ref()) {
                Ok(left) if left.iter().all(Option::is_some) => {
                    let ids = left.into_iter().flatten().map(|it| it.id);
                    return Ok(Ok(ids.collect()));
                }
                Ok(left) if left.iter().all(Option::is_none) => {
                    if !(doubt.is_over && mark.is_some() && earlier.is_empty()) {
                        return Err(self.perhaps_made(doubt.error, wanted));
                    }
                    earlier.push(mark);
                }
                Ok(left) => return Err(self.half_made(doubt.error, left)),
                Err(_) => return Err(self.perhaps_made(doubt.error, wanted)),
            }
        }
    }

    /// A version that has no words for the request refuses it as well.
    fn try_to_make(&self, request: Request) -> Result<std::result::Result<Made, Doubt>> {
        let answered = self.client()?.call_within(self.deadline(), &[request]);
        let answers = match answered {
            Ok(answers) => answers,
            Err(error) if error.kind.may_have_happened() => return Ok(Err(self.doubt(&error))),
            Err(error) => return self.refused_whole(error).map(|refusal| Ok(Err(refusal))),
        };
        Ok(Ok(match answers.into_iter().next() {
            Some(Ok(Response::CreateKeyPair {
                private_id,
                public_id,
            })) => Ok(vec![private_id, public_id]),
            Some(Ok(Response::Register { id })) => Ok(vec![id]),
            Some(Err(refusal)) if refusal.leaves_open() => {
                return Ok(Err(Doubt {
                    error: self.failures.refusal(&refusal),
                    is_over: false,
                }));
            }
            Some(Err(refusal)) => Err(refusal),
            _ => return Err(self.failures.unexpected("the request")),
        }))
    }

    fn doubt(&self, error: &KmipError) -> Doubt {
        Doubt {
            error: self.failures.call(error),
            is_over: matches!(error.kind, ErrorKind::Closed { .. }),
        }
    }

    /// What there is of each of the wanted objects; looked for again while something is missing.
    fn left_behind(&self, wanted: &[ToMake], mark: Option<&Mark>) -> Result<Vec<Option<Left>>> {
        let mut found = vec![];
        for look in 0..LOOKS {
            if look > 0 {
                sleep(PAUSE);
            }
            found = self.look(wanted, mark)?;
            if found.iter().all(Option::is_some) {
                break;
            }
        }
        Ok(found)
    }

    fn look(&self, wanted: &[ToMake], mark: Option<&Mark>) -> Result<Vec<Option<Left>>> {
        let mut found: Vec<Option<(Managed, bool)>> = vec![];
        for one in wanted {
            let namesakes = self.namesakes(one.kind, &one.name)?;
            let first = found.first().and_then(Option::as_ref).map(|(it, _)| it);
            let fitting = chosen(namesakes.all, mark, first);
            if fitting.is_none() && !namesakes.are_all {
                return Err(self.failures.unexpected("Locate by name"));
            }
            found.push(fitting);
        }
        let left = |(managed, is_marked): (Managed, bool)| Left {
            id: managed.id,
            is_marked,
        };
        Ok(found.into_iter().map(|it| it.map(left)).collect())
    }

    /// The objects of that kind that are called so, by their own word: servers ignore what they are
    /// to look for.
    pub(super) fn namesakes(&self, kind: ObjectType, name: &str) -> Result<Namesakes> {
        let question = Question::about(kind).with([Attribute::Name(name.into())]);
        let ids = match self.carry_out(&question.request(None, 0))? {
            Ok(Response::Locate { ids, .. }) => ids,
            Ok(_) => return Err(self.failures.unexpected("Locate")),
            Err(refusal) => return Err(self.failures.refusal(&refusal)),
        };
        let namesakes = ids.iter().take(MOST_NAMESAKES);
        let requests: Vec<_> = namesakes.map(|id| attributes(id)).collect();
        let answers = self.client()?.call_within(self.deadline(), &requests);
        let answers = answers.map_err(|error| self.failures.call(&error))?;
        let mut all = vec![];
        for (id, answer) in ids.iter().zip(answers) {
            if let Ok(Response::GetAttributes { attributes, .. }) = answer
                && attributes.contains(&Attribute::Name(name.into()))
            {
                let marks = attributes
                    .iter()
                    .filter(|it| is_mark(it))
                    .cloned()
                    .collect();
                let managed = Managed::new(id, attributes);
                all.push(Marked { managed, marks });
            }
        }
        let are_all = ids.len() <= MOST_NAMESAKES;
        Ok(Namesakes { all, are_all })
    }

    /// The identifiers of the objects of that kind that are called so.
    pub(super) fn called(&self, kind: ObjectType, name: &str) -> Result<Vec<String>> {
        let all = self.namesakes(kind, name)?.all.into_iter();
        Ok(all.map(|it| it.managed.id).collect())
    }

    /// A second try succeeded. What the first one has made after all would bear the same name.
    fn remove_latecomers(&self, wanted: &[ToMake], earlier: &[Option<Mark>]) {
        for mark in earlier.iter().flatten() {
            let late = self.look(wanted, Some(mark)).unwrap_or_default();
            // Without its mark, what is there is what the second try has made.
            let late = late.into_iter().flatten().filter(|it| it.is_marked);
            let late: Vec<_> = late.map(|it| it.id).collect();
            if !late.is_empty() && !self.removed(&late) {
                log::warn!(
                    "slot {:?}: {late:?} were made twice and could not be destroyed; remove them \
                     at the server",
                    self.failures.slot
                );
            }
        }
    }

    /// Whether all of them are gone; an active one is revoked before.
    pub(super) fn removed(&self, ids: &[String]) -> bool {
        let destroyed = |id: &String| {
            let destroy = Request::Destroy { id: id.clone() };
            let revoke = Request::Revoke {
                id: id.clone(),
                reason: RevocationReasonCode::CESSATION_OF_OPERATION,
                message: None,
                compromised_at: None,
            };
            let done = |request| matches!(self.carry_out(request), Ok(Ok(_)));
            done(&destroy) || (done(&revoke) && done(&destroy))
        };
        ids.iter().filter(|id| !destroyed(id)).count() == 0
    }

    /// Only what surely is of this try is removed: somebody else may have taken the name meanwhile.
    fn half_made(&self, error: Error, left: Vec<Option<Left>>) -> Error {
        let left: Vec<_> = left.into_iter().flatten().collect();
        let ours = left.iter().all(|it| it.is_marked);
        let ids: Vec<_> = left.into_iter().map(|it| it.id).collect();
        let note = match ours && self.removed(&ids) {
            true => {
                "it made a part of what was asked, which is removed again: try once more".into()
            }
            false => format!(
                "it made a part of what was asked: remove {ids:?} (kmip-ssh key destroy ID)"
            ),
        };
        noting(error, &note)
    }

    fn perhaps_made(&self, error: Error, wanted: &[ToMake]) -> Error {
        let names: Vec<_> = wanted.iter().map(|it| format!("{:?}", it.name)).collect();
        let note = format!(
            "it may be carried out all the same: look for {} on the server (kmip-ssh key list \
             --all) before you try again",
            names.join(" and ")
        );
        noting(error, &note)
    }
}

/// Objects of one name.
pub(super) struct Namesakes {
    /// They, with what was said of them.
    pub all: Vec<Marked>,
    /// False if the server gave too many to look at: it does not look at names.
    pub are_all: bool,
}

/// An object with the marks of the try that made it.
pub(super) struct Marked {
    /// The object.
    pub managed: Managed,
    /// Its marks.
    pub marks: Vec<Attribute>,
}

/// The one with the mark. Without any mark the only one of its name, if it belongs to what was found
/// before it: that the name was free was seen before the try.
fn chosen(
    all: Vec<Marked>,
    mark: Option<&Mark>,
    private: Option<&Managed>,
) -> Option<(Managed, bool)> {
    let wanted = mark.map(Mark::attribute);
    let bears = |it: &Marked| wanted.as_ref().is_some_and(|mark| it.marks.contains(mark));
    if let Some(place) = all.iter().position(bears) {
        return all.into_iter().nth(place).map(|it| (it.managed, true));
    }
    let unmarked = all.into_iter().filter(|it| it.marks.is_empty());
    let mut unmarked = unmarked
        .map(|it| it.managed)
        .filter(|it| belongs(it, private));
    let only = unmarked.next()?;
    unmarked.next().is_none().then_some((only, false))
}

fn belongs(half: &Managed, private: Option<&Managed>) -> bool {
    let Some(private) = private else { return true };
    let linked = private.linked(LinkType::PUBLIC_KEY_LINK) == Some(&half.id)
        || half.linked(LinkType::PRIVATE_KEY_LINK) == Some(&private.id);
    let dates = private.created.zip(half.created);
    linked || dates.is_some_and(|(one, other)| one.abs_diff(other) <= ONE_BREATH)
}

impl KmipToken {
    /// On the whole server, whatever the slot shows of it: two pairs of one name could not be told
    /// apart on servers without links. Somebody else may take the name in the same moment; then a
    /// signature has to tell.
    pub(super) fn name_is_free(&self, name: &str) -> Result {
        self.named(name)?;
        let namesakes = self.namesakes(ObjectType::PRIVATE_KEY, name);
        match namesakes
            .map_err(|error| unknown_name(name, error))?
            .all
            .first()
        {
            None => Ok(()),
            Some(one) => {
                let id = &one.managed.id;
                let reason = format!(
                    "a private key called {name:?} is there already ({id:?}); choose another \
                     name, or rename or destroy that one"
                );
                Err(self.failures.error(TokenErrorKind::BadInput, reason))
            }
        }
    }
}

/// It is the name that this server cannot read, and not the request that it cannot carry out.
fn unknown_name(name: &str, error: Error) -> Error {
    let advice = match name.is_ascii() {
        true => "",
        false => "; some servers cannot read other names than plain ASCII",
    };
    let error = match error {
        Error::Token(token) if token.kind == TokenErrorKind::Impossible => {
            Error::Token(TokenError {
                kind: TokenErrorKind::Failed,
                ..token
            })
        }
        other => other,
    };
    noting(
        error,
        &format!("so it is not known whether the name {name:?} is free{advice}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(id: &str, marks: &[&Mark], created: i64) -> Marked {
        Marked {
            managed: Managed::new(id, vec![Attribute::InitialDate(created)]),
            marks: marks.iter().map(|mark| mark.attribute()).collect(),
        }
    }

    #[test]
    fn a_try_is_known_by_its_mark_and_else_by_being_the_only_one() {
        let [mine, other] = [(); 2].map(|()| Mark::new().unwrap());
        let id = |all, mark, private| chosen(all, mark, private).map(|(it, _)| it.id);
        let both = || vec![made("1", &[&other], 5), made("2", &[&mine], 5)];
        assert_eq!(id(both(), Some(&mine), None).as_deref(), Some("2"));
        assert_eq!(id(vec![made("1", &[&other], 5)], Some(&mine), None), None);
        assert_eq!(
            id(vec![made("1", &[], 5)], Some(&mine), None).as_deref(),
            Some("1")
        );
        assert_eq!(
            id(vec![made("1", &[], 5), made("2", &[], 5)], None, None),
            None
        );
        let private = made("9", &[], 500).managed;
        assert_eq!(id(vec![made("1", &[], 5)], None, Some(&private)), None);
        assert_eq!(
            id(vec![made("1", &[], 509)], None, Some(&private)).as_deref(),
            Some("1")
        );
    }
}
