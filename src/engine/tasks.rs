//! The engine's tasks. A **part** runs until it is told to stop; a **job** ends by itself.
//!
//! 1. A part that ends before it was told to is reported ([`Problems::set_broken`]).
//! 2. A panic in a job is shown ([`Problems::job_ended`]), because its requester gets no reply.
//! 3. When the engine stops, jobs are dropped at once; parts end in the order in which the supervisor stops them.
//! 4. [`Tasks::cut_off`] drops whatever is left.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::problems::Problems;

/// Maximum number of jobs at a time.
pub(super) const JOBS_MAX: usize = 256;

/// Work on a thread of [`Tasks::blocking`] panicked, or the engine stopped before it began.
#[derive(Debug, thiserror::Error)]
#[error("it stopped unexpectedly; try it again, and please report this")]
pub struct Interrupted;

pub(super) struct Tasks {
    parts: TaskTracker,
    jobs: TaskTracker,
    /// Cancelled when the engine begins to stop.
    stopping: CancellationToken,
    /// Cancelled when services are to end.
    services: CancellationToken,
    /// Cancelled to drop all tasks that are left.
    cut_off: CancellationToken,
    problems: Arc<Problems>,
}

impl Tasks {
    pub(super) fn new(problems: Arc<Problems>) -> Self {
        Self {
            parts: TaskTracker::new(),
            jobs: TaskTracker::new(),
            stopping: CancellationToken::new(),
            services: CancellationToken::new(),
            cut_off: CancellationToken::new(),
            problems,
        }
    }

    /// Cancelled when the engine begins to stop.
    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Whether one more job may start.
    pub(super) fn has_room(&self) -> bool {
        self.jobs.len() < JOBS_MAX
    }

    /// Starts a job. Must be called within the runtime, like all methods that start a task.
    pub(super) fn job(&self, work: impl Future<Output = ()> + Send + 'static) {
        let (stopping, problems) = (self.stopping.clone(), Arc::clone(&self.problems));
        self.jobs.spawn(async move {
            let work = AssertUnwindSafe(work).catch_unwind();
            if let Some(ended) = stopping.run_until_cancelled(work).await {
                problems.job_ended(ended.is_err());
            }
        });
    }

    /// Runs what may block (the disk, the desktop, an HTTP request) on a thread for such work.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Interrupted> {
        self.jobs.spawn_blocking(work).await.map_err(|_panicked_or_stopped| Interrupted)
    }

    /// Starts a part. `stop` is the token that tells it to end: once that is cancelled, its end is no fault.
    pub(super) fn part(
        &self,
        name: &'static str,
        stop: &CancellationToken,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let (stop, cut_off) = (stop.clone(), self.cut_off.clone());
        let problems = Arc::clone(&self.problems);
        self.parts.spawn(async move {
            let work = AssertUnwindSafe(work).catch_unwind();
            if let Some(ended) = cut_off.run_until_cancelled(work).await
                && !stop.is_cancelled()
            {
                problems.set_broken(name, if ended.is_err() { " (it panicked)" } else { "" });
            }
        })
    }

    /// Starts a part that may be dropped at any moment, with [`Tasks::stop_services`].
    pub(super) fn service(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.services.clone();
        self.part(name, &self.services, async move {
            stop.run_until_cancelled(work).await;
        });
    }

    /// Begins to stop: every job is dropped where it waits.
    pub(super) fn stop_jobs(&self) {
        self.stopping.cancel();
    }

    pub(super) fn stop_services(&self) {
        self.services.cancel();
    }

    /// Waits until all parts have ended. `false`: some still run after `wait_max`.
    pub(super) async fn parts_end_within(&self, wait_max: Duration) -> bool {
        self.parts.close();
        tokio::time::timeout(wait_max, self.parts.wait()).await.is_ok()
    }

    /// Drops every task that is left. A task ends at the next point where it waits.
    pub(super) fn cut_off(&self) {
        self.stopping.cancel();
        self.services.cancel();
        self.cut_off.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tasks() -> (Arc<Problems>, Tasks) {
        let problems = Arc::<Problems>::default();
        (Arc::clone(&problems), Tasks::new(problems))
    }

    #[tokio::test]
    async fn a_panic_in_a_job_is_shown_until_a_job_ends_well() {
        let (problems, tasks) = tasks();
        let ended = async || {
            while !tasks.jobs.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tasks.job(async { panic!("as this test wants") });
        ended().await;
        assert!(problems.all()[0].contains("stopped unexpectedly"), "{:?}", problems.all());
        tasks.job(async {});
        ended().await;
        assert_eq!(problems.all(), []);
    }

    #[tokio::test]
    async fn a_part_that_ends_unasked_is_a_fault_and_one_that_was_told_to_is_none() {
        let (problems, tasks) = tasks();
        let stop = CancellationToken::new();
        tasks.part("first part", &stop, stop.clone().cancelled_owned());
        tasks.service("service", std::future::pending());
        stop.cancel();
        tasks.stop_services();
        assert!(tasks.parts_end_within(Duration::from_secs(30)).await);
        assert_eq!(problems.broken(), None);
        let stop = CancellationToken::new();
        tasks.part("second part", &stop, async { panic!("as this test wants") });
        tasks.part("third part", &stop, std::future::pending());
        let broken = loop {
            match problems.broken() {
                Some(broken) => break broken,
                None => tokio::task::yield_now().await,
            }
        };
        tasks.cut_off();
        assert!(tasks.parts_end_within(Duration::from_secs(30)).await, "nothing is left");
        assert!(broken.starts_with("The second part stopped unexpectedly (it panicked)."), "{broken}");
    }
}
