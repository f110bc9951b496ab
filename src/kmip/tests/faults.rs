//! Faults: servers that are away, slow, silent, chatty, wrong, or do not want us.

use super::fake_server::*;
use super::samples::{create_key_pair, get, item_id, response, success};
use crate::kmip::*;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

const V: &[Version] = &[Version::V1_4];

#[test]
fn a_server_that_is_away_is_unreachable_and_the_next_is_taken() {
    let server = FakeServer::start(|_, stream| serve_well(stream, V));
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let away = ServerAddress {
        host: "127.0.0.1".into(),
        port: closed,
        transport: Transport::Tls,
    };
    let mut settings = server.settings();
    settings.servers = vec![away.clone()];
    let error = Client::new(settings.clone()).call(&[get("1")]).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Unreachable { .. }) && error.is_connection_failure());
    assert!(
        error.to_string().starts_with(&format!(
            "server {away} cannot be reached: Connection refused"
        )),
        "{error}"
    );
    settings.servers = vec![away, server.address.clone()];
    let client = Client::new(settings);
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
    assert_eq!(client.version(), Some(Version::V1_4));
    settings = server.settings();
    settings.servers = vec![];
    assert!(Client::new(settings).call(&[get("1")]).is_err());
}

#[test]
fn a_server_that_never_shakes_hands_leaves_time_for_the_next() {
    let server = FakeServer::start(|_, stream| serve_well(stream, V));
    let port = listen(|_, socket| {
        std::thread::sleep(Duration::from_secs(20));
        drop(socket);
    });
    let mut settings = server.settings();
    settings.servers.insert(
        0,
        ServerAddress {
            host: "localhost".into(),
            port,
            transport: Transport::Tls,
        },
    );
    settings.deadline = Duration::from_secs(2);
    assert!(Client::new(settings.clone()).call(&[get("1")]).unwrap()[0].is_ok());
    settings.servers.truncate(1);
    settings.deadline = Duration::from_millis(300);
    let error = Client::new(settings).call(&[get("1")]).unwrap_err();
    assert!(
        matches!(
            error.kind,
            ErrorKind::Timeout {
                phase: Phase::Handshake
            }
        ),
        "{error}"
    );
}

/// How long a call takes that is given half a second.
fn half_a_second(serve: impl Fn(usize, Stream) + Send + Sync + 'static) -> Error {
    let server = FakeServer::start(serve);
    let mut settings = server.settings();
    settings.deadline = Duration::from_millis(500);
    let start = Instant::now();
    let error = Client::new(settings).call(&[get("1")]).unwrap_err();
    assert!(
        start.elapsed() < Duration::from_millis(1500),
        "{:?}",
        start.elapsed()
    );
    error
}

