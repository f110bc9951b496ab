//! Java 17: keytool and jarsigner by SunPKCS11, which signs with RSA by C_SignUpdate.

use ffi_tests::here;
use ffi_tests::openssh::user::User;
use ffi_tests::process::{Finished, run};

use super::{RSA, certified, line_with, on_cosmian};

/// With the slot as its keystore.
fn java(user: &User, program: &str, arguments: &[&str]) -> Finished {
    let mut command = user.command(program);
    command.args(["-keystore", "NONE", "-storetype", "PKCS11"]);
    command.args(["-storepass", "none", "-addprovider", "SunPKCS11"]);
    command.args(["-providerArg", "java.cfg"]);
    run(command.args(arguments))
}

#[test]
fn keytool_lists_and_jarsigner_signs() {
    let Some(desk) = on_cosmian(here!(), &[RSA]) else {
        return;
    };
    let user = &desk.user;
    let module = user.module().display();
    let config = format!("name = keys\nlibrary = {module}\nslotListIndex = 0\n");
    user.desk.write("java.cfg", config);
    certified(&desk, "rsa", "signer");
    let listed = java(user, "keytool", &["-list"]).text();
    line_with(&listed, "PrivateKeyEntry");
    let alias = line_with(&listed, "PrivateKeyEntry")
        .split(',')
        .next()
        .expect("an alias");
    user.desk.write("content", "of a jar");
    run(user.command("jar").args(["cf", "a.jar", "content"])).text();
    let signed = java(user, "jarsigner", &["a.jar", alias]).text();
    line_with(&signed, "jar signed");
    let verified = run(user.command("jarsigner").args(["-verify", "a.jar"])).text();
    line_with(&verified, "jar verified");
}
