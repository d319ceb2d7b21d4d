//! The spool: every accepted event is here, synced to disk, before its sender gets 200, and stays until the stream
//! confirmed it; settled events stay on as the delivery log until they are pruned. The only SQLite.
//!
//! One named thread writes. What arrives while it commits shares the next commit (group commit). The file is
//! append-mostly: payloads lie together in chunks, those of large commits in segments beside it, written once and freed
//! whole; settling adds a narrow row beside the event's; every key is a rising integer, so the cost of an event does not
//! grow with history.
//! Fresh events are handed to the forwarder from memory; only a backlog is read back. Readers have read-only
//! connections of their own and never hold up the writer.
//!
//! Limits: `spool.max_bytes` of waiting JSON, and each source's share of it; `spool.min_free_bytes` left on the disk; 64 MiB
//! on the way to it; lines of refused events. Absent on purpose: what an event means.

mod checkpoint;
mod direct;
mod doctor;
mod open;
mod pulse;
mod read;
mod renew;
mod repeats;
mod resend;
mod room;
mod rows;
mod search;
mod segments;
#[cfg(test)]
mod tests;
mod wal;
mod write;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use ahash::HashMap;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    config,
    delivery::{Attempt, AwsError, EventId, Intake, Ledger, Millis, Receipt, Resent},
    event::{Encoding, Event, Kind, PartitionKey},
};

pub use doctor::{DoctorError, Finding, Recovered, Report, examine};
pub use open::{OpenError, guard, is_in_use, others_can_write};
pub use pulse::Keys;
pub use read::{LogReader, ReadError};
pub use resend::{Full, Pace, ResendError, count};
pub use write::LinesOfRequest;

/// The spool's file in the data folder.
pub const FILE_NAME: &str = "spool.sqlite3";

/// Commands that may wait for the writer. Each waiting request is one.
const COMMANDS_MAX: usize = 8192;

/// Bytes of events on their way to the disk; above it senders get 429.
const PENDING_BYTES_MAX: u64 = 64 << 20;

/// Settlements that the writer takes with its next commit without being woken for each of them.
const SETTLING_MAX: usize = 20_000;

/// Settlements that wait in memory while the disk refuses. With more, [`Spool::settle`] waits.
const CARRIED_MAX: usize = 200_000;

/// What a rejected line takes besides its excerpt.
const LINE_BYTES: u64 = 512;

/// Bytes and number of fresh events kept in memory for the forwarder. Above it the oldest are read back from disk.
const FRESH_BYTES_MAX: usize = 32 << 20;
const FRESH_EVENTS_MAX: usize = 50_000;

/// What bounds the spool. May change while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// JSON bytes of events that wait or failed.
    pub max_bytes: u64,
    /// Bytes that stay free on the disk.
    pub min_free_bytes: u64,
    /// The most that one source may have of `max_bytes`, in hundredths, while no other has anything: at any moment it may
    /// have as many times the bytes that are free as this goes into the rest. 100: all.
    pub max_source_percent: u8,
    /// Delivered and resent lines kept in the log.
    pub keep_events: u64,
    /// Rejected lines kept in the log.
    pub keep_rejected: u64,
    /// An event whose `messageId` was accepted before becomes a rejected line instead of being forwarded again.
    pub drop_repeats: bool,
}

impl From<&config::Config> for Limits {
    fn from(config: &config::Config) -> Self {
        // Requests without a key are a source of their own.
        let senders = config.capture.sources.len() + usize::from(!config.capture.require_write_key);
        Self {
            max_bytes: config.spool.max_bytes,
            min_free_bytes: config.spool.min_free_bytes,
            // Where only one can send, there is nobody to keep room for.
            max_source_percent: if senders < 2 { 100 } else { config.spool.max_source_percent },
            keep_events: config.log.keep_events,
            keep_rejected: config.log.keep_rejected,
            drop_repeats: config.capture.drop_repeats,
        }
    }
}

/// The events of one request, in order.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// The name of the source that sent them.
    pub source: Arc<str>,
    /// When the request had been read.
    pub received_at: Millis,
    /// Accepted, once this is on disk.
    pub events: Vec<Event>,
    /// Refused: lines of the log, as far as its limits let them in.
    pub rejected: Vec<Rejected>,
    /// Refused beside these, which would not become lines ([`LinesOfRequest`]): how many by the code of the refusal.
    pub counted: Vec<(&'static str, u64)>,
}

