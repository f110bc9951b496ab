//! Delivery when something in between is gone, wrong, cut or unable: a clear error, and nothing that works by chance.

use ffi_tests::api_token::client;
use ffi_tests::counting_proxy::{CountingProxy, Cut};
use ffi_tests::delivery::{Delivery, Ends, WRAPPING_KEY, sign};
use ffi_tests::hsm::{PIN, Vendor};
use ffi_tests::kmip_server::LentServer;
use ffi_tests::own_process::alone;
use ffi_tests::process::run;
use ffi_tests::tool::command;
use ffi_tests::{ServerKind, here};
use kmip_p11::error::Error;
use kmip_p11::kmip::{
    Attribute, CryptographicAlgorithm, KeyBlock, KeyFormatType, KeyMaterial, ManagedObject,
    Request, Response, RevocationReasonCode, UsageMask,
};
use kmip_p11::model::public_key::{Curve, KeyType};
use kmip_p11::token::{DeliveryTask, SharedToken};
use zeroize::Zeroizing;

const P256: KeyType = KeyType::Ec(Curve::P256);

/// Runs the body in a process where SoftHSM2 has an empty token, and Cosmian is the server.
#[track_caller]
fn between(test: &str, body: impl FnOnce()) {
    if ServerKind::Cosmian.is_wanted(test) {
        alone(test, || Ends::on(ServerKind::Cosmian), body);
    }
}

/// Where each signature is a delivery.
fn each_time(wrap: &str) -> Delivery {
    Delivery::set_up_by(wrap, |slot| slot.line("delivery.uses = 1"))
}

#[track_caller]
fn reason<T>(outcome: Result<T, Error>) -> String {
    match outcome {
        Err(Error::Token(error)) => error.reason,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it worked"),
    }
}

/// The unique identifier of the wrapping key at the server.
#[track_caller]
fn remote(token: &SharedToken) -> String {
    let told = token.delivery(DeliveryTask::Look);
    let facts = told.unwrap_or_else(|error| panic!("{error}")).facts;
    let mut remote = facts
        .into_iter()
        .filter(|(name, _)| *name == "at the server");
    remote.next().expect("a wrapping key").1
}

#[track_caller]
fn ask(requests: &[Request]) -> Vec<Response> {
    let answers = client(LentServer.endpoint("alice")).call(requests);
    let answers = answers.unwrap_or_else(|error| panic!("{error}"));
    let answer = |answer: Result<Response, _>| answer.unwrap_or_else(|refusal| panic!("{refusal}"));
    answers.into_iter().map(answer).collect()
}

/// Somebody destroys it there.
fn destroy(id: &str) {
    let id = id.to_owned();
    let revoke = Request::Revoke {
        id: id.clone(),
        reason: RevocationReasonCode::CESSATION_OF_OPERATION,
        message: None,
        compromised_at: None,
    };
    ask(&[revoke, Request::Destroy { id }]);
}

#[test]
fn a_wrapping_key_that_is_gone_at_the_server_is_told_and_replaced() {
    between(here!(), || {
        for wrap in ["aes-kwp", "rsa-aes"] {
            let delivery = each_time(wrap);
            let (token, key) = (delivery.token(), delivery.keyring().make("web", P256));
            assert!(sign(&token, &key).is_ok());
            destroy(&remote(&token));
            let told = reason(sign(&token, &key));
            assert!(
                told.contains("the server has no active wrapping key"),
                "{told}"
            );
            assert!(told.contains("kmip-ssh delivery setup"), "{told}");
            delivery
                .token()
                .delivery(DeliveryTask::SetUp)
                .expect("another one");
            assert!(sign(&token, &key).is_ok(), "{wrap}");
        }
    });
}

/// Somebody destroys the wrapping key in the HSM.
fn destroy_in_hsm(kind: &str) {
    let vendor = Vendor::of_environment();
    let mut pkcs11_tool = command("pkcs11-tool");
    pkcs11_tool.arg("--module").arg(vendor.module());
    pkcs11_tool.env(vendor.variable(), vendor.conf_of_environment().unwrap());
    pkcs11_tool.args(["--token-label", "token", "--login", "--pin", PIN]);
    pkcs11_tool.args(["--delete-object", "--label", WRAPPING_KEY, "--type", kind]);
    run(&mut pkcs11_tool).text();
}

