//! Resending: queues failed events again, or delivered ones once more. Reads the selected lines, oldest first, and has
//! the writer queue them a few hundred at a time, as fast as the caller allows.
//!
//! Lines of a source that holds its share of the spool are set aside and tried again later, so that those of other
//! sources go on. Memory does not grow with the number of lines: when too many are set aside, the others wait for them.
//! Queued lines are durable before the caller is told of them. A resend that is stopped, or dies, has queued exactly
//! the lines that it reported, and at most one batch more. A second resend does not find failed lines that the first one
//! queued.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    arrivals::AppendError,
    command::{Command, Requeue, Requeued},
    error::{OpenError, ReadError},
    log_reader::LogReader,
};
use crate::{
    clock::now_ms,
    delivery::{Delivery, EventId, Query, ResendSelection, Resent, State},
};

/// Lines that are queued in one transaction.
const BATCH: usize = 500;

/// Batches per second at a slow rate. The caller is told the progress after each batch.
const BATCHES_PER_SECOND: u32 = 5;

/// How often a waiting resend checks whether it may go on, or should end.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// Maximum lines that are set aside.
const ASIDE_MAX: usize = 100_000;

/// How often lines that are set aside are tried again while others go on.
const RETRY_ASIDE_EVERY: Duration = Duration::from_secs(1);

/// How fast events are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Events per second; `None`: as fast as the disk takes them.
    pub rate: Option<NonZeroU32>,
    /// What to do when `spool.max_bytes`, or the share of the source, leaves no room for a replay.
    pub full: Full,
}

/// What to do when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Wait: a forwarder makes room.
    Wait,
    /// Stop with an error.
    Stop,
}

/// Why a resend did not reach its end. `done` holds all the same.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// The log could not be read.
    #[error("stopped after {} events", done.events())]
    Read {
        /// What was queued before.
        done: Resent,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// The log could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The spool did not take the events.
    #[error("stopped after {} events", done.events())]
    Spool {
        /// What was queued before.
        done: Resent,
        /// Why.
        #[source]
        source: AppendError,
    },
}

/// What a resend would queue, without queueing it. Does not find damage. Blocks; reads the selected lines.
pub fn count(log: &LogReader, selection: &ResendSelection) -> Result<Resent, ReadError> {
    let mut sums = Resent::default();
    let mut lines = Lines::new(log, selection)?;
    while let Some(batch) = lines.next(BATCH)? {
        sums.add(&batch.sums);
    }
    Ok(sums)
}

/// Queues the selected lines again; see [`super::Spool::resend`].
pub(super) fn resend(
    commands: mpsc::Sender<Command>,
    log: &LogReader,
    selection: &ResendSelection,
    pace: Pace,
    tell: impl FnMut(&Resent) -> bool,
) -> Result<Resent, ResendError> {
    let batch = pace.rate.map_or(BATCH, |rate| {
        BATCH.min(usize::try_from(rate.get() / BATCHES_PER_SECOND).unwrap_or(BATCH)).max(1)
    });
    let mut resending = Resending {
        commands,
        pace,
        batch,
        began: Instant::now(),
        done: Resent::default(),
        aside: Vec::new(),
        full: BTreeMap::new(),
        told: Vec::new(),
        tell,
    };
    resending.run(log, selection)?;
    Ok(resending.done)
}

/// A resend under way. Its steps return `false` if the caller wants no more.
struct Resending<T> {
    commands: mpsc::Sender<Command>,
    pace: Pace,
    /// Lines that are queued in one transaction.
    batch: usize,
    began: Instant,
    done: Resent,
    /// Lines for which the share of their source had no room, and that source; those of one source are in order.
    aside: Vec<(EventId, i64)>,
    /// These sources, and their names: their later lines are set aside too.
    full: BTreeMap<i64, Arc<str>>,
    /// Sources that the log has a note about.
    told: Vec<i64>,
    tell: T,
}