impl Arrivals {
    /// How many events were refused.
    pub fn refused(&self) -> u64 {
        self.rejected.len() as u64 + self.counted.iter().map(|(_, count)| count).sum::<u64>()
    }
}

/// A refused event, for the log.
#[derive(Debug)]
pub struct Rejected {
    /// As far as it was known.
    pub kind: Option<Kind>,
    /// As far as there was one.
    pub message_id: Option<String>,
    /// The user whose event it is, where an id could be read; stored in the column of the partition key.
    pub user: Option<PartitionKey>,
    /// Why.
    pub fault: AwsError,
    /// Its name for looking at, as far as there was one.
    pub name: Option<Box<str>>,
    /// What was sent, cut short.
    pub excerpt: Vec<u8>,
    /// Bytes of what was sent.
    pub bytes: u32,
}

/// An event that waits to be put.
#[derive(Clone, Debug)]
pub struct QueuedEvent {
    /// Its place.
    pub id: EventId,
    /// Its record's partition key.
    pub key: Arc<str>,
    /// Its JSON.
    pub json: Bytes,
    /// Puts already made, by an earlier run too.
    pub attempts: u32,
}

/// A stretch of the queue.
#[derive(Debug, Default)]
pub struct Next {
    /// The waiting events in it.
    pub events: Vec<QueuedEvent>,
    /// Waiting events whose payload the disk no longer gives: they can never be put.
    pub damaged: Vec<EventId>,
    /// No other event up to here waits: read on after this one.
    pub through: EventId,
}

/// How an event's story ended.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which event.
    pub id: EventId,
    /// Bytes of its JSON.
    pub bytes: usize,
    /// When the answer was there.
    pub at: Millis,
    /// Puts made in all.
    pub attempts: u32,
    /// How long the last one took.
    pub took_ms: u32,
    /// What the record's bytes were made with.
    pub encoding: Encoding,
    /// A receipt, or why the destination will never take it.
    pub result: Result<Receipt, AwsError>,
}

/// Why events were not taken. The sender keeps them and comes again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// `spool.max_bytes` is reached, the disk has too little free space, or it cannot keep up.
    #[error("the spool is full: {0}")]
    Full(Arc<str>),
    /// The source has all that `spool.max_source_percent` allows; others have room.
    #[error("this source's share of the spool is full: {0}")]
    SourceFull(Arc<str>),
    /// The disk refused.
    #[error("the spool could not write to disk: {0}")]
    Disk(Arc<str>),
    /// The engine is stopping.
    #[error("the spool is closed")]
    Closed,
}

impl AppendError {
    fn disk_is_full() -> Self {
        Self::Full("its disk has no more than spool.min_free_bytes free".into())
    }
}

enum Command {
    Append {
        arrivals: Arrivals,
        bytes: u64,
        reply: oneshot::Sender<Result<EventId, AppendError>>,
    },
    Resend {
        lines: Vec<EventId>,
        /// Lines of these sources are set aside.
        held_back: Vec<i64>,
        at: Millis,
        reply: oneshot::Sender<Result<Requeued, AppendError>>,
    },
    /// These, and what is in [`Common::settling`].
    Settle(Vec<Settlement>),
    Attempts {
        list: Vec<(EventId, Attempt)>,
        repeats: u64,
    },
    /// Answers when all that came before is committed.
    Flush(oneshot::Sender<Result<(), AppendError>>),
    Limits(Limits),
    Close,
}

/// What became of lines that were to be queued once more.
#[derive(Clone, Debug, Default)]
struct Requeued {
    sums: Resent,
    /// So many of the lines were looked at; for the rest the spool has no room.
    looked_at: usize,
    /// Those of them for which their source's share has no room, and the source. Behind the first, all of that source.
    aside: Vec<(EventId, i64)>,
    /// The names of the sources that turned out to have their share.
    full: Vec<(i64, Arc<str>)>,
}

/// What the writer publishes after each commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The sums.
    pub ledger: Ledger,
    /// The newest line.
    pub newest: EventId,
    /// Commits since the start.
    pub revision: u64,
    /// Whether the disk takes writes, and there is room.
    pub intake: Intake,
    /// Bytes that were free on the disk when it was last asked.
    pub disk_free: Option<u64>,
    /// Delivered, rejected and resent lines that the log no longer has.
    pub pruned: u64,
    /// JSON bytes of the events that wait or failed, by the name of their source; sources without any are left out.
    pub held: Arc<[(Arc<str>, u64)]>,
    /// How often the files were made anew, because somebody had removed them: readers open them again then.
    pub files: u64,
}

