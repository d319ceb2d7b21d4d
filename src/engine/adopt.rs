//! Adopting another data folder for the command line: one at a time, on a thread of its own, until it is done or stopped.

use std::{path::PathBuf, sync::Arc};

use super::{message::Failure, shared::Shared};
use crate::{
    delivery::{Adopting, Taken},
    spool::Full,
};

/// The error for a second adoption while one is running.
const BUSY: &str = "another data folder is being adopted already; wait for that to end";

/// Takes the waiting and failed events of the data folder `dir`.
pub(super) async fn run(shared: &Arc<Shared>, dir: PathBuf, leave_damaged: bool) -> Result<Taken, Failure> {
    let run = shared.adoption.try_start().ok_or_else(|| Failure::Other(BUSY.to_owned()))?;
    run.report(Some(Adopting::Checking(0)));
    let spool = shared.spool.clone();
    let work = move || {
        let taken = spool.adopt(&dir, (leave_damaged, Full::Wait), |done| {
            run.report(Some(*done));
            !run.is_stopped()
        });
        let dir = dir.display();
        match &taken {
            Ok(Taken { queued: 0, failed: 0, .. }) => tracing::info!("there was nothing to adopt in {dir}"),
            Ok(Taken { queued, failed, damaged, .. }) => tracing::info!(
                "adopted the events of {dir}: {queued} waiting, {failed} failed; {damaged} damaged ones stay there"
            ),
            Err(error) => tracing::warn!("the events of {dir} were not adopted, or not all of them: {error}"),
        }
        taken
    };
    Ok(shared.tasks.blocking(work).await??)
}
