//! Lanes that are longer than memory allows: which events stay in memory, and how the others come back from disk. Pure.
//!
//! 1. If a lane has `on_disk_from = p`, its waiting events before `p` are in memory, and its events from `p` on are on disk
//!    only, as far as the spool was read (up to `cursor`).
//! 2. A lane is refilled when none of its events waits in memory. Reading starts at the lowest `p` of such lanes.
//! 3. A page has all waiting events after `after`, up to `through`, in order. A lane takes events from it only if `p` is
//!    within the page: otherwise events between `p` and the page would be missing.
//! 4. Each event that a lane takes moves `p` behind it. So no event is taken twice, and none that is in memory is taken.
//! 5. A lane takes at most [`REFILL_EVENTS`] events. Then `p` stays, and later events of the page stay on disk.
//! 6. At the end of the page, `p` of every other lane within it moves behind the page. If nothing after the page was ever in
//!    memory, the lane has no event left on disk.

use super::pool::LanePool;
use crate::{delivery::EventId, spool::QueuedEvent};

/// Maximum number of events of a lane that is refilled from disk.
const REFILL_EVENTS: usize = 1_000;

/// A page of waiting events: all after `after`, up to `through`, in order.
#[derive(Debug)]
pub struct Page {
    pub events: Vec<QueuedEvent>,
    pub after: EventId,
    pub through: EventId,
}

pub(super) fn trim_long_lanes(pool: &mut LanePool, events_max: usize, bytes_max: usize) {
    let mut share = events_max / pool.len().max(1);
    if share == 0 {
        // Many keys with few events each: hardly anything could be dropped.
        return;
    }
    loop {
        for id in 0..pool.lanes.len() {
            while pool.lanes[id].waiting.len() > share {
                pool.drop_last(id);
            }
        }
        if share == 1 || pool.bytes <= bytes_max {
            return;
        }
        share = share.div_ceil(2);
    }
}

pub(super) fn refill(pool: &mut LanePool, page: Page, cursor: EventId) {
    let Page { events, after, through } = page;
    for event in events.into_iter().take_while(|event| event.id <= cursor) {
        let Some(id) = pool.of_key(&event.key) else { continue };
        let lane = &pool.lanes[id];
        let is_next = lane.on_disk_from.is_some_and(|from| after < from && from <= event.id);
        if is_next && lane.waiting.len() < REFILL_EVENTS {
            pool.append_from_disk(id, event);
        }
    }
    let was_read = |from: EventId| from > after && (from <= through || through >= cursor);
    // Closing the last of many lanes removes all of them.
    for id in 0..pool.lanes.len() {
        let Some(lane) = pool.lanes.get(id) else { break };
        if !lane.on_disk_from.is_some_and(was_read) || lane.waiting.len() >= REFILL_EVENTS {
            continue;
        }
        pool.set_on_disk_from(id, (through < cursor).then_some(through + 1));
        let lane = &pool.lanes[id];
        if !lane.is_busy && lane.waiting.is_empty() && lane.on_disk_from.is_none() {
            pool.close(id);
        }
    }
}
