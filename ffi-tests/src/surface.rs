//! Every function of Cryptoki 3.2 with the kinds of its arguments, callable by words that may be anything.

use std::ffi::c_void;
use std::mem::offset_of;

use cryptoki_sys::*;

/// What an argument is. Some are two or three words of the C call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A session's handle.
    Session,
    /// A slot's number.
    Slot,
    /// A handle of an object.
    Object,
    /// A pointer to a mechanism.
    Mechanism,
    /// Attributes with their values: a pointer and how many.
    Template,
    /// Attributes to be filled: a pointer and how many.
    Asked,
    /// Bytes to be read: a pointer and how many.
    Input,
    /// Bytes to be filled: a pointer, and a pointer to how many.
    Output,
    /// Numbers or structures to be filled: a pointer, and a pointer to how many.
    List,
    /// Handles to be filled: a pointer, at most how many, and a pointer to how many.
    Found,
    /// Bytes to be filled: a pointer and how many.
    Filled,
    /// A pointer to something to be filled, which must not be null.
    Place,
    /// A pointer to text of 32 bytes.
    Text,
    /// What has to be null.
    Reserved,
    /// A pointer that may be null.
    Optional,
    /// A number, which is usually this one.
    Value(CK_ULONG),
}

impl Kind {
    /// Of how many words of the call.
    pub fn words(self) -> usize {
        match self {
            Self::Found => 3,
            Self::Template | Self::Asked | Self::Input | Self::Output | Self::List => 2,
            Self::Filled => 2,
            _ => 1,
        }
    }
}

/// A function of the table.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub takes: &'static [Kind],
    /// Where it is in the table, in bytes.
    offset: usize,
}

macro_rules! surface {
    ($($name:ident($($kind:expr),*);)*) => {
        /// All of them, in the order of the table.
        pub static SURFACE: &[Function] = &[$(Function {
            name: stringify!($name),
            takes: &[$($kind),*],
            offset: offset_of!(CK_FUNCTION_LIST_3_2, $name),
        }),*];
    };
}

use Kind::*;

/// A call that waits for no event.
const SOON: Kind = Value(CKF_DONT_BLOCK);
const SERIAL: Kind = Value(CKF_SERIAL_SESSION | CKF_RW_SESSION);
const USER: Kind = Value(CKU_USER);

