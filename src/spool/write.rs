//! The one writer: takes what has come since the last commit, commits it together, answers, and between commits keeps
//! the log within its limit and the write-ahead log short.

mod recovery;
mod refused;
mod resend;
pub(super) mod sources;
mod transaction;

use std::{
    collections::HashMap,
    fs::File,
    path::PathBuf,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{mpsc, oneshot};

use super::{
    AppendError, Arrivals, CARRIED_MAX, Command, Common, Limits, QueuedEvent, Requeued, Settlement, Summary,
    checkpoint::Checkpoints,
    open,
    pulse::{Commit, Keys, Pulse, Request},
    renew::Files,
    repeats::Repeats,
    room::{Room, Wanted},
    rows::Books,
    segments::Segments,
};
use crate::clock::now_ms;
use crate::delivery::{Attempt, EventId, Intake, Millis};
use recovery::Trouble;
pub use refused::LinesOfRequest;
use refused::Refusals;
use sources::Sources;
use transaction::{Transaction, Written};

/// A group is closed at so many bytes or commands; the rest waits for the next commit.
const GROUP_BYTES_MAX: u64 = 8 << 20;
const GROUP_COMMANDS_MAX: usize = 4096;

/// How long settlements alone wait for company before they cost a sync of their own.
const SETTLE_WAIT: Duration = Duration::from_millis(10);

/// The same of attempts that the next one replaces: an event that is tried for long costs no sync for each of them.
const REPLACED_WAIT: Duration = Duration::from_secs(1);

/// How long after the last work upkeep runs, and how often while there is work.
const UPKEEP_EVERY: Duration = Duration::from_secs(1);

/// Events whose `messageId` is remembered over a restart; more would delay it (about 1 s a million).
const REMEMBERED_AT_START: i64 = 50_000;

/// The same while there is more to prune than one go may.
const UPKEEP_WHEN_BEHIND: Duration = Duration::from_millis(50);

/// About what an event (besides its payload), a settlement or an attempt takes in the write-ahead log.
const ROW_BYTES: u64 = 200;

/// Lines pruned in one go, so that no commit waits long.
const PRUNE_ROWS: i64 = 20_000;
/// The same of rejected lines above `log.keep_rejected`, which are looked up one by one.
const PRUNE_REJECTED: usize = 5_000;
/// The same where the disk has no room and lines below `log.keep_events` go, once a second.
const PRUNE_ROWS_FOR_ROOM: u64 = 5_000;

/// Of the database; an older one may have others, and then this is near enough to say how long its log is.
const PAGE_BYTES: u64 = 8192;

/// How long settlements wait before they are tried again on a disk that refuses.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often the names of the open files are looked at while nothing is written.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    /// After a failure a database in memory, until the files are known again.
    connection: Connection,
    path: PathBuf,
    files: Files,
    /// Held for as long as anything is written.
    lock: File,
    /// Where the connection was closed after a failure: bytes of the log that were acknowledged.
    log_end: Option<u64>,
    /// Frames that the write-ahead log has, as SQLite said after the last commit.
    frames: Arc<AtomicU64>,
    /// How often the files were made anew.
    files_made: u64,
    /// A write or sync failed: what SQLite and the system have in memory may not be what the disk has.
    is_suspect: bool,
    limits: Limits,
    books: Books,
    /// The same by source.
    sources: Sources,
    refusals: Refusals,
    /// Refused events in `books` that no commit has written yet.
    unwritten_refusals: u64,
    /// The spool is said to be full.
    is_full: bool,
    words: HashMap<Arc<str>, i64>,
    repeats: Repeats,
    pulse: Pulse,
    chunk: Vec<u8>,
    segments: Segments,
    revision: u64,
    intake: Intake,
    failed_at: Option<Instant>,
    room: Room,
    /// There may be something to prune, or a mark to move.
    untidy: bool,
    checkpoints: Checkpoints,
    last_upkeep: Instant,
    upkeep_every: Duration,
}

struct Append {
    arrivals: Arrivals,
    bytes: u64,
    reply: oneshot::Sender<Result<EventId, AppendError>>,
}

struct Resend {
    lines: Vec<EventId>,
    held_back: Vec<i64>,
    at: Millis,
    reply: oneshot::Sender<Result<Requeued, AppendError>>,
}

