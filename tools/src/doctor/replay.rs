//! OpenSSH's own sequence of calls, for every key of a slot: list, find, sign once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cryptoki_sys::*;
use kmip_p11::provider::{CacheRules, Provider};

use super::attempt::{Attempt, attempts};
use super::consumer::{Consumer, ConsumerSession};
use super::offered_key::OfferedKey;
use crate::place::Place;

/// A key that OpenSSH saw, and what came of its use.
pub struct Trial {
    /// As OpenSSH read it.
    pub offered: OfferedKey,
    /// What it signed.
    pub signed: Vec<&'static str>,
    /// Why it did not sign.
    pub problems: Vec<String>,
    /// The slowest of its signatures.
    pub slowest: Duration,
}

/// What OpenSSH saw in a slot.
#[derive(Default)]
pub struct Replay {
    /// Each public key, in the order of the list.
    pub trials: Vec<Trial>,
    /// What kept keys from the list, or the list from its end.
    pub problems: Vec<String>,
    /// From loading the module to the end of the list.
    pub listing: Duration,
}

/// Does what OpenSSH does, with a provider that knows nothing yet.
pub fn replay(place: &Place) -> Replay {
    // What a file has would not show whether the server answers.
    let cache = CacheRules {
        disk: None,
        ..place.cache.clone()
    };
    let token = (Arc::clone(&place.token), cache);
    let consumer = Consumer::new(Provider::new([token]));
    let mut replay = Replay::default();
    let began = Instant::now();
    let listed = list(
        &consumer,
        place.pin.as_ref().map(|it| it.as_str()),
        &mut replay.problems,
    );
    replay.listing = began.elapsed();
    match listed {
        Ok((session, keys)) => {
            let tried = keys.into_iter().map(|offered| try_key(&session, offered));
            replay.trials = tried.collect();
        }
        Err(problem) => replay.problems.push(problem),
    }
    replay
}

/// Everything up to the end of the list, with what OpenSSH drops on the way among the problems.
fn list(
    consumer: &Consumer,
    pin: Option<&str>,
    problems: &mut Vec<String>,
) -> Result<(ConsumerSession, Vec<OfferedKey>), String> {
    let told = |what: &'static str| move |error| format!("{what}: {error}");
    let slots = consumer.slots().map_err(told("C_GetSlotList"))?;
    let slot = *slots.first().ok_or("C_GetSlotList: no slot")?;
    let flags = consumer.token_flags(slot).map_err(told("C_GetTokenInfo"))?;
    if flags & CKF_TOKEN_INITIALIZED == 0 {
        return Err("the token is not initialized: OpenSSH skips it silently".into());
    }
    let session = consumer.open(slot).map_err(told("C_OpenSession"))?;
    if flags & CKF_LOGIN_REQUIRED != 0 {
        session
            .login(pin.unwrap_or_default())
            .map_err(told("C_Login"))?;
    }
    let mut keys = vec![];
    let class = vec![(CKA_CLASS, CKO_PUBLIC_KEY.to_ne_bytes().to_vec())];
    let listed = session.each_object(class, |object| match OfferedKey::fetch(&session, object) {
        Ok(key) => keys.push(key),
        Err(problem) => problems.push(format!("public key {object}: {problem}")),
    });
    listed.map_err(told("the list of public keys"))?;
    certificates(&session, problems).map_err(told("the list of certificates"))?;
    Ok((session, keys))
}

/// OpenSSH reads all certificates of a slot, and drops those that lack what it asks for.
fn certificates(
    session: &ConsumerSession,
    problems: &mut Vec<String>,
) -> kmip_p11::error::Result<()> {
    let class = vec![(CKA_CLASS, CKO_CERTIFICATE.to_ne_bytes().to_vec())];
    session.each_object(class, |object| {
        let kinds = [CKA_ID, CKA_SUBJECT, CKA_VALUE];
        let sizes = session.sizes(object, kinds);
        match sizes.and_then(|sizes| session.values(object, kinds, sizes)) {
            Ok([_, subject, value]) if subject.is_empty() || value.is_empty() => {
                problems.push(format!("certificate {object}: it is empty"));
            }
            Ok(_) => {}
            Err(error) => problems.push(format!("certificate {object}: {error}")),
        }
    })
}

fn try_key(session: &ConsumerSession, offered: OfferedKey) -> Trial {
    let (mut signed, mut problems) = (vec![], vec![]);
    let mut slowest = Duration::ZERO;
    for attempt in attempts(&offered.public) {
        let began = Instant::now();
        match sign(session, &offered, &attempt) {
            Ok(()) => signed.push(attempt.name),
            Err(problem) => problems.push(format!("{}: {problem}", attempt.name)),
        }
        slowest = slowest.max(began.elapsed());
    }
    Trial {
        offered,
        signed,
        problems,
        slowest,
    }
}

