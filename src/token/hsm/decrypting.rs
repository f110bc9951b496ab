//! RSA ciphertexts opened by a private key in the module.

use cryptoki::context::Function;
use cryptoki::error::{Error as ForeignError, RvError};
use zeroize::Zeroizing;

use super::device::*;
use super::seat::Seat;
use super::{HsmToken, foreign_mechanism};
use crate::error::Result;
use crate::model::cipher::RsaPadding;
use crate::model::key::Key;
use crate::token::Token;

impl Seat {
    /// The message, by the module.
    pub(super) fn open(
        &self,
        key: Handle,
        padding: &RsaPadding,
        data: &[u8],
    ) -> Result<Reply, Fault> {
        let key = self.object(key)?;
        let mechanism = foreign_mechanism::of_padding(padding);
        let plain = self.with(|session| {
            let plain = session.decrypt(&mechanism, key, data);
            plain.map_err(refused)
        })?;
        Ok(Reply::Secret(Secret(Zeroizing::new(plain))))
    }
}

impl HsmToken {
    /// The message of a ciphertext, if it is one of that key and the key may decrypt.
    pub(super) fn message(
        &self,
        key: &Key,
        padding: &RsaPadding,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>> {
        self.opened()?;
        self.usable(key, |uses| uses.decrypt)?;
        let opened = match self.opened_once(key, padding, data)? {
            // Numbers of objects end with the sessions that they were seen in.
            Err(fault) if fault.kind == FaultKind::NoSuchObject => {
                self.pairs()?;
                self.opened_once(key, padding, data)?
            }
            opened => opened,
        };
        match opened {
            Ok(Reply::Secret(Secret(message))) => Ok(message),
            Ok(_) => Err(self.unexpected()),
            // Programs do not learn which of the things that can be wrong with a ciphertext it was.
            Err(fault) if is_of_the_ciphertext(&fault) => {
                let (slot, name, said) = (&self.label, &key.name, &fault.said);
                log::info!("slot {slot:?}: key {name:?} did not decrypt: {said}");
                self.opened_by(None)
            }
            Err(fault) => Err(self.failed(&fault)),
        }
    }

    fn opened_once(
        &self,
        key: &Key,
        padding: &RsaPadding,
        data: &[u8],
    ) -> Result<std::result::Result<Reply, Fault>> {
        let holders = self.holders(key)?;
        let Some(key) = holders.private else {
            let missing = Fault::new(FaultKind::NoSuchObject, "the private key cannot be seen");
            return Ok(Err(missing));
        };
        let (padding, data) = (padding.clone(), data.to_vec());
        Ok(self.device.ask(&Request::Open { key, padding, data }))
    }
}

/// SoftHSM2 has CKR_ARGUMENTS_BAD for hashes of OAEP that it does not know.
fn refused(error: ForeignError) -> Fault {
    let of_the_padding = matches!(
        error,
        ForeignError::Pkcs11(RvError::ArgumentsBad, Function::DecryptInit)
    );
    let fault = Fault::from(error);
    match of_the_padding {
        true => Fault::new(FaultKind::Parameter, fault.said),
        false => fault,
    }
}

/// Modules have several words for that, CKR_GENERAL_ERROR among them.
fn is_of_the_ciphertext(fault: &Fault) -> bool {
    matches!(
        fault.kind,
        FaultKind::Input | FaultKind::Length | FaultKind::Failed
    )
}
