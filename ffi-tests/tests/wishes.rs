//! A CKA_ID and a CKA_LABEL of the owner's choice, kept by real servers each in its own way.

use ffi_tests::on_each_server;
use ffi_tests::scene::Scene;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::Wish;

on_each_server! {
    fn an_id_is_kept_changed_and_taken_back(case) {
        let scene = Scene::on(case.server);
        let key = scene.keyring.make("wished", KeyType::Ec(Curve::P256));
        let token = scene.keyring.token();
        for id in [&[1, 2, 3][..], &[0xff; 20]] {
            token.present(&key, &Wish::Id(Some(id.to_vec()))).expect("it keeps it");
            assert_eq!(scene.keyring.only_key().key_id, id);
        }
        token.present(&key, &Wish::Id(None)).expect("it lets go");
        assert_eq!(scene.keyring.only_key().key_id, key.public.key_id());
    }

    fn a_label_is_not_the_name(case) {
        let scene = Scene::on(case.server);
        let key = scene.keyring.make("named", KeyType::Ec(Curve::P256));
        let wish = Wish::Label(Some("front door".into()));
        scene.keyring.token().present(&key, &wish).expect("it keeps it");
        let now = scene.keyring.only_key();
        assert_eq!((now.label(), now.name), ("front door".into(), key.name));
    }

    /// What the server tells of a key names both halves and what programs get of it.
    fn a_key_is_described_in_the_servers_words(case) {
        let scene = Scene::on(case.server);
        let key = scene.keyring.make("told", KeyType::Ec(Curve::P256));
        let told = scene.keyring.token().describe(&key).expect("attributes");
        let has = |name: &str, value: &str| {
            told.iter().any(|it| it.name == name && it.value == value)
        };
        assert!(has("Name", &key.name) && has("Name", &format!("{}.pub", key.name)), "{told:?}");
        assert!(has("State", "Active") && has("Cryptographic Length", "256 bits"), "{told:?}");
    }
}
