//! The semantics of PKCS#11: slots, sessions, objects and operations, without a pointer.

mod arriving_key;
mod catalog_search;
mod ciphering;
mod derived_key;
mod description;
mod digesting;
mod handle_map;
mod holdings;
mod leaving_key;
mod listing_file;
mod login;
mod mac_operation;
#[cfg(test)]
mod mechanisms_document;
mod message;
mod messages;
mod new_key;
mod new_object;
mod object;
mod object_cache;
mod objects;
mod operation;
mod rsa_operation;
mod search;
mod session;
mod session_object;
mod signing;
mod slot;
mod slot_events;
mod token_changes;
mod token_object;
mod underway;
mod verifying;
mod wrapping;

use std::cell::Cell;
use std::sync::Arc;

use cryptoki_sys::*;
use parking_lot::Mutex;

pub use ciphering::Ciphering;
pub use digesting::Digesting;
#[cfg(feature = "fuzzing")]
pub use listing_file::Kept;
#[cfg(feature = "fuzzing")]
pub(crate) use listing_file::content;
pub use listing_file::{Disk, ListingFile};
pub use object_cache::CacheRules;
#[cfg(feature = "fuzzing")]
pub(crate) use object_cache::told;
pub use search::Search;
pub use session::Session;
pub use signing::Signing;
pub use slot::Slot;
pub use verifying::{Recovering, Verifying};

use crate::error::{Error, Result};
use crate::model::output::Output;
use crate::token::SharedToken;
use handle_map::HandleMap;
use slot::padded;
use slot_events::{Presence, SlotEvents};

/// The flags of a session that C_GetSessionInfo tells of.
const KNOWN_FLAGS: CK_FLAGS = CKF_SERIAL_SESSION | CKF_RW_SESSION;

/// A run of the library, from C_Initialize to C_Finalize.
#[derive(Default)]
pub struct Provider {
    slots: Vec<Arc<Slot>>,
    sessions: HandleMap<OpenSession>,
    events: SlotEvents,
}

/// A session and what is asked of it while it is busy: its own lock is held during a request, and
/// must not hold up those who only count sessions.
pub struct OpenSession {
    slot: Arc<Slot>,
    is_rw: bool,
    /// Locked by the one call that works in the session.
    pub session: Mutex<Session>,
}

impl Provider {
    /// A provider with a slot for each token; asks none of them.
    pub fn new(tokens: impl IntoIterator<Item = (SharedToken, CacheRules)>) -> Self {
        let slot = |(id, (token, rules))| Arc::new(Slot::new(id, token, rules));
        let slots: Vec<_> = (0..).zip(tokens).map(slot).collect();
        Self {
            events: SlotEvents::default(),
            slots,
            sessions: HandleMap::default(),
        }
    }

    /// C_GetInfo (v3.2, 5.4.3).
    pub fn info(&self, info: &Cell<CK_INFO>) -> Result {
        info.set(CK_INFO {
            cryptokiVersion: CK_VERSION { major: 3, minor: 2 },
            manufacturerID: padded(crate::MANUFACTURER),
            flags: 0,
            libraryDescription: padded("managed SSH keys"),
            libraryVersion: crate::VERSION,
        });
        Ok(())
    }

    /// C_GetSlotList (v3.2, 5.5.1): all slots, or those with a token.
    pub fn slots(&self, present: CK_BBOOL, mut slots: Output<CK_SLOT_ID>) -> Result {
        let wanted = |slot: &&Arc<Slot>| present == CK_FALSE || slot.is_present();
        let ids: Vec<_> = self
            .slots
            .iter()
            .filter(wanted)
            .map(|slot| slot.id)
            .collect();
        slots.put(&ids)
    }

    /// C_GetSlotInfo.
    pub fn slot_info(&self, slot: CK_SLOT_ID, info: &Cell<CK_SLOT_INFO>) -> Result {
        info.set(self.slot(slot)?.info());
        Ok(())
    }

    /// C_GetTokenInfo. Costs no request, so that a server that is down delays nothing here.
    pub fn token_info(&self, slot: CK_SLOT_ID, info: &Cell<CK_TOKEN_INFO>) -> Result {
        let slot = self.slot_with_token(slot)?;
        let sessions = self.sessions_of(slot.id);
        let rw = sessions.iter().filter(|(_, open)| open.is_rw).count();
        info.set(slot.token_info(sessions.len() as CK_ULONG, rw as CK_ULONG));
        Ok(())
    }

