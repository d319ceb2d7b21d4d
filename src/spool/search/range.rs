//! Which lines one page looks at.

use rusqlite::{Connection, OptionalExtension};

use crate::{
    delivery::{EventId, Millis, Query, State},
    spool::totals::Totals,
};

/// Maximum lines that one page of a search looks at.
pub(super) const LINES_MAX: i64 = if cfg!(test) { 5_000 } else { 50_000 };

/// Lines are received nearly in the order of their places. A search by time still finds lines after the clock was set
/// back by less than this.
const CLOCK_SLACK: Millis = 3_600_000;

/// The lines between `low` and `high`, both excluded.
pub(super) struct LineRange {
    pub(super) low: EventId,
    pub(super) high: EventId,
    /// The oldest line that any page of the query looks at.
    pub(super) reaches_to: EventId,
    /// The last line of this page, if there are more beyond it.
    pub(super) stop: Option<EventId>,
    /// Only lines of rare states are wanted.
    pub(super) is_rare: bool,
}

impl LineRange {
    /// `oldest`: the oldest line of the log.
    pub(super) fn new(
        connection: &Connection,
        query: &Query,
        totals: &Totals,
        oldest: EventId,
    ) -> rusqlite::Result<Self> {
        let only = |wanted: fn(&State) -> bool| !query.states.is_empty() && query.states.iter().all(wanted);
        let only_queued = only(|state| matches!(state, State::Queued | State::Retrying));
        let floor = if only_queued { totals.settled_through } else { 0 };
        let mut low = query.after.unwrap_or(0).max(floor).max(oldest - 1);
        let mut high = query.before.unwrap_or(i64::MAX).min(totals.newest + 1);
        if let Some(since) = query.since {
            low = low.max(first_at(connection, (low, high), since.saturating_sub(CLOCK_SLACK))? - 1);
        }
        if let Some(until) = query.until {
            high = high.min(first_at(connection, (low, high), until.saturating_add(CLOCK_SLACK))?);
        }
        let is_rare = only(|state| matches!(state, State::Failed | State::Resent | State::Rejected));
        let mut range = Self { low, high, reaches_to: low + 1, stop: None, is_rare };
        // A query that every line matches ends at its limit, and lines that are named are few.
        if query.ids.is_empty() && (!query.is_all() || query.by.is_some()) {
            range.shorten(connection, query.oldest_first && query.by.is_none())?;
        }
        Ok(range)
    }

    /// Shortens the range to [`LINES_MAX`] lines.
    pub(super) fn shorten(&mut self, connection: &Connection, upwards: bool) -> rusqlite::Result<()> {
        let order = if upwards { "ASC" } else { "DESC" };
        let table = if self.is_rare { "settled" } else { "event" };
        let rare = if self.is_rare { "AND state <> 2" } else { "" };
        let sql = format!(
            "SELECT id FROM {table} WHERE id > ?1 AND id < ?2 {rare} ORDER BY id {order} LIMIT 1 OFFSET ?3"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let last: Option<EventId> =
            statement.query_row([self.low, self.high, LINES_MAX - 1], |row| row.get(0)).optional()?;
        match last {
            Some(last) if upwards => self.high = last + 1,
            Some(last) => self.low = last - 1,
            None => {}
        }
        self.stop = last;
        Ok(())
    }
}

/// The first line between two that was received at or after `moment`, by binary search.
pub(super) fn first_at(
    connection: &Connection,
    (low, high): (EventId, EventId),
    moment: Millis,
) -> rusqlite::Result<EventId> {
    let mut statement = connection
        .prepare_cached("SELECT id, received_at FROM event WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1")?;
    let (mut from, mut to) = (low + 1, high);
    while from < to {
        let middle = from + (to - from) / 2;
        let line: Option<(EventId, Millis)> =
            statement.query_row([middle, to], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match line {
            Some((id, at)) if at < moment => from = id + 1,
            Some(_) | None => to = middle,
        }
    }
    Ok(from)
}
