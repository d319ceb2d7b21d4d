//! Queueing lines once more: each becomes a new line at the end, which names the one it repeats and has a copy of its
//! payload. So the queue stays in the order of its places, nobody's earlier event is overtaken, and both lines live and
//! are pruned on their own.
//!
//! A failed event moves: its old line becomes `resent`, so `failed` goes down by one as `queued` goes up by one. A
//! delivered one is accepted once more. Either way it is one transaction with the sums.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{OptionalExtension, Row, params};

use super::transaction::{EventRow, Transaction};
use crate::{
    delivery::{EventId, Millis, Resent},
    spool::{
        QueuedEvent, Requeued, has_share,
        read::Payloads,
        rows::{DELIVERED, FAILED, RESENT},
    },
};

/// The row of a settled line, and what became of it.
struct Settled {
    kind: Option<i64>,
    source: i64,
    key: String,
    key_shortened: bool,
    message_id: String,
    name: Option<String>,
    /// Chunk, start and length.
    place: (EventId, u32, u32),
    sum: Option<i64>,
    state: i64,
}

impl Settled {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            kind: row.get(0)?,
            source: row.get(1)?,
            key: row.get(2)?,
            key_shortened: row.get(3)?,
            message_id: row.get(4)?,
            name: row.get(5)?,
            place: (row.get(6)?, row.get(7)?, row.get(8)?),
            sum: row.get(9)?,
            state: row.get(10)?,
        })
    }
}

/// Whether there is room for a replay.
enum Room {
    Enough,
    /// `spool.max_bytes` leaves none.
    None,
    /// The share of its source leaves none.
    NoneForSource,
}

impl Transaction<'_> {
    fn room_for(&self, source: i64, bytes: u64) -> Room {
        match self.limits.max_bytes.checked_sub(self.books.queued_bytes + bytes) {
            None => Room::None,
            Some(free) => {
                let has = self.sources.bytes(source);
                let is_share = has_share(self.limits.max_source_percent, has, bytes, free);
                if is_share { Room::Enough } else { Room::NoneForSource }
            }
        }
    }

    /// The name that a number stands for.
    fn name(&self, word: i64) -> rusqlite::Result<Arc<str>> {
        let mut statement = self.connection.prepare_cached("SELECT text FROM word WHERE id = ?1")?;
        let name: Option<String> = statement.query_row([word], |row| row.get(0)).optional()?;
        Ok(name.unwrap_or_default().into())
    }

    /// The newest line repeats this one.
    fn count_requeued(
        &mut self,
        (line, source): (EventId, i64),
        (had_failed, bytes): (bool, u64),
        sums: &mut Resent,
    ) -> rusqlite::Result<()> {
        if had_failed {
            self.connection
                .prepare_cached("UPDATE settled SET state = ?2, resent_as = ?3 WHERE id = ?1")?
                .execute(params![line, RESENT, self.books.newest])?;
            self.books.failed -= 1;
            self.books.resent += 1;
            self.books.kept += 1;
            // The old line may be pruned now, and pruning may have passed it.
            self.books.pruned_through = self.books.pruned_through.min(line - 1);
            sums.failed += 1;
        } else {
            self.books.accepted += 1;
            self.books.replayed += 1;
            self.books.queued_bytes += bytes;
            self.sources.add(source, bytes);
            sums.replayed += 1;
        }
        Ok(())
    }

    /// Stops at the first replay for which `spool.max_bytes` leaves no room. Where a source's share has none, its lines
    /// are set aside, also the later ones, so that they stay in order; so are those of sources that are `held_back`.
    /// Failed events need no room: they count already.
    pub(super) fn requeue(
        &mut self,
        lines: &[EventId],
        held_back: &[i64],
        at: Millis,
    ) -> rusqlite::Result<()> {
        let connection = self.connection;
        let mut select = connection.prepare_cached(
            "SELECT kind, source, partition_key, key_shortened, message_id, name, chunk, start, length, sum, state
             FROM event JOIN settled ON settled.id = event.id WHERE event.id = ?1",
        )?;
        let mut payloads = Payloads::new(connection);
        let mut done = Requeued::default();
        for line in lines {
            let settled = select.query_row([line], Settled::of).optional()?;
            let Some(settled) = settled.filter(|settled| [FAILED, DELIVERED].contains(&settled.state)) else {
                done.looked_at += 1;
                done.sums.passed_over += 1;
                continue;
            };
            let source = settled.source;
            if held_back.contains(&source) || done.full.iter().any(|(full, _)| *full == source) {
                done.looked_at += 1;
                done.aside.push((*line, source));
                continue;
            }
            let Some(json) = payloads.read_whole(settled.place, &settled.key, settled.sum)? else {
                done.looked_at += 1;
                done.sums.damaged += 1;
                continue;
            };
            let bytes = json.len() as u64;
            let had_failed = settled.state == FAILED;
            match if had_failed { Room::Enough } else { self.room_for(source, bytes) } {
                Room::Enough => {}
                Room::None => break,
                Room::NoneForSource => {
                    done.looked_at += 1;
                    done.aside.push((*line, source));
                    done.full.push((source, self.name(source)?));
                    continue;
                }
            }
            self.chunk.make_room(connection, json.len(), self.books.newest)?;
            self.books.newest += 1;
            let row = EventRow {
                kind: settled.kind,
                key: &settled.key,
                key_shortened: settled.key_shortened,
                message_id: &settled.message_id,
                name: settled.name.as_deref(),
                repeat_of: None,
                resend_of: Some(*line),
            };
            let line_of_row = (self.books.newest, source, at);
            row.insert(&mut self.insert_event, line_of_row, &mut self.chunk, json)?;
            self.sources.note(self.books.newest, self.books.newest, source);
            self.count_requeued((*line, source), (had_failed, bytes), &mut done.sums)?;
            done.looked_at += 1;
            done.sums.bytes += bytes;
            self.written.committed.push(QueuedEvent {
                id: self.books.newest,
                key: Arc::from(settled.key.as_str()),
                json: Bytes::copy_from_slice(json),
                attempts: 0,
            });
        }
        self.written.requeued.push(done);
        Ok(())
    }
}
