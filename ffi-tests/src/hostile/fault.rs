//! What can be wrong with an argument, and how a module may answer to it.

use cryptoki_sys::*;

use super::{Ground, World};
use crate::surface::Kind;

/// One way to spoil an argument.
#[derive(Debug)]
pub struct Fault {
    /// In words.
    pub what: &'static str,
    /// Whether an argument of that kind can have it.
    pub fits: fn(Kind) -> bool,
    spoil: fn(&mut [CK_ULONG], &Ground, &World),
    /// What may be answered instead of what an honest call gets. None: anything that an honest call could get
    /// from a token in some state.
    pub answers: &'static [CK_RV],
}

impl Fault {
    /// Spoils the words of an argument and the memory that they point to.
    pub fn put_into(&self, words: &mut [CK_ULONG], ground: &Ground, world: &World) {
        (self.spoil)(words, ground, world);
    }

    /// Whether the call is one that may succeed all the same.
    pub fn is_legal(&self) -> bool {
        self.answers.is_empty() || self.answers.contains(&CKR_OK)
    }
}

const BAD: &[CK_RV] = &[CKR_ARGUMENTS_BAD];
const NO_MEMORY: &[CK_RV] = &[CKR_ARGUMENTS_BAD, CKR_HOST_MEMORY, CKR_DATA_LEN_RANGE];
const NO_SESSION: &[CK_RV] = &[CKR_SESSION_HANDLE_INVALID];
const NO_SLOT: &[CK_RV] = &[CKR_SLOT_ID_INVALID];
const NO_OBJECT: &[CK_RV] = &[
    CKR_OBJECT_HANDLE_INVALID,
    CKR_KEY_HANDLE_INVALID,
    CKR_WRAPPING_KEY_HANDLE_INVALID,
    CKR_UNWRAPPING_KEY_HANDLE_INVALID,
];
const NO_MECHANISM: &[CK_RV] = &[CKR_MECHANISM_INVALID];
const NO_PARAMETER: &[CK_RV] = &[CKR_MECHANISM_PARAM_INVALID];
const CANCELLED: &[CK_RV] = &[CKR_OK, CKR_ARGUMENTS_BAD, CKR_OPERATION_CANCEL_FAILED];
const NO_VALUE: &[CK_RV] = &[CKR_ARGUMENTS_BAD, CKR_ATTRIBUTE_VALUE_INVALID];
const TOO_SMALL: &[CK_RV] = &[CKR_BUFFER_TOO_SMALL];
const LEGAL: &[CK_RV] = &[];

macro_rules! faults {
    ($($what:literal, $kinds:pat => $answers:expr, |$words:pat_param, $ground:pat_param, $world:pat_param| $spoil:expr;)*) => {
        /// All of them.
        pub static FAULTS: &[Fault] = &[$(Fault {
            what: $what,
            fits: |kind| matches!(kind, $kinds),
            answers: $answers,
            spoil: |$words, $ground, $world| $spoil,
        }),*];
    };
}

use Kind::*;

const BIT_32: CK_ULONG = 1 << 32;
const BIT_63: CK_ULONG = 1 << 63;
const MAX: CK_ULONG = CK_ULONG::MAX;

