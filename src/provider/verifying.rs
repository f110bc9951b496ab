//! The calls that go on with the check of a signature, which needs nobody but the public key.

use super::message::Message;
use super::underway::Turn;
use crate::crypto::{check, recover};
use crate::error::{Error, Result};
use crate::model::output::{Output, Room};
use crate::model::public_key::PublicKey;
use crate::model::verification::Verification;

/// From C_VerifyInit or C_VerifySignatureInit to the end of the check.
pub struct VerifyOperation {
    key: PublicKey,
    by: Verification,
    message: Message,
    in_parts: bool,
    /// The signature that was given beforehand.
    signature: Vec<u8>,
}

impl VerifyOperation {
    /// The check of a signature of that key.
    ///
    /// # Errors
    /// [`Error::KeyTypeInconsistent`] if such keys make no such signatures.
    pub fn new(key: PublicKey, by: Verification, mechanism: &'static str) -> Result<Self> {
        match by.goes_with(key.key_type()) {
            true => Ok(Self {
                message: Message::new(by.digest),
                key,
                by,
                in_parts: false,
                signature: vec![],
            }),
            false => Err(Error::KeyTypeInconsistent {
                mechanism,
                key: key.key_type().to_string(),
            }),
        }
    }

    /// The same with the signature at hand.
    pub fn of_signature(self, signature: &[u8]) -> Result<Self> {
        self.has_length(signature)?;
        let signature = signature.to_vec();
        Ok(Self { signature, ..self })
    }

    fn has_length(&self, signature: &[u8]) -> Result {
        match (signature.len(), self.key.signature_len()) {
            (got, wanted) if got == wanted => Ok(()),
            (got, wanted) => Err(Error::SignatureLenRange { got, wanted }),
        }
    }

    fn verdict(self, signature: &[u8]) -> Result {
        self.has_length(signature)?;
        let data = self.message.finish();
        if !self.by.takes(&self.key, &data) {
            let (got, wanted) = (data.len(), "as many as the mechanism signs with this key");
            return Err(Error::DataLenRange { got, wanted });
        }
        match check(&self.key, self.by, &data, signature) {
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
        operation.message.add(data)?;
        operation.verdict(signature)
    }

    /// C_VerifySignature (v3.2, 5.16.2).
    pub fn verify_given(self, data: &[u8]) -> Result {
        let mut operation = self.whole()?;
        operation.message.add(data)?;
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
        operation.message.add(part)?;
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
