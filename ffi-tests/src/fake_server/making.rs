//! What the fake server keeps of objects that are made, changed and destroyed: names, links, marks, states.

use std::sync::Arc;

use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::kmip::ttlv::{Item, Writer};
use kmip_p11::kmip::{
    CryptographicAlgorithm, LinkType, ObjectType, Operation, ResultReason, RevocationReasonCode,
    State as Life, Tag,
};
use kmip_p11::model::ml_dsa::ParameterSet;
use kmip_p11::model::public_key::{Curve, KeyType};

use super::answer::Body;
use super::fault::Refused;
use super::locating::values;
use super::state::State;
use super::vault::{self, Stored};

/// A pair of the type that was asked for; P-256 if that cannot be told.
pub fn create_key_pair(state: &State, payload: Item<'_>) -> Body {
    let key_type = wanted_type(payload).unwrap_or(KeyType::Ec(Curve::P256));
    let pair = PrivateKey::generate(key_type).expect("a type of key that can be made");
    let mut vault = state.vault();
    let number = vault.keep("created", Arc::new(pair));
    let ids = [ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY].map(|kind| vault::id(kind, number));
    let templates = [
        [
            Tag::PRIVATE_KEY_ATTRIBUTES,
            Tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE,
        ],
        [
            Tag::PUBLIC_KEY_ATTRIBUTES,
            Tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE,
        ],
    ];
    for (id, tags) in ids.iter().zip(templates) {
        let template = tags.iter().find_map(|tag| payload.find(*tag));
        let object = vault.at(id);
        object.state = Life::PRE_ACTIVE;
        template.into_iter().for_each(|it| take(object, it));
    }
    vault.forget();
    Box::new(move |writer| {
        let [private, public] = ids;
        writer.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private);
        writer.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER, &public);
    })
}

/// A pair of the same type, pre-active, which takes over names and groups; the two are linked, and the old one has no names any more
/// (KMIP 2.1, 6.1.42).
pub fn rekey_key_pair(state: &State, payload: Item<'_>) -> Result<Body, Refused> {
    let id = payload.find(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER);
    let id = id.and_then(Item::text).unwrap_or_default();
    let mut vault = state.vault();
    let old = vault.get(id).cloned();
    let old = old.ok_or_else(|| Refused::new(ResultReason::ITEM_NOT_FOUND, "no such object"))?;
    let signer = old.signer.as_ref().expect("a private key");
    let pair = PrivateKey::generate(signer.public().key_type()).expect("a key like that");
    let number = vault.keep("rekeyed", Arc::new(pair));
    let ids = [ObjectType::PRIVATE_KEY, ObjectType::PUBLIC_KEY].map(|kind| vault::id(kind, number));
    let public = old
        .links
        .iter()
        .find(|(kind, _)| *kind == LinkType::PUBLIC_KEY_LINK);
    let public = public.map(|(_, id)| id.clone()).expect("a half");
    for (old, new) in [old.id.clone(), public].iter().zip(&ids) {
        let replaced = vault.at(old);
        let (names, groups) = (std::mem::take(&mut replaced.names), replaced.groups.clone());
        replaced
            .links
            .push((LinkType::REPLACEMENT_OBJECT_LINK, new.clone()));
        let made = vault.at(new);
        (made.names, made.groups, made.state) = (names, groups, Life::PRE_ACTIVE);
        made.links
            .push((LinkType::REPLACED_OBJECT_LINK, old.clone()));
    }
    Ok(Box::new(move |writer| {
        let [private, public] = ids;
        writer.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, &private);
        writer.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER, &public);
    }))
}

