//! What real servers make of the header of a message: credentials, and the size of an answer; by hand, like [`super::live`].

use super::live::{is_spoken, one, server_kind, settings};
use crate::kmip::*;
use zeroize::Zeroizing;

fn spoken() -> impl Iterator<Item = Version> {
    let pykmip = server_kind() == "pykmip";
    let known = Version::KNOWN.into_iter();
    known.filter(move |version| is_spoken(*version) && (!pykmip || *version < Version::V2_1))
}

fn query() -> Request {
    Request::Query {
        functions: vec![QueryFunction::QUERY_OPERATIONS],
    }
}

/// Both servers go by the certificate alone; what matters is that they read the message.
#[test]
#[ignore = "needs a server"]
fn credentials_are_taken_in_every_version() {
    let password = || Some(Zeroizing::new("secret".to_owned()));
    let name = Credential::UsernameAndPassword {
        username: "alice".into(),
        password: password(),
    };
    let device = Credential::Device {
        device_serial_number: Some("1".into()),
        password: password(),
        device_identifier: None,
        network_identifier: Some("2".into()),
        machine_identifier: None,
        media_identifier: None,
    };
    for version in spoken() {
        let cases = [
            vec![name.clone()],
            vec![device.clone()],
            vec![name.clone(), device.clone()],
        ];
        for credentials in cases {
            let mut settings = settings(Some(version));
            settings.credentials.clone_from(&credentials);
            let outcome = Client::new(settings).call(&[query()]);
            println!("{version} {credentials:?}: {outcome:?}");
            let cannot = version < Version::V1_1 && credentials != [name.clone()]
                || version < Version::V1_2 && credentials.len() > 1;
            match outcome {
                Ok(answers) => assert!(answers[0].is_ok() && !cannot),
                Err(error) => assert!(cannot && matches!(error.kind, ErrorKind::Unencodable(_))),
            }
        }
    }
}

/// A batch whose answer is larger than the 1 MiB that PyKMIP sends unasked, and one larger than we want.
#[test]
#[ignore = "needs a server"]
fn the_size_of_an_answer_is_ours_to_say() {
    // Each knows one number of its own.
    let kind = match server_kind().as_str() {
        "pykmip" => OpaqueDataType(0x8000_0000),
        _ => OpaqueDataType(0x8000_0001),
    };
    for version in spoken() {
        let mut settings = settings(Some(version));
        let client = Client::new(settings.clone());
        let object = ManagedObject::Opaque {
            kind,
            value: vec![7; 50_000].into(),
        };
        let attributes = Vec::new();
        let Response::Register { id } = one(&client, Request::Register { object, attributes })
        else {
            panic!()
        };
        let get = Request::Get {
            id,
            format: None,
            wrapping: None,
        };
        let before = client.traffic().requests;
        let answers = client.call(&vec![get.clone(); 25]).unwrap();
        println!("{version}: {} messages", client.traffic().requests - before);
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(client.traffic().requests - before, 1);
        settings.maximum_response_size = 20_000;
        let refused = Client::new(settings).call(&[get]);
        println!("{version}: {refused:?}");
        match refused {
            Ok(answers) => {
                let reason = answers[0].as_ref().unwrap_err().reason;
                assert_eq!(reason, ResultReason::RESPONSE_TOO_LARGE);
            }
            Err(error) => assert!(matches!(error.kind, ErrorKind::TooLarge { .. })),
        }
    }
}
