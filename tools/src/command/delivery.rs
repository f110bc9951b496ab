//! `delivery setup`, `rotate`, `check`: the way by which a slot's keys get from its server into its HSM.

use std::fmt;

use clap::Subcommand;
use kmip_p11::token::DeliveryTask;
use serde::Serialize;

use super::Verdict;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::Place;

/// What to do with a slot's delivery.
#[derive(Debug, Subcommand)]
pub enum DeliveryCommand {
    /// Make a wrapping key in the HSM, bring it (or its public half) to the server, and try it;
    /// changes nothing if there is one that works
    Setup,
    /// The same with a new wrapping key; the old ones are destroyed once it works
    Rotate,
    /// Try each wrapping key with a throw-away key: delivered, used, destroyed
    Check,
}

/// How it stands.
#[derive(Serialize)]
struct Standing {
    slot: String,
    facts: Vec<Fact>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Fact {
    what: &'static str,
    how: String,
}

/// Does it, and tells how the delivery stands then.
pub fn run(
    place: &Place,
    command: &DeliveryCommand,
    output: &mut Output,
) -> Result<Verdict, Failure> {
    let task = match command {
        DeliveryCommand::Setup => DeliveryTask::SetUp,
        DeliveryCommand::Rotate => DeliveryTask::Rotate,
        DeliveryCommand::Check => DeliveryTask::Check,
    };
    let probe = place.token().delivery(task)?;
    let problems = probe.warnings.len();
    let facts = probe.facts.into_iter();
    output.show(&Standing {
        slot: place.label.clone(),
        facts: facts.map(|(what, how)| Fact { what, how }).collect(),
        warnings: probe.warnings,
    })?;
    Ok(Verdict::of_problems(problems))
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "delivery of slot {:?}", self.slot)?;
        for Fact { what, how } in &self.facts {
            writeln!(f, "  {what}: {how}")?;
        }
        let mut warnings = self.warnings.iter();
        warnings.try_for_each(|warning| writeln!(f, "  warning: {warning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::printed;
    use crate::place::tests::{empty, place};
    use kmip_p11::error::Result as LibraryResult;
    use kmip_p11::model::key::{Found, Key};
    use kmip_p11::model::signature::{SignInput, SignScheme};
    use kmip_p11::token::memory::MemoryToken;
    use kmip_p11::token::{Probe, Token, TokenInfo};

    /// Tells what it was asked for.
    struct Delivering(MemoryToken);

    impl Token for Delivering {
        fn info(&self) -> TokenInfo {
            self.0.info()
        }
        fn find(&self) -> LibraryResult<Found> {
            self.0.find()
        }
        fn sign(&self, _: &Key, _: SignScheme, _: SignInput<'_>) -> LibraryResult<Vec<u8>> {
            Err(self.unable("sign"))
        }
        fn delivery(&self, task: DeliveryTask) -> LibraryResult<Probe> {
            Ok(Probe {
                facts: vec![("task", format!("{task:?}"))],
                warnings: match task {
                    DeliveryTask::Check => vec!["it may leave".into()],
                    _ => vec![],
                },
            })
        }
    }

    #[test]
    fn each_command_is_its_task_and_a_warning_is_a_problem() {
        let place = place(Delivering(MemoryToken::new("both")));
        let commands = [
            (DeliveryCommand::Setup, "SetUp", Verdict::Good),
            (DeliveryCommand::Rotate, "Rotate", Verdict::Good),
            (DeliveryCommand::Check, "Check", Verdict::Problems),
        ];
        for (command, task, wanted) in commands {
            let mut verdict = None;
            let text = printed(false, |output| {
                verdict = run(&place, &command, output).ok();
            });
            assert_eq!(verdict, Some(wanted));
            let wanted = format!("delivery of slot \"both\"\n  task: {task}\n");
            assert!(text.starts_with(&wanted), "{text}");
        }
    }

    #[test]
    fn a_slot_without_delivery_says_so() {
        printed(true, |output| {
            let refused = run(&empty("prod"), &DeliveryCommand::Check, output);
            let message = refused.unwrap_err().to_string();
            assert!(message.contains("does not deliver keys"), "{message}");
        });
    }
}
