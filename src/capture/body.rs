//! A request's body: read within limits of size, rate and time, and inflated. The content type is ignored, because SDKs
//! send many.

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
use tokio::{sync::Semaphore, time::Instant};

use super::{
    body_memory::{BodyMemory, ReadBody},
    error_response::ErrorResponse,
    slots::Slot,
};

/// Maximum time for one request's body.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Minimum average rate of a body in bytes a second, after the grace period. The figures are those of Apache's
/// `mod_reqtimeout` (`body=20,MinRate=500`): a phone with a bad connection passes, a sender of single bytes does not.
const RATE_MIN: u64 = 500;
const RATE_GRACE: Duration = Duration::from_secs(20);

/// Bytes that are inflated before more memory is taken: minimum, and maximum for large bodies.
const STEP_BYTES_MIN: usize = 8 << 10;
const STEP_BYTES_MAX: usize = 256 << 10;

/// Maximum bytes and time for which the rest of a refused request is read before the response is sent.
const DISCARD_BYTES_MAX: usize = 64 << 20;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// The limits of one body.
#[derive(Clone, Copy)]
pub(super) struct Limits<'l> {
    /// Maximum bytes, on the wire and inflated.
    pub(super) bytes_max: usize,
    /// The memory of all bodies, one permit a KiB.
    pub(super) memory: &'l Arc<Semaphore>,
}

/// Reads and inflates a body.
pub(super) async fn read(
    parts: &Parts,
    body: Body,
    limits: Limits<'_>,
    slot: &Slot,
) -> Result<ReadBody, ErrorResponse> {
    let encoding = match ContentEncoding::of(&parts.headers) {
        Ok(_) if is_declared_above(&body, limits.bytes_max) => {
            discard(parts, body, slot).await;
            return Err(ErrorResponse::too_large(limits.bytes_max));
        }
        Ok(encoding) => encoding,
        Err(error) => {
            discard(parts, body, slot).await;
            return Err(error);
        }
    };
    let mut memory = BodyMemory::new(limits.memory);
    let raw = collect(Frames::of(body, slot), limits.bytes_max, &mut memory).await?;
    let bytes = match encoding {
        ContentEncoding::Identity => raw,
        ContentEncoding::Gzip => inflate(&raw, limits.bytes_max, &mut memory, slot)?,
    };
    Ok(ReadBody { bytes, _memory: memory })
}

/// Whether the head says that the body will be too large.
fn is_declared_above(body: &Body, bytes_max: usize) -> bool {
    body.size_hint().lower() > bytes_max as u64
}

enum ContentEncoding {
    Identity,
    Gzip,
}

impl ContentEncoding {
    fn of(headers: &HeaderMap) -> Result<Self, ErrorResponse> {
        // Several headers of a name are one list, joined by commas (RFC 9110).
        let values: Vec<_> =
            headers.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("?")).collect();
        match values.join(", ").trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            other => Err(ErrorResponse::unsupported_encoding(other)),
        }
    }
}

/// The frames of a body, as long as they arrive fast enough.
struct Frames<'p> {
    slot: &'p Slot,
    stream: BodyDataStream,
    began: Instant,
    grace: Duration,
    bytes: u64,
}

impl<'p> Frames<'p> {
    fn of(body: Body, slot: &'p Slot) -> Self {
        Self { slot, stream: body.into_data_stream(), began: Instant::now(), grace: RATE_GRACE, bytes: 0 }
    }

    /// The next frame; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, ErrorResponse> {
        let until = self.began + time_for(self.bytes, self.grace);
        let frame = tokio::select! {
            biased;
            frame = self.stream.next() => frame,
            () = self.slot.evicted() => return Err(ErrorResponse::evicted()),
            () = tokio::time::sleep_until(until) => return Err(ErrorResponse::too_slow(RATE_MIN, READ_TIMEOUT)),
        };
        let Some(frame) = frame.transpose().map_err(|_error| ErrorResponse::broken_off())? else {
            return Ok(None);
        };
        self.bytes += frame.len() as u64;
        self.slot.body_received(frame.len());
        Ok(Some(frame))
    }

    async fn discard(self) {
        discard_rest(self.stream, self.slot).await;
    }
}

