//! Sets the queued events aside when the user changes the destination and does not want them in the new one.
//!
//! Meanwhile no forwarder runs: what was in flight has come back, and nothing is put. Each queued event is settled as
//! failed with a code that says so: it stays in the log, counts in the ledger, and can be resent later.

use crate::{
    clock::now_ms,
    delivery::{AwsError, EventId, error_code},
    event::Encoding,
    spool::{AppendError, ReadError, Settlement, Spool},
};

const PAGE_EVENTS: usize = 4_000;
const PAGE_BYTES: usize = 32 << 20;

/// Why not all events were set aside.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetAsideError {
    #[error("it could not be written to disk that events were set aside")]
    Write(#[from] AppendError),
    #[error("the queued events cannot be read")]
    Read(#[from] ReadError),
}

/// Sets aside every event that is queued now; returns their number. Events that arrive meanwhile stay queued.
pub(super) async fn run(spool: &Spool, encoding: Encoding, message: &str) -> Result<u64, SetAsideError> {
    // Write the forwarder's last settlements first: their events are not queued any more.
    spool.flush().await?;
    let through = spool.watch().borrow().newest;
    let fault = AwsError::new(error_code::SET_ASIDE, message);
    let mut cursor: EventId = spool.settled_through();
    let mut count = 0;
    while cursor < through {
        let next = spool.next(cursor, PAGE_EVENTS, PAGE_BYTES).await?;
        let damaged = next.damaged.iter().map(|id| (*id, 0, 0));
        let events = next.events.iter().map(|event| (event.id, event.json.len(), event.attempts));
        let settlements: Vec<Settlement> = events
            .chain(damaged)
            .filter(|(id, ..)| *id <= through)
            .map(|(id, bytes, attempts)| Settlement {
                id,
                bytes,
                at: now_ms(),
                attempts,
                took_ms: 0,
                encoding,
                result: Err(fault.clone()),
            })
            .collect();
        count += settlements.len() as u64;
        if !settlements.is_empty() {
            spool.settle(settlements).await;
        }
        if next.through <= cursor {
            break;
        }
        cursor = next.through;
    }
    // Wait for the write: before it, the next forwarder would read these events as queued.
    spool.flush().await?;
    Ok(count)
}
