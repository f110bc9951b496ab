//! The person in front of the terminal, if there is one: is asked, is told.

use std::io::{self, BufRead, IsTerminal, Write};

use zeroize::Zeroizing;

use crate::hidden_typing::HiddenTyping;

/// Someone who may answer. Results do not go this way, see [`crate::output`].
pub trait Person {
    /// Yes or no; `None` if nobody is there.
    fn confirm(&self, question: &str) -> Option<bool>;

    /// Something that is not shown while it is typed; `None` if nobody is there.
    fn secret(&self, question: &str) -> Option<Zeroizing<String>>;

    /// One line that is not a result.
    fn tell(&self, line: &str);
}

/// The person at this process's terminal.
pub struct Terminal;

impl Person for Terminal {
    fn confirm(&self, question: &str) -> Option<bool> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        write!(io::stderr(), "{question} [y/N] ").ok()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).ok()?;
        let answer = answer.trim().to_lowercase();
        Some(matches!(answer.as_str(), "y" | "yes"))
    }

    fn secret(&self, question: &str) -> Option<Zeroizing<String>> {
        if !io::stdin().is_terminal() {
            return None;
        }
        // rpassword hides what is typed after its question only: who types at once would be read.
        let _hidden = HiddenTyping::begin().ok()?;
        let typed = rpassword::prompt_password(format!("{question}: ")).ok()?;
        Some(Zeroizing::new(typed))
    }

    fn tell(&self, line: &str) {
        // Nobody reads it if standard error is closed; that is no reason to stop.
        let _ = writeln!(io::stderr(), "kmip-ssh: {line}");
    }
}

/// A person whose answers are known beforehand.
#[cfg(test)]
#[derive(Default)]
pub struct Scripted {
    /// What is said to every question.
    pub answer: Option<bool>,
    /// What is typed for every secret.
    pub secret: Option<&'static str>,
    /// What was told.
    pub lines: std::cell::RefCell<Vec<String>>,
}

#[cfg(test)]
impl Scripted {
    /// What was told so far.
    pub fn told(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }
}

#[cfg(test)]
impl Person for Scripted {
    fn confirm(&self, question: &str) -> Option<bool> {
        self.tell(question);
        self.answer
    }

    fn secret(&self, _question: &str) -> Option<Zeroizing<String>> {
        self.secret.map(|secret| Zeroizing::new(secret.into()))
    }

    fn tell(&self, line: &str) {
        self.lines.borrow_mut().push(line.into());
    }
}
