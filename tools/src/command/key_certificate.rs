//! `key certify`, `key uncertify`, `key certificates`: X.509 certificates that are kept with a key.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use kmip_p11::model::key::{Key, ObjectId};
use serde::Serialize;

use super::key_life::selected;
use crate::certificate_file;
use crate::certificate_record::CertificateRecord;
use crate::failure::Failure;
use crate::key_record::KeyRecord;
use crate::output::Output;
use crate::person::Person;
use crate::place::Place;
use crate::selection::{self, Precision};

/// `key certify`
#[derive(Debug, Args)]
pub struct CertifyArguments {
    /// Which key
    pub key: String,
    /// Its certificate: PEM or DER; of a chain in PEM, what is of this key
    pub file: PathBuf,
}

/// `key uncertify`
#[derive(Debug, Args)]
pub struct UncertifyArguments {
    /// Which key; all of its name
    pub key: String,
    /// The whole unique identifier of the certificate, as `key show` tells it
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub certificate: Option<String>,
    /// All that it has
    #[arg(long)]
    pub all: bool,
}

/// A key after a change of its certificates.
#[derive(Serialize)]
struct Changed {
    key: KeyRecord,
    certificates: Vec<CertificateRecord>,
    #[serde(skip)]
    what: Vec<String>,
}

/// The certificates of a key; as text, PEM and nothing else.
#[derive(Serialize)]
struct Certificates {
    certificates: Vec<CertificateRecord>,
}

/// `key certify`
pub fn certify(
    place: &Place,
    arguments: &CertifyArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<(), Failure> {
    let key = selected(place, &arguments.key, Precision::Beginning)?;
    let mut what = vec![];
    for der in certificate_file::of_key(&arguments.file, &key.public)? {
        if key.certificates.iter().any(|it| it.der() == der) {
            person.tell("the certificate is there already");
        }
        let kept = place.token().certify(&key, &der)?;
        let record = CertificateRecord::of(&kept).into_iter();
        what.extend(record.map(|it| format!("has certificate {} ({})", it.id, said(&it))));
    }
    tell(place, &key, what, output)
}

/// `key uncertify`
pub fn uncertify(
    place: &Place,
    arguments: &UncertifyArguments,
    output: &mut Output,
) -> Result<(), Failure> {
    let key = selected(place, &arguments.key, Precision::Whole)?;
    let ids: Vec<ObjectId> = match &arguments.certificate {
        Some(id) => vec![ObjectId(id.clone())],
        None => key.certificates.iter().map(|it| it.id.clone()).collect(),
    };
    let mut what = vec![];
    for id in &ids {
        place.token().uncertify(&key, id)?;
        what.push(format!("has certificate {id} no longer"));
    }
    if what.is_empty() {
        what.push("has no certificates".into());
    }
    tell(place, &key, what, output)
}

/// `key certificates`
pub fn list(place: &Place, name: &str, output: &mut Output) -> Result<(), Failure> {
    let key = selected(place, name, Precision::Beginning)?;
    let certificates = CertificateRecord::all(&key);
    if certificates.is_empty() {
        return Err(Failure::Refused(format!(
            "slot {:?}: key {:?} (id {}) has no certificates",
            place.label,
            key.label(),
            key.id
        )));
    }
    Ok(output.show(&Certificates { certificates })?)
}

fn tell(place: &Place, key: &Key, what: Vec<String>, output: &mut Output) -> Result<(), Failure> {
    let found = place.find()?;
    let now = selection::all(&found).into_iter();
    let now = now.map(|it| it.key).find(|it| it.id == key.id);
    Ok(output.show(&Changed {
        key: KeyRecord::after(&place.label, &found, key),
        certificates: now.map(CertificateRecord::all).unwrap_or_default(),
        what,
    })?)
}

fn said(certificate: &CertificateRecord) -> String {
    let CertificateRecord {
        subject,
        issuer,
        not_after,
        ..
    } = certificate;
    format!("{subject}, issued by {issuer}, valid until {not_after}")
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeyRecord { key_type, id, .. } = &self.key;
        let mut lines = self.what.iter();
        lines.try_for_each(|what| writeln!(f, "{key_type} key {id} {what}"))
    }
}

impl fmt::Display for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = self.certificates.iter();
        all.try_for_each(|it| f.write_str(&it.pem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::printed;
    use crate::person::Scripted;
    use crate::place::tests::{add, empty};
    use ffi_tests::certificate::issued;
    use kmip_p11::model::public_key::KeyType;

    struct Scene {
        place: Place,
        file: tempfile::NamedTempFile,
    }

    fn scene() -> Scene {
        let place = empty("prod");
        let key = add(&place, "web", KeyType::Ed25519);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), issued(&key.public, "web")).unwrap();
        Scene { place, file }
    }

    impl Scene {
        fn certify(&self, person: &Scripted) -> String {
            let arguments = CertifyArguments {
                key: "web".into(),
                file: self.file.path().into(),
            };
            printed(false, |output| {
                certify(&self.place, &arguments, output, person).unwrap();
            })
        }

        fn uncertify(&self, certificate: Option<&str>) -> Result<String, Failure> {
            let arguments = UncertifyArguments {
                key: "web".into(),
                certificate: certificate.map(str::to_owned),
                all: certificate.is_none(),
            };
            let mut done = Ok(());
            let text = printed(true, |output| {
                done = uncertify(&self.place, &arguments, output);
            });
            done.map(|()| text)
        }

        fn pem(&self) -> Result<String, Failure> {
            let mut done = Ok(());
            let text = printed(false, |output| done = list(&self.place, "web", output));
            done.map(|()| text)
        }
    }

    #[test]
    fn a_certificate_is_kept_once_told_in_pem_and_removed() {
        let (scene, person) = (scene(), Scripted::default());
        let text = scene.certify(&person);
        assert!(
            text.contains("(CN=web, issued by CN=a test authority, valid until "),
            "{text}"
        );
        assert_eq!(person.told(), Vec::<String>::new());
        scene.certify(&person);
        assert_eq!(person.told(), ["the certificate is there already"]);
        let pem = scene.pem().unwrap();
        let (_, der) = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap();
        assert_eq!(der, std::fs::read(scene.file.path()).unwrap());
        let none = scene.uncertify(Some("99")).unwrap_err().to_string();
        assert!(none.contains("has no certificate 99"), "{none}");
        let left = scene.uncertify(None).unwrap();
        let left: serde_json::Value = serde_json::from_str(&left).unwrap();
        assert_eq!(left["certificates"], serde_json::json!([]));
        assert_eq!(left["key"]["certificates"], 0);
        let none = scene.pem().unwrap_err().to_string();
        assert!(none.contains("has no certificates"), "{none}");
        scene.uncertify(None).unwrap();
    }
}
