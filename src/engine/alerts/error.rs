//! Why a notification was not sent.

/// Maximum characters of what the other side said.
const SAID_CHARS_MAX: usize = 200;

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

/// The first line of what the other side said, for an error.
pub(super) fn said(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}
