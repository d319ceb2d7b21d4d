//! A request's body: read, bounded in bytes and time, and inflated. The content type does not count: SDKs name many.

use std::{io::Read, sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream, HttpBody},
    http::{
        HeaderMap, Version,
        header::{CONTENT_ENCODING, EXPECT},
        request::Parts,
    },
};
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{answer::Refused, slots::Slot};

/// Maximum time for one request's body.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// A body must arrive at this average rate, in bytes a second, once the grace period is over. The figures are those of
/// Apache's `mod_reqtimeout` (`body=20,MinRate=500`): a phone on a bad line passes, a sender of single bytes does not.
const RATE_MIN: u64 = 500;
const RATE_GRACE: Duration = Duration::from_secs(20);

/// Bytes that are inflated before more memory is taken: for small bodies, and at most.
const STEP_BYTES_MIN: usize = 8 << 10;
const STEP_BYTES_MAX: usize = 256 << 10;

/// How much of a refused request is read before its sender is answered, and for how long.
const DISCARD_BYTES_MAX: usize = 64 << 20;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// Memory that all bodies of a listener take together while they are read, checked and stored. Above it senders get
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

    /// Gives all of it back.
    fn give_back(&mut self) {
        self.taken = None;
        self.left = 0;
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
    parts: &Parts,
    body: Body,
    bytes_max: usize,
    (all, slot): (&Arc<Semaphore>, &Slot),
) -> Result<Held, Refused> {
    let packing = match Packing::of(&parts.headers) {
        Ok(_) if is_declared_above(&body, bytes_max) => {
            discard(parts, body, slot).await;
            return Err(Refused::too_large(bytes_max));
        }
        Ok(packing) => packing,
        Err(refused) => {
            discard(parts, body, slot).await;
            return Err(refused);
        }
    };
    let mut share = Share::of(all);
    let raw = collect(Pieces::of(body, slot), bytes_max, &mut share).await?;
    let bytes = match packing {
        Packing::Plain => raw,
        Packing::Gzip => inflate(&raw, bytes_max, &mut share, slot)?,
    };
    Ok(Held { bytes, _share: share })
}

/// The head says that the body will be too large.
fn is_declared_above(body: &Body, bytes_max: usize) -> bool {
    body.size_hint().lower() > bytes_max as u64
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

/// The pieces of a body, as long as they arrive fast enough.
struct Pieces<'p> {
    slot: &'p Slot,
    frames: BodyDataStream,
    began: Instant,
    grace: Duration,
    bytes: u64,
}

impl<'p> Pieces<'p> {
    fn of(body: Body, slot: &'p Slot) -> Self {
        Self { slot, frames: body.into_data_stream(), began: Instant::now(), grace: RATE_GRACE, bytes: 0 }
    }

    /// The next piece; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        let until = self.began + time_for(self.bytes, self.grace);
        let frame = tokio::select! {
            biased;
            frame = self.frames.next() => frame,
            () = self.slot.must_leave() => return Err(Refused::no_place()),
            () = tokio::time::sleep_until(until) => return Err(Refused::too_slow(RATE_MIN, READ_TIMEOUT)),
        };
        let Some(frame) = frame.transpose().map_err(|_error| Refused::broken_off())? else { return Ok(None) };
        self.bytes += frame.len() as u64;
        self.slot.body_came(frame.len());
        Ok(Some(frame))
    }

    async fn discard(self) {
        discard_rest(self.frames, self.slot).await;
    }
}

/// How long after its beginning a body may take for more, when so many bytes have arrived.
fn time_for(bytes: u64, grace: Duration) -> Duration {
    (grace + Duration::from_millis(bytes.saturating_mul(1000) / RATE_MIN)).min(READ_TIMEOUT)
}

async fn collect(mut pieces: Pieces<'_>, bytes_max: usize, share: &mut Share) -> Result<Bytes, Refused> {
    match gather(&mut pieces, bytes_max, share).await? {
        Ok(whole) => Ok(whole),
        Err(refused) => {
            // What it held is for others while the rest of it is read and dropped.
            share.give_back();
            pieces.slot.body_refused();
            pieces.discard().await;
            Err(refused)
        }
    }
}

