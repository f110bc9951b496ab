//! Keys that Cosmian KMS manages and SoftHSM2, or kryoptic, uses: delivered wrapped, by each way to wrap, through OpenSSH, and with
//! everything that can be wrong in between.

use ffi_tests::api_token::client;
use ffi_tests::configuration::SlotEntry;
use ffi_tests::delivery::{Delivery, Ends, WRAPPING_KEY, sign};
use ffi_tests::hsm::Vendor;
use ffi_tests::keys::EVERY_TYPE;
use ffi_tests::kmip_server::LentServer;
use ffi_tests::openssh::agent::Agent;
use ffi_tests::openssh::name;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::own_process::alone;
use ffi_tests::process::run;
use ffi_tests::{ServerKind, here};
use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::kmip::Request;
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::{DeliveryTask, Revocation, SharedToken};

const P256: KeyType = KeyType::Ec(Curve::P256);

/// Runs the body in a process where SoftHSM2 has an empty token, and Cosmian is the server.
#[track_caller]
fn between(test: &str, body: impl FnOnce()) {
    if ServerKind::Cosmian.is_wanted(test) {
        alone(test, || Ends::on(ServerKind::Cosmian), body);
    }
}

fn plain(delivery: &Delivery) -> (SharedToken, Key) {
    let key = delivery.keyring().make("web", P256);
    (delivery.token(), key)
}

#[track_caller]
fn refused(token: &SharedToken, key: &Key) -> (TokenErrorKind, String) {
    match sign(token, key) {
        Err(Error::Token(error)) => (error.kind, error.reason),
        other => panic!("{other:?}"),
    }
}

/// The facts of that name.
#[track_caller]
fn told(token: &SharedToken, task: DeliveryTask, what: &str) -> Vec<String> {
    let probe = token
        .delivery(task)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(probe.warnings, Vec::<String>::new());
    let facts = probe.facts.into_iter().filter(|(name, _)| *name == what);
    facts.map(|(_, fact)| fact).collect()
}

/// What of every type of key gets into the HSM, and makes a signature there.
#[track_caller]
fn delivered(wrap: &str, not: &[&str]) {
    delivered_to(Delivery::set_up_by(wrap, |slot| slot), wrap, not);
}

#[track_caller]
fn delivered_to(delivery: Delivery, wrap: &str, not: &[&str]) {
    let (keyring, token) = (delivery.keyring(), delivery.token());
    for (name, key_type) in EVERY_TYPE {
        let key = keyring.make(name, key_type);
        let first = sign(&token, &key);
        assert_eq!(
            first.is_err(),
            not.contains(&name),
            "{wrap}, {name}: {first:?}"
        );
        assert_eq!(
            sign(&token, &key).is_ok(),
            first.is_ok(),
            "{wrap}, {name}, again"
        );
    }
    let found = token.find().expect("a listing");
    let hidden: Vec<_> = found
        .hidden
        .iter()
        .filter_map(|it| it.key.as_ref())
        .collect();
    assert_eq!(hidden.len(), not.len(), "{:?}", found.hidden);
    let shown = EVERY_TYPE.len() - not.len();
    assert_eq!(found.keys.len(), shown);
    for key in found.keys {
        assert_eq!(key.custody.sensitive, Some(true));
        assert_eq!(key.custody.extractable, Some(false));
    }
}

#[test]
fn aes_key_wrap_with_padding_delivers_all_but_ed25519() {
    between(here!(), || delivered("aes-kwp", &["ed25519"]));
}

#[test]
fn rsa_and_aes_together_deliver_all_but_ed25519() {
    between(here!(), || delivered("rsa-aes", &["ed25519"]));
}

#[test]
fn rsa_oaep_delivers_what_is_shorter_than_its_key() {
    let not = ["rsa2048", "rsa3072", "rsa4096", "ed25519"];
    between(here!(), || delivered("rsa-oaep", &not));
}

/// Runs the body in a process where kryoptic has an empty token.
#[track_caller]
fn with_kryoptic(test: &str, body: impl FnOnce()) {
    if ServerKind::Cosmian.is_wanted(test) {
        let ends = || Ends::with(Vendor::Kryoptic, ServerKind::Cosmian);
        alone(test, ends, body);
    }
}

#[test]
fn rsa_oaep_with_sha_256_delivers_ed25519_to_another_module() {
    let not = ["rsa2048", "rsa3072", "rsa4096"];
    let wrap = "rsa-oaep";
    with_kryoptic(here!(), || {
        let sha256 = |slot: SlotEntry| slot.line("delivery.oaep_hash = \"sha256\"");
        delivered_to(Delivery::set_up_by(wrap, sha256), wrap, &not);
    });
}

/// kryoptic has PKCS#11 3.0's CKM_AES_KEY_WRAP_KWP alone, which the crate cryptoki does not know.
#[test]
fn a_module_without_the_way_to_wrap_is_told_of_as_such() {
    with_kryoptic(here!(), || {
        let delivery = Delivery::by("aes-kwp", |slot| slot);
        let told = delivery.token().delivery(DeliveryTask::SetUp);
        let error = told.expect_err("no set-up").to_string();
        let wanted = "CKR_MECHANISM_INVALID; it lacks the mechanism: choose another delivery.wrap";
        assert!(error.contains(wanted), "{error}");
    });
}

