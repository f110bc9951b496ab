//! The token and its objects: what is told of them, and how they are found.

use cryptoki_sys::*;
use ffi_tests::session::{Session, class};
use kmip_p11::model::public_key::KeyType;

use super::{Check, KEYS, Stage};
use crate::outcome::{Outcome, demand, same};

pub const CHECKS: &[Check] = &[
    ("library: token and mechanisms are told", token),
    ("library: each key has two halves with one CKA_ID", halves),
    ("library: the attributes that OpenSSH asks for", attributes),
    ("library: a key is found by its ID", by_id),
    ("library: a key is found by its label", by_label),
    ("library: keys are found by class and type", by_type),
    ("library: no secret is given out", secrets),
];

const BOTH: [CK_OBJECT_CLASS; 2] = [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY];

fn token(stage: &Stage) -> Outcome {
    let info = stage.module.token_info(stage.slot())?;
    same(
        "initialized",
        info.flags & CKF_TOKEN_INITIALIZED,
        CKF_TOKEN_INITIALIZED,
    )?;
    same("login required", info.flags & CKF_LOGIN_REQUIRED, 0)?;
    let path = CKF_PROTECTED_AUTHENTICATION_PATH;
    same("protected path", info.flags & path, path)?;
    let text = String::from_utf8_lossy(&info.serialNumber)
        .trim()
        .to_owned();
    demand(!text.is_empty(), "no serial number")?;
    let mechanisms = stage.mechanisms()?;
    for wanted in [CKM_RSA_PKCS, CKM_ECDSA, CKM_EDDSA] {
        demand(
            mechanisms.contains(&wanted),
            format!("no mechanism {wanted:#x}"),
        )?;
    }
    let session = stage.session()?;
    let counted = stage.module.token_info(stage.slot())?.ulSessionCount;
    drop(session);
    same("sessions", counted, 1)
}

fn halves(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    for kind in BOTH {
        let found = session.find(&class(kind))?.len();
        same("objects of a class", found, KEYS.len())?;
    }
    for key in session.find(&class(CKO_PRIVATE_KEY))? {
        let id = session.attribute(key, CKA_ID)?;
        let mut template = class(CKO_PUBLIC_KEY);
        template.push((CKA_ID, id));
        let public = session.find(&template)?;
        same("public halves", public.len(), 1)?;
        for kind in [CKA_LABEL, CKA_KEY_TYPE, CKA_PUBLIC_KEY_INFO] {
            let [one, other] = [key, public[0]].map(|it| session.attribute(it, kind));
            demand(one? == other?, format!("the halves differ in {kind:#x}"))?;
        }
    }
    Ok(())
}

fn attributes(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    for (name, key_type) in KEYS {
        let key = session.private_key(name);
        let has = |kind, wanted: &[u8]| {
            let found = session.attribute(key, kind)?;
            same(&format!("{name}: {kind:#x}"), &found[..], wanted)
        };
        has(CKA_TOKEN, &[CK_TRUE])?;
        has(CKA_SIGN, &[CK_TRUE])?;
        has(CKA_SENSITIVE, &[CK_TRUE])?;
        has(CKA_ALWAYS_AUTHENTICATE, &[CK_FALSE])?;
        demand(!session.attribute(key, CKA_ID)?.is_empty(), "no CKA_ID")?;
        public_parts(&session, key, key_type)?;
    }
    Ok(())
}

fn public_parts(session: &Session<'_>, key: CK_OBJECT_HANDLE, key_type: KeyType) -> Outcome {
    let length = |kind| session.attribute(key, kind).map(|value| value.len());
    match key_type {
        KeyType::Rsa(bits) => {
            same("CKA_MODULUS", length(CKA_MODULUS)?, bits / 8)?;
            same("CKA_PUBLIC_EXPONENT", length(CKA_PUBLIC_EXPONENT)?, 3)
        }
        KeyType::Ec(curve) => {
            let public = session.attribute(key, CKA_ID)?;
            let mut template = class(CKO_PUBLIC_KEY);
            template.push((CKA_ID, public));
            let public = session.find(&template)?[0];
            let point = session.attribute(public, CKA_EC_POINT)?;
            let bare = 1 + 2 * curve.field_len();
            let head = point.len().saturating_sub(bare);
            demand(
                point.first() == Some(&4) && (2..=3).contains(&head),
                "CKA_EC_POINT is no octet string",
            )?;
            demand(length(CKA_EC_PARAMS)? > 2, "no CKA_EC_PARAMS")
        }
        KeyType::Ed25519 => demand(length(CKA_EC_PARAMS)? > 2, "no CKA_EC_PARAMS"),
        KeyType::MlDsa(_) => same("CKA_PARAMETER_SET", length(CKA_PARAMETER_SET)?, 8),
    }
}

fn by_id(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let key = session.private_key("p256");
    let id = session.attribute(key, CKA_ID)?;
    let both = session.find(&vec![(CKA_ID, id.clone())])?;
    same("objects of that ID", both.len(), 2)?;
    let mut template = class(CKO_PRIVATE_KEY);
    template.push((CKA_ID, id.clone()));
    same(
        "private keys of that ID",
        session.find(&template)?,
        vec![key],
    )?;
    let shorter = id[..id.len() - 1].to_vec();
    same(
        "of another ID",
        session.find(&vec![(CKA_ID, shorter)])?,
        vec![],
    )
}

fn by_label(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let key = session.private_key("p384");
    let label = session.attribute(key, CKA_LABEL)?;
    let mut template = class(CKO_PRIVATE_KEY);
    template.push((CKA_LABEL, label));
    same("keys of that label", session.find(&template)?, vec![key])?;
    template[1].1 = b"nobody".to_vec();
    same("keys of another label", session.find(&template)?, vec![])
}

fn by_type(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    for (kind, wanted) in [(CKK_RSA, 1), (CKK_EC, 3), (CKK_EC_EDWARDS, 1), (CKK_AES, 0)] {
        for half in BOTH {
            let mut template = class(half);
            template.push((CKA_KEY_TYPE, kind.to_ne_bytes().to_vec()));
            let found = session.find(&template)?.len();
            same(&format!("keys of type {kind:#x}"), found, wanted)?;
        }
    }
    same("all objects", session.find(&vec![])?.len(), 2 * KEYS.len())
}

fn secrets(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    for (name, key_type) in KEYS {
        let key = session.private_key(name);
        let secret: &[CK_ATTRIBUTE_TYPE] = match key_type {
            KeyType::Rsa(_) => &[
                CKA_PRIVATE_EXPONENT,
                CKA_PRIME_1,
                CKA_PRIME_2,
                CKA_EXPONENT_1,
                CKA_EXPONENT_2,
                CKA_COEFFICIENT,
            ],
            _ => &[CKA_VALUE],
        };
        for kind in secret {
            let answered = session.attribute(key, *kind);
            same(
                &format!("{name}: {kind:#x}"),
                answered,
                Err(CKR_ATTRIBUTE_SENSITIVE),
            )?;
        }
    }
    Ok(())
}
