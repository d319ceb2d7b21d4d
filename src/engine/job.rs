//! Long work with at most one run at a time: an export, a resend, a test run, a sign-in, reading the stream. A run reports
//! its progress and can be stopped.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as TurnLock, OwnedMutexGuard, watch};
use tokio_util::sync::CancellationToken;

/// One kind of job. It starts and stops runs, and gives their progress.
pub(super) struct Job<P> {
    progress: watch::Sender<P>,
    /// Held by the run that is under way.
    turn: Arc<TurnLock<()>>,
    /// Stops the run that was started last.
    stop: Mutex<CancellationToken>,
    /// Stops every run, when the engine stops.
    stopping: CancellationToken,
}

impl<P: Default> Job<P> {
    pub(super) fn new(stopping: &CancellationToken) -> Self {
        Self {
            progress: watch::Sender::default(),
            turn: Arc::default(),
            stop: Mutex::new(stopping.child_token()),
            stopping: stopping.clone(),
        }
    }

    /// The progress of the current run, or what the last one left.
    pub(super) fn progress(&self) -> watch::Receiver<P> {
        self.progress.subscribe()
    }

    /// Stops the run that is under way.
    pub(super) fn stop(&self) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }

    /// Starts a run; `None`: one is under way.
    pub(super) fn try_start(&self) -> Option<Run<P>> {
        let turn = Arc::clone(&self.turn).try_lock_owned().ok()?;
        Some(Run { progress: self.progress.clone(), stop: self.renewed(), is_finished: false, _turn: turn })
    }

    /// Stops the run that is under way, and starts one as soon as that has ended. `None`: this one was stopped before it
    /// began. The order of the calls decides which run stops which, not the order in which the futures are polled.
    pub(super) fn restart(&self) -> impl Future<Output = Option<Run<P>>> + use<P> {
        self.stop();
        let (stop, progress, turn) = (self.renewed(), self.progress.clone(), Arc::clone(&self.turn));
        async move {
            let turn = turn.lock_owned().await;
            (!stop.is_cancelled()).then(|| Run { progress, stop, is_finished: false, _turn: turn })
        }
    }

    fn renewed(&self) -> CancellationToken {
        let stop = self.stopping.child_token();
        *self.stop.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
        stop
    }
}

/// A run of a job, as the run itself sees it. When it is dropped, its progress is cleared.
pub(super) struct Run<P: Default> {
    progress: watch::Sender<P>,
    stop: CancellationToken,
    is_finished: bool,
    _turn: OwnedMutexGuard<()>,
}

impl<P: Default> Run<P> {
    /// Cancelled when the run is to end.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Publishes the progress.
    pub(super) fn report(&self, progress: P) {
        self.progress.send_replace(progress);
    }

    /// Changes the progress; `change` returns whether it has changed it.
    pub(super) fn update(&self, change: impl FnOnce(&mut P) -> bool) -> bool {
        self.progress.send_if_modified(change)
    }

    /// Ends the run and leaves this as its progress.
    pub(super) fn finish(mut self, progress: P) {
        self.report(progress);
        self.is_finished = true;
    }
}

impl<P: Default> Drop for Run<P> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.report(P::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_run_is_under_way_at_a_time_and_a_new_one_waits_for_the_stopped_one_to_end() {
        let job = Job::<u32>::new(&CancellationToken::new());
        let first = job.try_start().expect("none is under way");
        assert!(job.try_start().is_none());
        let (second, third) = (job.restart(), job.restart());
        assert!(first.is_stopped());
        drop(first);
        assert!(second.await.is_none(), "the third one stopped it");
        assert!(!third.await.expect("nobody stopped it").is_stopped());
    }

    #[tokio::test]
    async fn progress_is_cleared_at_the_end_unless_the_run_leaves_it() {
        let job = Job::<u32>::new(&CancellationToken::new());
        let run = job.try_start().expect("none is under way");
        run.report(7);
        assert_eq!(*job.progress().borrow(), 7);
        drop(run);
        assert_eq!(*job.progress().borrow(), 0);
        job.try_start().expect("none is under way").finish(8);
        assert_eq!(*job.progress().borrow(), 8);
    }

    #[tokio::test]
    async fn an_engine_that_stops_ends_every_run() {
        let stopping = CancellationToken::new();
        let job = Job::<u32>::new(&stopping);
        let run = job.try_start().expect("none is under way");
        stopping.cancel();
        assert!(run.is_stopped());
    }
}
