//! HTTPS: servers that are wrong in the ways of HTTP.

use super::fake_server::*;
use super::http_server::*;
use super::samples::get;
use crate::kmip::*;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const V: &[Version] = &[Version::V1_4];

#[test]
fn statuses_say_what_to_change() {
    let status = |head: &str, body: &str| {
        let length = body.len();
        text_of(format!(
            "HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    };
    let check = "check tls.client_cert and the bearer token";
    assert_eq!(
        status("403 Forbidden", ""),
        format!("refused our credentials (HTTP 403); {check}")
    );
    assert_eq!(
        status("404 Not Found", "<html>"),
        "has no KMIP at the path /kmip (HTTP 404); correct the URL in kmip.servers"
    );
    assert_eq!(
        status("302 Found\r\nLocation: https://other/\x1bkmip", ""),
        "sent a malformed answer: not HTTP: http parse fail: invalid header value"
    );
    assert_eq!(
        status("302 Found\r\nLocation: https://other/kmip", ""),
        "sends us elsewhere (HTTP 302, to https://other/kmip); if it is right, write that URL into kmip.servers"
    );
    assert_eq!(
        status(
            "500 Internal Server Error",
            "out\n\tof \u{1b}[2Jpaper\u{202e}!"
        ),
        "answered with HTTP 500: out of  [2Jpaper !"
    );
    assert_eq!(status("204 No Content", ""), "answered with HTTP 204");
    let long = status("422 Unprocessable", &"x".repeat(5000));
    assert!(long.len() < 300, "{long}");
}

#[test]
fn a_refusal_whose_body_never_ends_is_a_refusal_all_the_same() {
    let start = Instant::now();
    let text = text_of("HTTP/1.1 503 Busy\r\nContent-Length: 900\r\n\r\ncome back later");
    assert_eq!(text, "answered with HTTP 503: come back later");
    assert!(start.elapsed() < Duration::from_millis(690));
}

#[test]
fn a_gateway_without_its_server_is_tried_once_more_and_then_passed_over() {
    let bad = server(|_, _| with_head("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0", b""));
    let good = FakeServer::start_with(Arc::clone(&bad.authority), BOTH, |_, stream| {
        serve_well(stream, V)
    });
    let mut settings = https(&bad, Encoding::Ttlv);
    settings.servers.push(good.address.clone());
    let client = Client::new(settings);
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
}

#[test]
fn heads_that_end_too_early_too_late_or_never_are_errors() {
    let cut = error_of(|stream, _| {
        send(stream, b"HTTP/1.1 200 OK\r\nContent-");
        stream.conn.send_close_notify();
        let _gone = stream.flush();
        let _gone = stream.sock.shutdown(std::net::Shutdown::Both);
    });
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
    let stalled = error_of_bytes("HTTP/1.1 200 OK\r\nContent-");
    assert!(
        matches!(
            stalled.kind,
            ErrorKind::Timeout {
                phase: Phase::Receiving
            }
        ),
        "{stalled}"
    );
    let silent = error_of_bytes("");
    assert!(
        matches!(
            silent.kind,
            ErrorKind::Timeout {
                phase: Phase::AwaitingReply
            }
        ),
        "{silent}"
    );
    let endless = error_of(|stream, _| {
        send(stream, b"HTTP/1.1 200 OK\r\n");
        for _ in 0..1000 {
            send(stream, &[b"A: ", &[b'a'; 500][..], b"\r\n"].concat());
        }
    });
    assert!(
        matches!(endless.kind, ErrorKind::Malformed { .. }),
        "{endless}"
    );
    let continued = error_of_bytes("HTTP/1.1 100 Continue\r\n\r\n".repeat(2000));
    assert!(
        continued.to_string().contains("a head of more than"),
        "{continued}"
    );
}

#[test]
fn garbage_is_not_taken_for_http() {
    for garbage in [
        &b"\x42\x00\x7b\x01\x00\x00\x00\x08\0\0\0\0\0\0\0\0"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n",
    ] {
        let error = error_of_bytes(garbage);
        assert!(matches!(error.kind, ErrorKind::Malformed { .. }), "{error}");
        assert!(error.to_string().contains("not HTTP"), "{error}");
    }
    let page =
        text_of("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>");
    assert_eq!(
        page,
        "sent a malformed answer: a web page and no KMIP message; is /kmip the right path?"
    );
}

#[test]
fn bodies_of_a_wrong_length_are_errors() {
    let short = error_of(|stream, post| {
        let reply = post.reply();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}", reply.len() - 1);
        send(stream, &with_head(&head, &reply));
    });
    assert!(matches!(short.kind, ErrorKind::Malformed { .. }), "{short}");
    let long = error_of(|stream, post| {
        let reply = post.reply();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}", reply.len() + 1);
        send(stream, &with_head(&head, &reply));
    });
    assert!(
        matches!(
            long.kind,
            ErrorKind::Timeout {
                phase: Phase::Receiving
            }
        ),
        "{long}"
    );
    let twice = error_of(|stream, post| {
        let once = with_length(&post.reply());
        send(stream, &[once.clone(), once].concat());
    });
    assert!(twice.to_string().contains("bytes follow it"), "{twice}");
    let none = text_of("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(none.starts_with("sent a malformed answer: "), "{none}");
}

#[test]
fn bodies_larger_than_the_limit_are_not_taken_in() {
    let is_too_large = |respond: fn(&mut Stream)| {
        let server = FakeServer::start(move |_, mut stream| {
            while Post::read(&mut stream).is_some() {
                respond(&mut stream);
            }
        });
        let mut settings = https(&server, Encoding::Ttlv);
        settings.version = Some(Version::V1_4);
        settings.maximum_response_size = 1000;
        let client = Client::new(settings);
        let error = client.call(&[get("1")]).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::TooLarge { limit: 1000 }),
            "{error}"
        );
        assert!(client.traffic().received < 200_000);
    };
    is_too_large(|stream| {
        send(
            stream,
            b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
        )
    });
    is_too_large(|stream| send(stream, &chunked(&[7; 5000], 4000)));
    is_too_large(|stream| send(stream, &with_head("HTTP/1.0 200 OK", &[7; 5000])));
    is_too_large(|stream| {
        // Tiny chunks, and after them a trailer without end.
        send(
            stream,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
        );
        for _ in 0..1000 {
            send(stream, &[b"A: ", &[b'a'; 500][..], b"\r\n"].concat());
        }
    });
}

