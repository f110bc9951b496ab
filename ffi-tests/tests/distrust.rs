//! Servers and keys that are not what they seem: nothing wrong is shown, used or returned, and
//! what fails is told with its reason.

use cryptoki_sys::*;
use ffi_tests::configuration::{Configuration, SlotEntry, own_log};
use ffi_tests::keys::Keyring;
use ffi_tests::kmip_server::Endpoint;
use ffi_tests::module::{Module, library};
use ffi_tests::oddities::Vandal;
use ffi_tests::openssh::name;
use ffi_tests::openssh::user::User;
use ffi_tests::own_process::alone;
use ffi_tests::process::run;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::session::{Session, class};
use ffi_tests::{ServerKind, here, on_each_server};
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::Revocation;

const P256: (&str, KeyType) = ("p256", KeyType::Ec(Curve::P256));
const DIGEST: &[u8] = &[7; 32];

/// The usual slot with another client certificate or another authority.
fn altered(kind: ServerKind, client: &str, adapt: impl FnOnce(&mut Endpoint)) -> Configuration {
    let mut endpoint = kind.shared().endpoint(client);
    adapt(&mut endpoint);
    let slot = SlotEntry::new(LABEL, endpoint).deadline("3s");
    Configuration::new(&[slot])
}

/// A listing fails, as an error and not as an empty list, with these words in the log.
fn listing_fails(words: &[&str]) {
    let module = Module::initialized();
    let session = Session::open(&module, module.slot(LABEL)).expect("a session");
    for kind in [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY, CKO_CERTIFICATE] {
        assert_eq!(session.find(&class(kind)), Err(CKR_DEVICE_ERROR));
    }
    let log = own_log();
    for word in words {
        assert!(log.contains(word), "{word:?} is not in the log:\n{log}");
    }
}

