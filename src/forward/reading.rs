//! Reading on in the spool: the next events while there is room in memory, and what was held back of lanes that ran dry.
//!
//! Where few keys fill the memory and none of their events can go now (a shard that pushes back, a put that is never
//! answered), they are cut short and the reading goes on past them: nobody waits for another key.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use super::Forwarder;
use crate::{
    clock::now_ms,
    delivery::{AwsError, EventId},
    spool::{Next, ReadError, Settlement, Spool},
};

/// Events in memory; the rest of a backlog stays on disk. Where they share records there are more: so many users' events fill
/// the records of all buckets.
const WINDOW_EVENTS: usize = 20_000;
const WINDOW_EVENTS_TOGETHER: usize = 60_000;
const WINDOW_BYTES: usize = 32 << 20;

/// Events read at a time.
const PAGE_EVENTS: usize = 4_000;

/// The pause after the spool could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

type Reading = Pin<Box<dyn Future<Output = Result<Next, ReadError>> + Send>>;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// What was never in memory.
    News,
    /// What was held back after this place.
    HeldBack(EventId),
    /// Nothing: a pause after a failure.
    Pause,
}

/// What was read.
pub(super) struct Page {
    wanted: Wanted,
    next: Result<Next, ReadError>,
}

/// Where the reading stands.
pub(super) struct Reader {
    reading: Option<(Wanted, Reading)>,
    /// Read up to here.
    cursor: EventId,
    /// Why the next events cannot be read from disk, where they cannot.
    unreadable: Option<AwsError>,
    /// Damaged ones among those that were held back. They are given up when nothing is in memory: of some, the bytes may
    /// have been read before the damage.
    damaged: Vec<EventId>,
}

impl Reader {
    /// Begins after what had been settled when the spool was opened.
    pub(super) fn new(spool: &Spool) -> Self {
        let cursor = spool.settled_through();
        Self { reading: None, cursor, unreadable: None, damaged: Vec::new() }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    pub(super) fn unreadable(&self) -> Option<&AwsError> {
        self.unreadable.as_ref()
    }

    /// Waits for the page that is being read; for ever while none is.
    pub(super) async fn page(&mut self) -> Page {
        let Some((wanted, reading)) = &mut self.reading else { return std::future::pending().await };
        let page = Page { wanted: *wanted, next: reading.await };
        self.reading = None;
        page
    }
}

impl Forwarder {
    /// Reads the next page while there is room.
    pub(super) fn read_on(&mut self) {
        let newest = self.summary.borrow_and_update().newest;
        if self.reader.is_reading() || self.stopping {
            return;
        }
        let dry_from = self.lanes.dry_from();
        let has_news = newest > self.reader.cursor;
        if dry_from.is_none() && !has_news {
            return;
        }
        if !self.has_room() && self.is_idle() {
            self.lanes.shed(self.window_events() / 2, WINDOW_BYTES / 2);
        }
        if !self.has_room() {
            return;
        }
        let (wanted, after) = match dry_from {
            Some(begins) => (Wanted::HeldBack(begins - 1), begins - 1),
            None => (Wanted::News, self.reader.cursor),
        };
        let bytes = WINDOW_BYTES - self.lanes.bytes();
        let spool = self.spool.clone();
        let reading = Box::pin(async move { spool.next(after, PAGE_EVENTS, bytes).await });
        self.reader.reading = Some((wanted, reading));
    }

    fn has_room(&self) -> bool {
        self.lanes.events() + PAGE_EVENTS <= self.window_events() && self.lanes.bytes() < WINDOW_BYTES
    }

    fn window_events(&self) -> usize {
        if self.aggregates() { WINDOW_EVENTS_TOGETHER } else { WINDOW_EVENTS }
    }

    /// More puts may be in flight, and nothing in memory may go now.
    fn is_idle(&self) -> bool {
        !self.lanes.has_ready()
            && self.puts.len() < self.weather.puts_max(Instant::now(), self.in_flight.limit())
            && self.setup.config.destination.enabled
    }

    pub(super) async fn take_page(&mut self, page: Page) {
        match (page.wanted, page.next) {
            (Wanted::News, Ok(next)) => {
                if next.through > self.reader.cursor {
                    self.reader.unreadable = None;
                }
                self.reader.cursor = next.through.max(self.reader.cursor);
                let ordered = self.setup.config.destination.ordered;
                for event in next.events {
                    self.lanes.push(event, ordered);
                }
                self.give_up(&next.damaged).await;
            }
            (Wanted::HeldBack(after), Ok(next)) => {
                self.reader.unreadable = None;
                self.lanes.refill(next.events, (after, next.through), self.reader.cursor);
                self.reader.damaged.extend(next.damaged);
            }
            (Wanted::Pause, _) => {}
            (Wanted::News | Wanted::HeldBack(_), Err(error)) => {
                if self.reader.unreadable.is_none() {
                    tracing::error!("{error}; tried again every second");
                }
                self.reader.unreadable = Some(AwsError::new("SpoolUnreadable", error.to_string()));
                let pause = Box::pin(async {
                    tokio::time::sleep(READ_AGAIN_AFTER).await;
                    Ok(Next::default())
                });
                self.reader.reading = Some((Wanted::Pause, pause));
            }
        }
        self.give_up_held_back().await;
    }

    /// Gives up what was found damaged among the events that were held back, once nothing is in memory.
    pub(super) async fn give_up_held_back(&mut self) {
        if self.lanes.is_empty() {
            let damaged = std::mem::take(&mut self.reader.damaged);
            self.give_up(&damaged).await;
        }
    }

    /// What the disk no longer gives cannot be put: the log says so, and the others go on.
    async fn give_up(&mut self, damaged: &[EventId]) {
        if damaged.is_empty() {
            return;
        }
        tracing::error!("{} events are damaged on disk; see `tributary log --state failed`", damaged.len());
        let settlements = damaged.iter().map(|id| Settlement {
            id: *id,
            bytes: 0,
            at: now_ms(),
            attempts: 0,
            took_ms: 0,
            encoding: self.setup.config.destination.encoding,
            result: Err(AwsError::new("DamagedPayload", "the event's bytes are missing from the spool file")),
        });
        self.spool.settle(settlements.collect()).await;
    }
}
