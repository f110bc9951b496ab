//! What a slot's token holds: a snapshot of everything, or the token's own catalog.

use std::sync::Arc;

use cryptoki_sys::*;

use super::catalog_search::CatalogObjects;
use super::object_cache::{CacheRules, ObjectCache};
use super::search::TokenSearch;
use super::token_object::TokenObject;
use crate::error::Result;
use crate::model::attribute::Template;
use crate::token::SharedToken;

/// How the objects of a token are known.
pub enum Holdings {
    /// Of a token that is far: as it was last listed.
    Listed(Box<ObjectCache>),
    /// Of a token that is near: as it is.
    Catalog(CatalogObjects),
}

impl Holdings {
    /// Asks nobody.
    pub fn new(token: SharedToken, rules: CacheRules) -> Self {
        match Arc::clone(&token).catalog() {
            Some(catalog) => Self::Catalog(CatalogObjects::new(token, catalog)),
            None => Self::Listed(Box::new(ObjectCache::new(token, rules))),
        }
    }

    /// A search for all objects that match; `exact` if it is by an object's ID.
    pub fn search(&self, template: Template, exact: bool) -> Result<TokenSearch> {
        match self {
            Self::Listed(cache) => {
                let handles = cache.search(&template, exact)?;
                Ok(TokenSearch::Listed(handles.into_iter()))
            }
            Self::Catalog(catalog) => Ok(TokenSearch::Catalog(catalog.search(template)?)),
        }
    }

    /// The next objects of a search, at most `room`, of the classes that may be seen.
    pub fn next(
        &self,
        search: &mut TokenSearch,
        room: usize,
        is_visible: impl Fn(CK_OBJECT_CLASS) -> bool,
    ) -> Result<Vec<CK_OBJECT_HANDLE>> {
        match (self, search) {
            (Self::Catalog(catalog), TokenSearch::Catalog(search)) => {
                catalog.next(search, room, is_visible)
            }
            (_, TokenSearch::Listed(handles)) if is_visible(CKO_PRIVATE_KEY) => {
                Ok(handles.take(room).collect())
            }
            (Self::Listed(cache), TokenSearch::Listed(handles)) => {
                let class = |handle| cache.object(handle).map(|object| object.class());
                let visible = handles.filter(|handle| class(*handle).is_some_and(&is_visible));
                Ok(visible.take(room).collect())
            }
            _ => Ok(vec![]),
        }
    }

    /// The object with that handle, if it is still there.
    pub fn object(&self, handle: CK_OBJECT_HANDLE) -> Result<Option<TokenObject>> {
        match self {
            Self::Listed(cache) => Ok(cache.object(handle)),
            Self::Catalog(catalog) => catalog.object(handle),
        }
    }

    /// After something was changed, or the token said that something is gone.
    pub fn expire(&self) {
        match self {
            Self::Listed(cache) => cache.expire(),
            Self::Catalog(catalog) => catalog.expire(),
        }
    }

    /// After a logout: handles of private objects are never used again.
    pub fn forget(&self) {
        match self {
            Self::Listed(cache) => cache.forget(),
            Self::Catalog(catalog) => catalog.forget(),
        }
    }

    /// Other processes ask the token themselves.
    pub fn forget_file(&self) {
        if let Self::Listed(cache) = self {
            cache.forget_file();
        }
    }

    /// After a signature: what the token has learnt by it is kept for other processes.
    pub fn keep_learnt(&self) {
        if let Self::Listed(cache) = self {
            cache.keep_learnt();
        }
    }
}
