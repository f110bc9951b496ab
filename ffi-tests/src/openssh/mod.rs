//! The real OpenSSH: a user's programs, an agent, and a private sshd.

pub mod agent;
pub mod sshd;
pub mod user;

/// The word of a public-key line by which OpenSSH names the type of a key.
pub fn key_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// The comment of a public-key line.
pub fn comment(line: &str) -> &str {
    line.splitn(3, ' ').nth(2).unwrap_or_default()
}
