//! How long certificates are still valid, and what to say of those that end.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_cert::Certificate;

/// A certificate that ends sooner than this is worth a warning.
const SOON: Duration = Duration::from_secs(30 * 24 * 3600);

/// The end of a certificate.
#[derive(Debug)]
pub struct Validity {
    /// Whose it is.
    pub subject: String,
    /// When it ends, as people write it.
    pub end: String,
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

    fn of(certificate: &Certificate) -> Self {
        let body = certificate.tbs_certificate();
        let end = body.validity().not_after;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let left = end.to_unix_duration().checked_sub(now.unwrap_or_default());
        Self {
            subject: body.subject().to_string(),
            end: end.to_string(),
            left: left.unwrap_or_default(),
        }
    }

    /// What to tell people of it, if it has ended or does so soon.
    pub fn warning(&self, what: &str, file: &Path) -> Option<String> {
        let (file, Self { subject, end, left }) = (file.display(), self);
        match *left {
            Duration::ZERO => Some(format!(
                "{what} {file} ({subject}) ended on {end}; replace it"
            )),
            left if left < SOON => Some(format!(
                "{what} {file} ({subject}) ends on {end}; renew it before"
            )),
            _ => None,
        }
    }
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
        let warning = |it: &Validity| it.warning("CA", Path::new("/ca"));
        let warnings: Vec<_> = all.iter().map(warning).collect();
        let [None, Some(soon), Some(ended)] = warnings.as_slice() else {
            panic!("{warnings:?}")
        };
        assert!(
            soon.contains(" ends on ") && soon.ends_with("; renew it before"),
            "{soon}"
        );
        assert!(
            ended.contains(" ended on ") && ended.starts_with("CA /ca ("),
            "{ended}"
        );
    }
}