#[test]
fn silence_and_dripping_end_at_the_deadline() {
    let silent = half_a_second(|_, mut stream| {
        let _request = receive(&mut stream);
        std::thread::sleep(Duration::from_secs(20));
    });
    assert!(
        silent
            .to_string()
            .ends_with("did not answer in time (before any reply)"),
        "{silent}"
    );
    let dripping = half_a_second(|_, mut stream| {
        let reply = answer(&receive(&mut stream).unwrap(), V);
        for byte in reply.iter() {
            send(&mut stream, &[*byte]);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(
        matches!(
            dripping.kind,
            ErrorKind::Timeout {
                phase: Phase::Receiving
            }
        ),
        "{dripping}"
    );
}

#[test]
fn replies_in_many_pieces_are_put_together() {
    let server = FakeServer::start(|_, mut stream| {
        while let Some(request) = receive(&mut stream) {
            answer(&request, V)
                .chunks(7)
                .for_each(|piece| send(&mut stream, piece));
        }
    });
    let requests: Vec<Request> = (0..50).map(|n| get(&n.to_string())).collect();
    assert_eq!(server.client().call(&requests).unwrap().len(), 50);
}

#[test]
fn a_reply_that_is_cut_or_followed_or_not_kmip_is_an_error() {
    let with = |reply: &'static (dyn Fn(&[u8]) -> Vec<u8> + Sync)| {
        let server = FakeServer::start(move |_, mut stream| {
            while let Some(request) = receive(&mut stream) {
                send(&mut stream, &reply(&answer(&request, V)));
                if reply(&[0; 100]).len() == 50 {
                    return;
                }
            }
        });
        server.client().call(&[get("1")]).unwrap_err()
    };
    let cut = with(&|whole| whole[..50].to_vec());
    assert!(
        matches!(
            cut.kind,
            ErrorKind::Closed {
                phase: Phase::Receiving,
                ..
            }
        ),
        "{cut}"
    );
    let followed = with(&|whole| [whole, &[0]].concat());
    assert!(
        followed
            .to_string()
            .ends_with("malformed answer: bytes follow the message"),
        "{followed}"
    );
    let http = with(&|_| b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    assert!(
        http.to_string()
            .ends_with("malformed answer: it is not a KMIP message"),
        "{http}"
    );
    let lying = with(&|_| vec![0x42, 0, 0x7B, 1, 0xFF, 0xFF, 0xFF, 0xF8]);
    assert!(matches!(lying.kind, ErrorKind::TooLarge { .. }), "{lying}");
}

#[test]
fn a_reply_to_another_message_is_an_error_and_ends_the_connection() {
    let server = FakeServer::start(|number, mut stream| {
        while let Some(request) = receive(&mut stream) {
            let stale = response(Version::V1_4, |writer| {
                success(writer, Operation::GET, &item_id(77, 0), |_| {})
            });
            let acquainted = operations_of(&request).len() == 1;
            send(
                &mut stream,
                &if acquainted && number == 0 {
                    stale
                } else {
                    answer(&request, V)
                },
            );
        }
    });
    let client = acquainted(&server, |_| {});
    let error = client.call(&[get("2")]).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::WrongReply { .. }),
        "{error}"
    );
    assert!(client.call(&[get("3")]).unwrap()[0].is_ok());
    assert_eq!(client.traffic().connections, 2);
}

/// A server that closes every connection after so many answers: without a word before the next answer, or right after.
fn forgetful(answers: usize, at_once: bool) -> (FakeServer, Arc<AtomicUsize>) {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let server = FakeServer::start(move |_, mut stream| {
        for _ in 0..answers {
            let Some(request) = receive(&mut stream) else {
                return;
            };
            count.fetch_add(1, SeqCst);
            send(&mut stream, &answer(&request, V));
        }
        if !at_once && receive(&mut stream).is_some() {
            count.fetch_add(1, SeqCst);
        }
    });
    (server, seen)
}

#[test]
fn what_may_be_repeated_is_sent_once_more_over_a_new_connection() {
    let (server, seen) = forgetful(1, false);
    let client = acquainted(&server, |_| {});
    assert!(client.call(&[get("2")]).unwrap()[0].is_ok());
    assert_eq!((seen.load(SeqCst), client.traffic().connections), (3, 2));
}

#[test]
fn what_must_not_be_repeated_is_not() {
    let (server, seen) = forgetful(1, false);
    let client = acquainted(&server, |_| {});
    let error = client.call(&[create_key_pair()]).unwrap_err();
    assert!(
        matches!(
            error.kind,
            ErrorKind::Closed {
                phase: Phase::AwaitingReply,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!((seen.load(SeqCst), client.traffic().connections), (2, 1));
}

#[test]
fn a_connection_that_ended_while_idle_is_not_used_at_all() {
    let (server, seen) = forgetful(1, true);
    let client = acquainted(&server, |_| {});
    std::thread::sleep(Duration::from_millis(100));
    assert!(client.call(&[create_key_pair()]).unwrap()[0].is_ok());
    assert_eq!((seen.load(SeqCst), client.traffic().connections), (2, 2));
}

#[test]
fn a_connection_is_not_kept_beyond_its_time() {
    let server = FakeServer::start(|_, stream| serve_well(stream, V));
    let client = acquainted(&server, |settings| {
        settings.maximum_idle = Duration::from_millis(20)
    });
    client.call(&[get("1")]).unwrap();
    assert_eq!(client.traffic().connections, 1);
    std::thread::sleep(Duration::from_millis(50));
    client.call(&[get("1")]).unwrap();
    assert_eq!(client.traffic().connections, 2);
}

#[test]
fn a_client_may_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Client>();
    shared::<Error>();
}

#[test]
fn threads_have_connections_of_their_own() {
    let server = FakeServer::start(|_, mut stream| {
        while let Some(request) = receive(&mut stream) {
            std::thread::sleep(Duration::from_millis(20));
            send(&mut stream, &answer(&request, V));
        }
    });
    let client = acquainted(&server, |settings| settings.connections = 2);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                (0..5).for_each(|_| assert!(client.call(&[get("1")]).unwrap()[0].is_ok()))
            });
        }
    });
    assert!(
        (1..=2).contains(&client.traffic().connections),
        "{:?}",
        client.traffic()
    );
}

