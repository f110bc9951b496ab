//! X.509 certificates of any key, issued by authorities that nobody trusts.

use kmip_p11::model::public_key::PublicKey;

use crate::process::run;
use crate::scratch::Scratch;
use crate::tool;

/// Who issues them: another key each time.
pub const ISSUER: &str = "a test authority";

/// A certificate of that key, in DER; no two are the same.
#[track_caller]
pub fn issued(public: &PublicKey, subject: &str) -> Vec<u8> {
    let scratch = Scratch::new();
    let spki = public.to_spki().expect("a key of ours");
    let spki = scratch.write_mode("key.der", &*spki, 0o600);
    let openssl = |arguments: &str| {
        let mut openssl = tool::command("openssl");
        openssl.current_dir(scratch.path());
        openssl.args(arguments.split(' '));
        openssl
    };
    let mut authority = openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes");
    authority.args(["-keyout", "ca.key", "-out", "ca.pem", "-subj"]);
    let made = run(authority.arg(format!("/CN={ISSUER}")));
    assert!(made.status.success(), "{}", made.report());
    let mut issue = openssl("x509 -new -CA ca.pem -CAkey ca.key -days 2 -outform DER -subj");
    issue.arg(format!("/CN={subject}"));
    let issued = run(issue.arg("-force_pubkey").arg(spki));
    assert!(issued.status.success(), "{}", issued.report());
    issued.stdout
}
