//! Keys brought between tokens in memory, of which any call may fail.

mod interrupted;
mod of_file;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ffi_tests::certificate::issued;
use kmip_p11::config::KeyKind;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::{Result as LibraryResult, TokenErrorKind};
use kmip_p11::model::certificate::Certificate;
use kmip_p11::model::key::Found;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::{SignInput, SignScheme};
use kmip_p11::token::memory::MemoryToken;
use kmip_p11::token::{Revocation, Token, TokenInfo};
use serde_json::Value;

use super::*;
use crate::key_file;
use crate::output::tests::printed;
use crate::person::Scripted;
use crate::place::tests::{empty, place};

const NEVER: usize = usize::MAX;

/// A token whose call number so and so fails: before it did anything, or after.
struct Faulty {
    token: Arc<MemoryToken>,
    calls: AtomicUsize,
    fails_at: usize,
    is_after: bool,
}

impl Faulty {
    fn call<T>(&self, work: impl FnOnce() -> LibraryResult<T>) -> LibraryResult<T> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let failure = || Err(self.error(TokenErrorKind::Unreachable, "the line is dead".into()));
        match (number == self.fails_at, self.is_after) {
            (false, _) => work(),
            (true, false) => failure(),
            (true, true) => work().and_then(|_| failure()),
        }
    }
}

impl Token for Faulty {
    fn info(&self) -> TokenInfo {
        self.token.info()
    }
    fn find(&self) -> LibraryResult<Found> {
        self.call(|| self.token.find())
    }
    fn sign(&self, key: &Key, how: SignScheme, what: SignInput<'_>) -> LibraryResult<Vec<u8>> {
        self.call(|| self.token.sign(key, how, what))
    }
    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> LibraryResult<Key> {
        self.call(|| self.token.import(private, wanted))
    }
    fn export(&self, key: &Key) -> LibraryResult<PrivateKey> {
        self.call(|| self.token.export(key))
    }
    fn activate(&self, key: &Key) -> LibraryResult<()> {
        self.call(|| self.token.activate(key))
    }
    fn revoke(&self, key: &Key, revocation: &Revocation) -> LibraryResult<()> {
        self.call(|| self.token.revoke(key, revocation))
    }
    fn destroy(&self, key: &Key) -> LibraryResult<()> {
        self.call(|| self.token.destroy(key))
    }
    fn present(&self, key: &Key, wish: &Wish) -> LibraryResult<()> {
        self.call(|| self.token.present(key, wish))
    }
    fn certify(&self, key: &Key, der: &[u8]) -> LibraryResult<Certificate> {
        self.call(|| self.token.certify(key, der))
    }
}

/// Two tokens, and the key "web" with two certificates in the first.
struct Scene {
    home: Arc<MemoryToken>,
    target: Arc<MemoryToken>,
}

impl Scene {
    fn with(extractable: bool) -> Self {
        let home = Arc::new(MemoryToken::new("keys"));
        let wanted = NewKey {
            groups: vec!["ssh".into()],
            extractable,
            ..NewKey::new("web", KeyType::Ec(Curve::P256))
        };
        let key = home.generate(&wanted).unwrap();
        home.present(&key, &Wish::Id(Some(vec![1, 2, 3]))).unwrap();
        home.present(&key, &Wish::Label(Some("front".into())))
            .unwrap();
        for subject in ["web", "mail"] {
            home.certify(&key, &issued(&key.public, subject)).unwrap();
        }
        let target = Arc::new(MemoryToken::new("prod"));
        Self { home, target }
    }

    /// The places, where the call with that number fails in one of them.
    fn places(&self, at_home: usize, at_target: usize, is_after: bool) -> [Place; 2] {
        let faulty = |token: &Arc<MemoryToken>, fails_at| {
            place(Faulty {
                token: Arc::clone(token),
                calls: AtomicUsize::new(0),
                fails_at,
                is_after,
            })
        };
        [faulty(&self.home, at_home), faulty(&self.target, at_target)]
    }

    fn sound(&self) -> [Place; 2] {
        self.places(NEVER, NEVER, false)
    }

    fn keys(&self) -> (Vec<Key>, Vec<Key>) {
        let all = |token: &MemoryToken| {
            let found = token.find().unwrap();
            let hidden = found.hidden.into_iter().filter_map(|it| it.key);
            found.keys.into_iter().chain(hidden).collect()
        };
        (all(&self.home), all(&self.target))
    }
}

