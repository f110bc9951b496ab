//! How long certificates are still valid, and what to say of those that end.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::kmip::Client;
use crate::model::certificate::Statement;
use crate::model::text::steers;

/// A certificate that ends sooner than this is worth a warning.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

const DAY: u64 = 24 * 3600;

/// Whose a certificate is, and when it ends.
#[derive(Debug)]
pub struct Validity {
    /// What it says of itself.
    told: Statement,
    /// The hosts that it is good for.
    names: Vec<String>,
    /// Until then; zero if it has ended.
    left: Duration,
}

impl Validity {
    /// Of every certificate in a PEM file.
    ///
    /// # Errors
    /// What is wrong with the PEM or with a certificate in it.
    pub fn of_all(pem: &[u8]) -> Result<Vec<Self>, String> {
        let all = Certificate::load_pem_chain(pem).map_err(|error| error.to_string())?;
        Ok(all.iter().map(Self::of).collect())
    }

    /// Of a certificate in DER; none if it is none.
    pub fn of_der(der: &[u8]) -> Option<Self> {
        Some(Self::of(&Certificate::from_der(der).ok()?))
    }

    fn of(certificate: &Certificate) -> Self {
        let body = certificate.tbs_certificate();
        let end = body.validity().not_after;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let left = end.to_unix_duration().checked_sub(now.unwrap_or_default());
        let names = body.get_extension::<SubjectAltName>();
        let names = names.ok().flatten().map(|(_, names)| names.0);
        Self {
            told: Statement::of(certificate),
            names: names.iter().flatten().filter_map(name).collect(),
            left: left.unwrap_or_default(),
        }
    }

    /// What to tell people of it, if it has ended or does so soon; `what` says which it is, and where.
    pub fn warning(&self, what: &str) -> Option<String> {
        let Statement {
            subject,
            not_after: end,
            ..
        } = &self.told;
        match self.left {
            Duration::ZERO => Some(format!("{what} ({subject}) ended on {end}; replace it")),
            left if left < SOON => {
                let days = left.as_secs() / DAY;
                Some(format!(
                    "{what} ({subject}) ends on {end}, in {days} days; renew it before"
                ))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, issuer) = (&self.told.subject, &self.told.issuer);
        match subject.is_empty() {
            true => f.write_str("without a subject")?,
            false => f.write_str(subject)?,
        }
        if issuer != subject {
            write!(f, ", issued by {issuer}")?;
        }
        if !self.names.is_empty() {
            write!(f, ", for {}", self.names.join(" and "))?;
        }
        let days = self.left.as_secs() / DAY;
        write!(f, ", valid until {} ({days} days)", self.told.not_after)
    }
}

/// The certificates that servers have shown, with the server's address.
pub fn shown_by(client: &Client) -> Vec<(String, Validity)> {
    let shown = client.status().into_iter().filter_map(|server| {
        let certificate = Validity::of_der(&server.certificate?)?;
        Some((server.address.to_string(), certificate))
    });
    shown.collect()
}

/// Which certificate that is, for a warning.
pub fn of_server(address: &str) -> String {
    format!("server certificate of {address}")
}

/// A host's name or address.
fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(printable(name.as_str())),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !steers(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate that ends in so many days.
    fn ending_in(days: i64) -> String {
        let mut parameters = rcgen::CertificateParams::new(vec!["alice".to_owned()]).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        let start = rcgen::date_time_ymd(1970, 1, 1);
        parameters.not_after = start + Duration::from_secs((now + days * 86400) as u64);
        let key = rcgen::KeyPair::generate().unwrap();
        parameters.self_signed(&key).unwrap().pem()
    }

    #[test]
    fn every_certificate_of_a_file_that_ends_is_told_of() {
        let pem = [40, 20, -2].map(ending_in).concat();
        let all = Validity::of_all(pem.as_bytes()).unwrap();
        let warning = |it: &Validity| it.warning("CA /ca");
        let warnings: Vec<_> = all.iter().map(warning).collect();
        let [None, Some(soon), Some(ended)] = warnings.as_slice() else {
            panic!("{warnings:?}")
        };
        assert!(
            soon.contains(" ends on ") && soon.ends_with(", in 19 days; renew it before"),
            "{soon}"
        );
        assert!(
            ended.contains(" ended on ") && ended.starts_with("CA /ca ("),
            "{ended}"
        );
    }

    #[test]
    fn a_certificate_is_told_by_subject_issuer_names_and_days() {
        let mut parameters =
            rcgen::CertificateParams::new(["kmip.example".to_owned(), "127.0.0.1".to_owned()])
                .unwrap();
        parameters.not_after = rcgen::date_time_ymd(2001, 12, 31);
        let name = &mut parameters.distinguished_name;
        name.push(rcgen::DnType::CommonName, "a server\u{7}");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let told = Validity::of_der(certificate.der()).unwrap().to_string();
        assert!(told.contains("CN=a server"), "{told}");
        assert!(told.contains(", for kmip.example and 127.0.0.1,"), "{told}");
        assert!(told.ends_with("(0 days)"), "{told}");
        assert!(!told.contains(char::is_control), "{told:?}");
        assert!(Validity::of_der(b"no certificate").is_none());
    }
}
