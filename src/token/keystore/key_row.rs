//! A key as a row, and a row as a key.

use super::random;
use super::store::{KeyRow, StoreError, Stored};
use crate::crypto::private_key::PrivateKey;
use crate::error::TokenErrorKind;
use crate::model::attribute::presentable_label;
use crate::model::certificate::Certificate;
use crate::model::key::{Custody, Key, ObjectId, OtherUses, State};
use crate::model::public_key::{KeyType, PublicKey};
use crate::model::validity::{Validity, now};
use crate::token::NewKey;

/// KMIP's numbers (2.1, 11.55); what is destroyed has no row.
const STATES: [(i64, State); 4] = [
    (1, State::PreActive),
    (2, State::Active),
    (3, State::Deactivated),
    (4, State::Compromised),
];

/// The number of a state.
pub fn number_of(state: State) -> i64 {
    let found = STATES.iter().find(|(_, known)| *known == state);
    found.map_or(0, |(number, _)| *number)
}

/// The row of a new key, not sealed yet. `is_born_here` if nobody else can have it.
pub fn new(private: &PrivateKey, wanted: &NewKey, is_born_here: bool) -> Stored<KeyRow> {
    let failed = |reason: String| StoreError::new(TokenErrorKind::Failed, reason);
    let public = private.public();
    let made = now();
    let groups = serde_json::to_string(&wanted.groups);
    Ok(KeyRow {
        number: 0,
        id: random::hex::<16>().map_err(|error| failed(error.to_string()))?,
        name: wanted.name.clone(),
        own_label: None,
        label: presentable_label(&wanted.name),
        cka_id: public.key_id(),
        public_key: public
            .to_spki()
            .map_err(|error| failed(error.to_string()))?,
        key_type: word(public.key_type()),
        state: number_of(match wanted.activate {
            true => State::Active,
            false => State::PreActive,
        }),
        activated: wanted.activate.then_some(made),
        revoked: None,
        revocation: None,
        object_groups: groups.map_err(|error| failed(error.to_string()))?,
        extractable: wanted.extractable,
        never_extractable: is_born_here && !wanted.extractable,
        created: made,
        sealed: vec![],
        code: vec![],
    })
}

/// The word of a type, as the configuration has it, with the length of RSA.
fn word(key_type: KeyType) -> String {
    match key_type {
        KeyType::Rsa(bits) => format!("rsa-{bits}"),
        KeyType::Ec(curve) => format!("ecdsa-p{}", curve.bits()),
        KeyType::Ed25519 => "ed25519".into(),
        KeyType::MlDsa(set) => format!("ml-dsa-{}", set.digits()),
    }
}

/// The key of a row, with those of the certificates that speak of it: which they are, anybody who writes
/// the database can say.
///
/// # Errors
/// What in the row is not as it should be.
pub fn key(row: &KeyRow, certificates: Vec<Certificate>) -> Result<Key, String> {
    let state = STATES.iter().find(|(number, _)| *number == row.state);
    let (_, state) = state.ok_or_else(|| format!("its row has no state {}", row.state))?;
    let groups = serde_json::from_str(&row.object_groups);
    let public = PublicKey::from_spki(&row.public_key);
    let public = public.map_err(|error| format!("its row has no public key: {error}"))?;
    let key_type = public.key_type();
    let of_key = |certificate: &Certificate| certificate.public_key == public;
    Ok(Key {
        id: ObjectId(row.id.clone()),
        public_id: None,
        name: row.name.clone(),
        own_label: row.own_label.clone(),
        certificates: certificates.into_iter().filter(of_key).collect(),
        public,
        key_id: row.cka_id.clone(),
        state: *state,
        validity: Validity {
            activation: row.activated,
            deactivation: row.revoked,
            ..Validity::default()
        },
        may_sign: true,
        other_uses: OtherUses::of(key_type),
        mechanisms: None,
        custody: Custody {
            sensitive: Some(true),
            extractable: Some(row.extractable),
            always_sensitive: Some(row.never_extractable),
            never_extractable: Some(row.never_extractable),
        },
        groups: groups.map_err(|_| "its row has no list of groups".to_owned())?,
        created: Some(row.created),
        remarks: vec![],
    })
}
