//! Payloads of requests that change objects: attributes by index in KMIP 1.x and by value in 2.x, and revocation.

use crate::kmip::attribute::{Attribute, attribute_1x, member_2x};
use crate::kmip::cryptography::number;
use crate::kmip::enums::RevocationReasonCode;
use crate::kmip::tags::Tag;
use crate::kmip::ttlv::Writer;
use crate::kmip::version::Version;

pub(super) fn revoke(
    writer: &mut Writer,
    reason: RevocationReasonCode,
    message: Option<&str>,
    compromised_at: Option<i64>,
) {
    writer.structure(Tag::REVOCATION_REASON, |writer| {
        writer.enumeration(Tag::REVOCATION_REASON_CODE, reason);
        if let Some(message) = message {
            writer.text(Tag::REVOCATION_MESSAGE, message);
        }
    });
    if let Some(seconds) = compromised_at {
        writer.date_time(Tag::COMPROMISE_OCCURRENCE_DATE, seconds);
    }
}

pub(super) fn change(
    writer: &mut Writer,
    version: Version,
    new: &Attribute,
    current: Option<&Attribute>,
    index: Option<u32>,
) {
    if !version.has_attributes_structure() {
        return attribute_1x(writer, new, index);
    }
    if let Some(current) = current {
        writer.structure(Tag::CURRENT_ATTRIBUTE, |writer| member_2x(writer, current));
    }
    writer.structure(Tag::NEW_ATTRIBUTE, |writer| member_2x(writer, new));
}

pub(super) fn delete(
    writer: &mut Writer,
    version: Version,
    attribute: &Attribute,
    index: Option<u32>,
) {
    if version.has_attributes_structure() {
        return writer.structure(Tag::CURRENT_ATTRIBUTE, |writer| {
            member_2x(writer, attribute)
        });
    }
    writer.text(Tag::ATTRIBUTE_NAME, &attribute.name());
    number(writer, Tag::ATTRIBUTE_INDEX, index);
}
