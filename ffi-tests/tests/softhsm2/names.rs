//! What codes are called.

use cryptoki_sys::*;
use ffi_tests::module::Answer;

macro_rules! names {
    ($($name:ident)*) => {
        /// A code by its name.
        pub fn name(rv: CK_RV) -> String {
            match rv {
                $($name => stringify!($name).to_owned(),)*
                other => format!("{other:#x}"),
            }
        }
    };
}

names! {
    CKR_OK CKR_ARGUMENTS_BAD CKR_ATTRIBUTE_READ_ONLY CKR_ATTRIBUTE_TYPE_INVALID CKR_ATTRIBUTE_VALUE_INVALID
    CKR_BUFFER_TOO_SMALL CKR_CRYPTOKI_ALREADY_INITIALIZED CKR_CRYPTOKI_NOT_INITIALIZED CKR_DATA_INVALID
    CKR_DATA_LEN_RANGE CKR_DEVICE_ERROR CKR_DEVICE_MEMORY CKR_DOMAIN_PARAMS_INVALID CKR_FUNCTION_FAILED
    CKR_FUNCTION_NOT_SUPPORTED CKR_GENERAL_ERROR CKR_HOST_MEMORY CKR_KEY_FUNCTION_NOT_PERMITTED
    CKR_KEY_HANDLE_INVALID CKR_KEY_SIZE_RANGE CKR_KEY_TYPE_INCONSISTENT CKR_MECHANISM_INVALID
    CKR_MECHANISM_PARAM_INVALID CKR_OBJECT_HANDLE_INVALID CKR_OPERATION_ACTIVE
    CKR_OPERATION_NOT_INITIALIZED CKR_SIGNATURE_INVALID CKR_SIGNATURE_LEN_RANGE CKR_TEMPLATE_INCOMPLETE
    CKR_TEMPLATE_INCONSISTENT CKR_USER_NOT_LOGGED_IN
}

/// An answer by the name of its code.
pub fn told<T>(answer: &Answer<T>) -> String {
    name(answer.as_ref().err().copied().unwrap_or(CKR_OK))
}
