//! p11tool and certtool of GnuTLS 3.7.

use ffi_tests::here;
use ffi_tests::openssh::user::User;
use ffi_tests::process::{Finished, run};

use super::{P256, RSA, line_with, on_cosmian, openssl};

fn gnutls(user: &User, program: &str, arguments: &[&str]) -> Finished {
    let mut command = user.command(program);
    command.arg("--provider").arg(user.module());
    run(command.args(arguments))
}

#[test]
fn p11tool_lists_and_tests_signatures() {
    let Some(desk) = on_cosmian(here!(), &[RSA, P256]) else {
        return;
    };
    let user = &desk.user;
    let tokens = gnutls(user, "p11tool", &["--list-tokens"]).text();
    line_with(&tokens, "token=ssh%20keys");
    let listed = ["--list-privkeys", "--only-urls", "pkcs11:token=ssh%20keys"];
    let listed = gnutls(user, "p11tool", &listed).text();
    assert_eq!(listed.matches("type=private").count(), 2, "{listed}");
    for name in ["rsa", "p256"] {
        let tested = gnutls(
            user,
            "p11tool",
            &["--test-sign", &desk.uri(name, "private")],
        );
        let told = format!("{}{}", tested.text(), tested.stderr);
        assert_eq!(told.matches("... ok").count(), 3, "{}", tested.report());
    }
}

#[test]
fn certtool_certifies_a_key_by_itself() {
    let Some(desk) = on_cosmian(here!(), &[P256]) else {
        return;
    };
    let user = &desk.user;
    let template = "cn = \"administrator\"\nexpiration_days = 9\n";
    user.desk.write("template", template);
    let arguments = [
        "--generate-self-signed",
        "--template=template",
        &format!("--load-privkey={}", desk.uri("p256", "private")),
        &format!("--load-pubkey={}", desk.uri("p256", "public")),
        "--outfile=certificate.pem",
    ];
    gnutls(user, "certtool", &arguments).text();
    let line = "verify -CAfile certificate.pem certificate.pem";
    assert_eq!(openssl(user, line).text(), "certificate.pem: OK\n");
}
