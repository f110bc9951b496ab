//! docs/functions.md: what each Cryptoki function does here, written from the list itself.

use super::functions::FUNCTIONS;

/// The kinds of token, as the document heads its columns.
const KINDS: [&str; 4] = ["KMIP server", "HSM", "KMIP + HSM", "keystore"];

/// Functions that answer CKR_FUNCTION_NOT_SUPPORTED, and why.
const MISSING: &[(&[&str], &str)] = &[
    (
        &["C_InitToken", "C_InitPIN"],
        "tokens are made by `kmip-ssh init`, or by their vendor's tool: no program that was given a PIN wipes the keys of all others",
    ),
    (
        &["C_GetOperationState", "C_SetOperationState"],
        "the state of an operation can hold a key or a secret message, and leaves the library for nobody here",
    ),
    (
        &[
            "C_MessageSignInit",
            "C_SignMessage",
            "C_SignMessageBegin",
            "C_SignMessageNext",
            "C_MessageSignFinal",
            "C_MessageVerifyInit",
            "C_VerifyMessage",
            "C_VerifyMessageBegin",
            "C_VerifyMessageNext",
            "C_MessageVerifyFinal",
        ],
        "no mechanism here has a parameter for each message that it signs",
    ),
    (
        &["C_AsyncComplete", "C_AsyncGetID", "C_AsyncJoin"],
        "a call ends when it is done: C_OpenSession refuses CKF_ASYNC_SESSION",
    ),
    (
        &["C_EncapsulateKey", "C_DecapsulateKey"],
        "no token here has keys of ML-KEM, nor does a server let its keys decapsulate",
    ),
];

/// Functions of which the kinds of token differ.
const DIFFERENT: &[(&str, [&str; 4])] = &[
    (
        "C_SetPIN",
        [
            "no: the PIN is the server's",
            "the PIN of `C_Login`",
            "the HSM's PIN of `C_Login`",
            "sealed by a PIN",
        ],
    ),
    (
        "C_DeriveKey",
        [
            "by keys of a session",
            "by keys of a session",
            "by keys of a session",
            "yes",
        ],
    ),
    (
        "C_Login",
        [
            "with `kmip.pin`; else any PIN is taken",
            "without `hsm.pin_file`, `hsm.pin_env`; else any PIN is taken",
            "either of these",
            "sealed by a PIN; else any PIN is taken",
        ],
    ),
    (
        "C_WaitForSlotEvent",
        [
            "its token never leaves",
            "when the module says so",
            "when the module says so",
            "when the keystore is made or removed",
        ],
    ),
];

fn document() -> String {
    let mut text = HEAD.to_owned();
    let rule = KINDS.map(|_| "---").join(" | ");
    text += &format!(
        "| function | since | {} |\n| --- | --- | {rule} |\n",
        KINDS.join(" | ")
    );
    for (name, since, is_there) in FUNCTIONS {
        text += &format!(
            "| `{name}` | {since} | {} |\n",
            cells(name, *is_there).join(" | ")
        );
    }
    text
}

const HEAD: &str = "# Functions\n\n\
    What the functions of PKCS#11 do with each kind of token: `yes`, or what has to be known. All others answer\n\
    `CKR_FUNCTION_NOT_SUPPORTED`, for the reason given. This page is written from the library's own list of functions.\n\
    Which mechanisms there are, mechanisms.md says.\n\n";

fn cells(name: &str, is_there: bool) -> [String; 4] {
    let different = DIFFERENT.iter().find(|(known, _)| *known == name);
    match (is_there, different, reason(name)) {
        (true, Some((_, cells)), None) => cells.map(str::to_owned),
        (true, None, None) => KINDS.map(|_| "yes".to_owned()),
        (false, None, Some(reason)) => [
            format!("no: {reason}"),
            "no".into(),
            "no".into(),
            "no".into(),
        ],
        (true, _, Some(_)) => panic!("{name} is there: take its reason out of MISSING"),
        (false, ..) => panic!("{name} is not there: MISSING has to say why"),
    }
}

fn reason(name: &str) -> Option<&'static str> {
    let mut rows = MISSING.iter();
    rows.find(|(names, _)| names.contains(&name))
        .map(|(_, reason)| *reason)
}

#[test]
fn functions_document() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/functions.md");
    if std::env::var_os("KMIP_P11_WRITE_DOCS").is_some() {
        std::fs::write(path, document()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert!(
        written == document(),
        "docs/functions.md is old: KMIP_P11_WRITE_DOCS=1 cargo test functions_document writes it"
    );
}

#[test]
fn reasons_and_differences_are_of_functions_that_there_are() {
    let known = |name: &&str| FUNCTIONS.iter().any(|(known, ..)| known == name);
    let named = MISSING.iter().flat_map(|(names, _)| *names);
    let named = named.chain(DIFFERENT.iter().map(|(name, _)| name));
    let unknown: Vec<_> = named.filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}
