//! What a token shows: in which order, of how many keys, through the slot's filter, and to whom else.

use ffi_tests::place::{Place, View, ended, made};
use kmip_p11::config::KeyKind;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::error::TokenErrorKind;
use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};
use kmip_p11::token::NewKey;

use super::signing::signs;
use super::{Check, named, shown};
use crate::outcome::{Outcome, demand, refused, same};

pub const CHECKS: &[Check] = &[
    ("find, nothing there", nothing),
    ("find, by the order of names", order),
    ("find, the same again", again),
    ("find, a hundred keys", hundred),
    ("keys.names, and the hidden told", by_name),
    ("keys.types", by_type),
    ("keys.types, ML-DSA where it is named", ml_dsa),
    ("keys.groups", by_group),
    ("a key in two groups", in_two_groups),
    ("another token sees what this one changes", another),
    ("info", info),
    ("probe", probe),
    ("describe", describe),
];

const P256: KeyType = KeyType::Ec(Curve::P256);

fn nothing(place: &Place) -> Outcome {
    let found = place.token().find()?;
    same("keys", found.keys.len(), 0)?;
    same("hidden", found.hidden.len(), 0)?;
    same("warnings", found.warnings, vec![])
}

fn order(place: &Place) -> Outcome {
    let token = place.token();
    for name in ["c", "a", "b"] {
        made(&*token, &place.wanted(name, P256))?;
    }
    same(
        "the order",
        shown(&*token)?,
        ["a", "b", "c"].map(|it| place.name(it)).to_vec(),
    )
}

/// The listing is the same, and so is that of a token that was opened later.
fn again(place: &Place) -> Outcome {
    let token = place.token();
    for name in ["one", "two"] {
        made(&*token, &place.wanted(name, P256))?;
    }
    let (first, second) = (token.find()?, token.find()?);
    demand(first == second, "two listings differ")?;
    demand(
        place.token().find()? == first,
        "another token's listing differs",
    )
}

fn hundred(place: &Place) -> Outcome {
    let token = place.token();
    let mut names = vec![];
    for number in 0..100 {
        let wanted = place.wanted(&format!("key-{number:03}"), P256);
        let private = PrivateKey::generate(P256).expect("a usual type");
        token.import(&private, &wanted)?;
        names.push(wanted.name);
    }
    same("the names", shown(&*token)?, names)?;
    let found = token.find()?;
    for name in ["key-000", "key-099"] {
        let key = named(&found, &place.name(name))?;
        let scheme = SignScheme::Ecdsa(Hash::Sha256);
        signs(&*token, key, scheme, SignInput::Message(b"m"))?;
    }
    Ok(())
}

fn by_name(place: &Place) -> Outcome {
    let token = place.token();
    for name in ["web-1", "web-2", "mail"] {
        made(&*token, &place.wanted(name, P256))?;
    }
    let names = |patterns: &[&str]| {
        let view = View {
            names: patterns.iter().map(|it| place.name(it)).collect(),
            ..View::default()
        };
        place.viewed(&view)
    };
    let web = ["web-1", "web-2"].map(|it| place.name(it)).to_vec();
    same("by a pattern", shown(&*names(&["web-*"]))?, web)?;
    let mail = vec![place.name("mail")];
    same("by the name", shown(&*names(&["mail"]))?, mail)?;
    same(
        "by one that is not there",
        shown(&*names(&["mai"]))?,
        vec![],
    )?;
    let survey = names(&["web-?"]).survey()?;
    let mut hidden = survey.hidden.iter().map(|it| it.reason.as_str());
    demand(
        hidden.any(|reason| reason.contains("keys.names")),
        "nobody is told why it is hidden",
    )
}

fn by_type(place: &Place) -> Outcome {
    let token = place.token();
    made(&*token, &place.wanted("ec", P256))?;
    made(&*token, &place.wanted("rsa", KeyType::Rsa(2048)))?;
    for (kind, name) in [(KeyKind::Rsa, "rsa"), (KeyKind::EcdsaP256, "ec")] {
        let view = View {
            types: vec![kind],
            ..View::default()
        };
        same(
            "the keys",
            shown(&*place.viewed(&view))?,
            vec![place.name(name)],
        )?;
    }
    Ok(())
}

