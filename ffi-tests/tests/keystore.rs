//! Keystores as C programs and OpenSSH see them: listings, logins, PINs, and many processes at once.

use std::process::Command;

use cryptoki_sys::*;
use ffi_tests::here;
use ffi_tests::keys::{EVERY_TYPE, LOGIN_TYPES};
use ffi_tests::keystore_scene::{KeystoreScene, PIN};
use ffi_tests::module::Module;
use ffi_tests::openssh::sshd::Setup;
use ffi_tests::openssh::user::User;
use ffi_tests::openssh::{agent::Agent, name};
use ffi_tests::own_process::alone;
use ffi_tests::process::run;
use ffi_tests::scene::LABEL;
use ffi_tests::session::{Session, class};
use ffi_tests::signature::{Scheme, digest, digest_info, verifies};
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::SignScheme;
use kmip_p11::token::NewKey;

const P256: KeyType = KeyType::Ec(Curve::P256);
const MESSAGE: &[u8] = b"a message";

fn open(module: &Module) -> Session<'_> {
    Session::open(module, module.slot(LABEL)).expect("a session")
}

/// A signature by the named key, looked at by openssl.
fn signs(session: &Session<'_>, name: &str, key_type: KeyType) {
    let key = session.private_key(name);
    let (mechanism, scheme, input) = match key_type {
        KeyType::Rsa(_) => {
            let input = digest_info("sha256", MESSAGE);
            (CKM_RSA_PKCS, Scheme::Rsa("sha256"), input)
        }
        KeyType::Ec(_) => {
            let input = digest("sha256", MESSAGE);
            (CKM_ECDSA, Scheme::Ecdsa("sha256"), input)
        }
        KeyType::Ed25519 => (CKM_EDDSA, Scheme::Ed25519, MESSAGE.to_vec()),
        KeyType::MlDsa(_) => (CKM_ML_DSA, Scheme::MlDsa, MESSAGE.to_vec()),
    };
    let signature = session.sign(mechanism, key, &input).expect("C_Sign");
    let spki = session
        .attribute(key, CKA_PUBLIC_KEY_INFO)
        .expect("its public half");
    assert!(verifies(scheme, &spki, MESSAGE, &signature), "{name}");
}

#[test]
fn every_type_of_key_signs() {
    alone(
        here!(),
        || KeystoreScene::by_file().with(&EVERY_TYPE),
        || {
            let module = Module::initialized();
            let info = module
                .token_info(module.slot(LABEL))
                .expect("C_GetTokenInfo");
            let flags = CKF_LOGIN_REQUIRED | CKF_PROTECTED_AUTHENTICATION_PATH;
            assert_eq!(info.flags & flags, CKF_PROTECTED_AUTHENTICATION_PATH);
            assert!(info.serialNumber.iter().all(u8::is_ascii_hexdigit));
            let session = open(&module);
            for (name, key_type) in EVERY_TYPE {
                signs(&session, name, key_type);
            }
        },
    );
}

#[test]
fn public_objects_are_there_before_the_pin_and_private_ones_after_it() {
    alone(
        here!(),
        || KeystoreScene::by_pin().with(&EVERY_TYPE[..1]),
        || {
            let module = Module::initialized();
            let session = open(&module);
            let count = |kind| session.find(&class(kind)).expect("a search").len();
            assert_eq!((count(CKO_PUBLIC_KEY), count(CKO_PRIVATE_KEY)), (1, 0));
            assert_eq!(session.login(CKU_USER, PIN), Ok(()));
            assert_eq!((count(CKO_PUBLIC_KEY), count(CKO_PRIVATE_KEY)), (1, 1));
            signs(&session, "rsa2048", KeyType::Rsa(2048));
            let key = session.private_key("rsa2048");
            for (attribute, value) in [
                (CKA_SENSITIVE, CK_TRUE),
                (CKA_EXTRACTABLE, CK_FALSE),
                (CKA_NEVER_EXTRACTABLE, CK_TRUE),
            ] {
                assert_eq!(session.attribute(key, attribute), Ok(vec![value]));
            }
            assert_eq!(
                session.attribute(key, CKA_PRIVATE_EXPONENT),
                Err(CKR_ATTRIBUTE_SENSITIVE)
            );
            assert_eq!(session.logout(), Ok(()));
            assert_eq!((count(CKO_PUBLIC_KEY), count(CKO_PRIVATE_KEY)), (1, 0));
            assert_eq!(
                session.sign_init(CKM_RSA_PKCS, key),
                Err(CKR_USER_NOT_LOGGED_IN)
            );
        },
    );
}

/// What a process that gives a wrong PIN sees: the answer, and the flags after it.
fn wrong_pin() -> (CK_RV, CK_FLAGS) {
    let module = Module::initialized();
    let told = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
    let answer = open(&module)
        .login(CKU_USER, "open barley")
        .expect_err("wrong");
    let info = module
        .token_info(module.slot(LABEL))
        .expect("C_GetTokenInfo");
    module.finalize().expect("C_Finalize");
    (answer, info.flags & told)
}

