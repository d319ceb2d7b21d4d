//! Pages of the delivery log. SQLite compares columns; a search term, which may be in a payload, is searched for here.
//!
//! A page looks at no more than [`LINES_MAX`](range::LINES_MAX) lines and then says where it stopped, so that the
//! caller can show what was found, show the progress, or give up. Rare states (failed, rejected, resent) have an index
//! of their own.

pub(super) mod counts;
mod range;
mod sql;
mod sums;
mod terms;
mod top;
pub(super) mod values;

use rusqlite::{Connection, OptionalExtension, params_from_iter};

use super::{error::Error, line::LineRow, totals::Totals};
use crate::delivery::{EventId, LogPage, Millis, Query, State};
use range::LineRange;
use sql::Statement;
use terms::SearchTerms;
use top::Top;

/// How many lines a page looks at before it asks whether its answer is still wanted.
const ASK_EVERY: u32 = 512;

/// The lines that match `query`; `go_on` is asked now and then, and `false` ends the search early.
pub(super) fn page(
    connection: &Connection,
    query: &Query,
    go_on: &dyn Fn() -> bool,
) -> Result<LogPage, Error> {
    let snapshot = connection.unchecked_transaction()?;
    let totals = Totals::read(&snapshot)?;
    let oldest = oldest(&snapshot)?;
    let mut page = LogPage { total: total(query, &totals), ..LogPage::default() };
    let Some(oldest) = oldest else { return Ok(page) };
    let range = LineRange::new(&snapshot, query, &totals, oldest)?;
    page.reaches_to = range.reaches_to;
    let statement = Statement::new(&snapshot, query, &range)?;
    let mut prepared = snapshot.prepare_cached(&statement.sql)?;
    let mut rows = prepared.query(params_from_iter(statement.values))?;
    let mut terms = SearchTerms::new(query, &snapshot);
    let mut top = query.by.map(|by| Top::new(by, query.limit));
    let mut asked = 0;
    while let Some(row) = rows.next()? {
        let row = LineRow(row);
        asked += 1;
        if asked % ASK_EVERY == 0 && !go_on() {
            page.stopped_at = Some(row.id()?);
            return Ok(page);
        }
        if top.as_ref().is_some_and(|top| !top.wants(&row)) || !terms.match_line(&row)? {
            continue;
        }
        let line = row.delivery(terms.last_attempt(&row)?)?;
        match &mut top {
            Some(top) => top.add(line),
            None => page.rows.push(line),
        }
        if page.rows.len() >= query.limit && top.is_none() {
            return Ok(page);
        }
    }
    if let Some(top) = top {
        top.merge_into(&mut page.rows);
    }
    if let Some(stop) = range.stop {
        page.stopped_at = Some(stop);
        page.reached = received_at(&snapshot, stop)?;
    }
    Ok(page)
}

/// How many lines match, if the totals tell.
fn total(query: &Query, totals: &Totals) -> Option<u64> {
    if query.is_all() {
        return Some(totals.lines());
    }
    let only_failed =
        Query { states: Vec::new(), ..query.clone() }.is_all() && query.states == [State::Failed];
    only_failed.then_some(totals.failed)
}

fn oldest(connection: &Connection) -> rusqlite::Result<Option<EventId>> {
    connection.prepare_cached("SELECT min(id) FROM event")?.query_row([], |row| row.get(0))
}

fn received_at(connection: &Connection, id: EventId) -> rusqlite::Result<Option<Millis>> {
    let mut statement = connection.prepare_cached("SELECT received_at FROM event WHERE id = ?1")?;
    statement.query_row([id], |row| row.get(0)).optional()
}
