//! The plain form: one TTLV message after the other, each as long as its header says.

use super::channel::Channel;
use crate::kmip::deadline::Deadline;
use crate::kmip::error::{ErrorKind, Phase};
use crate::kmip::ttlv::HEADER_LENGTH;
use crate::kmip::wiped::Wiped;

/// Sends a request and reads the one reply, of at most `limit` bytes.
pub(super) fn exchange(
    channel: &mut Channel,
    request: &[u8],
    limit: usize,
    deadline: Deadline,
) -> Result<Wiped, ErrorKind> {
    channel.send(request, deadline)?;
    let mut reply = Wiped::default();
    while let Some(missing) = missing(&reply, limit)? {
        let phase = Phase::of_reply(&reply);
        channel.read(&mut reply, missing, phase, deadline)?;
    }
    if channel.has_more()? {
        return Err(ErrorKind::Malformed {
            what: "bytes follow the message".to_owned(),
        });
    }
    Ok(reply)
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