/// OpenSSH complains of such keys: whoever names no types does not see them, and is told why.
fn ml_dsa(place: &Place) -> Outcome {
    let types = vec![KeyKind::EcdsaP256, KeyKind::MlDsa65];
    let named = place.viewed(&View {
        types,
        ..View::default()
    });
    made(&*named, &place.wanted("ec", P256))?;
    let key_type = KeyType::MlDsa(ParameterSet::MlDsa65);
    made(&*named, &place.wanted("ml-dsa", key_type))?;
    let both = ["ec", "ml-dsa"].map(|it| place.name(it)).to_vec();
    same("the keys", shown(&*named)?, both)?;
    let token = place.token();
    same("by default", shown(&*token)?, vec![place.name("ec")])?;
    let survey = token.survey()?;
    let mut reasons = survey.hidden.iter().map(|it| it.reason.as_str());
    demand(
        reasons.any(|reason| reason == "keys.types does not show ML-DSA-65 keys"),
        "nobody is told why it is hidden",
    )
}

/// The keys of a place with one in each of these lists of groups, by a view of a group.
fn grouped(place: &Place, of: &[(&str, &[&str])], group: &str) -> Outcome<Vec<String>> {
    let token = place.token();
    for (name, groups) in of {
        let mut wanted = place.wanted(name, P256);
        wanted.groups = groups.iter().map(|group| place.name(group)).collect();
        let key = made(&*token, &wanted)?;
        let in_all = wanted.groups.iter().all(|it| key.groups.contains(it));
        demand(in_all, "it is not in its groups")?;
    }
    let view = View {
        groups: vec![place.name(group)],
        ..View::default()
    };
    shown(&*place.viewed(&view))
}

fn by_group(place: &Place) -> Outcome {
    let of: [(&str, &[&str]); 3] = [("a", &["red"]), ("b", &["blue"]), ("c", &["red"])];
    let found = grouped(place, &of, "red")?;
    same(
        "the keys",
        found,
        ["a", "c"].map(|it| place.name(it)).to_vec(),
    )
}

fn in_two_groups(place: &Place) -> Outcome {
    let of: [(&str, &[&str]); 2] = [("a", &["red", "blue"]), ("b", &["red"])];
    let found = grouped(place, &of, "blue")?;
    same("the keys", found, vec![place.name("a")])
}

/// Made, renamed and destroyed by one, seen so by the other.
fn another(place: &Place) -> Outcome {
    let (one, other) = (place.token(), place.token());
    same("before", shown(&*other)?, vec![])?;
    let key = made(&*one, &place.wanted("old", P256))?;
    let seen = other.find()?;
    let seen = named(&seen, &key.name)?;
    let scheme = SignScheme::Ecdsa(Hash::Sha256);
    signs(&*other, seen, scheme, SignInput::Message(b"m"))?;
    let new = place.name("new");
    other.rename(seen, &new)?;
    same("renamed", shown(&*one)?, vec![new])?;
    let key = one.find()?.keys.remove(0);
    ended(&*one, &key)?;
    same("destroyed", shown(&*other)?, vec![])?;
    let late = refused(
        "a late signature",
        other.sign(&key, scheme, SignInput::Message(b"m")),
    )?;
    same("the kind", late.kind, TokenErrorKind::Gone)
}

fn info(place: &Place) -> Outcome {
    let [info, again] = [place.token(), place.token()].map(|token| {
        // Some know more once they have been looked for.
        let is_there = token.is_present();
        (is_there, token.info())
    });
    demand(
        info == again,
        "two tokens of one place tell different things",
    )?;
    let (is_there, info) = info;
    demand(is_there, "it is not there")?;
    same("the label", info.label.as_str(), ffi_tests::scene::LABEL)?;
    demand(info.manufacturer.len() <= 32, "a long manufacturer")?;
    let short = |text: &str| (1..=16).contains(&text.len()) && text.is_ascii();
    demand(short(info.model), "a model that does not fit")?;
    demand(short(&info.serial), "a serial that does not fit")?;
    demand(!place.token().mechanisms().is_empty(), "no mechanism")
}

fn probe(place: &Place) -> Outcome {
    let probe = place.token().probe()?;
    demand(!probe.facts.is_empty(), "it tells nothing")
}

/// Whatever is told is told of the key, and in one line each.
fn describe(place: &Place) -> Outcome {
    let token = place.token();
    let wanted = NewKey {
        activate: true,
        ..place.wanted("told", P256)
    };
    let key = made(&*token, &wanted)?;
    let told = token.describe(&key)?;
    let plain = told.iter().all(|it| !it.name.is_empty());
    demand(plain, "something without a name is told")
}
