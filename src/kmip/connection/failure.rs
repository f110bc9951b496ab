//! Failures of TLS, sorted by whose certificate is at fault.

use crate::kmip::error::ErrorKind;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// What a TLS error means to the caller.
pub(super) fn of_tls(error: Error) -> ErrorKind {
    let tls = |reason: String| ErrorKind::Tls { reason };
    let untrusted = |reason: String| ErrorKind::ServerNotTrusted { reason };
    match error {
        Error::AlertReceived(alert) => of_alert(alert),
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            untrusted("its certificate is from an authority we do not know".to_owned())
        }
        Error::InvalidCertificate(reason) => untrusted(reason.to_string()),
        Error::NoCertificatesPresented => untrusted("it has no certificate".to_owned()),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            tls("what it answers is not TLS; is this the right port?".to_owned())
        }
        other => tls(other.to_string()),
    }
}

fn of_alert(alert: AlertDescription) -> ErrorKind {
    if let Some(name) = certificate_alert(alert) {
        return ErrorKind::CertificateRefused {
            alert: name.to_owned(),
        };
    }
    let hint = match alert {
        // TLS 1.2 has this one alert for both.
        AlertDescription::HandshakeFailure => {
            " (it demands a client certificate, or has no cipher suite in common with us)"
        }
        _ => "",
    };
    ErrorKind::Tls {
        reason: format!("{}{hint}", Error::AlertReceived(alert)),
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
        // A signature that is wrong: on our certificate, if its authority was made anew under the old name, or made by our key.
        AlertDescription::DecryptError => "decrypt_error",
        _ => return None,
    })
}
