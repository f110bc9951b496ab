//! What proves to a server who we are, besides a client certificate: passwords, devices and tokens.

use std::path::PathBuf;

use super::complaint::{Complaint, read};
use super::file_path::Base;
use super::syntax::{self, Text};
use super::tls::path;

/// Credentials that travel in requests. Secrets are in files or are the PIN, never in the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Of a KMIP Username and Password credential.
    pub username: Option<String>,
    /// Its password, unless it is the PIN or there is none.
    pub password_file: Option<PathBuf>,
    /// A KMIP Device credential.
    pub device: Option<Device>,
    /// `Authorization: Bearer` of requests over HTTPS.
    pub bearer_token_file: Option<PathBuf>,
}

/// A KMIP Device credential: at least one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// Device Serial Number.
    pub serial_number: Option<String>,
    /// Password.
    pub password_file: Option<PathBuf>,
    /// Device Identifier.
    pub device_identifier: Option<String>,
    /// Network Identifier.
    pub network_identifier: Option<String>,
    /// Machine Identifier.
    pub machine_identifier: Option<String>,
    /// Media Identifier.
    pub media_identifier: Option<String>,
}

impl Credentials {
    pub(super) fn read(written: &syntax::Kmip, base: &Base) -> Result<Self, Complaint> {
        let device = written.device.as_ref();
        Ok(Self {
            username: text(written.username.as_ref())?,
            password_file: path(written.password_file.as_ref(), base)?,
            device: device
                .map(|device| Device::read(device, base))
                .transpose()?,
            bearer_token_file: path(written.bearer_token_file.as_ref(), base)?,
        })
    }
}

impl Device {
    fn read(device: &toml::Spanned<syntax::Device>, base: &Base) -> Result<Self, Complaint> {
        let written = device.get_ref();
        let read = Self {
            serial_number: text(written.serial_number.as_ref())?,
            password_file: path(written.password_file.as_ref(), base)?,
            device_identifier: text(written.device_identifier.as_ref())?,
            network_identifier: text(written.network_identifier.as_ref())?,
            machine_identifier: text(written.machine_identifier.as_ref())?,
            media_identifier: text(written.media_identifier.as_ref())?,
        };
        match read == Self::default() {
            true => Err(Complaint::about(device, "nothing is said of the device")),
            false => Ok(read),
        }
    }
}

fn text(written: Option<&Text>) -> Result<Option<String>, Complaint> {
    let text = written.map(|text| read(text, |text| plain(text)));
    text.transpose()
}

fn plain(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(format!("{text:?} is empty or has a control character"));
    }
    Ok(text.to_owned())
}
