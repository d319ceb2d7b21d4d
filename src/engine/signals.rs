//! SIGTERM and SIGINT (Ctrl-C on Windows): the first one asks the face to stop, which then drains; a second one ends the
//! program at once. What was accepted is on disk in both cases.

use std::sync::Arc;

use super::faces::Faces;

/// The exit code after a second signal.
const SECOND_SIGNAL: i32 = 130;

/// Waits for signals as long as the engine runs.
pub(super) async fn run(faces: Arc<Faces>, mut signals: Signals) {
    signals.next().await;
    faces.request_stop();
    signals.next().await;
    tracing::warn!("A second signal: ending at once");
    #[expect(
        clippy::exit,
        reason = "that is what a second signal is for; nothing durable depends on a clean exit"
    )]
    std::process::exit(SECOND_SIGNAL);
}

/// The handlers of the two signals, installed when this is created.
pub struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    /// Installs them. Call it inside a runtime.
    pub fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    /// Returns at the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    /// Call it inside a runtime.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    /// Returns at the next signal.
    pub async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
