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
        spool.adopt(&dir, (leave_damaged, Full::Wait), |done| {
            run.report(Some(*done));
            !run.is_stopped()
        })
    };
    Ok(shared.tasks.blocking(work).await??)
}
