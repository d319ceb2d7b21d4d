//! Resending for the faces: one at a time, on a thread of its own, until it is done, told to stop, or the engine stops.

use std::{
    num::NonZeroU32,
    sync::{Arc, atomic::Ordering},
};

use super::{Shared, chain};
use crate::{
    delivery::{ResendSelection, Resent},
    spool::{self, Full, Pace},
};

/// What a second one hears.
const BUSY: &str = "events are being resent already; wait for that to end, or stop it";

/// Counts what a resend would queue.
pub(super) async fn count(shared: Arc<Shared>, which: ResendSelection) -> Result<Resent, String> {
    let counting = move || {
        let log = shared.spool.log().map_err(|error| chain(&error))?;
        spool::count(&log, &which).map_err(|error| chain(&error))
    };
    #[expect(clippy::disallowed_methods, reason = "the engine spawns; reading the log blocks")]
    tokio::task::spawn_blocking(counting).await.map_err(|error| format!("counting failed: {error}"))?
}

/// Resends. Progress is in [`crate::delivery::Status::resending`].
pub(super) async fn run(
    shared: Arc<Shared>,
    which: ResendSelection,
    rate: Option<NonZeroU32>,
) -> Result<Resent, String> {
    let is_free = |now: &mut Option<Resent>| {
        let is_free = now.is_none();
        if is_free {
            *now = Some(Resent::default());
        }
        is_free
    };
    if !shared.resending.send_if_modified(is_free) {
        return Err(BUSY.to_owned());
    }
    shared.stop_resending.store(false, Ordering::Release);
    let working = Arc::clone(&shared);
    let resend = move || {
        let pace = Pace { rate, full: Full::Wait };
        working.spool.resend(&which, pace, |done| {
            working.resending.send_if_modified(|told| {
                let is_news = *told != Some(*done);
                *told = Some(*done);
                is_news
            });
            !(working.stop_resending.load(Ordering::Acquire) || *working.stopping.borrow())
        })
    };
    #[expect(clippy::disallowed_methods, reason = "the engine spawns; the disk and the pace block")]
    let ended = tokio::task::spawn_blocking(resend).await;
    shared.resending.send_replace(None);
    ended.map_err(|error| format!("resending failed: {error}"))?.map_err(|error| chain(&error))
}
