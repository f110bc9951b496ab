//! HTTPS: what goes out, and what is taken for an answer.

use super::fake_server::*;
use super::http_server::*;
use super::samples::get;
use crate::kmip::*;
use std::io::Write;
use std::sync::{Arc, Mutex};
use zeroize::Zeroizing;

const V: &[Version] = &[Version::V1_4];

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
fn a_connection_is_kept_no_longer_than_the_server_says() {
    for (said, connections) in [("timeout=1", 3), ("max=9, timeout=60", 1), ("timeout=x", 1)] {
        let server = server(move |_, post| {
            let reply = post.reply();
            let length = reply.len();
            let head = format!("HTTP/1.1 200 OK\r\nKeep-Alive: {said}\r\nContent-Length: {length}");
            with_head(&head, &reply)
        });
        let client = Client::new(https(&server, Encoding::Ttlv));
        (0..3).for_each(|_| assert!(client.call(&[get("1")]).unwrap()[0].is_ok()));
        assert_eq!(client.traffic().connections, connections, "{said}");
    }
}
