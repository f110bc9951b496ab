//! A slot whose keys come from a real KMIP server, wrapped, into another module's token.
//!
//! The module finds its token by the environment, so that all of it happens in a process of its own: the parent has the
//! server and the token's directory, the body the configuration.

use std::ffi::OsString;

use kmip_p11::config::Config;
use kmip_p11::error::Error;
use kmip_p11::model::key::Key;
use kmip_p11::model::public_key::PublicKey;
use kmip_p11::model::signature::{Hash, SignInput, SignScheme};
use kmip_p11::token::{self, DeliveryTask, SharedToken};

use crate::configuration::{Configuration, SlotEntry};
use crate::hsm::{Hsm, PIN, Vendor};
use crate::keys::{Keyring, fresh_group};
use crate::kmip_server::{KmipServer, LentServer, ServerKind};
use crate::openssh::user::User;
use crate::own_process::Surroundings;
use crate::scratch::Scratch;

/// The label of the slot.
pub const LABEL: &str = "delivered";

/// The label of the wrapping key.
pub const WRAPPING_KEY: &str = "kek";

/// What the parent has.
pub struct Ends {
    hsm: Hsm,
    server: &'static KmipServer,
}

/// What the body has.
pub struct Delivery {
    /// The configuration with the slot.
    pub configuration: Configuration,
    /// The object group of its keys.
    pub group: String,
    secrets: Scratch,
}

impl Ends {
    /// An empty token of SoftHSM2, and the server that the whole test program shares.
    pub fn on(kind: ServerKind) -> Self {
        Self::with(Vendor::SoftHsm, kind)
    }

    /// The same with that vendor's.
    pub fn with(vendor: Vendor, kind: ServerKind) -> Self {
        let (hsm, server) = (Hsm::new(vendor), kind.shared());
        Self { hsm, server }
    }
}

impl Surroundings for Ends {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let mut environment = self.server.environment();
        environment.extend(self.hsm.environment());
        environment
    }
}

impl Delivery {
    /// By that `delivery.wrap`; `adapt` may say more of the slot.
    pub fn by(wrap: &str, adapt: impl FnOnce(SlotEntry) -> SlotEntry) -> Self {
        let secrets = Scratch::new();
        let pin = secrets.write("pin", format!("{PIN}\n"));
        // Other bodies, in processes of their own, have the same server.
        let group = format!("{}-{}", fresh_group(), std::process::id());
        let slot = SlotEntry::new(LABEL, LentServer.endpoint("alice"))
            .group(&group)
            .line(format!(
                "hsm.module = {:?}",
                Vendor::of_environment().module()
            ))
            .line("hsm.token = \"token\"")
            .line(format!("hsm.pin_file = {pin:?}"))
            .line(format!("delivery.wrapping_key = {WRAPPING_KEY:?}"))
            .line(format!("delivery.wrap = {wrap:?}"));
        Self {
            configuration: Configuration::new(&[adapt(slot)]),
            group,
            secrets,
        }
    }

    /// The same, set up.
    #[track_caller]
    pub fn set_up_by(wrap: &str, adapt: impl FnOnce(SlotEntry) -> SlotEntry) -> Self {
        let delivery = Self::by(wrap, adapt);
        let told = delivery.token().delivery(DeliveryTask::SetUp);
        told.unwrap_or_else(|error| panic!("{error}\n{}", delivery.configuration.log()));
        delivery
    }

    /// The slot's token, with nothing known yet: as in another process.
    pub fn token(&self) -> SharedToken {
        let config = Config::load_from(self.configuration.path());
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        token::open(&config.slots[0])
    }

    /// Whoever makes its keys.
    pub fn keyring(&self) -> Keyring {
        Keyring::of(&self.configuration, LABEL, &self.group)
    }

    /// Somebody whose OpenSSH uses the slot.
    pub fn user(&self) -> User {
        let vendor = Vendor::of_environment();
        let conf = vendor.conf_of_environment().unwrap_or_default();
        User::of(&self.configuration).with_variable(vendor.variable(), conf.into())
    }

    /// A slot of the server's alone with the same keys: what others do there.
    pub fn others(&self) -> SharedToken {
        let slot = SlotEntry::new("others", LentServer.endpoint("alice")).group(&self.group);
        let configuration = Configuration::new(&[slot]);
        let config = Config::load_from(configuration.path()).expect("a configuration");
        token::open(&config.slots[0])
    }

    /// Where files for this test may be.
    pub fn directory(&self) -> &Scratch {
        &self.secrets
    }
}

/// A signature over some message; it was verified if it is there.
pub fn sign(token: &SharedToken, key: &Key) -> Result<Vec<u8>, Error> {
    let scheme = match key.public {
        PublicKey::Rsa { .. } => SignScheme::RsaPkcs1(Hash::Sha512),
        PublicKey::Ec { .. } => SignScheme::Ecdsa(Hash::Sha256),
        PublicKey::Ed25519(_) => SignScheme::Ed25519,
        PublicKey::MlDsa { .. } => SignScheme::MlDsa,
    };
    token.sign(key, scheme, SignInput::Message(b"a message"))
}
