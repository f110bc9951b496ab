//! Credentials: who the client is, said in the header of every message besides what its certificate says.

use super::enums::CredentialType;
use super::tags::Tag;
use super::ttlv::Writer;
use super::version::Version;
use std::fmt;
use zeroize::Zeroizing;

/// One credential (KMIP 1.4 section 2.1.2, KMIP 2.1 section 9.8). Several may be sent since KMIP 1.2.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and its password.
    UsernameAndPassword {
        /// The name.
        username: String,
        /// The password, if the server wants one.
        password: Option<Zeroizing<String>>,
    },
    /// A device, by at least one of its names (since 1.1).
    Device {
        /// The maker's number.
        device_serial_number: Option<String>,
        /// A secret shared with the server.
        password: Option<Zeroizing<String>>,
        /// The device within a group.
        device_identifier: Option<String>,
        /// An address or name in the network.
        network_identifier: Option<String>,
        /// The machine it is part of.
        machine_identifier: Option<String>,
        /// The medium it writes.
        media_identifier: Option<String>,
    },
}

impl fmt::Debug for Credential {
    /// Shows which kind it is, never who or what secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} credential", self.kind())
    }
}

impl Credential {
    fn kind(&self) -> CredentialType {
        match self {
            Self::UsernameAndPassword { .. } => CredentialType::USERNAME_AND_PASSWORD,
            Self::Device { .. } => CredentialType::DEVICE,
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.structure(Tag::CREDENTIAL, |writer| {
            writer.enumeration(Tag::CREDENTIAL_TYPE, self.kind());
            writer.structure(Tag::CREDENTIAL_VALUE, |writer| {
                for (tag, text) in self.fields() {
                    if let Some(text) = text {
                        writer.text(tag, text);
                    }
                }
            });
        });
    }

    /// In the order of the specification.
    fn fields(&self) -> Vec<(Tag, Option<&str>)> {
        match self {
            Self::UsernameAndPassword { username, password } => vec![
                (Tag::USERNAME, Some(username)),
                (
                    Tag::PASSWORD,
                    password.as_ref().map(|secret| secret.as_str()),
                ),
            ],
            Self::Device {
                device_serial_number,
                password,
                device_identifier,
                network_identifier,
                machine_identifier,
                media_identifier,
            } => vec![
                (Tag::DEVICE_SERIAL_NUMBER, device_serial_number.as_deref()),
                (
                    Tag::PASSWORD,
                    password.as_ref().map(|secret| secret.as_str()),
                ),
                (Tag::DEVICE_IDENTIFIER, device_identifier.as_deref()),
                (Tag::NETWORK_IDENTIFIER, network_identifier.as_deref()),
                (Tag::MACHINE_IDENTIFIER, machine_identifier.as_deref()),
                (Tag::MEDIA_IDENTIFIER, media_identifier.as_deref()),
            ],
        }
    }
}

/// The Authentication of a request header; nothing without credentials.
pub(super) fn write_authentication(writer: &mut Writer, credentials: &[Credential]) {
    if !credentials.is_empty() {
        writer.structure(Tag::AUTHENTICATION, |writer| {
            credentials.iter().for_each(|one| one.write(writer));
        });
    }
}

/// What of the credentials a version cannot carry, if there is something.
pub(super) fn inexpressible(credentials: &[Credential], version: Version) -> Option<String> {
    if credentials.len() > 1 && version < Version::V1_2 {
        return Some("more than one credential".to_owned());
    }
    let device = |one: &Credential| matches!(one, Credential::Device { .. });
    (version < Version::V1_1 && credentials.iter().any(device))
        .then(|| "a Device credential".to_owned())
}
