//! Keys made on real servers while the connection is cut at each point: they are there once, or not at all.

use ffi_tests::configuration::Configuration;
use ffi_tests::counting_proxy::Cut;
use ffi_tests::keys::Keyring;
use ffi_tests::kmip_server::ServerKind;
use ffi_tests::passage::Passage;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::{Case, on_each_server};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::Error;
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::{NewKey, Revocation, Token};

/// More flights than any of these takes.
const FLIGHTS: usize = 14;

/// A way to the server that can be cut, and the server without it.
struct Way {
    passage: Passage,
    keyring: Keyring,
    clear: Scene,
}

impl Way {
    fn to(kind: ServerKind) -> Self {
        let clear = Scene::on(kind);
        let group = clear.group.clone();
        let passage = Passage::new(LABEL, kind.shared().endpoint("alice"), |slot| {
            slot.group(&group)
        });
        let configuration = Configuration::new(&[passage.slot()]);
        let keyring = Keyring::of(&configuration, LABEL, &group);
        Self {
            passage,
            keyring,
            clear,
        }
    }

    /// Acts after a listing, with the connection cut there. What comes after that is not cut.
    fn cut<T>(&self, cut: Cut, act: impl FnOnce(&dyn Token) -> T) -> T {
        let token = self.keyring.token().as_ref();
        token.find().expect("a listing");
        self.passage.proxy.cut(Some(cut));
        let result = act(token);
        self.passage.proxy.cut(None);
        result
    }

    fn wanted(&self, name: &str) -> NewKey {
        NewKey {
            groups: vec![self.clear.group.clone()],
            ..NewKey::new(name, KeyType::Rsa(2048))
        }
    }

    /// It can be used, and there is no other of its name; or there is none, or the error says where
    /// to look.
    #[track_caller]
    fn assert_once_or_never(&self, name: &str, cut: Cut, made: Result<Key, Error>) {
        let found = self.clear.keyring.token().survey().expect("a listing");
        let called = found.keys.iter().filter(|key| key.name == name).count();
        let halves = found.hidden.iter().map(|it| (&it.id, &it.reason));
        let halves: Vec<_> = halves.collect();
        match made {
            Ok(_) => assert_eq!((called, halves.len()), (1, 0), "{cut:?} {halves:?}"),
            Err(error) => {
                let error = error.to_string();
                let told = error.contains(name) || error.contains("the pair is on the server");
                assert!(
                    (called, halves.len()) == (0, 0) || told,
                    "{cut:?}: {error} {halves:?}"
                );
            }
        }
    }
}

fn cuts() -> impl Iterator<Item = Cut> {
    (1..=FLIGHTS).flat_map(|flight| [Cut::Flight(flight), Cut::AnswerTo(flight)])
}

/// Names that no other test of this program uses.
fn name(case: &Case, way: &Way, cut: Cut) -> String {
    let place = match cut {
        Cut::Flight(flight) => format!("flight{flight}"),
        Cut::AnswerTo(flight) => format!("answer{flight}"),
    };
    let kind = case.test.rsplit("::").nth(1).unwrap_or_default();
    format!("{kind}-{place}@{}", way.clear.group)
}

on_each_server! {
    fn a_pair_is_made_once_or_never(case) {
        let way = Way::to(case.server);
        for cut in cuts() {
            let name = name(&case, &way, cut);
            let made = way.cut(cut, |token| token.generate(&way.wanted(&name)));
            way.assert_once_or_never(&name, cut, made);
            destroy_all(&way);
        }
    }

    fn a_pair_is_registered_once_or_never(case) {
        let way = Way::to(case.server);
        for cut in cuts() {
            let name = name(&case, &way, cut);
            let private = PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a usual type");
            let made = way.cut(cut, |token| token.import(&private, &way.wanted(&name)));
            way.assert_once_or_never(&name, cut, made);
            destroy_all(&way);
        }
    }

    fn a_pair_is_renamed_revoked_and_destroyed_whatever_is_cut(case) {
        let way = Way::to(case.server);
        for cut in cuts().take(2 * 6) {
            let name = name(&case, &way, cut);
            let private = PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a usual type");
            let token = way.clear.keyring.token();
            let key = token.import(&private, &way.wanted(&name)).expect("a key");
            let other = format!("{name}-other");
            let renamed = way.cut(cut, |token| token.rename(&key, &other));
            assert_eq!(renamed.map_err(|error| error.to_string()), Ok(()), "{cut:?}");
            let revoked = way.cut(cut, |token| token.revoke(&key, &REVOCATION));
            assert_eq!(revoked.map_err(|error| error.to_string()), Ok(()), "{cut:?}");
            let destroyed = way.cut(cut, |token| token.destroy(&key));
            assert_eq!(destroyed.map_err(|error| error.to_string()), Ok(()), "{cut:?}");
            let found = token.survey().expect("a listing");
            assert_eq!((found.keys.len(), found.hidden.len()), (0, 0), "{cut:?} {found:?}");
        }
    }
}

const REVOCATION: Revocation = Revocation {
    compromised: false,
    message: None,
};

fn destroy_all(way: &Way) {
    let token = way.clear.keyring.token();
    let found = token.survey().expect("a listing");
    let hidden = found.hidden.into_iter().filter_map(|it| it.key);
    for key in found.keys.into_iter().chain(hidden) {
        // A key that was never activated need not be revoked.
        let _ = token.revoke(&key, &REVOCATION);
        token.destroy(&key).expect("nothing is cut here");
    }
}
