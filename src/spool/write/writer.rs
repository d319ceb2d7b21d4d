//! The writer: commits groups, and between commits keeps the log within its limits and the write-ahead log short.
//!
//! Invariants after a failure (of a commit, of a copy of the write-ahead log, of a check of the files' names):
//!
//! 1. While [`WriteHealth::has_failed`] nothing is acknowledged. Requests are refused; settlements and attempts are kept
//!    and tried again.
//! 2. While [`WriteHealth::is_suspect`] nothing is written, because SQLite and the page cache may hold what the disk does
//!    not have. Once a second the writer closes its connection without copying anything, makes certain what the disk has,
//!    cuts back the segments, reopens the database, reads its tables again, copies the whole log and compares it with the
//!    disk ([`crate::spool::renew`] has these steps). After any error on the way the files are still suspect. A lock that
//!    another connection holds makes nothing suspect.
//! 3. A failure ends with a commit that succeeds, and with nothing else: to open the files writes nothing.
//! 4. A transaction that fails leaves [`TableState`] as it was before. So does a commit into files that lost their
//!    names: the next start would not find it.
//! 5. The database that is reopened has at least what was acknowledged, or recovery fails. If it has more (a refused
//!    commit that is there all the same), the forwarder reads it from the disk.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rusqlite::Connection;

use super::{
    answers::Answers,
    database::Database,
    error::WriteError,
    group::Group,
    health::WriteHealth,
    table_state::TableState,
    transaction::{Expected, Transaction, Written},
    upkeep::{Pruning, advance_settled_through},
};
use crate::{
    clock::now_ms,
    delivery::{EventId, Intake, Millis, chart::Interval},
    spool::{
        arrivals::AppendError,
        charts::{Charts, Commit},
        command::Adopt,
        connection::ExpectedFile,
        disk_space::{DiskSpace, Wanted},
        error::Error,
        hot_keys::KeyCounts,
        limits::Limits,
        renew::{Names, SpoolFiles},
        settlements::UNWRITTEN_MAX,
        shared::Shared,
        summary::Summary,
    },
};

/// How long after the last work upkeep runs, and how often while there is work.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

/// The same interval, while there is more to prune than one pass may prune.
const UPKEEP_WHEN_BEHIND: Duration = Duration::from_millis(50);

/// How often the names of the open files are checked while nothing is written.
const CHECK_NAMES_EVERY: Duration = Duration::from_secs(1);

/// How long what nobody waits for (settlements, attempts) waits before it is tried again on a disk that refuses.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// About what an event (besides its payload), a settlement or an attempt takes in the write-ahead log, in bytes.
const ROW_BYTES: u64 = 200;

pub(crate) struct Writer {
    database: Database,
    state: TableState,
    limits: Limits,
    disk: DiskSpace,
    charts: Charts,
    /// The buffer for payloads, reused.
    payloads: Vec<u8>,
    /// Rejected events in the totals that no commit has written yet.
    unwritten_rejections: u64,
    /// The spool was said to be full when the present group was begun.
    is_full: bool,
    revision: u64,
    /// When the oldest queued event was received. Set anew by each pass of upkeep; between two passes it may name an event
    /// that is settled since.
    oldest_queued_at: Option<Millis>,
    /// See [`Summary::delivery_p95_ms`].
    delivery_p95_ms: Option<Millis>,
    /// See [`Summary::growth`].
    growth: (Millis, i64),
    /// How often the files were recreated.
    files_made: u64,
    health: WriteHealth,
    /// There may be lines to prune, or a mark to move. Commits, new limits and the disk set it; time alone does not.
    is_untidy: bool,
    last_upkeep: Instant,
    upkeep_every: Duration,
}

impl Writer {
    pub(crate) fn new(database: Database, limits: Limits) -> Result<Self, Error> {
        let state = TableState::read(database.connection())?;
        let charts = Charts::open(database.connection())?;
        Ok(Self {
            database,
            state,
            limits,
            disk: DiskSpace::default(),
            charts,
            payloads: Vec::new(),
            unwritten_rejections: 0,
            is_full: false,
            revision: 0,
            oldest_queued_at: None,
            delivery_p95_ms: None,
            growth: (0, 0),
            files_made: 0,
            health: WriteHealth::new(),
            is_untidy: true,
            last_upkeep: Instant::now(),
            upkeep_every: UPKEEP_EVERY,
        })
    }