impl Append {
    /// What it adds to the bytes that are on their way, and whose they are.
    fn pending(&self) -> (&Arc<str>, u64) {
        (&self.arrivals.source, self.bytes)
    }
}

/// What is committed together.
struct Group {
    appends: Vec<Append>,
    resends: Vec<Resend>,
    settlements: Vec<Settlement>,
    /// More of them wait in [`Common::settling`].
    settles: bool,
    attempts: Vec<(EventId, Attempt)>,
    /// Some of them stay, or there are repeats to be counted.
    hurries: bool,
    repeats: u64,
    /// Who waits for all of it.
    flushes: Vec<Reply<()>>,
    bytes: u64,
    commands: usize,
    /// When its first command came.
    since: Instant,
    closing: bool,
}

impl Group {
    fn new() -> Self {
        Self {
            appends: Vec::new(),
            resends: Vec::new(),
            settlements: Vec::new(),
            settles: false,
            attempts: Vec::new(),
            hurries: false,
            repeats: 0,
            flushes: Vec::new(),
            bytes: 0,
            commands: 0,
            since: Instant::now(),
            closing: false,
        }
    }

    fn take(&mut self, command: Command, writer: &mut Writer) {
        if self.commands == 0 {
            self.since = Instant::now();
        }
        self.commands += 1;
        match command {
            Command::Append { arrivals, bytes, reply } => {
                self.bytes += bytes;
                self.appends.push(Append { arrivals, bytes, reply });
            }
            Command::Resend { lines, held_back, at, reply } => {
                self.resends.push(Resend { lines, held_back, at, reply });
            }
            Command::Settle(list) => {
                self.settlements.extend(list);
                self.settles = true;
            }
            Command::Attempts { list, repeats } => {
                self.hurries |=
                    repeats > 0 || list.iter().any(|(_, attempt)| transaction::stays(attempt.number));
                self.attempts.extend(list);
                self.repeats += repeats;
            }
            Command::Flush(reply) => self.flushes.push(reply),
            Command::Limits(limits) => {
                writer.limits = limits;
                writer.room.forget();
                writer.untidy = true;
            }
            Command::Close => self.closing = true,
        }
    }

    /// And those that came while the writer was awake.
    fn take_settlements(&mut self, common: &Common) {
        let waiting = common.take_settlements();
        if self.settlements.is_empty() {
            self.settlements = waiting;
        } else {
            self.settlements.extend(waiting);
        }
        self.settles = false;
    }

    fn is_full(&self) -> bool {
        self.closing || self.bytes >= GROUP_BYTES_MAX || self.commands >= GROUP_COMMANDS_MAX
    }

    fn has_work(&self) -> bool {
        !(self.appends.is_empty()
            && self.resends.is_empty()
            && self.settlements.is_empty()
            && !self.settles
            && self.attempts.is_empty()
            && self.flushes.is_empty()
            && self.repeats == 0)
    }

    /// A waiting sender is answered at once; settlements alone wait a little for company.
    fn is_due(&self, now: Instant) -> bool {
        let somebody_waits = !(self.appends.is_empty() && self.resends.is_empty() && self.flushes.is_empty());
        self.has_work() && (self.is_full() || somebody_waits || now >= self.due_at())
    }

    /// When it is committed though nobody waits for it.
    fn due_at(&self) -> Instant {
        let hurries = self.hurries || self.settles || !self.settlements.is_empty();
        self.since + if hurries { SETTLE_WAIT } else { REPLACED_WAIT }
    }
}

/// The thread's life. Ends on `Close`, or when the last handle is gone; what came before is written.
pub(super) fn run(mut writer: Writer, mut inbox: mpsc::Receiver<Command>, common: &Common) {
    let clock = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
        Ok(clock) => clock,
        Err(error) => return tracing::error!("the spool's writer has no clock: {error}"),
    };
    let mut group = Group::new();
    while !group.closing {
        let upkeep_at = writer.upkeep_at();
        let until = if group.has_work() { group.due_at().min(upkeep_at) } else { upkeep_at };
        let received =
            clock.block_on(async { tokio::time::timeout_at(until.into(), inbox.recv()).await.ok() });
        match received {
            Some(Some(command)) => group.take(command, &mut writer),
            Some(None) => group.closing = true,
            None => {}
        }
        while !group.is_full() {
            let Ok(command) = inbox.try_recv() else { break };
            group.take(command, &mut writer);
        }
        if group.is_due(Instant::now()) {
            let closing = group.closing;
            group = writer.commit(group, common);
            group.closing = closing;
        }
        writer.upkeep(common, group.closing);
    }
    common.carry(0);
    inbox.close();
    while let Ok(command) = inbox.try_recv() {
        match command {
            Command::Append { reply, .. } => answer(reply, Err(AppendError::Closed)),
            Command::Resend { reply, .. } => answer(reply, Err(AppendError::Closed)),
            Command::Flush(reply) => answer(reply, Err(AppendError::Closed)),
            Command::Settle(_) | Command::Attempts { .. } | Command::Limits(_) | Command::Close => {}
        }
    }
    *common.left_open.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer.files);
}