#[test]
fn a_wrapping_key_that_is_gone_in_the_hsm_is_told_and_replaced() {
    between(here!(), || {
        for (wrap, kind) in [("aes-kwp", "secrkey"), ("rsa-aes", "privkey")] {
            let delivery = each_time(wrap);
            let (token, key) = (delivery.token(), delivery.keyring().make("web", P256));
            assert!(sign(&token, &key).is_ok());
            destroy_in_hsm(kind);
            let told = reason(sign(&token, &key));
            let said = told.contains("the HSM has no wrapping key");
            assert!(said && told.contains("kmip-ssh delivery setup"), "{told}");
            delivery
                .token()
                .delivery(DeliveryTask::SetUp)
                .expect("another one");
            assert!(sign(&token, &key).is_ok(), "{wrap}");
        }
    });
}

#[test]
fn a_wrapping_key_that_is_another_at_the_server_delivers_nothing() {
    between(here!(), || {
        let delivery = each_time("aes-kwp");
        let (token, key) = (delivery.token(), delivery.keyring().make("web", P256));
        let name = remote(&token);
        destroy(&name);
        let block = KeyBlock {
            format: Some(KeyFormatType::RAW),
            algorithm: Some(CryptographicAlgorithm::AES),
            length: Some(256),
            material: KeyMaterial::Bytes(Zeroizing::new(vec![7; 32])),
            wrapping: None,
        };
        let register = Request::Register {
            object: ManagedObject::SymmetricKey(block),
            attributes: vec![
                Attribute::Name(name),
                Attribute::CryptographicAlgorithm(CryptographicAlgorithm::AES),
                Attribute::CryptographicLength(256),
                Attribute::CryptographicUsageMask(UsageMask::WRAP_KEY),
            ],
        };
        let Some(Response::Register { id }) = ask(&[register]).pop() else {
            panic!("no identifier")
        };
        ask(&[Request::Activate { id }]);
        for told in [
            reason(sign(&token, &key)),
            reason(token.delivery(DeliveryTask::Check)),
        ] {
            assert!(told.contains("is another than the server's"), "{told}");
        }
        delivery
            .token()
            .delivery(DeliveryTask::Rotate)
            .expect("another one");
        assert!(sign(&token, &key).is_ok());
    });
}

#[test]
fn a_connection_that_is_cut_during_a_delivery_costs_another_and_no_signature() {
    between(here!(), || {
        let proxy = CountingProxy::to(&LentServer.endpoint("alice").address);
        let address = format!("127.0.0.1:{}", proxy.port());
        let delivery = Delivery::set_up_by("rsa-aes", |slot| {
            slot.at(address.clone()).line("delivery.uses = 1")
        });
        let (token, key) = (delivery.token(), delivery.keyring().make("web", P256));
        assert!(sign(&token, &key).is_ok());
        for cut in [Cut::Flight(1), Cut::AnswerTo(1)] {
            proxy.cut(Some(cut));
            let signed = sign(&token, &key);
            assert!(signed.is_ok(), "{cut:?}: {signed:?}");
        }
        drop(proxy);
        let told = reason(sign(&token, &key));
        assert!(told.contains(&address), "{told}");
    });
}

#[test]
fn a_server_that_cannot_wrap_is_refused_with_the_reason_and_leaves_no_wrapping_key() {
    let ends = || Ends::on(ServerKind::PyKmip);
    alone(here!(), ends, || {
        for (wrap, words) in [
            (
                "aes-kwp",
                "does not take a wrapping key in that is wrapped itself",
            ),
            ("rsa-aes", "does not give key"),
        ] {
            let delivery = Delivery::by(wrap, |slot| slot);
            for _ in 0..2 {
                let told = reason(delivery.token().delivery(DeliveryTask::SetUp));
                println!("{wrap}: {told}");
                assert!(told.contains(words), "{told}");
            }
            let told = reason(delivery.token().delivery(DeliveryTask::Look));
            assert!(told.contains("the HSM has no wrapping key"), "{told}");
        }
    });
}
