//! A blocking TCP socket on which every wait ends at the deadline, however slowly the server drips.

use super::traffic::Counter;
use crate::kmip::deadline::Deadline;
use crate::kmip::error::{ErrorKind, Phase};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;

pub(super) struct Socket {
    stream: TcpStream,
    counter: Arc<Counter>,
}

impl Socket {
    /// Tries all addresses of the host; none may use up the time of those behind it.
    pub fn connect(
        host: &str,
        port: u16,
        counter: Arc<Counter>,
        deadline: Deadline,
    ) -> Result<Socket, ErrorKind> {
        let addresses: Vec<SocketAddr> = (host, port)
            .to_socket_addrs()
            .map_err(|source| ErrorKind::Unreachable { source })?
            .collect();
        let stream = connect_to_any(&addresses, deadline)?;
        counter.connected();
        Ok(Socket { stream, counter })
    }

    pub fn write_all(
        &mut self,
        mut bytes: &[u8],
        phase: Phase,
        deadline: Deadline,
    ) -> Result<(), ErrorKind> {
        while !bytes.is_empty() {
            let time = deadline.remaining(phase)?;
            let written = self
                .stream
                .set_write_timeout(Some(time))
                .and_then(|()| self.stream.write(bytes));
            if let Some(count) = settle(written, phase)? {
                self.counter.wrote(count);
                bytes = bytes.get(count..).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// Reads what there is, at least one byte; none if the other side has closed.
    pub fn read(
        &mut self,
        buffer: &mut [u8],
        phase: Phase,
        deadline: Deadline,
    ) -> Result<usize, ErrorKind> {
        loop {
            let time = deadline.remaining(phase)?;
            acknowledge_at_once(&self.stream);
            let read = self
                .stream
                .set_read_timeout(Some(time))
                .and_then(|()| self.stream.read(buffer));
            if let Some(count) = settle(read, phase)? {
                self.counter.read(count);
                return Ok(count);
            }
        }
    }

    /// Whether there is something to read, or an end, or an error: on an idle connection rarely good news.
    pub fn has_news(&self) -> bool {
        let peeked = self
            .stream
            .set_nonblocking(true)
            .and_then(|()| self.stream.peek(&mut [0]));
        let quiet = matches!(&peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_err() || !quiet
    }
}

fn connect_to_any(addresses: &[SocketAddr], deadline: Deadline) -> Result<TcpStream, ErrorKind> {
    let mut failure = ErrorKind::Unreachable {
        source: io::ErrorKind::AddrNotAvailable.into(),
    };
    for (tried, address) in addresses.iter().enumerate() {
        match connect_to(address, deadline.share(addresses.len() - tried)) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn connect_to(address: &SocketAddr, deadline: Deadline) -> Result<TcpStream, ErrorKind> {
    let phase = Phase::Connecting;
    let stream =
        TcpStream::connect_timeout(address, deadline.remaining(phase)?).map_err(|source| {
            match source.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ErrorKind::Timeout { phase },
                _ => ErrorKind::Unreachable { source },
            }
        })?;
    // Without this a request waits for the acknowledgement of what came before it.
    stream
        .set_nodelay(true)
        .map_err(|source| ErrorKind::Unreachable { source })?;
    Ok(stream)
}

/// A count; or none if a signal came between; or what the failure means.
fn settle(result: io::Result<usize>, phase: Phase) -> Result<Option<usize>, ErrorKind> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            ) =>
        {
            Err(ErrorKind::Timeout { phase })
        }
        Err(source) => Err(ErrorKind::Closed {
            phase,
            source: Some(source),
        }),
    }
}

/// Servers without TCP_NODELAY hold back the second half of a reply until the first is acknowledged; the kernel would take
/// 40 ms for that. It forgets the wish after a while, so it is repeated before each read.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn acknowledge_at_once(stream: &TcpStream) {
    use std::os::linux::net::TcpStreamExt;
    if let Err(error) = stream.set_quickack(true) {
        log::debug!("TCP_QUICKACK cannot be set: {error}");
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn acknowledge_at_once(_: &TcpStream) {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};
    use std::time::{Duration, Instant};

    fn soon() -> Deadline {
        Deadline(Instant::now() + Duration::from_millis(800))
    }

    /// A server that takes no more connections: the kernel drops what comes while its queue is full.
    fn swallowing() -> (TcpListener, Vec<TcpStream>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let tried = || TcpStream::connect_timeout(&address, Duration::from_millis(100));
        let queue = (0..10).map_while(|_| tried().ok()).collect();
        (listener, queue)
    }

    #[test]
    fn all_addresses_of_a_host_are_tried_within_the_deadline() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let good = server.local_addr().unwrap();
        let refusing = SocketAddr::from(([127, 0, 0, 2], good.port()));
        let (deaf, _queue) = swallowing();
        let silent = deaf.local_addr().unwrap();
        let stream = connect_to_any(&[refusing, silent, good], soon()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        let refused = connect_to_any(&[silent, refusing], soon()).unwrap_err();
        assert!(
            matches!(refused, ErrorKind::Unreachable { .. }),
            "{refused}"
        );
        let late = connect_to_any(&[refusing, silent], soon()).unwrap_err();
        assert!(
            matches!(
                late,
                ErrorKind::Timeout {
                    phase: Phase::Connecting
                }
            ),
            "{late}"
        );
        assert!(connect_to_any(&[], soon()).is_err());
    }
}