on_each_server! {
    fn a_signature_that_its_public_key_does_not_verify_is_never_returned(case) {
        let setup = || {
            let scene = Scene::on(case.server);
            let vandal = Vandal::on(case.server, &scene.group);
            vandal.register_strangers_as_a_pair(&format!("mixed@{}", scene.group));
            scene.with(&[P256])
        };
        alone(case.test, setup, || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let mixed = session.private_key("mixed");
            for mechanism in [CKM_ECDSA, CKM_ECDSA_SHA256] {
                let signed = session.sign(mechanism, mixed, DIGEST);
                assert!(signed.is_err(), "{signed:?}");
            }
            let log = own_log();
            assert!(log.contains("\"mixed@"), "{log}");
            let good = session.sign(CKM_ECDSA, session.private_key("p256"), DIGEST);
            assert_eq!(good.map(|s| s.len()), Ok(64), "the other key is unharmed: {}", own_log());
        });
    }

    fn keys_that_may_not_be_used_are_not_shown(case) {
        let scene = Scene::on(case.server).with(&[P256, ("revoked", P256.1)]);
        scene.keyring.make_inactive("inactive", P256.1);
        let token = scene.keyring.token();
        let found = token.find().expect("a listing");
        let revoked = found.keys.iter().find(|key| key.name.starts_with("revoked"));
        let revocation = Revocation { compromised: false, message: None };
        token.revoke(revoked.expect("just made"), &revocation).expect("Revoke");
        let lines = scene.user().list();
        assert_eq!(lines.iter().map(|line| name(line)).collect::<Vec<_>>(), ["p256"]);
        let log = scene.configuration.log();
        assert!(log.contains("pre-active"), "{log}");
        // Cosmian no longer gives out the public half of a revoked key.
        let revoked = ["deactivated", "Wrong Key Lifecycle State"];
        assert!(revoked.iter().any(|words| log.contains(words)), "{log}");
    }

    fn a_key_that_is_revoked_while_in_use_signs_no_more(case) {
        alone(case.test, || Scene::on(case.server).with(&[P256]), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let key = session.private_key("p256");
            assert_eq!(session.sign(CKM_ECDSA, key, DIGEST).map(|s| s.len()), Ok(64));
            let keyring = Keyring::of_environment(LABEL);
            let revocation = Revocation { compromised: false, message: None };
            keyring.token().revoke(&keyring.only_key(), &revocation).expect("Revoke");
            let refused = session.sign(CKM_ECDSA, key, DIGEST);
            assert!(refused.is_err(), "{refused:?}");
            assert_eq!(session.find(&class(CKO_PRIVATE_KEY)), Ok(vec![]), "{}", own_log());
        });
    }

    fn a_key_that_is_destroyed_while_in_use_is_gone(case) {
        alone(case.test, || Scene::on(case.server).with(&[P256]), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let key = session.private_key("p256");
            let keyring = Keyring::of_environment(LABEL);
            let (doomed, token) = (keyring.only_key(), keyring.token());
            let revocation = Revocation { compromised: true, message: Some("lost".into()) };
            token.revoke(&doomed, &revocation).expect("Revoke");
            token.destroy(&doomed).expect("Destroy");
            let refused = session.sign(CKM_ECDSA, key, DIGEST);
            assert!(refused.is_err(), "{refused:?}");
            assert_eq!(session.find(&class(CKO_PRIVATE_KEY)), Ok(vec![]), "{}", own_log());
        });
    }

    fn a_key_made_while_the_program_runs_is_found_by_a_later_search(case) {
        alone(case.test, || Scene::on(case.server), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            assert_eq!(session.find(&class(CKO_PRIVATE_KEY)), Ok(vec![]));
            let keyring = Keyring::of_environment(LABEL);
            keyring.make(P256.0, P256.1);
            // cache.min_refresh, 2 s, must have passed.
            std::thread::sleep(std::time::Duration::from_millis(2500));
            let key = session.private_key("p256");
            assert_eq!(session.sign(CKM_ECDSA, key, DIGEST).map(|s| s.len()), Ok(64));
        });
    }

    fn another_users_keys_are_not_shown(case) {
        let scene = Scene::on(case.server).with(&[P256]);
        assert_eq!(scene.user().list().len(), 1);
        let configuration = altered(case.server, "bob", |_| ());
        let bob = User::of(&configuration);
        let listed = run(bob.command("ssh-keygen").arg("-D").arg(library()));
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "", "{}", listed.report());
    }

    fn a_client_that_the_server_does_not_trust_gets_an_error(case) {
        let setup = || altered(case.server, "stranger", |_| ());
        alone(case.test, setup, || listing_fails(&["WARN", "127.0.0.1:", LABEL]));
    }

    fn a_server_that_the_client_does_not_trust_gets_no_request(case) {
        let setup = || {
            altered(case.server, "alice", |endpoint| {
                endpoint.ca = endpoint.ca.with_file_name("stranger-ca.crt");
            })
        };
        alone(case.test, setup, || listing_fails(&["WARN", "127.0.0.1:", "certificate"]));
    }

    fn a_listing_that_fails_is_no_empty_listing_for_openssh_either(case) {
        let configuration = altered(case.server, "stranger", |_| ());
        let user = User::of(&configuration);
        let listed = run(user.command("ssh-keygen").arg("-D").arg(library()));
        assert!(listed.complaint().contains("C_FindObjectsInit failed"), "{}", listed.report());
        assert_eq!(String::from_utf8_lossy(&listed.stdout), "");
        assert_eq!(user.was_asked(), "");
    }

    fn garbage_beside_a_key_hides_nothing(case) {
        let scene = Scene::on(case.server).with(&[P256]);
        let vandal = Vandal::on(case.server, &scene.group);
        let taken = vandal.register_garbage(&format!("garbage@{}", scene.group));
        // Cosmian looks at what it registers; PyKMIP takes anything.
        assert_eq!(taken, case.server == ServerKind::PyKmip);
        let lines = scene.user().list();
        assert_eq!(lines.iter().map(|line| name(line)).collect::<Vec<_>>(), ["p256"]);
    }
}

#[test]
fn a_certificate_that_pykmip_shakes_hands_with_and_then_refuses_gets_an_error() {
    let setup = || altered(ServerKind::PyKmip, "noeku", |_| ());
    alone(here!(), setup, || {
        listing_fails(&["WARN", "127.0.0.1:", LABEL])
    });
}
