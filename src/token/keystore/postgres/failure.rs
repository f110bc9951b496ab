//! What went wrong with a Postgres database, in words that name it and say what helps.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::super::store::{KEY_IS_THERE, NAME_IS_TAKEN, StoreError};
use super::link::Trouble;
use crate::error::TokenErrorKind;

/// What went wrong, before it is known where.
#[derive(Debug)]
pub enum Fault {
    /// The configuration or a file that it names cannot be used.
    Configuration(String),
    /// No address of the server can be connected to.
    Unreachable(String),
    /// One side does not trust the other.
    Tls(String),
    /// The connection ended.
    Lost(String),
    /// The deadline is over.
    TimedOut,
    /// The server said no.
    Refused {
        /// Its reason in five characters.
        code: String,
        /// Its reason in words.
        message: String,
    },
    /// Something that is no failure of the database.
    Own(StoreError),
}

impl Fault {
    /// Of a wait for the socket.
    pub fn of_waiting(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Lost(error.to_string()),
        }
    }

    /// Of a connection that is being made.
    pub fn of_login(error: Error) -> Self {
        let cause = error.source();
        let of_socket = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
        match of_socket.and_then(io::Error::get_ref) {
            Some(inner) if inner.is::<rustls::Error>() => Self::Tls(inner.to_string()),
            _ if chain(&error).contains("password missing") => {
                let reason = "the server wants a password; write keystore.password_file";
                Self::Configuration(reason.into())
            }
            _ if error.to_string().contains("TLS") && of_socket.is_none() => {
                Self::Tls(chain(&error))
            }
            _ => Self::of_statement(&error),
        }
    }

    fn of_statement(error: &Error) -> Self {
        match error.as_db_error() {
            Some(said) => Self::Refused {
                code: said.code().code().to_owned(),
                message: said.message().to_owned(),
            },
            None => Self::Lost(chain(error)),
        }
    }

    /// Whether the connection is of no use any more.
    pub fn ends_connection(&self) -> bool {
        match self {
            Self::Refused { code, .. } => code.starts_with("57P") || code.starts_with("08"),
            Self::Own(_) => false,
            _ => true,
        }
    }

    /// Whether the server or the connection to it has ended, which a new connection may help against.
    pub fn is_of_connection(&self) -> bool {
        matches!(self, Self::Lost(_))
            || matches!(self, Self::Refused { .. } if self.ends_connection())
    }

    /// Whether the same transaction may succeed if it is run again.
    pub fn is_conflict(&self) -> bool {
        let conflicts = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ];
        let is = |code: &str| conflicts.iter().any(|state| state.code() == code);
        matches!(self, Self::Refused { code, .. } if is(code))
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Database(error) => Self::of_statement(&error),
            Trouble::Own(error) => Self::Own(error),
        }
    }
}

/// An error with what caused it.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Makes errors about one database.
pub struct Failures {
    /// `host:port/database`
    pub place: String,
    /// The name of the database.
    pub database: String,
    /// The name of the user.
    pub user: String,
    /// How long a call may take.
    pub patience: Duration,
}

impl Failures {
    /// Of a database that is not known to be one yet.
    pub fn unnamed(connection: &str) -> Self {
        Self {
            place: format!("{connection:?}"),
            database: String::new(),
            user: String::new(),
            patience: Duration::ZERO,
        }
    }

    /// There are no tables, or there is nothing in them.
    pub fn no_keystore(&self) -> StoreError {
        let what = "has no keystore; make one with \"kmip-ssh init\"";
        self.about(TokenErrorKind::Failed, what)
    }

    /// An error about the database.
    pub fn about(&self, kind: TokenErrorKind, what: impl AsRef<str>) -> StoreError {
        let (place, what) = (&self.place, what.as_ref());
        StoreError::new(kind, format!("keystore postgres {place} {what}"))
    }