/// A sender that went away meanwhile is no error: its events are safe all the same.
fn answer<T>(reply: oneshot::Sender<Result<T, AppendError>>, result: Result<T, AppendError>) {
    drop(reply.send(result));
}

/// Who waits for a commit.
type Reply<T> = oneshot::Sender<Result<T, AppendError>>;

fn answer_all<T>(all: Vec<(Reply<T>, Result<T, AppendError>)>) {
    for (reply, result) in all {
        answer(reply, result);
    }
}

impl Writer {
    /// `connection` is to the database at `path`, which `files` watches, under `lock`.
    pub(super) fn new(
        (mut connection, path): (Connection, PathBuf),
        (files, lock): (Files, File),
        limits: Limits,
    ) -> rusqlite::Result<Self> {
        let frames = Arc::new(AtomicU64::new(0));
        note_frames(&mut connection, &frames)?;
        let books = books(&connection)?;
        let sources = Sources::open(&connection, &books)?;
        let refusals = Refusals::open(&connection)?;
        let words = words(&connection)?;
        let repeats = repeats(&connection, books.newest)?;
        let pulse = Pulse::open(&connection)?;
        let segments = Segments::open(&connection)?;
        Ok(Self {
            connection,
            checkpoints: Checkpoints::new(path.clone(), files.ours().clone()),
            path,
            files,
            lock,
            frames,
            log_end: None,
            files_made: 0,
            is_suspect: false,
            limits,
            books,
            sources,
            refusals,
            unwritten_refusals: 0,
            is_full: false,
            words,
            repeats,
            pulse,
            chunk: Vec::new(),
            segments,
            revision: 0,
            intake: Intake::Ready,
            failed_at: None,
            room: Room::default(),
            untidy: true,
            last_upkeep: Instant::now(),
            upkeep_every: UPKEEP_EVERY,
        })
    }

    pub(super) fn summary(&self) -> Summary {
        let summary = self.books.summary(self.revision, self.intake.clone(), self.files_made);
        Summary { disk_free: self.room.free(), held: self.sources.told(), ..summary }
    }

    pub(super) fn keys(&self) -> Keys {
        self.pulse.keys()
    }

    pub(super) fn ours(&self) -> &open::Ours {
        self.files.ours()
    }

    pub(super) fn newest(&self) -> EventId {
        self.books.newest
    }

    pub(super) fn settled_through(&self) -> EventId {
        self.books.settled_through
    }

    /// Tells the sums, and whether there is room.
    fn publish(&self, common: &Common) {
        self.write_up(common);
        Self::wake(common);
    }

    fn wake(common: &Common) {
        common.summary.send_if_modified(|_| true);
    }

    /// The same, and wakes nobody: who looks sees it.
    fn write_up(&self, common: &Common) {
        let max = self.limits.max_bytes;
        common.summary.send_if_modified(|told| {
            // Once full, some room is needed before it is called ready: else it would be called both by turns.
            let full_at = if told.intake == Intake::Full { max - max / 16 } else { max };
            let is_full = self.intake == Intake::Ready && self.books.queued_bytes >= full_at;
            *told = self.summary();
            if self.intake == Intake::Ready && self.room.is_full() {
                told.intake = Intake::DiskFull;
            } else if is_full {
                told.intake = Intake::Full;
            }
            false
        });
    }

