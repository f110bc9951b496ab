//! Connections: how many there are, who waits for one, and what a new one costs.

use super::fake_server::*;
use super::samples::get;
use crate::kmip::*;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::time::{Duration, Instant};

const V: &[Version] = &[Version::V1_4];

/// A server that does something before each answer, once it is acquainted.
fn pausing(pause: impl Fn(&ttlv::Frame) + Send + Sync + 'static) -> FakeServer {
    FakeServer::start(move |_, mut stream| {
        while let Some(request) = receive(&mut stream) {
            if operations_of(&request).len() == 1 {
                pause(&request);
            }
            send(&mut stream, &answer(&request, V));
        }
    })
}

#[test]
fn as_many_exchanges_are_under_way_as_there_may_be_connections() {
    // Nobody is answered before all have asked.
    let together = Barrier::new(16);
    let server = pausing(move |_| {
        together.wait();
    });
    let client = acquainted(&server, |settings| settings.connections = 16);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                (0..3).for_each(|_| assert!(client.call(&[get("1")]).unwrap()[0].is_ok()))
            });
        }
    });
    assert_eq!(client.traffic().connections, 16);
}

#[test]
fn there_are_never_more_connections_than_that() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (open, peak) = (Arc::clone(&now), Arc::clone(&most));
    let server = FakeServer::start(move |number, mut stream| {
        peak.fetch_max(open.fetch_add(1, SeqCst) + 1, SeqCst);
        while let Some(request) = receive(&mut stream) {
            // Some connections end after an answer, and others take their place.
            send(&mut stream, &answer(&request, V));
            if number % 3 == 0 {
                break;
            }
        }
        open.fetch_sub(1, SeqCst);
    });
    let client = acquainted(&server, |settings| settings.connections = 3);
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                (0..10).for_each(|_| assert!(client.call(&[get("1")]).unwrap()[0].is_ok()))
            });
        }
    });
    // The server may see an end a moment after the client.
    assert!((1..=5).contains(&most.load(SeqCst)), "{most:?}");
    let status = &client.status()[0];
    assert!(status.open <= 3 && status.open == status.idle, "{status}");
}

#[test]
fn who_waits_for_a_connection_in_vain_is_told_which_key_to_raise() {
    let server = pausing(|_| std::thread::sleep(Duration::from_millis(600)));
    let client = acquainted(&server, |settings| settings.connections = 1);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| client.call(&[get("1")]).unwrap()[0].is_ok());
        std::thread::sleep(Duration::from_millis(100));
        let start = Instant::now();
        let error = client
            .call_within(start + Duration::from_millis(100), &[get("2")])
            .unwrap_err();
        assert!(start.elapsed() < Duration::from_millis(400));
        assert!(
            error.to_string().ends_with(
                "was not asked: all 1 connections are in use; raise kmip.connections, or kmip.deadline"
            ),
            "{error}"
        );
        assert!(!error.kind.may_have_happened());
        assert!(slow.join().unwrap());
    });
    assert_eq!(client.status()[0].condition, Condition::Usable);
    assert!(client.call(&[get("3")]).unwrap()[0].is_ok());
    assert_eq!(client.traffic().connections, 1);
}

#[test]
fn who_has_waited_longest_comes_first() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let server = pausing(move |request| {
        let item = request.root().find(Tag::BATCH_ITEM).unwrap();
        let payload = item.find(Tag::REQUEST_PAYLOAD).unwrap();
        let id = payload
            .find(Tag::UNIQUE_IDENTIFIER)
            .unwrap()
            .text()
            .unwrap()
            .to_owned();
        seen.lock().unwrap().push(id);
        std::thread::sleep(Duration::from_millis(300));
    });
    let client = acquainted(&server, |settings| settings.connections = 1);
    std::thread::scope(|scope| {
        for number in 0..5 {
            let client = &client;
            scope.spawn(move || client.call(&[get(&number.to_string())]).unwrap());
            std::thread::sleep(Duration::from_millis(40));
        }
    });
    assert_eq!(*asked.lock().unwrap(), ["0", "1", "2", "3", "4"]);
}

