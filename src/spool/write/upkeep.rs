//! The writer's work on the tables between commits: advances [`Totals::settled_through`], and prunes the log.

use rusqlite::{Connection, OptionalExtension, params};

use super::{payload_writer::CHUNK_EVENTS_MAX, table_state::TableState};
use crate::{
    delivery::{EventId, Millis},
    spool::{
        error::Error,
        limits::Limits,
        location::{Container, PayloadLocation},
        payload::PayloadReader,
        segments::{Ended, Segments},
        totals::Totals,
    },
};

/// Maximum lines pruned in one pass, so that no commit waits long.
const LINES_MAX: i64 = 20_000;
/// The same limit for rejected lines above `log.keep_rejected`, which are looked up one by one.
const REJECTED_MAX: usize = 5_000;
/// The same limit if the disk has no room and lines below `log.keep_events` are pruned, once a second.
const LINES_FOR_ROOM_MAX: u64 = 5_000;

/// Moves [`Totals::settled_through`] forward. Each settled event is passed once, so this costs the same however long
/// the history is. Lines are mostly settled in order, and to walk over them costs a quarter of a lookup for each.
/// Returns when the oldest queued event was received.
pub(super) fn advance_settled_through(
    connection: &Connection,
    totals: &mut Totals,
) -> rusqlite::Result<Option<Millis>> {
    let mut statement = connection.prepare_cached("SELECT id FROM settled WHERE id > ?1 ORDER BY id")?;
    let mut rows = statement.query([totals.settled_through])?;
    while let Some(row) = rows.next()?
        && row.get::<_, EventId>(0)? == totals.settled_through + 1
    {
        totals.settled_through += 1;
    }
    // The next line is queued, or was pruned.
    let mut statement = connection.prepare_cached(
        "SELECT id, received_at FROM event WHERE id > ?1
           AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id) ORDER BY id LIMIT 1",
    )?;
    let queued: Option<(EventId, Millis)> =
        statement.query_row([totals.settled_through], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    totals.settled_through = queued.map_or(totals.newest, |(id, _)| id - 1);
    Ok(queued.map(|(_, received_at)| received_at))
}

/// One pass of pruning.
pub(super) struct Pruning<'w> {
    pub(super) connection: &'w Connection,
    pub(super) state: &'w mut TableState,
    pub(super) limits: &'w Limits,
    /// The disk is full, and pruning would help.
    pub(super) wants_room: bool,
}

