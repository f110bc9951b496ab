//! An object that programs hold a handle of: one of the token's, or one that lives in their session.

use std::sync::Arc;

use cryptoki_sys::*;

use super::session_object::SessionObject;
use super::token_object::TokenObject;
use crate::model::attribute::Attributes;

/// A PKCS#11 object.
#[derive(Clone)]
pub enum Object {
    /// It is in the token (CKA_TOKEN is true).
    Token(TokenObject),
    /// It ends with the session that made it, or describes the token.
    Session(Arc<SessionObject>),
}

impl Object {
    /// Its CKA_CLASS.
    pub fn class(&self) -> CK_OBJECT_CLASS {
        match self {
            Object::Token(object) => object.class(),
            Object::Session(object) => object.class(),
        }
    }

    /// All that C_GetAttributeValue tells.
    pub fn attributes(&self) -> Attributes {
        match self {
            Object::Token(object) => object.attributes(),
            Object::Session(object) => object.attributes().clone(),
        }
    }

    /// Whether it is that object, unchanged since.
    pub fn is_same(&self, other: &Object) -> bool {
        match (self, other) {
            (Object::Token(one), Object::Token(other)) => one.is_same(other),
            (Object::Session(one), Object::Session(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}