impl<T: FnMut(&Resent) -> bool> Resending<T> {
    fn run(&mut self, log: &LogReader, selection: &ResendSelection) -> Result<bool, ResendError> {
        let mut lines = Lines::new(log, selection).map_err(|source| self.unreadable(source))?;
        let mut tried_aside = Instant::now();
        while let Some(batch) = lines.next(self.batch).map_err(|source| self.unreadable(source))? {
            self.done.passed_over += batch.sums.passed_over;
            if !self.queue(&batch.lines)? || !(self.tell)(&self.done) {
                return Ok(false);
            }
            while self.aside.len() >= ASIDE_MAX
                || !self.aside.is_empty() && tried_aside.elapsed() >= RETRY_ASIDE_EVERY
            {
                if !self.retry_aside()? {
                    return Ok(false);
                }
                tried_aside = Instant::now();
                if self.aside.len() >= ASIDE_MAX && !self.wait_for_share()? {
                    return Ok(false);
                }
            }
        }
        loop {
            if !self.retry_aside()? {
                return Ok(false);
            }
            if self.aside.is_empty() {
                return Ok(true);
            }
            if !self.wait_for_share()? {
                return Ok(false);
            }
        }
    }

    fn unreadable(&self, source: ReadError) -> ResendError {
        ResendError::Read { done: self.done, source }
    }

    /// Queues these lines, and sets aside those for which the share of their source has no room.
    fn queue(&mut self, lines: &[EventId]) -> Result<bool, ResendError> {
        let mut left = lines;
        while !left.is_empty() {
            if !self.wait_for_rate() {
                return Ok(false);
            }
            let full = match self.requeue(left) {
                Ok(requeued) => {
                    self.done.add(&requeued.sums);
                    left = &left[requeued.handled..];
                    self.aside.extend(requeued.aside);
                    self.full.extend(requeued.full);
                    self.note_waiting_sources();
                    AppendError::Full("spool.max_bytes leaves no room for more replays".into())
                }
                Err(full @ AppendError::Full(_)) => full,
                Err(source) => return Err(ResendError::Spool { done: self.done, source }),
            };
            if !left.is_empty() {
                self.wait_for_room(full)?;
            }
        }
        Ok(true)
    }

    /// Has the writer queue these lines, up to the room that there is.
    fn requeue(&self, lines: &[EventId]) -> Result<Requeued, AppendError> {
        let (reply, answer) = oneshot::channel();
        let held_back = self.full.keys().copied().collect();
        let request = Requeue { lines: lines.to_vec(), held_back, at: now_ms(), reply };
        self.commands.blocking_send(Command::Requeue(request)).map_err(|_closed| AppendError::Closed)?;
        answer.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }

    /// Waits until the pace allows the next batch.
    fn wait_for_rate(&mut self) -> bool {
        let due =
            self.pace.rate.map(|rate| self.began + Duration::from_secs(self.done.events()) / rate.get());
        loop {
            if !(self.tell)(&self.done) {
                return false;
            }
            let left = due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
            // If the spool is closed, the next request says so.
            if left.is_zero() || self.commands.is_closed() {
                return true;
            }
            std::thread::sleep(left.min(CHECK_EVERY));
        }
    }

    /// Tries the lines again that were set aside.
    fn retry_aside(&mut self) -> Result<bool, ResendError> {
        let aside = std::mem::take(&mut self.aside);
        self.full.clear();
        let mut aside = aside.into_iter();
        loop {
            let mut lines = Vec::new();
            while lines.len() < self.batch
                && let Some((line, source)) = aside.next()
            {
                if self.full.contains_key(&source) {
                    self.aside.push((line, source));
                } else {
                    lines.push(line);
                }
            }
            if lines.is_empty() {
                return Ok(true);
            }
            if !self.queue(&lines)? {
                return Ok(false);
            }
        }
    }

    /// Waits: only lines that are set aside are left, or too many of them.
    fn wait_for_share(&mut self) -> Result<bool, ResendError> {
        let names: Vec<_> = self.full.values().map(|name| format!("{name:?}")).collect();
        self.wait_for_room(AppendError::SourceFull(
            format!(
                "replays of {} have no room: the source has all that spool.max_source_percent allows; raise that setting \
                 or spool.max_bytes, or wait until its events are delivered",
                names.join(" and ")
            )
            .into(),
        ))?;
        Ok((self.tell)(&self.done))
    }

