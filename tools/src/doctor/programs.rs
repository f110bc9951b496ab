//! Which programs can use a key, and why not: the limits of OpenSSH's programs, not of the token.

use kmip_p11::model::public_key::PublicKey;
use kmip_p11::ssh;
use serde::Serialize;

use super::replay::Trial;

/// What sshd allows by default before it closes the connection.
pub const MAX_AUTH_TRIES: usize = 6;
/// What ssh takes from a module.
pub const SSH_LIMIT: usize = 100;
/// What ssh-agent takes from its helper before it ends itself.
pub const AGENT_LIMIT: usize = 256 * 1024;
/// The first OpenSSH that takes Ed25519 keys from a module.
pub const ED25519_SINCE: (u32, u32) = (10, 1);

/// A program, and whether it can use a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgramUse {
    /// How it is called.
    pub program: &'static str,
    /// Whether it can.
    pub usable: bool,
    /// Why not, or what to do so that it can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What does not depend on the key.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Whether ssh-agent would not load the module from where it is.
    pub agent_refuses: bool,
    /// What the keys of all slots take in the agent's answer.
    pub agent_bytes: usize,
    /// The OpenSSH on this machine.
    pub openssh: Option<(u32, u32)>,
}

/// What each program makes of a key that is the one of that number in the list, from 1.
pub fn programs(trial: &Trial, number: usize, around: &Surroundings) -> Vec<ProgramUse> {
    let mut common = match trial.problems.is_empty() {
        true => vec![],
        false => vec!["it does not sign as OpenSSH asks it to".into()],
    };
    let mut advice = vec![];
    if matches!(trial.offered.public, PublicKey::Ed25519(_)) {
        ed25519(around, &mut common, &mut advice);
    }
    let ssh = {
        let (mut notes, mut hints) = (common.clone(), advice.clone());
        ssh_notes(number, &mut notes, &mut hints);
        program("ssh -I, PKCS11Provider", notes, hints)
    };
    let keygen = program("ssh-keygen -D, -s", common.clone(), advice.clone());
    let mut agent = common;
    if around.agent_refuses {
        agent.push("ssh-agent does not load the module from where it is".into());
    }
    if around.agent_bytes > AGENT_LIMIT {
        agent.push(format!(
            "{} bytes of keys end ssh-agent, which takes {AGENT_LIMIT}: show fewer (keys.groups, keys.names)",
            around.agent_bytes
        ));
    }
    let agent = program("ssh-add -s, sshd's HostKeyAgent", agent, advice);
    vec![ssh, keygen, agent]
}

fn program(program: &'static str, obstacles: Vec<String>, advice: Vec<String>) -> ProgramUse {
    ProgramUse {
        program,
        usable: obstacles.is_empty(),
        notes: [obstacles, advice].concat(),
    }
}

fn ed25519(around: &Surroundings, obstacles: &mut Vec<String>, advice: &mut Vec<String>) {
    let since = "OpenSSH takes Ed25519 keys from a module since 10.1";
    match around.openssh {
        Some(version) if version >= ED25519_SINCE => {}
        Some((major, minor)) => obstacles.push(format!(
            "{since}; this machine's {major}.{minor} skips them with a line on standard error"
        )),
        None => advice.push(format!("{since}; older ones skip them")),
    }
}

fn ssh_notes(number: usize, obstacles: &mut Vec<String>, advice: &mut Vec<String>) {
    if number > SSH_LIMIT {
        obstacles.push(format!(
            "it is key {number} in the list, and ssh takes the first {SSH_LIMIT}: show fewer \
             (keys.groups, keys.names)"
        ));
    } else if number > MAX_AUTH_TRIES {
        advice.push(format!(
            "it is offered as number {number}, and sshd gives up after {MAX_AUTH_TRIES} \
             (MaxAuthTries): name it with -i FILE.pub, or show fewer keys"
        ));
    }
}

/// What a key takes in the agent's answer: two strings with their lengths.
pub fn agent_bytes(trial: &Trial) -> usize {
    let blob = ssh::public_blob(&trial.offered.public).unwrap_or_default();
    blob.len() + trial.offered.label.len() + 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::offered_key::OfferedKey;
    use std::time::Duration;

    fn trial(public: PublicKey) -> Trial {
        Trial {
            offered: OfferedKey {
                label: "web-server".into(),
                key_id: vec![1],
                public,
            },
            signed: vec![],
            problems: vec![],
            slowest: Duration::ZERO,
        }
    }

    fn rsa() -> Trial {
        trial(PublicKey::from_rsa(&[0x81; 256], &[1, 0, 1]).unwrap())
    }

    fn ed25519() -> Trial {
        trial(PublicKey::Ed25519([1; 32]))
    }

    fn usable(trial: &Trial, number: usize, around: &Surroundings) -> [bool; 3] {
        let uses = programs(trial, number, around);
        [uses[0].usable, uses[1].usable, uses[2].usable]
    }

    #[test]
    fn a_good_key_is_for_every_program() {
        let around = Surroundings::default();
        assert_eq!(usable(&rsa(), 1, &around), [true; 3]);
        assert!(programs(&rsa(), 6, &around)[0].notes.is_empty());
    }

    #[test]
    fn ed25519_needs_a_new_openssh() {
        let with = |openssh| Surroundings {
            openssh,
            ..Surroundings::default()
        };
        assert_eq!(usable(&ed25519(), 1, &with(Some((9, 2)))), [false; 3]);
        assert_eq!(usable(&ed25519(), 1, &with(Some((10, 1)))), [true; 3]);
        assert_eq!(programs(&ed25519(), 1, &with(None))[0].notes.len(), 1);
    }

    #[test]
    fn long_lists_have_limits() {
        let around = Surroundings::default();
        assert!(programs(&rsa(), 7, &around)[0].notes[0].contains("MaxAuthTries"));
        assert_eq!(usable(&rsa(), 101, &around), [false, true, true]);
        // Measured: 900 such keys end the agent, 860 do not.
        for (keys, bearable) in [(860, true), (900, false)] {
            let many = Surroundings {
                agent_bytes: keys * agent_bytes(&rsa()),
                ..Surroundings::default()
            };
            assert_eq!(usable(&rsa(), 1, &many), [true, true, bearable]);
        }
    }

    #[test]
    fn the_agents_list_of_places_is_about_the_agent() {
        let around = Surroundings {
            agent_refuses: true,
            ..Surroundings::default()
        };
        assert_eq!(usable(&rsa(), 1, &around), [true, true, false]);
    }
}
