//! python-pkcs11 and PyKCS11, in the environment that tools/servers/install-python-programs.sh makes.

use std::path::PathBuf;
use std::process::Command;

use ffi_tests::here;
use ffi_tests::process::run;

use super::{Desk, P256, RSA, line_with, on_cosmian, verifies};

/// The interpreter that has both.
fn interpreter() -> PathBuf {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tools/servers/install-python-programs.sh"
    );
    let place = run(Command::new(script).arg("--where")).text();
    let python = PathBuf::from(place.trim()).join("bin/python");
    assert!(
        python.is_file(),
        "run {script}: there is no {}",
        python.display()
    );
    python
}

fn python(desk: &Desk, script: &str) -> String {
    let user = &desk.user;
    let script = script.replace("NAME", &desk.label("rsa"));
    user.desk.write("script.py", script);
    let mut command = user.command("env");
    command.env("MODULE", user.module());
    run(command.arg(interpreter()).arg("script.py")).text()
}

const PYTHON_PKCS11: &str = r#"
import os, pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
library = pkcs11.lib(os.environ["MODULE"])
token = library.get_token(token_label="ssh keys")
message = open("message", "rb").read()
with token.open() as session:
    keys = list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))
    print("keys:", sorted(key.label.split("@")[0] for key in keys))
    key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="NAME")
    signature = key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS)
    public = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label="NAME")
    print("verified:", public.verify(message, signature, mechanism=Mechanism.SHA256_RSA_PKCS))
    open("signature", "wb").write(signature)
    print("random:", len(session.generate_random(256)))
    digest = session.digest(message, mechanism=Mechanism.SHA256)
    print("digest:", len(digest))
"#;

#[test]
fn python_pkcs11_lists_signs_and_verifies() {
    let Some(desk) = on_cosmian(here!(), &[RSA, P256]) else {
        return;
    };
    let told = python(&desk, PYTHON_PKCS11);
    line_with(&told, "keys: ['p256', 'rsa']");
    line_with(&told, "verified: True");
    line_with(&told, "random: 32");
    line_with(&told, "digest: 32");
    verifies(&desk.user, "rsa", "signature");
}

const PYKCS11: &str = r#"
import os
from PyKCS11 import *
library = PyKCS11Lib()
library.load(os.environ["MODULE"])
slot = library.getSlotList(tokenPresent=True)[0]
print("token:", library.getTokenInfo(slot).label.strip())
session = library.openSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
message = open("message", "rb").read()
key = session.findObjects([(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_LABEL, "NAME")])[0]
by = Mechanism(CKM_SHA256_RSA_PKCS)
signature = bytes(session.sign(key, message, by))
public = session.findObjects([(CKA_CLASS, CKO_PUBLIC_KEY), (CKA_LABEL, "NAME")])[0]
print("verified:", session.verify(public, message, signature, by))
print("attributes:", all(session.getAttributeValue(public, [CKA_MODULUS])))
open("signature", "wb").write(signature)
session.closeSession()
"#;

#[test]
fn pykcs11_finds_signs_and_verifies() {
    let Some(desk) = on_cosmian(here!(), &[RSA]) else {
        return;
    };
    let told = python(&desk, PYKCS11);
    line_with(&told, "token: ssh keys");
    line_with(&told, "verified: True");
    line_with(&told, "attributes: True");
    verifies(&desk.user, "rsa", "signature");
}
