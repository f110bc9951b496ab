//! `key copy`, `key move`: a key is brought to a slot, has to sign there, and only then ends where it
//! was. Whenever it is interrupted, the key is in one of the two, and the same command goes on.

mod arguments;
mod certificates;
mod checks;
mod record;
mod source;
#[cfg(test)]
mod tests;

use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::model::key::{Key, State};
use kmip_p11::token::{NewKey, Wish, check_signature};

pub use self::arguments::{CopyArguments, MoveArguments};
use self::checks::{Way, twin};
use self::record::{Brought, Origin, Plan, Step};
use self::source::Source;
use super::Verdict;
use crate::failure::{Failure, one_line};
use crate::key_record::{KeyRecord, hex};
use crate::output::Output;
use crate::person::Person;
use crate::place::Place;
use crate::selection::{self, Precision};

/// `key copy`
pub fn copy(
    places: &[Place],
    copy: &CopyArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    let (home, target) = ends(places, copy)?;
    let source = Source::find(home, copy, Precision::Beginning, person)?;
    let way = way(&source, target, copy, false)?;
    if copy.dry_run {
        return tell_plan(&way, output);
    }
    let brought = bring(&way)?;
    output.show(&brought)?;
    Ok(Verdict::Good)
}

/// `key move`
pub fn move_away(
    places: &[Place],
    arguments: &MoveArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    let copy = &arguments.copy;
    if copy.from_file.is_some() && !arguments.remove_file {
        return Err(Failure::Usage(
            "a file is removed only with --remove-file; \"key copy\" leaves it where it is".into(),
        ));
    }
    let (home, target) = ends(places, copy)?;
    let source = Source::find(home, copy, Precision::Whole, person);
    let source = source.map_err(|failure| perhaps_moved(failure, target, copy))?;
    let way = way(&source, target, copy, true)?;
    if copy.dry_run {
        return tell_plan(&way, output);
    }
    if !arguments.yes {
        confirmed(&way, person)?;
    }
    let mut brought = bring(&way)?;
    source
        .remove()
        .map_err(|failure| half_moved(failure, &brought))?;
    brought.from = Origin::of(&source, true);
    output.show(&brought)?;
    Ok(Verdict::Good)
}

/// Where the key is, if that is a slot, and where it is brought to.
fn ends<'a>(
    places: &'a [Place],
    copy: &CopyArguments,
) -> Result<(Option<&'a Place>, &'a Place), Failure> {
    let is_target = |place: &&Place| place.label == copy.to;
    let target = places.iter().find(is_target);
    let home = places.iter().find(|place| !is_target(place));
    let missing = || Failure::Usage(format!("there is no slot {:?}", copy.to));
    Ok((home, target.ok_or_else(missing)?))
}

fn way<'a>(
    source: &'a Source<'a>,
    target: &'a Place,
    copy: &CopyArguments,
    is_move: bool,
) -> Result<Way<'a>, Failure> {
    let name = match &copy.name {
        Some(name) => name.0.clone(),
        None => source.name()?,
    };
    let groups = match (copy.groups.as_slice(), source.key()) {
        ([], Some(key)) => key.groups.clone(),
        (groups, _) => groups.to_vec(),
    };
    let wanted = NewKey {
        groups,
        activate: !source.waits(),
        extractable: copy.extractable,
        ..NewKey::new(name, source.public().key_type())
    };
    let twin = twin(target, source)?;
    Ok(Way {
        source,
        target,
        wanted,
        groups_are_asked_for: !copy.groups.is_empty(),
        twin,
        is_move,
        without_certificates: copy.without_certificates,
    })
}

/// Everything but the end of the key where it was.
fn bring(way: &Way<'_>) -> Result<Brought, Failure> {
    for check in way.checks() {
        check.answer?;
    }
    let Way {
        source,
        target,
        twin,
        ..
    } = way;
    let key = match twin {
        Some(twin) => taken_up(way, twin)?,
        None => written(way)?,
    };
    let has_signed = key.state == State::Active;
    if has_signed {
        let signed = check_signature(target.token(), &key, source.public());
        signed.map_err(|error| unproven(error.into(), target, &key))?;
    }
    let mut not_brought = adorn(way, &key);
    not_brought.extend(certificates::keep(way, &key)?);
    let found = target.find()?;
    if way.is_move {
        certificates::are_seen(way, &found, &key)?;
    }
    Ok(Brought {
        key: KeyRecord::after(&target.label, &found, &key),
        from: Origin::of(source, false),
        was_there: twin.is_some(),
        has_signed,
        not_brought,
        noun: target.noun,
    })
}

/// A key that was not there. A token that has no object groups gets it without.
fn written(way: &Way<'_>) -> Result<Key, Failure> {
    let (token, wanted) = (way.target.token(), &way.wanted);
    let private = way.source.private()?;
    match token.import(&private, wanted) {
        Err(Error::Token(error))
            if error.kind == TokenErrorKind::Impossible
                && !wanted.groups.is_empty()
                && !way.groups_are_asked_for =>
        {
            let without = NewKey {
                groups: vec![],
                ..wanted.clone()
            };
            Ok(token.import(&private, &without)?)
        }
        imported => Ok(imported?),
    }
}

/// A key that is there already, left by a command that was interrupted or by anybody else.
fn taken_up(way: &Way<'_>, twin: &Key) -> Result<Key, Failure> {
    let mut key = twin.clone();
    if key.state == State::PreActive && way.wanted.activate {
        way.target.token().activate(&key)?;
        key.state = State::Active;
    }
    Ok(key)
}