surface! {
    C_Initialize(Reserved);
    C_Finalize(Reserved);
    C_GetInfo(Place);
    C_GetFunctionList(Place);
    C_GetSlotList(Value(1), List);
    C_GetSlotInfo(Slot, Place);
    C_GetTokenInfo(Slot, Place);
    C_GetMechanismList(Slot, List);
    C_GetMechanismInfo(Slot, Value(CKM_ECDSA), Place);
    C_InitToken(Slot, Input, Text);
    C_InitPIN(Session, Input);
    C_SetPIN(Session, Input, Input);
    C_OpenSession(Slot, SERIAL, Value(0), Value(0), Place);
    C_CloseSession(Session);
    C_CloseAllSessions(Slot);
    C_GetSessionInfo(Session, Place);
    C_GetOperationState(Session, Output);
    C_SetOperationState(Session, Input, Value(0), Value(0));
    C_Login(Session, USER, Input);
    C_Logout(Session);
    C_CreateObject(Session, Template, Place);
    C_CopyObject(Session, Object, Template, Place);
    C_DestroyObject(Session, Object);
    C_GetObjectSize(Session, Object, Place);
    C_GetAttributeValue(Session, Object, Asked);
    C_SetAttributeValue(Session, Object, Template);
    C_FindObjectsInit(Session, Template);
    C_FindObjects(Session, Found);
    C_FindObjectsFinal(Session);
    C_EncryptInit(Session, Mechanism, Object);
    C_Encrypt(Session, Input, Output);
    C_EncryptUpdate(Session, Input, Output);
    C_EncryptFinal(Session, Output);
    C_DecryptInit(Session, Mechanism, Object);
    C_Decrypt(Session, Input, Output);
    C_DecryptUpdate(Session, Input, Output);
    C_DecryptFinal(Session, Output);
    C_DigestInit(Session, Mechanism);
    C_Digest(Session, Input, Output);
    C_DigestUpdate(Session, Input);
    C_DigestKey(Session, Object);
    C_DigestFinal(Session, Output);
    C_SignInit(Session, Mechanism, Object);
    C_Sign(Session, Input, Output);
    C_SignUpdate(Session, Input);
    C_SignFinal(Session, Output);
    C_SignRecoverInit(Session, Mechanism, Object);
    C_SignRecover(Session, Input, Output);
    C_VerifyInit(Session, Mechanism, Object);
    C_Verify(Session, Input, Input);
    C_VerifyUpdate(Session, Input);
    C_VerifyFinal(Session, Input);
    C_VerifyRecoverInit(Session, Mechanism, Object);
    C_VerifyRecover(Session, Input, Output);
    C_DigestEncryptUpdate(Session, Input, Output);
    C_DecryptDigestUpdate(Session, Input, Output);
    C_SignEncryptUpdate(Session, Input, Output);
    C_DecryptVerifyUpdate(Session, Input, Output);
    C_GenerateKey(Session, Mechanism, Template, Place);
    C_GenerateKeyPair(Session, Mechanism, Template, Template, Place, Place);
    C_WrapKey(Session, Mechanism, Object, Object, Output);
    C_UnwrapKey(Session, Mechanism, Object, Input, Template, Place);
    C_DeriveKey(Session, Mechanism, Object, Template, Place);
    C_SeedRandom(Session, Input);
    C_GenerateRandom(Session, Filled);
    C_GetFunctionStatus(Session);
    C_CancelFunction(Session);
    C_WaitForSlotEvent(SOON, Place, Reserved);
    C_GetInterfaceList(List);
    C_GetInterface(Optional, Optional, Place, Value(0));
    C_LoginUser(Session, USER, Input, Input);
    C_SessionCancel(Session, Value(CKF_SIGN));
    C_MessageEncryptInit(Session, Mechanism, Object);
    C_EncryptMessage(Session, Input, Input, Input, Output);
    C_EncryptMessageBegin(Session, Input, Input);
    C_EncryptMessageNext(Session, Input, Input, Output, Value(0));
    C_MessageEncryptFinal(Session);
    C_MessageDecryptInit(Session, Mechanism, Object);
    C_DecryptMessage(Session, Input, Input, Input, Output);
    C_DecryptMessageBegin(Session, Input, Input);
    C_DecryptMessageNext(Session, Input, Input, Output, Value(0));
    C_MessageDecryptFinal(Session);
    C_MessageSignInit(Session, Mechanism, Object);
    C_SignMessage(Session, Input, Input, Output);
    C_SignMessageBegin(Session, Input);
    C_SignMessageNext(Session, Input, Input, Output);
    C_MessageSignFinal(Session);
    C_MessageVerifyInit(Session, Mechanism, Object);
    C_VerifyMessage(Session, Input, Input, Input);
    C_VerifyMessageBegin(Session, Input);
    C_VerifyMessageNext(Session, Input, Input, Input);
    C_MessageVerifyFinal(Session);
    C_EncapsulateKey(Session, Mechanism, Object, Template, Output, Place);
    C_DecapsulateKey(Session, Mechanism, Object, Template, Input, Place);
    C_VerifySignatureInit(Session, Mechanism, Object, Input);
    C_VerifySignature(Session, Input);
    C_VerifySignatureUpdate(Session, Input);
    C_VerifySignatureFinal(Session);
    C_GetSessionValidationFlags(Session, Value(1), Place);
    C_AsyncComplete(Session, Text, Place);
    C_AsyncGetID(Session, Text, Place);
    C_AsyncJoin(Session, Text, Value(0), Filled);
    C_WrapKeyAuthenticated(Session, Mechanism, Object, Object, Input, Output);
    C_UnwrapKeyAuthenticated(Session, Mechanism, Object, Input, Template, Input, Place);
}

/// The function of that name.
///
/// # Panics
/// If there is none.
pub fn function(name: &str) -> &'static Function {
    let found = SURFACE.iter().find(|function| function.name == name);
    found.unwrap_or_else(|| panic!("Cryptoki has no {name}"))
}

impl Function {
    /// Its place among the functions of the table, from 0.
    pub fn position(&self) -> usize {
        (self.offset - offset_of!(CK_FUNCTION_LIST_3_2, C_Initialize)) / size_of::<usize>()
    }

    /// The call with these words. More than it takes are given: the C calling conventions of Linux let a
    /// caller do that, and a smaller number lets a hostile caller be written down in one way.
    ///
    /// # Safety
    /// `table` is that of a loaded module; the words are as PKCS#11 wants them, or such that they must be refused.
    pub unsafe fn call(&self, table: *const CK_FUNCTION_LIST_3_2, words: &[CK_ULONG]) -> CK_RV {
        type Entry = unsafe extern "C" fn(
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
            CK_ULONG,
        ) -> CK_RV;
        let mut all = [0; 11];
        all[..words.len()].copy_from_slice(words);
        let [a, b, c, d, e, f, g, h, i, j, k] = all;
        // SAFETY: the table has a function there, and see above.
        unsafe {
            let entry = table.byte_add(self.offset).cast::<*const c_void>().read();
            std::mem::transmute::<*const c_void, Entry>(entry)(a, b, c, d, e, f, g, h, i, j, k)
        }
    }
}
