//! Changes of an object when the connection fails: the object itself says whether the change was made,
//! and if not, it is asked for once more.

use super::KmipToken;
use super::failure::noting;
use super::managed::Managed;
use super::reading::attributes;
use crate::error::{Error, Result};
use crate::kmip::{Answer, Request, ResultReason};
use crate::model::key::State;

/// What a change makes of an object; `None` is an object that is gone.
pub type IsDone<'a> = &'a dyn Fn(Option<&Managed>) -> bool;

/// The object is active.
pub fn is_active(object: Option<&Managed>) -> bool {
    object.is_some_and(|it| it.state() == State::Active)
}

/// The object is not to be used any more.
pub fn is_revoked(object: Option<&Managed>) -> bool {
    object.is_none_or(|it| !matches!(it.state(), State::Active | State::PreActive))
}

/// The object is no more.
pub fn is_gone(object: Option<&Managed>) -> bool {
    let gone = |it: &Managed| matches!(it.state(), State::Destroyed | State::DestroyedCompromised);
    object.is_none_or(gone)
}

impl KmipToken {
    /// Carries out a change of an object. If nobody can say whether it was made, that is the error.
    pub(super) fn settle(&self, id: &str, request: &Request, is_done: IsDone<'_>) -> Result {
        let error = match self.tried(request)? {
            Ok(answer) => return self.accepted(answer),
            Err(error) => error,
        };
        match self.object_now(id) {
            Err(_) => Err(noting(
                error,
                &format!("it may have been carried out all the same: see how {id:?} is now"),
            )),
            Ok(object) if is_done(object.as_ref()) => Ok(()),
            Ok(_) => match self.tried(request)? {
                Ok(Err(refusal)) => match self.object_now(id) {
                    // The first try was only late.
                    Ok(object) if is_done(object.as_ref()) => Ok(()),
                    _ => Err(self.failures.refusal(&refusal)),
                },
                Ok(Ok(_)) => Ok(()),
                Err(error) => Err(error),
            },
        }
    }

    fn accepted(&self, answer: Answer) -> Result {
        answer
            .map(|_| ())
            .map_err(|refusal| self.failures.refusal(&refusal))
    }

    /// An answer, or the failure after which nobody knows.
    pub(super) fn tried(&self, request: &Request) -> Result<std::result::Result<Answer, Error>> {
        let client = self.client()?;
        match client.call_within(self.deadline(), std::slice::from_ref(request)) {
            Ok(answers) => match answers.into_iter().next() {
                Some(Err(refusal)) if refusal.leaves_open() => {
                    Ok(Err(self.failures.refusal(&refusal)))
                }
                Some(answer) => Ok(Ok(answer)),
                None => Err(self.failures.unexpected("the request")),
            },
            Err(error) if error.kind.may_have_happened() => Ok(Err(self.failures.call(&error))),
            Err(error) => self.refused_whole(error).map(|refusal| Ok(Err(refusal))),
        }
    }

    pub(super) fn object_now(&self, id: &str) -> Result<Option<Managed>> {
        use crate::kmip::Response::GetAttributes;
        match self.carry_out(&attributes(id))? {
            Ok(GetAttributes { attributes, .. }) => Ok(Some(Managed::new(id, attributes))),
            Ok(_) => Err(self.failures.unexpected("Get Attributes")),
            Err(refusal) => match refusal.reason {
                ResultReason::ITEM_NOT_FOUND | ResultReason::OBJECT_NOT_FOUND => Ok(None),
                _ => Err(self.failures.refusal(&refusal)),
            },
        }
    }
}
