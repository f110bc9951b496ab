//! What the fake server does for each operation: what the specification says, for the few that are needed.

use kmip_p11::kmip::ttlv::{Item, Writer};
use kmip_p11::kmip::{
    CertificateType, NameType, ObjectType, Operation, ResultReason, Tag, Version,
};

use super::fault::{Fault, Refused};
use super::locating;
use super::making;
use super::message::write_version;
use super::signing;
use super::state::State;
use super::vault::Stored;

/// What writes the payload of an answer.
pub type Body = Box<dyn FnOnce(&mut Writer)>;

/// Carries out one batch item.
pub fn answer(
    state: &State,
    version: Version,
    operation: Operation,
    payload: Item<'_>,
    fault: Option<&Fault>,
) -> Result<Body, Refused> {
    match operation {
        Operation::DISCOVER_VERSIONS => {
            let versions = state.versions().clone();
            Ok(Box::new(move |writer| {
                versions.iter().for_each(|v| write_version(writer, *v))
            }))
        }
        Operation::QUERY => Ok(Box::new(query)),
        Operation::LOCATE => Ok(locating::locate(state, payload)),
        Operation::CREATE_KEY_PAIR => Ok(making::create_key_pair(state, payload)),
        Operation::REKEY_KEY_PAIR => making::rekey_key_pair(state, payload),
        Operation::REGISTER => making::register(state, payload),
        _ => about_an_object(state, version, operation, payload, fault),
    }
}

fn about_an_object(
    state: &State,
    version: Version,
    operation: Operation,
    payload: Item<'_>,
    fault: Option<&Fault>,
) -> Result<Body, Refused> {
    let id = payload.find(Tag::UNIQUE_IDENTIFIER).and_then(Item::text);
    let id = id.unwrap_or_default();
    if let Some(Fault::RefusedObject(refused, why)) = fault
        && refused == id
    {
        return Err(why.clone());
    }
    let found = state.vault().get(id).cloned();
    let found = found.ok_or_else(|| Refused::new(ResultReason::ITEM_NOT_FOUND, "no such object"));
    match operation {
        Operation::GET_ATTRIBUTES => {
            let object = found?;
            let wanted = wanted(payload);
            Ok(Box::new(move |writer| {
                attributes(writer, version, &object, &wanted)
            }))
        }
        Operation::GET => {
            let object = found?;
            Ok(Box::new(move |writer| value(writer, &object)))
        }
        Operation::SIGN => {
            let object = found?;
            let signature = signing::signature(state, &object, payload, fault)?;
            Ok(Box::new(move |writer| {
                writer.text(Tag::UNIQUE_IDENTIFIER, &object.id);
                writer.bytes(Tag::SIGNATURE_DATA, &signature);
            }))
        }
        Operation::ACTIVATE
        | Operation::REVOKE
        | Operation::DESTROY
        | Operation::MODIFY_ATTRIBUTE
        | Operation::DELETE_ATTRIBUTE
        | Operation::ADD_ATTRIBUTE => {
            let id = found?.id;
            making::change(state, operation, &id, payload)
        }
        _ => Err(Refused::new(
            ResultReason::OPERATION_NOT_SUPPORTED,
            "not here",
        )),
    }
}

fn query(writer: &mut Writer) {
    for operation in [
        Operation::LOCATE,
        Operation::GET,
        Operation::GET_ATTRIBUTES,
        Operation::SIGN,
        Operation::CREATE_KEY_PAIR,
    ] {
        writer.enumeration(Tag::OPERATION, operation);
    }
    writer.text(Tag::VENDOR_IDENTIFICATION, "a fake KMIP server");
}

/// The attributes that a request names; all if none.
fn wanted(payload: Item<'_>) -> Vec<Tag> {
    let names = payload.find_all(Tag::ATTRIBUTE_NAME).filter_map(Item::text);
    let old = names.filter_map(Tag::from_name);
    let references = payload.find_all(Tag::ATTRIBUTE_REFERENCE);
    let new = references.filter_map(Item::enumeration).map(Tag);
    old.chain(new).collect()
}

