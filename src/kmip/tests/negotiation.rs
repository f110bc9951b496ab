//! Negotiation: which messages it takes with servers of every kind.

use super::fake_server::{
    FakeServer, Stream, answer, operations_of, receive, send, serve_well, version_of,
};
use super::samples::{create_key_pair, failure, get, response, sign};
use crate::kmip::ttlv::Frame;
use crate::kmip::*;
use parking_lot::Mutex;
use std::sync::Arc;

type Log = Arc<Mutex<Vec<(Version, Vec<Operation>)>>>;

/// A server that notes every message and answers as `react` says; with none it closes the connection.
fn noting(
    react: impl Fn(&Frame) -> Option<wiped::Wiped> + Send + Sync + 'static,
) -> (FakeServer, Log) {
    let log = Log::default();
    let notes = Arc::clone(&log);
    let server = FakeServer::start(move |_, mut stream: Stream| {
        while let Some(request) = receive(&mut stream) {
            notes
                .lock()
                .push((version_of(&request), operations_of(&request)));
            match react(&request) {
                Some(bytes) => send(&mut stream, &bytes),
                None => return,
            }
        }
    });
    (server, log)
}

/// What PyKMIP says to what it cannot parse, whatever version it was asked in.
fn invalid_message() -> wiped::Wiped {
    response(Version::V1_0, |writer| {
        failure(
            writer,
            None,
            None,
            ResultReason::INVALID_MESSAGE,
            "Error parsing request message.",
        );
    })
}

const ASKED: [Operation; 3] = [
    Operation::DISCOVER_VERSIONS,
    Operation::QUERY,
    Operation::GET,
];

#[test]
fn the_first_call_brings_the_version_with_it() {
    let (server, log) = noting(|request| Some(answer(request, &[Version::V2_1, Version::V1_4])));
    let client = server.client();
    assert_eq!(client.version(), None);
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
    assert!(client.call(&[get("2")]).unwrap()[0].is_ok());
    let expected = [
        (Version::V1_4, ASKED.to_vec()),
        (Version::V2_1, vec![Operation::GET]),
    ];
    assert_eq!(*log.lock(), expected);
    let info = client.server_info().unwrap();
    assert_eq!(info.versions, [Version::V2_1, Version::V1_4]);
    assert_eq!(
        info.capabilities.vendor_identification.as_deref(),
        Some("Fake")
    );
    let traffic = client.traffic();
    assert_eq!((traffic.connections, traffic.requests), (1, 2));
    // ClientHello; Finished with the first request; the second request.
    assert_eq!(traffic.writes, 3);
}

#[test]
fn a_fixed_version_is_used_without_asking() {
    let (server, log) = noting(|request| Some(answer(request, &[])));
    let mut settings = server.settings();
    settings.version = Some(Version::V1_2);
    let client = Client::new(settings);
    client.call(&[get("1")]).unwrap();
    client.call(&[get("1")]).unwrap();
    let expected = [
        (Version::V1_2, vec![Operation::QUERY, Operation::GET]),
        (Version::V1_2, vec![Operation::GET]),
    ];
    assert_eq!(*log.lock(), expected);
}

#[test]
fn a_request_that_must_not_be_repeated_does_not_travel_with_the_questions() {
    let (server, log) = noting(|request| Some(answer(request, &[Version::V1_2])));
    assert!(server.client().call(&[create_key_pair()]).unwrap()[0].is_ok());
    let expected = [
        (
            Version::V1_4,
            vec![Operation::DISCOVER_VERSIONS, Operation::QUERY],
        ),
        (Version::V1_2, vec![Operation::CREATE_KEY_PAIR]),
    ];
    assert_eq!(*log.lock(), expected);
}

#[test]
fn a_request_of_2_x_waits_for_the_version() {
    let (server, log) = noting(|request| Some(answer(request, &[Version::V2_0])));
    let set = Request::SetAttribute {
        id: "1".into(),
        attribute: Attribute::Sensitive(true),
    };
    assert!(server.client().call(&[set]).unwrap()[0].is_ok());
    assert_eq!(
        log.lock()[1],
        (Version::V2_0, vec![Operation::SET_ATTRIBUTE])
    );
}

#[test]
fn a_request_the_agreed_version_cannot_express_is_an_error() {
    let (server, _) = noting(|request| Some(answer(request, &[Version::V1_2])));
    let client = server.client();
    client.call(&[get("1")]).unwrap();
    let error = client
        .call(&[sign(SignInput::DigestedData(vec![0; 32]))])
        .unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unencodable(_)));
    assert!(
        error
            .to_string()
            .ends_with("cannot be asked: KMIP 1.2 cannot express Digested Data in Sign"),
        "{error}"
    );
}

#[test]
fn a_server_that_refuses_1_4_is_asked_in_other_versions() {
    for spoken in [Version::V1_1, Version::V1_2, Version::V2_0, Version::V2_1] {
        let (server, log) = noting(move |request| {
            let discovers_by = if spoken.major == 1 {
                Version::V1_1
            } else {
                spoken
            };
            let understood = [discovers_by, spoken].contains(&version_of(request));
            Some(if understood {
                answer(request, &[spoken])
            } else {
                invalid_message()
            })
        });
        let client = server.client();
        assert!(client.call(&[get("1")]).unwrap()[0].is_ok(), "{spoken}");
        assert_eq!(client.version(), Some(spoken));
        assert_eq!(
            log.lock().last(),
            Some(&(spoken, vec![Operation::QUERY, Operation::GET]))
        );
    }
}