fn arguments(key: Option<&str>) -> CopyArguments {
    CopyArguments {
        key: key.map(Into::into),
        to: "prod".into(),
        from_file: None,
        name: None,
        groups: vec![],
        extractable: false,
        without_certificates: false,
        dry_run: false,
        to_pin_file: None,
    }
}

fn moving(copy: CopyArguments) -> MoveArguments {
    MoveArguments {
        copy,
        yes: true,
        remove_file: true,
    }
}

fn try_move(places: &[Place], wanted: &MoveArguments) -> Result<Value, String> {
    let mut result = Ok(Verdict::Good);
    let text = printed(true, |output| {
        result = move_away(places, wanted, output, &Scripted::default());
    });
    result.map_err(|failure| failure.to_string())?;
    Ok(serde_json::from_str(&text).unwrap())
}

fn try_copy(places: &[Place], wanted: &CopyArguments) -> Result<(Value, Verdict), String> {
    let mut result = Ok(Verdict::Good);
    let text = printed(true, |output| {
        result = copy(places, wanted, output, &Scripted::default());
    });
    let verdict = result.map_err(|failure| failure.to_string())?;
    Ok((serde_json::from_str(&text).unwrap(), verdict))
}

/// In DER.
fn certificates(key: &Key) -> Vec<&[u8]> {
    key.certificates.iter().map(Certificate::der).collect()
}

#[test]
fn a_copy_is_the_same_key_with_all_that_it_had() {
    let scene = Scene::with(true);
    let (told, _) = try_copy(&scene.sound(), &arguments(Some("web"))).unwrap();
    let (home, target) = scene.keys();
    assert_eq!(home[0].public, target[0].public);
    assert_eq!(target[0].key_id, [1, 2, 3]);
    assert_eq!(target[0].own_label.as_deref(), Some("front"));
    assert_eq!(target[0].groups, ["ssh"]);
    assert_eq!(certificates(&home[0]), certificates(&target[0]));
    assert_eq!(target[0].custody.extractable, Some(false));
    assert_eq!(
        (&told["has_signed"], &told["was_there"]),
        (&true.into(), &false.into())
    );
    assert_eq!(
        told["from"],
        serde_json::json!({"slot": "keys", "id": "1", "removed": false})
    );
    assert_eq!(told["not_brought"], serde_json::json!([]));
}

#[test]
fn a_second_copy_takes_up_the_first() {
    let scene = Scene::with(true);
    let mut wanted = arguments(Some("web"));
    try_copy(&scene.sound(), &wanted).unwrap();
    wanted.name = Some("another".parse().unwrap());
    let (told, _) = try_copy(&scene.sound(), &wanted).unwrap();
    assert_eq!(
        (&told["was_there"], &told["key"]["name"]),
        (&true.into(), &"web".into())
    );
    assert_eq!(scene.keys().1.len(), 1);
}

#[test]
fn a_moved_key_is_in_one_place() {
    let scene = Scene::with(true);
    let told = try_move(&scene.sound(), &moving(arguments(Some("web")))).unwrap();
    assert_eq!(told["from"]["removed"], true);
    let (home, target) = scene.keys();
    assert_eq!((home.len(), target.len()), (0, 1));
    let again = try_move(&scene.sound(), &moving(arguments(Some("web")))).unwrap_err();
    assert!(again.contains("may have been moved already"), "{again}");
}

/// Whichever call fails, before or after it was done, the key is somewhere and active there, and the
/// same command ends the move.
#[test]
fn a_key_that_may_not_leave_stays_and_nothing_is_made() {
    let scene = Scene::with(false);
    let refused = try_move(&scene.sound(), &moving(arguments(Some("web")))).unwrap_err();
    assert!(refused.contains("not extractable"), "{refused}");
    let mut dry = arguments(Some("web"));
    dry.dry_run = true;
    let (plan, verdict) = try_copy(&scene.sound(), &dry).unwrap();
    assert_eq!(
        (verdict, &plan["possible"]),
        (Verdict::Problems, &false.into())
    );
    let (home, target) = scene.keys();
    assert_eq!((home.len(), target.len()), (1, 0));
}

