//! One TLS connection to a server: a request goes out in one write, its reply comes back, or the connection is gone.

mod failure;
mod socket;
mod traffic;

pub(super) use traffic::Counter;
pub use traffic::Traffic;

use super::deadline::Deadline;
use super::error::{ErrorKind, Phase};
use super::ttlv::HEADER_LENGTH;
use super::wiped::{self, Wiped};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, HandshakeKind};
use socket::Socket;
use std::io::{self, Read, Write};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Where to connect, and how.
pub(super) struct Target<'a> {
    pub host: &'a str,
    pub port: u16,
    /// The name in the server's certificate.
    pub name: &'a str,
    pub tls: &'a Arc<ClientConfig>,
    pub counter: &'a Arc<Counter>,
}

/// A connection between two exchanges. An exchange consumes it and gives it back only if all went well.
pub(super) struct Connection {
    socket: Socket,
    tls: ClientConnection,
}

impl Connection {
    /// Connects and shakes hands. With TLS 1.3 our last handshake messages stay here, to leave together with the first request.
    pub fn open(target: &Target<'_>, deadline: Deadline) -> Result<Connection, ErrorKind> {
        let name = ServerName::try_from(target.name.to_owned()).map_err(|_| {
            ErrorKind::ServerNotTrusted {
                reason: format!("{:?} is neither a DNS name nor an IP address", target.name),
            }
        })?;
        let mut tls =
            ClientConnection::new(Arc::clone(target.tls), name).map_err(failure::of_tls)?;
        tls.set_buffer_limit(None);
        let socket = Socket::connect(
            target.host,
            target.port,
            Arc::clone(target.counter),
            deadline,
        )?;
        let mut connection = Connection { socket, tls };
        while connection.tls.is_handshaking() {
            connection.flush(Phase::Handshake, deadline)?;
            connection.receive(Phase::Handshake, deadline)?;
        }
        if connection.tls.handshake_kind() == Some(HandshakeKind::Resumed) {
            target.counter.resumed();
        }
        Ok(connection)
    }

    /// Sends a request and reads the one reply, of at most `limit` bytes.
    pub fn exchange(
        mut self,
        request: &[u8],
        limit: usize,
        deadline: Deadline,
    ) -> Result<(Wiped, Connection), ErrorKind> {
        self.tls
            .writer()
            .write_all(request)
            .map_err(|error| ErrorKind::Tls {
                reason: error.to_string(),
            })?;
        self.flush(Phase::Sending, deadline)?;
        let mut reply = Wiped::default();
        while let Some(missing) = missing(&reply, limit)? {
            let phase = if reply.is_empty() {
                Phase::AwaitingReply
            } else {
                Phase::Receiving
            };
            if !self.take_plaintext(&mut reply, missing, phase)? {
                self.receive(phase, deadline)?;
            }
        }
        if self.take_plaintext(&mut Wiped::default(), 1, Phase::Receiving)? {
            return Err(ErrorKind::Malformed {
                what: "bytes follow the message".to_owned(),
            });
        }
        Ok((reply, self))
    }

    /// Whether the connection still stands, as far as can be known without asking the server.
    pub fn is_alive(&mut self) -> bool {
        if !self.socket.has_news() {
            return true;
        }
        // A session ticket is no reason to give up the connection; everything else is.
        let soon = Deadline(std::time::Instant::now() + std::time::Duration::from_millis(1));
        self.receive(Phase::Sending, soon).is_ok()
            && matches!(self.tls.reader().read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends all that TLS has ready, in one write.
    fn flush(&mut self, phase: Phase, deadline: Deadline) -> Result<(), ErrorKind> {
        let mut flight = Vec::new();
        while self.tls.wants_write() {
            self.tls
                .write_tls(&mut flight)
                .map_err(|error| ErrorKind::Tls {
                    reason: error.to_string(),
                })?;
        }
        if flight.is_empty() {
            Ok(())
        } else {
            self.socket.write_all(&flight, phase, deadline)
        }
    }

    /// Waits for bytes and gives them to TLS.
    fn receive(&mut self, phase: Phase, deadline: Deadline) -> Result<(), ErrorKind> {
        let mut buffer = [0; 16 << 10];
        let count = self.socket.read(&mut buffer, phase, deadline)?;
        let mut bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Err(ErrorKind::Closed {
                phase,
                source: None,
            });
        }
        while !bytes.is_empty() {
            self.tls
                .read_tls(&mut bytes)
                .map_err(|error| ErrorKind::Tls {
                    reason: error.to_string(),
                })?;
            if let Err(error) = self.tls.process_new_packets() {
                // The server learns why, if it can; it is no loss if not.
                let _told = self.flush(phase, deadline);
                return Err(failure::of_tls(error));
            }
        }
        Ok(())
    }

    /// Moves at most `wanted` decrypted bytes; false if there are none yet.
    fn take_plaintext(
        &mut self,
        reply: &mut Wiped,
        wanted: usize,
        phase: Phase,
    ) -> Result<bool, ErrorKind> {
        let mut chunk = Zeroizing::new([0; 4 << 10]);
        let room = wanted.min(chunk.len());
        match self
            .tls
            .reader()
            .read(chunk.get_mut(..room).unwrap_or_default())
        {
            Ok(0) => Err(ErrorKind::Closed {
                phase,
                source: None,
            }),
            Ok(count) => {
                wiped::append(reply, chunk.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(ErrorKind::Closed {
                phase,
                source: Some(error),
            }),
        }
    }
}

/// How many bytes a message still lacks. The header's word is believed only as far as it is a reason to refuse.
fn missing(reply: &[u8], limit: usize) -> Result<Option<usize>, ErrorKind> {
    let Some((header, body)) = reply.split_first_chunk::<HEADER_LENGTH>() else {
        return Ok(Some(HEADER_LENGTH - reply.len()));
    };
    let [0x42, _, _, 0x01, l1, l2, l3, l4] = *header else {
        return Err(ErrorKind::Malformed {
            what: "it is not a KMIP message".to_owned(),
        });
    };
    let length = usize::try_from(u32::from_be_bytes([l1, l2, l3, l4])).unwrap_or(usize::MAX);
    if length > limit.saturating_sub(HEADER_LENGTH) {
        return Err(ErrorKind::TooLarge { limit });
    }
    Ok(Some(length.saturating_sub(body.len())).filter(|missing| *missing > 0))
}
