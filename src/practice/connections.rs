//! The practice stream's connections, limited in number and time. A connection that has not shown a key makes room first,
//! and has only a moment to show one: a client without the key costs little and keeps nobody out.
//!
//! A connection speaks HTTP/1.1, or HTTP/2 if it begins with it ("prior knowledge"), as the AWS SDK for JavaScript does.

use super::http::Handler;
use crate::slots::{Limits, Slot, Slots};
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::{rt::Executor, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a connection may take to show a key.
const UNAUTHENTICATED_MAX: Duration = Duration::from_secs(5);

/// How long an authenticated connection may be idle, or take for the head of a request. SDKs keep idle connections for
/// 90 s, and the server should not close one first. One of HTTP/2 may be idle until its slot is needed.
const IDLE_MAX: Duration = Duration::from_mins(2);

/// Maximum bytes of a request's head, and of one read of a body. A signed head has about 1 KiB.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// How long a connection may take to end when its slot is needed.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// How long requests under way may take once the server is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` ends, then cancels `stopping` and lets requests under way finish within [`STOP_GRACE`].
pub(super) async fn serve(
    handler: Handler,
    listener: TcpListener,
    limits: Limits,
    stopping: CancellationToken,
    stop: impl Future<Output = ()> + Send,
) {
    let handler = Arc::new(handler);
    let slots = Slots::new(limits);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            () = stop.as_mut() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        match accepted {
            Ok((stream, slot)) => {
                connections.spawn(serve_connection(Arc::clone(&handler), stream, slot, stopping.clone()));
                is_failing = false;
                // Lets a connection whose request has arrived show its key before the next one is accepted.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                // Too few file descriptors, for example.
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!("the practice stream could not accept a connection: {error}");
                }
                slots.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        // A connection whose task panicked is closed; the others go on.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    stopping.cancel();
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_GRACE, ended).await.is_err() {
        tracing::debug!("requests to the practice stream that were still under way are cut off");
    }
}

/// Runs the requests of one HTTP/2 connection, each as a task.
#[derive(Clone, Default)]
struct Requests(Arc<Mutex<JoinSet<()>>>);

impl Requests {
    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Task> Executor<Task> for Requests
where
    Task: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: Task) {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { drop(task.await) });
    }
}

/// Dropping it ends the requests.
struct EndRequests(Requests);

impl Drop for EndRequests {
    fn drop(&mut self) {
        self.0.tasks().abort_all();
    }
}

async fn accept(listener: &TcpListener, slots: &Arc<Slots>) -> io::Result<(TcpStream, Slot)> {
    let (stream, _peer) = listener.accept().await?;
    Ok((stream, slots.take().await))
}

/// Serves a connection until it ends, or until a fault cuts it, also while it is being shut down.
async fn serve_connection(handler: Arc<Handler>, stream: TcpStream, slot: Slot, stopping: CancellationToken) {
    let cut = CancellationToken::new();
    cut.run_until_cancelled(serve_requests(handler, stream, slot, stopping, cut.clone())).await;
}

async fn serve_requests(
    handler: Arc<Handler>,
    stream: TcpStream,
    slot: Slot,
    stopping: CancellationToken,
    cut: CancellationToken,
) {
    // An answer is one small packet, which Nagle's algorithm would delay. Without the option it is only slower.
    drop(stream.set_nodelay(true));
    let slot = Arc::new(slot);
    let of_service = (Arc::clone(&slot), cut);
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, (slot, cut)) = (Arc::clone(&handler), of_service.clone());
        async move { Ok::<_, Infallible>(handler.respond(&slot, &cut, request.map(Body::new)).await) }
    });
    let requests = Requests::default();
    let _end = EndRequests(requests.clone());
    let mut http = auto::Builder::new(requests);
    http.http1().timer(TokioTimer::new()).header_read_timeout(IDLE_MAX).max_buf_size(HEAD_BYTES_MAX);
    http.http2().timer(TokioTimer::new()).max_header_list_size(HEAD_BYTES_MAX.try_into().unwrap_or(u32::MAX));
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let authenticated_by = Instant::now() + UNAUTHENTICATED_MAX;
    let ended = loop {
        tokio::select! {
            // Data that has arrived comes first: a slow machine is not its sender's fault.
            biased;
            ended = connection.as_mut() => break ended,
            () = stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                break connection.await;
            }
            () = slot.wanted() => {
                if !slot.is_authenticated() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                let ended = tokio::time::timeout(CLOSE_MAX, connection.as_mut()).await;
                if ended.is_err() && slot.is_busy() {
                    drop(connection.await);
                }
                return;
            }
            () = tokio::time::sleep_until(authenticated_by), if !slot.is_authenticated() => {
                if !slot.is_authenticated() {
                    return;
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection to the practice stream ended early: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::{faults::Faults, shared::Settings, shared::Shared};
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_connection_that_a_fault_cuts_during_the_stop_does_not_delay_it() {
        let shared = Arc::new(Shared::new(Settings::default()));
        let delay = Duration::from_millis(500);
        shared.set_faults(Faults { cut_connection: 1.0, delay, ..Faults::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stopping, stop) = (CancellationToken::new(), CancellationToken::new());
        let handler = Handler::new(Arc::clone(&shared), address.port(), stopping.clone());
        let limits = Settings::default().connections;
        let served = serve(handler, listener, limits, stopping, stop.cancelled());
        let asked = async {
            let mut socket = TcpStream::connect(address).await.unwrap();
            let request = format!(
                "POST / HTTP/1.1\r\nHost: {address}\r\nX-Amz-Target: Kinesis_20131202.ListStreams\r\nX-Amz-Date: \
                 20261122T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential={}/20261122/us-east-1/kinesis/\
                 aws4_request, SignedHeaders=host, Signature=00\r\nContent-Length: 2\r\n\r\n{{}}",
                shared.access_key_id
            );
            socket.write_all(request.as_bytes()).await.unwrap();
            tokio::time::sleep(delay / 2).await;
            let begun = Instant::now();
            stop.cancel();
            assert_eq!(socket.read_to_end(&mut Vec::new()).await.unwrap(), 0, "it is cut without an answer");
            begun
        };
        let ((), begun) = tokio::join!(served, asked);
        assert!(begun.elapsed() < STOP_GRACE, "{:?}", begun.elapsed());
    }
}
