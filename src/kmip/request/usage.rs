//! Payloads of requests that use keys: signatures, encryption, authentication codes.

use super::input::{CipherInput, SignInput};
use crate::kmip::cryptography::CryptographicParameters;
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Writer;
use crate::kmip::version::Version;

pub(super) fn sign(
    writer: &mut Writer,
    parameters: &CryptographicParameters,
    input: &SignInput,
    signature: Option<&[u8]>,
) {
    parameters.write(writer);
    match input {
        SignInput::Data(bytes) => writer.bytes(Tag::DATA, bytes),
        SignInput::DigestedData(bytes) => writer.bytes(Tag::DIGESTED_DATA, bytes),
    }
    if let Some(bytes) = signature {
        writer.bytes(Tag::SIGNATURE_DATA, bytes);
    }
}

/// Encrypt, and Decrypt with its tag.
pub(super) fn cipher(
    writer: &mut Writer,
    parameters: &CryptographicParameters,
    input: &CipherInput,
    tag: Option<&[u8]>,
) {
    parameters.write(writer);
    writer.bytes(Tag::DATA, &input.data);
    for (item, bytes) in [
        (Tag::IV_COUNTER_NONCE, input.iv_counter_nonce.as_deref()),
        (
            Tag::AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA,
            input.additional_data.as_deref(),
        ),
        (Tag::AUTHENTICATED_ENCRYPTION_TAG, tag),
    ] {
        if let Some(bytes) = bytes {
            writer.bytes(item, bytes);
        }
    }
}

/// MAC, MAC Verify with its code, Hash.
pub(super) fn mac(
    writer: &mut Writer,
    parameters: &CryptographicParameters,
    data: &[u8],
    mac: Option<&[u8]>,
) {
    parameters.write(writer);
    writer.bytes(Tag::DATA, data);
    if let Some(bytes) = mac {
        writer.bytes(Tag::MAC_DATA, bytes);
    }
}

impl SignInput {
    pub(super) fn inexpressible(&self, version: Version) -> Option<String> {
        let digested = matches!(self, Self::DigestedData(_));
        (digested && version < Version::V1_4).then(|| "Digested Data".to_owned())
    }
}

impl CipherInput {
    pub(super) fn inexpressible(&self, version: Version) -> Option<String> {
        let authenticated = self.additional_data.is_some() || self.tag.is_some();
        (authenticated && version < Version::V1_4)
            .then(|| "authenticated encryption with additional data or tag".to_owned())
    }
}
