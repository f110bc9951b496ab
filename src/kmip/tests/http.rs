//! HTTPS: what goes out, what is taken for an answer, and servers that are wrong in the ways of HTTP.

use super::fake_server::*;
use super::samples::{frame, get};
use crate::kmip::ttlv::Frame;
use crate::kmip::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

const V: &[Version] = &[Version::V1_4];

/// A request as it came in.
struct Post {
    head: String,
    body: Vec<u8>,
}

impl Post {
    fn read(stream: &mut Stream) -> Option<Post> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let lower = head.to_ascii_lowercase();
        let (_, length) = lower.split_once("content-length: ")?;
        let length = length.split("\r\n").next()?.parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Post { head, body })
    }

    fn is_json(&self) -> bool {
        self.head.contains("application/json")
    }

    fn message(&self) -> Frame {
        match self.is_json() {
            true => frame(&json::read(&self.body, &ttlv::Limits::default()).unwrap()),
            false => frame(&self.body),
        }
    }

    /// What a good server answers.
    fn reply(&self) -> Vec<u8> {
        let reply = answer(&self.message(), V);
        match self.is_json() {
            true => json::write(&reply).to_vec(),
            false => reply.to_vec(),
        }
    }
}

fn with_head(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}", body.len());
    with_head(&head, body)
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        text.extend_from_slice(format!("{:x};a=b\r\n", chunk.len()).as_bytes());
        text.extend_from_slice(chunk);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"0\r\nDigest: none\r\n\r\n");
    text
}

fn https(server: &FakeServer, encoding: Encoding) -> Settings {
    let mut settings = server.settings();
    settings.servers[0].transport = Transport::Https {
        path: "/kmip".into(),
        encoding,
    };
    settings
}

/// A server that answers each request on each connection with what `respond` makes of it, until that is nothing.
fn server(respond: impl Fn(usize, &Post) -> Vec<u8> + Send + Sync + 'static) -> FakeServer {
    FakeServer::start(move |_, mut stream| {
        let mut count = 0;
        while let Some(post) = Post::read(&mut stream) {
            send(&mut stream, &respond(count, &post));
            count += 1;
        }
    })
}

/// The error of one call to a server that answers so; within the deadline, whatever it does.
fn error_of(respond: impl Fn(&mut Stream, &Post) + Send + Sync + 'static) -> Error {
    let server = FakeServer::start(move |_, mut stream| {
        while let Some(post) = Post::read(&mut stream) {
            respond(&mut stream, &post);
        }
    });
    let mut settings = https(&server, Encoding::Ttlv);
    settings.deadline = Duration::from_millis(700);
    settings.version = Some(Version::V1_4);
    let start = Instant::now();
    let error = Client::new(settings).call(&[get("1")]).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(5), "{error}");
    error
}

/// The same for one that sends some bytes and waits.
fn error_of_bytes(bytes: impl Into<Vec<u8>>) -> Error {
    let bytes = bytes.into();
    error_of(move |stream, _| send(stream, &bytes))
}

fn text_of(bytes: impl Into<Vec<u8>>) -> String {
    error_of_bytes(bytes).kind.to_string()
}

#[test]
fn a_request_is_one_post_in_one_write_on_a_connection_that_stays() {
    for encoding in [Encoding::Ttlv, Encoding::Json] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let heads = Arc::clone(&seen);
        let server = server(move |_, post| {
            heads.lock().unwrap().push(post.head.clone());
            with_length(&post.reply())
        });
        let client = Client::new(https(&server, encoding));
        assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
        let before = client.traffic();
        assert!(client.call(&[get("1"), get("absent")]).unwrap()[1].is_err());
        let after = client.traffic();
        assert_eq!(after.requests - before.requests, 1);
        assert_eq!(after.writes - before.writes, 1);
        assert_eq!(after.connections, 1);
        let heads = seen.lock().unwrap();
        let form = match encoding {
            Encoding::Ttlv => "application/octet-stream",
            Encoding::Json => "application/json",
        };
        for head in heads.iter() {
            assert!(head.starts_with("POST /kmip HTTP/1.1\r\n"), "{head}");
            let place = format!("host: localhost:{}\r\n", server.address.port);
            assert!(head.contains(&place), "{head}");
            assert!(
                head.contains(&format!("content-type: {form}\r\n")),
                "{head}"
            );
            assert!(!head.contains("authorization"), "{head}");
        }
    }
}

