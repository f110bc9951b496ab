//! Re-key Key Pair on real servers: the new pair has the name and signs, the old one is what the server makes of it.

use ffi_tests::kmip_server::ServerKind;
use ffi_tests::on_each_server;
use ffi_tests::scene::Scene;
use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::model::public_key::KeyType;
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};
use kmip_p11::token::NewKey;

on_each_server! {
    fn a_pair_is_replaced_and_keeps_its_name_or_the_reason_is_told(case) {
        let scene = Scene::on(case.server);
        let token = scene.keyring.token();
        let name = format!("rekeyed@{}", scene.group);
        let wanted = NewKey {
            groups: vec![scene.group.clone()],
            ..NewKey::new(&name, KeyType::Rsa(2048))
        };
        let old = token.generate(&wanted).expect("a pair");
        let replaced = token.rekey(&old);
        if case.server == ServerKind::PyKmip {
            let Err(Error::Token(error)) = replaced else {
                panic!("PyKMIP has no Re-key Key Pair: {replaced:?}")
            };
            assert_eq!(error.kind, TokenErrorKind::Impossible);
            assert!(error.reason.contains("generate a key of another name"), "{error:?}");
            return;
        }
        let new = replaced.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(new.name, name);
        assert_ne!((&new.id, &new.public), (&old.id, &old.public));
        let scheme = SignScheme::RsaPkcs1(Hash::Sha256);
        let signed = token.sign(&new, scheme, SignInput::Digest(&[7; 32]));
        signed.unwrap_or_else(|error| panic!("{error}"));
        // Cosmian has ended the old pair itself.
        let found = token.survey().expect("a listing");
        let old_one = found.hidden.iter().find(|it| it.id == old.id);
        let old_one = old_one.unwrap_or_else(|| panic!("{old:?} is not hidden"));
        assert_eq!(old_one.reason, "it is deactivated");
        assert_eq!(found.keys.iter().filter(|key| key.name == name).count(), 1);
        let again = token.rekey(&old).expect_err("it was replaced already");
        assert!(again.to_string().contains(&new.id.0), "{again}");
    }
}
