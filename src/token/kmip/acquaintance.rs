//! What one process learns of a slot's servers, in a form that the next one can take over.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::KmipToken;
use super::request_form::FormExperience;
use crate::kmip::{self, Capabilities, ObjectType, Operation, ServerInfo, Version};
use crate::model::elements::one_by_one;

/// All that is taken over.
#[derive(Default, Serialize, Deserialize)]
struct Learnt {
    #[serde(deserialize_with = "one_by_one")]
    servers: Vec<Server>,
    #[serde(deserialize_with = "one_by_one")]
    forms: Vec<FormExperience>,
}

/// A server that was spoken to.
#[derive(Serialize, Deserialize)]
struct Server {
    name: String,
    version: (u32, u32),
    #[serde(deserialize_with = "one_by_one")]
    versions: Vec<(u32, u32)>,
    #[serde(deserialize_with = "one_by_one")]
    operations: Vec<u32>,
    #[serde(deserialize_with = "one_by_one")]
    object_types: Vec<u32>,
    vendor: Option<String>,
}

impl KmipToken {
    /// Of all that the configuration says of the slot, of the certificates that it names, and of this
    /// version of the library: whatever is changed there makes another identity.
    pub(super) fn identity_digest(&self) -> Option<[u8; 32]> {
        let tls = &self.config.tls;
        let said = format!("{:?}", (&self.config, &self.filter));
        let mut context = Context::new(&SHA256);
        let mut take = |bytes: &[u8]| {
            context.update(&(bytes.len() as u64).to_be_bytes());
            context.update(bytes);
        };
        take(env!("CARGO_PKG_VERSION").as_bytes());
        take(said.as_bytes());
        for file in [Some(&tls.ca), tls.client_cert.as_ref()]
            .into_iter()
            .flatten()
        {
            take(&std::fs::read(file).ok()?);
        }
        context.finish().as_ref().try_into().ok()
    }

    /// What is known of servers and forms, in bytes; nothing if that is too much.
    pub(super) fn learnt_bytes(&self) -> Vec<u8> {
        let servers = self.access.acquaintances();
        let learnt = Learnt {
            servers: servers.iter().map(Server::of).collect(),
            forms: self.forms.experiences(),
        };
        postcard::to_allocvec(&learnt).unwrap_or_default()
    }

    /// Takes such bytes over: what was agreed on with servers when one is spoken to for the first
    /// time, the forms at once.
    pub(super) fn recall_bytes(&self, learnt: &[u8]) {
        let learnt: Learnt = postcard::from_bytes(learnt).unwrap_or_default();
        self.access
            .recall(learnt.servers.iter().map(Server::known).collect());
        self.forms.recall(learnt.forms);
    }

    /// A listing asks everything anew: it costs no round trip then.
    pub(super) fn forget_recalled(&self) {
        self.access.forget_recalled();
        self.forms.forget_recalled();
    }
}

impl Server {
    fn of(known: &kmip::Acquaintance) -> Self {
        let ServerInfo {
            versions,
            capabilities,
        } = &known.info;
        let numbers = |version: &Version| (version.major, version.minor);
        Self {
            name: known.server.clone(),
            version: numbers(&known.version),
            versions: versions.iter().map(numbers).collect(),
            operations: capabilities.operations.iter().map(|it| it.0).collect(),
            object_types: capabilities.object_types.iter().map(|it| it.0).collect(),
            vendor: capabilities.vendor_identification.clone(),
        }
    }

    fn known(&self) -> kmip::Acquaintance {
        let version = |&(major, minor): &(u32, u32)| Version { major, minor };
        kmip::Acquaintance {
            server: self.name.clone(),
            version: version(&self.version),
            info: ServerInfo {
                versions: self.versions.iter().map(version).collect(),
                capabilities: Capabilities {
                    operations: self.operations.iter().copied().map(Operation).collect(),
                    object_types: self.object_types.iter().copied().map(ObjectType).collect(),
                    vendor_identification: self.vendor.clone(),
                    ..Capabilities::default()
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> kmip::Acquaintance {
        let info = ServerInfo {
            versions: vec![Version::V2_1, Version::V1_4],
            capabilities: Capabilities {
                operations: vec![Operation::SIGN],
                object_types: vec![ObjectType::PRIVATE_KEY],
                vendor_identification: Some("a server".into()),
                ..Capabilities::default()
            },
        };
        kmip::Acquaintance {
            server: "kmip1.example.org:5696".into(),
            version: Version::V2_1,
            info,
        }
    }

    #[test]
    fn an_acquaintance_goes_through_bytes_and_back() {
        let learnt = Learnt {
            servers: vec![Server::of(&known())],
            forms: vec![],
        };
        let bytes = postcard::to_allocvec(&learnt).unwrap();
        let back: Learnt = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back.servers[0].known(), known());
        for end in 0..bytes.len() {
            assert!(postcard::from_bytes::<Learnt>(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn a_claimed_number_of_servers_is_not_believed() {
        let many = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(postcard::from_bytes::<Learnt>(&many).is_err());
        let many_names = [&[0x81, 0x20][..], &[0; 1 << 16]].concat();
        assert!(postcard::from_bytes::<Learnt>(&many_names).is_err());
    }
}
