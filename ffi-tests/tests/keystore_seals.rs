//! What opens a keystore: keys of HSMs and KMIP servers, every change from one seal to another, and programs that
//! run meanwhile.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;

use cryptoki_sys::*;
use ffi_tests::configuration::Configuration;
use ffi_tests::hsm::{Hsm, Vendor};
use ffi_tests::keystore_scene::{KeystoreScene, PIN};
use ffi_tests::kmip_server::{Endpoint, LentServer};
use ffi_tests::module::Module;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::own_process::{Surroundings, alone};
use ffi_tests::process::run;
use ffi_tests::scene::LABEL;
use ffi_tests::session::Session;
use ffi_tests::{ServerKind, here, on_each_server};
use kmip_p11::config::{Backend, Config, Database, KeyFilter, Keystore, Seal};
use kmip_p11::error::Error;
use kmip_p11::kmip::{
    Attribute, Client, CryptographicAlgorithm, Request, Response, ServerAddress, Settings,
    TlsFiles, Transport, UsageMask,
};
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::{SignInput, SignScheme};
use kmip_p11::token::keystore::{KeystoreToken, reseal};
use kmip_p11::token::{NewKey, Token};

const P256: KeyType = KeyType::Ec(Curve::P256);

fn both() -> UsageMask {
    UsageMask::ENCRYPT | UsageMask::DECRYPT
}

/// Lines of a slot whose keystore a new key of that server opens.
fn by_kmip(endpoint: &Endpoint, usage: UsageMask) -> String {
    let key = cipher_key(endpoint, usage);
    format!(
        "keystore.seal = \"kmip\"\nkeystore.seal_key = {key:?}\nkmip.servers = [{:?}]\n\
         kmip.tls.ca = {:?}\nkmip.tls.client_cert = {:?}\nkmip.tls.client_key = {:?}",
        endpoint.address, endpoint.ca, endpoint.certificate, endpoint.key
    )
}

/// Lines of a slot whose keystore that key of the HSM around us opens.
fn by_hsm(key: &str) -> String {
    let vendor = Vendor::of_environment();
    let conf = vendor.conf_of_environment().expect("the surroundings");
    let pin = conf.with_file_name("pin");
    format!(
        "keystore.seal = \"hsm\"\nkeystore.seal_key = {key:?}\nhsm.module = {:?}\nhsm.pin_file = {pin:?}",
        vendor.module()
    )
}

/// A new AES key on the server that may do this; its identifier.
fn cipher_key(endpoint: &Endpoint, usage: UsageMask) -> String {
    let endpoint = endpoint.clone();
    let files = TlsFiles {
        ca: endpoint.ca,
        client_cert: Some(endpoint.certificate),
        client_key: Some(endpoint.key),
        server_name: None,
    };
    let (host, port) = endpoint.address.split_once(':').expect("host:port");
    let address = ServerAddress {
        host: host.to_owned(),
        port: port.parse().expect("a port"),
        transport: Transport::Tls,
    };
    let tls = files.load().expect("files that were just made");
    let client = Client::new(Settings::new(vec![address], tls));
    let ask = |request| {
        let mut answers = client.call(&[request]).expect("an answer");
        answers
            .remove(0)
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    };
    let made = ask(Request::Create {
        object_type: kmip_p11::kmip::ObjectType::SYMMETRIC_KEY,
        attributes: vec![
            Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
            Attribute::CryptographicLength(256),
            Attribute::CryptographicUsageMask(usage),
        ],
    });
    let Response::Create { id, .. } = made else {
        panic!("{made:?}")
    };
    ask(Request::Activate { id: id.clone() });
    id
}

fn logs_in(user: &User, lines: &[String]) {
    let sshd = Setup::authorizing(lines).start();
    user.knows(&sshd.known_hosts());
    let login = user.login(&sshd, &[], "echo logged in");
    assert_eq!(login.text(), "logged in\n", "{}", sshd.log());
}

