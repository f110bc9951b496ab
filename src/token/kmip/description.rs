//! All that a server tells of a key, for people: every attribute, known here or not.

use super::KmipToken;
use super::mapping::{self, TABLE};
use super::own_words::hex;
use super::reading::attributes;
use crate::error::Result;
use crate::kmip::{Attribute, Response, UsageMask, Value};
use crate::model::key::Key;
use crate::model::validity::instant;
use crate::token::{Half, Told};

impl KmipToken {
    /// The attributes of both halves, in the server's order. What is refused for one half is told
    /// as its only attribute.
    pub(super) fn describe_pair(&self, key: &Key) -> Result<Vec<Told>> {
        let mut told = vec![];
        let halves = [
            (Half::Private, Some(&key.id)),
            (Half::Public, key.public_id.as_ref()),
        ];
        for (half, id) in halves {
            let Some(id) = id else { continue };
            match self.carry_out(&attributes(&id.0))? {
                Ok(Response::GetAttributes { attributes, .. }) => {
                    told.extend(attributes.iter().map(|it| tell(half, it)));
                }
                Ok(_) => return Err(self.failures.unexpected("Get Attributes")),
                Err(refusal) => told.push(Told {
                    half,
                    name: "(refused)".into(),
                    value: refusal.to_string(),
                    programs: "",
                }),
            }
        }
        Ok(told)
    }
}

fn tell(half: Half, attribute: &Attribute) -> Told {
    let name = attribute.name();
    let row = TABLE.iter().find(|row| row.kmip == name);
    Told {
        half,
        value: value(attribute),
        programs: row.map_or("", |row| row.pkcs11),
        name,
    }
}

fn value(attribute: &Attribute) -> String {
    use Attribute as A;
    if let Some(date) = mapping::date(attribute) {
        return instant(date);
    }
    match attribute {
        A::UniqueIdentifier(text)
        | A::Name(text)
        | A::ObjectGroup(text)
        | A::Comment(text)
        | A::Description(text)
        | A::ContactInformation(text)
        | A::OperationPolicyName(text) => text.clone(),
        A::ObjectType(it) => it.to_string(),
        A::CryptographicAlgorithm(it) => it.to_string(),
        A::KeyFormatType(it) => it.to_string(),
        A::State(it) => it.to_string(),
        A::CertificateType(it) => it.to_string(),
        A::CryptographicLength(bits) => format!("{bits} bits"),
        A::CryptographicUsageMask(mask) => usage(*mask),
        A::CryptographicDomainParameters { curve } => curve.to_string(),
        A::ApplicationSpecificInformation { namespace, data } => format!("{namespace}: {data}"),
        A::Link { kind, id } => format!("{kind}: {id}"),
        A::Sensitive(it)
        | A::AlwaysSensitive(it)
        | A::Extractable(it)
        | A::NeverExtractable(it) => if *it { "yes" } else { "no" }.into(),
        A::Vendor { value, .. } | A::Other { value, .. } => raw(value),
        // Dates were told above.
        _ => String::new(),
    }
}

fn usage(mask: UsageMask) -> String {
    let bits = [
        (UsageMask::SIGN, "sign"),
        (UsageMask::VERIFY, "verify"),
        (UsageMask::ENCRYPT, "encrypt"),
        (UsageMask::DECRYPT, "decrypt"),
        (UsageMask::WRAP_KEY, "wrap"),
        (UsageMask::UNWRAP_KEY, "unwrap"),
        (UsageMask::EXPORT, "export"),
        (UsageMask::DERIVE_KEY, "derive"),
        (UsageMask::CONTENT_COMMITMENT, "commit to contents"),
        (UsageMask::KEY_AGREEMENT, "agree on keys"),
        (UsageMask::CERTIFICATE_SIGN, "sign certificates"),
        (UsageMask::CRL_SIGN, "sign revocation lists"),
        (UsageMask::UNRESTRICTED, "anything"),
    ];
    let set = bits.iter().filter(|(bit, _)| mask.contains(*bit));
    let names: Vec<_> = set.clone().map(|(_, name)| *name).collect();
    let known = set.fold(0, |all, (bit, _)| all | bit.0);
    match (names.is_empty(), mask.0 & !known) {
        (true, 0) => "nothing".into(),
        (_, 0) => names.join(", "),
        (_, rest) => format!("{} and {rest:#x}", names.join(", ")),
    }
}

/// A value whose meaning is not known here.
fn raw(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Boolean(it) => it.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::LongInteger(number) => number.to_string(),
        Value::Enumeration(number) => format!("{number:#x}"),
        Value::Interval(seconds) => format!("{seconds} s"),
        Value::DateTime(seconds) => instant(*seconds),
        Value::DateTimeExtended(micros) => instant(micros / 1_000_000),
        Value::BigInteger(bytes) | Value::Bytes(bytes) => hex(bytes),
        Value::Unknown { bytes, .. } => hex(bytes),
        Value::Structure(members) => {
            let member =
                |(tag, value): &(crate::kmip::Tag, Value)| format!("{tag}: {}", raw(value));
            members.iter().map(member).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kmip::Tag;

    #[test]
    fn what_is_not_known_is_shown_as_it_is() {
        let structure = Value::Structure(vec![
            (Tag::DIGEST_VALUE, Value::Bytes(vec![1, 0xff])),
            (Tag::HASHING_ALGORITHM, Value::Enumeration(6)),
        ]);
        let digest = Attribute::Other {
            name: "Digest".into(),
            value: structure,
        };
        let told = tell(Half::Private, &digest);
        assert_eq!(told.name, "Digest");
        assert_eq!(told.value, "Digest Value: 01ff, Hashing Algorithm: 0x6");
    }

    #[test]
    fn bits_without_a_name_are_shown_as_a_number() {
        let mask = |bits| value(&Attribute::CryptographicUsageMask(UsageMask(bits)));
        assert_eq!(mask(0), "nothing");
        assert_eq!(mask(3), "sign, verify");
        assert_eq!(mask(0x4000_0001), "sign and 0x40000000");
    }

    #[test]
    fn dates_are_told_as_such_and_what_programs_get_of_it() {
        let told = tell(Half::Public, &Attribute::ActivationDate(1_790_000_000));
        assert_eq!(
            (&*told.value, told.programs),
            ("2026-09-21T14:13:20Z", "CKA_START_DATE")
        );
    }
}
