//! The endpoint's connections: accepted up to a limit, with time limits for handshakes, heads and responses. When the
//! limit is reached, another connection is evicted at once ([`super::slots`] decides which), so that a flood does not
//! keep honest senders out.

use std::{convert::Infallible, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

use super::{
    endpoint::Endpoint,
    hangup::HangupTolerant,
    metered::{HEAD_BYTES_MAX, Metered, MeteredHandshake},
    slots::{NoSlot, Phase, SLOTS_PER_EVICTED, Slot, Slots, TakenSlot},
    stage::closed,
};

/// Maximum connections if there are enough file descriptors (see [`connections_max`]). Measured without optimisation:
/// 31 KB each when silent, 40 KB with half a head of 62 KB or a slow body; 175 MiB for all of them.
const CONNECTIONS_MAX: usize = 4096;

/// Maximum connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// File descriptors that connections leave for the spool, its readers, the control port and the practice stream.
const OTHER_FILES: usize = 128;

/// How many failures to accept a connection in a row lead to a warning. If it goes on, that is about once a minute.
const FAILURES_PER_WARNING: u32 = 30_000;

/// Maximum time for which a connection is idle or reads a head. SDKs keep connections between flushes, 5 to 30 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// Maximum time in which an evicted connection ends by itself.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// Maximum time of a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum bytes and time for which a connection is read after its head was refused.
const LINGER_BYTES_MAX: u64 = 1 << 20;
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// The code in the metrics of a request whose head is too large. Its response has no body, so no code.
const HEAD_TOO_LARGE: &str = "head_too_large";

/// How senders reach a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As in the settings: with TLS if they name a certificate.
    Settings,
    /// Always without TLS: for this program's own test events, over loopback.
    Plain,
}

/// Maximum connections if the system allows `files` file descriptors. A quarter of these is for puts to the stream, and
/// some are for everything else.
pub fn connections_max(files: u64) -> usize {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let all = (files / 4 * 3).saturating_sub(OTHER_FILES);
    (all - all / (SLOTS_PER_EVICTED + 1)).clamp(16, CONNECTIONS_MAX)
}

