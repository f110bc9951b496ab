//! OpenSSL 3.0 by libp11's engine 0.4.12.

use ffi_tests::ServerKind;
use ffi_tests::here;
use ffi_tests::process::{Finished, run};
use ffi_tests::scene::Scene;

use super::{Desk, ED25519, P256, RSA, on_cosmian, verifies};

fn by_engine(desk: &Desk, name: &str) -> Finished {
    let user = &desk.user;
    let module = user.module().display();
    let engine = "/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so";
    let text = format!(
        "openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = pkcs11\n[pkcs11]\n\
         engine_id = pkcs11\ndynamic_path = {engine}\nMODULE_PATH = {module}\ninit = 0\n"
    );
    let conf = user.desk.write("openssl.cnf", text);
    let mut command = user.command("openssl");
    command.env("OPENSSL_CONF", conf);
    command.args(["dgst", "-sha256", "-engine", "pkcs11", "-keyform", "engine"]);
    run(command.args([
        "-sign",
        &desk.uri(name, "private"),
        "-out",
        "signature",
        "message",
    ]))
}

#[test]
fn it_signs_by_rsa_and_ecdsa() {
    let Some(desk) = on_cosmian(here!(), &[RSA, P256]) else {
        return;
    };
    for name in ["rsa", "p256"] {
        by_engine(&desk, name).text();
        verifies(&desk.user, name, "signature");
    }
}

/// Its libp11 gives up all keys over one that it does not know; the slot can hide that one.
#[test]
fn an_ed25519_key_is_hidden_from_it_by_the_slot() {
    let kind = ServerKind::Cosmian;
    if !kind.is_wanted(here!()) {
        return;
    }
    let all = Desk::at(Scene::on(kind).with(&[RSA, ED25519]));
    let failed = by_engine(&all, "rsa");
    assert!(
        !failed.status.success(),
        "it can do without the filter by now"
    );
    let filter = "keys.types = [\"rsa\", \"ecdsa-p256\"]";
    let filtered = Scene::of(kind.shared(), |slot| slot.line(filter));
    filtered.make("ed25519", ED25519.1);
    let some = Desk::at(filtered.with(&[RSA]));
    by_engine(&some, "rsa").text();
    verifies(&some.user, "rsa", "signature");
}
