//! Decides whether a request is let in, before the writer sees it: by `spool.max_bytes`, the share of its source, the
//! free space of the disk, and the bytes that are already on their way to the writer.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
};

use ahash::HashMap;
use tokio::sync::watch;

use super::{
    arrivals::{AppendError, Arrivals},
    limits::{Limits, Share, is_within_share},
    summary::Summary,
};
use crate::delivery::Intake;

/// Maximum bytes of requests on their way to the disk; beyond it senders get 429.
const PENDING_BYTES_MAX: u64 = 64 << 20;

pub(super) struct Admission {
    summary: watch::Sender<Summary>,
    max_bytes: AtomicU64,
    max_source_percent: AtomicU8,
    /// Bytes of requests that were let in and are not answered yet.
    pending: AtomicU64,
    pending_by_source: Mutex<HashMap<Arc<str>, u64>>,
    /// The disk has less than `spool.min_free_bytes` free.
    is_disk_full: AtomicBool,
}

impl Admission {
    pub(super) fn new(limits: &Limits, summary: watch::Sender<Summary>) -> Self {
        Self {
            summary,
            max_bytes: AtomicU64::new(limits.max_bytes),
            max_source_percent: AtomicU8::new(limits.max_source_percent),
            pending: AtomicU64::new(0),
            pending_by_source: Mutex::default(),
            is_disk_full: AtomicBool::new(false),
        }
    }

    /// Lets a request in, or says why not; returns the bytes that count as pending until [`Self::done`].
    pub(super) fn admit(&self, arrivals: &Arrivals) -> Result<u64, AppendError> {
        let bytes = arrivals.accepted_bytes();
        // Rejected events count only for the memory limit, because no line is written without room for it.
        let total = bytes + arrivals.rejected_bytes();
        let pending = self.pending.load(Ordering::Relaxed);
        if bytes > 0 && self.is_disk_full.load(Ordering::Relaxed) {
            return Err(AppendError::disk_is_full());
        }
        if pending > 0 && pending + total > PENDING_BYTES_MAX {
            return Err(AppendError::Full("the disk cannot keep up".into()));
        }
        if bytes > 0 {
            let free = self.free_after(bytes, pending)?;
            self.check_share(&arrivals.source, bytes, free)?;
        }
        self.pending.fetch_add(total, Ordering::Relaxed);
        *self.pending_by_source().entry(Arc::clone(&arrivals.source)).or_default() += total;
        Ok(total)
    }

    /// Bytes left of `spool.max_bytes` after `bytes` more. If there are none, publishes that the spool is full.
    fn free_after(&self, bytes: u64, pending: u64) -> Result<u64, AppendError> {
        let queued = self.summary.borrow().ledger.queued_bytes;
        let max = self.max_bytes.load(Ordering::Relaxed);
        if let Some(free) = max.checked_sub(queued + pending + bytes) {
            return Ok(free);
        }
        // Compared again under the lock of the summary: a commit may have made room meanwhile.
        self.summary.send_if_modified(|summary| {
            let is_news = summary.intake == Intake::Ready && summary.ledger.queued_bytes + bytes > max;
            if is_news {
                summary.intake = Intake::Full;
            }
            is_news
        });
        Err(AppendError::Full(format!("{queued} bytes of events wait, and spool.max_bytes is {max}").into()))
    }

    /// `free`: what is left of `spool.max_bytes` with these `bytes`.
    fn check_share(&self, source: &Arc<str>, bytes: u64, free: u64) -> Result<(), AppendError> {
        let percent = self.max_source_percent.load(Ordering::Relaxed);
        if percent >= 100 {
            return Ok(());
        }
        let held = self.summary.borrow().held_by(source);
        let held = held + self.pending_by_source().get(source).copied().unwrap_or(0);
        if is_within_share(percent, held, bytes, free) {
            return Ok(());
        }
        Err(AppendError::SourceFull(
            format!(
                "{held} bytes of its events wait or failed, this request has {bytes} more, {free} would be left for all \
                 sources, and spool.max_source_percent is {percent}; raise that setting or spool.max_bytes, or look in \
                 Tributary why its events are not delivered"
            )
            .into(),
        ))
    }

    /// Takes answered requests, given by source and pending bytes, off the pending bytes.
    pub(super) fn done<'a>(&self, requests: impl Iterator<Item = (&'a Arc<str>, u64)>) {
        let mut by_source = self.pending_by_source();
        for (source, bytes) in requests {
            self.pending.fetch_sub(bytes, Ordering::Relaxed);
            if let Some(pending) = by_source.get_mut(source) {
                *pending = pending.saturating_sub(bytes);
                if *pending == 0 {
                    by_source.remove(source);
                }
            }
        }
    }

    fn pending_by_source(&self) -> MutexGuard<'_, HashMap<Arc<str>, u64>> {
        self.pending_by_source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_disk_full(&self, is_full: bool) {
        self.is_disk_full.store(is_full, Ordering::Relaxed);
    }

    /// Applies new limits.
    pub(super) fn set_limits(&self, limits: &Limits) {
        self.max_bytes.store(limits.max_bytes, Ordering::Relaxed);
        self.max_source_percent.store(limits.max_source_percent, Ordering::Relaxed);
        self.summary.send_if_modified(|summary| {
            let is_news = summary.intake == Intake::Full && summary.ledger.queued_bytes < limits.max_bytes;
            if is_news {
                summary.intake = Intake::Ready;
            }
            is_news
        });
    }

    /// What a source holds of the spool, and may hold.
    pub(super) fn share(&self, source: &str) -> Share {
        let (bytes, all) = {
            let summary = self.summary.borrow();
            (summary.held_by(source), summary.ledger.queued_bytes)
        };
        let of_others = all.saturating_sub(bytes);
        let left = self.max_bytes.load(Ordering::Relaxed).saturating_sub(of_others);
        let percent = self.max_source_percent.load(Ordering::Relaxed).min(100);
        let limit = u128::from(left) * u128::from(percent) / 100;
        Share { bytes, limit: u64::try_from(limit).unwrap_or(u64::MAX) }
    }
}
