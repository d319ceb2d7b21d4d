//! Why a notification was not sent.

/// Why a notification was not sent. It names no address and no secret.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Nothing took it.
    #[error("{0}")]
    Refused(String),
    /// The thread for it panicked, or the engine stops.
    #[error("sending stopped unexpectedly; please report this")]
    Interrupted,
}

impl SendError {
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }
}
