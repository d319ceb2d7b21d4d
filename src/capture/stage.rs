//! How far shutting down has come.

use tokio::sync::watch;

/// How far shutting down has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Accepting events.
    Open,
    /// Responding with 503, so that senders and load balancers try again later or elsewhere.
    Refusing,
    /// Closing connections.
    Closed,
}

/// Waits until the endpoint must close its connections.
pub(super) async fn closed(stage: &mut watch::Receiver<Stage>) {
    // An error means that the engine is gone, so the endpoint closes too.
    drop(stage.wait_for(|stage| *stage == Stage::Closed).await);
}