    /// Copies the write-ahead log that the previous process left and compares it with the disk, before anything is
    /// added.
    pub(crate) fn take_over_log(&mut self) {
        if let Err(error) = self.database.copy_and_compare() {
            self.fail(&error);
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        let (totals, limits) = (&self.state.totals, &self.limits);
        let room_in_spool = limits.max_bytes.saturating_sub(totals.queued_bytes);
        let room_on_disk = self.disk.free().map(|free| free.saturating_sub(limits.min_free_bytes));
        Summary {
            ledger: totals.ledger(),
            newest: totals.newest,
            revision: self.revision,
            intake: self.health.intake().clone(),
            disk_free: self.disk.free(),
            disk_used: self.disk.used(),
            bytes_max: limits.max_bytes,
            room: room_in_spool.min(room_on_disk.unwrap_or(u64::MAX)),
            pruned: totals.pruned(),
            held: self.state.sources.by_name(),
            oldest_queued_at: self.oldest_queued_at,
            delivery_p95_ms: self.delivery_p95_ms,
            growth: self.growth,
            files: self.files_made,
        }
    }

    pub(crate) fn keys(&self) -> KeyCounts {
        self.charts.keys()
    }

    pub(crate) fn since_start(&self) -> Arc<Mutex<Interval>> {
        self.charts.since_start()
    }

    pub(crate) fn expected(&self) -> &ExpectedFile {
        self.database.expected()
    }

    pub(crate) fn newest(&self) -> EventId {
        self.state.totals.newest
    }

    pub(crate) fn settled_through(&self) -> EventId {
        self.state.totals.settled_through
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.database.connection()
    }

    /// Runs one transaction, for a caller that has the writer and no thread for it. The error says why nothing was
    /// written.
    pub(crate) fn change(
        &mut self,
        rows: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), Arc<str>> {
        if self.health.has_failed() {
            return Err(self.health.reason());
        }
        let done = self.transact(|writer| Ok(rows(writer.database.connection())?));
        done.map_err(|error| {
            self.fail(&error);
            self.health.reason()
        })
    }

    /// Copies the write-ahead log, so that the next start finds none. If that fails, the next start copies it.
    pub(crate) fn close(mut self) {
        if !self.health.has_failed()
            && let Err(error) = self.database.empty_log()
        {
            tracing::debug!("the write-ahead log stays: {error}");
        }
    }

    pub(super) fn into_files(self) -> SpoolFiles {
        self.database.into_files()
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.disk.ask_again();
        self.is_untidy = true;
    }

    /// Publishes the summary and wakes everybody who waits for it.
    fn publish(&self, shared: &Shared) {
        self.update_summary(shared);
        Self::wake(shared);
    }

    fn wake(shared: &Shared) {
        shared.summary.send_if_modified(|_| true);
    }

    /// Publishes the summary and wakes nobody.
    fn update_summary(&self, shared: &Shared) {
        let max = self.limits.max_bytes;
        shared.summary.send_if_modified(|told| {
            // Once full, the spool needs a little more room to be ready again. Otherwise the state would change back
            // and forth.
            let full_at = if told.intake == Intake::Full { max - max / 16 } else { max };
            let is_full = self.state.totals.queued_bytes >= full_at;
            *told = self.summary();
            if told.intake == Intake::Ready && self.disk.is_full() {
                told.intake = Intake::DiskFull;
            } else if told.intake == Intake::Ready && is_full {
                told.intake = Intake::Full;
            }
            false
        });
    }

    /// Asks the disk for its free space, and publishes a change.
    fn ask_disk(&mut self, shared: &Shared) {
        let before = (self.disk.is_full(), self.disk.free());
        let wanted = Wanted { min_free: self.limits.min_free_bytes, log: self.database.log_bytes() };
        self.disk.ask(self.database.path(), self.database.connection(), wanted);
        // After a write found no room, requests are let in, so that their refusal names the disk's error.
        shared.admission.set_disk_full(self.disk.is_full() && !self.disk.is_used_up());
        // The free space is shown while it is too little.
        let is_news = self.disk.is_full() && self.disk.free() != before.1;
        if is_news || self.disk.is_full() != before.0 {
            self.publish(shared);
        }
    }

    /// Refuses what was let in before the disk was found to be full, so that settlements go on. Requests with rejected
    /// events only are counted, and get no line.
    fn turn_away(&mut self, group: &mut Group, shared: &Shared) {
        let refusal = if self.disk.is_used_up() {
            AppendError::Disk(self.health.reason())
        } else {
            AppendError::disk_is_full()
        };
        shared.admission.done(group.appends.iter().map(|append| (&append.arrivals.source, append.bytes)));
        let mut answers = Answers::default();
        let mut counted = 0;
        for append in group.appends.drain(..) {
            let answer = if append.arrivals.events.is_empty() {
                counted += append.arrivals.rejected_count();
                Ok(self.state.totals.newest)
            } else {
                Err(refusal.clone())
            };
            answers.appends.push((append.reply, answer));
        }
        for requeue in group.requeues.drain(..) {
            answers.requeues.push((requeue.reply, Err(refusal.clone())));
        }
        for adopt in group.adopts.drain(..) {
            answers.adopts.push((adopt.reply, Err(refusal.clone())));
        }
        if counted > 0 {
            self.state.totals.reject_unkept(counted);
            self.unwritten_rejections += counted;
            self.is_untidy = true;
            self.publish(shared);
        }
        answers.send();
    }

    /// Commits a group and answers it. Returns what has to be tried again.
    pub(super) fn commit(&mut self, mut group: Group, shared: &Shared) -> Group {
        group.add_settlements(shared.settlements.take());
        self.ask_disk(shared);
        if self.disk.is_full() {
            self.turn_away(&mut group, shared);
            if !group.has_work() {
                return Group::default();
            }
        }
        self.is_full = shared.summary.borrow().intake == Intake::Full;
        let rejected_before = self.state.totals.rejected;
        let is_tried = self.may_write(shared);
        let written = if is_tried { self.write(&mut group) } else { Err(self.health.reason()) };
        shared.admission.done(group.appends.iter().map(|append| (&append.arrivals.source, append.bytes)));
        let (answers, next) = match written {
            Ok(mut written) => {
                self.revision += 1;
                self.health.committed(self.disk.is_used_up());
                shared.settlements.set_unwritten(0);
                self.count(&group, &written, self.state.totals.rejected - rejected_before);
                self.note_oldest(&written);
                shared.recent.add(std::mem::take(&mut written.queued), self.state.totals.newest);
                (Answers::committed(group, written), Group::default())
            }
            Err(reason) => {
                let answers = Answers::refused(&mut group, &AppendError::Disk(reason));
                let next = group.retry(UNWRITTEN_MAX, RETRY_AFTER);
                shared.settlements.set_unwritten(next.settlements.len());
                (answers, next)
            }
        };
        // Publish first: a sender that was told 200 finds its event in the sums and in the queue. Wake the forwarder
        // last: it would run on this core before the replies are sent.
        self.update_summary(shared);
        answers.send();
        Self::wake(shared);
        next
    }

    /// Counts a commit: for the next copy of the log, the next look at the disk, and the charts. A count that fails is
    /// only a gap in a chart.
    fn count(&mut self, group: &Group, written: &Written, rejected: u64) {
        let rows = written.queued.len() + group.settlements.len() + group.attempts.len();
        let copied: u64 = written.requeued.iter().map(|one| one.sums.bytes).sum();
        let accepted: u64 = written.queued.iter().map(|event| event.json.len() as u64).sum();
        let payloads = accepted + copied + written.failed_bytes;
        let rows = ROW_BYTES * rows as u64 + written.rejected_bytes;
        self.database.wrote(if written.in_segment { rows } else { rows + payloads });
        self.disk.wrote(rows + payloads);

        let rejections = group.appends.iter().flat_map(|append| &append.arrivals.rejected);
        let faults = rejections.map(|rejected| &rejected.fault);
        let faults = faults.chain(group.attempts.iter().map(|(_, attempt)| &attempt.fault));
        let counted = group.appends.iter().flat_map(|append| append.arrivals.counted.clone());
        let commit = Commit {
            now: now_ms(),
            requests: &written.requests,
            accepted: &written.queued,
            rejected,
            settled: &group.settlements,
            faults: &faults.map(|fault| Arc::clone(&fault.code)).collect::<Vec<_>>(),
            counted: &counted.collect::<Vec<_>>(),
            queued: self.state.totals.ledger().queued,
        };
        if let Err(error) = self.charts.count(self.database.connection(), &commit) {
            tracing::warn!("a commit could not be counted for the charts: {error}");
        }
        self.is_untidy = true;
    }

    /// Notes when the oldest queued event was received, as far as a commit tells: an empty queue has none, and the first
    /// event of an empty queue is the oldest.
    fn note_oldest(&mut self, written: &Written) {
        if self.state.totals.ledger().queued == 0 {
            self.oldest_queued_at = None;
        } else if self.oldest_queued_at.is_none() {
            let first = written.requests.first().map(|request| request.received_at);
            self.oldest_queued_at = Some(first.unwrap_or_else(now_ms));
        }
    }

    /// Writes a group in one transaction, or says why it could not be written.
    fn write(&mut self, group: &mut Group) -> Result<Written, Arc<str>> {
        let written = self.transact(|writer| writer.write_rows(group));
        written.map_err(|error| {
            self.fail(&error);
            self.health.reason()
        })
    }

    /// Runs one transaction. A failure takes back what it changed in memory.
    fn transact<T>(&mut self, rows: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, WriteError> {
        let before = self.state.totals;
        self.database.connection().execute_batch("BEGIN IMMEDIATE")?;
        let done = rows(self).and_then(|done| {
            let connection = self.database.connection();
            self.state.write_sums(connection)?;
            connection.execute_batch("COMMIT")?;
            Ok(done)
        });
        let done = done.map_err(WriteError::from).and_then(|done| {
            // A commit into files that the next start would not open does not count.
            Result::from(self.database.check_names())?;
            Ok(done)
        });
        if done.is_ok() {
            self.state.committed();
            self.unwritten_rejections = 0;
        } else {
            self.state.rolled_back(before);
            if let Err(error) = self.database.connection().execute_batch("ROLLBACK") {
                tracing::debug!("nothing to roll back: {error}");
            }
        }
        done
    }

    fn write_rows(&mut self, group: &mut Group) -> Result<Written, Error> {
        let buffer = std::mem::take(&mut self.payloads);
        let adopted = || group.adopts.iter();
        // Lines of rejected events do not count: they are few, and pruned one by one, but a segment is removed as a
        // whole.
        let expected = Expected {
            events: group.appends.iter().map(|append| append.arrivals.events.len()).sum::<usize>()
                + adopted().map(|adopt| adopt.lines.len()).sum::<usize>(),
            bytes: group.appends.iter().map(|append| append.arrivals.accepted_bytes()).sum::<u64>()
                + adopted().map(Adopt::bytes).sum::<u64>(),
        };
        let (connection, limits) = (self.database.connection(), (self.limits, self.is_full));
        let mut transaction = Transaction::begin(connection, &mut self.state, buffer, &expected, limits)?;
        for append in &mut group.appends {
            transaction.append(&mut append.arrivals)?;
        }
        for requeue in &group.requeues {
            super::requeue::requeue(&mut transaction, requeue)?;
        }
        for adopt in &group.adopts {
            super::adopt::adopt(&mut transaction, adopt)?;
        }
        for (event, attempt) in &group.attempts {
            crate::spool::attempts::insert(connection, *event, attempt)?;
        }
        transaction.totals().repeats += group.repeats;
        for settlement in &group.settlements {
            transaction.settle(settlement)?;
        }
        let (written, buffer) = transaction.finish()?;
        self.payloads = buffer;
        Ok(written)
    }

    /// When upkeep is due: soon while there is something to tidy, and once a second to check the names of the files.
    pub(super) fn upkeep_at(&self) -> Instant {
        let is_busy = self.is_untidy || self.health.has_failed() || self.disk.is_full();
        self.last_upkeep + if is_busy { self.upkeep_every } else { CHECK_NAMES_EVERY }
    }

    /// Moves marks, prunes, copies the write-ahead log, checks the files. A failure here is like that of a commit:
    /// nothing is acknowledged until the files are known again.
    pub(super) fn upkeep(&mut self, shared: &Shared, is_closing: bool) {
        if self.health.has_failed() {
            self.last_upkeep = Instant::now();
            let is_known = if is_closing { self.recover(shared) } else { self.may_write(shared) };
            // A commit must prove it: to open the files writes nothing.
            let proof = is_known.then(|| self.tidy());
            match proof {
                Some(Ok(_)) => self.health.committed(self.disk.is_used_up()),
                Some(Err(error)) => self.fail(&error),
                None => {}
            }
            self.publish(shared);
            if self.health.has_failed() || !is_closing {
                return;
            }
        }
        if let Err(error) = self.routine_upkeep(shared, is_closing) {
            self.fail(&error);
            self.publish(shared);
        }
    }

    fn routine_upkeep(&mut self, shared: &Shared, is_closing: bool) -> Result<(), WriteError> {
        self.ask_disk(shared);
        if !self.disk.is_used_up() && self.health.has_room() {
            self.publish(shared);
        }
        self.is_untidy |= self.disk.wants_pruning() && self.state.can_make_room();
        if !self.is_untidy && self.last_upkeep.elapsed() >= CHECK_NAMES_EVERY {
            self.last_upkeep = Instant::now();
            Result::from(self.database.check_names())?;
        }
        if self.is_untidy && (is_closing || self.last_upkeep.elapsed() >= self.upkeep_every) {
            self.last_upkeep = Instant::now();
            self.is_untidy = self.tidy()?;
            self.upkeep_every = if self.is_untidy { UPKEEP_WHEN_BEHIND } else { UPKEEP_EVERY };
            self.revision += 1;
            self.publish(shared);
        }
        self.state.segments.remove_left(self.disk.is_full());
        if is_closing { self.database.empty_log() } else { self.database.copy_log(self.disk.is_tight()) }
    }

    /// One pass over the tables; `true`: there is more to prune.
    fn tidy(&mut self) -> Result<bool, WriteError> {
        let (oldest, has_more) = self.transact(|writer| {
            let connection = writer.database.connection();
            let oldest = advance_settled_through(connection, &mut writer.state.totals)?;
            let (limits, wants_room) = (&writer.limits, writer.disk.wants_pruning());
            let has_more = Pruning { connection, state: &mut writer.state, limits, wants_room }.run()?;
            writer.charts.write(connection)?;
            Ok((oldest, has_more))
        })?;
        self.oldest_queued_at = oldest;
        let now = now_ms();
        self.delivery_p95_ms = self.charts.delivery_p95_ms(now);
        self.growth = (now, self.charts.growth_per_sec(now));
        self.charts.written();
        let settled_through = self.state.totals.settled_through;
        self.state.segments.drop_from_cache(self.database.connection(), settled_through)?;
        Ok(has_more)
    }

    /// From now on nothing is acknowledged until the files are known again.
    fn fail(&mut self, error: &WriteError) {
        if error.is_full() {
            self.disk.ran_out();
        }
        self.health.fail(error, self.database.path());
        self.upkeep_every = UPKEEP_EVERY;
    }

    /// Whether a commit may be tried: always without a failure, and after one only once the files are known again.
    fn may_write(&mut self, shared: &Shared) -> bool {
        !self.health.has_failed() || (self.health.is_recovery_due() && self.recover(shared))
    }

    /// Makes certain what the disk has; `true` if that worked. A commit has to prove the rest.
    fn recover(&mut self, shared: &Shared) -> bool {
        self.health.recovery_began();
        if !self.health.is_suspect() {
            return true;
        }
        match self.rebuild(shared) {
            Ok(()) => {
                self.health.recovered();
                true
            }
            Err(error) => {
                self.fail(&error);
                false
            }
        }
    }

    fn rebuild(&mut self, shared: &Shared) -> Result<(), WriteError> {
        self.database.abandon_copy();
        match self.database.check_names() {
            Names::Unchanged => {
                self.database.close_and_renew()?;
                self.state.segments.cut_back()?;
                self.database.reopen()?;
                self.read_again(shared)?;
                self.database.copy_and_compare()?;
            }
            Names::Removed(path) => {
                self.state.segments.keep_ends();
                self.database.rescue()?;
                self.files_made += 1;
                self.read_again(shared)?;
                // Payloads in segments that were removed too are gone: their events show as damaged.
                self.state.segments.check_after_rescue(self.database.connection())?;
                tracing::warn!("{} was removed; the spool was made anew from the open files", path.display());
            }
            Names::Replaced(path) => return Err(WriteError::Replaced(path)),
        }
        self.is_untidy = true;
        self.disk.ask_again();
        Ok(())
    }

    /// Reads the tables again. If they hold more than what was acknowledged (a refused commit that is there all the
    /// same), the forwarder has to read it from the disk.
    fn read_again(&mut self, shared: &Shared) -> Result<(), WriteError> {
        let before = self.state.totals.newest;
        self.state.read_again(self.database.connection())?;
        if self.state.totals.newest != before {
            shared.recent.forget(self.state.totals.newest);
        }
        self.state.totals.reject_unkept(self.unwritten_rejections);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::{open::open_writer, tests::ROOMY};

    #[test]
    fn after_a_failure_upkeep_waits_as_long_as_usual_although_there_is_much_to_prune() {
        let folder = tempfile::tempdir().expect("a folder");
        let (_path, mut writer) = open_writer(folder.path(), ROOMY).expect("opens");
        writer.upkeep_every = UPKEEP_WHEN_BEHIND;
        writer.fail(&WriteError::Readers);
        assert_eq!(writer.upkeep_at(), writer.last_upkeep + UPKEEP_EVERY);
    }
}