    /// Of whatever it was.
    pub fn failure_of(&self, fault: Fault) -> StoreError {
        use TokenErrorKind::{Failed, Unreachable};
        match fault {
            Fault::Own(error) => error,
            Fault::Configuration(reason) => self.about(Failed, format!("is not used: {reason}")),
            Fault::Unreachable(reason) => self.about(
                Unreachable,
                format!("cannot be reached ({reason}); check keystore.postgres and that the server runs"),
            ),
            Fault::Tls(reason) => self.about(
                Unreachable,
                format!(
                    "cannot be trusted or does not trust us ({reason}); check keystore.tls, and ssl and \
                     ssl_ca_file of the server"
                ),
            ),
            Fault::Lost(reason) => self.about(
                Unreachable,
                format!("ended the connection ({reason}); nothing was changed; try again"),
            ),
            Fault::TimedOut => self.late(),
            Fault::Refused { code, message } => self.refused(&code, &message),
        }
    }

    fn late(&self) -> StoreError {
        let patience = humantime::format_duration(self.patience);
        self.about(
            TokenErrorKind::Unreachable,
            format!(
                "did not answer within {patience}; look at the server, or write connect_timeout=SECONDS \
                 into keystore.postgres"
            ),
        )
    }

    /// Of a connection that ended after COMMIT was sent and before it was answered.
    pub fn uncertain(&self, fault: Fault) -> StoreError {
        let cause = match fault {
            Fault::TimedOut => "it did not answer in time".to_owned(),
            Fault::Lost(reason) => reason,
            Fault::Refused { message, .. } => message,
            other => return self.failure_of(other),
        };
        self.about(
            TokenErrorKind::Unreachable,
            format!(
                "was lost while it made the change final ({cause}): the change is there as a whole or not \
                 at all; list the keys before you try again"
            ),
        )
    }

    fn refused(&self, code: &str, message: &str) -> StoreError {
        use TokenErrorKind::{BadInput, Denied, Failed, Full, ReadOnly, Unreachable};
        let (user, database) = (&self.user, &self.database);
        let (kind, remedy) = match code {
            "28P01" => (Denied, "check keystore.password_file".into()),
            "28000" => (
                Denied,
                format!(
                    "check that the role {user:?} exists and may log in, and what pg_hba.conf wants of it"
                ),
            ),
            "3D000" => (
                Failed,
                format!(
                    "make it with CREATE DATABASE {database}, or correct dbname in keystore.postgres"
                ),
            ),
            "42501" => (
                Denied,
                format!("the role {user:?} lacks a right: docs/keystore.md has the GRANTs"),
            ),
            "3F000" | "42P01" => (
                Failed,
                "there is no keystore in it: make one with \"kmip-ssh init\"".into(),
            ),
            "57014" | "55P03" => (
                Unreachable,
                "somebody holds a lock, or the server is slow; nothing was changed; try again"
                    .into(),
            ),
            "23505" if message.contains("keys_name") => return of_input(NAME_IS_TAKEN),
            "23505" if message.contains("keys_public_key") => return of_input(KEY_IS_THERE),
            "23505" if message.contains("keys_cka_id") => (
                BadInput,
                "another key of the keystore has this CKA_ID; nothing was changed".into(),
            ),
            "25006" => (
                ReadOnly,
                "it is a standby or set to read only; name the primary server".into(),
            ),
            "53100" => (
                Full,
                "make room on the server's disk; nothing was changed".into(),
            ),
            "53300" => (
                Unreachable,
                "raise max_connections or end what holds them".into(),
            ),
            _ if code.starts_with("57P") || code.starts_with("08") => (
                Unreachable,
                "the server starts or stops; nothing was changed; try again".into(),
            ),
            _ if code.starts_with("22") => (BadInput, "nothing was changed".into()),
            _ => (Failed, "nothing was changed".into()),
        };
        self.about(kind, format!("refused: {message} ({code}); {remedy}"))
    }
}

fn of_input(reason: &str) -> StoreError {
    StoreError::new(TokenErrorKind::BadInput, reason)
}
