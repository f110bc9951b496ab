//! A key as this tool tells of it: the same facts for people and for machines, in every command.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use der::DateTime;
use kmip_p11::model::attribute::presentable_label;
use kmip_p11::model::key::{Found, Hidden, Key};
use kmip_p11::model::public_key::PublicKey;
use kmip_p11::ssh;
use pem_rfc7468::LineEnding;
use serde::Serialize;

use crate::pkcs11_uri::pkcs11_uri;

/// What is known of a key. The names of the fields stay.
#[derive(Debug, Clone, Serialize)]
pub struct KeyRecord {
    /// The slot it is in.
    pub slot: String,
    /// Its name, as programs see it.
    pub name: String,
    /// CKA_LABEL, if it is another than the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The private key's unique identifier.
    pub id: String,
    /// The public key's unique identifier, if the token keeps one.
    pub public_id: Option<String>,
    /// CKA_ID in hexadecimal.
    pub key_id: String,
    /// Its type and size.
    #[serde(rename = "type")]
    pub key_type: String,
    /// Where it stands in its life.
    pub state: String,
    /// Whether programs see it.
    pub shown: bool,
    /// Why they do not.
    pub hidden_because: Option<String>,
    /// Why programs that see it cannot sign with it, if they cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signs_not_because: Option<String>,
    /// What its owner has to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Object groups.
    pub groups: Vec<String>,
    /// RFC 3339, UTC.
    pub created: Option<String>,
    /// Whether it may leave its slot, as far as the token says.
    pub extractable: Option<bool>,
    /// How many X.509 certificates speak of it.
    pub certificates: usize,
    /// RFC 7512.
    pub uri: String,
    /// `SHA256:...`
    pub fingerprint: String,
    /// The line for authorized_keys; empty for a key that OpenSSH has no form for.
    pub openssh: String,
    /// The public key in PEM (RFC 7468, 13), of a key that OpenSSH has no form for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pem: Option<String>,
}

impl KeyRecord {
    /// A key of a slot; `hidden` is why programs do not see it.
    pub fn new(slot: &str, key: &Key, hidden: Option<&str>) -> Self {
        // A key of the model has been through the same checks: it does have one of these forms.
        let openssh = ssh::public_line(&key.public, &key.name);
        let pem = openssh.is_err().then(|| pem(&key.public)).flatten();
        let openssh = openssh.unwrap_or_default();
        let fingerprint = ssh::fingerprint(&key.public).unwrap_or_default();
        Self {
            slot: slot.into(),
            name: presentable_label(&key.name),
            label: key.own_label.as_ref().map(|_| key.label()),
            id: key.id.to_string(),
            public_id: key.public_id.as_ref().map(ToString::to_string),
            key_id: hex(&key.key_id),
            key_type: key.public.key_type().to_string(),
            state: key.state.to_string(),
            shown: hidden.is_none(),
            hidden_because: hidden.map(Into::into),
            signs_not_because: key.unusable().filter(|_| hidden.is_none()),
            remarks: key.remarks.clone(),
            groups: key.groups.clone(),
            created: key.created.and_then(rfc3339),
            extractable: key.custody.extractable,
            certificates: key.certificates.len(),
            uri: pkcs11_uri(slot, &key.key_id, &key.label()),
            fingerprint,
            openssh,
            pem,
        }
    }

    /// The public key as others take it: OpenSSH's line, and PEM where there is none.
    pub fn public_form(&self) -> &str {
        let pem = self.pem.as_deref().map(str::trim_end);
        pem.unwrap_or(&self.openssh)
    }

    /// OpenSSH's line, or how else the public key can be had.
    pub fn openssh_or_hint(&self) -> Cow<'_, str> {
        match &self.pem {
            None => Cow::Borrowed(&self.openssh),
            Some(_) => Cow::Owned(format!(
                "OpenSSH has no {} keys; \"kmip-ssh key public\" prints it in PEM if it is named",
                self.key_type
            )),
        }
    }

    /// The key with that identifier as a listing tells of it; as it is, if the listing lacks it.
    pub fn after(slot: &str, found: &Found, key: &Key) -> Self {
        let held = |other: &&Key| other.id == key.id;
        if let Some(shown) = found.keys.iter().find(held) {
            return Self::new(slot, shown, None);
        }
        let hidden = found.hidden.iter().find(|hidden| hidden.id == key.id);
        match hidden {
            Some(Hidden {
                key: listed,
                reason,
                ..
            }) => Self::new(slot, listed.as_ref().unwrap_or(key), Some(reason)),
            None => Self::new(slot, key, key.unusable().as_deref()),
        }
    }
}

fn pem(public: &PublicKey) -> Option<String> {
    let spki = public.to_spki().ok()?;
    pem_rfc7468::encode_string("PUBLIC KEY", LineEnding::LF, &spki).ok()
}

