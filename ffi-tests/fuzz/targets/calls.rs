//! Sequences of calls through the function list, by a program that keeps PKCS#11's contract for pointers and no other: none
//! of them panics, crashes or hangs, and each answers with a code.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/surface.rs"]
mod surface;

use std::sync::OnceLock;

use cryptoki_sys::*;
use kmip_p11::crypto::private_key::PrivateKey;
use kmip_p11::ffi::C_GetInterface;
use kmip_p11::fuzzing::begin;
use kmip_p11::model::public_key::{Curve, KeyType};
use libfuzzer_sys::fuzz_target;
use surface::{Function, Kind, SURFACE};

/// Calls of one input, at most.
const CALLS: usize = 64;

/// What begins or ends the library, and what takes pointers that may be null or must be right.
const OUT_OF_BOUNDS: [&str; 3] = ["C_Initialize", "C_Finalize", "C_GetInterface"];

/// Without RSA's pairs, which take seconds, and without attributes that are lists of attributes: their
/// pointers would have to be right.
const ATTRIBUTES: [CK_ATTRIBUTE_TYPE; 28] = [
    CKA_CLASS,
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_LABEL,
    CKA_UNIQUE_ID,
    CKA_VALUE,
    CKA_CERTIFICATE_TYPE,
    CKA_KEY_TYPE,
    CKA_ID,
    CKA_SENSITIVE,
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_SIGN,
    CKA_VERIFY,
    CKA_DERIVE,
    CKA_MODULUS,
    CKA_PUBLIC_EXPONENT,
    CKA_VALUE_LEN,
    CKA_EXTRACTABLE,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_MODIFIABLE,
    CKA_COPYABLE,
    CKA_DESTROYABLE,
    CKA_ALLOWED_MECHANISMS,
    CKA_CHECK_VALUE,
];
const MECHANISMS: [CK_MECHANISM_TYPE; 26] = [
    CKM_RSA_PKCS,
    CKM_SHA256_RSA_PKCS,
    CKM_RSA_PKCS_PSS,
    CKM_RSA_PKCS_OAEP,
    CKM_EC_KEY_PAIR_GEN,
    CKM_ECDSA,
    CKM_ECDSA_SHA256,
    CKM_EDDSA,
    CKM_EC_EDWARDS_KEY_PAIR_GEN,
    CKM_AES_KEY_GEN,
    CKM_GENERIC_SECRET_KEY_GEN,
    CKM_AES_ECB,
    CKM_AES_CBC,
    CKM_AES_CBC_PAD,
    CKM_AES_CTR,
    CKM_AES_GCM,
    CKM_AES_CMAC,
    CKM_AES_CMAC_GENERAL,
    CKM_SHA256_HMAC,
    CKM_SHA256_HMAC_GENERAL,
    CKM_AES_KEY_WRAP,
    CKM_AES_KEY_WRAP_KWP,
    CKM_SHA256,
    CKM_SHA_1,
    CKM_SHA3_256,
    CKM_ECDH1_DERIVE,
];

/// The input, byte by byte; 0 at its end.
struct Choices<'input>(&'input [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = usize::from(self.byte()) % (most + 1);
        (0..length).map(|_| self.byte()).collect()
    }
}

/// What the pointers of one call lead to; it outlives the call.
#[derive(Default)]
struct Memory {
    bytes: Vec<Vec<u8>>,
    words: Vec<Box<[CK_ULONG]>>,
    attributes: Vec<Vec<CK_ATTRIBUTE>>,
    mechanisms: Vec<Box<CK_MECHANISM>>,
}

impl Memory {
    fn bytes(&mut self, bytes: Vec<u8>) -> (CK_ULONG, CK_ULONG) {
        let length = bytes.len() as CK_ULONG;
        self.bytes.push(bytes);
        let place = self
            .bytes
            .last_mut()
            .map_or(std::ptr::null_mut(), |it| it.as_mut_ptr());
        (place as CK_ULONG, length)
    }

    fn words(&mut self, words: &[CK_ULONG]) -> CK_ULONG {
        self.words.push(words.into());
        self.words.last().map_or(0, |it| it.as_ptr() as CK_ULONG)
    }
}

