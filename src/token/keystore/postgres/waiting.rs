//! Waiting for a server without a runtime: a socket that never blocks, and poll(2) until the deadline.
//!
//! What tokio-postgres gives are futures. A runtime for them would bring a queue of the kernel that a
//! forked child shares with its parent, and threads for names; poll(2) brings nothing.

use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connected socket that never blocks. Its copies are the same socket.
#[derive(Clone)]
pub struct Socket(Arc<Connected>);

struct Connected {
    stream: Stream,
    /// What the last reading or writing found not to be possible yet.
    wants_read: AtomicBool,
    wants_write: AtomicBool,
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Over TCP, within that time.
    pub fn tcp(address: SocketAddr, time: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, time)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self::of(Stream::Tcp(stream)))
    }

    /// To a socket in the file system. Connecting to one waits only while the server's queue is full.
    pub fn unix(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_nonblocking(true)?;
        Ok(Self::of(Stream::Unix(stream)))
    }

    fn of(stream: Stream) -> Self {
        Self(Arc::new(Connected {
            stream,
            wants_read: AtomicBool::new(false),
            wants_write: AtomicBool::new(false),
        }))
    }

    /// Whether something came in, or the connection ended: of one that nobody uses, rarely good news.
    pub fn has_news(&self) -> bool {
        let mut sockets = [PollFd::new(&*self.0, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        !matches!(poll(&mut sockets, Some(&now)), Ok(0))
    }

    /// Runs a future that waits for nothing but this socket.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] at the deadline, or what kept the socket from being waited for.
    pub fn wait_for<F: Future>(&self, deadline: Instant, future: F) -> io::Result<F::Output> {
        let mut future = std::pin::pin!(future);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            if !woken.0.swap(false, Ordering::Acquire) {
                self.wait(deadline)?;
            }
        }
    }

    /// Until what was not possible is, or the deadline.
    fn wait(&self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let time = Timespec::try_from(left).map_err(|_| ErrorKind::InvalidInput)?;
        let wish = |wanted: &AtomicBool, flag| match wanted.swap(false, Ordering::Relaxed) {
            true => flag,
            false => PollFlags::empty(),
        };
        let reading = wish(&self.0.wants_read, PollFlags::IN);
        let wishes = reading | wish(&self.0.wants_write, PollFlags::OUT);
        let mut sockets = [PollFd::new(&*self.0, wishes)];
        match poll(&mut sockets, Some(&time)) {
            Ok(0) => Err(ErrorKind::TimedOut.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Says that a future can go on though nothing happened at the socket.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl AsFd for Connected {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.stream {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}

impl Connected {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => (&*stream).read(buffer),
            Stream::Unix(stream) => (&*stream).read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Tcp(stream) => (&*stream).write(bytes),
            Stream::Unix(stream) => (&*stream).write(bytes),
        }
    }
}

/// Tries until no signal comes between; what is not possible yet is remembered for the next wait.
fn attempt<T>(
    wanted: &AtomicBool,
    mut transfer: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    loop {
        match transfer() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                wanted.store(true, Ordering::Relaxed);
                return Poll::Pending;
            }
            done => return Poll::Ready(done),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = attempt(&self.0.wants_read, || {
            self.0.read(buffer.initialize_unfilled())
        });
        read.map_ok(|count| buffer.advance(count))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        attempt(&self.0.wants_write, || self.0.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    fn connected() -> (Socket, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Socket::tcp(address, Duration::from_secs(5)).unwrap();
        (socket, listener.accept().unwrap().0)
    }

    #[test]
    fn a_silent_server_is_waited_for_until_the_deadline() {
        let (socket, _server) = connected();
        let mut reading = socket.clone();
        let read = socket.wait_for(soon(), reading.read_u8());
        assert_eq!(read.unwrap_err().kind(), ErrorKind::TimedOut);
        let mut writing = socket.clone();
        let more_than_buffers_hold = vec![7; 64 << 20];
        let written = socket.wait_for(soon(), writing.write_all(&more_than_buffers_hold));
        assert_eq!(written.unwrap_err().kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn what_comes_in_pieces_is_read_as_a_whole() {
        let (socket, mut server) = connected();
        assert!(!socket.has_news());
        let sender = std::thread::spawn(move || {
            for byte in 1..=4 {
                server.write_all(&[byte]).unwrap();
            }
        });
        let mut reading = socket.clone();
        let later = Instant::now() + Duration::from_secs(5);
        let read = socket.wait_for(later, reading.read_u32()).unwrap();
        assert_eq!(read.unwrap(), 0x0102_0304);
        sender.join().unwrap();
        assert!(socket.has_news(), "the other side has closed");
    }

    #[test]
    fn a_future_that_wakes_itself_is_not_waited_for() {
        let (socket, _server) = connected();
        let mut turns = 3;
        let future = std::future::poll_fn(|context| {
            turns -= 1;
            context.waker().wake_by_ref();
            match turns {
                0 => Poll::Ready("done"),
                _ => Poll::Pending,
            }
        });
        assert_eq!(socket.wait_for(soon(), future).unwrap(), "done");
    }
}
