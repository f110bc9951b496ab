//! A TLS channel: bytes leave in one write and come in as they are; every wait ends at the deadline.

use super::socket::Socket;
use super::{Target, failure};
use crate::kmip::deadline::Deadline;
use crate::kmip::error::{ErrorKind, Phase};
use crate::kmip::wiped::{self, Wiped};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, ClientConnection, Error, HandshakeKind};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A connection whose other side has shown its certificate.
pub(in crate::kmip) struct Channel {
    socket: Socket,
    tls: ClientConnection,
    /// The server has ended it with the alert internal_error.
    failed_inside: bool,
}

fn without_sessions(tls: &ClientConfig) -> Arc<ClientConfig> {
    let mut tls = tls.clone();
    tls.resumption = Resumption::disabled();
    Arc::new(tls)
}

impl Channel {
    /// Connects and shakes hands. With TLS 1.3 our last handshake messages stay here, to leave together with the first request.
    ///
    /// A server on OpenSSL that asks for client certificates and has no session ID context ends every handshake that would
    /// resume a session with the alert internal_error (Cosmian's HTTPS does). It is asked again without a session, and if
    /// that helps, no session is offered from then on.
    pub fn open(target: &Target<'_>, deadline: Deadline) -> Result<Channel, ErrorKind> {
        if !target.counter.may_resume() {
            return Self::begin(target, without_sessions(target.tls), deadline)?.shaken(deadline);
        }
        let mut channel = Self::begin(target, Arc::clone(target.tls), deadline)?;
        match channel.shake(deadline) {
            Err(error) if channel.failed_inside => {
                log::debug!("the server {error}; once more without its TLS session");
                drop(channel);
                let anew = Self::begin(target, without_sessions(target.tls), deadline)?;
                let anew = anew.shaken(deadline).map_err(|_| error)?;
                target.counter.resume_no_more();
                return Ok(anew);
            }
            shaken => shaken?,
        }
        if channel.tls.handshake_kind() == Some(HandshakeKind::Resumed) {
            target.counter.resumed();
        }
        Ok(channel)
    }

    fn begin(
        target: &Target<'_>,
        tls: Arc<ClientConfig>,
        deadline: Deadline,
    ) -> Result<Channel, ErrorKind> {
        let name = ServerName::try_from(target.name.to_owned()).map_err(|_| {
            ErrorKind::ServerNotTrusted {
                reason: format!("{:?} is neither a DNS name nor an IP address", target.name),
            }
        })?;
        let mut tls = ClientConnection::new(tls, name).map_err(failure::of_tls)?;
        tls.set_buffer_limit(None);
        let counter = Arc::clone(target.counter);
        Ok(Channel {
            socket: Socket::connect(target.host, target.port, counter, deadline)?,
            tls,
            failed_inside: false,
        })
    }

    fn shake(&mut self, deadline: Deadline) -> Result<(), ErrorKind> {
        while self.tls.is_handshaking() {
            self.flush(Phase::Handshake, deadline)?;
            self.receive(Phase::Handshake, deadline)?;
        }
        Ok(())
    }

    fn shaken(mut self, deadline: Deadline) -> Result<Channel, ErrorKind> {
        self.shake(deadline)?;
        Ok(self)
    }

    /// The certificate that the server has shown, in DER; with a resumed session, the one it showed first.
    pub fn server_certificate(&self) -> Option<&[u8]> {
        Some(self.tls.peer_certificates()?.first()?.as_ref())
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
                self.failed_inside = error == Error::AlertReceived(AlertDescription::InternalError);
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
