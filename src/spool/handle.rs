//! The spool's handle, and its threads.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use tokio::sync::{mpsc, oneshot, watch};

use super::{
    admission::Admission,
    adopt::{self, AdoptError, Target},
    arrivals::{AppendError, Arrivals},
    backlog::{Backlog, NextRequest},
    command::{Append, Command},
    error::{OpenError, ReadError},
    hot_keys::KeyCounts,
    limits::{Limits, Share},
    log_reader::LogReader,
    open::open_writer,
    queue::{Next, Settlement},
    recent::RecentEvents,
    resend::{self, Full, Pace, ResendError},
    settlements::SettlementBuffer,
    shared::Shared,
    summary::Summary,
    write,
};
use crate::delivery::{Adopting, Attempt, EventId, ResendSelection, Resent, Taken, chart::Interval};

/// Commands that may wait for the writer. Each waiting request is one.
const COMMANDS_MAX: usize = 8192;

/// Reads of the queue that may wait for the reader: the forwarder waits for each.
const READS_MAX: usize = 4;

/// The spool's handle; cheap to clone.
#[derive(Clone)]
pub struct Spool {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    commands: mpsc::Sender<Command>,
    reads: mpsc::Sender<NextRequest>,
    shared: Arc<Shared>,
    keys: KeyCounts,
    since_start: Arc<Mutex<Interval>>,
    settled_through: EventId,
}

