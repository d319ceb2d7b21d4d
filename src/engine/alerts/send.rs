//! Sends one notification, once.

use super::{mail, program, webhook};
use crate::{
    alert::Notification,
    config::{Alert, AlertKind},
};

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

/// Sends it the alert's way. Ends by itself after some tens of seconds at most.
pub(super) async fn send(alert: &Alert, notification: &Notification) -> Result<(), SendError> {
    match alert.kind {
        AlertKind::Command => program::run(&alert.command, &notification.json()).await,
        AlertKind::Webhook => blocking(alert, notification.json(), webhook::post).await,
        AlertKind::Slack => blocking(alert, notification.slack(), webhook::post).await,
        AlertKind::Email => {
            let mail = (notification.title(), notification.text());
            blocking(alert, mail, mail::send).await
        }
    }
}

async fn blocking<T: Send + 'static>(
    alert: &Alert,
    content: T,
    send: fn(&Alert, T) -> Result<(), SendError>,
) -> Result<(), SendError> {
    let alert = alert.clone();
    let sent = tokio::runtime::Handle::current().spawn_blocking(move || send(&alert, content));
    sent.await.map_err(|_panicked_or_stopped| SendError::Interrupted)?
}
