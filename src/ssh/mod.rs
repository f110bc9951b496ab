//! OpenSSH's formats: how ssh, sshd and ssh-keygen write down what the model knows.

mod public_key;

pub use public_key::{FormatError, fingerprint, public_blob, public_line};
