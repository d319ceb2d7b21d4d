//! The practice stream's connections: a limited number with time limits. Those that have not shown a key make room first,
//! and have only a moment for it; so whoever is without one costs little and keeps nobody out.

use super::http::{self, Door};
use crate::slots::{Limits, Slot, Slots};
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a connection may take to show a key.
const UNAUTHENTICATED_MAX: Duration = Duration::from_secs(5);

/// How long one that has shown it may be idle, or take for the head of a request. SDKs keep idle connections for 90 s: the
/// server should not be the first to close one.
const IDLE_MAX: Duration = Duration::from_mins(2);

/// The head of a request, and what is read of a body at a time. A signed head has about 1 KiB.
const HEAD_BYTES_MAX: usize = 32 << 10;

/// How long an idle connection has to end when its place is wanted.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// How long answers that are under way may take once the server is told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` ends, then finishes what is under way, for a moment.
pub(super) async fn run(
    door: Door,
    listener: TcpListener,
    limits: Limits,
    stop: impl Future<Output = ()> + Send,
) {
    let places = Slots::new(limits);
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            () = stop.as_mut() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                connections.spawn(talk(door.clone(), stream, place, stopped.clone()));
                is_failing = false;
                // A connection whose request has arrived shows its key before the next one comes.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                // Out of file descriptors, say.
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!("the practice stream could not accept a connection: {error}");
                }
                places.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
        // One that panicked is closed; the others go on.
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    stopping.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_GRACE, ended).await.is_err() {
        tracing::debug!("requests to the practice stream that were still under way are cut off");
    }
}

async fn accept(listener: &TcpListener, places: &Arc<Slots>) -> io::Result<(TcpStream, Slot)> {
    let (stream, _peer) = listener.accept().await?;
    Ok((stream, places.take().await))
}

async fn talk(door: Door, stream: TcpStream, place: Slot, mut stopped: watch::Receiver<bool>) {
    // An answer is one small packet: waiting for more would only delay it. A socket that cannot be told is slower.
    drop(stream.set_nodelay(true));
    let place = Arc::new(place);
    let of_service = Arc::clone(&place);
    let service = service_fn(move |request: Request<Incoming>| {
        let (door, place) = (door.clone(), Arc::clone(&of_service));
        async move { Ok::<_, Infallible>(http::handle(&door, &place, request.map(Body::new)).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let authenticated_by = Instant::now() + UNAUTHENTICATED_MAX;
    let ended = loop {
        tokio::select! {
            // First what has arrived: a slow machine is not its sender's fault.
            biased;
            ended = connection.as_mut() => break ended,
            () = async { drop(stopped.wait_for(|is_stopped| *is_stopped).await) } => {
                connection.as_mut().graceful_shutdown();
                break connection.await;
            }
            () = place.wanted() => {
                if !place.is_authenticated() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                let ended = tokio::time::timeout(GOODBYE_MAX, connection.as_mut()).await;
                if ended.is_err() && place.is_busy() {
                    drop(connection.await);
                }
                return;
            }
            () = tokio::time::sleep_until(authenticated_by), if !place.is_authenticated() => {
                if !place.is_authenticated() {
                    return;
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection to the practice stream ended early: {error}");
    }
}
