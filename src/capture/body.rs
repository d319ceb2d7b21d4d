//! A request's body: read, bounded in bytes and time, and inflated. The content type does not count: SDKs name many.

use std::{io::Read, sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, header::CONTENT_ENCODING},
};
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Refused;

/// A sender that is slower than this with one request is cut off: it comes again.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// How much of a refused request is read before its sender is answered, and for how long.
const DISCARD_BYTES_MAX: usize = 64 << 20;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// Memory that all bodies of a listener take together while they are read, checked and stored. Above it senders hear
/// 429: whoever has no key yet cannot take more than this.
pub(super) const ALL_KIB_MAX: usize = 256 << 10;

/// A body, and its share of the memory for all bodies.
pub(super) struct Held {
    pub(super) bytes: Bytes,
    _share: Share,
}

/// What is taken of that memory; given back when it is dropped.
struct Share {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    /// Bytes of what was taken that are not used yet.
    left: usize,
}

impl Share {
    fn of(all: &Arc<Semaphore>) -> Self {
        Self { all: Arc::clone(all), taken: None, left: 0 }
    }

    /// Takes as much as `bytes` more need; by frames, so that a sender that stalls holds only what it sent.
    fn take(&mut self, bytes: usize) -> Result<(), Refused> {
        let Some(missing) = bytes.checked_sub(self.left).filter(|missing| *missing > 0) else {
            self.left -= bytes;
            return Ok(());
        };
        let kib = missing.div_ceil(1024);
        let permits = u32::try_from(kib).map_err(|_too_many| Refused::busy())?;
        let more = Arc::clone(&self.all).try_acquire_many_owned(permits).map_err(|_none| Refused::busy())?;
        self.left = self.left + kib * 1024 - bytes;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Ok(())
    }
}

/// Reads and inflates, at most `bytes_max` bytes on the wire and inflated.
pub(super) async fn read(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
    all: &Arc<Semaphore>,
) -> Result<Held, Refused> {
    let packing = match Packing::of(headers) {
        Ok(packing) => packing,
        Err(refused) => {
            discard(body.into_data_stream()).await;
            return Err(refused);
        }
    };
    let mut share = Share::of(all);
    let reading = collect(body, bytes_max, &mut share);
    let raw = tokio::time::timeout(READ_TIMEOUT, reading).await.map_err(|_elapsed| {
        Refused::unavailable("the request took longer than a minute to arrive; send it again")
    })??;
    let bytes = match packing {
        Packing::Plain => raw,
        Packing::Gzip => {
            let room = inflated_room(&raw, bytes_max);
            share.take(room)?;
            inflate(&raw, room, bytes_max)?
        }
    };
    Ok(Held { bytes, _share: share })
}

enum Packing {
    Plain,
    Gzip,
}

impl Packing {
    fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        // Two headers are one list, as if a comma stood between them (RFC 9110).
        let values: Vec<_> =
            headers.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?")).collect();
        match values.join(", ").trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            other => Err(Refused::unsupported_encoding(other)),
        }
    }
}

async fn collect(body: Body, bytes_max: usize, share: &mut Share) -> Result<Bytes, Refused> {
    let mut frames = body.into_data_stream();
    let broken = |_error| Refused::broken_off();
    let first = match frames.next().await {
        Some(frame) => frame.map_err(broken)?,
        None => Bytes::new(),
    };
    if let Err(refused) = share.take(first.len()) {
        discard(frames).await;
        return Err(refused);
    }
    // Most bodies come in one piece, which is then the buffer.
    let mut whole: Option<BytesMut> = None;
    let mut length = first.len();
    while length <= bytes_max {
        let Some(frame) = frames.next().await else {
            return Ok(whole.map_or(first, BytesMut::freeze));
        };
        let frame = frame.map_err(broken)?;
        length += frame.len();
        if let Err(refused) = share.take(frame.len()) {
            drop(whole);
            discard(frames).await;
            return Err(refused);
        }
        if length <= bytes_max {
            // Two pieces are common, more are not.
            let first_two = || {
                let mut two = BytesMut::with_capacity(length);
                two.extend_from_slice(&first);
                two
            };
            whole.get_or_insert_with(first_two).extend_from_slice(&frame);
        }
    }
    discard(frames).await;
    Err(Refused::too_large(bytes_max))
}

/// Reads what a refused sender still has to say and lets it go, within limits: a connection that is closed under a
/// sender shows it a reset instead of the answer, and it would send all of it again.
pub(super) async fn discard(mut rest: BodyDataStream) {
    let mut left = DISCARD_BYTES_MAX;
    let reading = async {
        while let Some(Ok(frame)) = rest.next().await {
            left = left.saturating_sub(frame.len());
            if left == 0 {
                return;
            }
        }
    };
    if tokio::time::timeout(DISCARD_TIMEOUT, reading).await.is_err() {
        tracing::debug!("a refused request took too long to arrive");
    }
}

/// Bytes set aside for what a body becomes. Gzip makes at most about 1,032 of one.
fn inflated_room(raw: &[u8], bytes_max: usize) -> usize {
    raw.len().saturating_mul(1032).min(bytes_max)
}

/// Never holds more than `bytes_max` and a little, whatever a bomb would make of it.
fn inflate(raw: &[u8], room: usize, bytes_max: usize) -> Result<Bytes, Refused> {
    let mut inflated = Vec::with_capacity(raw.len().saturating_mul(6).min(room));
    let limit = bytes_max as u64 + 1;
    match MultiGzDecoder::new(raw).take(limit).read_to_end(&mut inflated) {
        Ok(_) if inflated.len() > bytes_max => Err(Refused::too_large(bytes_max)),
        Ok(_) => Ok(inflated.into()),
        Err(error) => Err(Refused::bad_encoding(&format!("the gzip body is broken: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = zipped(&vec![0; 50 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(inflate(&bomb, 1 << 20, 1 << 20).expect_err("too large").status.as_u16(), 413);
    }

    #[test]
    fn what_fits_exactly_is_taken_and_one_byte_more_is_not() {
        let bytes = zipped(&[b'x'; 1000]);
        assert_eq!(inflate(&bytes, 1000, 1000).expect("fits").len(), 1000);
        assert_eq!(inflate(&bytes, 999, 999).expect_err("too large").status.as_u16(), 413);
    }

    #[test]
    fn bodies_share_their_memory_and_give_it_back() {
        let all = Arc::new(Semaphore::new(4));
        let mut one = Share::of(&all);
        one.take(1500).expect("two of four KiB");
        one.take(500).expect("the rest of the second");
        let mut two = Share::of(&all);
        two.take(2048).expect("the other two");
        assert_eq!(one.take(100).expect_err("none is left").status.as_u16(), 429);
        drop(two);
        one.take(100).expect("there is room again");
        drop(one);
        assert_eq!(all.available_permits(), 4);
    }

    #[test]
    fn a_cut_stream_is_refused_as_broken() {
        let bytes = zipped(b"{\"batch\":[]}");
        assert_eq!(inflate(&bytes[..bytes.len() - 6], 1000, 1000).expect_err("cut").code, "bad_encoding");
    }
}
