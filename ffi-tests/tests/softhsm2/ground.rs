//! Where the calls are made: a module, and a session in which the token's keys can be used.

use cryptoki_sys::*;
use ffi_tests::hsm::{MODULE, PIN, TOKEN};
use ffi_tests::module::Module;
use ffi_tests::scene::LABEL;
use ffi_tests::session::Session;
use ffi_tests::session_objects::Objects;

/// Whose module it is.
#[derive(Debug, Clone, Copy)]
pub enum Whose {
    /// libkmip_p11.so, with a keystore.
    Ours,
    /// SoftHSM2's.
    SoftHsm2,
}

impl Whose {
    /// For the environment of a child.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::SoftHsm2 => "SoftHSM2",
        }
    }

    /// What the parent has put there.
    pub fn of_environment(variable: &str) -> Self {
        match std::env::var(variable).as_deref() {
            Ok("ours") => Self::Ours,
            Ok("SoftHSM2") => Self::SoftHsm2,
            other => panic!("{variable} is {other:?}"),
        }
    }
}

/// A module that lives as long as the process, and a session of it.
pub struct Ground {
    /// The module.
    pub module: &'static Module,
    /// The session.
    pub session: Session<'static>,
}

impl Ground {
    /// With a token that has the keys "rsa", "p256" and "ed25519", logged in where that is needed.
    pub fn of(whose: Whose) -> Self {
        let (module, label) = match whose {
            Whose::Ours => (Module::load(), LABEL),
            Whose::SoftHsm2 => (Module::load_from(MODULE.as_ref()), TOKEN),
        };
        let module: &'static Module = Box::leak(Box::new(module));
        module.initialize().expect("C_Initialize");
        let session = Session::open(module, module.slot(label)).expect("a session");
        if let Whose::SoftHsm2 = whose {
            session.login(CKU_USER, PIN).expect("C_Login");
        }
        Self { module, session }
    }

    /// The calls that make and change objects.
    pub fn objects(&self) -> Objects<'static> {
        Objects::of(self.module, &self.session)
    }
}
