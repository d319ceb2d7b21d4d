//! The listeners of the capture endpoint: one at the address in the settings, and one for this program's own test events. The
//! address can change while events arrive: where the system allows it, the new listener opens before the old one closes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use super::shared::{INNER_ENDPOINT, Shared};
use crate::{
    capture::{self, Endpoint, Stage, Tls, TlsError, Transport},
    config::Config,
};

/// How often and how long to try for a port that this process itself has just released.
const BIND_TRIES: u32 = 40;
const BIND_PAUSE: Duration = Duration::from_millis(50);

/// Connections of the inner listener.
const INNER_CONNECTIONS_MAX: usize = 64;

/// One listener, and the way to close it.
struct Listening {
    stage: watch::Sender<Stage>,
    stop: CancellationToken,
}

impl Listening {
    fn new() -> Self {
        Self { stage: watch::Sender::new(Stage::Open), stop: CancellationToken::new() }
    }

    fn close(&self) {
        self.stop.cancel();
        self.stage.send_replace(Stage::Closed);
    }
}

pub(super) struct Listeners {
    shared: Arc<Shared>,
    /// The address in the settings that the outer listener was opened for.
    address: SocketAddr,
    outer: Listening,
    /// The listener for this program's own test events, while the outer one speaks https.
    inner: Listening,
}

impl Listeners {
    /// Serves `listener`, which was opened for `address`.
    pub(super) fn new(shared: Arc<Shared>, address: SocketAddr, listener: TcpListener) -> Self {
        let mut listeners = Self { shared, address, outer: Listening::new(), inner: Listening::new() };
        listeners.serve_outer(listener);
        listeners
    }

    fn serve_outer(&mut self, listener: TcpListener) {
        let address = listener.local_addr().ok();
        self.outer = Listening::new();
        self.serve("capture endpoint", listener, &self.outer, Transport::Settings);
        self.shared.endpoint.send_replace(address);
        self.shared.write_running_engine();
    }

    fn serve(&self, part: &'static str, listener: TcpListener, listening: &Listening, transport: Transport) {
        let shared = &self.shared;
        let endpoint = Endpoint::new(
            shared.spool.clone(),
            shared.endpoint_config.subscribe(),
            listening.stage.subscribe(),
            shared.watches(),
            Arc::clone(&shared.activity),
        );
        let connections_max = match transport {
            Transport::Settings => capture::connections_max(shared.open_files_max),
            Transport::Plain => INNER_CONNECTIONS_MAX,
        };
        let serving = capture::serve(Arc::new(endpoint), listener, transport, connections_max);
        shared.tasks.part(part, &listening.stop, serving);
    }

    /// If the endpoint speaks https, opens a listener on loopback without TLS for this program's own test events (the Test
    /// place, `send`): the certificate names the outside host.
    pub(super) async fn open_inner(&mut self) {
        let shared = Arc::clone(&self.shared);
        if shared.endpoint_config.borrow().tls().is_none() || shared.inner_endpoint.borrow().is_some() {
            return;
        }
        match TcpListener::bind(("127.0.0.1", 0)).await {
            Ok(listener) => {
                shared.inner_endpoint.send_replace(listener.local_addr().ok());
                self.serve("inner endpoint", listener, &self.inner, Transport::Plain);
                shared.write_running_engine();
            }
            Err(error) => {
                let text =
                    format!("Test events cannot be sent: no port on loopback could be opened ({error}).");
                shared.problems.set(INNER_ENDPOINT, Some(text));
                shared.write_running_engine();
            }
        }
    }

    /// Whether the endpoint's address is not the one in the settings in force.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.shared.config.borrow().capture.listen != self.address
    }

    /// Moves to the address in the settings if it is free now. The present listener stays open during the attempt, so that senders
    /// can connect.
    pub(super) fn move_if_free(&mut self) {
        let wanted = self.shared.config.borrow().capture.listen;
        if wanted != self.address
            && let Ok(listener) = capture::listen(wanted)
        {
            self.replace(wanted, listener);
            self.shared.problems.set("listen", None);
        }
    }

    /// Listens at another address; if that fails, stays where it is and returns the problem.
    pub(super) async fn move_to(&mut self, address: SocketAddr) -> Option<String> {
        if address == self.address {
            return None;
        }
        let mut bound = capture::listen(address);
        let here = *self.shared.endpoint.borrow();
        let is_same_port = here.is_some_and(|here| here.port() == address.port());
        if bound.is_err() && is_same_port {
            // The port may be taken by this listener itself, at another address of the machine: close it and try again.
            self.outer.close();
            bound = bind_when_free(address).await;
            if bound.is_err()
                && let Ok(listener) = bind_when_free(self.address).await
            {
                self.serve_outer(listener);
            }
        }
        match bound {
            Ok(listener) => {
                self.replace(address, listener);
                None
            }
            Err(error) => {
                let here = here.map_or_else(|| "where it is".to_owned(), |here| format!("at {here}"));
                // The endpoint uses that port itself, so it cannot try it again while it is open.
                let then = if is_same_port {
                    "Choose another port, or free that one and restart Tributary."
                } else {
                    "Tributary moves it as soon as that address is free; or choose another port."
                };
                Some(format!("The endpoint could not move to {address} ({error}) and stays {here}. {then}"))
            }
        }
    }

    /// Serves this listener, and closes the one before it.
    fn replace(&mut self, address: SocketAddr, listener: TcpListener) {
        self.outer.close();
        self.address = address;
        self.serve_outer(listener);
    }

    /// Answers 503 from now on.
    pub(super) fn refuse(&self) {
        for listening in [&self.outer, &self.inner] {
            listening.stop.cancel();
            listening.stage.send_replace(Stage::Refusing);
        }
    }

    /// Accepts no more connections, and ends when the open requests are answered.
    pub(super) fn close(&self) {
        self.outer.close();
        self.inner.close();
    }
}

/// The certificate that the settings name; `None`: http.
pub(super) fn tls(config: &Config) -> Result<Option<Arc<Tls>>, TlsError> {
    let capture = &config.capture;
    if capture.tls_cert.is_empty() {
        return Ok(None);
    }
    if let Some(text) = config.capture.exposed_tls_key() {
        tracing::warn!("{text}");
    }
    Tls::load(capture.tls_cert.as_ref(), capture.tls_key.as_ref()).map(|tls| Some(Arc::new(tls)))
}

/// Opens a listener at an address whose previous listener is closing. Retries, because closing takes a moment.
pub(super) async fn bind_when_free(address: SocketAddr) -> std::io::Result<TcpListener> {
    let mut bound = capture::listen(address);
    for _ in 0..BIND_TRIES {
        if bound.is_ok() {
            break;
        }
        tokio::time::sleep(BIND_PAUSE).await;
        bound = capture::listen(address);
    }
    bound
}
