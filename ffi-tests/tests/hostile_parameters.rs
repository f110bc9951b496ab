//! Mechanism parameters that are wrong in one field: each is refused by its name, and leaves nothing under way.

use cryptoki_sys::*;
use ffi_tests::call;
use ffi_tests::ciphers::Way;
use ffi_tests::guarded::peak;
use ffi_tests::here;
use ffi_tests::module::Answer;
use ffi_tests::secret_keys::{in_session, secret, with};
use ffi_tests::session::{Session, Template, class};
use ffi_tests::session_objects::{Objects, number};

/// How much more memory all the calls together may hold at once.
const MOST: usize = 8 << 20;

/// What a word of a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A number, or the length of what another word points to.
    Number(CK_ULONG),
    /// To bytes, which are there.
    Pointer,
    /// To a point of P-256.
    Point,
    /// Of no meaning with the other words; or any value is right.
    Any,
}

use Word::{Any, Number, Point, Pointer};

/// What is begun with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    Encryption,
    Decryption,
    Signature,
    Verification,
    Wrapping,
    Derivation,
}

use Begun::{Decryption, Derivation, Encryption, Signature, Verification, Wrapping};

/// A mechanism with a parameter that is right.
struct Case {
    mechanism: CK_MECHANISM_TYPE,
    words: &'static [Word],
    key: Kind,
    begun: &'static [Begun],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    Ec,
    MlDsa,
    Aes,
    Hmac,
}

const PSS: &[Word] = &[Number(CKM_SHA256), Number(CKG_MGF1_SHA256), Number(32)];

const CASES: [Case; 11] = [
    Case {
        mechanism: CKM_RSA_PKCS_OAEP,
        words: &[
            Number(CKM_SHA256),
            Number(CKG_MGF1_SHA256),
            Number(CKZ_DATA_SPECIFIED),
            Pointer,
            Number(5),
        ],
        key: Kind::Rsa,
        begun: &[Encryption, Decryption, Wrapping],
    },
    Case {
        mechanism: CKM_RSA_PKCS_PSS,
        words: PSS,
        key: Kind::Rsa,
        begun: &[Signature, Verification],
    },
    Case {
        mechanism: CKM_SHA256_RSA_PKCS_PSS,
        words: PSS,
        key: Kind::Rsa,
        begun: &[Signature, Verification],
    },
    Case {
        mechanism: CKM_AES_GCM,
        words: &[
            Pointer,
            Number(12),
            Number(96),
            Pointer,
            Number(5),
            Number(128),
        ],
        key: Kind::Aes,
        begun: &[Encryption, Decryption, Wrapping],
    },
    Case {
        mechanism: CKM_AES_CTR,
        words: &[Number(128), Any, Any],
        key: Kind::Aes,
        begun: &[Encryption, Decryption],
    },
    Case {
        mechanism: CKM_AES_CBC,
        words: &[Any, Any],
        key: Kind::Aes,
        begun: &[Encryption, Decryption],
    },
    Case {
        mechanism: CKM_AES_CBC_PAD,
        words: &[Any, Any],
        key: Kind::Aes,
        begun: &[Encryption, Decryption, Wrapping],
    },
    Case {
        mechanism: CKM_AES_CMAC_GENERAL,
        words: &[Number(16)],
        key: Kind::Aes,
        begun: &[Signature, Verification],
    },
    Case {
        mechanism: CKM_SHA256_HMAC_GENERAL,
        words: &[Number(32)],
        key: Kind::Hmac,
        begun: &[Signature, Verification],
    },
    Case {
        mechanism: CKM_ML_DSA,
        words: &[Number(CKH_HEDGE_PREFERRED), Any, Number(0)],
        key: Kind::MlDsa,
        begun: &[Signature, Verification],
    },
    Case {
        mechanism: CKM_ECDH1_DERIVE,
        words: &[
            Number(CKD_SHA256_KDF),
            Number(5),
            Pointer,
            Number(67),
            Point,
        ],
        key: Kind::Ec,
        begun: &[Derivation],
    },
];

