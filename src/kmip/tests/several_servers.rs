//! Several servers, of which some do not serve: the others do, within the deadline.

use super::fake_server::*;
use super::samples::{create_key_pair, get};
use crate::kmip::*;
use std::sync::Arc;
use std::time::{Duration, Instant};

const V: &[Version] = &[Version::V1_4];

/// A client of a server that fails in some way and, after it, of one that does not.
fn client_of(bad: &FakeServer, good: &FakeServer) -> Client {
    let mut settings = good.settings();
    settings.servers.insert(0, bad.address.clone());
    settings.deadline = Duration::from_secs(2);
    Client::new(settings)
}

fn good(authority: &Arc<Authority>) -> FakeServer {
    FakeServer::start_with(Arc::clone(authority), BOTH, |_, stream| {
        serve_well(stream, V)
    })
}

#[test]
fn one_that_takes_requests_and_never_answers_leaves_time_for_the_next() {
    let authority = Arc::new(Authority::new());
    let hanging = FakeServer::start_with(Arc::clone(&authority), BOTH, |_, mut stream| {
        while receive(&mut stream).is_some() {}
    });
    let client = client_of(&hanging, &good(&authority));
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
    let start = Instant::now();
    assert!(client.call(&[get("2")]).unwrap()[0].is_ok());
    assert!(start.elapsed() < Duration::from_millis(500));
}

#[test]
fn what_must_not_be_repeated_goes_to_the_next_only_with_the_next_call() {
    let authority = Arc::new(Authority::new());
    let closing = FakeServer::start_with(Arc::clone(&authority), BOTH, |_, mut stream| {
        // Answers the questions of who it is, and no other.
        if let Some(request) = receive(&mut stream) {
            send(&mut stream, &answer(&request, V));
        }
        receive(&mut stream);
    });
    let client = client_of(&closing, &good(&authority));
    assert!(client.call(&[create_key_pair()]).is_err());
    assert!(client.call(&[create_key_pair()]).unwrap()[0].is_ok());
}

#[test]
fn one_that_does_not_know_our_authority_is_passed_over_in_every_version_of_tls() {
    for version in BOTH {
        let authority = Arc::new(Authority::new());
        // It trusts another authority than ours; its own certificate is not what is tested.
        let stranger = Arc::new(Authority::new());
        let picky = FakeServer::start_for_clients_of(&authority, &stranger, &[version]);
        let client = client_of(&picky, &good(&authority));
        assert!(client.call(&[get("1")]).unwrap()[0].is_ok(), "{version:?}");
    }
}
