//! Reads the spool: the next events while memory has room, and the events on disk of lanes that have none left in memory.
//!
//! Where a few keys fill the memory and none of their events can be put now (a shard that throttles, a put without an
//! answer), the ends of their lanes are dropped from memory, and reading goes on past them: no key waits for another one.

use std::{future::Future, pin::Pin, time::Duration};

use super::lanes::{self, Lanes};
use crate::{
    delivery::{AwsError, EventId, error_code},
    spool::{Next, ReadError, Spool},
};

/// Maximum JSON in memory, besides one page. The rest of a backlog stays on disk.
const WINDOW_BYTES: usize = 32 << 20;

/// Events read at a time.
const PAGE_EVENTS: usize = 4_000;

/// The pause after the spool could not be read.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

type Reading = Pin<Box<dyn Future<Output = Result<Next, ReadError>> + Send>>;

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Events after the cursor.
    NewEvents,
    /// Events of lanes that have none left in memory, after this event.
    Refill(EventId),
    /// Nothing: a pause after a failure.
    Pause,
}

/// What was read.
pub(super) struct ReadResult {
    wanted: Wanted,
    next: Result<Next, ReadError>,
}

/// What limits reading now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Maximum events in memory.
    pub(super) events_max: usize,
    /// More puts may be in flight, and no event in memory may be put now.
    pub(super) is_idle: bool,
}

/// Reads one page at a time.
pub(super) struct Reader {
    spool: Spool,
    reading: Option<(Wanted, Reading)>,
    /// The last event that was read.
    cursor: EventId,
    /// Why the spool cannot be read.
    unreadable: Option<AwsError>,
    /// Damaged events of refilled lanes. They are given up when nothing is in memory: some of them may have been read
    /// before the damage.
    damaged: Vec<EventId>,
}

impl Reader {
    /// Begins after the events that were settled when the spool was opened.
    pub(super) fn new(spool: Spool) -> Self {
        let cursor = spool.settled_through();
        Self { spool, reading: None, cursor, unreadable: None, damaged: Vec::new() }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    pub(super) fn unreadable(&self) -> Option<&AwsError> {
        self.unreadable.as_ref()
    }

    /// Starts to read the next page if one is needed and memory has room. `newest` is the last event of the spool.
    pub(super) fn read_on(&mut self, lanes: &mut Lanes, newest: EventId, window: Window) {
        let refill_from = lanes.refill_from();
        if self.is_reading() || (refill_from.is_none() && newest <= self.cursor) {
            return;
        }
        let has_room =
            |lanes: &Lanes| lanes.events() + PAGE_EVENTS <= window.events_max && lanes.bytes() < WINDOW_BYTES;
        if !has_room(lanes) && window.is_idle {
            lanes.trim_long_lanes(window.events_max / 2, WINDOW_BYTES / 2);
        }
        if !has_room(lanes) {
            return;
        }
        let (wanted, after) = match refill_from {
            Some(from) => (Wanted::Refill(from - 1), from - 1),
            None => (Wanted::NewEvents, self.cursor),
        };
        let bytes = WINDOW_BYTES - lanes.bytes();
        let spool = self.spool.clone();
        let reading = Box::pin(async move { spool.next(after, PAGE_EVENTS, bytes).await });
        self.reading = Some((wanted, reading));
    }

    /// Waits for the page that is being read; for ever if none is.
    pub(super) async fn page(&mut self) -> ReadResult {
        let Some((wanted, reading)) = &mut self.reading else { return std::future::pending().await };
        let result = ReadResult { wanted: *wanted, next: reading.await };
        self.reading = None;
        result
    }

    /// Gives the lanes what was read. Returns new events that are damaged, to be given up.
    pub(super) fn take(&mut self, read: ReadResult, lanes: &mut Lanes, ordered: bool) -> Vec<EventId> {
        match (read.wanted, read.next) {
            (Wanted::NewEvents, Ok(next)) => {
                if next.through > self.cursor {
                    self.unreadable = None;
                }
                self.cursor = next.through.max(self.cursor);
                for event in next.events {
                    lanes.push(event, ordered);
                }
                return next.damaged;
            }
            (Wanted::Refill(after), Ok(Next { events, damaged, through })) => {
                self.unreadable = None;
                lanes.refill(lanes::Page { events, after, through }, self.cursor);
                self.damaged.extend(damaged);
            }
            (Wanted::Pause, _) => {}
            (Wanted::NewEvents | Wanted::Refill(_), Err(error)) => {
                if self.unreadable.is_none() {
                    tracing::error!("{error}; tried again every second");
                }
                self.unreadable = Some(AwsError::new(error_code::SPOOL_UNREADABLE, error.to_string()));
                let pause = Box::pin(async {
                    tokio::time::sleep(RETRY_PAUSE).await;
                    Ok(Next::default())
                });
                self.reading = Some((Wanted::Pause, pause));
            }
        }
        Vec::new()
    }

    /// The damaged events of refilled lanes, to be given up now.
    pub(super) fn take_damaged(&mut self, lanes: &Lanes) -> Vec<EventId> {
        if lanes.is_empty() { std::mem::take(&mut self.damaged) } else { Vec::new() }
    }
}
