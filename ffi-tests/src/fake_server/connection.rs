//! One connection of the fake server, from its handshake to whatever end the script wants.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};

use super::fault::{Ending, Fault};
use super::http;
use super::message::reply;
use super::state::State;

/// How soon a connection notices that the server stops.
const ATTENTION: Duration = Duration::from_millis(20);
/// How long a client may not read what it is sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client's connection.
pub struct Connection {
    stream: StreamOwned<ServerConnection, TcpStream>,
    state: Arc<State>,
    stop: Arc<AtomicBool>,
    /// Whether the last request came by HTTP.
    is_http: bool,
}

/// Serves until the client goes, the script ends it, or the server stops.
pub fn serve(stream: TcpStream, state: Arc<State>, stop: Arc<AtomicBool>) {
    // Whatever goes wrong here ends this one connection, which is what the client then sees.
    let _ = accept(stream, state, stop).and_then(|open| open.map_or(Ok(()), Connection::talk));
}

fn accept(
    stream: TcpStream,
    state: Arc<State>,
    stop: Arc<AtomicBool>,
) -> io::Result<Option<Connection>> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ATTENTION))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let tls = match state.script.for_connection() {
        Some(Fault::SilentFromTheStart) => {
            until_end(&stop, || (&stream).read(&mut [0; 4096]))?;
            return Ok(None);
        }
        Some(Fault::InTheClear(bytes)) => {
            (&stream).write_all(&bytes)?;
            until_end(&stop, || (&stream).read(&mut [0; 4096]))?;
            return Ok(None);
        }
        Some(Fault::LateHandshake(time)) => {
            pause(&stop, time);
            Arc::clone(&state.tls)
        }
        Some(Fault::Certificate(bad)) => state.pki.untrusted(bad),
        Some(Fault::RefusedCertificate) => Arc::clone(&state.refusing_tls),
        _ => Arc::clone(&state.tls),
    };
    let tls = ServerConnection::new(tls).map_err(io::Error::other)?;
    let stream = StreamOwned::new(tls, stream);
    Ok(Some(Connection {
        stream,
        state,
        stop,
        is_http: false,
    }))
}

/// The message that is sent as the answer.
fn changed(mut answer: Vec<u8>, previous: Vec<u8>, fault: Option<&Fault>) -> Vec<u8> {
    match fault {
        Some(Fault::Altered(alter)) => answer = alter(&answer),
        Some(Fault::LengthOffBy(by)) => {
            let length = answer.get_mut(4..8).expect("a message has a header");
            let told = u32::from_be_bytes(length.try_into().expect("four bytes"));
            length.copy_from_slice(&told.wrapping_add_signed(*by).to_be_bytes());
        }
        Some(Fault::Previous) if !previous.is_empty() => answer = previous,
        _ => {}
    }
    answer
}

