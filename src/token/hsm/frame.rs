//! Frames between a token and the process of its module: a length of four bytes, little-endian, and so
//! many bytes of postcard; and streams that are handed over.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, send, sendmsg,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// More than any request or listing needs.
const LONGEST: u32 = 64 << 20;

/// Writes one frame, until that time at the latest.
pub fn write(
    stream: &UnixStream,
    value: &impl Serialize,
    until: Option<Instant>,
) -> io::Result<()> {
    // It may be a PIN.
    let bytes = postcard::to_allocvec(value).map_err(|_| malformed())?;
    let bytes = Zeroizing::new(bytes);
    let length = u32::try_from(bytes.len()).ok().filter(|it| *it <= LONGEST);
    let length = length.ok_or_else(malformed)?;
    let mut frame = Zeroizing::new(Vec::with_capacity(4 + bytes.len()));
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&bytes);
    let mut rest = frame.as_slice();
    while !rest.is_empty() {
        stream.set_write_timeout(left(until)?)?;
        // A C program would be ended by SIGPIPE, if the other side has ended.
        match send(stream, rest, SendFlags::NOSIGNAL) {
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Reads one frame; `None` if the other side ended between two.
pub fn read<T: DeserializeOwned>(
    stream: &UnixStream,
    until: Option<Instant>,
) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    if !fill(stream, &mut length, until)? {
        return Ok(None);
    }
    let length = Some(u32::from_le_bytes(length)).filter(|it| *it <= LONGEST);
    let mut bytes = Zeroizing::new(vec![0; length.ok_or_else(malformed)? as usize]);
    if !fill(stream, &mut bytes, until)? && !bytes.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    postcard::from_bytes(&bytes)
        .map(Some)
        .map_err(|_| malformed())
}

/// False at the end of the stream, if nothing was read before.
fn fill(mut stream: &UnixStream, buffer: &mut [u8], until: Option<Instant>) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        stream.set_read_timeout(left(until)?)?;
        match stream.read(room) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn left(until: Option<Instant>) -> io::Result<Option<std::time::Duration>> {
    let Some(until) = until else {
        return Ok(None);
    };
    let left = until.checked_duration_since(Instant::now());
    match left.filter(|left| !left.is_zero()) {
        Some(left) => Ok(Some(left)),
        None => Err(ErrorKind::TimedOut.into()),
    }
}

fn malformed() -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        "a frame that cannot be read or is too long",
    )
}

/// Hands a stream over to the other side.
pub fn send_stream(control: &UnixStream, stream: &UnixStream) -> io::Result<()> {
    let descriptors = [stream.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    if !message.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(malformed());
    }
    sendmsg(
        control,
        &[IoSlice::new(&[0])],
        &mut message,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Waits for a stream; `None` if the other side ended.
pub fn receive_stream(control: &UnixStream) -> io::Result<Option<UnixStream>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let received = recvmsg(
        control,
        &mut [IoSliceMut::new(&mut byte)],
        &mut message,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    if received.bytes == 0 {
        return Ok(None);
    }
    for item in message.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = item
            && let Some(descriptor) = descriptors.next()
        {
            return Ok(Some(descriptor.into()));
        }
    }
    Err(malformed())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use super::*;

    #[test]
    fn frames_arrive_whole_by_a_stream_that_was_handed_over() {
        let (control, other) = UnixStream::pair().unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        send_stream(&control, &theirs).unwrap();
        drop(theirs);
        let theirs = receive_stream(&other).unwrap().unwrap();
        write(&ours, &vec![7_u8; 3000], None).unwrap();
        drop(ours);
        assert_eq!(read(&theirs, None).unwrap(), Some(vec![7_u8; 3000]));
        assert_eq!(read::<Vec<u8>>(&theirs, None).unwrap(), None);
        drop(control);
        assert!(receive_stream(&other).unwrap().is_none());
    }

    #[test]
    fn what_is_cut_or_too_long_or_late_is_an_error() {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let soon = Some(Instant::now() + Duration::from_millis(5));
        assert!(read::<u8>(&theirs, soon).is_err());
        ours.write_all(&u32::MAX.to_le_bytes()).unwrap();
        let error = read::<u8>(&theirs, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        ours.write_all(&[9, 0, 0, 0, 1]).unwrap();
        drop(ours);
        let error = read::<Vec<u8>>(&theirs, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
}
