//! Counts of what a query finds, by state, over time.
//!
//! Without a filter, or with filters by state and time, the numbers of the lines tell how many there are between two
//! moments (`sums`), however long the log is. Any other count looks at the lines, at no more of them than a page of a
//! search, and then says where it stopped.

use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::{ASK_EVERY, range::LineRange, received_at, sql::Statement, sums, terms::SearchTerms};
use crate::{
    delivery::{CountRequest, Counts, EventId, Millis, Query, State, TimeFrame},
    spool::{error::Error, line::LineRow, totals::Totals},
};

/// The minimum time that is shown, if the query does not say where it begins.
const SPAN_MIN: Millis = 30_000;

/// Counts; `go_on` is asked now and then, and `false` ends the part early.
pub(in crate::spool) fn of(
    connection: &Connection,
    request: &CountRequest,
    go_on: &dyn Fn() -> bool,
) -> Result<Counts, Error> {
    let snapshot = connection.unchecked_transaction()?;
    let totals = Totals::read(&snapshot)?;
    let query = &Query { by: None, oldest_first: false, ..request.query.clone() };
    let Some(oldest) = super::oldest(&snapshot)? else { return Ok(Counts::default()) };
    let mut range = LineRange::new(&snapshot, query, &totals, oldest)?;
    let frame = match request.frame {
        Some(frame) => frame,
        None => frame(&snapshot, request, &range)?,
    };
    let empty = Counts::empty(frame, totals.lines());
    if sums::can_tell(query)
        && let Some(intervals) = sums::intervals(&snapshot, query, &range, (&totals, frame))?
    {
        let searched = totals.lines();
        return Ok(Counts { intervals, searched, ..empty });
    }
    if query.is_all() {
        range.shorten(&snapshot, false)?;
    }
    scan(&snapshot, query, &range, (empty, go_on))
}

/// Looks at the lines of the range.
fn scan(
    connection: &Connection,
    query: &Query,
    range: &LineRange,
    (mut counts, go_on): (Counts, &dyn Fn() -> bool),
) -> Result<Counts, Error> {
    let statement = Statement::new(connection, query, range)?;
    let mut prepared = connection.prepare_cached(&statement.sql)?;
    let mut rows = prepared.query(params_from_iter(statement.values))?;
    let mut terms = SearchTerms::new(query, connection);
    let mut asked = 0;
    counts.stopped_at = range.stop;
    while let Some(row) = rows.next()? {
        let row = LineRow(row);
        asked += 1;
        if asked % ASK_EVERY == 0 && !go_on() {
            // This line is not counted yet.
            counts.stopped_at = Some(row.id()? + 1);
            break;
        }
        if terms.match_line(&row)? {
            let state = match row.settled_state()? {
                Some(state) => state,
                None if terms.last_attempt(&row)?.is_some() => State::Retrying,
                None => State::Queued,
            };
            counts.add(counts.frame.index_of(row.received_at()?), state, 1);
        }
    }
    let down_to = counts.stopped_at.unwrap_or(range.low + 1);
    counts.searched = u64::try_from(range.high - down_to).unwrap_or(0).min(counts.lines);
    if let Some(stop) = counts.stopped_at {
        counts.reached = received_at(connection, stop)?;
    }
    Ok(counts)
}

/// The intervals from the time range of the query; where that is open, from the first and the last line of the range.
fn frame(connection: &Connection, request: &CountRequest, range: &LineRange) -> rusqlite::Result<TimeFrame> {
    let time = |sql, id: EventId| -> rusqlite::Result<Option<Millis>> {
        connection.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()
    };
    let first = time("SELECT received_at FROM event WHERE id >= ?1 ORDER BY id LIMIT 1", range.reaches_to)?;
    let last = time("SELECT received_at FROM event WHERE id < ?1 ORDER BY id DESC LIMIT 1", range.high)?;
    let Query { since, until, .. } = request.query;
    let until = match (since, until) {
        (_, Some(until)) => until,
        (Some(_), None) => request.now,
        (None, None) => last.map_or(request.now, |last| last + 1),
    };
    // A log of a few seconds is shown with the time before it: a bar as wide as the window says nothing.
    let from = since.unwrap_or_else(|| first.unwrap_or(until).min(until - SPAN_MIN));
    Ok(TimeFrame::new((from, until.max(from + 1)), request.offset_ms, request.intervals_max))
}