/// The spool's threads. The writer's holds the lock on the data folder, so that no other process opens the spool before
/// the last write is done.
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
    /// Opens or creates the spool in `dir`, and takes the folder for this process.
    pub fn open(dir: &Path, limits: Limits) -> Result<(Self, Threads), OpenError> {
        let (path, writer) = open_writer(dir, limits)?;
        let reader = Backlog::open(&path, writer.expected())?;
        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (reads, read_inbox) = mpsc::channel(READS_MAX);
        let summary = watch::Sender::new(writer.summary());
        let shared = Arc::new(Shared {
            admission: Admission::new(&limits, summary.clone()),
            recent: RecentEvents::new(writer.newest()),
            settlements: SettlementBuffer::new(),
            summary,
            expected: writer.expected().clone(),
            left_open: Mutex::default(),
        });
        let (keys, since_start) = (writer.keys(), writer.since_start());
        let settled_through = writer.settled_through();
        let (of_writer, of_reader) = (Arc::clone(&shared), Arc::clone(&shared));
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let writer = thread("spool-write")
            .spawn(move || write::run(writer, inbox, &of_writer))
            .map_err(|source| OpenError::io(dir, source))?;
        let reader = thread("spool-read")
            .spawn(move || reader.run(read_inbox, || of_reader.summary.borrow().files))
            .map_err(|source| OpenError::io(dir, source))?;
        let inner = Inner { path, commands, reads, shared, keys, since_start, settled_through };
        Ok((Self { inner: Arc::new(inner) }, Threads { writer, reader }))
    }

    /// The path of the database; for a [`LogReader`].
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// A reader of the delivery log, for this process. An error while another file has the database's name: SQLite
    /// would take that file's index for the open one, and shorten it under the writer.
    pub fn log(&self) -> Result<LogReader, OpenError> {
        LogReader::of(self.path(), Some(self.inner.shared.expected.clone()))
    }

    /// The partition keys with most events; cheap to clone.
    pub fn keys(&self) -> KeyCounts {
        self.inner.keys.clone()
    }

    /// The counts of everything that was committed since the spool was opened.
    pub fn since_start(&self) -> Interval {
        self.inner.since_start.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Commits the events of one request. `Ok` means that they are synced to disk; it holds the first line (the other
    /// events follow, and then lines of rejected ones). All rejected events are counted; how many become lines is
    /// limited, and none does while the spool or its disk is full.
    ///
    /// After an error no event of the request is in the spool.
    pub async fn append(&self, arrivals: Arrivals) -> Result<EventId, AppendError> {
        let shared = &self.inner.shared;
        let bytes = shared.admission.admit(&arrivals)?;
        let source = Arc::clone(&arrivals.source);
        let (reply, answer) = oneshot::channel();
        // From here on the writer takes `bytes` off the pending ones again, whatever happens to this future.
        match self.inner.commands.try_send(Command::Append(Append { arrivals, bytes, reply })) {
            Ok(()) => answer.await.unwrap_or(Err(AppendError::Closed)),
            Err(refused) => {
                shared.admission.done(std::iter::once((&source, bytes)));
                Err(match refused {
                    mpsc::error::TrySendError::Full(_) => {
                        AppendError::Full("too many requests wait for the disk".into())
                    }
                    mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
                })
            }
        }
    }

    /// Records how the delivery of events ended. Durable a moment later: after a crash before that, the event is put
    /// once more.
    ///
    /// Waits while the writer's queue is full, and while the disk refuses writes and memory holds the maximum of
    /// settlements. So the caller makes no more puts, and no delivery is forgotten.
    pub async fn settle(&self, settlements: Vec<Settlement>) {
        let buffer = &self.inner.shared.settlements;
        buffer.wait_for_room().await;
        // Reserve first, so that nothing waits between adding settlements and sending the command for them.
        match self.inner.commands.reserve().await {
            Ok(permit) => {
                if let Some(command) = buffer.add(settlements) {
                    permit.send(command);
                }
            }
            Err(_closed) => note_closed(),
        }
    }

    /// Records puts that did not deliver; `repeats` of them had no clear answer.
    pub async fn note_attempts(&self, list: Vec<(EventId, Attempt)>, repeats: u64) {
        self.send(Command::Attempts { list, repeats }).await;
    }

    /// Waits until all earlier calls are durable, or could not be written.
    pub async fn flush(&self) -> Result<(), AppendError> {
        let (reply, answer) = oneshot::channel();
        self.inner.commands.send(Command::Flush(reply)).await.map_err(|_closed| AppendError::Closed)?;
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    async fn send(&self, command: Command) {
        if self.inner.commands.send(command).await.is_err() {
            note_closed();
        }
    }

    /// The queued events after `after`, in order, at most `count` and about `bytes` of JSON.
    ///
    /// Only for the forwarder: the returned events, and those before them, are dropped from memory.
    pub async fn next(&self, after: EventId, count: usize, bytes: usize) -> Result<Next, ReadError> {
        if let Some(recent) = self.inner.shared.recent.take(after, count, bytes) {
            return Ok(recent);
        }
        let (reply, answer) = oneshot::channel();
        let request = NextRequest { after, count, bytes, reply };
        if self.inner.reads.send(request).await.is_err() {
            return Err(ReadError::Closed);
        }
        answer.await.unwrap_or(Err(ReadError::Closed))
    }

    /// Queues the selected lines again. Blocks until that is done, which takes hours at a slow pace, so call it on a
    /// thread of its own. `tell` gets what was queued so far, after each batch and while it waits; if it returns
    /// `false`, the resend ends.
    pub fn resend(
        &self,
        selection: &ResendSelection,
        pace: Pace,
        tell: impl FnMut(&Resent) -> bool,
    ) -> Result<Resent, ResendError> {
        resend::resend(self.inner.commands.clone(), &self.log()?, selection, pace, tell)
    }

    /// Takes the waiting and failed events of the data folder `dir`, at the end of the queue and in their order; failed ones
    /// stay failed. Blocks until that is done, so call it on a thread of its own. `full`: what to do when others leave no
    /// room meanwhile. `tell` gets the progress; if it returns `false`, the adoption stops, and the next call goes on.
    pub fn adopt(
        &self,
        dir: &Path,
        (leave_damaged, full): (bool, Full),
        mut tell: impl FnMut(&Adopting) -> bool,
    ) -> Result<Taken, AdoptError> {
        let own = self.path().parent().unwrap_or(self.path());
        let own = std::fs::canonicalize(own).map_err(|source| OpenError::io(own, source))?;
        let target = Target { commands: self.inner.commands.clone(), log: self.log()?, dir: own, full };
        adopt::adopt(&target, dir, leave_damaged, || self.watch().borrow().clone(), &mut tell)
    }

    /// The sums and the newest line, after each commit.
    pub fn watch(&self) -> watch::Receiver<Summary> {
        self.inner.shared.summary.subscribe()
    }

    /// Every event up to this one had been settled when the spool was opened: the forwarder begins after it.
    pub fn settled_through(&self) -> EventId {
        self.inner.settled_through
    }

    /// What a source holds of the spool, and may hold.
    pub fn share(&self, source: &str) -> Share {
        self.inner.shared.admission.share(source)
    }

    /// Applies new limits.
    pub async fn set_limits(&self, limits: Limits) {
        self.inner.shared.admission.set_limits(&limits);
        self.send(Command::Limits(limits)).await;
    }

    /// Resolves when one of the spool's threads has ended: the writer after [`Self::close`], or either because it
    /// failed.
    pub async fn closed(&self) {
        tokio::select! {
            () = self.inner.commands.closed() => {}
            () = self.inner.reads.closed() => {}
        }
    }

    /// Ends the writer after everything that it was given before; later appends are refused with
    /// [`AppendError::Closed`].
    pub async fn close(&self) {
        self.send(Command::Close).await;
    }
}

/// The engine is gone; the next run puts again what was not settled.
fn note_closed() {
    tracing::debug!("the spool is closed already");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::tests::{ROOMY, runtime};

    #[test]
    fn the_end_of_either_thread_is_the_end_of_the_spool() {
        let dir = tempfile::tempdir().expect("a folder");
        let (spool, threads) = Spool::open(dir.path(), ROOMY).expect("opens");
        let (reads, reader) = mpsc::channel(1);
        let whole = &spool.inner;
        let inner = Inner {
            path: whole.path.clone(),
            commands: whole.commands.clone(),
            reads,
            shared: Arc::clone(&whole.shared),
            keys: whole.keys.clone(),
            since_start: Arc::clone(&whole.since_start),
            settled_through: 0,
        };
        let of_that_reader = Spool { inner: Arc::new(inner) };
        let has_ended = |spool: &Spool| futures_util::FutureExt::now_or_never(spool.closed()).is_some();
        assert!(!has_ended(&of_that_reader));
        drop(reader);
        assert!(has_ended(&of_that_reader), "a reader that is gone is noticed");
        assert!(!has_ended(&spool));
        runtime().block_on(spool.close());
        drop((spool, of_that_reader));
        threads.join();
    }
}
