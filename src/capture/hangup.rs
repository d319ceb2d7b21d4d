//! Connections whose peer is gone: requests that it sent before are still read.
//!
//! Senders that end right after they have sent, such as short-lived programs and functions, get no response. Writing
//! the response to the first of several requests then fails, and the HTTP server would drop the later requests although
//! they have arrived whole. Here such a write succeeds. Reading ends by itself: a peer that is gone sends no more than
//! the system has received already.

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose writes succeed after the peer is gone.
pub(super) struct HangupTolerant<S> {
    stream: S,
    peer_is_gone: bool,
}

impl<S> HangupTolerant<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, peer_is_gone: false }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    /// The result of a write, or `if_gone` if the peer is gone.
    fn tolerate<T>(&mut self, result: Poll<Result<T>>, if_gone: T) -> Poll<Result<T>> {
        match result {
            Poll::Ready(Err(error)) if is_gone(&error) => {
                self.peer_is_gone = true;
                Poll::Ready(Ok(if_gone))
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

impl<S: AsyncRead + Unpin> AsyncRead for HangupTolerant<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HangupTolerant<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        if self.peer_is_gone {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.tolerate(result, bytes.len())
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
        self.tolerate(result, length)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.peer_is_gone {
            return Poll::Ready(Ok(()));
        }
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        self.tolerate(result, ())
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.tolerate(result, ())
    }
}