faults! {
    "session 0", Session => NO_SESSION, |w, _, _| w[0] = 0;
    "a session that was closed", Session => NO_SESSION, |w, _, world| w[0] = world.closed;
    "a session's handle and 2^32", Session => NO_SESSION, |w, _, _| w[0] |= BIT_32;
    "session 2^64-1", Session => NO_SESSION, |w, _, _| w[0] = MAX;

    "a slot that is none", Slot => NO_SLOT, |w, _, _| w[0] = 0x7fff_0001;
    "a slot's number and 2^32", Slot => NO_SLOT, |w, _, _| w[0] |= BIT_32;
    "slot 2^64-1", Slot => NO_SLOT, |w, _, _| w[0] = MAX;

    "object 0", Object => NO_OBJECT, |w, _, _| w[0] = 0;
    "an object's handle and 2^32", Object => NO_OBJECT, |w, _, _| w[0] |= BIT_32;
    "object 2^64-1", Object => NO_OBJECT, |w, _, _| w[0] = MAX;

    "null for a mechanism", Mechanism => CANCELLED, |w, _, _| w[0] = 0;
    "a mechanism that is not aligned", Mechanism => BAD, |w, _, _| w[0] += 1;
    "a mechanism that nobody knows", Mechanism => NO_MECHANISM,
        |w, _, _| mechanism(w, |it| it.mechanism = 0x7fff_0001);
    "a mechanism's number and 2^32", Mechanism => NO_MECHANISM,
        |w, _, _| mechanism(w, |it| it.mechanism |= BIT_32);
    "mechanism 2^64-1", Mechanism => NO_MECHANISM, |w, _, _| mechanism(w, |it| it.mechanism = MAX);
    "null for a parameter of 8 bytes", Mechanism => NO_PARAMETER,
        |w, _, _| mechanism(w, |it| parameter(it, 0, 8));
    "null for a parameter of 2^32 bytes", Mechanism => NO_PARAMETER,
        |w, _, _| mechanism(w, |it| parameter(it, 0, BIT_32));
    "null for a parameter of 2^63 bytes", Mechanism => NO_PARAMETER,
        |w, _, _| mechanism(w, |it| parameter(it, 0, BIT_63));
    "a parameter of one byte", Mechanism => NO_PARAMETER,
        |w, ground, _| mechanism(w, |it| parameter(it, ground.inner.room(1) as CK_ULONG, 1));
    "a parameter of 2^64-1 bytes", Mechanism => NO_PARAMETER,
        |w, ground, _| mechanism(w, |it| parameter(it, ground.inner.room(8) as CK_ULONG, MAX));
    "a parameter of 2^32 and 40 bytes", Mechanism => NO_PARAMETER,
        |w, ground, _| mechanism(w, |it| parameter(it, ground.inner.room(40) as CK_ULONG, BIT_32 | 40));

    "null for one attribute", Template | Asked => BAD, |w, _, _| (w[0], w[1]) = (0, 1);
    "null for 2^32 attributes", Template | Asked => BAD, |w, _, _| (w[0], w[1]) = (0, BIT_32);
    "null for 2^64-1 attributes", Template | Asked => BAD, |w, _, _| (w[0], w[1]) = (0, MAX);
    "2^32 attributes", Template | Asked => BAD, |w, _, _| w[1] = BIT_32;
    "an attribute and 2^32", Template | Asked => BAD, |w, _, _| w[1] |= BIT_32;
    "2^63 attributes", Template | Asked => BAD, |w, _, _| w[1] = BIT_63;
    "2^64-1 attributes", Template | Asked => BAD, |w, _, _| w[1] = MAX;
    "attributes that are not aligned", Template | Asked => BAD, |w, _, _| w[0] += 1;
    "no attributes", Template => LEGAL, |w, _, _| (w[0], w[1]) = (0, 0);
    "null for a value of a byte", Template => NO_VALUE,
        |w, _, _| attribute(w, |it| (it.pValue, it.ulValueLen) = (std::ptr::null_mut(), 1));
    "null for a value of 2^64-1 bytes", Template => NO_VALUE,
        |w, _, _| attribute(w, |it| (it.pValue, it.ulValueLen) = (std::ptr::null_mut(), MAX));
    "a value of 2^32 bytes", Template => NO_VALUE, |w, _, _| attribute(w, |it| it.ulValueLen = BIT_32);
    "a value's length and 2^32", Template => NO_VALUE, |w, _, _| attribute(w, |it| it.ulValueLen |= BIT_32);
    "a value of 2^63 bytes", Template => NO_VALUE, |w, _, _| attribute(w, |it| it.ulValueLen = BIT_63);
    "a value of 2^64-1 bytes", Template => NO_VALUE, |w, _, _| attribute(w, |it| it.ulValueLen = MAX);
    "room for 2^63 bytes of a value", Asked => BAD, |w, _, _| attribute(w, |it| it.ulValueLen = BIT_63);
    "room for 2^64-1 bytes of a value", Asked => BAD, |w, _, _| attribute(w, |it| it.ulValueLen = MAX);
    "room for no byte of a value", Asked => TOO_SMALL, |w, _, _| attribute(w, |it| it.ulValueLen = 0);
    "null for a value", Asked => &[CKR_OK],
        |w, _, _| attribute(w, |it| (it.pValue, it.ulValueLen) = (std::ptr::null_mut(), MAX));
    "an attribute that nobody knows", Asked => &[CKR_ATTRIBUTE_TYPE_INVALID],
        |w, _, _| attribute(w, |it| it.type_ = 0x7fff_0001);
    "an attribute's number and 2^32", Asked => &[CKR_ATTRIBUTE_TYPE_INVALID],
        |w, _, _| attribute(w, |it| it.type_ |= BIT_32);

    "null for a byte", Input | Filled => BAD, |w, _, _| (w[0], w[1]) = (0, 1);
    "null for 2^32 bytes", Input | Filled => BAD, |w, _, _| (w[0], w[1]) = (0, BIT_32);
    "null for 2^64-1 bytes", Input | Filled => BAD, |w, _, _| (w[0], w[1]) = (0, MAX);
    "no bytes", Input | Filled => LEGAL, |w, _, _| (w[0], w[1]) = (0, 0);
    "2^63 bytes", Input | Filled => NO_MEMORY, |w, _, _| w[1] = BIT_63;
    "2^64-1 bytes", Input | Filled => NO_MEMORY, |w, _, _| w[1] = MAX;

    "null for a length", Output | List => BAD, |w, _, _| w[1] = 0;
    "a length that is not aligned", Output | List => BAD, |w, _, _| w[1] += 1;
    "room for 2^63 things", Output | List => BAD, |_, ground, _| length(ground, BIT_63);
    "room for 2^64-1 things", Output | List => BAD, |_, ground, _| length(ground, MAX);
    "a question for the size", Output | List => &[CKR_OK], |w, _, _| w[0] = 0;
    "no room", Output | List => TOO_SMALL, |w, ground, _| no_room(w, ground);
    "room for five bytes", Output => TOO_SMALL, |w, ground, _| {
        w[0] = ground.data.room(5) as CK_ULONG;
        length(ground, 5);
    };
    "a buffer that holds its own length", Output => LEGAL, |w, ground, _| {
        length(ground, 8);
        w[0] = w[1];
    };
    "numbers that are not aligned", List => BAD, |w, _, _| w[0] += 1;

    "null for a handle", Found => BAD, |w, _, _| (w[0], w[1]) = (0, 1);
    "null for 2^32 handles", Found => BAD, |w, _, _| (w[0], w[1]) = (0, BIT_32);
    "2^61 handles", Found => BAD, |w, _, _| w[1] = 1 << 61;
    "2^64-1 handles", Found => BAD, |w, _, _| w[1] = MAX;
    "null for how many handles", Found => BAD, |w, _, _| w[2] = 0;
    "handles that are not aligned", Found => BAD, |w, _, _| w[0] += 1;
    "how many handles, not aligned", Found => BAD, |w, _, _| w[2] += 1;

    "null for something to fill", Place => BAD, |w, _, _| w[0] = 0;
    "something to fill, not aligned", Place => BAD, |w, _, _| w[0] += 1;
    "null for a text", Text => BAD, |w, _, _| w[0] = 0;
    "something that is reserved", Reserved => BAD,
        |w, ground, _| w[0] = ground.data.put_all(&[RESERVED]) as CK_ULONG;
    "a value of 2^64-1", Value(_) => LEGAL, |w, _, _| w[0] = MAX & !CKF_ASYNC_SESSION;
}