/// Reads and forgets, until the other side ends or the server stops.
fn until_end(stop: &AtomicBool, mut read: impl FnMut() -> io::Result<usize>) -> io::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        match read() {
            Ok(0) => break,
            Err(error) if !is_pause(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Waits for so long, or until the server stops.
fn pause(stop: &AtomicBool, time: Duration) {
    let end = Instant::now() + time;
    while !stop.load(Ordering::Relaxed) && Instant::now() < end {
        let left = end.saturating_duration_since(Instant::now());
        sleep(left.min(ATTENTION));
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

impl Connection {
    fn talk(mut self) -> io::Result<()> {
        while let Some(request) = self.request()? {
            let (answer, fault) = reply(&self.state, &request);
            let previous = {
                let mut last = self.state.last.lock().expect("nothing panics with it");
                std::mem::replace(&mut *last, answer.clone())
            };
            let answer = changed(answer, previous, fault.as_ref());
            if !self.deliver(answer, fault)? {
                return Ok(());
            }
        }
        if self.killed() {
            return self.end(Ending::Reset);
        }
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
        self.stream.sock.shutdown(Shutdown::Both)
    }

    /// One whole message; none if the client or the server has come to an end.
    fn request(&mut self) -> io::Result<Option<Vec<u8>>> {
        self.wait_for_bytes()?;
        if let Some(Fault::CutRequest(after, ending)) = self.state.script.for_request() {
            self.cut_request(after, ending)?;
        }
        let mut message = vec![0; 8];
        if !self.fill(&mut message, 0)? {
            return Ok(None);
        }
        self.is_http = http::begins(&message);
        if self.is_http {
            return self.posted(message);
        }
        let length = message.last_chunk::<4>().expect("eight bytes are there");
        let length = u32::from_be_bytes(*length) as usize;
        assert!(length < 1 << 20, "the module sent a message of {length}");
        message.resize(8 + length, 0);
        Ok(self.fill(&mut message, 8)?.then_some(message))
    }

    /// The body of a request of HTTP that begins so.
    fn posted(&mut self, mut head: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
        while !http::ends(&head) {
            let read = head.len();
            head.push(0);
            if !self.fill(&mut head, read)? {
                return Ok(None);
            }
        }
        let mut body = vec![0; http::length(&head)];
        Ok(self.fill(&mut body, 0)?.then_some(body))
    }

    /// Until something comes, were it the end, or the server stops.
    fn wait_for_bytes(&self) -> io::Result<()> {
        loop {
            match self.stream.sock.peek(&mut [0]) {
                Err(error) if is_pause(&error) && !self.stopping() => {}
                Err(error) if !is_pause(&error) => return Err(error),
                _ => return Ok(()),
            }
        }
    }

    /// An error, which ends everything here, unless no more than that has come.
    fn cut_request(&mut self, after: usize, ending: Ending) -> io::Result<()> {
        let mut came = vec![0; 1 << 16];
        if self.stream.sock.peek(&mut came)? <= after {
            return Ok(());
        }
        (&self.stream.sock).read_exact(&mut came[..after])?;
        self.end(ending)?;
        Err(ErrorKind::ConnectionAborted.into())
    }

    fn fill(&mut self, buffer: &mut [u8], mut filled: usize) -> io::Result<bool> {
        while filled < buffer.len() {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => return Ok(false),
                Ok(count) => filled += count,
                Err(error) if is_pause(&error) && !self.stopping() => {}
                Err(error) if is_pause(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// False if this was the last thing on this connection.
    fn deliver(&mut self, message: Vec<u8>, fault: Option<Fault>) -> io::Result<bool> {
        if self.killed() {
            return self.end(Ending::Reset).map(|()| false);
        }
        let mut answer = match (&fault, self.is_http) {
            (Some(Fault::Http(make, _)), true) => make(&message),
            (_, true) => http::answer(&message),
            (_, false) => message,
        };
        match fault {
            Some(Fault::Silence) => return self.wait_for_end(),
            Some(Fault::Instead(bytes)) => {
                self.stream.write_all(&bytes)?;
                return self.wait_for_end();
            }
            Some(Fault::CloseUnheard) => return self.end_after(&answer, 0, Ending::Closed),
            Some(Fault::CloseAfter(count)) => {
                return self.end_after(&answer, count, Ending::Closed);
            }
            Some(Fault::ResetAfter(count)) => return self.end_after(&answer, count, Ending::Reset),
            Some(Fault::CutRecords(count, ending)) => {
                return self.cut_records(&answer, count, ending);
            }
            Some(Fault::Http(_, Some(ending))) => {
                return self.end_after(&answer, usize::MAX, ending);
            }
            Some(Fault::Drip(pause)) => return self.drip(&answer, pause),
            Some(Fault::Delay(time)) => self.pause(time),
            Some(Fault::Split(count, time)) => {
                let (first, rest) = answer.split_at(count.min(answer.len()));
                self.stream.write_all(first)?;
                self.pause(time);
                answer = rest.to_vec();
            }
            _ => {}
        }
        self.stream.write_all(&answer)?;
        Ok(true)
    }

    fn wait_for_end(&mut self) -> io::Result<bool> {
        let Self { stream, stop, .. } = self;
        until_end(stop, || stream.read(&mut [0; 4096])).map(|()| false)
    }

    /// Always false: it is over.
    fn end_after(&mut self, answer: &[u8], count: usize, ending: Ending) -> io::Result<bool> {
        let part = answer.get(..count).unwrap_or(answer);
        if !part.is_empty() {
            self.stream.write_all(part)?;
            // A reset overtakes bytes on their way; these should arrive.
            sleep(ATTENTION);
        }
        self.end(ending).map(|()| false)
    }

    /// False if the answer did not arrive whole.
    fn cut_records(&mut self, answer: &[u8], count: usize, ending: Ending) -> io::Result<bool> {
        self.stream.conn.writer().write_all(answer)?;
        let mut records = vec![];
        while self.stream.conn.wants_write() {
            self.stream.conn.write_tls(&mut records)?;
        }
        let part = records.get(..count).unwrap_or(&records);
        (&self.stream.sock).write_all(part)?;
        if part.len() == records.len() {
            return Ok(true);
        }
        sleep(ATTENTION);
        self.end(ending).map(|()| false)
    }

    /// Without a goodbye of TLS, as when a server crashes.
    fn end(&mut self, ending: Ending) -> io::Result<()> {
        match ending {
            // The connection ends when its socket is dropped: with RST, since nothing may linger.
            Ending::Reset => {
                rustix::net::sockopt::set_socket_linger(&self.stream.sock, Some(Duration::ZERO))?;
            }
            Ending::Closed => {
                self.stream.sock.shutdown(Shutdown::Write)?;
                // What is unread would make a reset of it.
                let socket = &self.stream.sock;
                until_end(&self.stop, || (&*socket).read(&mut [0; 4096]))?;
            }
        }
        Ok(())
    }

    fn drip(&mut self, answer: &[u8], pause: Duration) -> io::Result<bool> {
        for byte in answer {
            self.pause(pause);
            if self.stopping() {
                return Ok(false);
            }
            self.stream.write_all(&[*byte])?;
        }
        Ok(true)
    }

    fn pause(&self, time: Duration) {
        pause(&self.stop, time);
    }

    fn killed(&self) -> bool {
        self.state.killed.load(Ordering::Relaxed)
    }

    fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
