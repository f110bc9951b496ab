//! The keystore's catalog: its rows page by page, as programs see them.

use std::collections::HashMap;

use super::store::{CertificateRow, KeyPage, KeyRow, Which};
use super::{KeystoreToken, key_row, signing};
use crate::error::Result;
use crate::model::certificate::Certificate;
use crate::model::key::{Key, ObjectId};
use crate::token::catalog::{Catalog, KeyNumber, Page, Wanted};
use crate::token::selection::unseen;

impl Catalog for KeystoreToken {
    fn page(&self, wanted: &Wanted, after: KeyNumber, limit: usize) -> Result<Page> {
        let Ok(after) = i64::try_from(after) else {
            return Ok(Page::default());
        };
        let page = self.store()?.page(&which(wanted), after, limit);
        let KeyPage { keys, certificates } = page.map_err(|error| self.failed(error))?;
        let is_last = keys.len() < limit;
        let last = keys.last().map(|row| number(row.number));
        let mut certificates = by_key(certificates);
        let shown = keys.into_iter().filter_map(|row| {
            let of_key = certificates.remove(&row.id).unwrap_or_default();
            Some((number(row.number), self.shown_key(&row, of_key)?))
        });
        Ok(Page {
            keys: shown.collect(),
            next: last.filter(|_| !is_last),
        })
    }

    fn key(&self, wanted: KeyNumber) -> Result<Option<Key>> {
        let page = self.page(&Wanted::default(), wanted.saturating_sub(1), 1)?;
        let found = page.keys.into_iter().next();
        Ok(found
            .filter(|(number, _)| *number == wanted)
            .map(|(_, key)| key))
    }
}

impl KeystoreToken {
    /// The key of a row, if programs may see it.
    fn shown_key(&self, row: &KeyRow, certificates: Vec<CertificateRow>) -> Option<Key> {
        let opened = self.opened.lock().clone();
        if opened.is_some_and(|opened| !opened.keys.is_authentic(row)) {
            log::warn!(
                "key {:?} ({}) is not shown: {}",
                row.name,
                row.id,
                signing::ALTERED
            );
            return None;
        }
        let readable = |row: CertificateRow| {
            Certificate::from_der(ObjectId(row.id.clone()), &row.der)
                .inspect_err(|error| log::warn!("certificate {} cannot be read: {error}", row.id))
                .ok()
        };
        let certificates = certificates.into_iter().filter_map(readable).collect();
        match key_row::key(row, certificates) {
            Ok(mut key) => {
                key.certificates.retain(|it| it.public_key == key.public);
                let reason = unseen(&key, &self.filter);
                if let Some(reason) = &reason {
                    log::debug!("key {:?} ({}) is not shown: {reason}", key.name, key.id);
                }
                reason.is_none().then_some(key)
            }
            Err(reason) => {
                log::warn!("key {:?} ({}) is not shown: {reason}", row.name, row.id);
                None
            }
        }
    }
}

/// The narrowest question for what is wanted: the provider looks at each answer again.
fn which(wanted: &Wanted) -> Which {
    match (&wanted.key_id, &wanted.label, wanted.certified) {
        (Some(id), _, _) => Which::CkaId(id.clone()),
        (None, Some(label), _) => Which::Label(label.clone()),
        (None, None, true) => Which::Certified,
        (None, None, false) => Which::All,
    }
}

/// The database gives none below zero.
fn number(number: i64) -> KeyNumber {
    number.unsigned_abs()
}

fn by_key(certificates: Vec<CertificateRow>) -> HashMap<String, Vec<CertificateRow>> {
    let mut all = HashMap::<_, Vec<_>>::new();
    for row in certificates {
        all.entry(row.key_id.clone()).or_default().push(row);
    }
    all
}
