//! The rows of a keystore, and what a database has to do with them: it knows no key and no PIN.

use std::fmt;

use crate::error::TokenErrorKind;

/// The version of the tables; `docs/keystore-format.md` describes each.
pub const SCHEMA: u32 = 1;

/// The one row of the table `token`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The version of everything that is sealed.
    pub format: i64,
    /// 16 hexadecimal digits, drawn when the keystore was made.
    pub serial: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// What the data key is wrapped by: "pin", "file", "kmip".
    pub seal: String,
    /// What that needs to know besides the secret; see `docs/keystore-format.md`.
    pub seal_parameters: Vec<u8>,
    /// The data key, wrapped.
    pub data_key: Vec<u8>,
    /// By which the unwrapped data key is known to be the right one.
    pub check_value: Vec<u8>,
    /// Wrong PINs since the last right one.
    pub failures: i64,
    /// When the last wrong PIN was given, in milliseconds since 1970.
    pub last_failure: i64,
}

/// A row of the table `keys`: a key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Given by the database, each higher than all before, never again.
    pub number: i64,
    /// 32 hexadecimal digits, drawn when the key was made.
    pub id: String,
    /// The name given by people.
    pub name: String,
    /// CKA_LABEL, if its owner wants another than the name.
    pub own_label: Option<String>,
    /// CKA_LABEL as programs see it; for searches.
    pub label: String,
    /// CKA_ID.
    pub cka_id: Vec<u8>,
    /// SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// For people and statistics: "rsa-2048", "ecdsa-p256", ...
    pub key_type: String,
    /// 1 pre-active, 2 active, 3 deactivated, 4 compromised (KMIP's numbers).
    pub state: i64,
    /// When it was activated.
    pub activated: Option<i64>,
    /// When it was revoked.
    pub revoked: Option<i64>,
    /// Why it was revoked, in its owner's words.
    pub revocation: Option<String>,
    /// The object groups it is in: a JSON array of texts.
    pub object_groups: String,
    /// Whether it may leave the token.
    pub extractable: bool,
    /// Whether it was made in the token and could never leave it.
    pub never_extractable: bool,
    /// When it was made or taken in.
    pub created: i64,
    /// The private key, sealed.
    pub sealed: Vec<u8>,
    /// The code that authenticates all the columns above, except the number.
    pub code: Vec<u8>,
}

/// A row of the table `certificates`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRow {
    /// 32 hexadecimal digits, drawn when it was taken in.
    pub id: String,
    /// The [`KeyRow::id`] of the key it belongs to.
    pub key_id: String,
    /// X.509 in DER.
    pub der: Vec<u8>,
}

/// Why a store could not do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// What kind of failure it is to programs.
    pub kind: TokenErrorKind,
    /// What, where, and what to do about it: one line.
    pub reason: String,
}

/// Why a second key of that name is not kept.
pub const NAME_IS_TAKEN: &str = "there is a key of that name already; choose another name, or rename \
     or destroy that key";

/// Why a key is not kept twice, whatever CKA_ID the first one is shown with.
pub const KEY_IS_THERE: &str = "the same key is in the keystore already, perhaps under another name or \
     CKA_ID; nothing was changed";

impl StoreError {
    /// An error of that kind.
    pub fn new(kind: TokenErrorKind, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { kind, reason }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// What a store's call came to.
pub type Stored<T = ()> = Result<T, StoreError>;

/// Which rows of `keys`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those with that CKA_ID.
    CkaId(Vec<u8>),
    /// Those with that CKA_LABEL.
    Label(String),
    /// Those with a certificate.
    Certified,
}

/// Some keys in the order of their numbers, and their certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPage {
    /// At most as many as were asked for; fewer, if there are no more.
    pub keys: Vec<KeyRow>,
    /// In the order of their numbers.
    pub certificates: Vec<CertificateRow>,
}

/// A database with the three tables. Each call is one transaction, and what it wrote will outlive a
/// power cut when it returns. Calls may come from several threads, and other processes use the
/// same database at any time.
pub trait Store: Send + Sync {
    /// Where it is, for messages.
    fn place(&self) -> String;

    /// Whether a question to it costs no round trip.
    fn is_local(&self) -> bool;

    /// Whether there is one; `true` where only a round trip would tell.
    fn exists(&self) -> bool {
        true
    }

    /// What tells it from others before it was asked, for one that is not local.
    fn alias(&self) -> String {
        String::new()
    }

    /// The token.
    fn token(&self) -> Stored<TokenRow>;

    /// Reads the token, lets `change` have it, and writes it back if that says true; nobody else
    /// writes it meanwhile.
    fn change_token(&self, change: &mut dyn FnMut(&mut TokenRow) -> Stored<bool>) -> Stored;

    /// Gives `each` all keys in the order of their numbers, as they are at one instant, without
    /// holding them all in memory; an error of `each` ends it.
    fn keys(&self, each: &mut dyn FnMut(KeyRow) -> Stored) -> Stored;

    /// Gives `each` all certificates in the order of their numbers.
    fn certificates(&self, each: &mut dyn FnMut(CertificateRow) -> Stored) -> Stored;

    /// The first keys of those that are wanted after that number, at most `limit`.
    fn page(&self, which: &Which, after: i64, limit: usize) -> Stored<KeyPage>;

    /// One key; `None` if there is none of that id.
    fn key(&self, id: &str) -> Stored<Option<KeyRow>>;

    /// Adds a key with its certificates, if no other has its name ([`NAME_IS_TAKEN`]); the number of the row is ignored, the new one returned.
    fn insert(&self, key: &KeyRow, certificates: &[CertificateRow]) -> Stored<i64>;

    /// Adds all that `next` gives, without certificates, and returns the last one's number; 0 if there
    /// was none. In one transaction where the database bears one that lasts.
    fn insert_all(&self, next: &mut dyn FnMut() -> Stored<Option<KeyRow>>) -> Stored<i64> {
        let mut last = 0;
        while let Some(row) = next()? {
            last = self.insert(&row, &[])?;
        }
        Ok(last)
    }

    /// Reads a key, lets `change` have it, and writes it back; nobody else writes it meanwhile.
    /// False if there is none of that id.
    fn change_key(&self, id: &str, change: &mut dyn FnMut(&mut KeyRow) -> Stored) -> Stored<bool>;

    /// Removes a key and its certificates. False if there is none of that id.
    fn remove(&self, id: &str) -> Stored<bool>;

    /// Adds a certificate to a key, unless the key has the same one already, and returns the id by which it
    /// is there. `None` if there is no such key.
    fn insert_certificate(&self, certificate: &CertificateRow) -> Stored<Option<String>>;

    /// Removes a certificate of a key. False if the key has none of that id.
    fn remove_certificate(&self, key_id: &str, id: &str) -> Stored<bool>;

    /// How many keys there are.
    fn count(&self) -> Stored<i64>;

    /// Facts about the database for people who check an installation.
    fn facts(&self) -> Stored<Vec<(&'static str, String)>>;
}