fn attributes(writer: &mut Writer, version: Version, object: &Stored, wanted: &[Tag]) {
    writer.text(Tag::UNIQUE_IDENTIFIER, &object.id);
    match version.has_attributes_structure() {
        true => writer.structure(Tag::ATTRIBUTES, |writer| {
            members(writer, true, object, wanted);
        }),
        false => members(writer, false, object, wanted),
    }
}

fn members(writer: &mut Writer, bare: bool, object: &Stored, wanted: &[Tag]) {
    type Write<'a> = &'a dyn Fn(&mut Writer, Tag);
    let mut member = |tag: Tag, write: Write<'_>| match bare {
        _ if !(wanted.is_empty() || wanted.contains(&tag)) => {}
        true => write(writer, tag),
        false => writer.structure(Tag::ATTRIBUTE, |writer| {
            writer.text(Tag::ATTRIBUTE_NAME, &tag.to_string());
            write(writer, Tag::ATTRIBUTE_VALUE);
        }),
    };
    for name in &object.names {
        member(Tag::NAME, &|writer, tag| {
            writer.structure(tag, |writer| {
                writer.text(Tag::NAME_VALUE, name);
                writer.enumeration(Tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING);
            });
        });
    }
    for group in &object.groups {
        member(Tag::OBJECT_GROUP, &|writer, tag| writer.text(tag, group));
    }
    for (kind, other) in &object.links {
        member(Tag::LINK, &|writer, tag| {
            writer.structure(tag, |writer| {
                writer.enumeration(Tag::LINK_TYPE, *kind);
                writer.text(Tag::LINKED_OBJECT_IDENTIFIER, other);
            });
        });
    }
    for (namespace, data) in &object.said {
        member(Tag::APPLICATION_SPECIFIC_INFORMATION, &|writer, tag| {
            writer.structure(tag, |writer| {
                writer.text(Tag::APPLICATION_NAMESPACE, namespace);
                writer.text(Tag::APPLICATION_DATA, data);
            });
        });
    }
    if let Some(extractable) = object.extractable {
        member(Tag::EXTRACTABLE, &|w, tag| w.boolean(tag, extractable));
    }
    for (date, seconds) in &object.dates {
        member(*date, &|w, tag| w.date_time(tag, *seconds));
    }
    member(Tag::OBJECT_TYPE, &|w, tag| {
        w.enumeration(tag, object.object_type)
    });
    member(Tag::CRYPTOGRAPHIC_ALGORITHM, &|w, tag| {
        w.enumeration(tag, object.algorithm)
    });
    member(Tag::CRYPTOGRAPHIC_LENGTH, &|w, tag| {
        w.integer(tag, object.length)
    });
    member(Tag::CRYPTOGRAPHIC_USAGE_MASK, &|w, tag| {
        w.integer(tag, object.usage.0.cast_signed())
    });
    member(Tag::STATE, &|w, tag| w.enumeration(tag, object.state));
    member(Tag::INITIAL_DATE, &|w, tag| {
        w.date_time(tag, object.created)
    });
}

fn value(writer: &mut Writer, object: &Stored) {
    writer.enumeration(Tag::OBJECT_TYPE, object.object_type);
    writer.text(Tag::UNIQUE_IDENTIFIER, &object.id);
    match object.object_type {
        ObjectType::PRIVATE_KEY => key_value(writer, Tag::PRIVATE_KEY, object),
        ObjectType::CERTIFICATE => writer.structure(Tag::CERTIFICATE, |writer| {
            writer.enumeration(Tag::CERTIFICATE_TYPE, CertificateType::X_509);
            writer.bytes(Tag::CERTIFICATE_VALUE, &object.value);
        }),
        _ => key_value(writer, Tag::PUBLIC_KEY, object),
    }
}

fn key_value(writer: &mut Writer, holder: Tag, object: &Stored) {
    writer.structure(holder, |writer| {
        writer.structure(Tag::KEY_BLOCK, |writer| {
            writer.enumeration(Tag::KEY_FORMAT_TYPE, object.format);
            writer.structure(Tag::KEY_VALUE, |writer| {
                writer.bytes(Tag::KEY_MATERIAL, &object.value);
            });
            writer.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, object.algorithm);
            writer.integer(Tag::CRYPTOGRAPHIC_LENGTH, object.length);
        });
    });
}
