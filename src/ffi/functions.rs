//! The one list of Cryptoki functions, in the order of the specification.
//!
//! `C_Name(arguments) => handler` is answered by `handler`; a bare `C_Name` by
//! `CKR_FUNCTION_NOT_SUPPORTED`. `provider` and `session` look the receiver up, `taken` also takes an
//! operation out, so that a refused argument ends it; each other argument is `name: kind`, and
//! `argument.rs` says what a kind takes from the C caller.

use std::ffi::c_void;

use cryptoki_sys::*;

use super::table::cryptoki;
use super::{process, table};
use crate::provider::{Ciphering, Digesting, Provider, Recovering, Session, Signing, Verifying};

cryptoki! {
    v2_40 {
        C_Initialize(args: pointer c_void) => process::initialize,
        C_Finalize(reserved: pointer c_void) => process::finalize,
        C_GetInfo(provider, info: set CK_INFO) => Provider::info,
        #[unsafe(no_mangle)]
        C_GetFunctionList(list: set CK_FUNCTION_LIST_PTR) => table::function_list,
        C_GetSlotList(provider, present: value CK_BBOOL, slots: output CK_SLOT_ID)
            => Provider::slots,
        C_GetSlotInfo(provider, slot: value CK_SLOT_ID, info: set CK_SLOT_INFO)
            => Provider::slot_info,
        C_GetTokenInfo(provider, slot: value CK_SLOT_ID, info: set CK_TOKEN_INFO)
            => Provider::token_info,
        C_GetMechanismList(provider, slot: value CK_SLOT_ID, list: output CK_MECHANISM_TYPE)
            => Provider::mechanisms,
        C_GetMechanismInfo(provider, slot: value CK_SLOT_ID, mechanism: value CK_MECHANISM_TYPE,
            info: set CK_MECHANISM_INFO) => Provider::mechanism_info,
        C_InitToken, C_InitPIN,
        C_SetPIN(session, old: secret, new: secret) => Session::set_pin,
        C_OpenSession(provider, slot: value CK_SLOT_ID, flags: value CK_FLAGS,
            application: pointer c_void, notify: value CK_NOTIFY,
            session: set CK_SESSION_HANDLE) => Provider::open_session,
        C_CloseSession(provider, session: value CK_SESSION_HANDLE) => Provider::close_session,
        C_CloseAllSessions(provider, slot: value CK_SLOT_ID) => Provider::close_all_sessions,
        C_GetSessionInfo(session, info: set CK_SESSION_INFO) => Session::info,
        C_GetOperationState, C_SetOperationState,
        C_Login(session, user: value CK_USER_TYPE, pin: secret) => Session::login,
        C_Logout(session) => Session::logout,
        C_CreateObject(session, template: template, object: set CK_OBJECT_HANDLE)
            => Session::create_object,
        C_CopyObject(session, object: value CK_OBJECT_HANDLE, template: template,
            copy: set CK_OBJECT_HANDLE) => Session::copy_object,
        C_DestroyObject(session, object: value CK_OBJECT_HANDLE) => Session::destroy_object,
        C_GetObjectSize(session, object: value CK_OBJECT_HANDLE, size: set CK_ULONG)
            => Session::object_size,
        C_GetAttributeValue(session, object: value CK_OBJECT_HANDLE, slots: attributes)
            => Session::attributes,
        C_SetAttributeValue(session, object: value CK_OBJECT_HANDLE, template: template)
            => Session::set_attributes,
        C_FindObjectsInit(session, template: template) => Session::find_init,
        C_FindObjects(session, objects: filled CK_OBJECT_HANDLE) => Session::find,
        C_FindObjectsFinal(session) => Session::find_final,
        C_EncryptInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE)
            => Session::encrypt_init,
        C_Encrypt(taken encrypting, data: secret, encrypted: output u8) => Ciphering::whole,
        C_EncryptUpdate(taken encrypting, part: secret, encrypted: output u8) => Ciphering::update,
        C_EncryptFinal(taken encrypting, encrypted: output u8) => Ciphering::finish,
        C_DecryptInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE)
            => Session::decrypt_init,
        C_Decrypt(taken decrypting, encrypted: input, data: output u8) => Ciphering::whole,
        C_DecryptUpdate(taken decrypting, encrypted: input, part: output u8) => Ciphering::update,
        C_DecryptFinal(taken decrypting, part: output u8) => Ciphering::finish,
        C_DigestInit(session, mechanism: mechanism) => Session::digest_init,
        C_Digest(taken digesting, data: input, digest: output u8) => Digesting::digest,
        C_DigestUpdate(taken digesting, part: input) => Digesting::update,
        C_DigestKey(taken digesting, key: value CK_OBJECT_HANDLE) => Digesting::update_by_key,
        C_DigestFinal(taken digesting, digest: output u8) => Digesting::finish,
        C_SignInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE)
            => Session::sign_init,
        C_Sign(taken signing, data: input, signature: output u8) => Signing::sign,
        C_SignUpdate(taken signing, part: input) => Signing::update,
        C_SignFinal(taken signing, signature: output u8) => Signing::finish,
        C_SignRecoverInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE)
            => Session::sign_recover_init,
        C_SignRecover(taken signing_recover, data: input, signature: output u8) => Signing::sign,
        C_VerifyInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE)
            => Session::verify_init,
        C_Verify(taken verifying, data: input, signature: input) => Verifying::verify,
        C_VerifyUpdate(taken verifying, part: input) => Verifying::update,
        C_VerifyFinal(taken verifying, signature: input) => Verifying::finish,
        C_VerifyRecoverInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE)
            => Session::verify_recover_init,
        C_VerifyRecover(taken recovering, signature: input, data: output u8)
            => Recovering::recover,
        C_DigestEncryptUpdate(session, part: secret, encrypted: output u8)
            => Session::digest_encrypt_update,
        C_DecryptDigestUpdate(session, encrypted: input, part: output u8)
            => Session::decrypt_digest_update,
        C_SignEncryptUpdate(session, part: secret, encrypted: output u8)
            => Session::sign_encrypt_update,
        C_DecryptVerifyUpdate(session, encrypted: input, part: output u8)
            => Session::decrypt_verify_update,
        C_GenerateKey(session, mechanism: mechanism, template: template,
            key: set CK_OBJECT_HANDLE) => Session::generate_key,
        C_GenerateKeyPair(session, mechanism: mechanism, public: template, private: template,
            public_key: set CK_OBJECT_HANDLE, private_key: set CK_OBJECT_HANDLE)
            => Session::generate_key_pair,
        C_WrapKey(session, mechanism: mechanism, wrapping: value CK_OBJECT_HANDLE,
            key: value CK_OBJECT_HANDLE, wrapped: output u8) => Session::wrap_key,
        C_UnwrapKey(session, mechanism: mechanism, unwrapping: value CK_OBJECT_HANDLE,
            wrapped: input, template: template, key: set CK_OBJECT_HANDLE)
            => Session::unwrap_key,
        C_DeriveKey(session, mechanism: mechanism, base: value CK_OBJECT_HANDLE,
            template: template, key: set CK_OBJECT_HANDLE) => Session::derive_key,
        C_SeedRandom(session, seed: input) => Session::seed_random,
        C_GenerateRandom(session, bytes: place u8) => Session::random,
        C_GetFunctionStatus(session) => Session::not_parallel,
        C_CancelFunction(session) => Session::not_parallel,
        C_WaitForSlotEvent(provider, flags: value CK_FLAGS, slot: set CK_SLOT_ID,
            reserved: pointer c_void) => Provider::wait_for_slot_event,
    }
    v3_0 {
        #[unsafe(no_mangle)]
        C_GetInterfaceList(interfaces: output CK_INTERFACE) => table::interface_list,
        #[unsafe(no_mangle)]
        C_GetInterface(name: pointer u8, version: pointer CK_VERSION,
            interface: set CK_INTERFACE_PTR, flags: value CK_FLAGS) => table::interface,
        C_LoginUser(session, user: value CK_USER_TYPE, pin: secret, name: input)
            => Session::login_user,
        C_SessionCancel(session, flags: value CK_FLAGS) => Session::cancel,
        C_MessageEncryptInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE)
            => Session::message_encrypt_init,
        C_EncryptMessage(session, message: message, aad: input, data: secret, encrypted: output u8)
            => Session::encrypt_message,
        C_EncryptMessageBegin(session, message: message, aad: input)
            => Session::encrypt_message_begin,
        C_EncryptMessageNext(session, message: message, part: secret, result: output u8,
            flags: value CK_FLAGS) => Session::encrypt_message_next,
        C_MessageEncryptFinal(session) => Session::message_encrypt_final,
        C_MessageDecryptInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE)
            => Session::message_decrypt_init,
        C_DecryptMessage(session, message: message, aad: input, encrypted: input, data: output u8)
            => Session::decrypt_message,
        C_DecryptMessageBegin(session, message: message, aad: input)
            => Session::decrypt_message_begin,
        C_DecryptMessageNext(session, message: message, part: input, result: output u8,
            flags: value CK_FLAGS) => Session::decrypt_message_next,
        C_MessageDecryptFinal(session) => Session::message_decrypt_final,
        C_MessageSignInit, C_SignMessage, C_SignMessageBegin, C_SignMessageNext, C_MessageSignFinal,
        C_MessageVerifyInit, C_VerifyMessage, C_VerifyMessageBegin, C_VerifyMessageNext,
        C_MessageVerifyFinal,
    }
    v3_2 {
        C_EncapsulateKey, C_DecapsulateKey,
        C_VerifySignatureInit(session, mechanism: mechanism, key: value CK_OBJECT_HANDLE,
            signature: input) => Session::verify_signature_init,
        C_VerifySignature(taken verifying_signature, data: input) => Verifying::verify_given,
        C_VerifySignatureUpdate(taken verifying_signature, part: input) => Verifying::update,
        C_VerifySignatureFinal(taken verifying_signature) => Verifying::finish_given,
        C_GetSessionValidationFlags(session, kind: value CK_SESSION_VALIDATION_FLAGS_TYPE,
            flags: set CK_FLAGS) => Session::validation_flags,
        C_AsyncComplete, C_AsyncGetID, C_AsyncJoin,
        C_WrapKeyAuthenticated(session, mechanism: mechanism, wrapping: value CK_OBJECT_HANDLE,
            key: value CK_OBJECT_HANDLE, aad: input, wrapped: output u8)
            => Session::wrap_key_authenticated,
        C_UnwrapKeyAuthenticated(session, mechanism: mechanism, unwrapping: value CK_OBJECT_HANDLE,
            wrapped: input, template: template, aad: input, key: set CK_OBJECT_HANDLE)
            => Session::unwrap_key_authenticated,
    }
}
