//! `slot.delivery`: keys that a KMIP server manages and an HSM uses, and how they get from one to the other.

use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;

use super::choice::choice;
use super::complaint::{Complaint, read, read_or};
use super::duration::duration;
use super::file_path::Base;
use super::hsm::{Hsm, PinSource};
use super::kmip::Kmip;
use super::syntax;

const KEEP: Duration = Duration::from_secs(5 * 60);

const KEEPS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);

const USES: u64 = 1000;

const MOST_USES: u64 = 1_000_000_000;

/// PKCS#11 knows longer ones; so long is what every HSM keeps.
const LONGEST_LABEL: usize = 64;

const WRAPS: [(&str, Wrap); 4] = [
    ("aes-kw", Wrap::AesKw),
    ("aes-kwp", Wrap::AesKwp),
    ("rsa-oaep", Wrap::RsaOaep),
    ("rsa-aes", Wrap::RsaAes),
];

const HASHES: [(&str, OaepHash); 2] = [("sha1", OaepHash::Sha1), ("sha256", OaepHash::Sha256)];

/// Where keys are managed, where they are used, and how they get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Who manages them.
    pub kmip: Kmip,
    /// Who uses them.
    pub hsm: Hsm,
    /// How they get from the one to the other.
    pub delivery: Delivery,
}

/// How keys get from the server into the HSM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// CKA_LABEL of the wrapping key in the HSM; its name at the server begins with it.
    pub wrapping_key: String,
    /// How keys are wrapped.
    pub wrap: Wrap,
    /// The hash of OAEP, where it is used: on the way of the keys, or on that of an AES wrapping key.
    pub oaep_hash: OaepHash,
    /// How long a key that was delivered stays in the HSM, 1 s to 1 day.
    pub keep: Duration,
    /// How many signatures it makes there, at least 1.
    pub uses: u64,
}

/// How a key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// AES key wrap (RFC 3394): only keys whose encoding has a multiple of eight bytes.
    AesKw,
    /// AES key wrap with padding (RFC 5649).
    AesKwp,
    /// RSA-OAEP (RFC 8017, 7.1): only keys that are shorter than the wrapping key's modulus, so no RSA keys.
    RsaOaep,
    /// A fresh AES key by RSA-OAEP, and the key by AES key wrap with padding under that one (CKM_RSA_AES_KEY_WRAP).
    RsaAes,
}

/// The hash of OAEP and of its mask generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OaepHash {
    /// SHA-1: what OAEP needs of it is not broken, and SoftHSM knows no other.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Wrap {
    /// As the configuration has it.
    pub fn name(self) -> &'static str {
        let found = WRAPS.iter().find(|(_, wrap)| *wrap == self);
        found.map_or("", |(name, _)| name)
    }

    /// Whether the wrapping key is a pair, whose private half no place but the HSM ever has.
    pub fn is_by_pair(self) -> bool {
        matches!(self, Self::RsaOaep | Self::RsaAes)
    }
}

impl Delivered {
    /// A slot with all three tables, and nothing in them that goes against another.
    pub(super) fn read(
        delivery: &Spanned<syntax::Delivery>,
        slot: &Spanned<syntax::Slot>,
        base: &Base,
    ) -> Result<Self, Complaint> {
        const NOT_BOTH: &str = "slot.delivery: keys are delivered from a KMIP server into an HSM; write kmip.servers \
            and the other kmip keys and hsm.module and the other hsm keys, or leave delivery out";
        const NO_KEYSTORE: &str = "slot.delivery: keys of a keystore are not delivered into an HSM; write a [[slot]] table for \
            each";
        let written = slot.get_ref();
        let (Some(kmip), Some(hsm)) = (&written.kmip, &written.hsm) else {
            return Err(Complaint::said(delivery.span(), NOT_BOTH));
        };
        if written.keystore.is_some() {
            return Err(Complaint::said(delivery.span(), NO_KEYSTORE));
        }
        let both = Self {
            kmip: Kmip::read(kmip, slot.span(), base)?,
            hsm: Hsm::read(hsm, slot.span(), base)?,
            delivery: Delivery::read(delivery.get_ref(), slot.span())?,
        };
        both.one_pin(kmip)?;
        no_local_use(&written.keys)?;
        Ok(both)
    }

    /// C_Login brings one PIN.
    fn one_pin(&self, written: &syntax::Kmip) -> Result<(), Complaint> {
        match (&written.pin, &self.hsm.pin) {
            (Some(pin), PinSource::Login) => Err(Complaint::said(
                pin.span(),
                "slot.kmip.pin: the PIN that programs ask for is the HSM's already; write hsm.pin_file or \
                 hsm.pin_env as well, or leave kmip.pin out",
            )),
            _ => Ok(()),
        }
    }
}

fn no_local_use(keys: &syntax::Keys) -> Result<(), Complaint> {
    match &keys.local_use {
        Some(local_use) if *local_use.get_ref() => Err(Complaint::said(
            local_use.span(),
            "slot.keys.local_use: delivered keys are used in the HSM and nowhere else; leave it out",
        )),
        _ => Ok(()),
    }
}

