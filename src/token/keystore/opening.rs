//! From a PIN or another secret to an opened keystore.

use std::path::Path;
use std::sync::Arc;

use super::opened::Opened;
use super::sealing::{DataKey, FORMAT, Keys};
use super::sqlite::SqliteStore;
use super::store::{Store, StoreError, Stored, TokenRow};
use super::wrapping::{self, CredentialFile, HsmKey, KmipKey, Pin, Wrapping};
use super::{KeystoreToken, tries};
use crate::config::Seal;
use crate::error::{Result, TokenErrorKind};
use crate::token::Token;
use crate::token::hsm;
use crate::token::kmip::cipher_key::CipherKey;

impl KeystoreToken {
    /// The opened keystore. One without PIN is opened at first use; then it is open as long as the
    /// process lives.
    pub(super) fn opened(&self) -> Result<Arc<Opened>> {
        let mut opened = self.opened.lock();
        if let Some(opened) = &*opened {
            return Ok(Arc::clone(opened));
        }
        let (_, keys) = match self.seal {
            Seal::Pin => {
                let reason = "nobody is logged in: give the PIN first".to_owned();
                return Err(self.error(TokenErrorKind::LoginRequired, reason));
            }
            _ => {
                let unsealed = unsealed(&self.label, self.store()?, &self.seal);
                unsealed.map_err(|error| self.failed(error))?
            }
        };
        Ok(Arc::clone(opened.insert(Arc::new(Opened::new(keys)))))
    }

    /// Tries the PIN, and counts it if it is wrong.
    pub(super) fn open_by_pin(&self, pin: &str) -> Result {
        let store = self.store()?;
        let tried = by_pin(store, &Pin::new(pin));
        if let Ok(token) = store.token() {
            self.note(&token);
        }
        let (_, keys) = tried.map_err(|error| self.failed(error))?;
        *self.opened.lock() = Some(Arc::new(Opened::new(keys)));
        Ok(())
    }
}

/// The token, if it is sealed as the configuration says.
pub fn sealed_by(store: &dyn Store, kind: &str) -> Stored<TokenRow> {
    let token = store.token()?;
    judge(&token, kind, &store.place())?;
    Ok(token)
}

/// Whether the keystore in that file is opened by a credential file, as far as it can be read.
pub fn is_sealed_by_file(path: &Path) -> bool {
    let token = SqliteStore::new(path).token();
    token.is_ok_and(|token| token.seal == CredentialFile(path).kind())
}

fn judge(token: &TokenRow, kind: &str, place: &str) -> Stored {
    if token.format != FORMAT {
        return Err(StoreError::new(
            TokenErrorKind::Failed,
            format!(
                "keystore {place} is sealed in format {}, and this program knows {FORMAT}; use a later one",
                token.format
            ),
        ));
    }
    if token.seal == kind {
        return Ok(());
    }
    Err(StoreError::new(
        TokenErrorKind::Failed,
        format!(
            "keystore {place} is sealed by {:?}; write keystore.seal = {:?}, and start programs again that \
             run since before it was sealed so",
            token.seal, token.seal
        ),
    ))
}

/// Opens by what needs no person.
pub fn unsealed(slot: &str, store: &dyn Store, seal: &Seal) -> Stored<(DataKey, Keys)> {
    let with = without_person(slot, seal)?;
    let token = sealed_by(store, with.kind())?;
    wrapping::unwrap(&*with, &token)
}

/// What opens a keystore of that seal; not the PIN, which a person has.
pub fn without_person<'a>(slot: &str, seal: &'a Seal) -> Stored<Box<dyn Wrapping + 'a>> {
    match seal {
        Seal::Pin => Err(StoreError::new(
            TokenErrorKind::LoginRequired,
            "the keystore is sealed by a PIN: give it",
        )),
        Seal::File(path) => Ok(Box::new(CredentialFile(path))),
        Seal::Hsm { key, hsm } => {
            let key = hsm::cipher_key::CipherKey::new(slot, hsm, key);
            Ok(Box::new(HsmKey(key)))
        }
        Seal::Kmip { key, kmip } => Ok(Box::new(KmipKey(CipherKey::new(slot, kmip, key)))),
    }
}

/// What a try at a PIN came to, so far.
enum Try {
    Right,
    /// The PIN is wrong, or was not tried.
    Refused(StoreError),
    /// The PIN was changed while its key was computed.
    Again,
}

/// Opens by a PIN.
///
/// The slow part is done before the transaction, the verdict and the count are one: of many tries at
/// once each is counted before the next is judged.
pub fn by_pin(store: &dyn Store, pin: &Pin) -> Stored<(DataKey, Keys)> {
    loop {
        let token = sealed_by(store, pin.kind())?;
        if let Some(left) = tries::left(&token, tries::now()) {
            return Err(tries::refused(&token, left));
        }
        let tried = wrapping::unwrap(pin, &token);
        let mut outcome = None;
        let counted = store.change_token(&mut |now| {
            let (judged, changed) = verdict(&token, now, &tried);
            outcome = Some(judged);
            Ok(changed)
        });
        match counted {
            // What cannot be written cannot be counted: the cost of a try is then the only hindrance.
            Err(error) if error.kind == TokenErrorKind::ReadOnly => return tried,
            counted => counted?,
        }
        match outcome {
            Some(Try::Right) => return tried,
            Some(Try::Refused(error)) => return Err(error),
            Some(Try::Again) | None => {}
        }
    }
}

/// Whether the row `now` has to be written for it.
fn verdict(seen: &TokenRow, now: &mut TokenRow, tried: &Stored<(DataKey, Keys)>) -> (Try, bool) {
    if (&now.seal_parameters, &now.data_key) != (&seen.seal_parameters, &seen.data_key) {
        return (Try::Again, false);
    }
    if let Some(left) = tries::left(now, tries::now()) {
        return (Try::Refused(tries::refused(now, left)), false);
    }
    match tried {
        Ok(_) => {
            let counted = now.failures != 0;
            (now.failures, now.last_failure) = (0, 0);
            (Try::Right, counted)
        }
        Err(error) if error.kind == TokenErrorKind::WrongPin => {
            tries::count(now);
            (Try::Refused(with_wait(error, now)), true)
        }
        Err(error) => (Try::Refused(error.clone()), false),
    }
}

/// What the next try has to wait for is told with the error of this one.
fn with_wait(error: &StoreError, token: &TokenRow) -> StoreError {
    match tries::left(token, tries::now()) {
        Some(left) => {
            let locked = tries::refused(token, left).reason;
            StoreError::new(error.kind, format!("{}; {locked}", error.reason))
        }
        None => error.clone(),
    }
}
