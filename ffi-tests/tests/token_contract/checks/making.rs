//! Keys that the token makes, and keys that it takes in, of every type.

use std::sync::Arc;

use ffi_tests::place::{Place, View, made};
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::key::{Key, State};
use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::catalog::Wanted;
use kmip_p11::token::{NewKey, SharedToken, Token, Wish, key_kind};

use super::signing::signs_every_way;
use super::{Check, named, shown};
use crate::outcome::{Outcome, demand, refused, same};

pub const CHECKS: &[Check] = &[
    ("generate RSA-2048", |it| generate(it, KeyType::Rsa(2048))),
    ("generate RSA-3072", |it| generate(it, KeyType::Rsa(3072))),
    ("generate RSA-4096", |it| generate(it, KeyType::Rsa(4096))),
    ("generate P-256", |it| {
        generate(it, KeyType::Ec(Curve::P256))
    }),
    ("generate P-384", |it| {
        generate(it, KeyType::Ec(Curve::P384))
    }),
    ("generate P-521", |it| {
        generate(it, KeyType::Ec(Curve::P521))
    }),
    ("generate Ed25519", |it| generate(it, KeyType::Ed25519)),
    ("generate ML-DSA-44", |it| {
        generate(it, KeyType::MlDsa(ParameterSet::MlDsa44))
    }),
    ("generate ML-DSA-65", |it| {
        generate(it, KeyType::MlDsa(ParameterSet::MlDsa65))
    }),
    ("generate ML-DSA-87", |it| {
        generate(it, KeyType::MlDsa(ParameterSet::MlDsa87))
    }),
    ("import RSA-2048", |it| import(it, KeyType::Rsa(2048))),
    ("import RSA-3072", |it| import(it, KeyType::Rsa(3072))),
    ("import RSA-4096", |it| import(it, KeyType::Rsa(4096))),
    ("import P-256", |it| import(it, KeyType::Ec(Curve::P256))),
    ("import P-384", |it| import(it, KeyType::Ec(Curve::P384))),
    ("import P-521", |it| import(it, KeyType::Ec(Curve::P521))),
    ("import Ed25519", |it| import(it, KeyType::Ed25519)),
    ("import ML-DSA-44", |it| {
        import(it, KeyType::MlDsa(ParameterSet::MlDsa44))
    }),
    ("import ML-DSA-65", |it| {
        import(it, KeyType::MlDsa(ParameterSet::MlDsa65))
    }),
    ("import ML-DSA-87", |it| {
        import(it, KeyType::MlDsa(ParameterSet::MlDsa87))
    }),
    ("import the same key twice", import_twice),
    (
        "import a key again that has a CKA_ID of choice",
        import_again,
    ),
    ("export where it is allowed", export_allowed),
    ("export ML-DSA-65 where it is allowed", export_ml_dsa),
    ("export where it is not allowed", export_forbidden),
];

/// A token that shows keys of that type.
fn showing(place: &Place, key_type: KeyType) -> SharedToken {
    place.viewed(&View {
        types: vec![key_kind(key_type)],
        ..View::default()
    })
}

fn generate(place: &Place, key_type: KeyType) -> Outcome {
    let token = showing(place, key_type);
    let wanted = place.wanted("made", key_type);
    let key = token.generate(&wanted)?;
    holds(&*token, &key, &wanted)
}

fn import(place: &Place, key_type: KeyType) -> Outcome {
    let token = showing(place, key_type);
    let wanted = place.wanted("taken in", key_type);
    let private = PrivateKey::generate(key_type).expect("a usual type");
    let key = token.import(&private, &wanted)?;
    demand(key.public == *private.public(), "it is another key")?;
    holds(&*token, &key, &wanted)
}

/// The key is as it was wanted, is found as it was given back, and signs.
fn holds(token: &dyn Token, key: &Key, wanted: &NewKey) -> Outcome {
    same("its name", &key.name, &wanted.name)?;
    same("its type", key.public.key_type(), wanted.key_type)?;
    same("its state", key.state_now(), State::Active)?;
    same("why it cannot sign", key.unusable(), None)?;
    same("its CKA_ID", &key.key_id, &key.public.key_id())?;
    same("its label", key.label(), wanted.name.clone())?;
    for group in &wanted.groups {
        demand(key.groups.contains(group), "it is not in its group")?;
    }
    let found = token.find()?;
    let listed = named(&found, &wanted.name)?;
    same("its identifier", &listed.id, &key.id)?;
    demand(listed.public == key.public, "the listing shows another key")?;
    same("keys in all", found.keys.len(), 1)?;
    signs_every_way(token, listed)
}

/// One of the two is shown: programs would sign with the wrong one. Or the second is refused.
fn import_twice(place: &Place) -> Outcome {
    let token = place.token();
    let p256 = KeyType::Ec(Curve::P256);
    let private = PrivateKey::generate(p256).expect("a usual type");
    token.import(&private, &place.wanted("first", p256))?;
    if let Err(error) = token.import(&private, &place.wanted("second", p256)) {
        let error = refused::<()>("the second", Err(error))?;
        same("the kind", error.kind, TokenErrorKind::BadInput)?;
    }
    same("keys shown", shown(&*token)?.len(), 1)
}

/// A key is one key, whatever it is called: programs that search page by page see it once as well.
fn import_again(place: &Place) -> Outcome {
    let token = place.token();
    let p256 = KeyType::Ec(Curve::P256);
    let private = PrivateKey::generate(p256).expect("a usual type");
    let first = token.import(&private, &place.wanted("first", p256))?;
    token.present(&first, &Wish::Id(Some(b"another".to_vec())))?;
    if let Err(error) = token.import(&private, &place.wanted("second", p256)) {
        let error = refused::<()>("the second", Err(error))?;
        same("the kind", error.kind, TokenErrorKind::BadInput)?;
    }
    same("keys shown", shown(&*token)?.len(), 1)?;
    let Some(catalog) = Arc::clone(&token).catalog() else {
        return Ok(());
    };
    let page = catalog.page(&Wanted::default(), 0, 10)?;
    same("keys in the catalog", page.keys.len(), 1)
}

fn export_allowed(place: &Place) -> Outcome {
    let token = place.token();
    let wanted = NewKey {
        extractable: true,
        ..place.wanted("free", KeyType::Ec(Curve::P256))
    };
    let key = made(&*token, &wanted)?;
    let private = token.export(&key)?;
    demand(*private.public() == key.public, "another key came out")
}

/// With its seed, without which no other place would take it in.
fn export_ml_dsa(place: &Place) -> Outcome {
    let key_type = KeyType::MlDsa(ParameterSet::MlDsa65);
    let token = showing(place, key_type);
    let wanted = NewKey {
        extractable: true,
        ..place.wanted("free", key_type)
    };
    let key = made(&*token, &wanted)?;
    let private = token.export(&key)?;
    demand(*private.public() == key.public, "another key came out")?;
    demand(private.to_pkcs8().is_ok(), "it came out without its seed")
}

fn export_forbidden(place: &Place) -> Outcome {
    let token = place.token();
    let key = made(&*token, &place.wanted("bound", KeyType::Ec(Curve::P256)))?;
    let error = refused("the export", token.export(&key).map(|_| ()))?;
    let kinds = [TokenErrorKind::Denied, TokenErrorKind::Impossible];
    demand(kinds.contains(&error.kind), format!("{error:?}"))
}