/// Gives the key what else it had; the rest, in words.
fn adorn(way: &Way<'_>, key: &Key) -> Vec<String> {
    let Some(old) = way.source.key() else {
        return vec![];
    };
    let mut lost = vec![];
    let mut wish = |wish: Wish, what: String| {
        if let Err(error) = way.target.token().present(key, &wish) {
            lost.push(format!("{what}: {}", one_line(&error.to_string())));
        }
    };
    if old.key_id != old.public.key_id() && old.key_id != key.key_id {
        let what = format!("its CKA_ID {}", hex(&old.key_id));
        wish(Wish::Id(Some(old.key_id.clone())), what);
    }
    if old.own_label.is_some() && old.own_label != key.own_label {
        let label = old.label();
        let what = format!("its CKA_LABEL {label:?}");
        wish(Wish::Label(Some(label)), what);
    }
    let groups = way.wanted.groups.iter();
    let missing = groups.filter(|group| !key.groups.contains(group));
    lost.extend(missing.map(|group| format!("its object group {group:?}")));
    lost.extend(never_brought(way, old));
    lost
}

/// What no token takes in, or nobody wants there.
fn never_brought(way: &Way<'_>, old: &Key) -> Vec<String> {
    let mut lost = vec![];
    let dates = &old.validity;
    let limits = [dates.process_start, dates.protect_stop, dates.deactivation];
    if limits.iter().any(Option::is_some) {
        lost.push("the dates that limit its use".into());
    }
    if let (number @ 1.., true) = (old.certificates.len(), way.without_certificates) {
        lost.push(format!("its {number} X.509 certificates"));
    }
    lost
}

fn confirmed(way: &Way<'_>, person: &dyn Person) -> Result<(), Failure> {
    let Way { source, target, .. } = way;
    let question = format!(
        "{source}: bring it to slot {:?}, and {} it here once it has signed there? Here it cannot be \
         brought back.",
        target.label,
        source.end()
    );
    match person.confirm(&question) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::Refused(format!("{source}: not moved"))),
        None => Err(Failure::Refused(format!(
            "{source}: there is no terminal to ask on: add --yes to move it"
        ))),
    }
}

/// What would be done. The key's value is asked for, since nothing else shows whether it may leave;
/// it is wiped at once.
fn tell_plan(way: &Way<'_>, output: &mut Output) -> Result<Verdict, Failure> {
    let Way { source, target, .. } = way;
    let mut steps: Vec<_> = way
        .checks()
        .into_iter()
        .map(|check| Step::of(check.what, check.answer))
        .collect();
    let slot = &target.label;
    if way.twin.is_none() {
        let leaves = source.private().map(|_| format!("{source}: it may leave"));
        steps.push(Step::of("read", leaves));
        let (key_type, noun) = (way.wanted.key_type, target.noun);
        let write = format!(
            "{key_type} key {:?} in slot {slot:?}; whether that {noun} takes it is known when it is asked to",
            way.wanted.name
        );
        steps.push(Step::of("write", Ok(write)));
    }
    let signature = match way.wanted.activate {
        true => format!("by slot {slot:?}, verified with the public key from here"),
        false => "none: it is pre-active".into(),
    };
    steps.push(Step::of("check signature", Ok(signature)));
    let certificates = certificates::wanted(way).iter();
    steps.extend(certificates.map(|it| Step::of("certificate", Ok(certificates::plan(way, it)))));
    let lost = source.key().map(|key| never_brought(way, key));
    let lost = lost.unwrap_or_default().into_iter();
    steps.extend(lost.map(|lost| Step::of("not brought", Ok(lost))));
    if way.is_move {
        steps.push(Step::of(source.end(), Ok(source.to_string())));
    }
    let possible = steps.iter().all(|step| step.possible);
    let problems = steps.iter().filter(|step| !step.possible).count();
    output.show(&Plan { possible, steps })?;
    Ok(Verdict::of_problems(problems))
}

impl Step {
    fn of(step: &'static str, answer: Result<String, Failure>) -> Self {
        let possible = answer.is_ok();
        let how = answer.unwrap_or_else(|failure| one_line(&failure.to_string()));
        Self {
            step,
            possible,
            how,
        }
    }
}

/// It is there, and nobody has seen it work.
fn unproven(failure: Failure, target: &Place, key: &Key) -> Failure {
    let (slot, id) = (&target.label, &key.id);
    noting(
        failure,
        &format!(
            "key {id} is in slot {slot:?} and has not signed there; where it was it is as it was. Run \
             this again, or remove it with \"kmip-ssh --slot {slot:?} key destroy {id} --revoke\""
        ),
    )
}

/// It is in both.
fn half_moved(failure: Failure, brought: &Brought) -> Failure {
    let KeyRecord { slot, id, .. } = &brought.key;
    noting(
        failure,
        &format!(
            "the key is in slot {slot:?} (id {id}) and has signed there: run this again to end it where \
             it was"
        ),
    )
}

/// The last thing that a move does is to end the key where it was.
fn perhaps_moved(failure: Failure, target: &Place, copy: &CopyArguments) -> Failure {
    let (Failure::NoSuchKey(text), Some(wanted)) = (&failure, &copy.key) else {
        return failure;
    };
    let found = target.find().unwrap_or_default();
    let there = selection::one(&target.label, &found, wanted, Precision::Whole);
    match there {
        Ok(it) => Failure::NoSuchKey(format!(
            "{text}; slot {:?} has a key {wanted:?} (id {}): it may have been moved already",
            target.label, it.key.id
        )),
        Err(_) => failure,
    }
}

fn noting(failure: Failure, note: &str) -> Failure {
    match failure {
        Failure::Library(Error::Token(mut error)) => {
            error.reason = format!("{}; {note}", error.reason);
            Failure::Library(Error::Token(error))
        }
        Failure::File(text) => Failure::File(format!("{text}; {note}")),
        Failure::Refused(text) => Failure::Refused(format!("{text}; {note}")),
        other => other,
    }
}
