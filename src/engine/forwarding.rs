//! Starts the forwarder, stops it after its puts in flight have ended, and starts it again.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    set_aside::{self, SetAsideError},
    shared::Shared,
};
use crate::{
    config::DestinationKind,
    forward::{self, Controls},
};

/// Maximum wait for puts in flight: by then each has an answer or has timed out.
const PUTS_END_MAX: Duration = Duration::from_secs(70);

pub(super) struct Forwarding {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    asked_to_end: CancellationToken,
    task: JoinHandle<()>,
}

impl Forwarding {
    pub(super) fn start(shared: Arc<Shared>) -> Self {
        let (stop, asked_to_end) = (watch::Sender::new(false), CancellationToken::new());
        let (ask, set_aside) = mpsc::channel(1);
        *shared.set_aside.lock().unwrap_or_else(PoisonError::into_inner) = ask;
        let controls = Controls {
            set_aside,
            settings: shared.connection.subscribe(),
            try_now: Arc::clone(&shared.try_now),
            stop: stop.subscribe(),
            // A quarter of the open files; the others are for senders' connections and for files.
            puts_max: usize::try_from(shared.open_files_max / 4).unwrap_or(usize::MAX),
        };
        let forwarding = forward::run(shared.spool.clone(), controls, shared.reports());
        let task = shared.tasks.part("forwarder", &asked_to_end, forwarding);
        Self { shared, stop, asked_to_end, task }
    }

    /// Lets the puts in flight end. `false`: some had not ended after `wait_max`.
    pub(super) async fn finish(&mut self, wait_max: Duration) -> bool {
        self.asked_to_end.cancel();
        self.stop.send_replace(true);
        // A panic is reported where the part was started.
        tokio::time::timeout(wait_max, &mut self.task).await.is_ok()
    }

    /// Lets the puts in flight end, sets aside the queued events, and starts again.
    pub(super) async fn set_aside_queued(&mut self) -> Result<(), SetAsideError> {
        if !self.finish(PUTS_END_MAX).await {
            tracing::warn!("puts were still in flight after {PUTS_END_MAX:?}");
            self.task.abort();
        }
        let config = Arc::clone(&self.shared.config.borrow());
        let name = match config.destination.kind {
            DestinationKind::Practice => "the practice stream",
            DestinationKind::Kinesis => &config.destination.stream,
        };
        let message = format!("set aside when the destination was changed; it waited for {name}");
        let set_aside = set_aside::run(&self.shared.spool, config.destination.encoding, &message).await;
        *self = Self::start(Arc::clone(&self.shared));
        set_aside.map(|count| tracing::info!("{count} events were set aside"))
    }
}
