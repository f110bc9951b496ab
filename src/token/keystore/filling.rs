//! Many new keys at once: made one by one, written together.

use super::store::StoreError;
use super::{KeystoreToken, key_row, sealing};
use crate::config::{KeyFilter, Keystore};
use crate::crypto::private_key::{PrivateKey, PrivateKeyError};
use crate::error::{Result, TokenErrorKind};
use crate::token::{NewKey, Token};

/// Makes keys in the keystore of the slot of that label, which `pin` opens if it is sealed by one.
/// In an SQLite file they are there all together or not at all.
///
/// # Errors
/// As a login, and as for a single key. A keystore takes no more when as many were sealed as one data
/// key may seal; then those of this call are there.
pub fn fill(
    label: &str,
    config: &Keystore,
    pin: Option<&str>,
    wanted: &mut dyn Iterator<Item = NewKey>,
) -> Result {
    let token = KeystoreToken::new(label, config, KeyFilter::default());
    if let Some(pin) = pin {
        token.login(pin)?;
    }
    let opened = token.opened()?;
    let row = |wanted: NewKey| {
        let unusable =
            |error: PrivateKeyError| StoreError::new(TokenErrorKind::Failed, error.to_string());
        let private = PrivateKey::generate(wanted.key_type).map_err(unusable)?;
        let pkcs8 = private.to_pkcs8().map_err(unusable)?;
        let mut row = key_row::new(&private, &wanted, true)?;
        row.sealed = opened.keys.seal(&row, &pkcs8)?;
        row.code = opened.keys.code(&row);
        Ok(row)
    };
    let mut next = || wanted.next().map(row).transpose();
    let inserted = token.store()?.insert_all(&mut next);
    let last = inserted.map_err(|error| token.failed(error))?;
    match last > sealing::MOST_SEALINGS {
        true => {
            let reason = "as many keys were sealed as one data key may seal; make a new keystore";
            Err(token.error(TokenErrorKind::Full, reason.into()))
        }
        false => Ok(()),
    }
}
