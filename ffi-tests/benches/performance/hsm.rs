//! C_Sign of an HSM slot beside that of its module, SoftHSM2, in turns and in one process; and with the
//! module in a process of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use cryptoki_sys::{
    CK_MECHANISM_TYPE, CK_OBJECT_HANDLE, CKA_PUBLIC_KEY_INFO, CKM_ECDSA, CKM_RSA_PKCS,
    CKO_PRIVATE_KEY, CKU_USER,
};
use ffi_tests::configuration::Configuration;
use ffi_tests::hsm::{self, Hsm, LABEL, MODULE, PIN};
use ffi_tests::module::Module;
use ffi_tests::own_process::Surroundings;
use ffi_tests::process::run;
use ffi_tests::session::{Session, class};
use kmip_p11::crypto::verify;
use kmip_p11::model::public_key::PublicKey;
use kmip_p11::model::signature::{Hash, SignInput, SignScheme, digest_info};

use crate::inside;
use crate::table::{Measured, ValueRow, median, shown};

/// What a call may take besides the module's own and the verification.
const MOST: Duration = Duration::from_micros(3);
const DIGEST: [u8; 32] = [7; 32];
const WARM_UP: usize = 100;
const TURNS: usize = 3000;
const KINDS: [&str; 2] = ["p256", "rsa"];
const REMOTE: &str = "remote";

/// All of them; the measuring is done in a process in whose environment SoftHSM2 finds its tokens.
pub fn rows() -> Vec<ValueRow> {
    if !Path::new(MODULE).is_file() {
        return vec![ValueRow {
            what: "C_Sign of an HSM slot".into(),
            measured: Measured::Not(format!("there is no {MODULE}")),
            target: None,
        }];
    }
    let hsm = Hsm::soft().with(&KINDS);
    let pin = hsm.secret("pin", PIN);
    let pin = format!("hsm.pin_file = {pin:?}");
    let process = hsm::in_a_process("10s");
    let slots = hsm.slot(LABEL, &pin) + &hsm.slot(REMOTE, &format!("{pin}\n{process}"));
    let configuration = Configuration::logging("warn", &slots);
    let mut command = inside("hsm");
    command.envs(configuration.environment());
    command.env(hsm::VARIABLE, hsm.conf());
    let text = run(&mut command).text();
    let numbers: Vec<u64> = text
        .split_whitespace()
        .map(|it| it.parse().expect("a number"))
        .collect();
    let times = numbers.chunks_exact(4).zip(KINDS);
    times
        .flat_map(|(times, kind)| of_kind(kind, times))
        .collect()
}

fn of_kind(kind: &str, times: &[u64]) -> Vec<ValueRow> {
    let &[bare, call, remote, verification] = times else {
        return vec![];
    };
    let [bare, call, remote, verification] =
        [bare, call, remote, verification].map(Duration::from_nanos);
    let more = call.saturating_sub(bare);
    let besides = more.saturating_sub(verification);
    let parts = |of: Duration| {
        format!(
            "{} ({} / {}; verifying {})",
            shown(of.saturating_sub(bare)),
            shown(of),
            shown(bare),
            shown(verification)
        )
    };
    vec![
        ValueRow {
            what: format!("C_Sign over SoftHSM2's own, {kind}"),
            measured: Measured::Here(parts(call)),
            target: None,
        },
        ValueRow {
            what: format!("the same besides the verification, {kind}"),
            measured: Measured::Here(shown(besides)),
            target: Some((format!("<= {}", shown(MOST)), besides <= MOST)),
        },
        ValueRow {
            what: format!("the same with SoftHSM2 in a process of its own, {kind}"),
            measured: Measured::Here(parts(remote)),
            target: None,
        },
    ]
}

/// Prints the nanoseconds of SoftHSM2's call, of ours, of ours to another process, and of a
/// verification, for each kind of key.
pub fn sign_here() {
    let theirs = Module::load_from(MODULE.as_ref());
    theirs.initialize().expect("C_Initialize of SoftHSM2");
    let slot = theirs.slots().expect("its slots")[0];
    let bare = Session::open(&theirs, slot).expect("a session of SoftHSM2");
    bare.login(CKU_USER, PIN).expect("C_Login of SoftHSM2");
    let ours = Module::initialized();
    let local = Session::open(&ours, ours.slot(LABEL)).expect("a session");
    let remote = Session::open(&ours, ours.slot(REMOTE)).expect("a session");
    for kind in KINDS {
        let mut template = class(CKO_PRIVATE_KEY);
        template.push((cryptoki_sys::CKA_LABEL, kind.into()));
        let key_of = |session: &Session<'_>| session.find(&template).expect("a search")[0];
        let keys = [key_of(&bare), key_of(&local), key_of(&remote)];
        let spki = local
            .attribute(keys[1], CKA_PUBLIC_KEY_INFO)
            .expect("a public half");
        let public = PublicKey::from_spki(&spki).expect("a key");
        let (mechanism, data, scheme) = match kind {
            "rsa" => (
                CKM_RSA_PKCS,
                digest_info(Hash::Sha256, &DIGEST),
                SignScheme::RsaPkcs1(Hash::Sha256),
            ),
            _ => (CKM_ECDSA, DIGEST.to_vec(), SignScheme::Ecdsa(Hash::Sha256)),
        };
        let sessions = [&bare, &local, &remote];
        let mut taken: [Vec<Duration>; 4] = Default::default();
        for turn in 0..WARM_UP + TURNS {
            let mut signature = vec![];
            for (place, (session, key)) in sessions.iter().zip(keys).enumerate() {
                let (took, signed) = sign(session, mechanism, key, &data);
                signature = signed;
                if turn >= WARM_UP {
                    taken[place].push(took);
                }
            }
            let begun = Instant::now();
            let right = verify(&public, scheme, SignInput::Digest(&DIGEST), &signature);
            taken[3].push(begun.elapsed());
            assert!(right, "a signature by {kind}");
        }
        for times in taken {
            println!("{}", median(times).as_nanos());
        }
    }
}

fn sign(
    session: &Session<'_>,
    mechanism: CK_MECHANISM_TYPE,
    key: CK_OBJECT_HANDLE,
    data: &[u8],
) -> (Duration, Vec<u8>) {
    let begun = Instant::now();
    session.sign_init(mechanism, key).expect("C_SignInit");
    let signature = session.sign_into(data, 512).expect("C_Sign");
    (begun.elapsed(), signature)
}
