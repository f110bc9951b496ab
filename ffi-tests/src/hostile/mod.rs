//! Calls whose arguments nobody should give, to every function of a module, each in a session of its own.
//!
//! # Safety
//! The `unsafe` blocks of this folder call a module with words that are valid, or that it must refuse
//! before it follows them. What they point to is in [`Guarded`] memory of the one call.

mod fault;
mod honest;
mod judge;
mod last_words;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use cryptoki_sys::*;

pub use fault::{FAULTS, Fault};
pub use honest::{Holdings, Key, start_of};
pub use judge::{Findings, complaint, ways};

use crate::call;
use crate::guarded::Guarded;
use crate::module::Module;
use crate::surface::{Function, Kind, SURFACE};

/// What an argument of a call stands in.
pub struct Ground {
    /// Bytes, structures, attributes: what the first word points to.
    pub data: Guarded,
    /// The length that goes with it, where it is given by a pointer.
    pub length: Guarded,
    /// What the structures point to.
    pub inner: Guarded,
}

/// A module, initialized, and a slot of it with keys.
pub struct World<'module> {
    module: &'module Module,
    table: *const CK_FUNCTION_LIST_3_2,
    functions: usize,
    /// What is called.
    pub slot: CK_SLOT_ID,
    /// A handle that a session had.
    pub closed: CK_SESSION_HANDLE,
    /// The objects that calls are honest with.
    pub holdings: Holdings,
    grounds: Vec<Ground>,
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// What it answered.
    pub answer: CK_RV,
    /// What the same call, made honestly, answered after it in the same session: of functions that go on
    /// with an operation, which the answer should have ended.
    pub afterwards: Option<CK_RV>,
}

/// An argument of a function, and what is wrong with it.
pub type Wrong = (usize, &'static Fault);

impl<'module> World<'module> {
    /// Of our own module, with all functions of 3.2.
    pub fn new(module: &'module Module, slot: CK_SLOT_ID) -> Self {
        let table = std::ptr::from_ref(module.list_3_2());
        Self::of(module, table, SURFACE.len(), slot)
    }

    /// Of a module of version 2.40.
    pub fn of_old(module: &'module Module, slot: CK_SLOT_ID) -> Self {
        let table = std::ptr::from_ref(module.list()).cast();
        let last = crate::surface::function("C_WaitForSlotEvent").position();
        Self::of(module, table, last + 1, slot)
    }

    fn of(
        module: &'module Module,
        table: *const CK_FUNCTION_LIST_3_2,
        functions: usize,
        slot: CK_SLOT_ID,
    ) -> Self {
        let ground = |_| Ground {
            data: Guarded::new(),
            length: Guarded::new(),
            inner: Guarded::new(),
        };
        let mut world = Self {
            module,
            table,
            functions,
            slot,
            closed: 0,
            holdings: Holdings::default(),
            grounds: (0..10).map(ground).collect(),
        };
        world.closed = world.session();
        world.holdings = Holdings::seen_by(module, slot);
        call!(module, C_CloseSession, world.closed);
        world
    }

    /// The functions that the module's table has.
    pub fn functions(&self) -> impl Iterator<Item = &'static Function> {
        SURFACE.iter().filter(|it| it.position() < self.functions)
    }

    /// A new session for reading and writing.
    pub fn session(&self) -> CK_SESSION_HANDLE {
        let (mut handle, flags) = (0, CKF_SERIAL_SESSION | CKF_RW_SESSION);
        let (nobody, slot) = (std::ptr::null_mut(), self.slot);
        let place = &mut handle;
        let rv = call!(self.module, C_OpenSession, slot, flags, nobody, None, place);
        assert_eq!(rv, CKR_OK, "C_OpenSession");
        handle
    }

    /// The call with these faults in it, in a new session in which the function's operation was begun.
    pub fn attempt(&self, function: &Function, wrong: &[Wrong]) -> Outcome {
        last_words::about_to(told(function, wrong));
        let session = self.session();
        let start = start_of(function.name);
        if let Some(start) = start {
            self.made(crate::surface::function(start), session, &[]);
        }
        let answer = self.made(function, session, wrong);
        let goes_on = matches!(
            answer,
            CKR_OK | CKR_BUFFER_TOO_SMALL | CKR_SESSION_HANDLE_INVALID
        );
        let asked = start.filter(|_| !goes_on);
        let afterwards = asked.map(|_| self.made(function, session, &[]));
        call!(self.module, C_CloseSession, session);
        Outcome { answer, afterwards }
    }

    /// One call in that session.
    pub fn made(&self, function: &Function, session: CK_SESSION_HANDLE, wrong: &[Wrong]) -> CK_RV {
        let mut words = vec![];
        for (position, (kind, ground)) in function.takes.iter().zip(&self.grounds).enumerate() {
            let mut argument = self.honest(function, position, *kind, session, ground);
            for (_, fault) in wrong.iter().filter(|(at, _)| *at == position) {
                fault.put_into(&mut argument, ground, self);
            }
            assert_eq!(argument.len(), kind.words());
            words.extend(argument);
        }
        // SAFETY: see the module.
        unsafe { function.call(self.table, &words) }
    }

    /// The words of an argument as they should be.
    fn honest(
        &self,
        function: &Function,
        position: usize,
        kind: Kind,
        session: CK_SESSION_HANDLE,
        ground: &Ground,
    ) -> Vec<CK_ULONG> {
        let word = |pointer: *mut u8| pointer as CK_ULONG;
        let length = |bytes: CK_ULONG| word(ground.length.put_all(&[bytes]).cast());
        match kind {
            Kind::Session => vec![session],
            Kind::Slot => vec![self.slot],
            Kind::Value(value) => vec![value],
            Kind::Reserved | Kind::Optional => vec![0],
            Kind::Object => vec![self.holdings.handle(honest::key_of(function, position))],
            Kind::Mechanism => vec![word(honest::mechanism(function.name, ground).cast())],
            Kind::Template | Kind::Asked => {
                let (start, count) = honest::template(function.name, position, ground);
                vec![word(start.cast()), count]
            }
            Kind::Input => vec![word(ground.data.put(&[b'5'; 32])), 32],
            Kind::Filled => vec![word(ground.data.room(64)), 64],
            Kind::Output => vec![word(ground.data.room(1024)), length(1024)],
            Kind::List => vec![word(ground.data.room(2400)), length(100)],
            Kind::Found => vec![word(ground.data.room(80)), 10, length(0)],
            Kind::Place => vec![word(ground.data.put(&[0xa5; 512]))],
            Kind::Text => vec![word(ground.data.put(&[b' '; 32]))],
        }
    }
}

/// A call in words.
pub fn told(function: &Function, wrong: &[Wrong]) -> String {
    let wrong = wrong
        .iter()
        .map(|(at, fault)| format!("argument {at}: {}", fault.what));
    format!("{} with {:?}", function.name, wrong.collect::<Vec<_>>())
}

/// The names of the functions that our library has, as its own list says.
pub fn supported() -> &'static BTreeSet<&'static str> {
    static FOUND: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let list = include_str!("../../../src/ffi/functions.rs");
        let (_, list) = list.split_once("cryptoki! {").expect("the list");
        let named = |function: &&Function| {
            let mut places = list.match_indices(function.name);
            places.any(|(at, name)| list[at + name.len()..].starts_with('('))
        };
        let found: BTreeSet<_> = SURFACE.iter().filter(named).map(|it| it.name).collect();
        assert!(found.contains("C_Sign") && found.contains("C_GetFunctionList"));
        found
    })
}
