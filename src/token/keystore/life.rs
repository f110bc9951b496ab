//! What happens to keys from their making to their end.

use super::store::{CertificateRow, KeyRow, StoreError, Stored};
use super::{KeystoreToken, key_row, random, sealing, signing};
use crate::crypto::private_key::PrivateKey;
use crate::error::{Result, TokenErrorKind};
use crate::model::attribute::presentable_label;
use crate::model::certificate::Certificate;
use crate::model::key::{Key, ObjectId, State};
use crate::model::validity::{instant, now};
use crate::token::{Half, NewKey, Probe, Revocation, Token, Told, Wish};

impl KeystoreToken {
    pub(super) fn make(&self, wanted: &NewKey) -> Result<Key> {
        self.named(&wanted.name)?;
        let private = PrivateKey::generate(wanted.key_type);
        let private = private.map_err(|error| self.bad(&error.to_string()))?;
        self.take_in(&private, wanted, true)
    }

    pub(super) fn take_in(
        &self,
        private: &PrivateKey,
        wanted: &NewKey,
        is_born_here: bool,
    ) -> Result<Key> {
        let opened = self.opened()?;
        self.named(&wanted.name)?;
        let pkcs8 = private
            .to_pkcs8()
            .map_err(|error| self.bad(&error.to_string()))?;
        let row = || {
            let mut row = key_row::new(private, wanted, is_born_here)?;
            row.sealed = opened.keys.seal(&row, &pkcs8)?;
            row.code = opened.keys.code(&row);
            Ok(row)
        };
        let row = row().map_err(|error| self.failed(error))?;
        let inserted = self.store()?.insert(&row, &[]);
        let number = inserted.map_err(|error| self.failed(error))?;
        if number > sealing::MOST_SEALINGS {
            self.store()?
                .remove(&row.id)
                .map_err(|error| self.failed(error))?;
            let reason = "as many keys were sealed as one data key may seal; make a new keystore";
            return Err(self.error(TokenErrorKind::Full, reason.into()));
        }
        self.key_of(&row)
    }

    pub(super) fn give_out(&self, key: &Key) -> Result<PrivateKey> {
        let opened = self.opened()?;
        let row = self.authentic(&opened, &key.id)?;
        match row.extractable {
            true => self.unsealed(&opened, &row),
            false => {
                let reason = format!("key {:?} ({}) is not extractable", key.name, key.id);
                Err(self.error(TokenErrorKind::Denied, reason))
            }
        }
    }

    pub(super) fn begin_use(&self, key: &Key) -> Result {
        self.change(key, |row| {
            if row.state != key_row::number_of(State::PreActive) {
                return Err(wrong_state(row, "only a pre-active key can be activated"));
            }
            row.state = key_row::number_of(State::Active);
            row.activated = Some(now());
            Ok(())
        })
    }

    /// A compromise can be told of a key that was revoked for another reason, and nothing else can.
    pub(super) fn end_use(&self, key: &Key, revocation: &Revocation) -> Result {
        self.change(key, |row| {
            let state = match revocation.compromised {
                true => State::Compromised,
                false => State::Deactivated,
            };
            if row.state >= key_row::number_of(state) {
                return Err(wrong_state(row, "it was revoked before"));
            }
            row.state = key_row::number_of(state);
            row.revoked = Some(now());
            row.revocation.clone_from(&revocation.message);
            Ok(())
        })
    }

    pub(super) fn remove(&self, key: &Key) -> Result {
        let opened = self.opened()?;
        let row = self.store()?.key(&key.id.0).map_err(|it| self.failed(it))?;
        if row.is_some_and(|row| row.state == key_row::number_of(State::Active)) {
            let reason = format!(
                "key {:?} ({}) is active: revoke it before it is destroyed",
                key.name, key.id
            );
            return Err(self.error(TokenErrorKind::Denied, reason));
        }
        let removed = self.store()?.remove(&key.id.0);
        opened.forget(&key.id);
        match removed.map_err(|error| self.failed(error))? {
            true => Ok(()),
            false => Err(self.gone(&key.id)),
        }
    }

    pub(super) fn name(&self, key: &Key, name: &str) -> Result {
        self.named(name)?;
        self.change(key, |row| {
            name.clone_into(&mut row.name);
            row.label = label(row);
            Ok(())
        })
    }

    pub(super) fn show_as(&self, key: &Key, wish: &Wish) -> Result {
        self.change(key, |row| {
            match wish {
                Wish::Id(id) => {
                    row.cka_id = id.clone().unwrap_or_else(|| key.public.key_id());
                }
                Wish::Label(label) => row.own_label.clone_from(label),
            }
            row.label = label(row);
            Ok(())
        })
    }

