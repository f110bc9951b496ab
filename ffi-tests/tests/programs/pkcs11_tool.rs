//! pkcs11-tool of OpenSC 0.23.

use ffi_tests::ServerKind;
use ffi_tests::here;
use ffi_tests::openssh::user::User;
use ffi_tests::process::run;
use ffi_tests::scene::Scene;

use super::{
    Desk, MESSAGE, P256, RSA, keystore, line_with, on_cosmian, openssl, pkcs11_tool, verifies,
};

#[test]
fn it_lists_signs_generates_writes_and_deletes() {
    if let Some(desk) = on_cosmian(here!(), &[RSA, P256]) {
        the_round(&desk);
    }
}

#[test]
fn it_does_the_same_with_a_keystore() {
    let desk = keystore(&[RSA, P256]);
    the_round(&desk);
}

fn the_round(desk: &Desk) {
    let user = &desk.user;
    let listed = pkcs11_tool(user, "-O").text();
    assert_eq!(listed.matches("Private Key Object").count(), 2, "{listed}");
    let mechanisms = pkcs11_tool(user, "-M").text();
    line_with(&mechanisms, "SHA256-RSA-PKCS, keySize={2048,8192}");
    signs(user, &desk.id("rsa"), "SHA256-RSA-PKCS");
    verifies(user, "rsa", "signature");
    signs(user, &desk.id("p256"), "ECDSA-SHA256");
    verifies(user, "p256", "signature");
    let made = format!("made-{}", desk.label("rsa"));
    let make =
        format!("--keypairgen --key-type rsa:2048 --label {made} --id 6d616465 --usage-sign");
    pkcs11_tool(user, &make).text();
    signs_and_ends(user, "6d616465");
    openssl(user, "genrsa -traditional -out written.pem 2048").text();
    openssl(
        user,
        "rsa -in written.pem -traditional -outform DER -out written.key",
    )
    .text();
    let written = format!("written-{}", desk.label("rsa"));
    let write = format!(
        "--write-object written.key --type privkey --label {written} --id 77726974 --usage-sign"
    );
    pkcs11_tool(user, &write).text();
    signs_and_ends(user, "77726974");
    let listed = pkcs11_tool(user, "-O").text();
    assert_eq!(listed.matches("Key Object").count(), 4, "{listed}");
}

fn signs_and_ends(user: &User, id: &str) {
    signs(user, id, "SHA256-RSA-PKCS");
    let read = format!("--read-object --type pubkey --id {id} -o other.der");
    pkcs11_tool(user, &read).text();
    openssl(user, "pkey -pubin -inform DER -in other.der -out other.pem").text();
    verifies(user, "other", "signature");
    pkcs11_tool(user, &format!("--delete-object --type privkey --id {id}")).text();
}

/// By CKA_ID: it takes no notice of a label where it signs.
fn signs(user: &User, id: &str, mechanism: &str) {
    let call = |what: &str, file: &str| {
        let line = format!(
            "--{what} --mechanism {mechanism} --id {id} --signature-format openssl \
             --input-file message --{file} signature"
        );
        pkcs11_tool(user, &line).text()
    };
    call("sign", "output-file");
    line_with(&call("verify", "signature-file"), "Signature is valid");
}

#[test]
fn it_decrypts() {
    let desk = keystore(&[RSA]);
    let user = &desk.user;
    let options =
        "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256";
    let line = format!("pkeyutl -encrypt -pubin -inkey rsa.pem -in message -out secret {options}");
    openssl(user, &line).text();
    let decrypt = "--decrypt --mechanism RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256 \
                   --label rsa --input-file secret --output-file opened";
    pkcs11_tool(user, decrypt).text();
    assert_eq!(user.desk.read("opened"), MESSAGE);
}

