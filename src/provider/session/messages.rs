//! Encryption message by message: C_MessageEncryptInit, C_MessageDecryptInit and what goes on with them.

use cryptoki_sys::*;
use zeroize::Zeroizing;

use super::Session;
use crate::crypto::cipher::Direction;
use crate::error::{Error, Result};
use crate::model::cipher::AesKind;
use crate::model::gcm_message::GcmMessage;
use crate::model::key_mechanism::{KeyMechanism, KeyWork};
use crate::model::mechanism_call::{MechanismCall, Parameter};
use crate::model::output::Output;
use crate::provider::messages::MessageOperation;
use crate::provider::underway::Underway;

impl Session {
    /// C_MessageEncryptInit (v3.2, 5.9.1); no mechanism ends the operation under way.
    pub fn message_encrypt_init(
        &mut self,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
    ) -> Result {
        self.message_init(Direction::Encrypt, mechanism, key)
    }

    /// C_MessageDecryptInit (v3.2, 5.11.1); no mechanism ends the operation under way.
    pub fn message_decrypt_init(
        &mut self,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
    ) -> Result {
        self.message_init(Direction::Decrypt, mechanism, key)
    }

    fn message_init(
        &mut self,
        direction: Direction,
        mechanism: Option<MechanismCall>,
        key: CK_OBJECT_HANDLE,
    ) -> Result {
        let Some(call) = mechanism else {
            self.messages_under_way(direction).cancel();
            return Ok(());
        };
        self.messages_under_way(direction).vacate()?;
        let operation = self.messages(&call, key, direction)?;
        self.messages_under_way(direction).keep(operation);
        Ok(())
    }

    fn messages_under_way(&mut self, direction: Direction) -> &mut Underway<MessageOperation> {
        match direction {
            Direction::Encrypt => &mut self.message_encrypt,
            Direction::Decrypt => &mut self.message_decrypt,
        }
    }

    fn messages(
        &self,
        call: &MechanismCall,
        key: CK_OBJECT_HANDLE,
        direction: Direction,
    ) -> Result<MessageOperation> {
        let row = KeyMechanism::of(call.number)?;
        if row.work != KeyWork::Aes(AesKind::Gcm) {
            return Err(Error::MechanismInvalid(call.number));
        }
        if call.parameter != Parameter::None {
            return Err(row.refused("takes its parameter with each message"));
        }
        let use_of_it = match direction {
            Direction::Encrypt => CKA_ENCRYPT,
            Direction::Decrypt => CKA_DECRYPT,
        };
        let object = self.key_for(key, use_of_it, call.number)?;
        let value = Zeroizing::new(object.aes_value(row)?.to_vec());
        MessageOperation::new(row, value, direction)
    }

    /// C_EncryptMessage (v3.2, 5.9.2).
    pub fn encrypt_message(
        &mut self,
        message: Option<GcmMessage<'_>>,
        aad: &[u8],
        data: &[u8],
        result: Output<u8>,
    ) -> Result {
        self.message_encrypt.whole(message, aad, data, result)
    }

    /// C_EncryptMessageBegin (v3.2, 5.9.3).
    pub fn encrypt_message_begin(&mut self, message: Option<GcmMessage<'_>>, aad: &[u8]) -> Result {
        self.message_encrypt.begin(message, aad)
    }

    /// C_EncryptMessageNext (v3.2, 5.9.4).
    pub fn encrypt_message_next(
        &mut self,
        message: Option<GcmMessage<'_>>,
        part: &[u8],
        result: Output<u8>,
        flags: CK_FLAGS,
    ) -> Result {
        self.message_encrypt.next(message, part, result, flags)
    }

    /// C_MessageEncryptFinal (v3.2, 5.9.5).
    pub fn message_encrypt_final(&mut self) -> Result {
        self.message_encrypt.end()
    }

    /// C_DecryptMessage (v3.2, 5.11.2).
    pub fn decrypt_message(
        &mut self,
        message: Option<GcmMessage<'_>>,
        aad: &[u8],
        data: &[u8],
        result: Output<u8>,
    ) -> Result {
        self.message_decrypt.whole(message, aad, data, result)
    }

    /// C_DecryptMessageBegin (v3.2, 5.11.3).
    pub fn decrypt_message_begin(&mut self, message: Option<GcmMessage<'_>>, aad: &[u8]) -> Result {
        self.message_decrypt.begin(message, aad)
    }

    /// C_DecryptMessageNext (v3.2, 5.11.4).
    pub fn decrypt_message_next(
        &mut self,
        message: Option<GcmMessage<'_>>,
        part: &[u8],
        result: Output<u8>,
        flags: CK_FLAGS,
    ) -> Result {
        self.message_decrypt.next(message, part, result, flags)
    }

    /// C_MessageDecryptFinal (v3.2, 5.11.5).
    pub fn message_decrypt_final(&mut self) -> Result {
        self.message_decrypt.end()
    }
}

/// What goes on with a series of messages, in either direction.
impl Underway<MessageOperation> {
    fn whole(
        &mut self,
        message: Option<GcmMessage<'_>>,
        aad: &[u8],
        data: &[u8],
        result: Output<u8>,
    ) -> Result {
        let operation = self.active()?;
        operation.whole(&operation.parameter(message)?, aad, data, result)
    }

    fn begin(&mut self, message: Option<GcmMessage<'_>>, aad: &[u8]) -> Result {
        let operation = self.active()?;
        operation.begin(&operation.parameter(message)?, aad)
    }

    fn next(
        &mut self,
        message: Option<GcmMessage<'_>>,
        part: &[u8],
        result: Output<u8>,
        flags: CK_FLAGS,
    ) -> Result {
        let is_last = flags & CKF_END_OF_MESSAGE != 0;
        let operation = self.active()?;
        operation.next(&operation.parameter(message)?, part, result, is_last)
    }

    fn end(&mut self) -> Result {
        self.active()?;
        self.cancel();
        Ok(())
    }
}