/// Events just committed, so that the forwarder need not read them back. Ids rise.
#[derive(Default)]
struct Fresh {
    events: VecDeque<QueuedEvent>,
    bytes: usize,
    /// Every waiting event with a higher id is in `events`.
    complete_after: EventId,
    /// The newest line, which need not be an event that waits.
    newest: EventId,
}

/// What the writer's thread shares with the handles. Nothing in here keeps that thread alive.
struct Common {
    fresh: Mutex<Fresh>,
    summary: watch::Sender<Summary>,
    /// For the next commit. While there is something in it, a [`Command::Settle`] is on its way to the writer or was
    /// taken by it: the first one wakes it, the others cost nothing.
    settling: Mutex<Vec<Settlement>>,
    max_bytes: AtomicU64,
    max_source_percent: AtomicU8,
    pending_bytes: AtomicU64,
    /// The same by source.
    pending_of: Mutex<HashMap<Arc<str>, u64>>,
    /// The disk has less than `spool.min_free_bytes` free.
    disk_is_full: AtomicBool,
    /// Settlements that wait for a disk that refuses.
    carried: watch::Sender<usize>,
    /// The database that the writer has open.
    ours: open::Ours,
    /// What the writer had open, after its end: to close it drops the locks of this process's readers (see [`renew`]).
    left_open: Mutex<Option<renew::Files>>,
}

struct Shared {
    path: PathBuf,
    commands: mpsc::Sender<Command>,
    reads: mpsc::Sender<read::NextRequest>,
    common: Arc<Common>,
    keys: Keys,
    settled_through: EventId,
}

/// The spool's handle; cheap to clone.
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
}

/// The spool's threads. The writer's holds the lock on the data folder, so that nobody else opens it before the last
/// write is done.
pub struct Threads {
    writer: JoinHandle<()>,
    reader: JoinHandle<()>,
}

impl Threads {
    /// Waits until the writer has written everything that it was given. Call [`Spool::close`] first.
    pub fn join(self) {
        for (name, thread) in [("writer", self.writer), ("reader", self.reader)] {
            if thread.join().is_err() {
                tracing::error!("the spool's {name} thread had panicked");
            }
        }
    }
}

impl Spool {
    /// Opens or makes the spool in `dir`, and takes the folder for this process.
    pub fn open(dir: &Path, limits: Limits) -> Result<(Self, Threads), OpenError> {
        let (path, writer) = open::writer(dir, limits)?;
        let ours = writer.ours().clone();
        let reader = read::Backlog::open(&path, &ours)?;
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (reads, read_inbox) = mpsc::channel(4);
        let newest = writer.newest();
        let common = Arc::new(Common {
            fresh: Mutex::new(Fresh { complete_after: newest, newest, ..Fresh::default() }),
            summary: watch::Sender::new(writer.summary()),
            settling: Mutex::default(),
            max_bytes: AtomicU64::new(limits.max_bytes),
            max_source_percent: AtomicU8::new(limits.max_source_percent),
            pending_bytes: AtomicU64::new(0),
            pending_of: Mutex::default(),
            disk_is_full: AtomicBool::new(false),
            carried: watch::Sender::new(0),
            ours,
            left_open: Mutex::default(),
        });
        let shared = Arc::new(Shared {
            path,
            commands,
            reads,
            common: Arc::clone(&common),
            keys: writer.keys(),
            settled_through: writer.settled_through(),
        });
        let of_reader = Arc::clone(&common);
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let writer = thread("spool-write")
            .spawn(move || write::run(writer, inbox, &common))
            .map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
        let reader = thread("spool-read")
            .spawn(move || reader.run(read_inbox, || of_reader.summary.borrow().files))
            .map_err(|source| OpenError::Io { path: dir.to_owned(), source })?;
        Ok((Self { shared }, Threads { writer, reader }))
    }