/// The search for the private key and one signature.
fn sign(session: &ConsumerSession, key: &OfferedKey, attempt: &Attempt) -> Result<(), String> {
    let told = |what: &'static str| move |error| format!("{what}: {error}");
    let private = private_key(session, &key.key_id)?;
    let begun = session.sign_init(attempt.mechanism, private);
    begun.map_err(told("C_SignInit"))?;
    let always = session.values(private, [CKA_ALWAYS_AUTHENTICATE], [1]);
    if always.map_err(told("CKA_ALWAYS_AUTHENTICATE"))? != [[CK_FALSE]] {
        return Err("it wants a PIN for each signature: no agent can use it".into());
    }
    let signature = session.sign(&attempt.data, attempt.room);
    let signature = signature.map_err(told("C_Sign"))?;
    attempt.judge(&key.public, &signature)
}

/// OpenSSH takes the first; with a second one, a key signs for another.
fn private_key(session: &ConsumerSession, key_id: &[u8]) -> Result<CK_OBJECT_HANDLE, String> {
    let template = vec![
        (CKA_CLASS, CKO_PRIVATE_KEY.to_ne_bytes().to_vec()),
        (CKA_ID, key_id.to_vec()),
        (CKA_SIGN, vec![CK_TRUE]),
    ];
    let mut found = vec![];
    let searched = session.each_object(template, |object| found.push(object));
    searched.map_err(|error| format!("the search for the private key: {error}"))?;
    match found.as_slice() {
        [key] => Ok(*key),
        [] => Err("no private key has its CKA_ID".into()),
        several => Err(format!(
            "{} private keys have its CKA_ID: give each key an ID of its own",
            several.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::tests::{add, down, empty, place};
    use kmip_p11::error::Result as LibraryResult;
    use kmip_p11::model::key::{Found, Key};
    use kmip_p11::model::public_key::{Curve, KeyType};
    use kmip_p11::model::signature::{SignInput, SignScheme};
    use kmip_p11::token::memory::MemoryToken;
    use kmip_p11::token::{NewKey, Token, TokenInfo};

    /// In the order of their names, which is that of a listing.
    const KINDS: [KeyType; 5] = [
        KeyType::Ec(Curve::P256),
        KeyType::Ec(Curve::P384),
        KeyType::Ec(Curve::P521),
        KeyType::Ed25519,
        KeyType::Rsa(2048),
    ];

    #[test]
    fn every_kind_of_key_is_seen_and_signs() {
        let place = empty("prod");
        for kind in KINDS {
            add(&place, &format!("{kind}"), kind);
        }
        let replay = replay(&place);
        assert!(replay.problems.is_empty(), "{:?}", replay.problems);
        for (trial, kind) in replay.trials.iter().zip(KINDS) {
            assert!(trial.problems.is_empty(), "{:?}", trial.problems);
            assert_eq!(trial.offered.label, kind.to_string());
            assert_eq!(trial.offered.public.key_type(), kind);
        }
        let signed: Vec<_> = replay.trials.iter().flat_map(|it| &it.signed).collect();
        assert_eq!(signed.len(), 6, "{signed:?}");
    }

    #[test]
    fn a_server_that_is_down_is_a_problem_and_no_empty_list() {
        let replay = replay(&down("lab"));
        assert_eq!(replay.problems.len(), 1);
        assert!(replay.problems[0].contains("connection refused"));
    }

    /// Lists its keys as another token would: with one CKA_ID for all, and signs nothing right.
    struct Crooked(MemoryToken);

    impl Token for Crooked {
        fn info(&self) -> TokenInfo {
            self.0.info()
        }
        fn find(&self) -> LibraryResult<Found> {
            let mut found = self.0.find()?;
            for key in found.keys.iter_mut().skip(1) {
                key.key_id = b"same".to_vec();
            }
            Ok(found)
        }
        fn sign(&self, key: &Key, _: SignScheme, _: SignInput<'_>) -> LibraryResult<Vec<u8>> {
            Ok(vec![1; key.public.signature_len()])
        }
        fn generate(&self, wanted: &NewKey) -> LibraryResult<Key> {
            self.0.generate(wanted)
        }
    }

    #[test]
    fn wrong_signatures_and_shared_ids_are_found() {
        let place = place(Crooked(MemoryToken::new("prod")));
        for name in ["a", "b", "c"] {
            add(&place, name, KeyType::Ed25519);
        }
        let replay = replay(&place);
        let problems: Vec<_> = replay.trials.iter().flat_map(|it| &it.problems).collect();
        assert!(problems[0].ends_with("a signature that does not verify"));
        assert!(problems[1].contains("2 private keys have its CKA_ID"));
        assert_eq!(problems.len(), 3);
    }
}
