//! docs/mechanisms.md: what each mechanism does here and by whose keys, written from the tables themselves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cryptoki_sys::*;

use super::CacheRules;
use super::slot::Slot;
use crate::model::cipher::AesKind;
use crate::model::key_mechanism::{KeyMechanism, KeyWork};
use crate::model::local_mechanism::{LocalMechanism, Work};
use crate::model::mechanism::Mechanism;
use crate::model::verification::Padding;
use crate::token::memory::MemoryToken;

/// What is known of a mechanism by all tables that have it.
#[derive(Default)]
struct Entry {
    name: &'static str,
    parameter: &'static str,
    sizes: (CK_ULONG, CK_ULONG),
    /// What is done in this library: CKF_*.
    here: CK_FLAGS,
    /// What private keys of a token sign by it.
    signs: CK_FLAGS,
    /// What private keys of a KMIP server and of an HSM do besides.
    elsewhere: CK_FLAGS,
    /// What those of a keystore do besides.
    keystore: CK_FLAGS,
}

/// Each deed as C_GetMechanismInfo names it (v3.2, 3.5).
const DEEDS: [(CK_FLAGS, &str); 14] = [
    (CKF_ENCRYPT, "encrypt"),
    (CKF_DECRYPT, "decrypt"),
    (CKF_MESSAGE_ENCRYPT, "encrypt messages"),
    (CKF_MESSAGE_DECRYPT, "decrypt messages"),
    (CKF_DIGEST, "digest"),
    (CKF_SIGN, "sign"),
    (CKF_SIGN_RECOVER, "sign with recovery"),
    (CKF_VERIFY, "verify"),
    (CKF_VERIFY_RECOVER, "verify with recovery"),
    (CKF_GENERATE, "make keys"),
    (CKF_GENERATE_KEY_PAIR, "make pairs"),
    (CKF_WRAP, "wrap"),
    (CKF_UNWRAP, "unwrap"),
    (CKF_DERIVE, "derive"),
];

const HEAD: &str = "# Mechanisms\n\n\
    What each mechanism does, in the order of their numbers. \"Here\" is done in this library, in every slot: with public keys, with\n\
    the keys of a session, and without any. The other columns are the private keys of tokens, which are used where they live; pairs\n\
    are made there, too, if their template says `CKA_TOKEN`. This\n\
    page is written from the library's own tables; `C_GetMechanismList` tells the same of a slot.\n\n\
    Key sizes are bits, but bytes of AES and generic secrets and of ML-DSA's public keys. Of an HSM, only what its module offers is\n\
    advertised, with the module's own sizes; where it signs without hashing, it is hashed here. What a KMIP server signs is known when it\n\
    was asked: what it refuses is refused with its reason, or done here if `keys.local_use` lets a key be fetched for that. Keys of both\n\
    decrypt if they say so (`CKA_DECRYPT`). Those of KMIP + HSM sign as those of an HSM, and do nothing else.\n\n\
    | mechanism | parameter | key sizes | here | keys of a KMIP server | keys of an HSM | keys of a keystore |\n\
    | --- | --- | --- | --- | --- | --- | --- |\n";

fn document() -> String {
    let rows = entries().into_values().map(|entry| row(&entry));
    HEAD.to_owned() + &rows.collect::<String>()
}

fn row(entry: &Entry) -> String {
    let (least, most) = entry.sizes;
    let sizes = match (least, most) {
        (0, 0) => "-".to_owned(),
        (one, other) if one == other => one.to_string(),
        _ => format!("{least} to {most}"),
    };
    let elsewhere = &deeds(entry.signs | entry.elsewhere);
    format!(
        "| `{}` | {} | {sizes} | {} | {} | {} | {} |\n",
        entry.name,
        entry.parameter,
        deeds(entry.here),
        elsewhere,
        elsewhere,
        deeds(entry.signs | entry.keystore)
    )
}

fn deeds(flags: CK_FLAGS) -> String {
    let done = DEEDS.iter().filter(|(flag, _)| flags & flag != 0);
    let done: Vec<_> = done.map(|(_, name)| *name).collect();
    match done.is_empty() {
        true => "-".into(),
        false => done.join(", "),
    }
}

