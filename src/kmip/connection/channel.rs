//! A TLS channel: bytes leave in one write and come in as they are; every wait ends at the deadline.

use super::socket::Socket;
use super::{Target, failure};
use crate::kmip::deadline::Deadline;
use crate::kmip::error::{ErrorKind, Phase};
use crate::kmip::wiped::{self, Wiped};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, HandshakeKind};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A connection whose other side has shown its certificate.
pub(in crate::kmip) struct Channel {
    socket: Socket,
    tls: ClientConnection,
}

impl Channel {
    /// Connects and shakes hands. With TLS 1.3 our last handshake messages stay here, to leave together with the first request.
    pub fn open(target: &Target<'_>, deadline: Deadline) -> Result<Channel, ErrorKind> {
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
        let mut channel = Channel { socket, tls };
        while channel.tls.is_handshaking() {
            channel.flush(Phase::Handshake, deadline)?;
            channel.receive(Phase::Handshake, deadline)?;
        }
        if channel.tls.handshake_kind() == Some(HandshakeKind::Resumed) {
            target.counter.resumed();
        }
        Ok(channel)
    }

    /// Sends all of it in one write.
    pub fn send(&mut self, request: &[u8], deadline: Deadline) -> Result<(), ErrorKind> {
        let taken = self.tls.writer().write_all(request);
        taken.map_err(of_buffer)?;
        self.flush(Phase::Sending, deadline)
    }

    /// Waits for bytes and appends at least one and at most `wanted` of them to the reply.
    pub fn read(
        &mut self,
        reply: &mut Wiped,
        wanted: usize,
        phase: Phase,
        deadline: Deadline,
    ) -> Result<(), ErrorKind> {
        while !self.take_plaintext(reply, wanted, phase)? {
            self.receive(phase, deadline)?;
        }
        Ok(())
    }

    /// Whether bytes have come in that nobody has read.
    pub fn has_more(&mut self) -> Result<bool, ErrorKind> {
        self.take_plaintext(&mut Wiped::default(), 1, Phase::Receiving)
    }

    /// Whether the connection still stands, as far as can be known without asking the server.
    pub fn is_alive(&mut self) -> bool {
        if !self.socket.has_news() {
            return true;
        }
        // A session ticket is no reason to give up the connection; everything else is.
        let soon = Deadline(Instant::now() + Duration::from_millis(1));
        self.receive(Phase::Sending, soon).is_ok()
            && matches!(self.tls.reader().read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends all that TLS has ready, in one write.
    fn flush(&mut self, phase: Phase, deadline: Deadline) -> Result<(), ErrorKind> {
        let mut flight = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut flight).map_err(of_buffer)?;
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
            self.tls.read_tls(&mut bytes).map_err(of_buffer)?;
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

/// TLS could not take what it was given into its buffers.
fn of_buffer(error: io::Error) -> ErrorKind {
    ErrorKind::Tls {
        reason: error.to_string(),
    }
}