#[test]
fn certificates_that_one_side_does_not_like_are_told_apart() {
    for version in BOTH {
        let authority = Arc::new(Authority::new());
        let server = FakeServer::start_with(Arc::clone(&authority), &[version], |_, stream| {
            serve_well(stream, V)
        });
        let stranger = Authority::named("a stranger");
        let call = |tls, name: Option<&str>| {
            let mut settings = Settings::new(vec![server.address.clone()], tls);
            settings.server_name = name.map(str::to_owned);
            Client::new(settings).call(&[get("1")]).unwrap_err()
        };
        // An authority that was made anew often has the name of the old one; servers then send another alert.
        for issuer in [&stranger, &Authority::new()] {
            let ours = call(client_config(&authority, issuer), None);
            assert!(
                matches!(ours.kind, ErrorKind::CertificateRefused { .. }),
                "{version:?} {ours}"
            );
            assert!(
                ours.to_string()
                    .contains("refused the client certificate (alert "),
                "{ours}"
            );
            assert!(
                ours.to_string().ends_with("; check tls.client_cert"),
                "{ours}"
            );
            assert!(!ours.is_connection_failure());
        }
        let theirs = call(client_config(&stranger, &authority), None);
        assert!(
            matches!(theirs.kind, ErrorKind::ServerNotTrusted { .. }),
            "{version:?} {theirs}"
        );
        let name = call(client_config(&authority, &authority), Some("kmip.example"));
        assert!(
            matches!(name.kind, ErrorKind::ServerNotTrusted { .. }),
            "{version:?} {name}"
        );
        assert!(!name.to_string().contains('\n'), "{name}");
    }
}

#[test]
fn plain_text_is_no_tls() {
    let port = listen(|_, mut socket| {
        let _ = socket.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
    });
    let mut settings = FakeServer::start(|_, _| {}).settings();
    settings.servers = vec![ServerAddress {
        host: "localhost".into(),
        port,
        transport: Transport::Tls,
    }];
    let error = Client::new(settings).call(&[get("1")]).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Tls { .. }), "{error}");
}

#[test]
fn large_requests_and_replies_pass() {
    let server = FakeServer::start(|_, mut stream| {
        while let Some(request) = receive(&mut stream) {
            send(&mut stream, &answer(&request, V));
        }
    });
    let client = acquainted(&server, |_| {});
    let large = "x".repeat(3 << 20);
    let answers = client.call(&[get(&large), get("2")]).unwrap();
    let Ok(Response::Get { id, .. }) = &answers[0] else {
        panic!()
    };
    assert_eq!(id.len(), large.len());
}