fn entries() -> BTreeMap<CK_MECHANISM_TYPE, Entry> {
    let mut all = BTreeMap::<_, Entry>::new();
    for row in LocalMechanism::all() {
        let entry = all.entry(row.number).or_default();
        entry.told(row.name, row.info(), of_local(row.work));
        entry.here |= row.info().flags;
    }
    for row in KeyMechanism::all() {
        let entry = all.entry(row.number).or_default();
        entry.told(row.name, row.info(), of_keys(row.work));
        entry.here |= row.info().flags;
        let (elsewhere, keystore) = match row.work {
            KeyWork::Rsa { .. } => (CKF_DECRYPT | CKF_UNWRAP, CKF_DECRYPT | CKF_UNWRAP),
            KeyWork::Agree => (0, CKF_DERIVE),
            _ => (0, 0),
        };
        entry.elsewhere |= elsewhere;
        entry.keystore |= keystore;
    }
    for row in Mechanism::all() {
        let entry = all.entry(row.number).or_default();
        entry.told(row.name, row.info(), entry.parameter);
        // A key of a session signs as well.
        entry.here |= row.info().flags;
        entry.signs |= row.info().flags;
    }
    all
}

impl Entry {
    fn told(&mut self, name: &'static str, info: CK_MECHANISM_INFO, parameter: &'static str) {
        self.name = name;
        self.sizes = (info.ulMinKeySize, info.ulMaxKeySize);
        self.parameter = parameter;
    }
}

fn of_local(work: Work) -> &'static str {
    match work {
        Work::Verify(_, Padding::Pss) => "`CK_RSA_PKCS_PSS_PARAMS`",
        Work::Verify(_, Padding::MlDsa) => "none, or `CK_SIGN_ADDITIONAL_CONTEXT` without context",
        _ => "none",
    }
}

fn of_keys(work: KeyWork) -> &'static str {
    match work {
        KeyWork::Aes(AesKind::Cbc | AesKind::CbcPad) => "16 bytes of IV",
        KeyWork::Aes(AesKind::Ctr) => "`CK_AES_CTR_PARAMS`",
        KeyWork::Aes(AesKind::Gcm) => {
            "`CK_GCM_PARAMS`; of messages, `CK_GCM_MESSAGE_PARAMS`; to wrap, also `CK_GCM_WRAP_PARAMS`"
        }
        KeyWork::Rsa { oaep: true } => "`CK_RSA_PKCS_OAEP_PARAMS`",
        KeyWork::Mac { general: true, .. } => "`CK_MAC_GENERAL_PARAMS`",
        KeyWork::Wrap(_) => "none, or the initial value",
        KeyWork::Agree => "`CK_ECDH1_DERIVE_PARAMS` with `CKD_NULL` or a digest's KDF of X9.63",
        _ => "none",
    }
}

#[test]
fn mechanisms_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mechanisms.md");
    if std::env::var_os("KMIP_P11_WRITE_DOCS").is_some() {
        std::fs::write(path, document()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert!(
        written == document(),
        "docs/mechanisms.md is old: KMIP_P11_WRITE_DOCS=1 cargo test mechanisms_document writes it"
    );
}

/// What the page says of a slot and what C_GetMechanismInfo says of it are the same.
#[test]
fn a_slot_of_a_keystore_advertises_just_what_the_page_says() {
    let rules = CacheRules {
        time_to_live: Duration::ZERO,
        min_refresh: Duration::ZERO,
        stale: Duration::ZERO,
        disk: None,
    };
    let slot = Slot::new(0, Arc::new(MemoryToken::new("t")), rules);
    let known: CK_FLAGS = DEEDS.iter().map(|(flag, _)| flag).sum();
    let all = slot.offered();
    let advertised = all
        .iter()
        .map(|(number, info)| (*number, info.flags & known));
    let entries = entries();
    let written = entries.iter().map(|(number, entry)| {
        let flags = entry.here | entry.signs | entry.keystore;
        (*number, flags & known)
    });
    assert!(advertised.eq(written));
}
