//! Answers in HTTP that are none, made from the message that would have been right.

const OK: &str = "200 OK";

/// An answer with a length.
fn with_length(status: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn with_status(status: &str, words: &str) -> Vec<u8> {
    with_length(status, words.len(), words.as_bytes())
}

pub fn unauthorized(_: &[u8]) -> Vec<u8> {
    with_status("401 Unauthorized", "who are you?")
}

pub fn forbidden(_: &[u8]) -> Vec<u8> {
    with_status("403 Forbidden", "")
}

pub fn not_found(_: &[u8]) -> Vec<u8> {
    with_status("404 Not Found", "<html>")
}

pub fn broken(_: &[u8]) -> Vec<u8> {
    with_status("500 Internal Server Error", "out of paper")
}

pub fn unavailable(_: &[u8]) -> Vec<u8> {
    with_status("503 Service Unavailable", "")
}

pub fn nothing(_: &[u8]) -> Vec<u8> {
    b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()
}

pub fn elsewhere(_: &[u8]) -> Vec<u8> {
    with_status("302 Found\r\nLocation: https://other.example.org/kmip", "")
}

pub fn page(_: &[u8]) -> Vec<u8> {
    with_status("200 OK\r\nContent-Type: text/html", "<html>KMIP</html>")
}

pub fn json(_: &[u8]) -> Vec<u8> {
    let message = "{\"tag\":\"ResponseMessage\",\"value\":[]}";
    with_status("200 OK\r\nContent-Type: application/json", message)
}

pub fn bare(message: &[u8]) -> Vec<u8> {
    message.to_vec()
}

pub fn endless_head(_: &[u8]) -> Vec<u8> {
    let line = format!("A: {}\r\n", "a".repeat(500));
    format!("HTTP/1.1 {OK}\r\n{}", line.repeat(1000)).into_bytes()
}

/// The message in chunks of a hundred bytes, and the last one of none.
pub fn chunks(message: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {OK}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in message.chunks(100).chain([&[][..]]) {
        answer.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        answer.extend([chunk, b"\r\n"].concat());
    }
    answer
}

pub fn cut_chunks(message: &[u8]) -> Vec<u8> {
    let mut answer = chunks(message);
    answer.truncate(answer.len() - 20);
    answer
}

pub fn vast_chunk(message: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {OK}\r\nTransfer-Encoding: chunked\r\n\r\n8000000000000000\r\n");
    [head.as_bytes(), message].concat()
}

pub fn vast(message: &[u8]) -> Vec<u8> {
    with_length(OK, 1 << 40, message)
}

/// What is too much of it is the beginning of another answer.
pub fn short(message: &[u8]) -> Vec<u8> {
    with_length(OK, message.len() - 8, message)
}

pub fn long(message: &[u8]) -> Vec<u8> {
    with_length(OK, message.len() + 8, message)
}

pub fn twice(message: &[u8]) -> Vec<u8> {
    with_length(OK, message.len(), message).repeat(2)
}