/// Listens at an address. More connections may wait to be accepted than with [`TcpListener::bind`]: above the limit the
/// system drops connections in a burst, and their senders try again only after a second. Must be called within the
/// runtime.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As tokio does: except on Windows, a port that was just closed may be used again.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves a listener until [`Stage::Closed`](super::Stage), then finishes the requests that are being answered. At most
/// `connections_max` connections.
pub async fn serve(
    endpoint: Arc<Endpoint>,
    listener: TcpListener,
    transport: Transport,
    connections_max: usize,
) {
    let mut stage = endpoint.stage.clone();
    let server = Arc::new(Server { endpoint, transport, slots: Slots::new(connections_max) });
    let mut failures = 0_u32;
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = closed(&mut stage) => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => {
                failures = 0;
                accepted
            }
            Err(error) if is_shortage(&error) => {
                tracing::warn!("a connection could not be accepted, others make room: {error}");
                server.slots.evict_some();
                server.slots.one_ended(Duration::from_millis(100)).await;
                continue;
            }
            Err(error) => {
                // The error is usually that of one connection, whose peer has closed it. The pause is for an error that
                // stays.
                failures = failures.saturating_add(1);
                if failures.is_multiple_of(FAILURES_PER_WARNING) {
                    tracing::warn!("no connection can be accepted: {error}");
                }
                tracing::debug!("a connection could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
        };
        let slot = tokio::select! {
            () = closed(&mut stage) => break,
            slot = server.slot_for(peer) => slot,
        };
        if let Some(slot) = slot {
            tasks.spawn(Arc::clone(&server).connection(stream, slot));
        }
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// What the connections of one listener share.
struct Server {
    endpoint: Arc<Endpoint>,
    transport: Transport,
    slots: Arc<Slots>,
}

impl Server {
    /// Takes a slot. Waits only while every connection is storing a request or ending. `None` if that is so for this
    /// peer, which has as many connections as it may.
    async fn slot_for(&self, peer: SocketAddr) -> Option<TakenSlot> {
        let setting = self.endpoint.config().connections_max_of(peer.ip());
        let max_of_peer = setting.and_then(|setting| self.slots.max_of_peer(setting));
        loop {
            match self.slots.take(peer, max_of_peer) {
                Ok(slot) => return Some(slot),
                Err(NoSlot::OfPeer) => {
                    tracing::debug!(
                        "a connection was closed: its address has too many (capture.max_connections_per_peer)"
                    );
                    return None;
                }
                Err(NoSlot::OfAll) => self.slots.one_ended(Duration::from_millis(20)).await,
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, taken: TakenSlot) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("no TCP_NODELAY: {error}");
        }
        let tls = match self.transport {
            Transport::Settings => self.endpoint.config().tls().cloned(),
            Transport::Plain => None,
        };
        let Some(tls) = tls else { return self.serve_http(stream, &taken.slot).await };
        let stream = MeteredHandshake::new(stream, Arc::clone(&taken.slot));
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream));
        let accepted = tokio::select! {
            accepted = handshake => accepted,
            () = taken.slot.evicted() => return,
        };
        match accepted {
            Ok(Ok(mut stream)) => {
                stream.get_mut().0.done();
                self.serve_http(stream, &taken.slot).await;
            }
            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
            Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    /// Serves the requests of one connection. `hyper_util`'s `GracefulShutdown` would own the connection, but an
    /// eviction ends it gracefully too, and its stream is needed again after a refused head.
    async fn serve_http(&self, stream: impl AsyncRead + AsyncWrite + Unpin, slot: &Arc<Slot>) {
        let mut stage = self.endpoint.stage.clone();
        let shared = (Arc::clone(&self.endpoint), Arc::clone(slot));
        let service = service_fn(move |request| {
            let (endpoint, slot) = shared.clone();
            async move {
                slot.request_began();
                let response = endpoint.respond(request, &slot).await;
                slot.request_ended();
                Ok::<_, Infallible>(response)
            }
        });
        let stream = Metered::new(stream, Arc::clone(slot));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            // A request that has arrived whole is served even if its sender has closed its side.
            .half_close(true)
            .serve_connection(TokioIo::new(HangupTolerant::new(stream)), service);
        let ended = tokio::select! {
            ended = &mut connection => Some(ended),
            () = closed(&mut stage) => {
                Pin::new(&mut connection).graceful_shutdown();
                Some((&mut connection).await)
            }
            () = slot.evicted() => None,
        };
        let Some(ended) = ended else {
            // Ends an idle connection at once.
            Pin::new(&mut connection).graceful_shutdown();
            while slot.ends_by_itself() {
                let ended = tokio::time::timeout(GOODBYE_TIMEOUT, &mut connection).await;
                // A request that has arrived whole meanwhile is stored and answered first.
                if ended.is_ok() || slot.phase() != Phase::Storing {
                    break;
                }
            }
            return;
        };
        let Err(error) = ended else { return };
        tracing::debug!("a connection ended early: {error}");
        if error.is_parse_too_large() {
            self.endpoint.activity.refused(HEAD_TOO_LARGE);
        }
        if error.is_parse() {
            let stream = connection.into_parts().io.into_inner().into_inner().unmetered();
            linger(stream, slot).await;
        }
    }
}

/// Reads on for a while after a head was refused: closing the connection at once would show the sender a reset instead
/// of the response.
async fn linger(stream: impl AsyncRead + Unpin, slot: &Slot) {
    let mut rest = stream.take(LINGER_BYTES_MAX);
    let reading = async {
        let mut bytes = [0; 4096];
        while rest.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    };
    tokio::select! {
        _ = tokio::time::timeout(LINGER_TIMEOUT, reading) => {}
        () = slot.evicted() => {}
    }
}

/// Whether the system has too few file descriptors or too little memory for another connection.
fn is_shortage(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let shortages = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
        Errno::from_io_error(error).is_some_and(|error| shortages.contains(&error))
    }
    // WSAEMFILE, WSAENOBUFS.
    #[cfg(not(unix))]
    matches!(error.raw_os_error(), Some(10024 | 10055))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn others_make_room_for_a_shortage_and_not_for_a_connection_that_failed_by_itself() {
        use rustix::io::Errno;
        for (error, expected) in [
            (Errno::MFILE, true),
            (Errno::NFILE, true),
            (Errno::NOBUFS, true),
            (Errno::NOMEM, true),
            (Errno::CONNABORTED, false),
            (Errno::PROTO, false),
            (Errno::NETUNREACH, false),
        ] {
            assert_eq!(is_shortage(&error.into()), expected, "{error}");
        }
    }

    #[test]
    fn connections_leave_files_for_the_spool_the_puts_and_the_control_port() {
        for (files, connections) in
            [(65_536, 4096), (8192, 4096), (1500, 887), (1024, 569), (256, 57), (0, 16)]
        {
            assert_eq!(connections_max(files), connections, "{files}");
        }
    }
}
