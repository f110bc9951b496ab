//! The data key under a key in a file that only its owner can read: for machines without a person.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use base16ct::{HexDisplay, mixed};
use zeroize::Zeroizing;

use super::{Wrapping, binding};
use crate::config::{Content, read_trusted};
use crate::error::TokenErrorKind;
use crate::token::keystore::draft::Draft;
use crate::token::keystore::random;
use crate::token::keystore::sealing::{DataKey, KEY_LEN, cipher, decrypt, encrypt};
use crate::token::keystore::store::{StoreError, Stored, TokenRow};

/// A file with a key in it: 64 hexadecimal digits.
pub struct CredentialFile<'a>(pub &'a Path);

impl CredentialFile<'_> {
    /// Makes the file, with a new key, for nobody but us to read. One that is there is left as it is,
    /// whoever has made it a moment ago: it is never seen without its key.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make(&self) -> Stored {
        if self.0.symlink_metadata().is_ok() {
            return Ok(());
        }
        match new_key(self.0) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                let reason = format!("credential file {} cannot be made: {error}", self.place());
                Err(StoreError::new(TokenErrorKind::Failed, reason))
            }
            _ => Ok(()),
        }
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
            "credential file {} does not open the keystore: {why}; put back the file that it was sealed with, or \
             correct keystore.seal_file and start the program again",
            self.place()
        );
        StoreError::new(TokenErrorKind::Failed, reason)
    }
}

fn new_key(path: &Path) -> io::Result<()> {
    let draft = Draft::beside(path)?;
    let key = Zeroizing::new(random::bytes::<KEY_LEN>()?);
    let text = Zeroizing::new(format!("{:x}\n", HexDisplay(&*key)));
    fs::write(draft.path(), text.as_bytes())?;
    draft.place(path)
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Each sees the file with a key in it, and all the same one.
    #[test]
    fn of_many_who_make_it_at_once_all_have_the_key_of_one() {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = directory.path().join(round.to_string());
            let made = || {
                let file = CredentialFile(&path);
                file.make().unwrap();
                file.key().unwrap()
            };
            let keys: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(made)).collect();
                let joined = threads.into_iter().map(|thread| thread.join().unwrap());
                joined.collect()
            });
            assert!(keys.iter().all(|key| *key == keys[0]));
        }
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 50);
    }
}