/// A program: its handles, and what it does next.
struct Program<'input> {
    choices: Choices<'input>,
    handles: Vec<CK_ULONG>,
    memory: Memory,
    /// Where the call may put a handle.
    results: Vec<CK_ULONG>,
}

impl Program<'_> {
    fn handle(&mut self) -> CK_ULONG {
        let choice = self.choices.byte();
        match self.handles.get(usize::from(choice)) {
            Some(known) => *known,
            None => CK_ULONG::from(choice),
        }
    }

    /// Values of a PKCS#11 number or truth are as likely as bytes.
    fn value(&mut self) -> Vec<u8> {
        match self.choices.byte() % 4 {
            0 => CK_ULONG::from(self.choices.byte()).to_ne_bytes().to_vec(),
            1 => vec![self.choices.byte() & 1],
            2 => b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07".to_vec(),
            _ => self.choices.bytes(40),
        }
    }

    fn template(&mut self, filled: bool) -> [CK_ULONG; 2] {
        let count = self.choices.byte() % 8;
        let mut list = vec![];
        for _ in 0..count {
            let type_ = self.choices.one_of(&ATTRIBUTES);
            let value = if filled { vec![0; 300] } else { self.value() };
            let (place, length) = self.memory.bytes(value);
            list.push(CK_ATTRIBUTE {
                type_,
                pValue: place as CK_VOID_PTR,
                ulValueLen: length,
            });
        }
        self.memory.attributes.push(list);
        let list = self.memory.attributes.last_mut().expect("just pushed");
        [list.as_mut_ptr() as CK_ULONG, CK_ULONG::from(count)]
    }

    fn parameter(&mut self, mechanism: CK_MECHANISM_TYPE) -> (CK_ULONG, CK_ULONG) {
        let small = |program: &mut Self| CK_ULONG::from(program.choices.byte());
        let words = |program: &mut Self, words: &[CK_ULONG]| {
            let length = size_of_val(words) as CK_ULONG;
            (program.memory.words(words), length)
        };
        match (self.choices.byte() % 4, mechanism) {
            (0, _) => (0, 0),
            (_, CKM_RSA_PKCS_OAEP) => {
                let hash = self.choices.one_of(&[CKM_SHA_1, CKM_SHA256, CKM_SHA512]);
                let (mgf, source) = (small(self), small(self));
                words(self, &[hash, mgf, source, 0, 0])
            }
            (_, CKM_RSA_PKCS_PSS) => {
                let hash = self.choices.one_of(&[CKM_SHA_1, CKM_SHA256, CKM_SHA512]);
                let (mgf, salt) = (small(self), small(self));
                words(self, &[hash, mgf, salt])
            }
            (_, CKM_AES_GCM) => {
                let iv = self.choices.bytes(40);
                let (iv, iv_length) = self.memory.bytes(iv);
                let (bits, tag) = (small(self), small(self));
                words(self, &[iv, iv_length, bits, 0, 0, tag])
            }
            (_, CKM_SHA256_HMAC_GENERAL | CKM_AES_CMAC_GENERAL) => {
                let length = small(self);
                words(self, &[length])
            }
            // Shorter than every structure with a pointer in it.
            (1, _) => {
                let bytes = self.choices.bytes(20);
                self.memory.bytes(bytes)
            }
            _ => self.memory.bytes(vec![7; 16]),
        }
    }

    fn mechanism(&mut self) -> CK_ULONG {
        let mechanism = self.choices.one_of(&MECHANISMS);
        let (place, length) = self.parameter(mechanism);
        self.memory.mechanisms.push(Box::new(CK_MECHANISM {
            mechanism,
            pParameter: place as CK_VOID_PTR,
            ulParameterLen: length,
        }));
        let kept = self.memory.mechanisms.last().expect("just pushed");
        std::ptr::from_ref::<CK_MECHANISM>(kept) as CK_ULONG
    }

    /// Room for so many bytes, of which the program says as many or fewer.
    fn room(&mut self, unit: usize) -> [CK_ULONG; 2] {
        let said = self.choices.one_of(&[0, 1, 16, 64, 256, 1024]);
        let place = match self.choices.byte() % 4 {
            0 => 0,
            _ => self.memory.words(&[0; 1024]),
        };
        let length = (said / unit) as CK_ULONG;
        [place, self.memory.words(&[length])]
    }

    fn argument(&mut self, kind: Kind) -> Vec<CK_ULONG> {
        match kind {
            Kind::Session | Kind::Object => vec![self.handle()],
            Kind::Slot => vec![CK_ULONG::from(self.choices.byte() % 2)],
            Kind::Mechanism => vec![self.mechanism()],
            Kind::Template => self.template(false).to_vec(),
            Kind::Asked => self.template(true).to_vec(),
            Kind::Input => {
                let bytes = self.choices.bytes(40);
                let (place, length) = self.memory.bytes(bytes);
                vec![place, length]
            }
            Kind::Output => self.room(1).to_vec(),
            Kind::List => self.room(64).to_vec(),
            Kind::Found => {
                let (place, count) = (self.result(&[0; 4]), self.memory.words(&[0]));
                vec![place, CK_ULONG::from(self.choices.byte() % 5), count]
            }
            Kind::Filled => vec![
                self.memory.words(&[0; 32]),
                CK_ULONG::from(self.choices.byte()),
            ],
            Kind::Place => vec![self.result(&[0; 64])],
            Kind::Text => vec![self.memory.words(&[0; 8])],
            Kind::Reserved | Kind::Optional => vec![0],
            Kind::Value(usual) => vec![match self.choices.byte() {
                other @ 1..=15 if !matches!(usual, CKF_DONT_BLOCK) => CK_ULONG::from(other),
                _ => usual,
            }],
        }
    }

    /// A place of which the first word may be a handle after the call.
    fn result(&mut self, words: &[CK_ULONG]) -> CK_ULONG {
        let place = self.memory.words(words);
        self.results.push(place);
        place
    }

    fn call(&mut self, table: *const CK_FUNCTION_LIST_3_2, function: &Function) {
        self.memory = Memory::default();
        self.results.clear();
        let words: Vec<_> = function
            .takes
            .iter()
            .flat_map(|kind| self.argument(*kind))
            .collect();
        // SAFETY: each pointer is null, or leads to as much of `memory` as is said.
        let rv = unsafe { function.call(table, &words) };
        assert_ne!(rv, CKR_GENERAL_ERROR, "{} panicked", function.name);
        if rv == CKR_OK {
            // SAFETY: words of `memory`.
            let first = |place: &CK_ULONG| unsafe { *(*place as *const CK_ULONG) };
            self.handles.extend(self.results.iter().map(first));
            self.handles.truncate(200);
        }
    }
}

