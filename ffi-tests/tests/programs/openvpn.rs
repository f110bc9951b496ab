//! OpenVPN 2.6: the listing by which an administrator finds what to write after pkcs11-id.

use ffi_tests::here;
use ffi_tests::process::run;

use super::{RSA, certified, line_with, on_cosmian};

#[test]
fn it_lists_a_certificate_with_its_key() {
    let Some(desk) = on_cosmian(here!(), &[RSA]) else {
        return;
    };
    certified(&desk, "rsa", "road-warrior");
    let mut openvpn = desk.user.command("openvpn");
    let listed = run(openvpn.arg("--show-pkcs11-ids").arg(desk.user.module())).text();
    line_with(&listed, "CN=road-warrior");
    line_with(&listed, "Serialized id:");
}
