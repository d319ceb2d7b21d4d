//! Resending for the faces: one at a time, on a thread of its own, until it is done or stopped.

use std::{num::NonZeroU32, sync::Arc};

use super::{message::Failure, shared::Shared};
use crate::{
    delivery::{ResendSelection, Resent},
    spool::{self, Full, Pace},
};

/// The error for a second resend while one is running.
const BUSY: &str = "events are being resent already; wait for that to end, or stop it";

/// Counts what a resend would queue.
pub(super) async fn count(shared: &Arc<Shared>, selection: ResendSelection) -> Result<Resent, Failure> {
    let spool = shared.spool.clone();
    shared.tasks.blocking(move || Ok(spool::count(&spool.log()?, &selection)?)).await?
}

/// Resends, at most `per_sec` events per second.
pub(super) async fn run(
    shared: &Arc<Shared>,
    selection: ResendSelection,
    per_sec: Option<NonZeroU32>,
) -> Result<Resent, Failure> {
    let run = shared.resend.try_start().ok_or_else(|| Failure::Other(BUSY.to_owned()))?;
    run.report(Some(Resent::default()));
    let spool = shared.spool.clone();
    let work = move || {
        spool.resend(&selection, Pace { rate: per_sec, full: Full::Wait }, |done| {
            run.update(|shown| shown.replace(*done) != Some(*done));
            !run.is_stopped()
        })
    };
    Ok(shared.tasks.blocking(work).await??)
}