#[test]
fn a_server_of_1_0_is_found_at_last() {
    let (server, log) = noting(|request| {
        let understood = version_of(request) == Version::V1_0;
        Some(if understood {
            answer(request, &[])
        } else {
            invalid_message()
        })
    });
    let client = server.client();
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
    assert_eq!(client.version(), Some(Version::V1_0));
    assert_eq!(log.lock().len(), 5);
    client.call(&[get("1")]).unwrap();
    assert_eq!(log.lock().len(), 6);
}

/// KMIP 1.0 and 1.1 carry one credential: with two they are not tried, and a server of 1.0 cannot be asked at all.
#[test]
fn versions_that_cannot_say_who_asks_are_left_out() {
    let name = Credential::UsernameAndPassword {
        username: "alice".into(),
        password: None,
    };
    let call = |spoken: Version| {
        let (server, log) = noting(move |request| {
            let understood = version_of(request) == spoken;
            Some(match understood {
                true => answer(request, &[spoken]),
                false => invalid_message(),
            })
        });
        let mut settings = server.settings();
        settings.credentials = vec![name.clone(), name.clone()];
        let outcome = Client::new(settings).call(&[get("1"), get("2")]);
        let asked: Vec<Version> = log.lock().iter().map(|(version, _)| *version).collect();
        (outcome, asked)
    };
    let (outcome, asked) = call(Version::V2_1);
    assert!(outcome.unwrap().iter().all(Result::is_ok));
    assert!(!asked.contains(&Version::V1_1), "{asked:?}");
    let (outcome, asked) = call(Version::V1_0);
    let said = outcome.unwrap_err().to_string();
    let reason = "KMIP 1.0 cannot express more than one credential in the header of a message";
    assert!(said.ends_with(reason), "{said}");
    assert_eq!(asked, [Version::V1_4, Version::V2_1, Version::V2_0]);
}

#[test]
fn a_server_that_closes_on_unknown_versions_is_understood_too() {
    let (server, _) = noting(|request| {
        (version_of(request) == Version::V1_1).then(|| answer(request, &[Version::V1_1]))
    });
    let client = server.client();
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
    assert_eq!(client.version(), Some(Version::V1_1));
}

#[test]
fn a_server_with_none_of_our_versions_is_named() {
    let three = Version { major: 3, minor: 0 };
    let (server, _) = noting(move |request| Some(answer(request, &[three])));
    let error = server.client().call(&[get("1")]).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("speaks none of our KMIP versions, but 3.0"),
        "{error}"
    );
}

#[test]
fn who_is_not_let_in_is_told_at_once() {
    let (server, log) = noting(|_| {
        Some(response(Version::V1_0, |writer| {
            failure(
                writer,
                None,
                None,
                ResultReason::AUTHENTICATION_NOT_SUCCESSFUL,
                "who are you",
            );
        }))
    });
    let error = server.client().call(&[get("1"), get("2")]).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Refused(_)), "{error}");
    assert_eq!(log.lock().len(), 1);
}

#[test]
fn a_server_that_has_changed_is_asked_again() {
    let upgraded = Arc::new(Mutex::new(Version::V2_0));
    let speaks = Arc::clone(&upgraded);
    let (server, _) = noting(move |request| {
        let now = *speaks.lock();
        let understood = [Version::V1_4, now].contains(&version_of(request));
        Some(if understood {
            answer(request, &[now])
        } else {
            invalid_message()
        })
    });
    let client = server.client();
    client.call(&[get("1")]).unwrap();
    *upgraded.lock() = Version::V1_4;
    assert!(client.call(&[get("1")]).unwrap()[0].is_err());
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
    assert_eq!(client.version(), Some(Version::V1_4));
}

#[test]
fn refusals_stay_in_their_places() {
    let server = FakeServer::start(|_, stream| serve_well(stream, &[Version::V1_4]));
    let answers = server
        .client()
        .call(&[get("1"), get("absent"), get("3")])
        .unwrap();
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert_eq!(
        answers[1].as_ref().unwrap_err().to_string(),
        "Get was refused: Item Not Found (not here)"
    );
    assert!(server.client().call(&[]).unwrap().is_empty());
}

/// A server that closes its first connections without a word, and answers all after them.
fn overloaded(connections: usize) -> FakeServer {
    FakeServer::start(move |number, mut stream| {
        if number < connections {
            receive(&mut stream);
        } else {
            serve_well(stream, &[Version::V1_4]);
        }
    })
}

#[test]
fn no_version_is_concluded_from_silence() {
    for connections in 1..=10 {
        let client = overloaded(connections).client();
        while client.call(&[get("1")]).is_err() {}
        assert_eq!(client.version(), Some(Version::V1_4), "{connections}");
    }
}

#[test]
fn a_version_found_in_a_bad_moment_is_looked_for_again() {
    let messages = std::sync::atomic::AtomicUsize::new(0);
    let (server, _) = noting(move |request| {
        let number = messages.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Some(match number {
            0..4 => invalid_message(),
            _ => answer(request, &[Version::V1_4]),
        })
    });
    let client = server.client();
    client.call(&[get("1")]).unwrap();
    assert_eq!(client.version(), Some(Version::V1_0));
    let digest = || sign(SignInput::DigestedData(vec![0; 32]));
    assert!(client.call(&[digest()]).is_err());
    assert!(client.call(&[digest()]).unwrap()[0].is_ok());
    assert_eq!(client.traffic().connections, 1);
}
