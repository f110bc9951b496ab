//! The calls that go on with the check of a signature, which needs nobody but the public key.

use super::mac_operation::refused;
use super::message::Message;
use super::underway::Turn;
use crate::crypto::mac::Mac;
use crate::crypto::{check, recover};
use crate::error::{Error, Result};
use crate::model::output::{Output, Room};
use crate::model::public_key::PublicKey;
use crate::model::verification::Verification;

/// From C_VerifyInit or C_VerifySignatureInit to the end of the check.
pub struct VerifyOperation {
    check: Check,
    in_parts: bool,
    /// The signature that was given beforehand.
    signature: Vec<u8>,
}

enum Check {
    /// A private key's signature, by the public one.
    Pair(PublicKey, Verification, Message),
    /// A secret key's, by itself.
    Mac(Mac),
}

impl VerifyOperation {
    /// The check of a signature of that key.
    ///
    /// # Errors
    /// [`Error::KeyTypeInconsistent`] if such keys make no such signatures.
    pub fn new(key: PublicKey, by: Verification, mechanism: &'static str) -> Result<Self> {
        match by.goes_with(key.key_type()) {
            true => Ok(Self::by(Check::Pair(key, by, Message::new(by.digest)))),
            false => Err(Error::KeyTypeInconsistent {
                mechanism,
                key: key.key_type().to_string(),
            }),
        }
    }

    /// The check of a secret key's code.
    pub fn of_mac(mac: Mac) -> Self {
        Self::by(Check::Mac(mac))
    }

    fn by(check: Check) -> Self {
        Self {
            check,
            in_parts: false,
            signature: vec![],
        }
    }

    /// Takes the next part of the message.
    pub fn add(&mut self, part: &[u8]) -> Result {
        match &mut self.check {
            Check::Pair(_, _, message) => message.add(part),
            Check::Mac(mac) => mac.update(part).map_err(refused),
        }
    }

    /// The same with the signature at hand.
    pub fn of_signature(self, signature: &[u8]) -> Result<Self> {
        self.has_length(signature)?;
        let signature = signature.to_vec();
        Ok(Self { signature, ..self })
    }

    fn has_length(&self, signature: &[u8]) -> Result {
        let wanted = match &self.check {
            Check::Pair(key, ..) => key.signature_len(),
            Check::Mac(mac) => mac.length(),
        };
        match (signature.len(), wanted) {
            (got, wanted) if got == wanted => Ok(()),
            (got, wanted) => Err(Error::SignatureLenRange { got, wanted }),
        }
    }

    fn verdict(self, signature: &[u8]) -> Result {
        self.has_length(signature)?;
        let is_right = match self.check {
            Check::Pair(key, by, message) => {
                let data = message.finish();
                if !by.takes(&key, &data) {
                    let (got, wanted) =
                        (data.len(), "as many as the mechanism signs with this key");
                    return Err(Error::DataLenRange { got, wanted });
                }
                check(&key, by, &data, signature)
            }
            Check::Mac(mac) => mac.is(signature).map_err(refused)?,
        };
        match is_right {
            true => Ok(()),
            false => Err(Error::SignatureInvalid),
        }
    }
}

/// A session's check of a signature, for one call.
pub type Verifying<'session> = Turn<'session, VerifyOperation>;

impl Verifying<'_> {
    /// C_Verify (v3.2, 5.15.2): it cannot end what C_VerifyUpdate went on with, which stays.
    pub fn verify(self, data: &[u8], signature: &[u8]) -> Result {
        let mut operation = self.whole()?;
        operation.add(data)?;
        operation.verdict(signature)
    }

    /// C_VerifySignature (v3.2, 5.16.2).
    pub fn verify_given(self, data: &[u8]) -> Result {
        let mut operation = self.whole()?;
        operation.add(data)?;
        let signature = std::mem::take(&mut operation.signature);
        operation.verdict(&signature)
    }

    fn whole(self) -> Result<VerifyOperation> {
        let (operation, place) = self.operation()?;
        if operation.in_parts {
            place.keep(operation);
            return Err(Error::OperationActive);
        }
        Ok(operation)
    }

    /// C_VerifyUpdate (v3.2, 5.15.3), C_VerifySignatureUpdate.
    pub fn update(self, part: &[u8]) -> Result {
        let (mut operation, place) = self.operation()?;
        operation.in_parts = true;
        operation.add(part)?;
        place.keep(operation);
        Ok(())
    }

    /// C_VerifyFinal (v3.2, 5.15.4).
    pub fn finish(self, signature: &[u8]) -> Result {
        self.operation()?.0.verdict(signature)
    }

    /// C_VerifySignatureFinal (v3.2, 5.16.4).
    pub fn finish_given(self) -> Result {
        let (mut operation, _) = self.operation()?;
        let signature = std::mem::take(&mut operation.signature);
        operation.verdict(&signature)
    }
}

/// A session's recovery of what was signed, for one call: the key is all that there is to it.
pub type Recovering<'session> = Turn<'session, PublicKey>;

impl Recovering<'_> {
    /// C_VerifyRecover (v3.2, 5.15.6): the data that was signed.
    pub fn recover(self, signature: &[u8], mut data: Output<u8>) -> Result {
        let (key, place) = self.operation()?;
        let (got, wanted) = (signature.len(), key.signature_len());
        if got != wanted {
            return Err(Error::SignatureLenRange { got, wanted });
        }
        let recovered = recover(&key, signature).ok_or(Error::SignatureInvalid)?;
        match data.room_for(recovered.len()) {
            Room::Enough => data.put(&recovered),
            room => {
                place.keep(key);
                room.verdict()
            }
        }
    }
}
