//! Which of a token's keys programs see: the slot's filter, and what every program can bear.

use std::collections::HashSet;

use crate::config::{KeyFilter, KeyKind};
use crate::model::key::{Found, Hidden, Key};
use crate::model::public_key::{Curve, KeyType};

/// Splits keys into those that programs see, in the order of their names, and those they do not.
///
/// The order must stay: OpenSSH offers keys in it, and a server gives up after six.
pub fn select(mut keys: Vec<Key>, filter: &KeyFilter) -> Found {
    keys.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let mut found = Found::default();
    let mut seen = HashSet::new();
    for key in keys {
        let reason = filtered_out(&key, filter)
            .or_else(|| key.unusable())
            .or_else(|| duplicate(&mut seen, &key));
        match reason {
            None => found.keys.push(key),
            Some(reason) => found.hidden.push(Hidden {
                id: key.id.clone(),
                key: Some(key),
                reason,
            }),
        }
    }
    found
}

/// Why the slot's configuration does not show the key.
fn filtered_out(key: &Key, filter: &KeyFilter) -> Option<String> {
    let key_type = key.public.key_type();
    if !filter.types.contains(&kind(key_type)) {
        return Some(format!("keys.types does not show {key_type} keys"));
    }
    if !filter.groups.is_empty() && !key.groups.iter().any(|g| filter.groups.contains(g)) {
        return Some("it is in none of the object groups of keys.groups".into());
    }
    if !filter.names.is_empty() && !filter.names.matches(&key.name) {
        return Some("its name matches none of keys.names".into());
    }
    None
}

/// Two keys of one CKA_ID would make programs sign with the wrong one.
fn duplicate(seen: &mut HashSet<Vec<u8>>, key: &Key) -> Option<String> {
    let new = seen.insert(key.key_id.clone());
    (!new).then(|| "another object of the token is the same key".into())
}

fn kind(key_type: KeyType) -> KeyKind {
    match key_type {
        KeyType::Rsa(_) => KeyKind::Rsa,
        KeyType::Ec(Curve::P256) => KeyKind::EcdsaP256,
        KeyType::Ec(Curve::P384) => KeyKind::EcdsaP384,
        KeyType::Ec(Curve::P521) => KeyKind::EcdsaP521,
        KeyType::Ed25519 => KeyKind::Ed25519,
    }
}
