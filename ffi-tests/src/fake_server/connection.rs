//! One connection of the fake server, from its handshake to whatever end the script wants.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustls::{ServerConnection, StreamOwned};

use super::fault::Fault;
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
    }))
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
            if !self.deliver(answer, previous, fault)? {
                return Ok(());
            }
        }
        if self.killed() {
            return self.end_after(&[], 0, true).map(drop);
        }
        self.stream.conn.send_close_notify();
        let _ = self.stream.flush();
        self.stream.sock.shutdown(Shutdown::Both)
    }

    /// One whole message; none if the client or the server has come to an end.
    fn request(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut message = vec![0; 8];
        if !self.fill(&mut message, 0)? {
            return Ok(None);
        }
        let length = message.last_chunk::<4>().expect("eight bytes are there");
        let length = u32::from_be_bytes(*length) as usize;
        assert!(length < 1 << 20, "the module sent a message of {length}");
        message.resize(8 + length, 0);
        Ok(self.fill(&mut message, 8)?.then_some(message))
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
    fn deliver(
        &mut self,
        mut answer: Vec<u8>,
        previous: Vec<u8>,
        fault: Option<Fault>,
    ) -> io::Result<bool> {
        if self.killed() {
            return self.end_after(&[], 0, true);
        }
        match fault {
            Some(Fault::Silence) => return self.wait_for_end(),
            Some(Fault::Instead(bytes)) => {
                self.stream.write_all(&bytes)?;
                return self.wait_for_end();
            }
            Some(Fault::CloseUnheard) => return self.end_after(&answer, 0, false),
            Some(Fault::CloseAfter(count)) => return self.end_after(&answer, count, false),
            Some(Fault::ResetAfter(count)) => return self.end_after(&answer, count, true),
            Some(Fault::Drip(pause)) => return self.drip(&answer, pause),
            Some(Fault::Delay(time)) => self.pause(time),
            Some(Fault::Split(count, time)) => {
                let (first, rest) = answer.split_at(count.min(answer.len()));
                self.stream.write_all(first)?;
                self.pause(time);
                answer = rest.to_vec();
            }
            Some(Fault::Altered(alter)) => answer = alter(&answer),
            Some(Fault::LengthOffBy(by)) => {
                let length = answer.get_mut(4..8).expect("a message has a header");
                let told = u32::from_be_bytes(length.try_into().expect("four bytes"));
                length.copy_from_slice(&told.wrapping_add_signed(by).to_be_bytes());
            }
            Some(Fault::Previous) if !previous.is_empty() => answer = previous,
            _ => {}
        }
        self.stream.write_all(&answer)?;
        Ok(true)
    }

    fn wait_for_end(&mut self) -> io::Result<bool> {
        let Self { stream, stop, .. } = self;
        until_end(stop, || stream.read(&mut [0; 4096])).map(|()| false)
    }

    /// Without a goodbye of TLS, as when a server crashes.
    fn end_after(&mut self, answer: &[u8], count: usize, reset: bool) -> io::Result<bool> {
        let part = answer.get(..count).unwrap_or(answer);
        if !part.is_empty() {
            self.stream.write_all(part)?;
            // A reset overtakes bytes on their way; these should arrive.
            sleep(ATTENTION);
        }
        if reset {
            // The connection ends when its socket is dropped: with RST, since nothing may linger.
            rustix::net::sockopt::set_socket_linger(&self.stream.sock, Some(Duration::ZERO))?;
        } else {
            self.stream.sock.shutdown(Shutdown::Both)?;
        }
        Ok(false)
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
