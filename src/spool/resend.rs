//! Resending: failed events again, or delivered ones once more. Finds the lines that are meant, oldest first, and has
//! the writer queue them a few hundred at a time, as fast as the caller allows.
//!
//! Lines of a source that has its share of the spool are set aside, so that the others go on, and tried again. Memory does
//! not grow with the number of lines: with very many set aside, the others wait for them. What was queued is durable when it is told; whoever stops in the
//! middle, or dies there, has resent exactly what was told (and at most one stretch more), and failed lines that were
//! resent are found by no second try.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{AppendError, Command, LogReader, OpenError, ReadError, Requeued, Spool, oneshot};
use crate::clock::now_ms;
use crate::delivery::{Delivery, EventId, Query, ResendSelection, Resent, State};

/// Lines that are queued in one transaction.
const STRETCH: usize = 500;

/// How long a stretch at a slow rate may last: so often the caller hears how far it is.
const STRETCHES_PER_SECOND: u32 = 5;

/// How often a waiting resend looks whether it may go on, or is to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Lines that are set aside at most.
const ASIDE_MAX: usize = 100_000;

/// How often lines that are set aside are tried again while others go on.
const COME_BACK_EVERY: Duration = Duration::from_secs(1);

/// How fast events are queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Events a second; `None`: as fast as the disk takes them.
    pub rate: Option<NonZeroU32>,
    /// What to do where `spool.max_bytes`, or the share of its source, leaves no room for a replay.
    pub full: Full,
}

/// What to do where there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// Wait: a forwarder makes room.
    Wait,
    /// Stop and say so.
    Stop,
}

/// Why a resend did not come to its end. `done` holds all the same.
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
    /// The spool did not take them.
    #[error("stopped after {} events", done.events())]
    Spool {
        /// What was queued before.
        done: Resent,
        /// Why.
        #[source]
        source: AppendError,
    },
}

/// What a resend would queue, without doing it. Does not look for damage. Blocks; reads the lines that are meant.
pub fn count(log: &LogReader, which: &ResendSelection) -> Result<Resent, ReadError> {
    let mut sums = Resent::default();
    let mut lines = Lines::new(log, which)?;
    while let Some(stretch) = lines.next(STRETCH)? {
        sums.add(&stretch.sums);
    }
    Ok(sums)
}

impl Spool {
    /// Queues what is meant once more. Blocks until that is done, for hours where the pace asks for it: for a thread of
    /// the caller's own. `tell` hears after each stretch what was done so far, and while it waits; `false` ends it.
    pub fn resend(
        &self,
        which: &ResendSelection,
        pace: Pace,
        mut tell: impl FnMut(&Resent) -> bool,
    ) -> Result<Resent, ResendError> {
        let log = self.log()?;
        let most = pace.rate.map_or(STRETCH, |rate| {
            STRETCH.min(usize::try_from(rate.get() / STRETCHES_PER_SECOND).unwrap_or(STRETCH)).max(1)
        });
        let mut resending = Resending {
            spool: self,
            pace,
            most,
            began: Instant::now(),
            done: Resent::default(),
            aside: Vec::new(),
            full: BTreeMap::new(),
            told: Vec::new(),
            tell: &mut tell,
        };
        resending.run(&log, which)?;
        Ok(resending.done)
    }

    /// `false`: no more is wanted.
    fn wait_until(&self, due: Option<Instant>, mut goes_on: impl FnMut() -> bool) -> bool {
        loop {
            if !goes_on() {
                return false;
            }
            let left = due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
            // Closed: the writer says so itself.
            if left.is_zero() || self.shared.commands.is_closed() {
                return true;
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }

    fn requeue(&self, lines: Vec<EventId>, held_back: Vec<i64>) -> Result<Requeued, AppendError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Resend { lines, held_back, at: now_ms(), reply };
        self.shared.commands.blocking_send(command).map_err(|_closed| AppendError::Closed)?;
        answer.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }
}

/// A resend under way. Its steps say `false` where no more is wanted.
struct Resending<'r, T> {
    spool: &'r Spool,
    pace: Pace,
    /// Lines that are queued in one transaction.
    most: usize,
    began: Instant,
    done: Resent,
    /// Lines that found no room in the share of their source; those of one source are in order.
    aside: Vec<(EventId, i64)>,
    /// Their sources, with their names: later lines of these are set aside too.
    full: BTreeMap<i64, Arc<str>>,
    /// Sources whose wait was told.
    told: Vec<i64>,
    tell: T,
}

