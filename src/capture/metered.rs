//! A connection's bytes, counted for its place among the others, with a time limit for a peer that does not read.

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

use super::places::Place;

/// How long a peer may read nothing of an answer (nginx: `send_timeout`, 60 s).
const WRITE_TIMEOUT: Duration = Duration::from_mins(1);

/// Bytes of a request's head.
pub(super) const HEAD_BYTES_MAX: usize = 64 << 10;

/// Bytes at a time of a connection that has shown no known key: its read buffer stays small.
const STRANGER_READ_MAX: usize = 8 << 10;

/// A stream that tells its place what comes.
pub(super) struct Metered<S> {
    stream: S,
    place: Arc<Place>,
    /// Set while a write waits for the peer.
    write_until: Option<Pin<Box<Sleep>>>,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, place: Arc<Place>) -> Self {
        Self { stream, place, write_until: None }
    }

    /// The result of a write, or an error where the peer has not read for too long.
    fn in_time<T>(&mut self, result: Poll<Result<T>>, cx: &mut Context<'_>) -> Poll<Result<T>> {
        if result.is_ready() {
            if self.write_until.take().is_some() {
                self.place.stalls(false);
            }
            return result;
        }
        if self.write_until.is_none() {
            self.place.stalls(true);
        }
        let until = self
            .write_until
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + WRITE_TIMEOUT)));
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
        let head = self.place.head_so_far();
        // One byte at least: to read none would mean the end of the stream. The HTTP server counts too, and ends at the limit.
        let of_head = head.map_or(usize::MAX, |so_far| HEAD_BYTES_MAX.saturating_sub(so_far).max(1));
        let at_once = if self.place.is_known() { usize::MAX } else { STRANGER_READ_MAX };
        let most = of_head.min(at_once);
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
            self.place.head_came(read);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.in_time(result, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.in_time(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(result, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.in_time(result, cx)
    }
}