    /// Looks whether the disk has room; says so where that changed.
    fn look_at_disk(&mut self, common: &Common) {
        let before = (self.room.is_full(), self.room.free());
        let wanted = Wanted { min_free: self.limits.min_free_bytes, log: self.log_bytes() };
        self.room.look(&self.path, &self.connection, wanted);
        // After a write found no room, requests are let in, so that their refusal names the disk's error.
        common.disk_is_full.store(self.room.is_full() && !self.room.is_used_up(), Ordering::Relaxed);
        // How much is free is shown while it is too little.
        let is_news = self.room.is_full() && self.room.free() != before.1;
        if is_news || self.room.is_full() != before.0 {
            self.publish(common);
        }
    }

    /// What had been let in before the disk was found to be full: refused, so that settling what waits goes on. Requests
    /// that only bring refused events are counted, without a line.
    fn turn_away(&mut self, group: &mut Group, common: &Common) {
        let refused = || {
            if self.room.is_used_up() {
                AppendError::Disk(self.why_failing())
            } else {
                AppendError::disk_is_full()
            }
        };
        common.take_pending(group.appends.iter().map(Append::pending));
        let mut counted = 0;
        let mut answers = Vec::new();
        for append in group.appends.drain(..) {
            if append.arrivals.events.is_empty() {
                counted += append.arrivals.refused();
                answers.push((append.reply, Ok(self.books.newest)));
            } else {
                answers.push((append.reply, Err(refused())));
            }
        }
        for resend in group.resends.drain(..) {
            answer(resend.reply, Err(refused()));
        }
        if counted > 0 {
            self.books.rejected += counted;
            self.books.unkept += counted;
            self.unwritten_refusals += counted;
            self.untidy = true;
            self.publish(common);
        }
        answer_all(answers);
    }

    /// Commits the group and answers its senders. Gives back what has to be tried again.
    fn commit(&mut self, mut group: Group, common: &Common) -> Group {
        group.take_settlements(common);
        self.look_at_disk(common);
        if self.room.is_full() {
            self.turn_away(&mut group, common);
            if !group.has_work() {
                return Group::new();
            }
        }
        self.is_full = common.summary.borrow().intake == Intake::Full;
        let rejected_before = self.books.rejected;
        let written = if self.may_write(common) { Some(self.write(&mut group)) } else { None };
        let result = match written {
            Some(Ok(written)) => Ok(written),
            Some(Err(trouble)) => {
                self.fail(&trouble);
                Err(self.why_failing())
            }
            None => Err(self.why_failing()),
        };
        common.take_pending(group.appends.iter().map(Append::pending));
        let mut next = Group::new();
        let flushed = result.as_ref().map(drop).map_err(|reason| AppendError::Disk(Arc::clone(reason)));
        let flushes = group.flushes.drain(..).map(|reply| (reply, flushed.clone())).collect();
        let mut answers: Vec<(Reply<_>, Result<EventId, AppendError>)> = Vec::new();
        let mut requeued: Vec<(Reply<_>, Result<Requeued, AppendError>)> = Vec::new();
        match result {
            Ok(Written { firsts, requeued: done, committed, refused_bytes, in_segment }) => {
                self.revision += 1;
                self.failed_at = None;
                self.be_ready();
                let rows = committed.len() + group.settlements.len() + group.attempts.len();
                let copied: u64 = done.iter().map(|one| one.sums.bytes).sum();
                let accepted: u64 = committed.iter().map(|event| event.json.len() as u64).sum();
                let (rows, payloads) = (ROW_BYTES * rows as u64 + refused_bytes, accepted + copied);
                self.checkpoints.wrote(if in_segment { rows } else { rows + payloads });
                self.room.wrote(rows + payloads);
                common.carry(0);
                self.count(&group, &firsts, &committed, self.books.rejected - rejected_before);
                common.push_fresh(committed, self.books.newest);
                let firsts = firsts.into_iter().map(|(first, _)| first);
                answers.extend(
                    group.appends.into_iter().zip(firsts).map(|(append, first)| (append.reply, Ok(first))),
                );
                requeued.extend(
                    group.resends.into_iter().zip(done).map(|(resend, done)| (resend.reply, Ok(done))),
                );
            }
            Err(reason) => {
                let refused = || AppendError::Disk(Arc::clone(&reason));
                answers.extend(group.appends.into_iter().map(|append| (append.reply, Err(refused()))));
                requeued.extend(group.resends.into_iter().map(|resend| (resend.reply, Err(refused()))));
                next.settlements = group.settlements;
                common.carry(next.settlements.len());
                next.attempts = group.attempts;
                next.attempts.truncate(CARRIED_MAX);
                next.hurries = group.hurries;
                next.repeats = group.repeats;
                // A settlement that waits makes the loop try again by itself.
                next.since = Instant::now() + RETRY_AFTER;
                next.commands = 1;
            }
        }
        // Before the answers: who was told 200 finds the event in the sums and in the queue. Whom that wakes has more to do
        // than to answer, and would keep the senders waiting.
        self.write_up(common);
        answer_all(answers);
        answer_all(requeued);
        answer_all(flushes);
        Self::wake(common);
        next
    }

