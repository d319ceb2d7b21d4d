//! A connection whose peer is gone: what it sent before it went is still read.
//!
//! Senders that end right after they have sent (short-lived programs, functions) get no answer. The answer to the first
//! of several requests then fails to be written, and the HTTP server would drop the requests behind it that have arrived
//! whole. Here such an answer counts as written. Reading ends by itself: of a peer that is gone there is no more than
//! what the system has received.

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes succeed when nobody receives them.
pub(super) struct Patient<S> {
    stream: S,
    peer_is_gone: bool,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, peer_is_gone: false }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// The result of a write, or `unheard` where the peer is gone.
    fn heard<T>(&mut self, result: Poll<Result<T>>, unheard: T) -> Poll<Result<T>> {
        match result {
            Poll::Ready(Err(error)) if is_gone(&error) => {
                self.peer_is_gone = true;
                Poll::Ready(Ok(unheard))
            }
            other => other,
        }
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
    )
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if self.peer_is_gone {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.heard(result, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        if self.peer_is_gone {
            return Poll::Ready(Ok(length));
        }
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.heard(result, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.peer_is_gone {
            return Poll::Ready(Ok(()));
        }
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.heard(result, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.heard(result, ())
    }
}
