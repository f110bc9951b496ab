//! One signature by a key that is unsealed for it, or was lately.

use std::sync::Arc;

use super::KeystoreToken;
use super::opened::{Opened, Pair};
use super::store::{KeyRow, Store};
use crate::crypto::private_key::PrivateKey;
use crate::error::{Error, Result, TokenErrorKind};
use crate::model::key::{Key, ObjectId};
use crate::model::signature::{SignInput, SignScheme};
use crate::token::Token;

/// Why a row whose code is wrong is of no use.
pub const ALTERED: &str = "its row was altered in the database by something that does not have the \
     keystore's key; restore the last backup";

impl KeystoreToken {
    /// A signature.
    ///
    /// Each pair has signed and been verified once, when it was unsealed, which shows that it is one. That
    /// the crypto library computes right with it is not asked again: for RSA it asks itself.
    pub(super) fn signature(
        &self,
        key: &Key,
        scheme: SignScheme,
        input: SignInput<'_>,
    ) -> Result<Vec<u8>> {
        self.opened()?;
        self.signable(key, scheme, input)?;
        let signature = self.pair(key)?.private.sign(scheme, input);
        signature.map_err(|error| self.error(TokenErrorKind::BadInput, error.to_string()))
    }

    /// The pair of a key that may be used; unsealed if it is not yet.
    pub(super) fn pair(&self, key: &Key) -> Result<Arc<Pair>> {
        let opened = self.opened()?;
        let pair = match opened.fresh(&key.id) {
            Some(pair) => pair,
            None => self.looked_up(&opened, &key.id)?,
        };
        match *pair.private.public() == key.public {
            true => Ok(pair),
            false => Err(self.gone(&key.id)),
        }
    }

    /// The pair of a row that is as it should be, and may be used.
    fn looked_up(&self, opened: &Opened, id: &ObjectId) -> Result<Arc<Pair>> {
        let row = match self.authentic(opened, id) {
            Ok(row) => row,
            Err(error) => {
                opened.forget(id);
                return Err(error);
            }
        };
        if let Some(reason) = self.key_of(&row)?.unusable() {
            opened.forget(id);
            let reason = format!("key {:?} ({id}) does not sign: {reason}", row.name);
            return Err(self.error(TokenErrorKind::Denied, reason));
        }
        match opened.same(id, &row.code) {
            Some(pair) => Ok(pair),
            None => {
                let private = self.unsealed(opened, &row)?;
                Ok(opened.keep(id, private, row.code))
            }
        }
    }

    /// The row of a key, if it is there and nobody but us wrote it.
    pub(super) fn authentic(&self, opened: &Opened, id: &ObjectId) -> Result<KeyRow> {
        let row = self.store()?.key(&id.0).map_err(|it| self.failed(it))?;
        let row = row.ok_or_else(|| self.gone(id))?;
        match opened.keys.is_authentic(&row) {
            true => Ok(row),
            false => Err(self.altered(&row)),
        }
    }

    /// The private key of a row; proved to be that of the row's public key.
    pub(super) fn unsealed(&self, opened: &Opened, row: &KeyRow) -> Result<PrivateKey> {
        let pkcs8 = opened.keys.unseal(row).ok_or_else(|| self.altered(row))?;
        let private = PrivateKey::from_pkcs8(&pkcs8);
        let private =
            private.map_err(|error| self.error(TokenErrorKind::Failed, error.to_string()))?;
        self.prove(row, &private)?;
        Ok(private)
    }

    fn prove(&self, row: &KeyRow, private: &PrivateKey) -> Result {
        let key = self.key_of(row)?;
        let scheme = SignScheme::usual(key.public.key_type());
        let message = SignInput::Message(b"kmip-p11: is this the private key of that public key?");
        let signature = private.sign(scheme, message);
        let signature =
            signature.map_err(|error| self.error(TokenErrorKind::Failed, error.to_string()))?;
        self.verified(&key, scheme, message, signature).map(drop)
    }

    /// The key of a row, without its certificates.
    pub(super) fn key_of(&self, row: &KeyRow) -> Result<Key> {
        super::key_row::key(row, vec![])
            .map_err(|reason| self.error(TokenErrorKind::Failed, reason))
    }

    fn altered(&self, row: &KeyRow) -> Error {
        let place = self.store().map_or(String::new(), Store::place);
        let (name, id) = (&row.name, &row.id);
        let reason = format!("key {name:?} ({id}) of keystore {place} is not used: {ALTERED}");
        self.error(TokenErrorKind::Failed, reason)
    }

    /// There is no such key any more.
    pub(super) fn gone(&self, id: &ObjectId) -> Error {
        let reason = format!("there is no key {id} any more");
        self.error(TokenErrorKind::Gone, reason)
    }
}
