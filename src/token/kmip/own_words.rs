//! CKA_ID and CKA_LABEL of an owner's choice, as servers keep them for us: in Application Specific
//! Information, or in a vendor's attributes.

use super::managed::Managed;
use crate::kmip::{Attribute, Value};

/// Whose the vendor's attributes are.
const VENDOR: &str = "kmip-p11";
/// Their names in KMIP 1.x; in 2.x `CKA_ID` and `CKA_LABEL` of that vendor.
pub const VENDORS_ID: &str = "x-kmip-p11-CKA_ID";
/// See [`VENDORS_ID`].
pub const VENDORS_LABEL: &str = "x-kmip-p11-CKA_LABEL";

/// The longest CKA_ID and CKA_LABEL in bytes: what OpenSSH has room for.
const LONGEST: usize = 255;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// CKA_ID, in hexadecimal.
    Id,
    /// CKA_LABEL.
    Label,
}

/// How a server is asked to keep a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Application Specific Information, the word being its namespace.
    Application,
    /// A vendor's attribute with text in it.
    Vendor,
}

impl Word {
    fn name(self) -> &'static str {
        match self {
            Word::Id => "CKA_ID",
            Word::Label => "CKA_LABEL",
        }
    }

    /// The attribute that holds it.
    pub fn attribute(self, form: Form, value: &str) -> Attribute {
        match form {
            Form::Application => Attribute::ApplicationSpecificInformation {
                namespace: format!("PKCS#11-{}", self.name()),
                data: value.into(),
            },
            Form::Vendor => Attribute::Vendor {
                vendor: VENDOR.into(),
                name: self.name().into(),
                value: Value::Text(value.into()),
            },
        }
    }

    /// What an attribute says of it, and in which form.
    pub fn said_by(self, attribute: &Attribute) -> Option<(Form, String)> {
        match attribute {
            Attribute::ApplicationSpecificInformation { namespace, data } => {
                let ours = namespace.strip_prefix("PKCS#11-") == Some(self.name());
                ours.then(|| (Form::Application, data.clone()))
            }
            Attribute::Vendor { value, .. } => {
                let name = attribute.name();
                let ours = name.strip_prefix("x-kmip-p11-") == Some(self.name());
                let text = match value {
                    Value::Text(text) => text.clone(),
                    Value::Bytes(bytes) if self == Word::Id => hex(bytes),
                    _ => return None,
                };
                ours.then_some((Form::Vendor, text))
            }
            _ => None,
        }
    }
}

/// Takes the words from an attribute that may have one. Two of a kind that differ cancel out.
pub fn take(managed: &mut Managed, told: Attribute) {
    if let Some((_, text)) = Word::Id.said_by(&told) {
        match bytes(&text) {
            Some(id) => managed.own_id.get_or_insert_default().push(id),
            None => managed.remarks.push(format!(
                "the CKA_ID {text:?} that the server keeps is not shown: it is not 1 to {LONGEST} \
                 bytes in hexadecimal"
            )),
        }
    }
    if let Some((_, text)) = Word::Label.said_by(&told) {
        match (1..=LONGEST).contains(&text.len()) {
            true => managed.own_label.get_or_insert_default().push(text),
            false => managed.remarks.push(format!(
                "the CKA_LABEL that the server keeps is not shown: it has {} bytes",
                text.len()
            )),
        }
    }
}

/// The one value that all say.
pub fn agreed<T: PartialEq + Clone>(
    said: Option<&Vec<T>>,
    what: &str,
) -> Result<Option<T>, String> {
    match said.map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([first, others @ ..]) if others.iter().all(|other| other == first) => {
            Ok(Some(first.clone()))
        }
        Some(several) => Err(format!(
            "none of the {} values of {what} that the server keeps is shown, since they differ",
            several.len()
        )),
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    let fits = rest.is_empty() && (1..=LONGEST).contains(&pairs.len());
    fits.then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_back() {
        for form in [Form::Application, Form::Vendor] {
            let id = Word::Id.attribute(form, "00ff10");
            let label = Word::Label.attribute(form, "my key");
            assert_eq!(Word::Id.said_by(&id), Some((form, "00ff10".into())));
            assert_eq!(Word::Id.said_by(&label), None);
            let managed = Managed::new("7", vec![id, label]);
            assert_eq!(managed.own_id, Some(vec![vec![0, 0xff, 0x10]]));
            assert_eq!(managed.own_label, Some(vec!["my key".into()]));
        }
    }

    /// As a server of 1.x gives what was set in 2.x, and the other way round.
    #[test]
    fn a_vendors_attribute_is_known_in_both_protocols() {
        let old = Attribute::Vendor {
            vendor: "x".into(),
            name: "kmip-p11-CKA_ID".into(),
            value: Value::Bytes(vec![1]),
        };
        assert_eq!(old.name(), VENDORS_ID);
        assert_eq!(Word::Id.said_by(&old), Some((Form::Vendor, "01".into())));
        let label = Word::Label.attribute(Form::Vendor, "a");
        assert_eq!(label.name(), VENDORS_LABEL);
    }

    #[test]
    fn what_is_no_id_is_said_and_not_shown() {
        for text in ["", "1", "xy", &"00".repeat(256)] {
            let managed = Managed::new("7", vec![Word::Id.attribute(Form::Application, text)]);
            assert_eq!(
                (managed.own_id, managed.remarks.len()),
                (None, 1),
                "{text:?}"
            );
        }
        assert!(agreed(Some(&vec![1, 2]), "CKA_ID").is_err());
        assert_eq!(agreed(Some(&vec![1, 1]), "CKA_ID"), Ok(Some(1)));
    }
}