on_each_server! {
    fn a_key_of_a_kmip_server_opens_a_keystore(case) {
        let endpoint = case.server.shared().endpoint("alice");
        let lines = by_kmip(&endpoint, both());
        let scene = KeystoreScene::new(None, &lines).with(&[("web", P256)]);
        let user = scene.user("never asked");
        let lines = user.list();
        assert_eq!(lines.len(), 1);
        logs_in(&user, &lines);
        assert_eq!(user.was_asked(), "");
    }
}

/// The module is loaded by the body's process alone.
fn opened_by_an_hsm() {
    let vendor = Vendor::of_environment();
    let conf = vendor.conf_of_environment().expect("the surroundings");
    let scene = KeystoreScene::new(None, &by_hsm("keystore")).with(&[("web", P256)]);
    let user = scene
        .user("never asked")
        .with_variable(vendor.variable(), conf.into());
    logs_in(&user, &user.list());
    assert_eq!(user.was_asked(), "");
    let mut other = scene.config();
    if let Seal::Hsm { key, .. } = &mut other.seal {
        "another".clone_into(key);
    }
    let token = KeystoreToken::new(LABEL, &other, KeyFilter::default());
    let refused = token
        .generate(&NewKey::new("b", P256))
        .expect_err("no such key");
    let reason = refused.to_string();
    assert!(
        reason.contains("the token has no AES key \"another\""),
        "{reason}"
    );
}

/// Surroundings with an HSM and that KMIP server.
fn hsm_and(server: ServerKind) -> impl Surroundings {
    (Hsm::soft(), server.shared())
}

#[test]
fn a_key_of_an_hsm_opens_a_keystore() {
    alone(here!(), Hsm::soft, opened_by_an_hsm);
}

#[test]
fn a_key_of_another_hsm_opens_a_keystore() {
    let kryoptic = || Hsm::new(Vendor::Kryoptic);
    alone(here!(), kryoptic, opened_by_an_hsm);
}

/// The keystore of the only slot of a configuration with these lines about the scene's.
fn keystore(scene: &KeystoreScene, lines: &str) -> Keystore {
    let path = scene.path();
    let text = format!("[[slot]]\nlabel = {LABEL:?}\nkeystore.path = {path:?}\n{lines}\n");
    let configuration = Configuration::of_text(&text);
    let config = Config::load_from(configuration.path());
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    match config.slots.into_iter().next().expect("one slot").backend {
        Backend::Keystore(keystore) => keystore,
        other => panic!("{other:?}"),
    }
}

fn pin_of(keystore: &Keystore) -> Option<&'static str> {
    (keystore.seal == Seal::Pin).then_some(PIN)
}

/// A signature of the key "web", by a token that knows nothing yet.
fn signature(keystore: &Keystore) -> Result<Vec<u8>, Error> {
    let token = KeystoreToken::new(LABEL, keystore, KeyFilter::default());
    if let Some(pin) = pin_of(keystore) {
        token.login(pin)?;
    }
    let found = token.find()?;
    let key = found.keys.first().expect("a key");
    token.sign(key, SignScheme::usual(P256), SignInput::Message(b"m"))
}

/// Every ordered pair of four, each where the one before has ended.
const EACH_TO_EACH: [usize; 13] = [0, 1, 0, 2, 0, 3, 1, 2, 1, 3, 2, 3, 0];

/// From each seal to each other; what opened it before opens it no more.
fn each_seal_follows_each() {
    let files = "keystore.seal = \"file\"\nkeystore.seal_file = \"FILES/credential\"";
    let scene = KeystoreScene::by_pin().with(&[("web", P256)]);
    let seals = [
        keystore(&scene, "keystore.seal = \"pin\""),
        keystore(
            &scene,
            &files.replace("FILES", &scene.files.path().display().to_string()),
        ),
        keystore(&scene, &by_hsm("keystore")),
        keystore(&scene, &by_kmip(&LentServer.endpoint("alice"), both())),
    ];
    let mut pairs = HashSet::new();
    for pair in EACH_TO_EACH.windows(2) {
        let (from, to) = (&seals[pair[0]], &seals[pair[1]]);
        pairs.insert((pair[0], pair[1]));
        let sealed = reseal(LABEL, from, pin_of(from), &to.seal, pin_of(to));
        sealed.unwrap_or_else(|error| panic!("{pair:?}: {error}"));
        signature(to).unwrap_or_else(|error| panic!("{pair:?}: {error}"));
        let refused = signature(from).expect_err("the old seal").to_string();
        assert!(
            refused.contains("write keystore.seal = "),
            "{pair:?}: {refused}"
        );
    }
    assert_eq!(pairs.len(), 12, "{pairs:?}");
}