impl<T: FnMut(&Resent) -> bool> Resending<'_, T> {
    fn run(&mut self, log: &LogReader, which: &ResendSelection) -> Result<bool, ResendError> {
        let mut lines = Lines::new(log, which).map_err(|source| self.unreadable(source))?;
        let mut came_back = Instant::now();
        while let Some(stretch) = lines.next(self.most).map_err(|source| self.unreadable(source))? {
            self.done.passed_over += stretch.sums.passed_over;
            if !self.queue(&stretch.lines)? || !(self.tell)(&self.done) {
                return Ok(false);
            }
            while self.aside.len() >= ASIDE_MAX
                || !self.aside.is_empty() && came_back.elapsed() >= COME_BACK_EVERY
            {
                if !self.come_back()? {
                    return Ok(false);
                }
                came_back = Instant::now();
                if self.aside.len() >= ASIDE_MAX && !self.wait_for_share()? {
                    return Ok(false);
                }
            }
        }
        loop {
            if !self.come_back()? {
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
            let due =
                self.pace.rate.map(|rate| self.began + Duration::from_secs(self.done.events()) / rate.get());
            if !self.spool.wait_until(due, || (self.tell)(&self.done)) {
                return Ok(false);
            }
            let full = match self.spool.requeue(left.to_vec(), self.full.keys().copied().collect()) {
                Ok(requeued) => {
                    self.done.add(&requeued.sums);
                    left = &left[requeued.looked_at..];
                    self.aside.extend(requeued.aside);
                    self.full.extend(requeued.full);
                    self.tell_of_shares();
                    AppendError::Full("spool.max_bytes leaves no room for more replays".into())
                }
                Err(full @ AppendError::Full(_)) => full,
                Err(source) => return Err(ResendError::Spool { done: self.done, source }),
            };
            if !left.is_empty() {
                self.wait(full)?;
            }
        }
        Ok(true)
    }

    /// Tries once more what was set aside.
    fn come_back(&mut self) -> Result<bool, ResendError> {
        let aside = std::mem::take(&mut self.aside);
        self.full.clear();
        let mut aside = aside.into_iter();
        loop {
            let mut lines = Vec::new();
            while lines.len() < self.most
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

    /// Only what was set aside is left.
    fn wait_for_share(&mut self) -> Result<bool, ResendError> {
        let names: Vec<_> = self.full.values().map(|name| format!("{name:?}")).collect();
        self.wait(AppendError::SourceFull(
            format!(
                "replays of {} have no room: the source has all that spool.max_source_percent allows; raise that setting \
                 or spool.max_bytes, or wait until its events are delivered",
                names.join(" and ")
            )
            .into(),
        ))?;
        Ok((self.tell)(&self.done))
    }

    fn wait(&self, full: AppendError) -> Result<(), ResendError> {
        if self.pace.full == Full::Stop {
            return Err(ResendError::Spool { done: self.done, source: full });
        }
        std::thread::sleep(LOOK_EVERY);
        Ok(())
    }

    /// Each source once.
    fn tell_of_shares(&mut self) {
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

/// A few of the lines that are meant, and what they would come to.
#[derive(Default)]
struct Stretch {
    lines: Vec<EventId>,
    sums: Resent,
}

impl Stretch {
    fn take(&mut self, line: &Delivery) {
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

/// The lines that are meant, oldest first.
enum Lines<'l> {
    Named { log: &'l LogReader, left: std::vec::IntoIter<EventId> },
    Fitting { log: &'l LogReader, query: Query, ended: bool },
}

impl<'l> Lines<'l> {
    fn new(log: &'l LogReader, which: &ResendSelection) -> Result<Self, ReadError> {
        match which {
            ResendSelection::Lines(named) => {
                let mut named = named.clone();
                named.sort_unstable();
                named.dedup();
                Ok(Lines::Named { log, left: named.into_iter() })
            }
            ResendSelection::Fitting(query) => {
                // Lines that come while this goes on are not meant: else a replay would find its own lines.
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
                Ok(Lines::Fitting { log, ended: query.states.is_empty(), query })
            }
        }
    }

    fn next(&mut self, most: usize) -> Result<Option<Stretch>, ReadError> {
        let mut stretch = Stretch::default();
        match self {
            Lines::Named { log, left } => {
                let named: Vec<_> = left.take(most).collect();
                if named.is_empty() {
                    return Ok(None);
                }
                for id in named {
                    match log.line(id)? {
                        Some(line) => stretch.take(&line),
                        None => stretch.sums.passed_over += 1,
                    }
                }
            }
            Lines::Fitting { log, query, ended } => {
                if *ended {
                    return Ok(None);
                }
                query.limit = most;
                let page = log.page(query)?;
                let last = page.rows.last().map(|line| line.id).max(page.stopped_at);
                *ended = last.is_none();
                query.after = last.or(query.after);
                for line in &page.rows {
                    if is_replay(log, line)? {
                        stretch.sums.passed_over += 1;
                    } else {
                        stretch.take(line);
                    }
                }
            }
        }
        Ok(Some(stretch))
    }
}

/// Of an event that was replayed, the first line alone is replayed again by a filter.
fn is_replay(log: &LogReader, line: &Delivery) -> Result<bool, ReadError> {
    let Some(original) = line.resend_of.filter(|_| line.state == State::Delivered) else { return Ok(false) };
    Ok(log.line(original)?.is_some_and(|original| original.state == State::Delivered))
}
