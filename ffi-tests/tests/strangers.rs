//! Other users of a server, whose public keys it shows to everybody, and the names they choose.

use std::thread::sleep;
use std::time::Duration;

use ffi_tests::Case;
use ffi_tests::oddities::Vandal;
use ffi_tests::on_each_server;
use ffi_tests::scene::Scene;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::Error;
use kmip_p11::model::public_key::{Curve, KeyType};

fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a usual type")
}

fn bob(case: &Case, scene: &Scene) -> Vandal {
    Vandal::called("bob", case.server, &scene.group)
}

on_each_server! {
    fn a_public_key_by_the_name_of_ours_changes_nothing(case) {
        let scene = Scene::on(case.server);
        let mine = scene.keyring.import("web", &key());
        let bob = bob(&case, &scene);
        for name in [&mine.name, &format!("{}.pub", mine.name)] {
            bob.claim(name);
        }
        let found = scene.keyring.token().find().expect("a listing");
        let publics: Vec<_> = found.keys.iter().map(|key| &key.public).collect();
        assert_eq!(publics, [&mine.public], "{:?}", found.hidden);
        assert_eq!(scene.user().list().len(), 1);
    }

    fn a_public_key_of_another_user_is_never_listed_as_ours(case) {
        let scene = Scene::on(case.server);
        let mine = scene.keyring.import("web", &key());
        let public = mine.public_id.clone().expect("a public half");
        let alice = Vandal::on(case.server, &scene.group);
        alice.destroy(&public.0);
        // Whoever claims at once could be the owner; who comes later is asked for a proof.
        sleep(Duration::from_secs(12));
        bob(&case, &scene).claim(&format!("{}.pub", mine.name));
        let found = scene.keyring.token().find().expect("a listing");
        let publics: Vec<_> = found.keys.iter().map(|key| &key.public).collect();
        assert!(publics.is_empty(), "{publics:?}");
        let reasons: Vec<_> = found.hidden.iter().map(|hidden| &hidden.reason).collect();
        assert!(!reasons.is_empty());
    }

    fn a_name_is_given_once(case) {
        let scene = Scene::on(case.server);
        let [web, db] = ["web", "db"].map(|name| scene.keyring.import(name, &key()));
        let token = scene.keyring.token();
        let refused = token.rename(&web, &db.name).expect_err("the name is taken");
        assert!(matches!(&refused, Error::Token(_)), "{refused}");
        assert!(refused.to_string().contains("is there already"), "{refused}");
        token.rename(&web, &format!("new {}", web.name)).expect("another name");
        let found = token.find().expect("a listing");
        assert_eq!(found.keys.len(), 2, "{:?}", found.hidden);
    }
}
