//! Secret keys in a session of the module, and what openssl makes of the same values.

use std::fmt::Write;

use cryptoki_sys::*;

use crate::call;
use crate::hsm::{Hsm, MODULE, PIN, TOKEN};
use crate::module::{Answer, Module, answer};
use crate::own_process::alone;
use crate::process::run_with_input;
use crate::scene::LABEL;
use crate::session::{Session, Template, class};
use crate::session_objects::{Objects, number};
use crate::{keystore_scene::KeystoreScene, tool};
use kmip_p11::model::public_key::{Curve, KeyType};

/// A body in a session of the slot of a keystore that is open, with an RSA key "rsa" and a P-256 key "p256".
pub fn in_session(test: &str, body: impl FnOnce(&Session<'_>, &Objects<'_>)) {
    const KEYS: [(&str, KeyType); 2] = [
        ("rsa", KeyType::Rsa(2048)),
        ("p256", KeyType::Ec(Curve::P256)),
    ];
    let scene = || KeystoreScene::by_file().with(&KEYS);
    alone(test, scene, || {
        let module = Module::initialized();
        let session = Session::open(&module, module.slot(LABEL)).expect("a session");
        body(&session, &Objects::of(&module, &session));
        drop(session);
        assert_eq!(module.finalize(), Ok(()));
    });
}

/// A body in a session of a keystore of ours and in one of SoftHSM2, in one process.
pub fn beside_softhsm2(test: &str, body: impl FnOnce([(&Session<'_>, Objects<'_>); 2])) {
    let scene = || (KeystoreScene::by_file(), Hsm::soft());
    alone(test, scene, || {
        let (ours, theirs) = (Module::initialized(), Module::load_from(MODULE.as_ref()));
        theirs.initialize().expect("SoftHSM2 begins");
        let ours_open = Session::open(&ours, ours.slot(LABEL)).expect("a session");
        let theirs_open = Session::open(&theirs, theirs.slot(TOKEN)).expect("a session");
        theirs_open.login(CKU_USER, PIN).expect("a login");
        body([
            (&ours_open, Objects::of(&ours, &ours_open)),
            (&theirs_open, Objects::of(&theirs, &theirs_open)),
        ]);
    });
}

/// A secret key of that type and value.
pub fn secret(key_type: CK_KEY_TYPE, value: &[u8]) -> Template {
    let value = (CKA_VALUE, value.to_vec());
    let mut template = class(CKO_SECRET_KEY);
    template.extend([(CKA_KEY_TYPE, number(key_type)), value]);
    template
}

/// The template with these CK_BBOOLs, too.
pub fn with(template: Template, more: &[(CK_ATTRIBUTE_TYPE, CK_BBOOL)]) -> Template {
    let more = more.iter().map(|(kind, value)| (*kind, vec![*value]));
    template.into_iter().chain(more).collect()
}

/// Bytes as hexadecimal digits.
pub fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    })
}

/// The bytes of hexadecimal digits.
pub fn of_digits(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(&String::from_utf8_lossy(pair), 16);
    digits.map(|pair| byte(pair).expect("a digit")).collect()
}

/// What openssl writes with these arguments and that input.
#[track_caller]
pub fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let finished = run_with_input(tool::command("openssl").args(arguments), input);
    assert!(finished.status.success(), "{}", finished.report());
    finished.stdout
}

impl Session<'_> {
    /// C_VerifyInit with a mechanism whose parameter is there until it returns.
    pub fn verify_init_by(&self, mut mechanism: CK_MECHANISM, key: CK_OBJECT_HANDLE) -> Answer {
        let (module, by) = (self.module(), &mut mechanism);
        answer(call!(module, C_VerifyInit, self.handle, by, key))
    }
}