    /// For the charts. What cannot be counted is a hole in them, no more.
    fn count(
        &mut self,
        group: &Group,
        firsts: &[(EventId, usize)],
        committed: &[QueuedEvent],
        rejected: u64,
    ) {
        let requests = group.appends.iter().zip(firsts).map(|(append, (first, lines))| {
            let Arrivals { received_at, events, .. } = &append.arrivals;
            let events = events.len() as u64 + append.arrivals.refused();
            Request { received_at: *received_at, first: *first, lines: *lines, events }
        });
        let refused = group.appends.iter().flat_map(|append| &append.arrivals.rejected);
        let faults = refused.map(|rejected| &rejected.fault);
        let faults = faults.chain(group.attempts.iter().map(|(_, attempt)| &attempt.fault));
        let commit = Commit {
            now: now_ms(),
            requests: &requests.collect::<Vec<_>>(),
            accepted: committed,
            rejected,
            settled: &group.settlements,
            faults: &faults.map(|fault| Arc::clone(&fault.code)).collect::<Vec<_>>(),
            counted: &group
                .appends
                .iter()
                .flat_map(|append| append.arrivals.counted.clone())
                .collect::<Vec<_>>(),
            queued: self.books.ledger().queued,
        };
        if let Err(error) = self.pulse.learn(&self.connection, &commit) {
            tracing::warn!("a commit could not be counted for the charts: {error}");
        }
        self.untidy = true;
    }

    fn log_bytes(&self) -> u64 {
        self.frames.load(Ordering::Relaxed) * PAGE_BYTES
    }

    /// The disk takes writes. After a write found no room, that is still said until there is room again.
    fn be_ready(&mut self) {
        if !self.room.is_used_up() {
            self.intake = Intake::Ready;
        }
    }

    fn why_failing(&self) -> Arc<str> {
        match &self.intake {
            Intake::Failing(reason) => Arc::clone(reason),
            Intake::Starting | Intake::Ready | Intake::Full | Intake::DiskFull | Intake::Stopping => {
                Arc::from("the disk")
            }
        }
    }

    /// One transaction.
    fn write(&mut self, group: &mut Group) -> Result<Written, Trouble> {
        let before = self.books;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let written = self.write_rows(group).and_then(|written| {
            self.books.write(&self.connection)?;
            self.sources.write(&self.connection)?;
            self.connection.execute_batch("COMMIT")?;
            Ok(written)
        });
        let written = written.map_err(Trouble::from).and_then(|written| {
            // Into files that the next start would not open, nothing is committed.
            Result::from(self.files.place())?;
            Ok(written)
        });
        if written.is_ok() {
            self.committed();
        } else {
            self.rolled_back(before);
            self.words.clear();
            self.repeats.forget_after(before.newest);
            if let Err(error) = self.connection.execute_batch("ROLLBACK") {
                tracing::debug!("nothing to roll back: {error}");
            }
        }
        written
    }

    /// What the transaction changed in memory stays.
    fn committed(&mut self) {
        self.segments.committed();
        self.sources.committed();
        self.refusals.committed();
        self.unwritten_refusals = 0;
    }

    /// It is taken back.
    fn rolled_back(&mut self, before: Books) {
        self.books = before;
        self.segments.rolled_back();
        self.sources.rolled_back(before.newest);
        self.refusals.rolled_back(before.newest);
    }

