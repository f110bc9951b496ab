//! X.509 certificates on a server: shown with the key that they speak of, and only then.

use cryptoki_sys::*;
use ffi_tests::module::Module;
use ffi_tests::oddities::Vandal;
use ffi_tests::own_process::alone;
use ffi_tests::process::run;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::scratch::Scratch;
use ffi_tests::session::{Session, class};
use ffi_tests::{on_each_server, tool};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::model::public_key::{Curve, KeyType};

/// A self-signed certificate of the key, in DER.
fn certificate(private: &PrivateKey, subject: &str) -> Vec<u8> {
    let scratch = Scratch::new();
    let pkcs8 = private.to_pkcs8().expect("a usual key");
    let key = scratch.write_mode("key.der", &*pkcs8, 0o600);
    let mut openssl = tool::command("openssl");
    openssl.args(["req", "-x509", "-outform", "DER", "-days", "1", "-subj"]);
    openssl.arg(subject).args(["-keyform", "DER", "-key"]);
    run(openssl.arg(key)).stdout
}

fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::Ec(Curve::P256)).expect("a usual type")
}

/// A key with its certificate, and a certificate whose key is elsewhere.
fn scene(case: &ffi_tests::Case) -> Scene {
    let scene = Scene::on(case.server);
    let vandal = Vandal::on(case.server, &scene.group);
    let (mine, foreign) = (key(), key());
    scene.keyring.import("web", &mine);
    let name = |what: &str| format!("{what}@{}", scene.group);
    vandal.register_certificate(&name("web.crt"), &certificate(&mine, "/CN=web"));
    vandal.register_certificate(&name("ca.crt"), &certificate(&foreign, "/CN=some CA"));
    scene
}

on_each_server! {
    fn a_certificate_has_the_id_of_its_key_and_no_other_is_shown(case) {
        alone(case.test, || scene(&case), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let found = |of| session.find(&class(of)).expect("a listing");
            let (certificates, private) = (found(CKO_CERTIFICATE), found(CKO_PRIVATE_KEY));
            assert_eq!((certificates.len(), private.len()), (1, 1));
            let of = |object, kind| session.attribute(object, kind).expect("it is told");
            assert_eq!(of(certificates[0], CKA_ID), of(private[0], CKA_ID));
            assert_eq!(of(certificates[0], CKA_SUBJECT), of(private[0], CKA_SUBJECT));
            let subject = of(certificates[0], CKA_SUBJECT);
            assert!(subject.ends_with(b"web"), "{subject:?}");
            assert!(of(certificates[0], CKA_VALUE).starts_with(&[0x30, 0x82]));
        });
    }

    fn openssh_lists_the_key_once(case) {
        let listed = scene(&case).user().list();
        assert_eq!(listed.len(), 1, "{listed:?}");
    }
}
