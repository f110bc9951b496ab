//! A server of HTTPS whose answers a test writes, and clients of it.

use super::fake_server::*;
use super::samples::{frame, get};
use crate::kmip::ttlv::Frame;
use crate::kmip::*;
use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

const V: &[Version] = &[Version::V1_4];

/// A request as it came in.
pub struct Post {
    pub head: String,
    pub body: Vec<u8>,
}

impl Post {
    pub fn read(stream: &mut Stream) -> Option<Post> {
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

    pub fn is_json(&self) -> bool {
        self.head.contains("application/json")
    }

    pub fn message(&self) -> Frame {
        match self.is_json() {
            true => frame(&json::read(&self.body, &ttlv::Limits::default()).unwrap()),
            false => frame(&self.body),
        }
    }

    /// What a good server answers.
    pub fn reply(&self) -> Vec<u8> {
        let reply = answer(&self.message(), V);
        match self.is_json() {
            true => json::write(&reply).to_vec(),
            false => reply.to_vec(),
        }
    }
}

pub fn with_head(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}

pub fn with_length(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}", body.len());
    with_head(&head, body)
}

pub fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut text = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        text.extend_from_slice(format!("{:x};a=b\r\n", chunk.len()).as_bytes());
        text.extend_from_slice(chunk);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"0\r\nDigest: none\r\n\r\n");
    text
}

pub fn https(server: &FakeServer, encoding: Encoding) -> Settings {
    let mut settings = server.settings();
    settings.servers[0].transport = Transport::Https {
        path: "/kmip".into(),
        encoding,
    };
    settings
}

/// A server that answers each request on each connection with what `respond` makes of it, until that is nothing.
pub fn server(respond: impl Fn(usize, &Post) -> Vec<u8> + Send + Sync + 'static) -> FakeServer {
    FakeServer::start(move |_, mut stream| {
        let mut count = 0;
        while let Some(post) = Post::read(&mut stream) {
            send(&mut stream, &respond(count, &post));
            count += 1;
        }
    })
}

/// The error of one call to a server that answers so; within the deadline, whatever it does.
pub fn error_of(respond: impl Fn(&mut Stream, &Post) + Send + Sync + 'static) -> Error {
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
pub fn error_of_bytes(bytes: impl Into<Vec<u8>>) -> Error {
    let bytes = bytes.into();
    error_of(move |stream, _| send(stream, &bytes))
}

pub fn text_of(bytes: impl Into<Vec<u8>>) -> String {
    error_of_bytes(bytes).kind.to_string()
}
