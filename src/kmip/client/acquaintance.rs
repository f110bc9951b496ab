//! Acquaintance: what one client agreed on with a server, taken over by another, and given up if it is no longer so.

use super::Client;
use super::negotiation::{Agreement, ServerInfo};
use crate::kmip::version::Version;
use std::sync::Arc;

/// What was agreed with a server, for another client of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acquaintance {
    /// The server, as [`Client::servers`] shows it.
    pub server: String,
    /// The version in use.
    pub version: Version,
    /// What it told about itself.
    pub info: ServerInfo,
}

impl Agreement {
    fn recalled(known: &Acquaintance) -> Agreement {
        Agreement {
            version: known.version,
            info: known.info.clone(),
            queried: true,
            recalled: true,
        }
    }
}

impl Client {
    /// What was agreed with each server that was spoken to.
    pub fn acquaintances(&self) -> Vec<Acquaintance> {
        let known = self.agreements.iter().zip(&self.settings.servers);
        let known = known.filter_map(|(agreement, server)| {
            let agreement = agreement.lock().clone().filter(|known| known.queried)?;
            Some(Acquaintance {
                server: server.to_string(),
                version: agreement.version,
                info: agreement.info.clone(),
            })
        });
        known.collect()
    }

    /// Takes over what another client agreed on, for servers that nothing is known of. A server that
    /// refuses the version is asked anew in the same call. Where the settings say which version to
    /// use there is nothing to be taken over.
    pub fn recall(&self, known: &[Acquaintance]) {
        if self.settings.version.is_some() {
            return;
        }
        for (agreement, server) in self.agreements.iter().zip(&self.settings.servers) {
            let name = server.to_string();
            let known = known.iter().find(|known| known.server == name);
            let usable = known.filter(|known| Version::KNOWN.contains(&known.version));
            let mut place = agreement.lock();
            if let (None, Some(known)) = (&*place, usable) {
                *place = Some(Arc::new(Agreement::recalled(known)));
            }
        }
    }

    /// Forgets what was taken over: the next call finds out for itself.
    pub fn forget_recalled(&self) {
        for agreement in &self.agreements {
            let mut place = agreement.lock();
            if place.as_ref().is_some_and(|known| known.recalled) {
                *place = None;
            }
        }
    }
}