    /// Where the spool's file is; for a [`LogReader`].
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// A reader of the delivery log, for this process. An error while another file has the database's name: SQLite would
    /// take that file's index for the open one's, and shorten it under the writer.
    pub fn log(&self) -> Result<LogReader, OpenError> {
        LogReader::of(self.path(), Some(self.shared.common.ours.clone()))
    }

    /// The keys that carry most; cheap to clone and to look at.
    pub fn keys(&self) -> Keys {
        self.shared.keys.clone()
    }

    /// Commits the events of one request. `Ok` means they are synced to disk; gives the first one's place
    /// (its other events follow, and lines of refused ones). Refused events are counted; how many of them become lines
    /// is limited, and none does where the spool or its disk is full.
    ///
    /// Errors cost nothing: no event of the request is in the spool then.
    pub async fn append(&self, arrivals: Arrivals) -> Result<EventId, AppendError> {
        let waiting: u64 = arrivals.events.iter().map(|event| event.json.len() as u64).sum();
        let lines: u64 = arrivals.rejected.iter().map(|one| one.excerpt.len() as u64 + LINE_BYTES).sum();
        let bytes = waiting + lines;
        let source = Arc::clone(&arrivals.source);
        self.room_for(&source, waiting, lines)?;
        let (reply, answer) = oneshot::channel();
        self.shared.common.add_pending(&source, bytes);
        // From here on the writer owns the count: it takes `bytes` off again, whatever happens to this future.
        match self.shared.commands.try_send(Command::Append { arrivals, bytes, reply }) {
            Ok(()) => answer.await.unwrap_or(Err(AppendError::Closed)),
            Err(refused) => {
                self.shared.common.take_pending(std::iter::once((&source, bytes)));
                Err(match refused {
                    mpsc::error::TrySendError::Full(_) => {
                        AppendError::Full("too many requests wait for the disk".into())
                    }
                    mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
                })
            }
        }
    }

    /// `bytes` of events, and `lines` for refused ones: these need memory alone, since no line is kept without room.
    fn room_for(&self, source: &Arc<str>, bytes: u64, lines: u64) -> Result<(), AppendError> {
        if bytes > 0 && self.shared.common.disk_is_full.load(Ordering::Relaxed) {
            return Err(AppendError::disk_is_full());
        }
        let pending = self.shared.common.pending_bytes.load(Ordering::Relaxed);
        if pending > 0 && pending + bytes + lines > PENDING_BYTES_MAX {
            return Err(AppendError::Full("the disk cannot keep up".into()));
        }
        let waiting = self.shared.common.summary.borrow().ledger.queued_bytes;
        let max = self.shared.common.max_bytes.load(Ordering::Relaxed);
        if bytes > 0 && waiting + pending + bytes > max {
            // Asked again while nothing is published: what made room meanwhile must not be overlooked.
            self.shared.common.summary.send_if_modified(|summary| {
                let news = summary.intake == Intake::Ready && summary.ledger.queued_bytes + bytes > max;
                if news {
                    summary.intake = Intake::Full;
                }
                news
            });
            return Err(AppendError::Full(
                format!("{waiting} bytes of events wait, and spool.max_bytes is {max}").into(),
            ));
        }
        if bytes > 0 { self.share_for(source, bytes, max - (waiting + pending + bytes)) } else { Ok(()) }
    }

    /// `free`: what is left of `spool.max_bytes` with these `bytes`.
    fn share_for(&self, source: &Arc<str>, bytes: u64, free: u64) -> Result<(), AppendError> {
        let common = &self.shared.common;
        let percent = common.max_source_percent.load(Ordering::Relaxed);
        if percent >= 100 {
            return Ok(());
        }
        let held = common.summary.borrow().held_by(source);
        let pending = common.pending_of.lock().unwrap_or_else(PoisonError::into_inner);
        let has = held + pending.get(source).copied().unwrap_or(0);
        if has_share(percent, has, bytes, free) {
            return Ok(());
        }
        Err(AppendError::SourceFull(
            format!(
                "{has} bytes of its events wait or failed, this request has {bytes} more, {free} would be left for all \
                 sources, and spool.max_source_percent is {percent}; raise that setting or spool.max_bytes, or look in \
                 Tributary why its events are not delivered"
            )
            .into(),
        ))
    }

