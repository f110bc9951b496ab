//! A search: what C_FindObjectsInit began and C_FindObjects has not given yet.

use std::collections::VecDeque;

use cryptoki_sys::*;

use super::catalog_search::CatalogSearch;

/// Between C_FindObjectsInit and C_FindObjectsFinal.
#[derive(Default)]
pub struct Search {
    /// The session objects that matched; they are given first.
    pub session: VecDeque<CK_OBJECT_HANDLE>,
    /// The token's.
    pub token: TokenSearch,
}

/// A search of a token's objects.
pub enum TokenSearch {
    /// Of a snapshot: the handles of all that matched.
    Listed(std::vec::IntoIter<CK_OBJECT_HANDLE>),
    /// Of a catalog: reads on as the program asks.
    Catalog(CatalogSearch),
}

impl Default for TokenSearch {
    /// One that finds nothing.
    fn default() -> Self {
        TokenSearch::Listed(vec![].into_iter())
    }
}