on_each_server! {
    fn each_seal_is_changed_into_each_other(case) {
        alone(case.test, || hsm_and(case.server), each_seal_follows_each);
    }

    /// A key that encrypts and does not decrypt would shut the keystore for ever.
    fn a_seal_that_does_not_open_is_not_taken(case) {
        let endpoint = case.server.shared().endpoint("alice");
        let scene = KeystoreScene::by_file().with(&[("web", P256)]);
        let to = keystore(&scene, &by_kmip(&endpoint, UsageMask::ENCRYPT));
        let refused = reseal(LABEL, &scene.config(), None, &to.seal, None);
        let refused = refused.expect_err("a seal for ever").to_string();
        assert!(refused.contains("does not open, nothing was changed"), "{refused}");
        signature(&scene.config()).expect("a signature");
    }
}

/// What another process is to seal the keystore by.
const BY: &str = "KMIP_P11_TEST_SEAL_BY";
const OTHER_PIN: &str = "another 4";

/// This test once more, in a process of its own: two SQLite in one process would take each other's locks away.
fn sealed_elsewhere(test: &str, by: &str) {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args([test, "--exact", "--nocapture"]);
    let done = run(command.env(BY, by)).text();
    assert!(done.contains("1 passed"), "{done}");
}

/// The keystore of the configuration around us, and its file.
fn configured() -> (Keystore, PathBuf) {
    let config = Config::load().expect("the configuration");
    let Backend::Keystore(keystore) = config.slots[0].backend.clone() else {
        panic!("no keystore");
    };
    let Database::Sqlite(path) = keystore.database.clone() else {
        panic!("no file");
    };
    (keystore, path)
}

/// The other process.
fn seal(by: &str) {
    let (mut keystore, path) = configured();
    let (pin, file) = (Seal::Pin, Seal::File(path.with_extension("seal")));
    let (from, to) = match by {
        "pin" => (file, pin),
        _ => (pin, file),
    };
    let (old, new) = match by {
        "pin" => (None, Some(OTHER_PIN)),
        _ => (Some(PIN), None),
    };
    keystore.seal = from;
    let sealed = reseal(LABEL, &keystore, old, &to, new);
    sealed.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_program_that_has_the_keystore_open_goes_on_and_its_next_login_tells_of_the_new_seal() {
    if let Ok(by) = std::env::var(BY) {
        return seal(&by);
    }
    let scene = || KeystoreScene::by_pin().with(&[("web", P256)]);
    let test = here!();
    alone(test, scene, || {
        let module = Module::initialized();
        let session = Session::open(&module, module.slot(LABEL)).expect("a session");
        let sign = || {
            let key = session.private_key("web");
            session.sign(CKM_ECDSA, key, &[7; 32]).map(|it| it.len())
        };
        assert_eq!((session.login(CKU_USER, PIN), sign()), (Ok(()), Ok(64)));
        sealed_elsewhere(test, "file");
        assert_eq!(sign(), Ok(64));
        assert_eq!(session.logout(), Ok(()));
        assert_eq!(session.login(CKU_USER, PIN), Err(CKR_FUNCTION_FAILED));
        let log = std::fs::read_to_string(configured().1.with_file_name("log"));
        let log = log.expect("a log");
        let told =
            "is sealed by \"file\"; write keystore.seal = \"file\", and start programs again";
        assert!(log.contains(told), "{log}");
        sealed_elsewhere(test, "pin");
        assert_eq!(session.login(CKU_USER, PIN), Err(CKR_PIN_INCORRECT));
        assert_eq!(
            (session.login(CKU_USER, OTHER_PIN), sign()),
            (Ok(()), Ok(64))
        );
    });
}
