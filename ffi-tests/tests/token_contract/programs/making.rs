//! What programs make, change and destroy in a slot by themselves.

use cryptoki_sys::*;
use ffi_tests::session::{Session, Template, class};
use ffi_tests::session_objects::{Objects, number};
use ffi_tests::verifying::Mechanism;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::model::public_key::{Curve, KeyType};

use super::{Check, Stage};
use crate::outcome::{Fault, Outcome, demand, same};

pub const CHECKS: &[Check] = &[
    ("library: profiles and mechanisms are objects", described),
    ("library: a program makes a pair and destroys it", pair),
    ("library: a program writes a private key", written),
    ("library: a program gives a key other names", names),
    ("library: a copy of a public key is a session's", copy),
];

fn described(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let told = |object: CK_OBJECT_CLASS, kind| {
        let found = session.find(&class(object))?.into_iter();
        let values = found.map(|handle| session.attribute(handle, kind));
        values.collect::<Result<Vec<_>, _>>()
    };
    let profiles = told(CKO_PROFILE, CKA_PROFILE_ID)?;
    let wanted = [
        CKP_BASELINE_PROVIDER,
        CKP_EXTENDED_PROVIDER,
        CKP_AUTHENTICATION_TOKEN,
        CKP_PUBLIC_CERTIFICATES_TOKEN,
    ];
    same("profiles", profiles, wanted.map(number).to_vec())?;
    let mechanisms = told(CKO_MECHANISM, CKA_MECHANISM_TYPE)?;
    let listed = stage.mechanisms()?.into_iter().map(number).collect();
    same("mechanisms", mechanisms, listed)?;
    let one = session.find(&class(CKO_PROFILE))?[0];
    let everything = session.find(&vec![])?;
    demand(!everything.contains(&one), "it is among all objects")?;
    let destroyed = Objects::of(&stage.module, &session).destroy(one);
    same("C_DestroyObject", destroyed, Err(CKR_ACTION_PROHIBITED))
}

/// A name that no other kind's test gives on the same server.
fn fresh(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// Half of a pair that signs, in the token.
fn half(label: &str) -> Template {
    vec![(CKA_TOKEN, vec![1]), (CKA_LABEL, label.into())]
}

fn with(mut template: Template, more: &[(CK_ATTRIBUTE_TYPE, &[u8])]) -> Template {
    template.extend(more.iter().map(|(kind, value)| (*kind, value.to_vec())));
    template
}

/// Of RSA: there are servers that make no other.
fn new_pair(objects: &Objects<'_>, label: &str) -> Outcome<[CK_OBJECT_HANDLE; 2]> {
    let bits = (CKA_MODULUS_BITS, &*number(2048));
    let public = with(half(label), &[bits, (CKA_VERIFY, &[1])]);
    let private = with(half(label), &[(CKA_SIGN, &[1])]);
    Ok(objects.pair(CKM_RSA_PKCS_KEY_PAIR_GEN, &public, &private)?)
}

fn signs(session: &Session<'_>, [public, private]: [CK_OBJECT_HANDLE; 2]) -> Outcome {
    let signature = session.sign(CKM_SHA256_RSA_PKCS, private, b"m")?;
    let by = Mechanism::plain(CKM_SHA256_RSA_PKCS);
    same(
        "C_Verify",
        session.verify(by, public, b"m", &signature),
        Ok(()),
    )
}

/// Does something with a pair, which is destroyed in any case.
fn with_pair(
    stage: &Stage,
    work: impl FnOnce(&Session<'_>, &Objects<'_>, [CK_OBJECT_HANDLE; 2]) -> Outcome,
) -> Outcome {
    let session = stage.session()?;
    let objects = Objects::of(&stage.module, &session);
    let pair = new_pair(&objects, &fresh("made"))?;
    let done = work(&session, &objects, pair);
    let destroyed = objects.destroy(pair[1]);
    done.and(destroyed.map_err(Fault::from))
}

fn pair(stage: &Stage) -> Outcome {
    with_pair(stage, |session, _, pair| signs(session, pair))?;
    let session = stage.session()?;
    let mut named = class(CKO_PRIVATE_KEY);
    named.push((CKA_LABEL, fresh("made").into_bytes()));
    same("what is left", session.find(&named)?.len(), 0)
}

fn written(stage: &Stage) -> Outcome {
    let key = PrivateKey::generate(KeyType::Ec(Curve::P256)).map_err(deviation)?;
    let secrets = key.secret_numbers().map_err(deviation)?;
    let template = with(
        with(class(CKO_PRIVATE_KEY), &[(CKA_TOKEN, &[1])]),
        &[
            (CKA_KEY_TYPE, &number(CKK_EC)),
            (CKA_EC_PARAMS, b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
            (CKA_VALUE, &secrets[0].1),
            (CKA_LABEL, fresh("written").as_bytes()),
            (CKA_SIGN, &[1]),
        ],
    );
    let session = stage.session()?;
    let objects = Objects::of(&stage.module, &session);
    let private = objects.create(&template)?;
    let signed = session.sign(CKM_ECDSA_SHA256, private, b"m");
    objects.destroy(private)?;
    same("bytes of a signature", signed?.len(), 64)
}

fn names(stage: &Stage) -> Outcome {
    with_pair(stage, |session, objects, [_, private]| {
        let another = fresh("another").into_bytes();
        let wanted = vec![(CKA_LABEL, another.clone()), (CKA_ID, vec![7, 7])];
        objects.set(private, &wanted)?;
        let found = session.find(&with(class(CKO_PRIVATE_KEY), &[(CKA_ID, &[7, 7])]))?;
        same("keys of that CKA_ID", found.len(), 1)?;
        let label = session.attribute(found[0], CKA_LABEL)?;
        same("CKA_LABEL", &label, &another)?;
        let wrong = vec![(CKA_LABEL, b"x".to_vec()), (CKA_SIGN, vec![0])];
        let refused = objects.set(found[0], &wrong);
        same("with CKA_SIGN", refused, Err(CKR_ATTRIBUTE_READ_ONLY))?;
        same("CKA_LABEL", session.attribute(found[0], CKA_LABEL)?, label)
    })
}

fn copy(stage: &Stage) -> Outcome {
    let session = stage.session()?;
    let objects = Objects::of(&stage.module, &session);
    let private = session.private_key("p256");
    let public = session.public_half(private)?;
    let in_session = vec![(CKA_TOKEN, vec![0]), (CKA_LABEL, b"copy".to_vec())];
    let copied = objects.copy(public, &in_session)?;
    let signature = session.sign(CKM_ECDSA_SHA256, private, b"m")?;
    let by = Mechanism::plain(CKM_ECDSA_SHA256);
    let verified = session.verify(by, copied, b"m", &signature);
    same("C_Verify", verified, Ok(()))?;
    objects.destroy(copied)?;
    let refused = objects.copy(private, &in_session);
    same("of a private key", refused, Err(CKR_ACTION_PROHIBITED))
}

fn deviation(error: impl ToString) -> Fault {
    Fault::Deviates(error.to_string())
}