#[test]
fn wrong_pins_are_counted_across_processes() {
    if let Ok(expected) = std::env::var("KMIP_P11_TEST_WRONG_PIN") {
        assert_eq!(format!("{:?}", wrong_pin()), expected);
        return;
    }
    let scene = KeystoreScene::by_pin();
    let low = CKF_USER_PIN_COUNT_LOW;
    for expected in [
        (CKR_PIN_INCORRECT, low),
        (CKR_PIN_INCORRECT, low | CKF_USER_PIN_FINAL_TRY),
        (CKR_PIN_INCORRECT, CKF_USER_PIN_LOCKED),
        (CKR_PIN_LOCKED, CKF_USER_PIN_LOCKED),
    ] {
        let mut command = itself(&scene, here!());
        command.env("KMIP_P11_TEST_WRONG_PIN", format!("{expected:?}"));
        run(&mut command).text();
    }
    let log = scene.log();
    assert!(
        log.contains("3 wrong PINs were given: no PIN is tried for another"),
        "{log}"
    );
    assert!(!log.contains("barley"), "{log}");
}

/// This test once more, in a process of its own that uses the scene.
fn itself(scene: &KeystoreScene, test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args([test, "--exact", "--nocapture"]);
    command.env("KMIP_P11_CONFIG", scene.configuration.path());
    command
}

fn logs_in(user: &User, lines: &[String]) {
    for line in lines {
        let sshd = Setup::authorizing(std::slice::from_ref(line)).start();
        user.knows(&sshd.known_hosts());
        let login = user.login(&sshd, &[], "echo logged in");
        assert_eq!(
            login.text(),
            "logged in\n",
            "{line}\n{}\n{}",
            login.report(),
            sshd.log()
        );
    }
}

#[test]
fn ssh_asks_for_the_pin_of_a_keystore_and_logs_in() {
    let scene = KeystoreScene::by_pin().with(&LOGIN_TYPES);
    let user = scene.user(PIN);
    let lines = user.list();
    let mut names: Vec<_> = lines.iter().map(|line| name(line)).collect();
    names.sort_unstable();
    assert_eq!(names, ["p256", "p384", "p521", "rsa"]);
    logs_in(&user, &lines);
    assert!(
        user.was_asked().contains("PIN for 'ssh keys'"),
        "{}",
        user.was_asked()
    );
    let wrong = scene.user("open barley");
    let sshd = Setup::authorizing(&lines).start();
    wrong.knows(&sshd.known_hosts());
    assert!(!wrong.login(&sshd, &[], "true").status.success());
    assert!(!scene.log().contains("barley") && !scene.log().contains(PIN));
}

#[test]
fn an_agent_logs_in_by_a_keystore() {
    let scene = KeystoreScene::by_pin().with(&[("web", P256)]);
    let user = scene.user(PIN);
    let agent = Agent::start(&user);
    let added = agent.add_module_asking(&user);
    assert!(
        added.status.success(),
        "{}\n{}",
        added.report(),
        agent.log()
    );
    let lines = agent.list(&user);
    let sshd = Setup::authorizing(&lines).start();
    user.knows(&sshd.known_hosts());
    for _ in 0..2 {
        let mut ssh = user.ssh_with_agent(&sshd, agent.socket());
        let login = run(ssh.arg(sshd.destination()).arg("echo by agent"));
        assert_eq!(login.text(), "by agent\n", "{}", agent.log());
    }
}

const PROCESSES: usize = 4;
const KEYS: usize = 25;

/// One of several processes that make keys and use those of all others.
fn one_of_many(number: &str) {
    let config = kmip_p11::config::Config::load().expect("the configuration");
    let token = kmip_p11::token::open(&config.slots[0]);
    for key in 0..KEYS {
        let made = token.generate(&NewKey::new(format!("{number}-{key}"), P256));
        made.unwrap_or_else(|error| panic!("{error}"));
        let found = token.find().unwrap_or_else(|error| panic!("{error}"));
        assert!(found.hidden.is_empty(), "{:?}", found.hidden);
        let last = found.keys.last().expect("a key");
        let input = kmip_p11::model::signature::SignInput::Message(MESSAGE);
        let signed = token.sign(last, SignScheme::usual(P256), input);
        signed.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn several_processes_make_and_use_keys_at_once() {
    if let Ok(number) = std::env::var("KMIP_P11_TEST_NUMBER") {
        return one_of_many(&number);
    }
    let scene = KeystoreScene::by_file();
    std::thread::scope(|scope| {
        for number in 0..PROCESSES {
            let scene = &scene;
            scope.spawn(move || {
                let mut command = itself(scene, "several_processes_make_and_use_keys_at_once");
                command.env("KMIP_P11_TEST_NUMBER", number.to_string());
                run(&mut command).text();
            });
        }
    });
    assert_eq!(scene.keys().len(), PROCESSES * KEYS);
}
