//! Setting the waiting events aside when the user changes the destination and does not want them in the new one.
//!
//! The forwarder is at rest meanwhile: what was in flight has come back, and nothing is put. Each event that waits is
//! settled as failed with a code that says so: it stays in the log, adds up in the ledger, and can be sent again later.

use crate::{
    clock::now_ms,
    delivery::{AwsError, EventId, SET_ASIDE},
    event::Encoding,
    spool::{AppendError, ReadError, Settlement, Spool},
};

const PAGE_EVENTS: usize = 4_000;
const PAGE_BYTES: usize = 32 << 20;

/// Sets aside every event that waits now; gives how many. What comes meanwhile waits on.
pub(super) async fn run(spool: &Spool, encoding: Encoding, message: &str) -> Result<u64, String> {
    // The forwarder's last settlements are on their way to the disk: what they are of does not wait.
    spool.flush().await.map_err(|error| unwritten(&error))?;
    let through = spool.watch().borrow().newest;
    let fault = AwsError::new(SET_ASIDE, message);
    let mut cursor: EventId = spool.settled_through();
    let mut count = 0;
    while cursor < through {
        let next = spool.next(cursor, PAGE_EVENTS, PAGE_BYTES).await.map_err(|error| unreadable(&error))?;
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
    // Until it is written, the next forwarder would read these events as waiting.
    spool.flush().await.map_err(|error| unwritten(&error))?;
    Ok(count)
}

fn unwritten(error: &AppendError) -> String {
    format!("it could not be written down that events were set aside: {error}")
}

fn unreadable(error: &ReadError) -> String {
    format!("the waiting events cannot be read: {error}")
}