#[test]
fn a_dry_run_tells_each_step_and_changes_nothing() {
    let scene = Scene::with(true);
    let mut wanted = moving(arguments(Some("web")));
    wanted.copy.dry_run = true;
    let plan = try_move(&scene.sound(), &wanted).unwrap();
    assert_eq!(plan["possible"], true, "{plan}");
    let steps = plan["steps"].as_array().unwrap();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "state",
            "whole",
            "name",
            "group",
            "shown",
            "read",
            "write",
            "check signature",
            "certificate",
            "certificate",
            "destroy"
        ]
    );
    let (home, target) = scene.keys();
    assert_eq!((home.len(), target.len()), (1, 0));
}

/// A slot that keeps no certificates.
struct Bare(Arc<MemoryToken>);

impl Token for Bare {
    fn info(&self) -> TokenInfo {
        self.0.info()
    }
    fn find(&self) -> LibraryResult<Found> {
        self.0.find()
    }
    fn sign(&self, key: &Key, how: SignScheme, what: SignInput<'_>) -> LibraryResult<Vec<u8>> {
        self.0.sign(key, how, what)
    }
    fn import(&self, private: &PrivateKey, wanted: &NewKey) -> LibraryResult<Key> {
        self.0.import(private, wanted)
    }
    fn present(&self, key: &Key, wish: &Wish) -> LibraryResult<()> {
        self.0.present(key, wish)
    }
}

#[test]
fn a_slot_without_certificates_gets_a_copy_and_no_move_unless_they_are_given_up() {
    let scene = Scene::with(true);
    let places = || {
        let [home, _] = scene.sound();
        [home, place(Bare(Arc::clone(&scene.target)))]
    };
    let mut wanted = moving(arguments(Some("web")));
    let refused = try_move(&places(), &wanted).unwrap_err();
    assert!(
        refused.contains("does not keep certificates")
            && refused.contains("--without-certificates"),
        "{refused}"
    );
    assert_eq!(certificates(&scene.keys().0[0]).len(), 2);
    let (told, _) = try_copy(&places(), &wanted.copy).unwrap();
    let lost = told["not_brought"].as_array().unwrap();
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(
        lost[0].as_str().unwrap().contains("CN=web): slot"),
        "{lost:?}"
    );
    wanted.copy.without_certificates = true;
    let told = try_move(&places(), &wanted).unwrap();
    assert_eq!(
        told["not_brought"],
        serde_json::json!(["its 2 X.509 certificates"])
    );
    let (home, target) = scene.keys();
    assert_eq!((home.len(), target.len()), (0, 1));
}

#[test]
fn a_name_a_group_and_a_type_have_to_fit() {
    let scene = Scene::with(true);
    let other = NewKey::new("web", KeyType::Ed25519);
    scene.target.generate(&other).unwrap();
    let refused = try_copy(&scene.sound(), &arguments(Some("web"))).unwrap_err();
    assert!(
        refused.contains("already called \"web\"") && refused.contains("--name"),
        "{refused}"
    );
    let mut places = scene.sound();
    let mut wanted = arguments(Some("web"));
    wanted.name = Some("web-2".parse().unwrap());
    places[1].filter.types = vec![KeyKind::Rsa];
    let refused = try_copy(&places, &wanted).unwrap_err();
    assert!(refused.contains("shows no ECDSA P-256 keys"), "{refused}");
    let mut places = scene.sound();
    places[1].filter.groups = vec!["web".into()];
    let refused = try_copy(&places, &wanted).unwrap_err();
    assert!(refused.contains("add --group \"web\""), "{refused}");
    assert_eq!(scene.keys().1.len(), 1);
    wanted.groups = vec!["web".into()];
    try_copy(&places, &wanted).unwrap();
}

#[test]
fn what_is_over_is_not_copied() {
    let scene = Scene::with(true);
    let revocation = Revocation {
        compromised: true,
        message: None,
    };
    scene.home.revoke(&scene.keys().0[0], &revocation).unwrap();
    let refused = try_copy(&scene.sound(), &arguments(Some("web"))).unwrap_err();
    assert!(refused.contains("it is compromised"), "{refused}");
}

#[test]
fn a_move_is_asked_about() {
    let scene = Scene::with(true);
    let wanted = MoveArguments {
        yes: false,
        ..moving(arguments(Some("web")))
    };
    for (answer, part) in [(None, "add --yes"), (Some(false), "not moved")] {
        let person = Scripted {
            answer,
            ..Scripted::default()
        };
        printed(false, |output| {
            let refused = move_away(&scene.sound(), &wanted, output, &person).unwrap_err();
            assert!(refused.to_string().contains(part), "{refused}");
        });
        assert_eq!(scene.keys().1.len(), 0);
    }
}
