//! What a kind of place cannot do, and why: a check that is named here has to be refused in just this way.

use ffi_tests::place::Kind;
use kmip_p11::error::TokenErrorKind;

/// A part of the contract that some kinds cannot keep.
#[derive(Debug)]
pub struct Exception {
    kinds: &'static [Kind],
    checks: &'static [&'static str],
    /// What has to happen instead.
    pub expected: Expected,
    /// Why, for readers of the document.
    why: &'static str,
}

/// What happens instead.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// A refusal of that kind with these words in its reason.
    Refusal(TokenErrorKind, &'static str),
    /// This, which the place and the slot's configuration make of it.
    Deviation(&'static str),
    /// Nothing: there is no way to ask.
    Absent,
}

impl Exception {
    /// What the document says.
    pub fn cell(&self) -> String {
        match self.expected {
            Expected::Refusal(..) => format!("refused: {}", self.why),
            Expected::Deviation(_) => format!("differs: {}", self.why),
            Expected::Absent => format!("not asked: {}", self.why),
        }
    }
}

const HSM: &[Kind] = &[
    Kind::Hsm,
    Kind::HsmProcess,
    Kind::Kryoptic,
    Kind::KryopticProcess,
];

/// What is said of all that an ML-DSA key is needed for.
const ML_DSA: &[&str] = &[
    "generate ML-DSA*",
    "import ML-DSA*",
    "export ML-DSA-65 where it is allowed",
    "keys.types, ML-DSA where it is named",
];

const EXCEPTIONS: &[Exception] = &[
    Exception {
        kinds: &[Kind::Memory],
        checks: &["library*"],
        expected: Expected::Absent,
        why: "no configuration file names memory",
    },
    Exception {
        kinds: &[Kind::Memory],
        checks: &["probe"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "does not tell about itself"),
        why: "there is nothing to connect to",
    },
    Exception {
        kinds: &[Kind::FakeKmip],
        checks: &[
            "export where it is allowed",
            "export ML-DSA-65 where it is allowed",
        ],
        expected: Expected::Refusal(
            TokenErrorKind::Denied,
            "does not say that it is Extractable",
        ),
        why: "it does not keep Extractable",
    },
    Exception {
        kinds: &[Kind::FakeKmip, Kind::Cosmian],
        checks: &["library: CKM_RSA_PKCS, no DigestInfo"],
        expected: Expected::Deviation("it is not signed"),
        why: "KMIP's Sign takes a digest of a hash that is named; with keys.local_use it is signed",
    },
    Exception {
        kinds: &[Kind::PyKmip],
        checks: &["export where it is not allowed"],
        expected: Expected::Deviation("the export was not refused"),
        why: "it does not keep Extractable, and its slot has keys.local_use",
    },
    Exception {
        kinds: &[Kind::PyKmip],
        checks: &[
            "generate P-256",
            "generate P-384",
            "generate P-521",
            "generate Ed25519",
        ],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "the server made no"),
        why: "it makes RSA keys only; import works",
    },
    Exception {
        kinds: &[Kind::PyKmip],
        checks: ML_DSA,
        expected: Expected::Refusal(TokenErrorKind::Impossible, "refused: Invalid Message"),
        why: "it does not know ML-DSA",
    },
    Exception {
        kinds: &[Kind::Hsm, Kind::HsmProcess],
        checks: ML_DSA,
        expected: Expected::Refusal(TokenErrorKind::Impossible, "signs with ML-DSA"),
        why: "SoftHSM2 has no ML-DSA",
    },
    Exception {
        kinds: &[Kind::Kryoptic, Kind::KryopticProcess],
        checks: &["export ML-DSA-65 where it is allowed"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "does not give private keys out"),
        why: "a key stays in its HSM",
    },
    Exception {
        kinds: &[Kind::Delivered],
        checks: &["generate ML-DSA*", "import ML-DSA*"],
        expected: Expected::Deviation("is not found"),
        why: "SoftHSM2 has no ML-DSA; the keys are hidden with that reason",
    },
    Exception {
        kinds: &[Kind::Delivered],
        checks: &["keys.types, ML-DSA where it is named"],
        expected: Expected::Deviation("the keys: "),
        why: "SoftHSM2 has no ML-DSA; the keys are hidden with that reason",
    },
    Exception {
        kinds: &[Kind::PyKmip],
        checks: &["a key in two groups"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "multivalued attribute"),
        why: "in KMIP 2.0 it takes one group",
    },
    Exception {
        kinds: &[Kind::Cosmian, Kind::Delivered],
        checks: &["a key in two groups"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "duplicate field `ObjectGroup`"),
        why: "it takes one group",
    },
    Exception {
        kinds: &[Kind::PyKmip],
        checks: &["a name in other letters than ASCII"],
        expected: Expected::Refusal(TokenErrorKind::Failed, "names than plain ASCII"),
        why: "it reads plain ASCII only",
    },
    Exception {
        kinds: HSM,
        checks: &["keys.groups", "a key in two groups"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "no object groups"),
        why: "a PKCS#11 token has no groups",
    },
    Exception {
        kinds: HSM,
        checks: &["a key before its activation", "activate"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "no states"),
        why: "a PKCS#11 token has no states",
    },
    Exception {
        kinds: HSM,
        checks: &["revoke", "revoke, compromised"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "no states"),
        why: "a PKCS#11 token has no states",
    },
    Exception {
        kinds: HSM,
        checks: &["export where it is allowed"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "does not give private keys out"),
        why: "a key stays in its HSM",
    },
    Exception {
        kinds: HSM,
        checks: &["a CKA_LABEL of choice"],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "which is its CKA_LABEL"),
        why: "a PKCS#11 object has one label, which is its name",
    },
    Exception {
        kinds: HSM,
        checks: &["library: no digest is refused"],
        expected: Expected::Deviation("33 bytes are signed as a digest"),
        why: "the module's mechanism is passed through as it is",
    },
    Exception {
        kinds: HSM,
        checks: &["destroy, an active key"],
        expected: Expected::Deviation("it was not refused"),
        why: "without states, every key is one in use",
    },
    Exception {
        kinds: &[Kind::Delivered],
        checks: &[
            "generate Ed25519",
            "import Ed25519",
            "sign a message of 100,000 bytes",
            "sign an empty message",
        ],
        expected: Expected::Refusal(TokenErrorKind::Failed, "does not unwrap Ed25519"),
        why: "SoftHSM2 unwraps no Ed25519 keys; others sign",
    },
    Exception {
        kinds: &[Kind::Delivered],
        checks: &[
            "library: each mechanism signs",
            "library: the size is told, a small buffer costs nothing",
        ],
        expected: Expected::Deviation("ed25519"),
        why: "SoftHSM2 unwraps no Ed25519 keys; others sign",
    },
    Exception {
        kinds: &[Kind::Delivered],
        checks: &[
            "export where it is allowed",
            "export ML-DSA-65 where it is allowed",
        ],
        expected: Expected::Refusal(TokenErrorKind::Impossible, "does not give private keys out"),
        why: "keys leave their server wrapped for the HSM only",
    },
];

/// What is said of that check on that kind; a name with `*` at its end is that of all that begin so.
pub fn exception(kind: Kind, check: &str) -> Option<&'static Exception> {
    let names = |name: &str| match name.strip_suffix('*') {
        Some(beginning) => check.starts_with(beginning),
        None => check == name,
    };
    let mut of_kind = EXCEPTIONS.iter().filter(|it| it.kinds.contains(&kind));
    of_kind.find(|it| it.checks.iter().any(|name| names(name)))
}

/// Whether there is no way to ask that kind for that check.
pub fn is_absent(kind: Kind, check: &str) -> bool {
    exception(kind, check).is_some_and(|it| matches!(it.expected, Expected::Absent))
}