/// The keys that calls are made with, all of a session: of each kind the half that begins.
struct Keys<'call> {
    session: &'call Session<'call>,
    objects: &'call Objects<'call>,
    of: Vec<(Kind, [CK_OBJECT_HANDLE; 2])>,
    /// A key that may be wrapped.
    leaving: CK_OBJECT_HANDLE,
    point: Vec<u8>,
    bytes: [u8; 16],
}

impl<'call> Keys<'call> {
    fn new(session: &'call Session<'call>, objects: &'call Objects<'call>) -> Self {
        const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
        let pair = |by, public: Template| {
            let private = match by {
                CKM_EC_KEY_PAIR_GEN => with(vec![], &[(CKA_DERIVE, 1)]),
                _ => vec![],
            };
            objects.pair(by, &public, &private).expect("a pair")
        };
        let of_type = |key_type| {
            let all = [(CKA_WRAP, 1), (CKA_SIGN, 1), (CKA_EXTRACTABLE, 1)];
            let template = with(secret(key_type, &[7; 32]), &all);
            [objects.create(&template).expect("a key"); 2]
        };
        let ec = pair(CKM_EC_KEY_PAIR_GEN, vec![(CKA_EC_PARAMS, P256.to_vec())]);
        let set = number(CKP_ML_DSA_44);
        let ml_dsa = vec![(CKA_PARAMETER_SET, set)];
        let aes = of_type(CKK_AES);
        Self {
            point: session.attribute(ec[0], CKA_EC_POINT).expect("a point"),
            of: vec![
                (Kind::Rsa, rsa(session)),
                (Kind::Ec, ec),
                (Kind::MlDsa, pair(CKM_ML_DSA_KEY_PAIR_GEN, ml_dsa)),
                (Kind::Aes, aes),
                (Kind::Hmac, of_type(CKK_GENERIC_SECRET)),
            ],
            leaving: aes[0],
            session,
            objects,
            bytes: [7; 16],
        }
    }

    /// The words as C has them.
    fn laid_out(&self, words: &[Word]) -> Vec<CK_ULONG> {
        let word = |word: &Word| match word {
            Number(number) => *number,
            Pointer => self.bytes.as_ptr() as CK_ULONG,
            Point => self.point.as_ptr() as CK_ULONG,
            Any => 0,
        };
        words.iter().map(word).collect()
    }

    /// Begins in a session of its own, so that nothing is under way; then again, honestly.
    fn begin(&self, case: &Case, begun: Begun, parameter: (CK_ULONG, CK_ULONG)) -> Answer {
        let module = self.session.module();
        let slot = module.slots().expect("slots")[0];
        let session = Session::open(module, slot).expect("a session");
        let answer = self.call(&session, case, begun, parameter);
        if answer.is_err() {
            let mut honest = self.laid_out(case.words);
            let honest = (honest.as_mut_ptr() as CK_ULONG, length(&honest));
            let again = self.call(&session, case, begun, honest);
            assert_eq!(
                again,
                Ok(()),
                "{:#x} {begun:?} after {answer:?}",
                case.mechanism
            );
        }
        answer
    }

    fn call(
        &self,
        session: &Session<'_>,
        case: &Case,
        begun: Begun,
        (place, length): (CK_ULONG, CK_ULONG),
    ) -> Answer {
        let mut mechanism = CK_MECHANISM {
            mechanism: case.mechanism,
            pParameter: place as CK_VOID_PTR,
            ulParameterLen: length,
        };
        let of = self.of.iter().find(|(kind, _)| *kind == case.key);
        let [public, private] = of.expect("a key").1;
        match begun {
            Encryption => session.cipher_init(Way::Encrypt, mechanism, public),
            Decryption => session.cipher_init(Way::Decrypt, mechanism, private),
            Signature => session.sign_init_by(mechanism, private),
            Verification => {
                let (module, by) = (session.module(), &mut mechanism);
                let rv = call!(module, C_VerifyInit, session.handle(), by, public);
                ffi_tests::module::answer(rv)
            }
            Wrapping => {
                let wrapped = self.objects.wrap(mechanism, public, self.leaving);
                wrapped.map(drop)
            }
            Derivation => {
                let length = vec![(CKA_VALUE_LEN, number(32))];
                let key = self.objects.derive(mechanism, private, &length)?;
                self.objects.destroy(key)
            }
        }
    }
}