    /// Changes a row that is as it should be, and makes its code anew.
    fn change(&self, key: &Key, change: impl Fn(&mut KeyRow) -> Stored) -> Result {
        let opened = self.opened()?;
        let changed = self.store()?.change_key(&key.id.0, &mut |row| {
            if !opened.keys.is_authentic(row) {
                let reason = format!("key {:?} is not changed: {}", row.name, signing::ALTERED);
                return Err(StoreError::new(TokenErrorKind::Failed, reason));
            }
            change(row)?;
            row.code = opened.keys.code(row);
            Ok(())
        });
        opened.forget(&key.id);
        match changed.map_err(|error| self.failed(error))? {
            true => Ok(()),
            false => Err(self.gone(&key.id)),
        }
    }

    pub(super) fn keep_certificate(&self, key: &Key, der: &[u8]) -> Result<Certificate> {
        self.opened()?;
        let id = random::hex::<16>().map_err(|error| self.bad(&error.to_string()))?;
        let mut certificate = self.certificate_of(key, ObjectId(id.clone()), der)?;
        let row = CertificateRow {
            id,
            key_id: key.id.0.clone(),
            der: der.to_vec(),
        };
        let kept = self.store()?.insert_certificate(&row);
        match kept.map_err(|error| self.failed(error))? {
            Some(id) => {
                certificate.id = ObjectId(id);
                Ok(certificate)
            }
            None => Err(self.gone(&key.id)),
        }
    }

    pub(super) fn remove_certificate(&self, key: &Key, certificate: &ObjectId) -> Result {
        self.opened()?;
        let removed = self.store()?.remove_certificate(&key.id.0, &certificate.0);
        match removed.map_err(|error| self.failed(error))? {
            true => Ok(()),
            false => Err(self.gone(certificate)),
        }
    }

    pub(super) fn tell(&self, key: &Key) -> Result<Vec<Told>> {
        let row = self.store()?.key(&key.id.0).map_err(|it| self.failed(it))?;
        let row = row.ok_or_else(|| self.gone(&key.id))?;
        let told = |name: &str, value: String, programs| Told {
            half: Half::Private,
            name: name.into(),
            value,
            programs,
        };
        let mut all = vec![
            told("number", row.number.to_string(), ""),
            told("id", row.id, ""),
            told("name", row.name, "CKA_LABEL"),
            told("key type", row.key_type, "CKA_KEY_TYPE"),
            told("state", key.state.to_string(), ""),
            told("created", instant(row.created), ""),
            told(
                "extractable",
                row.extractable.to_string(),
                "CKA_EXTRACTABLE",
            ),
            told(
                "never extractable",
                row.never_extractable.to_string(),
                "CKA_NEVER_EXTRACTABLE",
            ),
        ];
        let dates = [("activated", row.activated), ("revoked", row.revoked)];
        let set = dates
            .into_iter()
            .filter_map(|(name, date)| Some((name, date?)));
        all.extend(set.map(|(name, date)| told(name, instant(date), "")));
        let texts = [("own label", row.own_label), ("revocation", row.revocation)];
        let set = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)));
        all.extend(set.map(|(name, text)| told(name, text, "")));
        Ok(all)
    }

    pub(super) fn look(&self) -> Result<Probe> {
        let store = self.store()?;
        let failed = |error| self.failed(error);
        let token = store.token().map_err(failed)?;
        let mut facts = store.facts().map_err(failed)?;
        facts.extend([
            ("serial number", token.serial.clone()),
            ("made", instant(token.created)),
            ("sealed by", token.seal.clone()),
            ("format", token.format.to_string()),
            ("keys", store.count().map_err(failed)?.to_string()),
        ]);
        let mut warnings = vec![];
        if token.failures > 0 {
            let last = instant(token.last_failure / 1000);
            warnings.push(format!(
                "{} wrong PINs were given since the last right one, the last at {last}",
                token.failures
            ));
        }
        Ok(Probe { facts, warnings })
    }

    fn bad(&self, reason: &str) -> crate::error::Error {
        self.error(TokenErrorKind::BadInput, reason.to_owned())
    }
}

fn label(row: &KeyRow) -> String {
    presentable_label(row.own_label.as_ref().unwrap_or(&row.name))
}

fn wrong_state(row: &KeyRow, why: &str) -> StoreError {
    let reason = format!("the state of key {:?} stays as it is: {why}", row.name);
    StoreError::new(TokenErrorKind::Denied, reason)
}