/// Maximum time from the beginning of a body to its next bytes, if this many bytes have arrived.
fn time_for(bytes: u64, grace: Duration) -> Duration {
    (grace + Duration::from_millis(bytes.saturating_mul(1000) / RATE_MIN)).min(READ_TIMEOUT)
}

async fn collect(
    mut frames: Frames<'_>,
    bytes_max: usize,
    memory: &mut BodyMemory,
) -> Result<Bytes, ErrorResponse> {
    match gather(&mut frames, bytes_max, memory).await {
        Ok(whole) => Ok(whole),
        Err(Unread::Ended(error)) => Err(error),
        Err(Unread::Refused(error)) => {
            // Its memory is free for others while the rest of the body is read and dropped.
            memory.release();
            frames.slot.body_discarded();
            frames.discard().await;
            Err(error)
        }
    }
}

/// Why a body was not read to its end.
enum Unread {
    /// No more of it will arrive in time.
    Ended(ErrorResponse),
    /// It is refused, and its rest must be discarded.
    Refused(ErrorResponse),
}

async fn gather(frames: &mut Frames<'_>, bytes_max: usize, memory: &mut BodyMemory) -> Result<Bytes, Unread> {
    let first = frames.next().await.map_err(Unread::Ended)?.unwrap_or_default();
    if let Err(error) = memory.take(first.len()) {
        frames.slot.evict_body();
        return Err(Unread::Refused(error));
    }
    // Most bodies arrive in one frame, which then serves as the buffer.
    let mut whole: Option<BytesMut> = None;
    let mut length = first.len();
    while length <= bytes_max {
        let Some(frame) = frames.next().await.map_err(Unread::Ended)? else {
            return Ok(whole.map_or(first, BytesMut::freeze));
        };
        length += frame.len();
        if let Err(error) = memory.take(frame.len()) {
            frames.slot.evict_body();
            return Err(Unread::Refused(error));
        }
        if length <= bytes_max {
            // Two frames are common, more are rare.
            let first_two = || {
                let mut two = BytesMut::with_capacity(length);
                two.extend_from_slice(&first);
                two
            };
            whole.get_or_insert_with(first_two).extend_from_slice(&frame);
        }
    }
    Err(Unread::Refused(ErrorResponse::too_large(bytes_max)))
}