/// Of the token.
fn rsa(session: &Session<'_>) -> [CK_OBJECT_HANDLE; 2] {
    [CKO_PUBLIC_KEY, CKO_PRIVATE_KEY].map(|half| {
        let mut template = class(half);
        template.push((CKA_LABEL, b"rsa".to_vec()));
        session.find(&template).expect("a search")[0]
    })
}

/// Bytes of a parameter.
fn length(words: &[CK_ULONG]) -> CK_ULONG {
    size_of_val(words) as CK_ULONG
}

/// What a word is spoilt to.
fn spoilt(word: Word) -> Vec<CK_ULONG> {
    match word {
        Number(right) => vec![right + (1 << 32), 1 << 63, CK_ULONG::MAX - 7, CK_ULONG::MAX],
        Pointer | Point => vec![0],
        Any => vec![],
    }
}

fn each(test: &str, what: &str, try_out: fn(&Keys<'_>, &Case, Begun) -> usize) {
    let mut made = 0;
    in_session(test, |session, objects| {
        let keys = Keys::new(session, objects);
        let before = peak();
        for case in &CASES {
            for begun in case.begun {
                made += try_out(&keys, case, *begun);
            }
        }
        let grown = peak().saturating_sub(before);
        println!("{made} calls with {what}; {} KiB more memory", grown >> 10);
        assert!(grown <= MOST, "{grown} bytes");
    });
}

#[test]
fn what_is_right_is_taken() {
    each(here!(), "parameters that are right", |keys, case, begun| {
        let words = keys.laid_out(case.words);
        let honest = (words.as_ptr() as CK_ULONG, length(&words));
        let answer = keys.begin(case, begun, honest);
        assert_eq!(answer, Ok(()), "{:#x} {begun:?}", case.mechanism);
        1
    });
}

#[test]
fn one_wrong_word_is_refused() {
    each(here!(), "one wrong word", |keys, case, begun| {
        let mut made = 0;
        for (place, word) in case.words.iter().enumerate() {
            for value in spoilt(*word) {
                let mut words = keys.laid_out(case.words);
                words[place] = value;
                let answer = keys.begin(case, begun, (words.as_ptr() as CK_ULONG, length(&words)));
                let told = format!(
                    "{:#x} {begun:?}: word {place} is {value:#x}",
                    case.mechanism
                );
                assert_eq!(answer, Err(CKR_MECHANISM_PARAM_INVALID), "{told}");
                made += 1;
            }
        }
        made
    });
}

#[test]
fn a_wrong_length_is_refused() {
    each(here!(), "a wrong length", |keys, case, begun| {
        let words = keys.laid_out(case.words);
        let (place, right) = (words.as_ptr() as CK_ULONG, length(&words));
        let lengths = [
            1,
            right - 1,
            right - 4,
            right + 1,
            right + (1 << 32),
            1 << 63,
            CK_ULONG::MAX,
        ];
        for wrong in lengths {
            let answer = keys.begin(case, begun, (place, wrong));
            let told = format!("{:#x} {begun:?} of {wrong:#x} bytes", case.mechanism);
            assert_eq!(answer, Err(CKR_MECHANISM_PARAM_INVALID), "{told}");
        }
        let answer = keys.begin(case, begun, (0, right));
        let told = format!("{:#x} {begun:?} at null", case.mechanism);
        assert_eq!(answer, Err(CKR_MECHANISM_PARAM_INVALID), "{told}");
        lengths.len() + 1
    });
}
