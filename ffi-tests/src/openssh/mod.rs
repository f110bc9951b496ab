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

/// What a public-key line's comment says before the @: the name of a key of ours.
pub fn name(line: &str) -> &str {
    comment(line).split('@').next().unwrap_or_default()
}
