//! The endpoint's connections: accepted up to a limit, with time limits for heads, handshakes and answers. When the limit
//! is reached, others make room at once ([`super::places`] says who): a flood keeps nobody else out.

use std::{convert::Infallible, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{
    Endpoint, Stage,
    hangup::Patient,
    metered::{HEAD_BYTES_MAX, Metered, Shaking},
    slots::{Doing, NoSlot, SLOTS_PER_LEAVING, Slot, Slots, Ticket},
};

/// Connections at a time, file descriptors permitting: [`connections_max`]. Measured without optimisation: 31 KB each when
/// silent, 40 KB with half a head of 62 KB or a slow body; 175 MiB for all of them.
const CONNECTIONS_MAX: usize = 4096;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 4096;

/// File descriptors that connections leave for the spool, its readers, the control port and the practice stream.
const OTHER_FILES: usize = 128;

/// So many connections in a row that could not be accepted are said: about once a minute where it stays so.
const FAILURES_SAID: u32 = 30_000;

/// How long a connection may be idle or take for a request's head. SDKs hold connections between flushes of 5 to 30 s
/// (tracking API §3.2).
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long a connection has to end when its slot is wanted.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How much is read of a sender whose head was refused, and for how long: closed at once, it would see a reset instead
/// of the answer.
const LINGER_BYTES_MAX: u64 = 1 << 20;
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// How senders talk to a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As the settings say: TLS where a certificate is given.
    Settings,
    /// Without TLS whatever they say: for this program's own test events, over loopback.
    Plain,
}

/// The maximum number of connections where the system gives so many file descriptors: a quarter of them is for puts to
/// the stream, and some are for everything else.
pub fn connections_max(files: u64) -> usize {
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    let all = (files / 4 * 3).saturating_sub(OTHER_FILES);
    (all - all / (SLOTS_PER_LEAVING + 1)).clamp(16, CONNECTIONS_MAX)
}

/// Listens there. More connections may wait to be accepted than [`TcpListener::bind`] lets: in a burst the system drops
/// the next one, whose sender tries again after a second. Called within the runtime.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As tokio does: elsewhere than on Windows a port that was just let go of is free.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Endpoint {
    /// Serves until [`Stage::Closed`]; then finishes the requests that are being answered.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, transport: Transport, connections_max: usize) {
        let mut failures = 0_u32;
        let places = Slots::new(connections_max);
        let mut tasks = JoinSet::new();
        let mut stage = self.stage.clone();
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
                    places.give_some_back();
                    ended_or_soon(&places, Duration::from_millis(100)).await;
                    continue;
                }
                Err(error) => {
                    // Of this connection alone: its peer has ended it, say. The pause is for an error that stays.
                    failures = failures.saturating_add(1);
                    if failures.is_multiple_of(FAILURES_SAID) {
                        tracing::warn!("no connection can be accepted: {error}");
                    }
                    tracing::debug!("a connection could not be accepted: {error}");
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    continue;
                }
            };
            let ticket = tokio::select! {
                () = closed(&mut stage) => break,
                ticket = self.place_for(&places, peer) => ticket,
            };
            if let Some(ticket) = ticket {
                tasks.spawn(Arc::clone(&self).connection(stream, transport, ticket));
            }
            while tasks.try_join_next().is_some() {}
        }
        drop(listener);
        while tasks.join_next().await.is_some() {}
    }

    /// Waits for a slot only while every connection is being answered or ends. `None`: so are all of this peer's, and it
    /// has as many as it may.
    async fn place_for(&self, places: &Arc<Slots>, peer: SocketAddr) -> Option<Ticket> {
        let bound = self.rules().bound_of(peer.ip()).and_then(|setting| places.bound(setting));
        loop {
            match places.admit(peer, bound) {
                Ok(ticket) => return Some(ticket),
                Err(NoSlot::ForPeer) => {
                    tracing::debug!(
                        "a connection was closed: its address has too many (capture.max_connections_per_peer)"
                    );
                    return None;
                }
                Err(NoSlot::ForAnybody) => ended_or_soon(places, Duration::from_millis(20)).await,
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, transport: Transport, ticket: Ticket) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!("no TCP_NODELAY: {error}");
        }
        let tls = match transport {
            Transport::Settings => self.rules().tls.clone(),
            Transport::Plain => None,
        };
        let Some(tls) = tls else { return self.talk(stream, &ticket.slot).await };
        let stream = Shaking::new(stream, Arc::clone(&ticket.slot));
        let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(stream));
        let shaken = tokio::select! {
            shaken = handshake => shaken,
            () = ticket.slot.must_leave() => return,
        };
        match shaken {
            Ok(Ok(mut stream)) => {
                stream.get_mut().0.done();
                self.talk(stream, &ticket.slot).await;
            }
            Ok(Err(error)) => tracing::debug!("a TLS handshake failed: {error}"),
            Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn talk(self: Arc<Self>, stream: impl AsyncRead + AsyncWrite + Unpin, slot: &Arc<Slot>) {
        let mut stage = self.stage.clone();
        let of_service = Arc::clone(slot);
        let endpoint = Arc::clone(&self);
        let service = service_fn(move |request| {
            let (endpoint, slot) = (Arc::clone(&endpoint), Arc::clone(&of_service));
            async move {
                slot.begin_request();
                let response = endpoint.answer(request, &slot).await;
                slot.end_request();
                Ok::<_, Infallible>(response)
            }
        });
        let stream = Metered::new(stream, Arc::clone(slot));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_header_size(HEAD_BYTES_MAX)
            // A request that arrived whole is taken and answered, whether or not its sender has ended its side.
            .half_close(true)
            .serve_connection(TokioIo::new(Patient::new(stream)), service);
        let mut left = false;
        let ended = tokio::select! {
            ended = &mut connection => Some(ended),
            () = closed(&mut stage) => {
                Pin::new(&mut connection).graceful_shutdown();
                Some((&mut connection).await)
            }
            () = slot.must_leave() => {
                left = true;
                None
            }
        };
        if left {
            // Idle, it ends at once.
            Pin::new(&mut connection).graceful_shutdown();
            while slot.may_end_itself() {
                let ended = tokio::time::timeout(GOODBYE_TIMEOUT, &mut connection).await;
                // A request that came whole meanwhile is stored and answered first.
                if ended.is_ok() || slot.doing() != Doing::Taken {
                    break;
                }
            }
            return;
        }
        let Some(Err(error)) = ended else { return };
        tracing::debug!("a connection ended early: {error}");
        if error.is_parse_too_large() {
            self.visitors.refused("head_too_large");
        }
        if error.is_parse() {
            let stream = connection.into_parts().io.into_inner().into_inner().unmetered();
            let mut rest = stream.take(LINGER_BYTES_MAX);
            let lingering = async {
                let mut bytes = [0; 4096];
                while rest.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
            };
            tokio::select! {
                _ = tokio::time::timeout(LINGER_TIMEOUT, lingering) => {}
                () = slot.must_leave() => {}
            }
        }
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

async fn ended_or_soon(places: &Slots, soon: Duration) {
    drop(tokio::time::timeout(soon, places.ended.notified()).await);
}

async fn closed(stage: &mut watch::Receiver<Stage>) {
    // An error: the engine is gone, which is as good as closed.
    drop(stage.wait_for(|stage| *stage == Stage::Closed).await);
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