    fn write_rows(&mut self, group: &mut Group) -> rusqlite::Result<Written> {
        let buffer = std::mem::take(&mut self.chunk);
        let events = group.appends.iter().map(|append| append.arrivals.events.len()).sum();
        // Lines of refused events are few, and go one by one: in a segment their room would be free only with it.
        let bytes = group.appends.iter().flat_map(|append| &append.arrivals.events);
        let bytes = bytes.map(|event| event.json.len() as u64).sum();
        let mut transaction = Transaction::begin(self, buffer, (events, bytes))?;
        for append in &mut group.appends {
            transaction.insert_arrivals(&mut append.arrivals)?;
        }
        for resend in &group.resends {
            transaction.requeue(&resend.lines, &resend.held_back, resend.at)?;
        }
        for (event, attempt) in &group.attempts {
            transaction.insert_attempt(*event, attempt)?;
        }
        transaction.books.repeats += group.repeats;
        for settlement in &group.settlements {
            transaction.insert_settlement(settlement)?;
        }
        let (written, buffer) = transaction.finish()?;
        self.chunk = buffer;
        Ok(written)
    }

    /// When upkeep is due: soon while there is something to tidy, and once a second to look at the files' names.
    fn upkeep_at(&self) -> Instant {
        let is_busy = self.untidy || self.failed_at.is_some() || self.room.is_full();
        self.last_upkeep + if is_busy { self.upkeep_every } else { LOOK_EVERY }
    }

    /// Moves the low-water mark on, prunes the log, shortens the write-ahead log, looks whether the files are still there.
    /// What fails here fails as a commit does: nothing is acknowledged until the files are known again.
    fn upkeep(&mut self, common: &Common, closing: bool) {
        if self.failed_at.is_some() {
            self.last_upkeep = Instant::now();
            let is_known = if closing { self.recover(common) } else { self.may_write(common) };
            // A commit must prove it: to open the files takes no write.
            let proven = is_known.then(|| self.tidy());
            match proven {
                Some(Ok(_)) => {
                    self.failed_at = None;
                    self.be_ready();
                }
                Some(Err(trouble)) => self.fail(&trouble),
                None => {}
            }
            self.publish(common);
            if self.failed_at.is_some() || !closing {
                return;
            }
        }
        if let Err(trouble) = self.routine_upkeep(common, closing) {
            self.fail(&trouble);
            self.publish(common);
        }
    }

    fn routine_upkeep(&mut self, common: &Common, closing: bool) -> Result<(), Trouble> {
        self.look_at_disk(common);
        if matches!(self.intake, Intake::Failing(_)) && !self.room.is_used_up() {
            // There is room again, which `be_ready` waited for.
            self.intake = Intake::Ready;
            self.publish(common);
        }
        self.untidy |= self.gives_up_history();
        if !self.untidy && self.last_upkeep.elapsed() >= LOOK_EVERY {
            self.last_upkeep = Instant::now();
            Result::from(self.files.place())?;
        }
        if self.untidy && (closing || self.last_upkeep.elapsed() >= self.upkeep_every) {
            self.last_upkeep = Instant::now();
            self.upkeep_every = UPKEEP_EVERY;
            self.untidy = self.tidy()?;
            if self.untidy {
                self.upkeep_every = UPKEEP_WHEN_BEHIND;
            }
            self.revision += 1;
            self.publish(common);
        }
        self.segments.tidy(self.room.is_full());
        if closing {
            self.checkpoints.close(&self.connection).map_err(Trouble::Copy)
        } else if self.room.is_tight() {
            self.checkpoints.keep_empty(&self.connection).map_err(Trouble::Copy)
        } else {
            self.checkpoints.keep_short(&self.connection, self.log_bytes()).map_err(Trouble::Copy)
        }
    }

    /// Says whether there is more to prune.
    fn tidy(&mut self) -> Result<bool, Trouble> {
        let before = self.books;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let tidied = self.move_mark().and_then(|()| self.prune()).and_then(|more| {
            self.pulse.write(&self.connection)?;
            self.books.write(&self.connection)?;
            self.sources.write(&self.connection)?;
            self.connection.execute_batch("COMMIT")?;
            Ok(more)
        });
        let tidied = tidied.map_err(Trouble::from).and_then(|more| {
            Result::from(self.files.place())?;
            Ok(more)
        });
        if tidied.is_ok() {
            self.pulse.written();
            self.committed();
            self.segments.quieten(&self.connection, self.books.settled_through)?;
        } else {
            self.rolled_back(before);
            if let Err(error) = self.connection.execute_batch("ROLLBACK") {
                tracing::debug!("nothing to roll back: {error}");
            }
        }
        tidied
    }

