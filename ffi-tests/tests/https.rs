//! The module over HTTPS, in TTLV and in JSON: what is listed and signed there is what is over plain TLS.

use cryptoki_sys::*;
use ffi_tests::configuration::{Configuration, own_log};
use ffi_tests::keys::LOGIN_TYPES;
use ffi_tests::module::Module;
use ffi_tests::openssh::user::User;
use ffi_tests::own_process::alone;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::session::Session;
use ffi_tests::signature::{Scheme, digest, verifies};
use ffi_tests::{ServerKind, here};

/// The slot of that scene, whose server is spoken to over HTTPS.
fn over_https(scene: &Scene, encoding: &str) -> Configuration {
    let slot = scene.slot().at(ServerKind::Cosmian.shared().url());
    let slot = slot.line(format!("kmip.encoding = {encoding:?}"));
    Configuration::new(std::slice::from_ref(&slot))
}

fn signs(test: &'static str, encoding: &'static str) {
    if !ServerKind::Cosmian.is_wanted(test) {
        return;
    }
    let setup = || {
        let scene = Scene::on(ServerKind::Cosmian).with(&LOGIN_TYPES);
        let configuration = over_https(&scene, encoding);
        let (plain, https) = (scene.user().list(), User::of(&configuration).list());
        assert_eq!(https, plain, "{}", configuration.log());
        assert!(https.len() >= LOGIN_TYPES.len(), "{https:?}");
        (scene, configuration)
    };
    alone(
        test,
        || setup().1,
        || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let key = session.private_key("p256");
            let spki = session.attribute(key, CKA_PUBLIC_KEY_INFO);
            let signature = session.sign(CKM_ECDSA, key, &digest("sha256", b"hello"));
            let signature = signature.unwrap_or_else(|rv| panic!("{rv:#x}\n{}", own_log()));
            let (scheme, spki) = (Scheme::Ecdsa("sha256"), spki.expect("the public key"));
            assert!(verifies(scheme, &spki, b"hello", &signature));
        },
    );
}

#[test]
fn keys_are_listed_and_sign_over_https_in_ttlv() {
    signs(here!(), "ttlv");
}

#[test]
fn keys_are_listed_and_sign_over_https_in_json() {
    signs(here!(), "json");
}
