//! `doctor`: looks at everything that a login needs, and says what to mend.

mod attempt;
mod consumer;
mod offered_key;
mod programs;
mod replay;
mod report;

use std::path::Path;
use std::time::Duration;

use kmip_p11::config::{self, Config};
use kmip_p11::error::{Error, TokenErrorKind};
use kmip_p11::model::key::Found;
use kmip_p11::ssh;

use crate::arguments::{Arguments, DoctorArguments};
use crate::command::Verdict;
use crate::failure::Failure;
use crate::installation::{self, Module};
use crate::key_record::hex;
use crate::output::Output;
use crate::person::Person;
use crate::place::{self, Place};
use programs::{MAX_AUTH_TRIES, Surroundings, agent_bytes, programs};
use replay::{Replay, Trial, replay};
use report::{Finding, KeyReport, Report, SlotReport};

/// ssh and ssh-agent do nothing else meanwhile, and a host key that takes so long stops logins.
const SLOW: Duration = Duration::from_secs(1);

/// `doctor`, from the configuration on.
pub fn run(
    arguments: &Arguments,
    doctor: &DoctorArguments,
    output: &mut Output,
    person: &dyn Person,
) -> Result<Verdict, Failure> {
    let mut findings = vec![];
    let places = match configured(arguments.config.as_deref(), &mut findings) {
        Some(config) => place::open(&config, arguments, person)?,
        None => vec![],
    };
    examine(doctor, findings, &places, output)
}

/// This machine and these places, after what was found before.
pub fn examine(
    doctor: &DoctorArguments,
    findings: Vec<Finding>,
    places: &[Place],
    output: &mut Output,
) -> Result<Verdict, Failure> {
    let mut report = Report {
        findings,
        ..Report::default()
    };
    let mut around = machine(doctor.module.as_deref(), &mut report.findings);
    report.slots = slots(places, &mut around, &mut report.findings);
    let problems = report.problems();
    report.ok = problems == 0;
    output.show(&report)?;
    Ok(Verdict::of_problems(problems))
}

/// The module's file and OpenSSH.
fn machine(module: Option<&Path>, findings: &mut Vec<Finding>) -> Surroundings {
    let mut around = Surroundings::default();
    match Module::find(module) {
        Ok(module) => {
            around.agent_refuses = module.refused_by_agent().is_some();
            findings.push(match (module.unusable(), module.refused_by_agent()) {
                (Some(reason), _) => Finding::problem("module", reason),
                (None, Some(reason)) => Finding::warning("module", reason),
                (None, None) => Finding::ok("module", module.path.display().to_string()),
            });
        }
        Err(reason) => findings.push(Finding::warning("module", reason)),
    }
    findings.push(match installation::openssh() {
        Some((version, text)) => {
            around.openssh = Some(version);
            Finding::ok("OpenSSH", text)
        }
        None => Finding::warning("OpenSSH", "there is no ssh that tells its version"),
    });
    around
}

/// The configuration, whose file and the files it names were checked while it was read.
fn configured(file: Option<&Path>, findings: &mut Vec<Finding>) -> Option<Config> {
    let config = match place::configuration(file) {
        Ok(config) => config,
        Err(failure) => {
            findings.push(Finding::problem("configuration", failure.to_string()));
            return None;
        }
    };
    findings.push(found_by_programs(&config));
    Some(config)
}

/// What programs make of the configuration that was read.
fn found_by_programs(config: &Config) -> Finding {
    let path = config.path.display();
    if config.is_embedded {
        return Finding::ok(
            "configuration",
            format!("none is needed for keystore {path}"),
        );
    }
    let others = config::search_path()
        .into_iter()
        .filter_map(|it| it.place.ok());
    let for_module = others.into_iter().find(|it| it.exists());
    match for_module {
        Some(taken) if taken == config.path => Finding::ok("configuration", path.to_string()),
        Some(taken) => Finding::warning(
            "configuration",
            format!(
                "{path} was checked, but programs run by you take {}",
                taken.display()
            ),
        ),
        None => Finding::warning(
            "configuration",
            format!("{path} was checked, but programs find none: set KMIP_P11_CONFIG for them"),
        ),
    }
}