/// The whole body, or why the rest of it must be discarded.
async fn gather(
    pieces: &mut Pieces<'_>,
    bytes_max: usize,
    share: &mut Share,
) -> Result<Result<Bytes, Refused>, Refused> {
    let first = pieces.next().await?.unwrap_or_default();
    if let Err(refused) = share.take(first.len()) {
        pieces.slot.no_memory();
        return Ok(Err(refused));
    }
    // Most bodies come in one piece, which is then the buffer.
    let mut whole: Option<BytesMut> = None;
    let mut length = first.len();
    while length <= bytes_max {
        let Some(frame) = pieces.next().await? else {
            return Ok(Ok(whole.map_or(first, BytesMut::freeze)));
        };
        length += frame.len();
        if let Err(refused) = share.take(frame.len()) {
            pieces.slot.no_memory();
            return Ok(Err(refused));
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
    Ok(Err(Refused::too_large(bytes_max)))
}

/// Reads what a refused sender still has to say and lets it go, within limits: a connection that is closed under a
/// sender shows it a reset instead of the answer, and it would send all of it again.
///
/// A sender that waits to be told to go on (`Expect: 100-continue`) has not sent its body, and reading it would ask for it.
pub(super) async fn discard(parts: &Parts, body: Body, slot: &Slot) {
    let asks_first = parts.version > Version::HTTP_10
        && parts
            .headers
            .get(EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !asks_first {
        discard_rest(body.into_data_stream(), slot).await;
    }
}

async fn discard_rest(mut rest: BodyDataStream, slot: &Slot) {
    let mut left = DISCARD_BYTES_MAX;
    let reading = async {
        while let Some(Ok(frame)) = rest.next().await {
            left = left.saturating_sub(frame.len());
            if left == 0 {
                return;
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = slot.must_leave() => {}
        () = tokio::time::sleep(DISCARD_TIMEOUT) => tracing::debug!("a refused request took too long to arrive"),
    }
}

/// Inflates by steps and takes memory for each before it is made: for what is in the body, not for what a body of its
/// size could become. Stops a little above `bytes_max`, whatever a bomb would make of it.
fn inflate(raw: &[u8], bytes_max: usize, share: &mut Share, slot: &Slot) -> Result<Bytes, Refused> {
    let step_max = raw.len().saturating_mul(4).clamp(STEP_BYTES_MIN, STEP_BYTES_MAX);
    let mut decoder = MultiGzDecoder::new(raw);
    let mut inflated = Vec::new();
    loop {
        let step = step_max.min(bytes_max + 1 - inflated.len());
        share.take(step).inspect_err(|_busy| slot.no_memory())?;
        let read = decoder
            .by_ref()
            .take(step as u64)
            .read_to_end(&mut inflated)
            .map_err(|error| Refused::bad_encoding(&format!("the gzip body is broken: {error}")))?;
        share.left += step - read;
        if inflated.len() > bytes_max {
            return Err(Refused::too_large(bytes_max));
        }
        if read < step {
            return Ok(inflated.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::capture::slots::Slots;

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    /// With as much memory as it asks for.
    fn inflated(raw: &[u8], bytes_max: usize) -> Result<Bytes, Refused> {
        let all = Arc::new(Semaphore::new(ALL_KIB_MAX));
        inflate(raw, bytes_max, &mut Share::of(&all), &Slots::new(16).comes().slot)
    }

    fn all_at_once(body: &[u8]) -> Body {
        let piece = Ok::<_, std::io::Error>(Bytes::copy_from_slice(body));
        Body::from_stream(futures_util::stream::iter([piece]))
    }

    fn head(encoding: &str) -> Parts {
        let request = axum::http::Request::post("/v1/track").header(CONTENT_ENCODING, encoding);
        request.body(()).expect("a request").into_parts().0
    }

    #[tokio::test]
    async fn when_no_memory_is_left_to_inflate_a_body_the_largest_of_the_others_makes_room() {
        let all = Arc::new(Semaphore::new(20));
        let places = Slots::new(16);
        let mut slow = Share::of(&all);
        slow.take(19 << 10).expect("all but one KiB");
        let other = places.comes().with_old_body(19 << 10);
        let zipped = zipped(&[b'x'; 5000]);
        let own = places.comes();
        own.slot.begin_request();
        let read = || read_all(&zipped, 1000, (&all, &own.slot));
        assert_eq!(read().await.err().expect("no memory").status.as_u16(), 429);
        assert!(other.must_leave(), "for the next one");
    }

    #[tokio::test]
    async fn a_packed_body_that_is_broken_or_too_large_costs_nobody_else_a_place() {
        let all = Arc::new(Semaphore::new(ALL_KIB_MAX));
        let places = Slots::new(16);
        let other = places.comes().with_old_body(19 << 10);
        let own = places.comes();
        for (body, status) in [(zipped(&[b'x'; 5000]), 413), (b"no gzip".to_vec(), 400)] {
            let refused = read_all(&body, 1000, (&all, &own.slot)).await.err().expect("refused");
            assert_eq!(refused.status.as_u16(), status);
        }
        assert!(!other.must_leave());
    }

    async fn read_all(body: &[u8], bytes_max: usize, to: (&Arc<Semaphore>, &Slot)) -> Result<Held, Refused> {
        read(&head("gzip"), all_at_once(body), bytes_max, to).await
    }

    #[tokio::test]
    async fn a_body_that_is_refused_for_want_of_memory_gives_back_what_it_had_before_its_rest_has_come() {
        let all = Arc::new(Semaphore::new(4));
        let own = Slots::new(16).comes();
        let pieces = futures_util::stream::iter([vec![b'x'; 3000], vec![b'x'; 3000]]);
        let pieces = pieces.map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
        let body = Body::from_stream(pieces.chain(futures_util::stream::pending()));
        let parts = head("identity");
        let reading = read(&parts, body, 1 << 20, (&all, &own.slot));
        tokio::pin!(reading);
        assert!(futures_util::poll!(&mut reading).is_pending(), "it never ends");
        assert_eq!(all.available_permits(), 4);
    }

    #[test]
    fn a_body_has_twenty_seconds_and_one_more_for_each_five_hundred_bytes_but_no_more_than_a_minute() {
        let seconds = |bytes| time_for(bytes, RATE_GRACE).as_secs_f64();
        for (bytes, expected) in [(0, 20.0), (1, 20.002), (500, 21.0), (10_000, 40.0), (20_000, 60.0)] {
            assert!((seconds(bytes) - expected).abs() < 1e-6, "{bytes}: {}", seconds(bytes));
        }
        assert!((seconds(u64::MAX) - 60.0).abs() < 1e-6);
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_refused_for_a_while_and_not_for_good() {
        let pieces =
            futures_util::stream::iter(["x", "y"].map(|text| Ok::<_, std::io::Error>(Bytes::from(text))));
        let body = Body::from_stream(pieces.chain(futures_util::stream::pending()));
        let ticket = Slots::new(16).comes();
        let mut pieces = Pieces { grace: Duration::from_millis(100), ..Pieces::of(body, &ticket.slot) };
        assert_eq!(pieces.next().await.expect("it is there").expect("the first"), "x");
        assert_eq!(pieces.next().await.expect("it is there").expect("the second"), "y");
        let refused = pieces.next().await.expect_err("no more comes");
        assert_eq!((refused.status.as_u16(), refused.code.as_str()), (503, "body_too_slow"));
        assert!(!refused.is_final(), "the sender may send it again");
    }

    #[test]
    fn a_bomb_is_refused_at_the_limit() {
        let bomb = zipped(&vec![0; 50 << 20]);
        assert!(bomb.len() < 100_000);
        assert_eq!(inflated(&bomb, 1 << 20).expect_err("too large").status.as_u16(), 413);
    }

    #[test]
    fn what_fits_exactly_is_taken_and_one_byte_more_is_not() {
        for length in [1000, STEP_BYTES_MIN, 3 * STEP_BYTES_MIN, STEP_BYTES_MAX + 1] {
            let bytes = zipped(&vec![b'x'; length]);
            assert_eq!(inflated(&bytes, length).expect("fits").len(), length);
            let refused = inflated(&bytes, length - 1).expect_err("too large");
            assert_eq!(refused.status.as_u16(), 413, "{length}");
        }
    }

    /// With a limit of 16 MiB and 256 MiB for all, sixteen small packed bodies would else keep all others out.
    #[test]
    fn a_packed_body_takes_memory_for_what_is_in_it_not_for_what_could_be() {
        let all = Arc::new(Semaphore::new(1 << 10));
        let bytes = zipped(&vec![b'x'; 300_000]);
        let mut share = Share::of(&all);
        let own = Slots::new(16).comes();
        assert_eq!(inflate(&bytes, 16 << 20, &mut share, &own.slot).expect("a MiB is enough").len(), 300_000);
        let taken = (1 << 10) - all.available_permits();
        assert!((293..=400).contains(&taken), "{taken} KiB for 300,000 bytes");
        let bomb = zipped(&vec![0; 8 << 20]);
        let refused = inflate(&bomb, 16 << 20, &mut share, &own.slot).expect_err("no memory for it");
        assert_eq!(refused.status.as_u16(), 429);
        drop(share);
        assert_eq!(all.available_permits(), 1 << 10);
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
        assert_eq!(inflated(&bytes[..bytes.len() - 6], 1000).expect_err("cut").code.as_str(), "bad_encoding");
    }
}
