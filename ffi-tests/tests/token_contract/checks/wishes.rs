//! CKA_ID and CKA_LABEL of the owner's choice: kept, taken back, and never the same for two keys.

use ffi_tests::place::{Place, made};
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::Wish;

use super::{Check, named};
use crate::outcome::{Outcome, demand, refused, same};

pub const CHECKS: &[Check] = &[
    ("a CKA_ID of choice", id),
    ("a CKA_ID of 255 bytes", long_id),
    ("a CKA_ID that two keys want", one_id),
    ("a CKA_LABEL of choice", label),
];

const P256: KeyType = KeyType::Ec(Curve::P256);

fn id(place: &Place) -> Outcome {
    let token = place.token();
    let key = made(&*token, &place.wanted("key", P256))?;
    for wanted in [&[1, 2, 3][..], &[0xff; 20], &[0]] {
        token.present(&key, &Wish::Id(Some(wanted.to_vec())))?;
        let found = token.find()?;
        same("CKA_ID", &named(&found, &key.name)?.key_id[..], wanted)?;
    }
    token.present(&key, &Wish::Id(None))?;
    let found = token.find()?;
    let now = named(&found, &key.name)?;
    same("CKA_ID at the end", &now.key_id, &key.public.key_id())
}

fn long_id(place: &Place) -> Outcome {
    let token = place.token();
    let key = made(&*token, &place.wanted("key", P256))?;
    let wanted = vec![0xAB; 255];
    token.present(&key, &Wish::Id(Some(wanted.clone())))?;
    let found = token.find()?;
    same("CKA_ID", &named(&found, &key.name)?.key_id, &wanted)
}

/// Both keep what they have by themselves, and their owner is told; or the second wish is refused.
fn one_id(place: &Place) -> Outcome {
    let token = place.token();
    let keys = [
        made(&*token, &place.wanted("one", P256))?,
        made(&*token, &place.wanted("two", P256))?,
    ];
    let [first, second] = &keys;
    let wish = Wish::Id(Some(vec![7]));
    token.present(first, &wish)?;
    if let Err(error) = token.present(second, &wish) {
        let error = refused::<()>("the second", Err(error))?;
        same("the kind", error.kind, TokenErrorKind::BadInput)?;
        let found = token.find()?;
        same("the first", &named(&found, &first.name)?.key_id[..], &[7])?;
        let other = &named(&found, &second.name)?.key_id;
        return same("the second", other, &second.public.key_id());
    }
    let found = token.find()?;
    for key in &keys {
        let now = named(&found, &key.name)?;
        same("CKA_ID", &now.key_id, &key.public.key_id())?;
        let told = now.remarks.iter().any(|it| it.contains("CKA_ID 07"));
        demand(told, "nobody is told of it")?;
    }
    Ok(())
}

fn label(place: &Place) -> Outcome {
    let token = place.token();
    let key = made(&*token, &place.wanted("key", P256))?;
    token.present(&key, &Wish::Label(Some("front door".into())))?;
    let found = token.find()?;
    let now = named(&found, &key.name)?;
    same("CKA_LABEL", now.label().as_str(), "front door")?;
    token.present(&key, &Wish::Label(None))?;
    let found = token.find()?;
    same(
        "CKA_LABEL at the end",
        named(&found, &key.name)?.label(),
        key.name,
    )
}
