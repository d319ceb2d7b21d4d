//! Counts by the numbers of the lines: between two numbers there are as many lines as the difference says, except for
//! lines that were pruned. Lines in rare states and queued lines are looked up; the rest is delivered.

use rusqlite::Connection;

use super::range::{LineRange, first_at};
use crate::{
    delivery::{EventId, Query, State, StateCounts, TimeFrame},
    spool::{columns::state_of, totals::Totals},
};

/// Maximum lines in rare states, and queued lines, to look up.
const LOOKED_UP_MAX: usize = 200_000;
/// Maximum lines to walk over for the queued ones among them.
const WALKED_MAX: EventId = 500_000;

/// Whether numbers can answer the query: it filters by nothing but state and time.
pub(super) fn can_tell(query: &Query) -> bool {
    let without = Query { states: Vec::new(), since: None, until: None, ..query.clone() };
    without.is_all() && query.before.is_none() && query.after.is_none()
}

/// The lines in each interval. `None`: too many would have to be looked up, or lines are missing between others, as after
/// very many rejected ones; the lines themselves have to be counted then.
pub(super) fn intervals(
    connection: &Connection,
    query: &Query,
    range: &LineRange,
    (totals, frame): (&Totals, TimeFrame),
) -> rusqlite::Result<Option<Vec<StateCounts>>> {
    let Some(exceptions) = exceptions(connection, totals)? else { return Ok(None) };
    let pruned = totals.pruned_through;
    let kept = exceptions.iter().filter(|(id, _)| *id <= pruned).count() as u64;
    let newer = u64::try_from(totals.newest - pruned).unwrap_or(0);
    if newer + kept != totals.lines() {
        return Ok(None);
    }
    // The range of a query by time reaches further, because the clock may have been set back.
    let whole = (range.reaches_to - 1, totals.newest + 1);
    let bound = |moment: Option<i64>, open| match moment {
        Some(moment) => first_at(connection, whole, moment),
        None => Ok(open),
    };
    let (first, end) = (bound(query.since, whole.0 + 1)?, bound(query.until, whole.1)?);
    let mut bounds = Vec::with_capacity(frame.len + 1);
    bounds.push(first);
    for index in 1..frame.len {
        let after = *bounds.last().unwrap_or(&first);
        bounds.push(first_at(connection, (after - 1, end), frame.start_of(index))?);
    }
    bounds.push(end);
    let mut counts = vec![StateCounts::default(); frame.len];
    for (interval, bounds) in counts.iter_mut().zip(bounds.windows(2)) {
        let lines = bounds[1] - bounds[0].max(pruned + 1);
        interval.add(State::Delivered, u64::try_from(lines).unwrap_or(0));
    }
    for (id, state) in exceptions.into_iter().filter(|(id, _)| (first..end).contains(id)) {
        let index = bounds.partition_point(|bound| *bound <= id).saturating_sub(1);
        let Some(interval) = counts.get_mut(index) else { continue };
        if id > pruned {
            interval.take(State::Delivered);
        }
        interval.add(state, 1);
    }
    for interval in &mut counts {
        interval.retain(&query.states);
    }
    Ok(Some(counts))
}

/// All lines that are not delivered; `None` if they are too many.
fn exceptions(connection: &Connection, totals: &Totals) -> rusqlite::Result<Option<Vec<(EventId, State)>>> {
    if totals.ledger().queued > LOOKED_UP_MAX as u64 || totals.newest - totals.settled_through > WALKED_MAX {
        return Ok(None);
    }
    let limit = i64::try_from(LOOKED_UP_MAX + 1).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    let mut rare = connection
        .prepare_cached("SELECT id, state FROM settled INDEXED BY settled_rare WHERE state <> 2 LIMIT ?1")?;
    let mut rows = rare.query([limit])?;
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, state_of(row.get(1)?)));
    }
    if found.len() > LOOKED_UP_MAX {
        return Ok(None);
    }
    let mut queued = connection.prepare_cached(
        "SELECT id, EXISTS (SELECT 1 FROM attempt WHERE attempt.event = event.id) FROM event
         WHERE id > ?1 AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id)",
    )?;
    let mut rows = queued.query([totals.settled_through])?;
    while let Some(row) = rows.next()? {
        found.push((row.get(0)?, if row.get(1)? { State::Retrying } else { State::Queued }));
    }
    Ok(Some(found))
}
