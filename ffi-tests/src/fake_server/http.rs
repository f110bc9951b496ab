//! HTTP around a message: as much of it as a client of ours sends, and an answer with a length.

/// How a request of HTTP begins, as far as a message of TTLV has a header.
const BEGINNING: &[u8] = b"POST ";

/// Whether these first bytes are HTTP.
pub fn begins(first: &[u8]) -> bool {
    first.starts_with(BEGINNING)
}

/// Whether the head is whole.
pub fn ends(head: &[u8]) -> bool {
    head.ends_with(b"\r\n\r\n")
}

/// The length of the body that follows a whole head.
pub fn length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    length.unwrap_or_else(|| panic!("the module sent a head without a length: {head:?}"))
}

/// The message as the body of an answer.
pub fn answer(message: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        message.len()
    );
    [head.as_bytes(), message].concat()
}
