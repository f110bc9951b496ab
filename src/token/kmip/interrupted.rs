//! What is left of a registration that was killed between its two halves: a private key that nobody
//! can use, and that holds the name.

use super::KmipToken;
use super::making::{Marked, ONE_BREATH};
use super::pairing::PUBLIC_SUFFIX;
use crate::error::{Result, TokenErrorKind};
use crate::kmip::{LinkType, ObjectType};
use crate::model::key::State;
use crate::model::validity::now;

impl KmipToken {
    /// Removes such a private key, so that the registration can be done again: it bears the mark of a
    /// try, was never activated, and neither it nor the server knows of a public half. Whoever wants
    /// it registered has it still.
    ///
    /// # Errors
    /// It is so young that its other half may be on its way.
    pub(super) fn remove_interrupted(&self, name: &str) -> Result {
        let Some(left) = self.left_alone(name) else {
            return Ok(());
        };
        let age = left.managed.created.map_or(i64::MAX, |made| now() - made);
        if age < ONE_BREATH.cast_signed() {
            let reason = format!(
                "a registration of {name:?} has begun and may not have ended ({}): try again in \
                 {ONE_BREATH} seconds",
                left.managed.id
            );
            return Err(self.failures.error(TokenErrorKind::BadInput, reason));
        }
        if self.removed(std::slice::from_ref(&left.managed.id)) {
            log::warn!(
                "slot {:?}: private key {} was left by a registration of {name:?} that was \
                 interrupted; it is removed",
                self.failures.slot,
                left.managed.id
            );
        }
        Ok(())
    }

    /// The only private key of that name, if it is a half. An answer that is missing leaves it alone.
    fn left_alone(&self, name: &str) -> Option<Marked> {
        let privates = self.namesakes(ObjectType::PRIVATE_KEY, name).ok()?;
        let [one] = <[Marked; 1]>::try_from(privates.all).ok()?;
        let is_unused = one.managed.state() == State::PreActive
            && !one.marks.is_empty()
            && one.managed.linked(LinkType::PUBLIC_KEY_LINK).is_none();
        if !is_unused || !privates.are_all {
            return None;
        }
        let public = format!("{name}{PUBLIC_SUFFIX}");
        let publics = self.namesakes(ObjectType::PUBLIC_KEY, &public).ok()?;
        (publics.all.is_empty() && publics.are_all).then_some(one)
    }
}
