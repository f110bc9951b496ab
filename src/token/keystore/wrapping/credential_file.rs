//! The data key under a key in a file that only its owner can read: for machines without a person.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base16ct::{HexDisplay, mixed};
use zeroize::Zeroizing;

use super::{Wrapping, binding};
use crate::config::{Content, read_trusted};
use crate::error::TokenErrorKind;
use crate::token::keystore::random;
use crate::token::keystore::sealing::{DataKey, KEY_LEN, cipher, decrypt, encrypt};
use crate::token::keystore::store::{StoreError, Stored, TokenRow};

/// A file with a key in it: 64 hexadecimal digits.
pub struct CredentialFile<'a>(pub &'a Path);

impl CredentialFile<'_> {
    /// Makes the file, with a new key, for nobody but us to read. One that is there is left as it is.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make(&self) -> Stored {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let written = match options.open(self.0) {
            Ok(file) => fill(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
            Err(error) => Err(error),
        };
        written.map_err(|error| {
            let reason = format!("credential file {} cannot be made: {error}", self.place());
            StoreError::new(TokenErrorKind::Failed, reason)
        })
    }

    fn place(&self) -> String {
        self.0.display().to_string()
    }

    fn key(&self) -> Stored<Zeroizing<[u8; KEY_LEN]>> {
        let content = read_trusted(self.0, Content::Secret("credential file"));
        let content = content.map_err(|fault| {
            let reason = format!("what opens the keystore cannot be read: {fault}");
            StoreError::new(TokenErrorKind::Failed, reason)
        })?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        match mixed::decode(content.trim_ascii(), &mut *key) {
            Ok([_, ..]) if content.trim_ascii().len() == 2 * KEY_LEN => Ok(key),
            _ => Err(self.other("it has no 64 hexadecimal digits")),
        }
    }

    fn other(&self, why: &str) -> StoreError {
        let reason = format!(
            "credential file {} does not open the keystore: {why}; put back the file that it was made with",
            self.place()
        );
        StoreError::new(TokenErrorKind::Failed, reason)
    }
}

fn fill(mut file: File) -> std::io::Result<()> {
    let key = Zeroizing::new(random::bytes::<KEY_LEN>()?);
    let text = Zeroizing::new(format!("{:x}\n", HexDisplay(&*key)));
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl Wrapping for CredentialFile<'_> {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn wrap(&self, token: &TokenRow, data_key: &DataKey) -> Stored<(Vec<u8>, Vec<u8>)> {
        let bound = binding(token, self.kind(), &[]);
        let wrapped = encrypt(&cipher(&*self.key()?)?, &bound, data_key.bytes())?;
        Ok((vec![], wrapped))
    }

    fn unwrap(&self, token: &TokenRow) -> Stored<Zeroizing<Vec<u8>>> {
        let bound = binding(token, self.kind(), &token.seal_parameters);
        decrypt(&cipher(&*self.key()?)?, &bound, &token.data_key)
            .ok_or_else(|| self.other("it has another key"))
    }
}