#[test]
fn a_dripping_body_ends_at_the_deadline() {
    let error = error_of(|stream, post| {
        for byte in chunked(&post.reply(), 1) {
            send(stream, &[byte]);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(
        matches!(
            error.kind,
            ErrorKind::Timeout {
                phase: Phase::Receiving
            }
        ),
        "{error}"
    );
}

#[test]
fn a_port_without_tls_is_named_as_such() {
    let port = listen(|_, mut socket| {
        let mut hello = [0; 16];
        let _some = socket.read(&mut hello);
        let _gone = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    });
    let server = FakeServer::start(|_, _| {});
    let mut settings = https(&server, Encoding::Json);
    settings.servers[0].port = port;
    let error = Client::new(settings).call(&[get("1")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "server https://localhost:{port}/kmip does not speak TLS with us: what it answers is not TLS; is this the right port?"
        )
    );
}

#[test]
fn a_connection_that_saw_an_error_is_not_used_again() {
    let server = server(
        |_, post| match post.message().root().find(Tag::BATCH_ITEM) {
            _ if post.head.contains("HTTP/1.1")
                && operations_of(&post.message()) == [Operation::GET] =>
            {
                with_head("HTTP/1.1 500 Oh\r\nContent-Length: 0", b"")
            }
            _ => with_length(&post.reply()),
        },
    );
    let client = Client::new(https(&server, Encoding::Ttlv));
    let fine = || {
        client
            .call(&[Request::GetAttributes {
                id: "1".into(),
                names: vec![],
            }])
            .unwrap()
    };
    fine();
    for errors in 1..4 {
        assert!(client.call(&[get("1")]).is_err());
        fine();
        assert_eq!(client.traffic().connections, errors + 1);
    }
}

/// What comes back is an answer or an error at once, and no panic, whatever is wrong with it.
#[test]
fn damaged_answers_never_panic() {
    let dice = Mutex::new(0x9E37_79B9_7F4A_7C15_u64);
    let below = move |bound: usize| {
        let mut dice = dice.lock().unwrap();
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        (*dice % bound as u64) as usize
    };
    let server = FakeServer::start(move |_, mut stream| {
        let Some(post) = Post::read(&mut stream) else {
            return;
        };
        let mut answer = match below(2) {
            0 => chunked(&post.reply(), 1 + below(100)),
            _ => with_length(&post.reply()),
        };
        for _ in 0..=below(3) {
            let place = below(answer.len().min(120));
            answer[place] = b"\r\n :;0fF9\xff\0"[below(12)];
        }
        send(&mut stream, &answer);
        stream.conn.send_close_notify();
        let _gone = stream.flush();
    });
    let mut settings = https(&server, Encoding::Ttlv);
    settings.version = Some(Version::V1_4);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..300 {
        match Client::new(settings.clone()).call(&[Request::Activate { id: "1".into() }]) {
            Ok(_) => good += 1,
            Err(error) => {
                let timed_out = matches!(error.kind, ErrorKind::Timeout { .. });
                assert!(!timed_out, "{error}");
                bad += 1;
            }
        }
    }
    assert!(good > 10 && bad > 10, "{good} {bad}");
}