#[test]
fn the_server_gives_a_delivered_key_out_to_nobody_bare() {
    use kmip_p11::model::key::State;
    between(here!(), || {
        let delivery = Delivery::set_up_by("aes-kwp", |slot| slot);
        let (token, key) = plain(&delivery);
        assert!(sign(&token, &key).is_ok());
        let listed = delivery.others().find().expect("a listing").keys;
        assert_eq!((listed.len(), listed[0].state), (1, State::Active));
        let custody = listed[0].custody;
        assert_eq!(
            (custody.sensitive, custody.always_sensitive),
            (Some(true), Some(true))
        );
        assert_eq!(custody.extractable, Some(true));
        let get = Request::Get {
            id: key.id.to_string(),
            format: None,
            wrapping: None,
        };
        let answers = client(LentServer.endpoint("alice")).call(&[get]);
        let answer = answers.expect("an answer").pop().expect("one");
        let refusal = answer.expect_err("its value");
        assert!(refusal.to_string().contains("Sensitive"), "{refusal}");
    });
}

#[test]
fn an_agent_uses_a_key_as_it_is_delivered_and_as_it_was_kept() {
    between(here!(), || {
        let delivery = Delivery::set_up_by("aes-kwp", |slot| slot);
        let keyring = delivery.keyring();
        keyring.make("p256", P256);
        keyring.make("rsa", KeyType::Rsa(2048));
        let user = delivery.user();
        let lines = user.list();
        assert_eq!(
            lines.len(),
            2,
            "{lines:?}\n{}",
            delivery.configuration.log()
        );
        let agent = Agent::start(&user);
        let added = agent.add_module(&user);
        assert!(
            added.status.success(),
            "{}\n{}",
            added.report(),
            agent.log()
        );
        for line in &lines {
            let sshd = Setup::authorizing(std::slice::from_ref(line)).start();
            user.knows(&sshd.known_hosts());
            for round in ["delivered", "kept"] {
                let mut ssh = user.ssh_with_agent(&sshd, agent.socket());
                ssh.args(["-o", "BatchMode=yes"]);
                let login = run(ssh.arg(sshd.destination()).arg("echo by agent"));
                assert_eq!(login.text(), "by agent\n", "{}, {round}", name(line));
            }
        }
        assert_eq!(user.was_asked(), "");
    });
}

#[test]
fn a_set_up_that_is_there_is_left_alone_and_a_rotation_leaves_nothing_of_the_old_key() {
    between(here!(), || {
        for wrap in ["aes-kwp", "rsa-aes"] {
            let delivery = Delivery::set_up_by(wrap, |slot| slot.line("delivery.uses = 1"));
            let (token, key) = plain(&delivery);
            assert!(sign(&token, &key).is_ok());
            let before = told(&token, DeliveryTask::Look, "wrapping key");
            assert_eq!(before.len(), 1);
            let again = told(&delivery.token(), DeliveryTask::SetUp, "set up");
            assert_eq!(again, ["already, nothing was changed"]);
            assert_eq!(told(&token, DeliveryTask::Check, "wrapping key"), before);

            let gone = told(
                &delivery.token(),
                DeliveryTask::Rotate,
                "destroyed at both ends",
            );
            assert_eq!(gone.len(), 1, "{wrap}");
            let after = told(&token, DeliveryTask::Look, "wrapping key");
            assert_eq!(after.len(), 1);
            assert_ne!(after, before);
            // This token still believes in the old one, and finds the new one by itself.
            assert!(
                sign(&token, &key).is_ok(),
                "{}",
                delivery.configuration.log()
            );
            assert_eq!(told(&token, DeliveryTask::Check, "proven").len(), 1);
            token.delivery(DeliveryTask::Rotate).expect("once more");
            assert!(sign(&delivery.token(), &key).is_ok());
        }
    });
}

#[test]
fn without_set_up_the_error_says_what_to_run() {
    between(here!(), || {
        let delivery = Delivery::by("rsa-aes", |slot| slot);
        let (token, key) = plain(&delivery);
        let (kind, reason) = refused(&token, &key);
        assert_eq!(kind, TokenErrorKind::Failed);
        assert!(
            reason.contains(&format!("no wrapping key {WRAPPING_KEY:?}")),
            "{reason}"
        );
        assert!(reason.contains("kmip-ssh delivery setup"), "{reason}");
    });
}

fn revocation() -> Revocation {
    Revocation {
        compromised: false,
        message: None,
    }
}

#[test]
fn a_key_that_others_revoke_signs_no_more_once_it_is_listed_or_delivered_again() {
    between(here!(), || {
        let delivery = Delivery::set_up_by("aes-kwp", |slot| slot);
        let (token, key) = plain(&delivery);
        assert!(sign(&token, &key).is_ok());
        delivery
            .others()
            .revoke(&key, &revocation())
            .expect("a revocation");
        let found = token.find().expect("a listing");
        assert_eq!(found.keys, []);
        let (kind, reason) = refused(&token, &key);
        assert_eq!(kind, TokenErrorKind::Denied);
        assert!(reason.contains("deactivated"), "{reason}");
    });
}

#[test]
fn a_key_of_one_use_is_looked_at_before_each_signature() {
    between(here!(), || {
        let delivery = Delivery::set_up_by("aes-kwp", |slot| slot.line("delivery.uses = 1"));
        let (token, key) = plain(&delivery);
        assert!(sign(&token, &key).is_ok() && sign(&token, &key).is_ok());
        delivery
            .others()
            .revoke(&key, &revocation())
            .expect("a revocation");
        assert_eq!(refused(&token, &key).0, TokenErrorKind::Denied);
    });
}

#[test]
fn a_key_that_is_revoked_through_the_slot_leaves_the_hsm_at_once() {
    between(here!(), || {
        let delivery = Delivery::set_up_by("rsa-aes", |slot| slot);
        let (token, key) = plain(&delivery);
        assert!(sign(&token, &key).is_ok());
        token.revoke(&key, &revocation()).expect("a revocation");
        assert_eq!(refused(&token, &key).0, TokenErrorKind::Denied);
        token.destroy(&key).expect("its end");
        assert!(refused(&token, &key).1.contains("destroyed"));
    });
}
