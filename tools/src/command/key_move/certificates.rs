//! The X.509 certificates of a key on its way: kept at the other slot and seen there, before the key ends where
//! it was.

use kmip_p11::model::certificate::Certificate;
use kmip_p11::model::key::{Found, Key};

use super::checks::Way;
use super::noting;
use crate::failure::{Failure, one_line};
use crate::selection;

/// Those that are brought along.
pub fn wanted<'a>(way: &'a Way<'_>) -> &'a [Certificate] {
    match way.source.key() {
        Some(key) if !way.without_certificates => &key.certificates,
        _ => &[],
    }
}

/// Has each of them kept at the other slot. What that refuses ends a move, and a copy goes on without it: told
/// in words.
pub fn keep(way: &Way<'_>, key: &Key) -> Result<Vec<String>, Failure> {
    let mut refused = vec![];
    for certificate in wanted(way) {
        match way.target.token().certify(key, certificate.der()) {
            Ok(_) => {}
            Err(error) if way.is_move => return Err(in_both(error.into(), way, key)),
            Err(error) => refused.push(format!(
                "{}: {}",
                named(certificate),
                one_line(&error.to_string())
            )),
        }
    }
    Ok(refused)
}

/// That all of them are there, as a listing of the other slot shows the key.
pub fn are_seen(way: &Way<'_>, found: &Found, key: &Key) -> Result<(), Failure> {
    let all = selection::all(found).into_iter();
    let there = all.map(|it| it.key).find(|it| it.id == key.id);
    let there = there.map_or(&[][..], |it| &it.certificates);
    let is_there = |it: &&Certificate| there.iter().any(|other| other.der() == it.der());
    match wanted(way).iter().find(|it| !is_there(it)) {
        None => Ok(()),
        Some(missing) => {
            let (slot, what) = (&way.target.label, named(missing));
            let failure = Failure::Refused(format!(
                "slot {slot:?} took {what}, and does not show it with the key"
            ));
            Err(in_both(failure, way, key))
        }
    }
}

/// What would be done with one of them.
pub fn plan(way: &Way<'_>, certificate: &Certificate) -> String {
    let (slot, noun) = (&way.target.label, way.target.noun);
    let what = named(certificate);
    let twin = way.twin.as_ref().map(|twin| &twin.certificates);
    let is_there = |all: &Vec<Certificate>| all.iter().any(|it| it.der() == certificate.der());
    match twin.is_some_and(is_there) {
        true => format!("{what} is in slot {slot:?} already"),
        false => format!(
            "{what} to slot {slot:?}; whether that {noun} takes it is known when it is asked to"
        ),
    }
}

fn named(certificate: &Certificate) -> String {
    let subject = certificate.statement().map(|told| told.subject);
    format!(
        "its X.509 certificate {} ({})",
        certificate.id,
        subject.unwrap_or_default()
    )
}

fn in_both(failure: Failure, way: &Way<'_>, key: &Key) -> Failure {
    let slot = &way.target.label;
    noting(
        failure,
        &format!(
            "the key is in slot {slot:?} (id {}), and with its certificates where it was: run this again, \
             or with --without-certificates to leave them behind",
            key.id
        ),
    )
}
