//! One or two arguments of a call are spoilt, of every function in every way: what answers it, and what it costs.

use cryptoki_sys::*;
use ffi_tests::guarded::peak;
use ffi_tests::here;
use ffi_tests::hostile::{Findings, World, supported, ways};
use ffi_tests::keystore_scene::KeystoreScene;
use ffi_tests::module::Module;
use ffi_tests::own_process::alone;
use ffi_tests::surface::{SURFACE, function};
use kmip_p11::model::public_key::{Curve, KeyType};

/// How much more memory all the calls together may hold at once.
const MOST: usize = 32 << 20;

fn keystore() -> KeystoreScene {
    KeystoreScene::by_file().with(&[
        ("rsa", KeyType::Rsa(2048)),
        ("p256", KeyType::Ec(Curve::P256)),
        ("ed25519", KeyType::Ed25519),
    ])
}

/// Makes calls in a world with keys, and holds what comes of them to the specification.
fn in_a_world(test: &str, make: fn(&World, &mut Findings)) {
    alone(test, keystore, || {
        let module = Module::initialized();
        let world = World::new(&module, module.slots().expect("slots")[0]);
        let mut findings = Findings::of(&world);
        let before = peak();
        make(&world, &mut findings);
        let grown = peak().saturating_sub(before);
        let (calls, works) = (findings.calls, findings.works());
        println!(
            "{calls} hostile calls; {works} functions do what they are for; {} KiB more memory",
            grown >> 10
        );
        assert!(
            findings.complaints.is_empty(),
            "\n{}\n",
            findings.complaints.join("\n")
        );
        assert!(grown <= MOST, "{grown} bytes");
        assert_eq!(module.finalize(), Ok(()));
    });
}

#[test]
fn every_spoilt_argument_is_refused_by_its_name() {
    in_a_world(here!(), |world, findings| {
        for function in world.functions() {
            for way in ways(function) {
                findings.try_out(world, function, &[way]);
            }
        }
    });
}

#[test]
fn two_spoilt_arguments_are_refused_by_the_name_of_one() {
    in_a_world(here!(), |world, findings| {
        for function in world.functions().filter(|it| it.name != "C_Finalize") {
            let ways = ways(function);
            let ways = if findings.has(function) {
                &ways[..]
            } else {
                &[]
            };
            for (place, first) in ways.iter().enumerate() {
                for second in ways[place..].iter().filter(|second| second.0 != first.0) {
                    findings.try_out(world, function, &[*first, *second]);
                }
            }
        }
    });
}

#[test]
fn what_the_list_does_not_have_is_not_supported_and_the_rest_is() {
    in_a_world(here!(), |_, findings| {
        let there = supported();
        for function in SURFACE
            .iter()
            .filter(|function| !there.contains(function.name))
        {
            assert!(!findings.has(function), "{}", function.name);
        }
        let missing = there.iter().filter(|name| !findings.has(function(name)));
        println!("a keystore does not have {:?}", missing.collect::<Vec<_>>());
    });
}

#[test]
fn nothing_but_the_tables_works_before_c_initialize_and_after_c_finalize() {
    alone(here!(), keystore, || {
        let module = Module::initialized();
        let world = World::new(&module, module.slots().expect("slots")[0]);
        Findings::of(&world);
        let session = world.session();
        assert_eq!(module.finalize(), Ok(()));
        let tables = [
            "C_Initialize",
            "C_GetFunctionList",
            "C_GetInterfaceList",
            "C_GetInterface",
        ];
        for function in world.functions().filter(|it| !tables.contains(&it.name)) {
            let expected = match supported().contains(function.name) {
                true => CKR_CRYPTOKI_NOT_INITIALIZED,
                false => CKR_FUNCTION_NOT_SUPPORTED,
            };
            assert_eq!(
                world.made(function, session, &[]),
                expected,
                "{}",
                function.name
            );
            for (position, fault) in ways(function) {
                let answer = world.made(function, session, &[(position, fault)]);
                let bad = answer == CKR_ARGUMENTS_BAD && function.name == "C_Finalize";
                assert!(
                    answer == expected || bad,
                    "{}, {}: {answer:#x}",
                    function.name,
                    fault.what
                );
            }
        }
    });
}