    fn wait_for_room(&self, full: AppendError) -> Result<(), ResendError> {
        if self.pace.full == Full::Stop {
            return Err(ResendError::Spool { done: self.done, source: full });
        }
        std::thread::sleep(CHECK_EVERY);
        Ok(())
    }

    /// Notes in the program's log, once for each source, that its replays wait.
    fn note_waiting_sources(&mut self) {
        for (source, name) in &self.full {
            if self.pace.full == Full::Wait && !self.told.contains(source) {
                self.told.push(*source);
                tracing::info!(
                    "replays of the source {name:?} wait until its events are delivered: it has all that \
                     spool.max_source_percent allows; those of other sources go on"
                );
            }
        }
    }
}

/// Some of the selected lines, and their sums.
#[derive(Default)]
struct Batch {
    lines: Vec<EventId>,
    sums: Resent,
}

impl Batch {
    fn add(&mut self, line: &Delivery) {
        match line.state {
            State::Failed => self.sums.failed += 1,
            State::Delivered => self.sums.replayed += 1,
            State::Queued | State::Retrying | State::Resent | State::Rejected => {
                self.sums.passed_over += 1;
                return;
            }
        }
        self.sums.bytes += u64::from(line.bytes);
        self.lines.push(line.id);
    }
}

/// The selected lines, oldest first.
enum Lines<'l> {
    Named { log: &'l LogReader, left: std::vec::IntoIter<EventId> },
    Matching { log: &'l LogReader, query: Query, is_ended: bool },
}

impl<'l> Lines<'l> {
    fn new(log: &'l LogReader, selection: &ResendSelection) -> Result<Self, ReadError> {
        match selection {
            ResendSelection::Lines(named) => {
                let mut named = named.clone();
                named.sort_unstable();
                named.dedup();
                Ok(Lines::Named { log, left: named.into_iter() })
            }
            ResendSelection::Fitting(query) => {
                // Lines that are added meanwhile are not selected: else a replay would find its own lines.
                let end = log.newest()? + 1;
                let mut states = query.states.clone();
                states.retain(|state| matches!(state, State::Failed | State::Delivered));
                if query.states.is_empty() {
                    states.push(State::Failed);
                }
                let query = Query {
                    states,
                    oldest_first: true,
                    before: Some(query.before.unwrap_or(end).min(end)),
                    after: Some(query.after.unwrap_or(0)),
                    ..Query::clone(query)
                };
                Ok(Lines::Matching { log, is_ended: query.states.is_empty(), query })
            }
        }
    }

    fn next(&mut self, most: usize) -> Result<Option<Batch>, ReadError> {
        let mut batch = Batch::default();
        match self {
            Lines::Named { log, left } => {
                let named: Vec<_> = left.take(most).collect();
                if named.is_empty() {
                    return Ok(None);
                }
                for id in named {
                    match log.line(id)? {
                        Some(line) => batch.add(&line),
                        None => batch.sums.passed_over += 1,
                    }
                }
            }
            Lines::Matching { log, query, is_ended } => {
                if *is_ended {
                    return Ok(None);
                }
                query.limit = most;
                let page = log.page(query)?;
                let last = page.rows.last().map(|line| line.id).max(page.stopped_at);
                *is_ended = last.is_none();
                query.after = last.or(query.after);
                for line in &page.rows {
                    if is_replay(log, line)? {
                        batch.sums.passed_over += 1;
                    } else {
                        batch.add(line);
                    }
                }
            }
        }
        Ok(Some(batch))
    }
}

/// Whether the line is a replay itself: a filter replays only the first line of an event.
fn is_replay(log: &LogReader, line: &Delivery) -> Result<bool, ReadError> {
    let Some(original) = line.resend_of.filter(|_| line.state == State::Delivered) else { return Ok(false) };
    Ok(log.line(original)?.is_some_and(|original| original.state == State::Delivered))
}
