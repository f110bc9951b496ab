//! What has made modules unusable with OpenSSH: seen from inside a program that calls them.

use std::collections::HashSet;
use std::ptr::null_mut;

use cryptoki_sys::*;
use ffi_tests::keys::EVERY_TYPE;
use ffi_tests::kmip_server::{KmipServer, LentServer};
use ffi_tests::module::{Module, answer};
use ffi_tests::own_process::alone;
use ffi_tests::process::run;
use ffi_tests::scene::{LABEL, Scene};
use ffi_tests::session::{Session, class};
use ffi_tests::signature::{Scheme, verifies};
use ffi_tests::{call, on_each_server, tool};
use kmip_p11::model::public_key::{Curve, KeyType};

const P256: &[(&str, KeyType)] = &[("p256", KeyType::Ec(Curve::P256))];
const DIGEST: &[u8] = &[7; 32];

/// Where the descriptors of a child lead.
fn inherited() -> Vec<String> {
    let script = "for fd in /proc/self/fd/*; do readlink $fd; done; true";
    let listed = run(tool::command("sh").args(["-c", script])).text();
    listed.lines().map(str::to_owned).collect()
}

fn own_sockets() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").expect("Linux");
    let targets = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count()
}

on_each_server! {
    fn a_child_inherits_no_descriptor(case) {
        alone(case.test, || Scene::on(case.server).with(P256), || {
            let before = own_sockets();
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let key = session.private_key("p256");
            session.sign(CKM_ECDSA, key, DIGEST).expect("C_Sign");
            assert!(own_sockets() > before, "a connection is open, else this proves nothing");
            let sockets: Vec<_> = inherited();
            let sockets: Vec<_> = sockets.iter().filter(|to| to.starts_with("socket:")).collect();
            assert_eq!(sockets, Vec::<&String>::new());
            drop(session);
            assert_eq!(module.finalize(), Ok(()));
            assert_eq!(own_sockets(), before, "C_Finalize closes what was opened");
        });
    }

    fn it_works_again_after_c_finalize_many_times(case) {
        alone(case.test, || Scene::on(case.server).with(P256), || {
            for _ in 0..10 {
                let module = Module::initialized();
                let session = Session::open(&module, module.slot(LABEL)).expect("a session");
                let key = session.private_key("p256");
                assert_eq!(session.sign(CKM_ECDSA, key, DIGEST).map(|s| s.len()), Ok(64));
                drop(session);
                assert_eq!(module.finalize(), Ok(()));
            }
        });
    }

    fn no_thread_is_left_to_run_in_unmapped_memory(case) {
        alone(case.test, || Scene::on(case.server).with(P256), || {
            let threads = || std::fs::read_dir("/proc/self/task").expect("Linux").count();
            let before = threads();
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let key = session.private_key("p256");
            session.sign(CKM_ECDSA, key, DIGEST).expect("C_Sign");
            assert_eq!(threads(), before);
        });
    }

    fn a_server_that_closes_ends_a_call_and_not_the_program(case) {
        let setup = || {
            let server = KmipServer::start(case.server);
            (Scene::at(&server, case.server).with(P256), server)
        };
        alone(case.test, setup, || {
            // As in ssh-keygen; Rust programs ignore the signal.
            // SAFETY: the default action is a valid one.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let key = session.private_key("p256");
            session.sign(CKM_ECDSA, key, DIGEST).expect("C_Sign");
            LentServer.stop();
            for _ in 0..3 {
                let failed = session.sign(CKM_ECDSA, key, DIGEST);
                assert_eq!(failed, Err(CKR_DEVICE_ERROR));
            }
            LentServer.start_again();
            let again = session.sign(CKM_ECDSA, key, DIGEST).expect("the same session and key");
            assert_eq!(again.len(), 64);
        });
    }

    fn an_operation_that_nobody_ends_does_not_wedge_the_session(case) {
        alone(case.test, || Scene::on(case.server).with(P256), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let key = session.private_key("p256");
            session.sign_init(CKM_ECDSA, key).expect("C_SignInit");
            let replaced = session.sign_init(CKM_ECDSA, key).or_else(|rv| {
                assert_eq!(rv, CKR_OPERATION_ACTIVE);
                session.sign_init(CKM_ECDSA, key)
            });
            assert_eq!(replaced, Ok(()));
            assert_eq!(session.sign_into(DIGEST, 72).map(|s| s.len()), Ok(64));
        });
    }

    fn sessions_are_for_writing_too_and_logins_are_accepted_without_need(case) {
        alone(case.test, || Scene::on(case.server).with(P256), || {
            let module = Module::initialized();
            let slot = module.slot(LABEL);
            let flags = module.token_info(slot).expect("C_GetTokenInfo").flags;
            assert_eq!(flags & CKF_TOKEN_INITIALIZED, CKF_TOKEN_INITIALIZED);
            assert_eq!(flags & CKF_LOGIN_REQUIRED, 0);
            let session = Session::open(&module, slot).expect("a session for writing");
            assert_eq!(session.login(CKU_USER, "1234"), Ok(()));
            assert_eq!(session.login(CKU_USER, ""), Err(CKR_USER_ALREADY_LOGGED_IN));
            let key = session.private_key("p256");
            session.sign(CKM_ECDSA, key, DIGEST).expect("C_Sign");
        });
    }

    fn the_label_of_the_token_is_the_slots_and_padded_with_blanks(case) {
        alone(case.test, || Scene::on(case.server), || {
            let module = Module::initialized();
            let info = module.token_info(module.slot(LABEL)).expect("C_GetTokenInfo");
            assert_eq!(info.label[..LABEL.len()], *LABEL.as_bytes());
            assert!(info.label[LABEL.len()..].iter().all(|&byte| byte == b' '));
        });
    }

    fn ids_pair_the_halves_and_tell_the_keys_apart(case) {
        alone(case.test, || Scene::on(case.server).with(&EVERY_TYPE), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let described = |kind| {
                let objects = session.find(&class(kind)).expect("a search");
                let attribute = |object, kind| session.attribute(object, kind).expect("there");
                let pair = |object| (attribute(object, CKA_ID), attribute(object, CKA_LABEL));
                objects.into_iter().map(pair).collect::<HashSet<_>>()
            };
            let (private, public) = (described(CKO_PRIVATE_KEY), described(CKO_PUBLIC_KEY));
            assert_eq!(private, public);
            let ids: HashSet<_> = private.iter().map(|(id, _)| id).collect();
            assert_eq!(ids.len(), EVERY_TYPE.len());
            assert!(ids.iter().all(|id| !id.is_empty()));
        });
    }

    fn what_openssh_asks_in_the_middle_of_a_signature_disturbs_nothing(case) {
        alone(case.test, || Scene::on(case.server).with(P256), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let public = session.find(&class(CKO_PUBLIC_KEY)).expect("a search")[0];
            let id = session.attribute(public, CKA_ID).expect("CKA_ID");
            let mut by_id = class(CKO_PRIVATE_KEY);
            by_id.extend([(CKA_ID, id), (CKA_SIGN, vec![CK_TRUE])]);
            let found = session.find(&by_id).expect("a search");
            assert_eq!(found.len(), 1);
            session.sign_init(CKM_ECDSA, found[0]).expect("C_SignInit");
            let asked = session.attribute(found[0], CKA_ALWAYS_AUTHENTICATE);
            assert_eq!(asked, Ok(vec![CK_FALSE]));
            assert_eq!(session.sign_into(DIGEST, 72).map(|s| s.len()), Ok(64));

            let mut no_id = class(CKO_PRIVATE_KEY);
            no_id.push((CKA_ID, vec![]));
            assert_eq!(session.find(&no_id), Ok(vec![]), "an empty value is a value");
        });
    }

    fn a_question_that_fails_for_one_attribute_is_answered_for_the_others(case) {
        alone(case.test, || Scene::on(case.server).with(P256), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let key = session.private_key("p256");
            let (mut class, mut small) = ([0_u8; 8], [0xEE_u8; 2]);
            let ask = |type_, place: *mut u8, length| CK_ATTRIBUTE {
                type_,
                pValue: place.cast(),
                ulValueLen: length,
            };
            let mut asked = [
                ask(CKA_MODULUS, null_mut(), 0),
                ask(CKA_LABEL, small.as_mut_ptr(), 2),
                ask(CKA_CLASS, class.as_mut_ptr(), 8),
            ];
            let (h, start) = (session.handle, asked.as_mut_ptr());
            let rv = answer(call!(module, C_GetAttributeValue, h, key, start, 3));
            assert_eq!(rv, Err(CKR_ATTRIBUTE_TYPE_INVALID));
            let lengths = asked.map(|attribute| attribute.ulValueLen);
            let none = CK_UNAVAILABLE_INFORMATION;
            assert_eq!(lengths, [none, none, 8]);
            assert_eq!(CK_ULONG::from_ne_bytes(class), CKO_PRIVATE_KEY);
            assert_eq!(small, [0xEE; 2]);
        });
    }

    fn an_ed25519_key_is_as_newer_versions_of_openssh_want_it(case) {
        let keys = [("ed25519", KeyType::Ed25519)];
        alone(case.test, || Scene::on(case.server).with(&keys), || {
            let module = Module::initialized();
            let session = Session::open(&module, module.slot(LABEL)).expect("a session");
            let public = session.find(&class(CKO_PUBLIC_KEY)).expect("a search")[0];
            let attribute = |kind| session.attribute(public, kind).expect("there");
            assert_eq!(attribute(CKA_KEY_TYPE), CKK_EC_EDWARDS.to_ne_bytes());
            assert_eq!(attribute(CKA_EC_PARAMS), b"\x13\x0cedwards25519");
            let point = attribute(CKA_EC_POINT);
            assert_eq!((point.len(), &point[..2]), (34, &[4, 32][..]));
            let key = session.private_key("ed25519");
            session.sign_init(CKM_EDDSA, key).expect("C_SignInit");
            let signature = session.sign_into(b"a login", 64).expect("exactly 64 bytes do");
            let spki = attribute(CKA_PUBLIC_KEY_INFO);
            assert!(verifies(Scheme::Ed25519, &spki, b"a login", &signature));
        });
    }
}