fn keys() -> &'static [PrivateKey] {
    static KEYS: OnceLock<Vec<PrivateKey>> = OnceLock::new();
    let types = [
        KeyType::Rsa(2048),
        KeyType::Ec(Curve::P256),
        KeyType::Ed25519,
    ];
    KEYS.get_or_init(|| {
        types
            .map(|it| PrivateKey::generate(it).expect("a key"))
            .into()
    })
}

fn table() -> *const CK_FUNCTION_LIST_3_2 {
    let mut interface: CK_INTERFACE_PTR = std::ptr::null_mut();
    // SAFETY: null asks for the default interface; the place is there.
    let rv = unsafe {
        C_GetInterface(
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &mut interface,
            0,
        )
    };
    assert_eq!(rv, CKR_OK);
    // SAFETY: what it gave.
    unsafe { (*interface).pFunctionList.cast() }
}

fuzz_target!(|input: &[u8]| {
    begin(keys());
    let table = table();
    let mut program = Program {
        choices: Choices(input),
        handles: vec![],
        memory: Memory::default(),
        results: vec![],
    };
    program.call(table, surface::function("C_OpenSession"));
    for _ in 0..CALLS {
        if program.choices.0.is_empty() {
            break;
        }
        let function = program.choices.byte();
        let function = &SURFACE[usize::from(function) % SURFACE.len()];
        if !OUT_OF_BOUNDS.contains(&function.name) {
            program.call(table, function);
        }
    }
});
