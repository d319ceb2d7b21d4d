//! Streams that count a connection's bytes for its slot, with a time limit for a peer that does not read.

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::slots::Slot;

/// Maximum time in which a peer reads nothing of a response (nginx: `send_timeout`, 60 s).
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// Maximum bytes of a request's head.
pub(super) const HEAD_BYTES_MAX: usize = 64 << 10;

/// Maximum bytes of one read while the sender has shown no known key, so that its read buffer stays small.
const UNKNOWN_READ_MAX: usize = 8 << 10;

/// A stream that counts received bytes for its slot.
pub(super) struct Metered<S> {
    stream: S,
    slot: Arc<Slot>,
    write_timeout: Duration,
    /// Set while a write waits for the peer.
    write_until: Option<Pin<Box<Sleep>>>,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, slot: Arc<Slot>) -> Self {
        Self { stream, slot, write_timeout: WRITE_TIMEOUT, write_until: None }
    }

    /// The stream alone, after the connection's head was refused. The bytes of the head no longer count.
    pub(super) fn unmetered(self) -> S {
        self.slot.head_done();
        self.stream
    }

    /// The result of a write, or an error if the peer has not read for too long.
    fn with_timeout<T>(&mut self, result: Poll<Result<T>>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if result.is_ready() {
            if self.write_until.take().is_some() {
                self.slot.set_stalled(false);
            }
            return result;
        }
        if self.write_until.is_none() {
            self.slot.set_stalled(true);
        }
        let timeout = self.write_timeout;
        let until = self.write_until.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        until
            .as_mut()
            .poll(cx)
            .map(|()| Err(Error::new(ErrorKind::TimedOut, "the peer has not read its answer for a minute")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let head = self.slot.head_bytes();
        // At least one byte: reading none would mean the end of the stream. The HTTP server counts too, and stops at
        // the limit.
        let head_left = head.map_or(usize::MAX, |so_far| HEAD_BYTES_MAX.saturating_sub(so_far).max(1));
        let at_once = if self.slot.is_known() { usize::MAX } else { UNKNOWN_READ_MAX };
        let most = head_left.min(at_once);
        let before = buffer.filled().len();
        if buffer.remaining() <= most {
            std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        } else {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
            std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
            let read = part.filled().len();
            buffer.advance(read);
        }
        let read = buffer.filled().len() - before;
        if head.is_some() && read > 0 {
            self.slot.head_received(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.with_timeout(result, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.with_timeout(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.with_timeout(result, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.with_timeout(result, cx)
    }
}

/// A stream below TLS whose bytes count like those of a head until the handshake is done. The TLS library keeps up to
/// 64 KiB of an unfinished handshake message.
pub(super) struct MeteredHandshake<S> {
    stream: S,
    slot: Option<Arc<Slot>>,
}

impl<S> MeteredHandshake<S> {
    pub(super) fn new(stream: S, slot: Arc<Slot>) -> Self {
        Self { stream, slot: Some(slot) }
    }

    /// The handshake is done.
    pub(super) fn done(&mut self) {
        if let Some(slot) = self.slot.take() {
            slot.head_done();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for MeteredHandshake<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        if let Some(slot) = self.slot.as_ref().filter(|_| read > 0) {
            slot.head_received(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for MeteredHandshake<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::capture::slots::Slots;

    #[tokio::test]
    async fn a_peer_that_never_reads_its_answer_is_given_up_and_waited_for_no_longer() {
        let taken =
            Slots::new(16).take("192.0.2.1:4711".parse().expect("an address"), None).expect("there is room");
        taken.slot.request_began();
        taken.slot.request_ended();
        let (own, mut peer) = tokio::io::duplex(16);
        let stream = Metered::new(own, Arc::clone(&taken.slot));
        let mut stream = Metered { write_timeout: Duration::from_millis(50), ..stream };
        stream.write_all(&[b'x'; 16]).await.expect("there is room for it");
        assert!(taken.slot.ends_by_itself());
        let error = stream.write_all(b"x").await.expect_err("nobody reads");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(!taken.slot.ends_by_itself());
        peer.read_exact(&mut [0; 16]).await.expect("it is there");
        stream.write_all(b"x").await.expect("there is room again");
        assert!(taken.slot.ends_by_itself());
    }

    #[tokio::test]
    async fn what_follows_a_refused_head_is_neither_counted_nor_read_byte_by_byte() {
        let slots = Slots::new(16);
        let taken = slots.connect();
        let (own, mut peer) = tokio::io::duplex(1 << 20);
        let mut stream = Metered::new(own, Arc::clone(&taken.slot));
        peer.write_all(&vec![b'x'; HEAD_BYTES_MAX + 50_000]).await.expect("there is room for it");
        stream.read_exact(&mut vec![0; HEAD_BYTES_MAX]).await.expect("it is there");
        assert!(slots.head_bytes() > 0);
        let mut stream = stream.unmetered();
        assert_eq!(stream.read(&mut vec![0; 50_000]).await.expect("it is there"), 50_000);
        assert_eq!(slots.head_bytes(), 0);
    }

    #[tokio::test]
    async fn an_unfinished_handshake_counts_as_a_head_does() {
        let slots = Slots::new(16);
        let taken = slots.connect();
        let (own, mut peer) = tokio::io::duplex(1 << 20);
        let mut stream = MeteredHandshake::new(own, Arc::clone(&taken.slot));
        peer.write_all(&vec![b'x'; 60_000]).await.expect("there is room for it");
        stream.read_exact(&mut vec![0; 30_000]).await.expect("it is there");
        assert_eq!(slots.head_bytes(), 30_000 - (8 << 10));
        stream.done();
        stream.read_exact(&mut vec![0; 30_000]).await.expect("it is there");
        assert_eq!(slots.head_bytes(), 0);
    }

    #[tokio::test]
    async fn who_has_shown_nothing_is_read_in_small_pieces_and_no_further_than_a_head_may_go() {
        let taken =
            Slots::new(16).take("192.0.2.1:4711".parse().expect("an address"), None).expect("there is room");
        let (own, mut peer) = tokio::io::duplex(1 << 20);
        let mut stream = Metered::new(own, Arc::clone(&taken.slot));
        peer.write_all(&vec![b'x'; 400 << 10]).await.expect("there is room for it");
        let mut bytes = vec![0; 200 << 10];
        let mut head = 0;
        while head < HEAD_BYTES_MAX {
            let read = stream.read(&mut bytes).await.expect("it is there");
            assert!((1..=UNKNOWN_READ_MAX).contains(&read), "{read}");
            head += read;
        }
        assert_eq!(head, HEAD_BYTES_MAX);
        assert_eq!(stream.read(&mut bytes).await.expect("it is there"), 1, "none would be the end");
        taken.slot.request_began();
        assert_eq!(stream.read(&mut bytes).await.expect("it is there"), UNKNOWN_READ_MAX);
        taken.slot.mark_known();
        assert_eq!(stream.read(&mut bytes).await.expect("it is there"), 200 << 10);
    }
}