#[test]
fn the_bearer_token_goes_to_https_servers_only() {
    let server = server(
        |_, post| match post.head.contains("authorization: Bearer abc/+=\r\n") {
            true => with_length(&post.reply()),
            false => with_head(
                "HTTP/1.1 401 Unauthorized\r\nContent-Length: 8",
                b"no token",
            ),
        },
    );
    let mut settings = https(&server, Encoding::Json);
    let error = Client::new(settings.clone()).call(&[get("1")]).unwrap_err();
    assert!(
        error.to_string().ends_with(
            "refused our credentials (HTTP 401: no token); check tls.client_cert and the bearer token"
        ),
        "{error}"
    );
    settings.bearer_token = Some(Zeroizing::new("abc/+=".to_owned()));
    assert!(Client::new(settings).call(&[get("1")]).unwrap()[0].is_ok());
    let plain = FakeServer::start(|_, stream| serve_well(stream, V));
    let client = acquainted(&plain, |settings| {
        settings.bearer_token = Some(Zeroizing::new("not\nsent".to_owned()));
    });
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
}

#[test]
fn what_cannot_be_part_of_a_head_is_an_error_before_anything_is_sent() {
    let server = server(|_, post| with_length(&post.reply()));
    let refused = |token: &str, path: &str| {
        let mut settings = https(&server, Encoding::Ttlv);
        settings.bearer_token = Some(Zeroizing::new(token.to_owned()));
        settings.servers[0].transport = Transport::Https {
            path: path.to_owned(),
            encoding: Encoding::Ttlv,
        };
        let client = Client::new(settings);
        let error = client.call(&[get("1")]).unwrap_err();
        assert_eq!(client.traffic(), Traffic::default(), "{error}");
        assert!(
            matches!(error.kind, ErrorKind::NotForHttp { .. }),
            "{error}"
        );
        assert!(!error.kind.to_string().contains("s3cret"), "{error}");
    };
    for token in [
        "",
        "s3cret\n",
        "s3 cret",
        "s3cret\r\nHost: x",
        "s3crét",
        "s3cret\0",
    ] {
        refused(token, "/kmip");
    }
    for path in ["", "kmip", "/a b", "/kmip\r\nHost: x", "/ü\u{7f}"] {
        refused("token", path);
    }
}

#[test]
fn answers_are_taken_however_they_are_framed() {
    type Framing = fn(&[u8]) -> Vec<u8>;
    let framings: [Framing; 6] = [
        with_length,
        |body| chunked(body, 1),
        |body| chunked(body, 7),
        |body| chunked(body, 1 << 20),
        |body| [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &with_length(body)].concat(),
        |body| {
            let hint = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
            [&hint[..], &chunked(body, 100)].concat()
        },
    ];
    for framing in framings {
        for encoding in [Encoding::Ttlv, Encoding::Json] {
            let server = server(move |_, post| framing(&post.reply()));
            let client = Client::new(https(&server, encoding));
            for _ in 0..3 {
                let requests: Vec<Request> = (0..20).map(|n| get(&n.to_string())).collect();
                assert!(client.call(&requests).unwrap().iter().all(Result::is_ok));
            }
            assert_eq!(client.traffic().connections, 1);
        }
    }
}

#[test]
fn an_answer_in_single_bytes_is_put_together() {
    let server = FakeServer::start(|_, mut stream| {
        while let Some(post) = Post::read(&mut stream) {
            for byte in chunked(&post.reply(), 3) {
                send(&mut stream, &[byte]);
            }
        }
    });
    let client = Client::new(https(&server, Encoding::Ttlv));
    assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
}

#[test]
fn a_server_that_closes_after_each_answer_is_connected_to_again() {
    let endings: [&str; 3] = [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ",
        "HTTP/1.0 200 OK\r\nContent-Length: ",
        "HTTP/1.0 200 OK", // its body ends with the connection
    ];
    for ending in endings {
        let server = FakeServer::start(move |_, mut stream| {
            if let Some(post) = Post::read(&mut stream) {
                let reply = post.reply();
                let mut head = ending.to_owned();
                if head.ends_with(' ') {
                    head.push_str(&reply.len().to_string());
                }
                send(&mut stream, &with_head(&head, &reply));
                stream.conn.send_close_notify();
                let _gone = stream.flush();
            }
        });
        let client = Client::new(https(&server, Encoding::Ttlv));
        for calls in 1..4 {
            assert!(client.call(&[get("1")]).unwrap()[0].is_ok());
            let traffic = client.traffic();
            assert_eq!((traffic.requests, traffic.connections), (calls, calls));
        }
    }
}

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