/// The bytes that hexadecimal digits stand for.
pub fn bytes(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let all: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    all.filter(|_| rest.is_empty() && digits.bytes().all(|it| it.is_ascii_hexdigit()))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rfc3339(seconds: i64) -> Option<String> {
    let since_1970 = Duration::from_secs(seconds.try_into().ok()?);
    let time = DateTime::from_unix_duration(since_1970).ok()?;
    Some(time.to_string())
}

/// All facts, one a line.
impl fmt::Display for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, how: &str| writeln!(f, "{what:<13}{how}");
        line("Name", &self.name)?;
        line("Slot", &self.slot)?;
        line("Type", &self.key_type)?;
        line("State", &self.state)?;
        line("Programs", &programs(self))?;
        line("Private key", &self.id)?;
        line(
            "Public key",
            self.public_id.as_deref().unwrap_or("not kept by the token"),
        )?;
        line("CKA_ID", &self.key_id)?;
        if let Some(label) = &self.label {
            line("CKA_LABEL", label)?;
        }
        for remark in &self.remarks {
            line("Note", remark)?;
        }
        line("Groups", &or_none(self.groups.join(", ")))?;
        line("Created", self.created.as_deref().unwrap_or("not told"))?;
        line("Extractable", extractable(self.extractable))?;
        line("Certificates", &self.certificates.to_string())?;
        line("PKCS#11 URI", &self.uri)?;
        line("Fingerprint", &self.fingerprint)?;
        line("OpenSSH", &self.openssh_or_hint())
    }
}

fn programs(key: &KeyRecord) -> String {
    match (&key.hidden_because, &key.signs_not_because) {
        (None, None) => "see it and can sign with it".into(),
        (None, Some(reason)) => format!("see it and cannot sign with it: {reason}"),
        (Some(reason), _) => format!("do not see it: {reason}"),
    }
}

fn extractable(known: Option<bool>) -> &'static str {
    match known {
        Some(true) => "yes, it may leave its slot",
        Some(false) => "no",
        None => "not told",
    }
}

fn or_none(text: String) -> String {
    match text.is_empty() {
        true => "none".into(),
        false => text,
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::place::tests::{add, empty};
    use kmip_p11::model::key::{ObjectId, OtherUses, State};
    use kmip_p11::model::ml_dsa::ParameterSet;
    use kmip_p11::model::public_key::KeyType;

    /// A key that is the same in every run.
    pub fn known_key() -> Key {
        let public = PublicKey::from_ed25519(&[7; 32]).unwrap();
        Key {
            id: ObjectId("42".into()),
            public_id: Some(ObjectId("43".into())),
            name: "web\n1".into(),
            own_label: None,
            key_id: public.key_id(),
            public,
            state: State::Active,
            validity: Default::default(),
            may_sign: true,
            mechanisms: None,
            other_uses: OtherUses::default(),
            custody: Default::default(),
            groups: vec!["ssh".into()],
            created: Some(1_790_000_000),
            certificates: vec![],
            remarks: vec![],
        }
    }

    #[test]
    fn the_json_shape_stays() {
        let record = KeyRecord::new("prod", &known_key(), Some("it is revoked"));
        assert_eq!(
            serde_json::to_value(&record).unwrap(),
            serde_json::json!({
                "slot": "prod",
                "name": "web1",
                "id": "42",
                "public_id": "43",
                "key_id": "5d2d7a2942537f03ce7c388afb54861fbcf87f48",
                "type": "Ed25519",
                "state": "active",
                "shown": false,
                "hidden_because": "it is revoked",
                "groups": ["ssh"],
                "created": "2026-09-21T14:13:20Z",
                "extractable": null,
                "certificates": 0,
                "uri": "pkcs11:token=prod;id=%5D%2D%7A%29%42%53%7F%03%CE%7C%38%8A%FB%54%86%1F%BC%F8\
                        %7F%48;object=web1",
                "fingerprint": "SHA256:gNSIRW+2Iyiuvsdp/bgjy38bvWHw6wQm3tuoXrl3WjQ",
                "openssh": "ssh-ed25519 \
                            AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH web1",
            })
        );
    }

    #[test]
    fn every_fact_has_a_line_of_its_own() {
        let text = KeyRecord::new("prod", &known_key(), None).to_string();
        assert_eq!(text.lines().count(), 15);
        assert!(text.contains("Name         web1\n"), "{text}");
    }

    #[test]
    fn a_key_that_openssh_has_not_is_told_in_pem() {
        let place = empty("prod");
        let key = add(&place, "a", KeyType::MlDsa(ParameterSet::MlDsa44));
        let record = KeyRecord::new("prod", &key, None);
        assert_eq!(record.openssh, "");
        let pem = record.pem.unwrap();
        let (label, spki) = pem_rfc7468::decode_vec(pem.as_bytes()).unwrap();
        assert_eq!(
            (label, PublicKey::from_spki(&spki)),
            ("PUBLIC KEY", Ok(key.public))
        );
    }

    #[test]
    fn what_a_listing_says_of_a_new_key_is_told() {
        let place = empty("prod");
        let mut key = add(&place, "a", KeyType::Ed25519);
        let found = place.find().unwrap();
        assert!(KeyRecord::after("prod", &found, &key).shown);
        key.id = ObjectId("99".into());
        key.state = State::PreActive;
        let record = KeyRecord::after("prod", &found, &key);
        assert!(record.hidden_because.unwrap().contains("pre-active"));
    }
}