fn slots(
    places: &[Place],
    around: &mut Surroundings,
    findings: &mut Vec<Finding>,
) -> Vec<SlotReport> {
    let looked_at: Vec<_> = places.iter().map(|place| (place, replay(place))).collect();
    let trials = || looked_at.iter().flat_map(|(_, replay)| &replay.trials);
    around.agent_bytes = trials().map(agent_bytes).sum();
    let shown = trials().count();
    if shown > MAX_AUTH_TRIES {
        findings.push(Finding::warning(
            "number of keys",
            format!(
                "{shown} are shown, and sshd gives up after {MAX_AUTH_TRIES} (MaxAuthTries): show \
                 fewer (keys.groups, keys.names), or name one with -i FILE.pub"
            ),
        ));
    }
    let mut number = 0;
    let report = |(place, replay): &(&Place, Replay)| slot(place, replay, &mut number, around);
    looked_at.iter().map(report).collect()
}

fn slot(place: &Place, replay: &Replay, number: &mut usize, around: &Surroundings) -> SlotReport {
    let mut findings = probed(place);
    findings.extend(place.pin.as_ref().map(|_| asked_for(around.openssh)));
    let problems = replay.problems.iter();
    findings.extend(problems.map(|it| Finding::problem("OpenSSH's listing", it)));
    // A token that did not answer OpenSSH is not asked again.
    let found = match replay.trials.is_empty() && !replay.problems.is_empty() {
        true => Found::default(),
        false => place.find().unwrap_or_default(),
    };
    if replay.problems.is_empty() {
        findings.push(listed(replay));
    }
    let warnings = found.warnings.iter();
    findings.extend(warnings.map(|it| Finding::warning("the listing", it.clone())));
    findings.extend(found.hidden.iter().map(|it| {
        let name = it
            .key
            .as_ref()
            .map_or_else(|| it.id.to_string(), |key| key.label());
        Finding::ok(&format!("hidden {name:?}"), it.reason.clone())
    }));
    let slow = replay.trials.iter().filter(|it| it.slowest > SLOW);
    findings.extend(slow.map(|it| {
        let how = format!(
            "{} ms: ssh-agent does nothing else meanwhile",
            it.slowest.as_millis()
        );
        Finding::warning(&format!("signature of {:?}", it.offered.label), how)
    }));
    let mut key = |trial| {
        *number += 1;
        key_report(trial, *number, &found, around)
    };
    SlotReport {
        slot: place.label.clone(),
        findings,
        keys: replay.trials.iter().map(&mut key).collect(),
    }
}

/// What a PIN means for OpenSSH: the place of a question is not everywhere.
fn asked_for(openssh: Option<(u32, u32)>) -> Finding {
    let how = "ssh-add -s asks for it, and ssh -I where there is a terminal; BatchMode, scripts and \
               sshd's agent have nobody to ask";
    match openssh {
        Some(version @ ((10, 1) | (10, 2))) => Finding::problem(
            "PIN",
            format!(
                "OpenSSH {}.{} asks nobody for it in ssh -I and shows no keys: use ssh-add -s, or \
                 another version; {how}",
                version.0, version.1
            ),
        ),
        _ => Finding::warning("PIN", how),
    }
}

fn listed(replay: &Replay) -> Finding {
    let (keys, time) = (replay.trials.len(), replay.listing.as_millis());
    match keys {
        0 => Finding::warning(
            "OpenSSH's listing",
            "no key: make one with \"kmip-ssh key generate\", or see \"kmip-ssh key list --all\"",
        ),
        _ => Finding::ok("OpenSSH's listing", format!("{keys} keys in {time} ms")),
    }
}

