//! Adds the waiting and failed events of another spool, as new lines at the end. Events, sums, and the note how far the
//! other spool is taken, change in one transaction: after a crash a batch was taken or was not.
//!
//! They count as accepted here, and as queued or failed. Their sources have them in their shares, which a batch may
//! exceed: the events were accepted before, and the share only limits what comes.

use super::transaction::Transaction;
use crate::spool::{
    adoption::{self, Batch},
    command::Adopt,
    error::Error,
};

/// Adds the batch, unless `spool.max_bytes` leaves no room for it.
pub(super) fn adopt(transaction: &mut Transaction<'_>, request: &Adopt) -> Result<(), Error> {
    let bytes = request.bytes();
    let max = transaction.limits().max_bytes;
    if transaction.totals().queued_bytes + bytes > max {
        transaction.note_adopted(None);
        return Ok(());
    }
    let first = transaction.totals().newest + 1;
    for line in &*request.lines {
        transaction.add_adopted(line)?;
    }
    let failed = request.lines.iter().filter(|line| line.failure.is_some()).count() as u64;
    let queued = request.lines.len() as u64 - failed;
    let Adopt { at, after, through, .. } = *request;
    let batch = Batch { at, after, through, first, queued, failed, bytes };
    adoption::note_batch(transaction.connection(), &request.spool, &request.path, &batch)?;
    transaction.note_adopted(Some(first));
    Ok(())
}
