//! X.509 certificates of keys, as programs see them that an administrator has brought.

use cryptoki_sys::*;
use ffi_tests::certificate::{ISSUER, issued};
use ffi_tests::keys::Keyring;
use ffi_tests::module::library;
use ffi_tests::process::run;
use ffi_tests::scene::LABEL;
use ffi_tests::session::{Session, class};
use ffi_tests::tool;
use kmip_p11::model::certificate::Certificate;
use kmip_p11::model::key::Key;

use super::{Check, Stage};
use crate::outcome::{Fault, Outcome, demand, same};

pub const CHECKS: &[Check] = &[
    ("library: a certificate is shown with its key", |stage| {
        let certified = Certified::new("web")?;
        let shown = stage.session().and_then(|it| shown(&it, &certified));
        certified.end(stage).and(shown)
    }),
    (
        "library: a new certificate is found by what it says",
        |stage| {
            let session = stage.session()?;
            session.private_key("p256");
            let certified = Certified::new("mail")?;
            let found = found(&session, &certified);
            drop(session);
            certified.end(stage).and(found)
        },
    ),
    (
        "library: OpenSSH lists a key with a certificate once",
        |stage| {
            let certified = Certified::new("alice")?;
            let listed = listed_once();
            certified.end(stage).and(listed)
        },
    ),
];

/// The key "p256" with a certificate.
struct Certified {
    keyring: Keyring,
    key: Key,
    kept: Certificate,
}

impl Certified {
    fn new(subject: &str) -> Outcome<Self> {
        let keyring = Keyring::of_environment(LABEL);
        let listed = keyring.token().find()?.keys;
        let key = listed.into_iter().find(|key| key.name.starts_with("p256"));
        let key = key.ok_or_else(|| Fault::Deviates("there is no key".into()))?;
        let kept = keyring
            .token()
            .certify(&key, &issued(&key.public, subject))?;
        Ok(Self { keyring, key, kept })
    }

    /// Without the certificate, which a program that begins anew does not see.
    fn end(self, stage: &Stage) -> Outcome {
        self.keyring.token().uncertify(&self.key, &self.kept.id)?;
        stage.module.finalize()?;
        stage.module.initialize()?;
        let left = stage.session()?.find(&class(CKO_CERTIFICATE))?;
        same("certificates after the removal", left, vec![])
    }
}

fn shown(session: &Session<'_>, certified: &Certified) -> Outcome {
    let certificates = session.find(&class(CKO_CERTIFICATE))?;
    same("certificates", certificates.len(), 1)?;
    let of = |kind| session.attribute(certificates[0], kind);
    let private = session.private_key("p256");
    same("CKA_ID", of(CKA_ID)?, session.attribute(private, CKA_ID)?)?;
    same("CKA_ID", &of(CKA_ID)?, &certified.key.key_id)?;
    let der = certified.kept.der();
    same("CKA_VALUE", &of(CKA_VALUE)?[..], der)?;
    let type_of = CKC_X_509.to_ne_bytes().to_vec();
    same("CKA_CERTIFICATE_TYPE", of(CKA_CERTIFICATE_TYPE)?, type_of)?;
    same("CKA_TOKEN", of(CKA_TOKEN)?, vec![CK_TRUE])?;
    same("CKA_PRIVATE", of(CKA_PRIVATE)?, vec![CK_FALSE])?;
    for (kind, end) in [(CKA_SUBJECT, "web"), (CKA_ISSUER, ISSUER)] {
        let name = of(kind)?;
        let fits = name.starts_with(&[0x30]) && name.ends_with(end.as_bytes());
        demand(fits, format!("{kind:#x}: {name:x?}"))?;
    }
    let serial = of(CKA_SERIAL_NUMBER)?;
    let is_in = der.windows(serial.len()).any(|part| part == serial);
    demand(serial.starts_with(&[2]) && is_in, format!("{serial:x?}"))?;
    same(
        "CKA_SUBJECT of the key",
        session.attribute(private, CKA_SUBJECT)?,
        of(CKA_SUBJECT)?,
    )
}

/// OpenSSH takes the public key of each certificate that it sees, too.
fn listed_once() -> Outcome {
    let mut list = tool::command("ssh-keygen");
    list.envs(std::env::vars_os()).arg("-D").arg(library());
    let listed = run(&mut list).text();
    let lines = listed.lines();
    let of_key = lines.filter(|line| line.starts_with("ecdsa-sha2-nistp256 "));
    same("lines of the key", of_key.count(), 1)
}

/// Though all was listed before it came. By CKA_ID there are three, as programs for TLS look for them.
fn found(session: &Session<'_>, certified: &Certified) -> Outcome {
    let search = |kind, value: &[u8]| {
        let mut template = class(CKO_CERTIFICATE);
        template.push((kind, value.to_vec()));
        session.find(&template)
    };
    let kept = &certified.kept;
    let certificate = search(CKA_SUBJECT, kept.subject())?;
    same("certificates of that subject", certificate.len(), 1)?;
    for (kind, value) in [
        (CKA_ID, &certified.key.key_id[..]),
        (CKA_LABEL, certified.key.label().as_bytes()),
        (CKA_ISSUER, kept.issuer()),
        (CKA_SERIAL_NUMBER, kept.serial()),
        (CKA_VALUE, kept.der()),
    ] {
        let what = format!("by {kind:#x}");
        same(&what, search(kind, value)?, certificate.clone())?;
    }
    same("by no subject", search(CKA_SUBJECT, &[0x30, 0])?, vec![])?;
    let all = session.find(&vec![(CKA_ID, certified.key.key_id.clone())])?;
    same("objects with its CKA_ID", all.len(), 3)
}