    /// Records how events' stories ended; durable a moment later: after a crash before that, the event is put once more.
    ///
    /// Waits while the writer's queue is full, and while the disk refuses and as many settlements wait as memory may hold:
    /// who puts records waits with it, so no delivery is forgotten.
    pub async fn settle(&self, settlements: Vec<Settlement>) {
        let mut carried = self.shared.common.carried.subscribe();
        if carried.wait_for(|count| *count < CARRIED_MAX).await.is_err() {
            return Self::closed_already();
        }
        // A place in the queue first: nothing waits between what is added and the word that it is there.
        match self.shared.commands.reserve().await {
            Ok(place) => {
                if let Some(command) = self.shared.common.add_settlements(settlements) {
                    place.send(command);
                }
            }
            Err(_closed) => Self::closed_already(),
        }
    }

    /// Adds puts that did not deliver to their events' stories; `repeats` of them had no clear answer.
    pub async fn note_attempts(&self, list: Vec<(EventId, Attempt)>, repeats: u64) {
        self.tell(Command::Attempts { list, repeats }).await;
    }

    /// Waits until all that was told before is durable, or could not be written.
    pub async fn flush(&self) -> Result<(), AppendError> {
        let (reply, answer) = oneshot::channel();
        self.shared.commands.send(Command::Flush(reply)).await.map_err(|_closed| AppendError::Closed)?;
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    async fn tell(&self, command: Command) {
        if self.shared.commands.send(command).await.is_err() {
            Self::closed_already();
        }
    }

    /// The engine is gone, and what was not settled is put again by the next run.
    fn closed_already() {
        tracing::debug!("the spool is closed already");
    }

    /// Waiting events after `after`, in order, at most `count` and about `bytes` of JSON.
    ///
    /// For the forwarder alone: what it has read past is let go from memory.
    pub async fn next(&self, after: EventId, count: usize, bytes: usize) -> Result<Next, ReadError> {
        if let Some(fresh) = self.shared.common.take_fresh(after, count, bytes) {
            return Ok(fresh);
        }
        let (reply, answer) = oneshot::channel();
        let request = read::NextRequest { after, count, bytes, reply };
        if self.shared.reads.send(request).await.is_err() {
            return Err(ReadError::Closed);
        }
        answer.await.unwrap_or(Err(ReadError::Closed))
    }

    /// The sums and the newest line, after each commit.
    pub fn watch(&self) -> watch::Receiver<Summary> {
        self.shared.common.summary.subscribe()
    }

    /// Every event up to this one had been settled when the spool was opened: where the forwarder begins.
    pub fn settled_through(&self) -> EventId {
        self.shared.settled_through
    }

    /// What a source has of the spool, and may have.
    pub fn share(&self, source: &str) -> Share {
        let common = &self.shared.common;
        let (bytes, all) = {
            let summary = common.summary.borrow();
            (summary.held_by(source), summary.ledger.queued_bytes)
        };
        let of_others = all.saturating_sub(bytes);
        let left = common.max_bytes.load(Ordering::Relaxed).saturating_sub(of_others);
        let percent = common.max_source_percent.load(Ordering::Relaxed).min(100);
        let limit = u128::from(left) * u128::from(percent) / 100;
        Share { bytes, limit: u64::try_from(limit).unwrap_or(u64::MAX) }
    }

    /// Applies new limits.
    pub async fn set_limits(&self, limits: Limits) {
        self.shared.common.max_bytes.store(limits.max_bytes, Ordering::Relaxed);
        self.shared.common.max_source_percent.store(limits.max_source_percent, Ordering::Relaxed);
        self.shared.common.summary.send_if_modified(|summary| {
            let news = summary.intake == Intake::Full && summary.ledger.queued_bytes < limits.max_bytes;
            if news {
                summary.intake = Intake::Ready;
            }
            news
        });
        self.tell(Command::Limits(limits)).await;
    }

    /// Ends when one of the spool's threads has: the writer after [`Self::close`], or either because it failed.
    pub async fn closed(&self) {
        tokio::select! {
            () = self.shared.commands.closed() => {}
            () = self.shared.reads.closed() => {}
        }
    }

    /// Ends the writer after what it was given before; later appends are refused with [`AppendError::Closed`].
    pub async fn close(&self) {
        self.tell(Command::Close).await;
    }
}

/// The most bytes that one source may have while so many are `free`, by the dynamic threshold of shared-memory switches
/// (Choudhury and Hahne, 1998): `percent / (100 - percent)` times as many. However many sources fill the spool, each of the
/// others still has a share of what is left; one that is alone gets as far as `percent` of the whole.
fn share_of(percent: u8, free: u64) -> u64 {
    let (percent, free) = (u128::from(percent), u128::from(free));
    match 100_u128.checked_sub(percent) {
        None | Some(0) => u64::MAX,
        Some(rest) => u64::try_from(free * percent / rest).unwrap_or(u64::MAX),
    }
}

/// Whether a source that has `has` bytes may have `more`, which leave so many `free` for all. One that has nothing always
/// may: however small its share, a request that the spool can hold is taken once the source's earlier events are gone.
fn has_share(percent: u8, has: u64, more: u64, free: u64) -> bool {
    has == 0 || has + more <= share_of(percent, free)
}

/// What a source has of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// JSON bytes of its events that wait or failed.
    pub bytes: u64,
    /// The most that they may come to while the other sources have what they have now.
    pub limit: u64,
}