#[test]
fn it_decrypts_by_a_key_of_a_server() {
    let Some(desk) = on_cosmian(here!(), &[RSA]) else {
        return;
    };
    let user = &desk.user;
    let label = format!("decrypting-{}", desk.label("rsa"));
    let make =
        format!("--keypairgen --key-type rsa:2048 --label {label} --id 64656372 --usage-decrypt");
    pkcs11_tool(user, &make).text();
    let read = "--read-object --type pubkey --id 64656372 -o pair.der";
    pkcs11_tool(user, read).text();
    openssl(user, "pkey -pubin -inform DER -in pair.der -out pair.pem").text();
    for (options, mechanism) in [
        (
            "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256",
            "RSA-PKCS-OAEP --hash-algorithm SHA256 --mgf MGF1-SHA256",
        ),
        (
            "-pkeyopt rsa_padding_mode:oaep",
            "RSA-PKCS-OAEP --hash-algorithm SHA-1 --mgf MGF1-SHA1",
        ),
        ("-pkeyopt rsa_padding_mode:pkcs1", "RSA-PKCS"),
    ] {
        let encrypt =
            format!("pkeyutl -encrypt -pubin -inkey pair.pem -in message -out secret {options}");
        openssl(user, &encrypt).text();
        let decrypt = format!(
            "--decrypt --mechanism {mechanism} --id 64656372 --input-file secret --output-file opened"
        );
        pkcs11_tool(user, &decrypt).text();
        assert_eq!(user.desk.read("opened"), MESSAGE, "{mechanism}");
    }
    pkcs11_tool(user, "--delete-object --type privkey --id 64656372").text();
}

#[test]
fn it_derives() {
    let desk = keystore(&[P256]);
    let user = &desk.user;
    openssl(
        user,
        "ecparam -name prime256v1 -genkey -noout -out peer.pem",
    )
    .text();
    openssl(user, "pkey -in peer.pem -pubout -outform DER -out peer.der").text();
    let derive = format!(
        "--derive --mechanism ECDH1-DERIVE --id {} --input-file peer.der --output-file agreed",
        desk.id("p256")
    );
    pkcs11_tool(user, &derive).text();
    openssl(
        user,
        "pkeyutl -derive -inkey peer.pem -peerkey p256.pem -out wanted",
    )
    .text();
    let [agreed, wanted] =
        ["agreed", "wanted"].map(|name| std::fs::read(user.desk.file(name)).expect("a secret"));
    assert_eq!((agreed.len(), agreed), (32, wanted));
}

/// It signs by CKM_RSA_PKCS what is no DigestInfo, which a KMIP server does not: there, the slot has keys.local_use.
#[test]
fn its_own_test_finds_no_errors() {
    let desk = keystore(&[RSA, P256]);
    finds_no_errors(&desk.user);
    let kind = ServerKind::Cosmian;
    if kind.is_wanted(here!()) {
        let scene = Scene::of(kind.shared(), |slot| slot.local_use());
        finds_no_errors(&Desk::at(scene.with(&[P256])).user);
    }
}

fn finds_no_errors(user: &User) {
    let tested = pkcs11_tool(user, "--test --allow-sw");
    assert!(
        tested.text().ends_with("No errors\n"),
        "{}",
        tested.report()
    );
}

#[test]
fn its_threads_and_its_fork_get_what_they_want() {
    let Some(desk) = on_cosmian(here!(), &[RSA, P256]) else {
        return;
    };
    let forked = pkcs11_tool(&desk.user, "--test-fork").text();
    line_with(
        &forked,
        "*** Calling C_Initialize in forked child process ***",
    );
    let mut threads = desk.user.command("pkcs11-tool");
    threads.arg("--module").arg(desk.user.module());
    for _ in 0..4 {
        threads.args(["--test-threads", "ILGISLT0"]);
    }
    let done = run(&mut threads);
    assert!(done.status.success(), "{}", done.report());
    assert!(!done.stderr.contains("rv = CKR"), "{}", done.report());
}