    /// Each settled event is passed once in its life, so this costs the same however long the history is. Nearly always
    /// places follow each other, and a walk over them is a quarter of a look for each.
    fn move_mark(&mut self) -> rusqlite::Result<()> {
        let mut statement =
            self.connection.prepare_cached("SELECT id FROM settled WHERE id > ?1 ORDER BY id")?;
        let mut rows = statement.query([self.books.settled_through])?;
        while let Some(row) = rows.next()?
            && row.get::<_, EventId>(0)? == self.books.settled_through + 1
        {
            self.books.settled_through += 1;
        }
        // The next one waits, or was pruned.
        let mut statement = self.connection.prepare_cached(
            "SELECT id FROM event WHERE id > ?1
               AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id) ORDER BY id LIMIT 1",
        )?;
        let waiting: Option<EventId> =
            statement.query_row([self.books.settled_through], |row| row.get(0)).optional()?;
        self.books.settled_through = waiting.map_or(self.books.newest, |id| id - 1);
        Ok(())
    }

    /// The disk is short, and lines of the log that are only kept for looking can make room. Without this, a disk that the
    /// spool itself filled would never take events again.
    fn gives_up_history(&self) -> bool {
        self.room.wants_history() && self.books.kept > 0 && !self.segments.are_leaving()
    }

    fn prune(&mut self) -> rusqlite::Result<bool> {
        let more_rejected = self.prune_rejected()?;
        let keep = self.limits.keep_events;
        let slack = (keep / 100).clamp(1, 10_000);
        let others = self.books.kept.saturating_sub(self.refusals.kept());
        // Rejected lines count only where the disk wants room: else they would push delivered ones out.
        let (excess, find) = if self.gives_up_history() {
            // A little at a time: what it gave is looked at before more goes.
            let wanted = self.books.kept.min(PRUNE_ROWS_FOR_ROOM).max(self.books.kept.saturating_sub(keep));
            (wanted, "SELECT id FROM settled WHERE id > ?1 AND state <> 3 ORDER BY id LIMIT 1 OFFSET ?2")
        } else if others < keep + slack {
            return Ok(more_rejected);
        } else {
            let find =
                "SELECT id FROM settled WHERE id > ?1 AND state NOT IN (3, 4) ORDER BY id LIMIT 1 OFFSET ?2";
            (others - keep, find)
        };
        let from = self.books.pruned_through;
        let excess = i64::try_from(excess).unwrap_or(i64::MAX).min(PRUNE_ROWS);
        let last: Option<EventId> = self
            .connection
            .prepare_cached(find)?
            .query_row([from, excess - 1], |row| row.get(0))
            .optional()?;
        let Some(last) = last else { return Ok(more_rejected) };
        for rows in [
            "DELETE FROM event WHERE id > ?1 AND id <= ?2
               AND id IN (SELECT id FROM settled WHERE id > ?1 AND id <= ?2 AND state <> 3)",
            "DELETE FROM attempt WHERE event > ?1 AND event <= ?2
               AND NOT EXISTS (SELECT 1 FROM event WHERE event.id = attempt.event)",
            // A chunk holds at most 4,096 events: those far below the stretch need not be looked at.
            "DELETE FROM chunk WHERE id > ?1 - 4096 AND id <= ?2 AND last > ?1
               AND last <= ?2 AND NOT EXISTS (SELECT 1 FROM event WHERE event.id BETWEEN chunk.id AND chunk.last)",
        ] {
            self.connection.prepare_cached(rows)?.execute([from, last])?;
        }
        let pruned = self
            .connection
            .prepare_cached("DELETE FROM settled WHERE id > ?1 AND id <= ?2 AND state <> 3")?
            .execute([from, last])?;
        self.segments.prune(&self.connection, (last, self.books.newest))?;
        self.books.kept = self.books.kept.saturating_sub(pruned as u64);
        self.refusals.forget_through(last);
        self.books.pruned_through = last;
        let others = self.books.kept.saturating_sub(self.refusals.kept());
        // What the disk wants is asked again next time.
        Ok(more_rejected || (others > keep && !self.room.wants_history()))
    }

    /// Rejected lines above `log.keep_rejected` go one by one, wherever they are. Those between delivered lines that are
    /// pruned go with these. Says whether there are more.
    fn prune_rejected(&mut self) -> rusqlite::Result<bool> {
        let keep = self.limits.keep_rejected;
        let slack = (keep / 100).clamp(1, 10_000);
        if self.refusals.kept() < keep + slack {
            return Ok(false);
        }
        let mut chunks = Vec::new();
        for line in self.refusals.give_up(keep, PRUNE_REJECTED) {
            let chunk: Option<i64> = self
                .connection
                .prepare_cached("DELETE FROM event WHERE id = ?1 RETURNING chunk")?
                .query_row([line], |row| row.get(0))
                .optional()?;
            let settled = "DELETE FROM settled WHERE id = ?1 AND state = 4";
            let removed = self.connection.prepare_cached(settled)?.execute([line])?;
            self.books.kept = self.books.kept.saturating_sub(removed as u64);
            // A segment goes as a whole, with its other lines.
            chunks.extend(chunk.filter(|chunk| *chunk > 0 && chunks.last() != Some(chunk)));
        }
        for chunk in chunks {
            self.connection
                .prepare_cached(
                    "DELETE FROM chunk WHERE id = ?1
                       AND NOT EXISTS (SELECT 1 FROM event WHERE event.id BETWEEN chunk.id AND chunk.last)",
                )?
                .execute([chunk])?;
        }
        Ok(self.refusals.kept() > keep)
    }
}

