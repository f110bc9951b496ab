//! NSS 3.87: a database with the module, and a certificate request that a key of the slot signs.

use ffi_tests::here;
use ffi_tests::process::run;

use super::{P256, RSA, certified, line_with, on_cosmian, openssl};

#[test]
fn modutil_loads_it_and_certutil_finds_and_uses_a_key() {
    let Some(desk) = on_cosmian(here!(), &[RSA, P256]) else {
        return;
    };
    let user = &desk.user;
    let nss = |program: &str, line: &str| run(user.command(program).args(line.split(' ')));
    certified(&desk, "rsa", "administrator");
    let label = format!("ssh keys:{}", desk.label("rsa"));
    nss("certutil", "-N -d sql:. --empty-password").text();
    let module = user.module().display();
    nss(
        "modutil",
        &format!("-dbdir sql:. -add kmip -libfile {module} -force"),
    )
    .text();
    line_with(
        &nss("modutil", "-dbdir sql:. -list kmip").text(),
        "ssh keys",
    );
    let mut keys = user.command("certutil");
    let keys = run(keys.args(["-K", "-d", "sql:.", "-h", "ssh keys"])).text();
    line_with(&keys, "rsa");
    let mut listed = user.command("certutil");
    let listed = run(listed.args(["-L", "-d", "sql:.", "-h", "ssh keys"])).text();
    line_with(&listed, &label);
    let mut request = user.command("certutil");
    request.args(["-R", "-d", "sql:.", "-h", "ssh keys", "-k", &desk.id("rsa")]);
    request.args(["-s", "CN=again", "-a", "-o", "request.pem"]);
    run(&mut request).text();
    let verified = openssl(user, "req -in request.pem -verify -noout");
    assert!(
        verified.stderr.contains("verify OK"),
        "{}",
        verified.report()
    );
}