fn wanted_type(payload: Item<'_>) -> Option<KeyType> {
    let tags = [Tag::COMMON_ATTRIBUTES, Tag::COMMON_TEMPLATE_ATTRIBUTE];
    let common = tags.iter().find_map(|tag| payload.find(*tag))?;
    let of = |tag| values(common, tag).into_iter().next();
    let algorithm = of(Tag::CRYPTOGRAPHIC_ALGORITHM)?.enumeration()?;
    let length = of(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Item::integer);
    match CryptographicAlgorithm(algorithm) {
        CryptographicAlgorithm::RSA => Some(KeyType::Rsa(usize::try_from(length?).ok()?)),
        CryptographicAlgorithm::ED25519 => Some(KeyType::Ed25519),
        CryptographicAlgorithm::MLDSA_44 => Some(KeyType::MlDsa(ParameterSet::MlDsa44)),
        CryptographicAlgorithm::MLDSA_65 => Some(KeyType::MlDsa(ParameterSet::MlDsa65)),
        CryptographicAlgorithm::MLDSA_87 => Some(KeyType::MlDsa(ParameterSet::MlDsa87)),
        _ => match length? {
            384 => Some(KeyType::Ec(Curve::P384)),
            521 => Some(KeyType::Ec(Curve::P521)),
            _ => None,
        },
    }
}

/// Keeps a certificate or a key of a pair; who registers a private key registers its public half next.
pub fn register(state: &State, payload: Item<'_>) -> Result<Body, Refused> {
    let refused = |why: &str| Refused::new(ResultReason::INVALID_FIELD, why);
    let mut vault = state.vault();
    let template = [Tag::ATTRIBUTES, Tag::TEMPLATE_ATTRIBUTE];
    let template = template.iter().find_map(|tag| payload.find(*tag));
    let value = |holder| {
        let block = payload.find(holder)?.find(Tag::KEY_BLOCK)?;
        block.find(Tag::KEY_VALUE)?.find(Tag::KEY_MATERIAL)?.bytes()
    };
    let id = match (value(Tag::PRIVATE_KEY), value(Tag::PUBLIC_KEY)) {
        (Some(pkcs8), _) => {
            let key = PrivateKey::from_pkcs8(pkcs8).map_err(|_| refused("no PKCS#8"))?;
            let number = vault.keep("registered", Arc::new(key));
            // Its half comes by itself.
            vault.objects.pop();
            vault::id(ObjectType::PRIVATE_KEY, number)
        }
        (None, Some(spki)) => {
            let number = vault.keep_public(spki);
            vault::id(ObjectType::PUBLIC_KEY, number)
        }
        _ => {
            let certificate = payload.find(Tag::CERTIFICATE);
            let der = certificate.and_then(|it| it.find(Tag::CERTIFICATE_VALUE)?.bytes());
            let der = der.ok_or_else(|| refused("no key and no certificate"))?;
            vault::id(ObjectType::CERTIFICATE, vault.keep_certificate(der))
        }
    };
    let object = vault.at(&id);
    object.state = Life::PRE_ACTIVE;
    object.links.clear();
    template.into_iter().for_each(|it| take(object, it));
    vault.forget();
    Ok(answer_with(id))
}

/// Changes the object with that identifier, which is there.
pub fn change(
    state: &State,
    operation: Operation,
    id: &str,
    payload: Item<'_>,
) -> Result<Body, Refused> {
    let mut vault = state.vault();
    let life = vault.at(id).state;
    let wrong = |why: &str| Err(Refused::new(ResultReason::WRONG_KEY_LIFECYCLE_STATE, why));
    match (operation, life) {
        (Operation::ACTIVATE, Life::PRE_ACTIVE) => vault.at(id).state = Life::ACTIVE,
        (Operation::ACTIVATE, _) => return wrong("it is not pre-active"),
        (Operation::REVOKE, Life::DEACTIVATED) => return wrong("it is revoked"),
        (Operation::REVOKE, _) => vault.at(id).state = revoked(payload),
        (Operation::DESTROY, Life::ACTIVE) => return wrong("it is active"),
        (Operation::DESTROY, _) => vault.objects.retain(|object| object.id != id),
        (Operation::MODIFY_ATTRIBUTE, _) => modify(vault.at(id), payload)?,
        (Operation::DELETE_ATTRIBUTE, _) => delete(vault.at(id), payload)?,
        _ => take(
            vault.at(id),
            payload.find(Tag::NEW_ATTRIBUTE).unwrap_or(payload),
        ),
    }
    Ok(answer_with(id.to_owned()))
}

