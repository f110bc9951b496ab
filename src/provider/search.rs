//! A search: what C_FindObjectsInit began and C_FindObjects has not given yet.

use cryptoki_sys::*;

use super::catalog_search::CatalogSearch;

/// Between C_FindObjectsInit and C_FindObjectsFinal.
pub enum Search {
    /// Of a snapshot: the handles of all that matched.
    Listed(std::vec::IntoIter<CK_OBJECT_HANDLE>),
    /// Of a catalog: reads on as the program asks.
    Catalog(CatalogSearch),
}

impl Default for Search {
    /// One that finds nothing.
    fn default() -> Self {
        Search::Listed(vec![].into_iter())
    }
}
