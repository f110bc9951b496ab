//! From the configuration file to a provider: what C_Initialize does besides checking arguments.

use crate::error::Result;
use crate::provider::Provider;

/// A provider of the configured slots; asks no server.
pub fn provider() -> Result<Provider> {
    Ok(Provider::default())
}