impl Pruning<'_> {
    /// Prunes lines above the limits; `true`: there are more.
    pub(super) fn run(mut self) -> Result<bool, Error> {
        let more_rejected = self.prune_rejected()?;
        let Some(last) = self.last_to_prune()? else { return Ok(more_rejected) };
        let from = self.state.totals.pruned_through;
        for rows in [
            "DELETE FROM event WHERE id > ?1 AND id <= ?2
               AND id IN (SELECT id FROM settled WHERE id > ?1 AND id <= ?2 AND state <> 3)",
            "DELETE FROM attempt WHERE event > ?1 AND event <= ?2
               AND NOT EXISTS (SELECT 1 FROM event WHERE event.id = attempt.event)",
        ] {
            self.connection.prepare_cached(rows)?.execute([from, last])?;
        }
        // Only chunks that may reach into the pruned lines.
        self.connection
            .prepare_cached(
                "DELETE FROM chunk WHERE id > ?1 - ?3 AND id <= ?2 AND last > ?1 AND last <= ?2
                   AND NOT EXISTS (SELECT 1 FROM event WHERE event.id BETWEEN chunk.id AND chunk.last)",
            )?
            .execute([from, last, CHUNK_EVENTS_MAX])?;
        let pruned = self
            .connection
            .prepare_cached("DELETE FROM settled WHERE id > ?1 AND id <= ?2 AND state <> 3")?
            .execute([from, last])?;
        for segment in Segments::ended(self.connection, last, self.state.totals.newest)? {
            move_payloads(self.connection, &segment)?;
            self.state.segments.let_go(self.connection, segment.number)?;
        }
        let totals = &mut self.state.totals;
        totals.kept = totals.kept.saturating_sub(pruned as u64);
        totals.pruned_through = last;
        self.state.rejected.removed_through(last);
        // If the disk wants room, it is asked again before the next pass.
        Ok(more_rejected || (self.other_lines() > self.limits.keep_events && !self.wants_room))
    }

    /// Delivered and resent lines.
    fn other_lines(&self) -> u64 {
        self.state.totals.kept.saturating_sub(self.state.rejected.count())
    }

    /// The last line of this pass; `None`: nothing to prune.
    fn last_to_prune(&self) -> rusqlite::Result<Option<EventId>> {
        let keep = self.limits.keep_events;
        let slack = (keep / 100).clamp(1, 10_000);
        let kept = self.state.totals.kept;
        // Rejected lines count only if the disk wants room: else they would push delivered lines out.
        let (excess, find) = if self.wants_room && self.state.can_make_room() {
            // A few at a time: the disk is asked what they gave before more are pruned.
            let wanted = kept.min(LINES_FOR_ROOM_MAX).max(kept.saturating_sub(keep));
            (wanted, "SELECT id FROM settled WHERE id > ?1 AND state <> 3 ORDER BY id LIMIT 1 OFFSET ?2")
        } else if self.other_lines() < keep + slack {
            return Ok(None);
        } else {
            let find =
                "SELECT id FROM settled WHERE id > ?1 AND state NOT IN (3, 4) ORDER BY id LIMIT 1 OFFSET ?2";
            (self.other_lines() - keep, find)
        };
        let excess = i64::try_from(excess).unwrap_or(i64::MAX).min(LINES_MAX);
        let mut statement = self.connection.prepare_cached(find)?;
        let from = self.state.totals.pruned_through;
        statement.query_row([from, excess - 1], |row| row.get(0)).optional()
    }

    /// Prunes rejected lines above `log.keep_rejected` one by one, wherever they are; `true`: there are more. Rejected
    /// lines between pruned delivered lines are pruned with those.
    fn prune_rejected(&mut self) -> rusqlite::Result<bool> {
        let keep = self.limits.keep_rejected;
        let slack = (keep / 100).clamp(1, 10_000);
        if self.state.rejected.count() < keep + slack {
            return Ok(false);
        }
        let mut chunks = Vec::new();
        for line in self.state.rejected.remove_oldest(keep, REJECTED_MAX) {
            let container: Option<Container> = self
                .connection
                .prepare_cached("DELETE FROM event WHERE id = ?1 RETURNING chunk")?
                .query_row([line], |row| row.get(0))
                .optional()?;
            let settled = "DELETE FROM settled WHERE id = ?1 AND state = 4";
            let removed = self.connection.prepare_cached(settled)?.execute([line])?;
            self.state.totals.kept = self.state.totals.kept.saturating_sub(removed as u64);
            // A segment is removed as a whole, with its other lines.
            if let Some(Container::Chunk(id)) = container
                && chunks.last() != Some(&id)
            {
                chunks.push(id);
            }
        }
        for chunk in chunks {
            self.connection
                .prepare_cached(
                    "DELETE FROM chunk WHERE id = ?1
                       AND NOT EXISTS (SELECT 1 FROM event WHERE event.id BETWEEN chunk.id AND chunk.last)",
                )?
                .execute([chunk])?;
        }
        Ok(self.state.rejected.count() > keep)
    }
}

/// Moves the payloads that lines still point to out of a segment, into chunks. A payload that cannot be read stays: its
/// event is damaged, and remains so.
fn move_payloads(connection: &Connection, segment: &Ended) -> Result<(), Error> {
    let mut select = connection.prepare_cached(
        "SELECT id, chunk, start, length FROM event WHERE id BETWEEN ?1 AND ?2 AND chunk = ?3",
    )?;
    let container = Container::Segment(segment.number);
    let rest: Vec<(EventId, PayloadLocation)> = select
        .query_map(params![segment.first, segment.last, container], |row| {
            Ok((row.get(0)?, PayloadLocation::of_row(row, 1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut payloads = PayloadReader::new(connection);
    for (id, location) in rest {
        let Ok(payload) = payloads.read(location)? else { continue };
        connection
            .prepare_cached("INSERT INTO chunk (id, last, body) VALUES (?1, ?1, ?2)")?
            .execute(params![id, payload])?;
        connection
            .prepare_cached("UPDATE event SET chunk = ?2, start = 0 WHERE id = ?1")?
            .execute(params![id, Container::Chunk(id)])?;
    }
    Ok(())
}