impl Delivery {
    /// `slot` is where to point if a key is missing.
    pub(super) fn read(written: &syntax::Delivery, slot: Range<usize>) -> Result<Self, Complaint> {
        const KEY: &str = "slot.delivery.wrapping_key";
        let wrapping_key = written.wrapping_key.as_ref();
        let wrapping_key = wrapping_key.ok_or_else(|| Complaint::missing(slot, KEY))?;
        Ok(Self {
            wrapping_key: read(wrapping_key, |text| label(text))?,
            wrap: read_or(written.wrap.as_ref(), Wrap::AesKwp, |text| {
                choice(text, &WRAPS, "a way to wrap keys")
            })?,
            oaep_hash: read_or(written.oaep_hash.as_ref(), OaepHash::Sha1, |text| {
                choice(text, &HASHES, "a hash for OAEP")
            })?,
            keep: read_or(written.keep.as_ref(), KEEP, |text| duration(text, &KEEPS))?,
            uses: read_or(written.uses.as_ref(), USES, |number| uses(*number))?,
        })
    }
}

fn label(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("the label is empty".into()),
        1..=LONGEST_LABEL if !text.chars().any(char::is_control) => Ok(text.to_owned()),
        1..=LONGEST_LABEL => Err(format!("{text:?} has a control character")),
        length => Err(format!("{text:?} has {length} bytes")),
    }
}

fn uses(number: i64) -> Result<u64, String> {
    let uses = u64::try_from(number).ok();
    let uses = uses.filter(|uses| (1..=MOST_USES).contains(uses));
    uses.ok_or_else(|| format!("{number} is no number of uses"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Backend, Config};

    /// What comes of a slot with a server, a module and these lines.
    fn delivered(lines: &str) -> Result<Delivered, String> {
        let text = format!(
            "[[slot]]\nlabel = \"d\"\nkmip.servers = [\"a\"]\nkmip.tls.ca = \"/ca\"\n\
             kmip.username = \"u\"\nhsm.module = \"/m.so\"\n{lines}\n"
        );
        let config = Config::parse(&text, Path::new("/c.toml"));
        match config.map_err(|error| error.to_string())?.slots[0]
            .backend
            .clone()
        {
            Backend::Delivered(both) => Ok(both),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_label_is_enough() {
        let both = delivered("delivery.wrapping_key = \"kek\"").unwrap();
        let wanted = Delivery {
            wrapping_key: "kek".into(),
            wrap: Wrap::AesKwp,
            oaep_hash: OaepHash::Sha1,
            keep: Duration::from_secs(300),
            uses: 1000,
        };
        assert_eq!(both.delivery, wanted);
        assert_eq!(both.hsm.module, Path::new("/m.so"));
        assert_eq!(both.kmip.servers.len(), 1);
    }

    #[test]
    fn what_goes_against_delivery_is_named() {
        let with = |line: &str| {
            delivered(&format!("delivery.wrapping_key = \"kek\"\n{line}")).unwrap_err()
        };
        for (line, words) in [
            (
                "keys.local_use = true",
                "slot.keys.local_use: delivered keys are used in the HSM",
            ),
            (
                "kmip.pin = \"password\"",
                "slot.kmip.pin: the PIN that programs ask for is the HSM's",
            ),
            (
                "delivery.wrap = \"aes_kwp\"",
                "is not a way to wrap keys (did you mean",
            ),
            (
                "delivery.uses = 0",
                "write a whole number from 1 to 1000000000",
            ),
            ("delivery.keep = \"0s\"", "\"0s\" is too short"),
        ] {
            let message = with(line);
            assert!(message.contains(words), "{message}");
        }
        let message = delivered("delivery.wrap = \"rsa-aes\"").unwrap_err();
        assert!(
            message.contains("slot.delivery.wrapping_key is missing"),
            "{message}"
        );
        let message = delivered("").unwrap_err();
        assert!(
            message.contains("delivery.wrapping_key if the HSM"),
            "{message}"
        );
    }

    #[test]
    fn delivery_needs_both_ends() {
        let text =
            "[[slot]]\nlabel = \"d\"\nhsm.module = \"/m.so\"\ndelivery.wrapping_key = \"k\"\n";
        let error = Config::parse(text, Path::new("/c.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("from a KMIP server into an HSM; write kmip.servers"),
            "{error}"
        );
    }

    #[test]
    fn ways_to_wrap_have_names() {
        for (name, wrap) in WRAPS {
            assert_eq!(wrap.name(), name);
        }
        assert!(Wrap::RsaAes.is_by_pair() && !Wrap::AesKwp.is_by_pair());
    }

    #[test]
    fn uses_and_labels_have_bounds() {
        assert_eq!((uses(1), uses(1_000_000_000)), (Ok(1), Ok(MOST_USES)));
        for number in [0, -1, 1_000_000_001, i64::MAX] {
            assert!(uses(number).is_err(), "{number}");
        }
        assert!(label(&"x".repeat(64)).is_ok());
        for text in ["", "a\nb", &"x".repeat(65)] {
            assert!(label(text).is_err(), "{text:?}");
        }
    }
}