#[test]
fn a_connection_is_not_used_beyond_its_age_however_busy() {
    let server = FakeServer::start(|_, stream| serve_well(stream, V));
    let client = acquainted(&server, |settings| {
        settings.maximum_age = Duration::from_millis(150)
    });
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        client.call(&[get("1")]).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let made = client.traffic().connections;
    assert!((2..=5).contains(&made), "{made}");
    assert_eq!(client.status()[0].open, 1);
}

#[test]
fn a_second_connection_resumes_the_session_of_the_first() {
    for version in BOTH {
        let server = FakeServer::start_with(Arc::new(Authority::new()), &[version], |_, stream| {
            serve_well(stream, V)
        });
        let client = acquainted(&server, |settings| settings.maximum_idle = Duration::ZERO);
        let first = client.traffic();
        assert!(client.call(&[get("2")]).unwrap()[0].is_ok());
        let both = client.traffic();
        assert_eq!((first.connections, first.resumed), (1, 0), "{version:?}");
        assert_eq!((both.connections, both.resumed), (2, 1), "{version:?}");
        // Hello; Finished, with the request in TLS 1.3 and in a resumed session of TLS 1.2; there the request of a first
        // connection waits for the server's Finished.
        let tls13 = version.version == rustls::ProtocolVersion::TLSv1_3;
        assert_eq!(
            (first.writes, both.writes - first.writes),
            (if tls13 { 2 } else { 3 }, 2),
            "{version:?}"
        );
        assert!(
            both.sent + 300 < first.sent * 2,
            "no certificate is sent: {first:?} {both:?}"
        );
    }
}

#[test]
fn a_first_contact_of_many_threads_costs_each_no_more_than_one_message() {
    let server = FakeServer::start(|_, stream| serve_well(stream, V));
    let client = server.client();
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| assert!(client.call(&[get("1")]).unwrap()[0].is_ok()));
        }
    });
    let traffic = client.traffic();
    assert!(
        traffic.requests == 32 && traffic.connections <= 16,
        "{traffic:?}"
    );
}

/// Serves well, except that it ends every handshake that would resume a session; such a hello is longer than the first one.
fn without_session_context() -> FakeServer {
    let server = FakeServer::start(|_, stream| serve_well(stream, V));
    let (behind, shortest) = (server.address.port, AtomicUsize::new(usize::MAX));
    let port = listen(move |_, mut socket| {
        let mut hello = vec![0; 4096];
        let length = socket.peek(&mut hello).unwrap();
        if length > shortest.fetch_min(length, SeqCst) {
            socket.write_all(&[21, 3, 3, 0, 2, 2, 80]).unwrap(); // the alert internal_error
            return;
        }
        let mut there = TcpStream::connect(("localhost", behind)).unwrap();
        let mut back = (there.try_clone().unwrap(), socket.try_clone().unwrap());
        std::thread::spawn(move || {
            let _gone = std::io::copy(&mut back.0, &mut back.1);
            let _gone = back.1.shutdown(Shutdown::Both);
        });
        let _gone = std::io::copy(&mut socket, &mut there);
        let _gone = there.shutdown(Shutdown::Both);
    });
    let address = ServerAddress {
        port,
        ..server.address
    };
    FakeServer { address, ..server }
}

#[test]
fn a_server_that_fails_over_a_tls_session_is_asked_without_one() {
    let server = without_session_context();
    let mut settings = server.settings();
    settings.maximum_idle = Duration::ZERO;
    let client = Client::new(settings);
    let connections = [1, 2, 3, 4].map(|_| {
        assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
        client.traffic().connections
    });
    assert_eq!((connections, client.traffic().resumed), ([1, 3, 4, 5], 0));
}
