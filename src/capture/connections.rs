//! The endpoint's connections: accepted up to a limit, with time limits for heads and handshakes. When the limit is
//! reached, those that have been idle for a while make room: ten thousand silent clients keep nobody else out.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::{Endpoint, Stage, hangup::Patient};

/// Connections at a time, file descriptors permitting. 20 KB each when silent, 40 KB with half a head: 160 MB at the very most.
const CONNECTIONS_MAX: usize = 4096;

/// How long a connection may be idle or take for a request's head. SDKs hold connections between flushes of 5 to 30 s
/// (tracking API §3.2).
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long one must have been idle to make room for another when there is none.
const IDLE_WHEN_FULL: Duration = Duration::from_secs(5);

/// How long an idle connection has to end when its place is wanted.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a request's head.
pub(super) const HEAD_BYTES_MAX: usize = 64 << 10;

/// How senders talk to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As the settings say: TLS where a certificate is given.
    Settings,
    /// Without TLS whatever they say: for this program's own test events, over loopback.
    Plain,
}

/// When a connection was last doing something.
struct Activity {
    began: Instant,
    requests: AtomicU32,
    last_ms: AtomicU64,
}

impl Activity {
    fn touch(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
    }

    /// A request is being read or answered.
    fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0
    }

    fn is_idle(&self) -> bool {
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        !self.is_busy() && self.began.elapsed() >= last + IDLE_WHEN_FULL
    }
}

impl Endpoint {
    /// Serves until [`Stage::Closed`]; then finishes the requests that are being answered.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, transport: Transport) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let make_room = watch::Sender::new(());
        let mut tasks = JoinSet::new();
        let mut stage = self.stage.clone();
        loop {
            let accepted = tokio::select! {
                () = closed(&mut stage) => break,
                accepted = async {
                    while places.available_permits() == 0 {
                        make_room.send_replace(());
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                    listener.accept().await
                } => accepted,
            };
            match (accepted, Arc::clone(&places).try_acquire_owned()) {
                (Ok((stream, peer)), Ok(place)) => {
                    let connection =
                        Arc::clone(&self).connection(stream, peer, transport, make_room.subscribe());
                    tasks.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                (Ok(_), Err(_none)) => tracing::debug!("a connection came where there was no place"),
                (Err(error), _) => {
                    // Out of file descriptors, say: idle connections give theirs back.
                    tracing::warn!("a connection could not be accepted: {error}");
                    make_room.send_replace(());
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            while tasks.try_join_next().is_some() {}
        }
        drop(listener);
        while tasks.join_next().await.is_some() {}
    }

    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        transport: Transport,
        room_wanted: watch::Receiver<()>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("no TCP_NODELAY: {error}");
        }
        let tls = match transport {
            Transport::Settings => self.rules().tls.clone(),
            Transport::Plain => None,
        };
        let Some(tls) = tls else { return self.talk(stream, peer, room_wanted).await };
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => self.talk(stream, peer, room_wanted).await,
            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
            Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn talk(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        peer: SocketAddr,
        mut room_wanted: watch::Receiver<()>,
    ) {
        let mut stage = self.stage.clone();
        let activity = Arc::new(Activity {
            began: Instant::now(),
            requests: AtomicU32::new(0),
            last_ms: AtomicU64::new(0),
        });
        let of_service = Arc::clone(&activity);
        let service = service_fn(move |request| {
            let (endpoint, activity) = (Arc::clone(&self), Arc::clone(&of_service));
            async move {
                activity.requests.fetch_add(1, Ordering::Relaxed);
                let response = endpoint.answer(request, peer).await;
                activity.requests.fetch_sub(1, Ordering::Relaxed);
                activity.touch();
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            // A request that arrived whole is taken and answered, whether or not its sender has ended its side.
            .half_close(true)
            .serve_connection(TokioIo::new(Patient::new(stream)), service);
        let mut connection = std::pin::pin!(connection);
        let ended = loop {
            tokio::select! {
                ended = connection.as_mut() => break ended,
                () = closed(&mut stage) => {}
                _ = room_wanted.changed() => {
                    if !activity.is_idle() {
                        continue;
                    }
                    connection.as_mut().graceful_shutdown();
                    // One that sits on half a head would stay. A request that came meanwhile is answered first.
                    let ended = tokio::time::timeout(GOODBYE_TIMEOUT, connection.as_mut()).await;
                    if ended.is_err() && activity.is_busy() {
                        drop(connection.await);
                    }
                    return;
                }
            }
            connection.as_mut().graceful_shutdown();
            break connection.await;
        };
        if let Err(error) = ended {
            tracing::debug!("a connection ended early: {error}");
        }
    }
}

async fn closed(stage: &mut watch::Receiver<Stage>) {
    // An error: the engine is gone, which is as good as closed.
    drop(stage.wait_for(|stage| *stage == Stage::Closed).await);
}