/// The arguments of C_Initialize with something in their last member; for other functions, a pointer.
const RESERVED: CK_C_INITIALIZE_ARGS = CK_C_INITIALIZE_ARGS {
    CreateMutex: None,
    DestroyMutex: None,
    LockMutex: None,
    UnlockMutex: None,
    flags: 0,
    pReserved: std::ptr::dangling_mut(),
};

fn mechanism(words: &mut [CK_ULONG], spoil: impl FnOnce(&mut CK_MECHANISM)) {
    if let Some(place) = there(words[0] as *mut CK_MECHANISM) {
        spoil(place);
    }
}

fn parameter(mechanism: &mut CK_MECHANISM, place: CK_ULONG, length: CK_ULONG) {
    mechanism.pParameter = place as CK_VOID_PTR;
    mechanism.ulParameterLen = length;
}

fn attribute(words: &mut [CK_ULONG], spoil: impl FnOnce(&mut CK_ATTRIBUTE)) {
    if let Some(place) = there(words[0] as *mut CK_ATTRIBUTE) {
        spoil(place);
    }
}

/// What an earlier fault of the same argument has left to be spoilt.
fn there<'a, T>(place: *mut T) -> Option<&'a mut T> {
    match place.is_aligned() {
        // SAFETY: null, or what `honest` has laid out in the argument's own memory.
        true => unsafe { place.as_mut() },
        false => None,
    }
}

fn length(ground: &Ground, value: CK_ULONG) {
    ground.length.put_all(&[value]);
}

/// The byte after the last one.
fn no_room(words: &mut [CK_ULONG], ground: &Ground) {
    length(ground, 0);
    words[0] = ground.data.room(0) as CK_ULONG;
}
