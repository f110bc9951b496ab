//! Failures of TLS, sorted by whose certificate is at fault.

use crate::kmip::error::ErrorKind;
use rustls::{AlertDescription, Error};

/// What a TLS error means to the caller.
pub(super) fn of_tls(error: Error) -> ErrorKind {
    match error {
        Error::AlertReceived(alert) => match certificate_alert(alert) {
            Some(name) => ErrorKind::CertificateRefused {
                alert: name.to_owned(),
            },
            None => ErrorKind::Tls {
                reason: Error::AlertReceived(alert).to_string(),
            },
        },
        Error::InvalidCertificate(reason) => ErrorKind::ServerNotTrusted {
            reason: reason.to_string(),
        },
        Error::NoCertificatesPresented => ErrorKind::ServerNotTrusted {
            reason: "it has no certificate".to_owned(),
        },
        other => ErrorKind::Tls {
            reason: other.to_string(),
        },
    }
}

/// The name in RFC 8446 of an alert that is about a certificate; a server sends such only about ours.
fn certificate_alert(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::NoCertificate => "no_certificate",
        AlertDescription::BadCertificate => "bad_certificate",
        AlertDescription::UnsupportedCertificate => "unsupported_certificate",
        AlertDescription::CertificateRevoked => "certificate_revoked",
        AlertDescription::CertificateExpired => "certificate_expired",
        AlertDescription::CertificateUnknown => "certificate_unknown",
        AlertDescription::UnknownCA => "unknown_ca",
        AlertDescription::AccessDenied => "access_denied",
        AlertDescription::CertificateRequired => "certificate_required",
        _ => return None,
    })
}
