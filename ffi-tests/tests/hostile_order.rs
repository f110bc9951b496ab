//! Operations out of their order: gone on with before they begin, begun twice, ended by another's end.

use cryptoki_sys::*;
use ffi_tests::hostile::{Findings, World, start_of};
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::surface::{Function, function};
use ffi_tests::{call, here};
use kmip_p11::model::public_key::{Curve, KeyType};

fn keystore() -> KeystoreScene {
    KeystoreScene::by_file().with(&[
        ("rsa", KeyType::Rsa(2048)),
        ("p256", KeyType::Ec(Curve::P256)),
    ])
}

fn in_a_world(test: &str, body: fn(&Module, &World, &Findings)) {
    alone(test, keystore, || {
        let module = Module::initialized();
        let world = World::new(&module, module.slots().expect("slots")[0]);
        body(&module, &world, &Findings::of(&world));
    });
}

/// The functions that go on with an operation, of those that the module has.
fn going_on(world: &World, findings: &Findings) -> Vec<&'static Function> {
    let goes_on = |it: &&Function| findings.has(it) && start_of(it.name).is_some();
    world.functions().filter(goes_on).collect()
}

/// Their beginnings that work.
fn beginnings(world: &World, findings: &Findings) -> Vec<&'static Function> {
    let mut names: Vec<_> = going_on(world, findings)
        .iter()
        .filter_map(|it| start_of(it.name))
        .collect();
    names.dedup();
    let works = |it: &&Function| findings.honest[it.name] == CKR_OK;
    let found: Vec<_> = names.into_iter().map(function).filter(works).collect();
    assert!(found.iter().any(|it| it.name == "C_SignInit"));
    found
}

/// Functions that go on with two operations at once.
fn is_double(function: &Function) -> bool {
    let doubles = [
        "C_DigestEncrypt",
        "C_DecryptDigest",
        "C_SignEncrypt",
        "C_DecryptVerify",
    ];
    doubles
        .iter()
        .any(|double| function.name.starts_with(double))
}

#[test]
fn what_never_began_cannot_go_on() {
    in_a_world(here!(), |module, world, findings| {
        for function in going_on(world, findings) {
            let session = world.session();
            let answer = world.made(function, session, &[]);
            assert_eq!(answer, CKR_OPERATION_NOT_INITIALIZED, "{}", function.name);
            call!(module, C_CloseSession, session);
        }
    });
}

#[test]
fn an_operation_goes_on_by_its_own_functions_alone() {
    in_a_world(here!(), |module, world, findings| {
        let mut tried = 0;
        for start in beginnings(world, findings) {
            for other in going_on(world, findings) {
                if start_of(other.name) == Some(start.name) && !is_double(other) {
                    continue;
                }
                let what = format!("{} after {}", other.name, start.name);
                let session = world.session();
                assert_eq!(world.made(start, session, &[]), CKR_OK, "{what}");
                let answer = world.made(other, session, &[]);
                assert_eq!(answer, CKR_OPERATION_NOT_INITIALIZED, "{what}");
                let again = world.made(start, session, &[]);
                assert_eq!(again, CKR_OPERATION_ACTIVE, "{what} has ended it");
                call!(module, C_CloseSession, session);
                tried += 1;
            }
        }
        println!("{tried} pairs of operations");
    });
}

#[test]
fn what_has_ended_does_not_go_on() {
    in_a_world(here!(), |module, world, findings| {
        for function in going_on(world, findings) {
            let start = start_of(function.name)
                .map(ffi_tests::surface::function)
                .expect("a beginning");
            let is_last = !["Update", "FindObjects", "DigestKey", "Next", "Begin"]
                .iter()
                .any(|goes_on| function.name.ends_with(goes_on));
            if !is_last
                || function.name.contains("Message")
                || findings.honest[start.name] != CKR_OK
            {
                continue;
            }
            let session = world.session();
            assert_eq!(world.made(start, session, &[]), CKR_OK, "{}", start.name);
            world.made(function, session, &[]);
            let again = world.made(function, session, &[]);
            assert_eq!(
                again, CKR_OPERATION_NOT_INITIALIZED,
                "{} twice",
                function.name
            );
            call!(module, C_CloseSession, session);
        }
    });
}

#[test]
fn parts_and_the_whole_do_not_go_together() {
    in_a_world(here!(), |module, world, findings| {
        for kind in ["Encrypt", "Decrypt", "Digest", "Sign", "Verify"] {
            let of = |suffix: &str| function(&format!("C_{kind}{suffix}"));
            let (begin, whole, part, end) = (of("Init"), of(""), of("Update"), of("Final"));
            let session = world.session();
            let answers = |calls: &[&Function]| -> Vec<CK_RV> {
                calls
                    .iter()
                    .map(|it| world.made(it, session, &[]))
                    .collect()
            };
            if !findings.has(begin) || answers(&[begin, part])[1] != CKR_OK {
                continue; // a mechanism for one part alone
            }
            let whole_after_part = answers(&[whole])[0];
            assert_ne!(whole_after_part, CKR_OK, "{}", whole.name);
            call!(module, C_CloseSession, session);
            let session = world.session();
            let answers = |calls: &[&Function]| -> Vec<CK_RV> {
                calls
                    .iter()
                    .map(|it| world.made(it, session, &[]))
                    .collect()
            };
            let after_whole = answers(&[begin, whole, part, end]);
            let none = CKR_OPERATION_NOT_INITIALIZED;
            assert_eq!(after_whole[2..], [none, none], "{kind}");
        }
    });
}

#[test]
fn a_closed_session_takes_its_operations_along() {
    in_a_world(here!(), |module, world, findings| {
        for start in beginnings(world, findings) {
            let session = world.session();
            assert_eq!(world.made(start, session, &[]), CKR_OK, "{}", start.name);
            assert_eq!(call!(module, C_CloseSession, session), CKR_OK);
            for function in going_on(world, findings) {
                let answer = world.made(function, session, &[]);
                assert_eq!(answer, CKR_SESSION_HANDLE_INVALID, "{}", function.name);
            }
        }
    });
}