/// What a connection shows. A kind of token that tells nothing about itself is no problem.
fn probed(place: &Place) -> Vec<Finding> {
    match place.token().probe() {
        Ok(probe) => {
            let facts = probe
                .facts
                .into_iter()
                .map(|(what, how)| Finding::ok(what, how));
            let warnings = probe.warnings.into_iter();
            facts
                .chain(warnings.map(|it| Finding::warning(place.noun, it)))
                .collect()
        }
        Err(Error::Token(error)) if error.kind == TokenErrorKind::Impossible => vec![],
        Err(error) => vec![Finding::problem(place.noun, error.to_string())],
    }
}

fn key_report(trial: &Trial, number: usize, found: &Found, around: &Surroundings) -> KeyReport {
    let offered = &trial.offered;
    let id = found.keys.iter().find(|key| key.key_id == offered.key_id);
    KeyReport {
        name: offered.label.clone(),
        id: id.map_or_else(String::new, |key| key.id.to_string()),
        key_id: hex(&offered.key_id),
        key_type: offered.public.key_type().to_string(),
        fingerprint: ssh::fingerprint(&offered.public).unwrap_or_default(),
        signed: trial.signed.clone(),
        problems: trial.problems.clone(),
        milliseconds: trial.slowest.as_millis(),
        programs: programs(trial, number, around),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::tests::{add, down, empty};
    use kmip_p11::model::public_key::{Curve, KeyType};
    use report::Level;

    #[test]
    fn all_slots_are_looked_at_and_keys_counted_over_them() {
        let places = [empty("prod"), down("lab"), empty("home")];
        for name in ["a", "b", "c", "d"] {
            add(&places[0], name, KeyType::Ed25519);
            add(&places[2], name, KeyType::Ec(Curve::P256));
        }
        let mut findings = vec![];
        let reports = slots(&places, &mut Surroundings::default(), &mut findings);
        assert!(findings[0].how.starts_with("8 are shown"), "{findings:?}");
        assert!(
            reports[1]
                .findings
                .iter()
                .any(|it| it.level == Level::Problem)
        );
        let last = &reports[2].keys[3].programs[0];
        assert!(
            last.usable && last.notes[0].contains("number 8"),
            "{last:?}"
        );
        let report = Report {
            slots: reports,
            ..Report::default()
        };
        assert!(report.problems() > 0);
        assert!(report.to_string().contains("connection refused"));
    }

    #[test]
    fn a_good_slot_has_no_problems_and_its_json_shape_stays() {
        let place = empty("prod");
        let key = add(&place, "web", KeyType::Ec(Curve::P256));
        let reports = slots(&[place], &mut Surroundings::default(), &mut vec![]);
        let mut value = serde_json::to_value(&reports).unwrap();
        let listed = value[0]["findings"][0].take();
        assert_eq!(listed["level"], "ok");
        assert_eq!(listed["what"], "OpenSSH's listing");
        assert!(value[0]["keys"][0]["milliseconds"].take().is_u64());
        let yes = |program| serde_json::json!({"program": program, "usable": true});
        assert_eq!(
            value[0]["keys"][0],
            serde_json::json!({
                "name": "web", "id": "1", "key_id": hex(&key.key_id), "type": "ECDSA P-256",
                "fingerprint": ssh::fingerprint(&key.public).unwrap(),
                "signed": ["ecdsa-sha2-nistp256"], "problems": [], "milliseconds": null,
                "programs": [
                    yes("ssh -I, PKCS11Provider"), yes("ssh-keygen -D, -s"),
                    yes("ssh-add -s, sshd's HostKeyAgent")
                ],
            })
        );
    }

    #[test]
    fn a_missing_configuration_is_a_finding() {
        let mut findings = vec![];
        assert!(configured(Some(Path::new("/nonexistent/c.toml")), &mut findings).is_none());
        assert_eq!(findings[0].level, Level::Problem);
    }
}
