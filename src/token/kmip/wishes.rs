//! A CKA_ID or CKA_LABEL of the owner's choice is written in the form that the server keeps: tried,
//! read back, and remembered.

use parking_lot::Mutex;

use super::KmipToken;
use super::making::is_mark;
use super::own_words::{Form, Word, hex};
use super::reading::attributes;
use crate::error::{Result, TokenErrorKind};
use crate::kmip::{Attribute, Request, Response};
use crate::model::key::Key;
use crate::token::Wish;

/// The form that was kept, once one was.
#[derive(Debug, Default)]
pub struct KeptForm(Mutex<Option<Form>>);

impl KeptForm {
    /// All forms, the one that is known to be kept first. Some servers have room for one Application
    /// Specific Information only: where there is one, a vendor's attribute is tried before.
    fn forms(&self, occupied: bool) -> [Form; 2] {
        match (*self.0.lock(), occupied) {
            (Some(Form::Vendor), _) | (_, true) => [Form::Vendor, Form::Application],
            _ => [Form::Application, Form::Vendor],
        }
    }

    fn remember(&self, form: Form) {
        *self.0.lock() = Some(form);
    }
}

impl KmipToken {
    /// Sets or removes it on the private key, which only its owner can change.
    pub(super) fn fulfil(&self, key: &Key, wish: &Wish) -> Result {
        let (word, value) = match wish {
            Wish::Id(id) => (Word::Id, id.as_ref().map(|id| hex(id))),
            Wish::Label(label) => (Word::Label, label.clone()),
        };
        let id = &key.id.0;
        let mut reasons = vec![];
        let said = self.said(id, word)?;
        let Some(value) = value else {
            for attribute in said {
                self.remove(id, &attribute, &mut reasons)?;
            }
            return match self.said(id, word)?.is_empty() {
                true => Ok(()),
                false => Err(self.not_kept("removed", &reasons)),
            };
        };
        let application = Word::Id.attribute(Form::Application, "");
        let others = self.all_of_kind(id, &application)?;
        let others: Vec<_> = others
            .into_iter()
            .filter(|it| word.said_by(it).is_none() && !is_mark(it))
            .collect();
        for form in self.kept_form.forms(!others.is_empty()) {
            let wanted = word.attribute(form, &value);
            self.put(id, word, &wanted, &mut reasons)?;
            let now = self.said(id, word)?;
            let has =
                |attribute: &Attribute| word.said_by(attribute) == Some((form, value.clone()));
            if !now.iter().any(has) {
                continue;
            }
            if self.put_back(id, &wanted, &others)? {
                reasons.push("it keeps one Application Specific Information only".into());
                continue;
            }
            self.kept_form.remember(form);
            for other in now.iter().filter(|other| !has(other)) {
                self.remove(id, other, &mut reasons)?;
            }
            return Ok(());
        }
        Err(self.not_kept("set", &reasons))
    }

    /// The attributes that say something of the word, as the server has them now.
    fn said(&self, id: &str, word: Word) -> Result<Vec<Attribute>> {
        let request = attributes(id);
        match self.carry_out(&request)? {
            Ok(Response::GetAttributes { attributes, .. }) => {
                let speaks = |it: &Attribute| word.said_by(it).is_some();
                Ok(attributes.into_iter().filter(speaks).collect())
            }
            Ok(_) => Err(self.failures.unexpected("Get Attributes")),
            Err(refusal) => Err(self.failures.refusal(&refusal)),
        }
    }

    /// In the place of what says so now, if something does; else beside all there is.
    fn put(&self, id: &str, word: Word, wanted: &Attribute, reasons: &mut Vec<String>) -> Result {
        let form = word.said_by(wanted).map(|(form, _)| form);
        let said = self.all_of_kind(id, wanted)?;
        let same = |it: &Attribute| {
            let old = word.said_by(it).map(|(form, _)| form);
            old.is_some() && old == form
        };
        // A mark has done its duty, and is a place that servers have which let none be added.
        let place = said
            .iter()
            .position(same)
            .or_else(|| said.iter().position(is_mark));
        let requests = match place {
            Some(place) => vec![Request::ModifyAttribute {
                id: id.into(),
                attribute: wanted.clone(),
                current: said.get(place).cloned(),
                index: u32::try_from(place).ok(),
            }],
            None => vec![
                Request::AddAttribute {
                    id: id.into(),
                    attribute: wanted.clone(),
                },
                Request::SetAttribute {
                    id: id.into(),
                    attribute: wanted.clone(),
                },
            ],
        };
        for request in requests {
            match self.carry_out(&request)? {
                Ok(_) => return Ok(()),
                Err(refusal) => reasons.push(refusal.to_string()),
            }
        }
        Ok(())
    }

    /// Restores what gave way to `wanted`; false if nothing did.
    fn put_back(&self, id: &str, wanted: &Attribute, others: &[Attribute]) -> Result<bool> {
        let now = self.all_of_kind(id, wanted)?;
        let of_kind = |it: &&Attribute| it.name() == wanted.name();
        let lost: Vec<_> = others
            .iter()
            .filter(of_kind)
            .filter(|it| !now.contains(it))
            .collect();
        for attribute in &lost {
            let place = now.iter().position(|it| it == wanted);
            self.carry_out(&Request::ModifyAttribute {
                id: id.into(),
                attribute: (*attribute).clone(),
                current: Some(wanted.clone()),
                index: place.and_then(|place| u32::try_from(place).ok()),
            })?
            .map_err(|refusal| self.failures.refusal(&refusal))?;
        }
        Ok(!lost.is_empty())
    }

    fn remove(&self, id: &str, attribute: &Attribute, reasons: &mut Vec<String>) -> Result {
        let said = self.all_of_kind(id, attribute)?;
        let place = said.iter().position(|it| it == attribute);
        let removed = self.carry_out(&Request::DeleteAttribute {
            id: id.into(),
            attribute: attribute.clone(),
            index: place.and_then(|place| u32::try_from(place).ok()),
        })?;
        reasons.extend(removed.err().map(|refusal| refusal.to_string()));
        Ok(())
    }

    /// All values of an attribute in the server's order, by which 1.x counts them.
    fn all_of_kind(&self, id: &str, like: &Attribute) -> Result<Vec<Attribute>> {
        let request = attributes(id);
        match self.carry_out(&request)? {
            Ok(Response::GetAttributes { attributes, .. }) => {
                let same = |it: &Attribute| it.name() == like.name();
                Ok(attributes.into_iter().filter(same).collect())
            }
            _ => Ok(vec![]),
        }
    }

    fn not_kept(&self, what: &str, reasons: &[String]) -> crate::error::Error {
        let why = match reasons {
            [] => "it took the change, and kept nothing of it".into(),
            reasons => reasons.join("; "),
        };
        let reason = format!("the server does not let it be {what}: {why}");
        self.failures.error(TokenErrorKind::Impossible, reason)
    }
}