/// Lets SQLite say after each commit where in the write-ahead log it ends. This takes the place of SQLite's own automatic
/// checkpoint; [`Checkpoints`] does that.
fn note_frames(connection: &mut Connection, frames: &Arc<AtomicU64>) -> rusqlite::Result<()> {
    let frames = Arc::clone(frames);
    connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: std::ffi::c_int| {
        frames.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }))
}

fn books(connection: &Connection) -> rusqlite::Result<Books> {
    let mut books = Books::read(connection)?;
    // They agree in every file that was written whole. A place is never given twice, whatever happened to this one.
    let last: EventId =
        connection.query_row("SELECT coalesce(max(id), 0) FROM event", [], |row| row.get(0))?;
    books.newest = books.newest.max(last);
    Ok(books)
}

fn words(connection: &Connection) -> rusqlite::Result<HashMap<Arc<str>, i64>> {
    let mut statement = connection.prepare("SELECT text, id FROM word")?;
    statement.query_map([], |row| Ok((row.get::<_, String>(0)?.into(), row.get(1)?)))?.collect()
}

/// What was accepted lately: SDKs that lost an answer to a crash send again right after the restart.
fn repeats(connection: &Connection, newest: EventId) -> rusqlite::Result<Repeats> {
    let mut repeats = Repeats::new();
    let mut statement = connection.prepare(
        "SELECT id, message_id FROM event WHERE id > ?1
           AND NOT EXISTS (SELECT 1 FROM settled WHERE settled.id = event.id AND settled.state = 4) ORDER BY id",
    )?;
    let mut rows = statement.query([newest - REMEMBERED_AT_START])?;
    while let Some(row) = rows.next()? {
        let message_id: String = row.get(1)?;
        let hash = repeats.hash_of(&message_id);
        if repeats.suspect(hash).is_none() {
            repeats.remember(hash, row.get(0)?);
        }
    }
    Ok(repeats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::AwsError;

    #[test]
    fn attempts_that_the_next_one_replaces_cost_no_commit_of_their_own_for_a_while() {
        let attempts = |number| {
            let attempt = Attempt { number, at: 0, took_ms: 1, fault: AwsError::new("Odd", "answer") };
            let hurries = transaction::stays(number);
            Group { attempts: vec![(1, attempt)], hurries, ..Group::new() }
        };
        for (number, wait) in [(16, SETTLE_WAIT), (17, REPLACED_WAIT), (31, REPLACED_WAIT), (32, SETTLE_WAIT)]
        {
            let group = attempts(number);
            assert!(!group.is_due(group.since) && group.is_due(group.since + wait), "{number}");
            assert_eq!(group.due_at(), group.since + wait, "{number}");
        }
        let with_a_settlement = Group { settles: true, ..attempts(17) };
        assert!(with_a_settlement.is_due(with_a_settlement.since + SETTLE_WAIT), "they go with it");
    }
}