/// What a revocation makes of an object.
fn revoked(payload: Item<'_>) -> Life {
    let reason = payload.find(Tag::REVOCATION_REASON);
    let code = reason.and_then(|it| it.find(Tag::REVOCATION_REASON_CODE)?.enumeration());
    match code.map(RevocationReasonCode) {
        Some(RevocationReasonCode::KEY_COMPROMISE) => Life::COMPROMISED,
        _ => Life::DEACTIVATED,
    }
}

/// Names, and Application Specific Information in the place of what it says is there now.
fn modify(object: &mut Stored, payload: Item<'_>) -> Result<(), Refused> {
    let new = payload.find(Tag::NEW_ATTRIBUTE).unwrap_or(payload);
    let (names, said) = (names(new), said(new));
    match (names.is_empty(), said.first()) {
        (false, _) => object.names = names,
        (true, Some(one)) => *said_at(object, payload)? = one.clone(),
        (true, None) => return Err(not_kept()),
    }
    Ok(())
}

fn delete(object: &mut Stored, payload: Item<'_>) -> Result<(), Refused> {
    let old = said_at(object, payload)?.clone();
    object.said.retain(|it| *it != old);
    Ok(())
}

/// The Application Specific Information that a request is about: by its value, or by its index.
fn said_at<'a>(
    object: &'a mut Stored,
    payload: Item<'_>,
) -> Result<&'a mut (String, String), Refused> {
    let current = payload.find(Tag::CURRENT_ATTRIBUTE).map(said);
    let current = current.and_then(|said| said.into_iter().next());
    let name = payload.find(Tag::ATTRIBUTE).unwrap_or(payload);
    let index = name.find(Tag::ATTRIBUTE_INDEX).and_then(Item::integer);
    let place = match current {
        Some(current) => object.said.iter().position(|it| *it == current),
        None => usize::try_from(index.unwrap_or(0)).ok(),
    };
    place
        .and_then(|place| object.said.get_mut(place))
        .ok_or_else(not_kept)
}

fn not_kept() -> Refused {
    let what = "no name, and no Application Specific Information that is there";
    Refused::new(ResultReason::INVALID_FIELD, what)
}

fn answer_with(id: String) -> Body {
    Box::new(move |writer: &mut Writer| writer.text(Tag::UNIQUE_IDENTIFIER, &id))
}

fn names(holder: Item<'_>) -> Vec<String> {
    let name = |name: Item<'_>| {
        name.find(Tag::NAME_VALUE)
            .and_then(Item::text)
            .map(str::to_owned)
    };
    values(holder, Tag::NAME)
        .into_iter()
        .filter_map(name)
        .collect()
}

/// What it keeps of the attributes of a template.
fn take(object: &mut Stored, template: Item<'_>) {
    let text = |item: Item<'_>| item.text().map(str::to_owned);
    let names = names(template);
    if !names.is_empty() {
        object.names = names;
    }
    let groups = values(template, Tag::OBJECT_GROUP);
    object.groups.extend(groups.into_iter().filter_map(text));
    object.said.extend(said(template));
    let links = values(template, Tag::LINK);
    object.links.extend(links.into_iter().filter_map(|it| {
        let kind = it.find(Tag::LINK_TYPE)?.enumeration()?;
        let other = it.find(Tag::LINKED_OBJECT_IDENTIFIER).and_then(text)?;
        Some((LinkType(kind), other))
    }));
}

/// The Application Specific Information among the attributes of a template.
fn said(template: Item<'_>) -> Vec<(String, String)> {
    let text = |item: Item<'_>| item.text().map(str::to_owned);
    let said = values(template, Tag::APPLICATION_SPECIFIC_INFORMATION);
    let said = said.into_iter().filter_map(|it| {
        let namespace = it.find(Tag::APPLICATION_NAMESPACE).and_then(text)?;
        Some((namespace, it.find(Tag::APPLICATION_DATA).and_then(text)?))
    });
    said.collect()
}
