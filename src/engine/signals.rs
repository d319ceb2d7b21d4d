//! SIGTERM and SIGINT (Ctrl-C on Windows): the first asks the face to stop, which then drains; a second one ends the
//! program at once. What was accepted is on disk either way.

use std::sync::Arc;

use super::Shared;

/// The exit code of a program that a second signal ended.
const IMPATIENT: i32 = 130;

/// Waits as long as the engine runs.
pub(super) async fn run(shared: Arc<Shared>, mut signals: Signals) {
    signals.next().await;
    shared.told_to_stop.store(true, std::sync::atomic::Ordering::Release);
    shared.wake_faces();
    signals.next().await;
    tracing::warn!("A second signal: ending at once");
    #[expect(
        clippy::exit,
        reason = "that is what a second signal is for; nothing durable depends on a clean exit"
    )]
    std::process::exit(IMPATIENT);
}

/// The two signals; whoever has this has taken them from the system.
pub(super) struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { term: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