    /// C_GetMechanismList.
    pub fn mechanisms(&self, slot: CK_SLOT_ID, list: Output<CK_MECHANISM_TYPE>) -> Result {
        self.slot(slot)?.mechanisms(list)
    }

    /// C_GetMechanismInfo.
    pub fn mechanism_info(
        &self,
        slot: CK_SLOT_ID,
        number: CK_MECHANISM_TYPE,
        info: &Cell<CK_MECHANISM_INFO>,
    ) -> Result {
        self.slot(slot)?.mechanism_info(number, info)
    }

    /// C_WaitForSlotEvent (v3.2, 5.5.4). Of a server that is away or back nothing is told: its slot has its
    /// token all the time.
    pub fn wait_for_slot_event(
        &self,
        flags: CK_FLAGS,
        slot: &Cell<CK_SLOT_ID>,
        reserved: *mut std::ffi::c_void,
    ) -> Result {
        if !reserved.is_null() || flags & !CKF_DONT_BLOCK != 0 {
            return Err(Error::ArgumentsBad(
                "there is one flag, and pReserved must be null",
            ));
        }
        let presences = || presences(&self.slots);
        slot.set(match flags {
            CKF_DONT_BLOCK => self.events.next(presences()).ok_or(Error::NoEvent)?,
            _ => self.events.wait(presences)?,
        });
        Ok(())
    }

    /// C_Finalize has begun: those who wait for a slot are told so.
    pub fn end(&self) {
        self.events.end();
    }

    /// C_OpenSession (v3.2, 5.6.1). Sessions for reading and writing are always given: OpenSSH asks
    /// for no other kind, and it is the writing call that gets refused.
    pub fn open_session(
        &self,
        slot: CK_SLOT_ID,
        flags: CK_FLAGS,
        _application: *mut std::ffi::c_void,
        _notify: CK_NOTIFY,
        handle: &Cell<CK_SESSION_HANDLE>,
    ) -> Result {
        let slot = self.slot_with_token(slot)?;
        if flags & CKF_SERIAL_SESSION == 0 {
            return Err(Error::SessionParallelNotSupported);
        }
        if flags & CKF_ASYNC_SESSION != 0 {
            return Err(Error::SessionAsyncNotSupported);
        }
        handle.set(self.sessions.insert(OpenSession {
            slot: Arc::clone(slot),
            is_rw: flags & CKF_RW_SESSION != 0,
            session: Mutex::new(Session::new(Arc::clone(slot), flags & KNOWN_FLAGS)),
        }));
        Ok(())
    }

    /// C_CloseSession (v3.2, 5.6.2).
    pub fn close_session(&self, handle: CK_SESSION_HANDLE) -> Result {
        let closed = self.sessions.remove(handle);
        let slot = &closed.ok_or(Error::SessionHandleInvalid(handle))?.slot;
        if self.sessions_of(slot.id).is_empty() {
            slot.forget_login();
        }
        Ok(())
    }

    /// C_CloseAllSessions (v3.2, 5.6.3).
    pub fn close_all_sessions(&self, slot: CK_SLOT_ID) -> Result {
        let slot = self.slot(slot)?;
        for (handle, _) in self.sessions_of(slot.id) {
            self.sessions.remove(handle);
        }
        slot.forget_login();
        Ok(())
    }

    /// The session with that handle.
    pub fn session(&self, handle: CK_SESSION_HANDLE) -> Result<Arc<OpenSession>> {
        let session = self.sessions.get(handle);
        session.ok_or(Error::SessionHandleInvalid(handle))
    }

    fn slot(&self, id: CK_SLOT_ID) -> Result<&Arc<Slot>> {
        let found = self.slots.iter().find(|slot| slot.id == id);
        found.ok_or(Error::SlotIdInvalid(id))
    }

    fn slot_with_token(&self, id: CK_SLOT_ID) -> Result<&Arc<Slot>> {
        let slot = self.slot(id)?;
        match slot.is_present() {
            true => Ok(slot),
            false => Err(Error::TokenNotPresent(id)),
        }
    }

    fn sessions_of(&self, slot: CK_SLOT_ID) -> Vec<(CK_SESSION_HANDLE, Arc<OpenSession>)> {
        let mut sessions = self.sessions.all();
        sessions.retain(|(_, open)| open.slot.id == slot);
        sessions
    }
}

fn presences(slots: &[Arc<Slot>]) -> impl Iterator<Item = Presence> {
    slots.iter().map(|slot| (slot.id, slot.is_present()))
}
