//! Queues settled lines again. Each becomes a new line at the end, which names the line that it repeats and has a copy
//! of its payload. So the queue stays in the order of its lines, no earlier event of a key is overtaken, and both lines
//! are pruned on their own.
//!
//! A failed event moves: its old line becomes `resent`, so `failed` falls by one as `queued` rises by one. A delivered
//! event is accepted once more. Either way the rows and the sums change in one transaction.

use rusqlite::{OptionalExtension, Row, params};

use super::transaction::Transaction;
use crate::{
    delivery::{EventId, Millis},
    spool::{
        columns::{DELIVERED, FAILED, RESENT, StoredText},
        command::{Requeue, Requeued},
        error::Error,
        limits::is_within_share,
        line::NewLine,
        location::PayloadLocation,
        payload::PayloadReader,
        words,
    },
};

/// A settled line.
struct SettledLine {
    id: EventId,
    kind: Option<i64>,
    source: i64,
    key: String,
    key_shortened: bool,
    message_id: String,
    name: Option<String>,
    location: PayloadLocation,
    checksum: Option<i64>,
    state: i64,
}

impl SettledLine {
    const SELECT: &'static str =
        "SELECT event.id, kind, source, partition_key, key_shortened, message_id, name, chunk, start, length, sum, state
         FROM event JOIN settled ON settled.id = event.id WHERE event.id = ?1";

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            source: row.get(2)?,
            key: row.get::<_, StoredText>(3)?.0,
            key_shortened: row.get(4)?,
            message_id: row.get::<_, StoredText>(5)?.0,
            name: row.get::<_, Option<StoredText>>(6)?.map(|text| text.0),
            location: PayloadLocation::of_row(row, 7)?,
            checksum: row.get(10)?,
            state: row.get(11)?,
        })
    }

    fn has_failed(&self) -> bool {
        self.state == FAILED
    }

    fn copy(&self, received_at: Millis) -> NewLine<'_> {
        NewLine {
            received_at,
            source: self.source,
            kind: self.kind,
            key: &self.key,
            key_shortened: self.key_shortened,
            message_id: &self.message_id,
            name: self.name.as_deref(),
            resend_of: Some(self.id),
            ..NewLine::default()
        }
    }
}

/// Whether there is room for a replay.
enum Capacity {
    Enough,
    /// `spool.max_bytes` leaves no room.
    None,
    /// The share of its source leaves no room.
    NoneForSource,
}

/// Stops at the first replay for which `spool.max_bytes` leaves no room. If the share of a source leaves none, the line
/// is set aside, and with it all later lines of the source, so that they stay in order; lines of sources that are held
/// back are set aside too. Failed events need no room, because they count already.
pub(super) fn requeue(transaction: &mut Transaction<'_>, request: &Requeue) -> Result<(), Error> {
    let connection = transaction.connection();
    let mut select = connection.prepare_cached(SettledLine::SELECT)?;
    let mut payloads = PayloadReader::new(connection);
    let mut done = Requeued::default();
    for id in &request.lines {
        let line = select.query_row([id], SettledLine::of).optional()?;
        let Some(line) = line.filter(|line| [FAILED, DELIVERED].contains(&line.state)) else {
            done.handled += 1;
            done.sums.passed_over += 1;
            continue;
        };
        let source = line.source;
        if request.held_back.contains(&source) || done.full.iter().any(|(full, _)| *full == source) {
            done.handled += 1;
            done.aside.push((*id, source));
            continue;
        }
        let Ok(json) = payloads.read_checked(line.location, &line.key, line.checksum)? else {
            done.handled += 1;
            done.sums.damaged += 1;
            continue;
        };
        let bytes = json.len() as u64;
        match capacity(transaction, &line, bytes) {
            Capacity::Enough => {}
            Capacity::None => break,
            Capacity::NoneForSource => {
                done.handled += 1;
                done.aside.push((*id, source));
                let name = words::text_of(connection, source)?.unwrap_or_default();
                done.full.push((source, name.into()));
                continue;
            }
        }
        let copy = transaction.add_resent(line.copy(request.at), json)?;
        if line.has_failed() {
            move_failed(transaction, line.id, copy)?;
            done.sums.failed += 1;
        } else {
            count_replayed(transaction, source, bytes);
            done.sums.replayed += 1;
        }
        done.handled += 1;
        done.sums.bytes += bytes;
    }
    transaction.note_requeued(done);
    Ok(())
}

fn capacity(transaction: &mut Transaction<'_>, line: &SettledLine, bytes: u64) -> Capacity {
    if line.has_failed() {
        return Capacity::Enough;
    }
    let limits = *transaction.limits();
    let Some(free) = limits.max_bytes.checked_sub(transaction.totals().queued_bytes + bytes) else {
        return Capacity::None;
    };
    let held = transaction.sources().bytes(line.source);
    if is_within_share(limits.max_source_percent, held, bytes, free) {
        Capacity::Enough
    } else {
        Capacity::NoneForSource
    }
}

/// The failed line `id` was queued again as the line `copy`.
fn move_failed(transaction: &mut Transaction<'_>, id: EventId, copy: EventId) -> rusqlite::Result<()> {
    transaction
        .connection()
        .prepare_cached("UPDATE settled SET state = ?2, resent_as = ?3 WHERE id = ?1")?
        .execute(params![id, RESENT, copy])?;
    let totals = transaction.totals();
    totals.failed -= 1;
    totals.resent += 1;
    totals.kept += 1;
    // The old line may be pruned now, and pruning may have passed it.
    totals.pruned_through = totals.pruned_through.min(id - 1);
    Ok(())
}

fn count_replayed(transaction: &mut Transaction<'_>, source: i64, bytes: u64) {
    let totals = transaction.totals();
    totals.accepted += 1;
    totals.replayed += 1;
    totals.queued_bytes += bytes;
    transaction.sources().add(source, bytes);
}