impl Summary {
    /// JSON bytes of a source's events that wait or failed.
    pub fn held_by(&self, source: &str) -> u64 {
        self.held.iter().find(|(name, _)| **name == *source).map_or(0, |(_, bytes)| *bytes)
    }
}

impl Common {
    /// Bytes of a request are on their way to the writer.
    fn add_pending(&self, source: &Arc<str>, bytes: u64) {
        self.pending_bytes.fetch_add(bytes, Ordering::Relaxed);
        let mut pending = self.pending_of.lock().unwrap_or_else(PoisonError::into_inner);
        *pending.entry(Arc::clone(source)).or_default() += bytes;
    }

    /// They are not any more.
    fn take_pending<'a>(&self, requests: impl Iterator<Item = (&'a Arc<str>, u64)>) {
        let mut pending = self.pending_of.lock().unwrap_or_else(PoisonError::into_inner);
        for (source, bytes) in requests {
            self.pending_bytes.fetch_sub(bytes, Ordering::Relaxed);
            if let Some(of_source) = pending.get_mut(source) {
                *of_source = of_source.saturating_sub(bytes);
                if *of_source == 0 {
                    pending.remove(source);
                }
            }
        }
    }

    /// What of the queue is in memory, where all of it after `after` is.
    fn take_fresh(&self, after: EventId, count: usize, bytes: usize) -> Option<Next> {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        if after < fresh.complete_after {
            return None;
        }
        let mut next = Next { through: after, ..Next::default() };
        next.events.reserve(count.min(fresh.events.len()));
        let mut left = bytes;
        while next.events.len() < count && left > 0 {
            let Some(event) = fresh.events.pop_front() else {
                next.through = fresh.newest.max(after);
                break;
            };
            fresh.bytes -= event.json.len();
            fresh.complete_after = event.id;
            if event.id > after {
                left = left.saturating_sub(event.json.len());
                next.through = event.id;
                next.events.push(event);
            }
        }
        Some(next)
    }

    /// Keeps settlements for the next commit; gives what the writer must be told of them.
    fn add_settlements(&self, settlements: Vec<Settlement>) -> Option<Command> {
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        if settling.len() >= SETTLING_MAX {
            return Some(Command::Settle(settlements));
        }
        let is_first = settling.is_empty();
        settling.extend(settlements);
        (is_first && !settling.is_empty()).then(|| Command::Settle(Vec::new()))
    }

    /// So many settlements wait for the disk.
    fn carry(&self, count: usize) {
        self.carried.send_if_modified(|carried| std::mem::replace(carried, count) != count);
    }

    fn take_settlements(&self) -> Vec<Settlement> {
        std::mem::take(&mut *self.settling.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is in memory is not all that waits: up to `newest` it is read from the disk.
    fn forget_fresh(&self, newest: EventId) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        *fresh = Fresh { complete_after: newest, newest, ..Fresh::default() };
    }

    /// Hands committed events on, oldest out first.
    fn push_fresh(&self, committed: Vec<QueuedEvent>, newest: EventId) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.newest = newest;
        for event in committed {
            fresh.bytes += event.json.len();
            fresh.events.push_back(event);
        }
        while fresh.bytes > FRESH_BYTES_MAX || fresh.events.len() > FRESH_EVENTS_MAX {
            let Some(oldest) = fresh.events.pop_front() else { break };
            fresh.bytes -= oldest.json.len();
            fresh.complete_after = oldest.id;
        }
    }
}
