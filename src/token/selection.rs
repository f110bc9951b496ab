//! Which of a token's keys programs see: the slot's filter, and what every program can bear.

use std::collections::{HashMap, HashSet};

use crate::config::{KeyFilter, KeyKind, KeyState};
use crate::model::key::{Found, Hidden, Key, State};
use crate::model::ml_dsa::ParameterSet;
use crate::model::public_key::{Curve, KeyType};

/// Splits keys into those that programs see, in the order of their names, and those they do not.
///
/// The order must stay: OpenSSH offers keys in it, and a server gives up after six.
pub fn select(mut keys: Vec<Key>, filter: &KeyFilter) -> Found {
    keys.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    let mut found = Found::default();
    let mut seen = HashSet::new();
    for key in keys {
        let reason = unseen(&key, filter).or_else(|| duplicate(&mut seen, &key));
        match reason {
            None => found.keys.push(key),
            Some(reason) => found.hidden.push(Hidden {
                id: key.id.clone(),
                key: Some(key),
                reason,
            }),
        }
    }
    tell_apart(&mut found.keys);
    found
}

/// Why programs do not see a key, whatever other keys there are.
pub fn unseen(key: &Key, filter: &KeyFilter) -> Option<String> {
    filtered_out(key, filter).or_else(|| out_of_state(key, filter))
}

/// Why the slot's configuration does not show the key.
fn filtered_out(key: &Key, filter: &KeyFilter) -> Option<String> {
    let key_type = key.public.key_type();
    if !filter.types.contains(&key_kind(key_type)) {
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

/// Why a key in its state is not shown: by default, that it cannot sign. One that was never meant to
/// sign is shown in no state.
fn out_of_state(key: &Key, filter: &KeyFilter) -> Option<String> {
    let state = key.state_now();
    let wanted = key_state(state).is_some_and(|state| filter.states.contains(&state));
    match (wanted, key.unusable()) {
        (true, Some(reason)) if !key.may_sign => Some(reason),
        (true, _) => None,
        (false, Some(reason)) => Some(reason),
        (false, None) => Some(format!("keys.states does not show {state} keys")),
    }
}

fn key_state(state: State) -> Option<KeyState> {
    match state {
        State::PreActive => Some(KeyState::PreActive),
        State::Active => Some(KeyState::Active),
        State::Deactivated => Some(KeyState::Deactivated),
        State::Compromised => Some(KeyState::Compromised),
        State::Destroyed | State::DestroyedCompromised => None,
    }
}

/// The same key twice would make programs sign with the wrong one.
fn duplicate(seen: &mut HashSet<Vec<u8>>, key: &Key) -> Option<String> {
    let new = seen.insert(key.public.key_id());
    (!new).then(|| "another object of the token is the same key".into())
}

/// No two keys that are shown have one CKA_ID: OpenSSH expects exactly one hit. Whoever wished for one
/// that another key has keeps the one that his key has by itself.
fn tell_apart(keys: &mut [Key]) {
    if keys.iter().all(|key| key.key_id == key.public.key_id()) {
        return;
    }
    let mut holders: HashMap<Vec<u8>, HashSet<usize>> = HashMap::new();
    for (place, key) in keys.iter().enumerate() {
        for id in [key.key_id.clone(), key.public.key_id()] {
            holders.entry(id).or_default().insert(place);
        }
    }
    let several = |key: &&mut Key| holders.get(&key.key_id).is_some_and(|it| it.len() > 1);
    for key in keys.iter_mut().filter(several) {
        let natural = key.public.key_id();
        if key.key_id != natural {
            let wished: String = key
                .key_id
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let remark =
                format!("another key has the CKA_ID {wished}, too: it is not shown with it");
            log::warn!("key {:?} ({}): {remark}", key.name, key.id);
            key.remarks.push(remark);
            key.key_id = natural;
        }
    }
}

/// What the configuration calls keys of that type.
pub fn key_kind(key_type: KeyType) -> KeyKind {
    match key_type {
        KeyType::Rsa(_) => KeyKind::Rsa,
        KeyType::Ec(Curve::P256) => KeyKind::EcdsaP256,
        KeyType::Ec(Curve::P384) => KeyKind::EcdsaP384,
        KeyType::Ec(Curve::P521) => KeyKind::EcdsaP521,
        KeyType::Ed25519 => KeyKind::Ed25519,
        KeyType::MlDsa(ParameterSet::MlDsa44) => KeyKind::MlDsa44,
        KeyType::MlDsa(ParameterSet::MlDsa65) => KeyKind::MlDsa65,
        KeyType::MlDsa(ParameterSet::MlDsa87) => KeyKind::MlDsa87,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::memory::MemoryToken;
    use crate::token::{NewKey, Token};

    fn key(name: &str) -> Key {
        let wanted = NewKey::new(name, KeyType::Ed25519);
        MemoryToken::new("t").generate(&wanted).unwrap()
    }

    #[test]
    fn a_wished_id_is_given_to_one_key_only() {
        let mut keys = ["a", "b", "c", "d"].map(key);
        keys[0].key_id = vec![1];
        keys[1].key_id = vec![2];
        keys[2].key_id = vec![2];
        keys[3].key_id = keys[0].public.key_id();
        let found = select(keys.to_vec(), &KeyFilter::default());
        let naturals: Vec<_> = keys.iter().map(|key| key.public.key_id()).collect();
        let ids: Vec<_> = found.keys.iter().map(|key| key.key_id.clone()).collect();
        assert_eq!(
            ids,
            [
                vec![1],
                naturals[1].clone(),
                naturals[2].clone(),
                naturals[3].clone()
            ]
        );
        let remarked = found.keys.iter().map(|key| key.remarks.len());
        assert_eq!(remarked.collect::<Vec<_>>(), [0, 1, 1, 1]);
    }

    #[test]
    fn states_are_shown_as_the_slot_wants_them() {
        let mut keys = ["a", "b", "c"].map(key);
        keys[1].state = State::Deactivated;
        keys[2].validity.protect_stop = Some(1);
        let shown = |states: &[KeyState]| {
            let filter = KeyFilter {
                states: states.to_vec(),
                ..KeyFilter::default()
            };
            let found = select(keys.to_vec(), &filter);
            let names: Vec<_> = found.keys.iter().map(|key| key.name.clone()).collect();
            (names.concat(), found.hidden)
        };
        let (active, hidden) = shown(&[KeyState::Active]);
        assert_eq!(active, "a");
        assert_eq!(hidden[0].reason, "it is deactivated");
        assert!(hidden[1].reason.contains("Protect Stop Date"));
        assert_eq!(shown(&[KeyState::Active, KeyState::Deactivated]).0, "abc");
        let (_, hidden) = shown(&[KeyState::PreActive]);
        assert_eq!(hidden[0].reason, "keys.states does not show active keys");
    }

    #[test]
    fn what_may_not_sign_is_shown_in_no_state() {
        let mut key = key("a");
        key.may_sign = false;
        let filter = KeyFilter {
            states: KeyState::ALL.to_vec(),
            ..KeyFilter::default()
        };
        assert!(select(vec![key], &filter).keys.is_empty());
    }
}