/// Reads the rest of a refused request within limits, and drops it. Without this, closing the connection would show the
/// sender a reset instead of the response, and it would send everything again.
///
/// Reads nothing if the sender has not sent its body yet because it waits for `100 Continue`: reading would ask for the
/// body.
pub(super) async fn discard(parts: &Parts, body: Body, slot: &Slot) {
    let waits_for_continue = parts.version > Version::HTTP_10
        && parts
            .headers
            .get(EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
    if !waits_for_continue {
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
        () = slot.evicted() => {}
        () = tokio::time::sleep(DISCARD_TIMEOUT) => tracing::debug!("the rest of a refused request took too long to arrive"),
    }
}

/// Inflates in steps, and takes memory before each step. So a body takes memory for what is in it, not for the most
/// that it could inflate to. Stops one byte above `bytes_max`, so that a gzip bomb does not get further.
fn inflate(
    raw: &[u8],
    bytes_max: usize,
    memory: &mut BodyMemory,
    slot: &Slot,
) -> Result<Bytes, ErrorResponse> {
    let step_max = raw.len().saturating_mul(4).clamp(STEP_BYTES_MIN, STEP_BYTES_MAX);
    let mut decoder = MultiGzDecoder::new(raw);
    let mut inflated = Vec::new();
    loop {
        let step = step_max.min(bytes_max + 1 - inflated.len());
        memory.take(step).inspect_err(|_full| slot.evict_body())?;
        let read = decoder
            .by_ref()
            .take(step as u64)
            .read_to_end(&mut inflated)
            .map_err(|error| ErrorResponse::bad_encoding(&format!("the gzip body is broken: {error}")))?;
        memory.unuse(step - read);
        if inflated.len() > bytes_max {
            return Err(ErrorResponse::too_large(bytes_max));
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
    use crate::capture::{body_memory::ALL_KIB_MAX, slots::Slots};

    fn zipped(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("to memory");
        encoder.finish().expect("to memory")
    }

    /// Inflates with as much memory as it asks for.
    fn inflated(raw: &[u8], bytes_max: usize) -> Result<Bytes, ErrorResponse> {
        let all = Arc::new(Semaphore::new(ALL_KIB_MAX));
        inflate(raw, bytes_max, &mut BodyMemory::new(&all), &Slots::new(16).connect().slot)
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
        let slots = Slots::new(16);
        let mut slow = BodyMemory::new(&all);
        slow.take(19 << 10).expect("all but one KiB");
        let other = slots.connect().with_old_body(19 << 10);
        let zipped = zipped(&[b'x'; 5000]);
        let own = slots.connect();
        own.slot.request_began();
        let read = || read_gzip(&zipped, &all, &own.slot);
        assert_eq!(read().await.err().expect("no memory").status.as_u16(), 429);
        assert!(other.is_evicted(), "for the next one");
    }

    #[tokio::test]
    async fn a_packed_body_that_is_broken_or_too_large_costs_nobody_else_a_place() {
        let all = Arc::new(Semaphore::new(ALL_KIB_MAX));
        let slots = Slots::new(16);
        let other = slots.connect().with_old_body(19 << 10);
        let own = slots.connect();
        for (body, status) in [(zipped(&[b'x'; 5000]), 413), (b"no gzip".to_vec(), 400)] {
            let refused = read_gzip(&body, &all, &own.slot).await.err().expect("refused");
            assert_eq!(refused.status.as_u16(), status);
        }
        assert!(!other.is_evicted());
    }

    async fn read_gzip(body: &[u8], memory: &Arc<Semaphore>, slot: &Slot) -> Result<ReadBody, ErrorResponse> {
        read(&head("gzip"), all_at_once(body), Limits { bytes_max: 1000, memory }, slot).await
    }

    #[tokio::test]
    async fn a_body_that_is_refused_for_want_of_memory_gives_back_what_it_had_before_its_rest_has_come() {
        let all = Arc::new(Semaphore::new(4));
        let own = Slots::new(16).connect();
        let frames = futures_util::stream::iter([vec![b'x'; 3000], vec![b'x'; 3000]]);
        let frames = frames.map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
        let body = Body::from_stream(frames.chain(futures_util::stream::pending()));
        let parts = head("identity");
        let reading = read(&parts, body, Limits { bytes_max: 1 << 20, memory: &all }, &own.slot);
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
        let frames =
            futures_util::stream::iter(["x", "y"].map(|text| Ok::<_, std::io::Error>(Bytes::from(text))));
        let body = Body::from_stream(frames.chain(futures_util::stream::pending()));
        let ticket = Slots::new(16).connect();
        let mut frames = Frames { grace: Duration::from_millis(100), ..Frames::of(body, &ticket.slot) };
        assert_eq!(frames.next().await.expect("it is there").expect("the first"), "x");
        assert_eq!(frames.next().await.expect("it is there").expect("the second"), "y");
        let refused = frames.next().await.expect_err("no more comes");
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

    /// Otherwise, with a limit of 16 MiB and 256 MiB for all, sixteen small gzip bodies would keep all others out.
    #[test]
    fn a_packed_body_takes_memory_for_what_is_in_it_not_for_what_could_be() {
        let all = Arc::new(Semaphore::new(1 << 10));
        let bytes = zipped(&vec![b'x'; 300_000]);
        let mut memory = BodyMemory::new(&all);
        let own = Slots::new(16).connect();
        assert_eq!(
            inflate(&bytes, 16 << 20, &mut memory, &own.slot).expect("a MiB is enough").len(),
            300_000
        );
        let taken = (1 << 10) - all.available_permits();
        assert!((293..=400).contains(&taken), "{taken} KiB for 300,000 bytes");
        let bomb = zipped(&vec![0; 8 << 20]);
        let refused = inflate(&bomb, 16 << 20, &mut memory, &own.slot).expect_err("no memory for it");
        assert_eq!(refused.status.as_u16(), 429);
        drop(memory);
        assert_eq!(all.available_permits(), 1 << 10);
    }

    #[test]
    fn a_cut_stream_is_refused_as_broken() {
        let bytes = zipped(b"{\"batch\":[]}");
        assert_eq!(inflated(&bytes[..bytes.len() - 6], 1000).expect_err("cut").code.as_str(), "bad_encoding");
    }
}
