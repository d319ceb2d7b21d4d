//! Results of the engine's work that a face polls once a frame. The thread that draws never blocks on them.

use tokio::sync::{mpsc, oneshot};

use super::message::{Failure, Outcome, Reply};
use crate::delivery::CheckStep;

/// Capacity of the channel of steps: more than any check has.
pub(super) const STEPS_MAX: usize = 16;

/// An answer that comes later.
pub struct Answer<T> {
    outcome: oneshot::Receiver<Outcome>,
    read: Box<dyn Fn(Outcome) -> Option<T> + Send>,
}

/// Makes the answer to a request. `read` extracts its value from the [`Reply`] of that request.
pub(super) fn answer<T: 'static, E: From<Failure> + 'static>(
    outcome: oneshot::Receiver<Outcome>,
    read: fn(Reply) -> Option<T>,
) -> Answer<Result<T, E>> {
    let read = move |outcome| match outcome {
        Ok(reply) => read(reply).map(Ok),
        Err(failure) => Some(Err(E::from(failure))),
    };
    Answer { outcome, read: Box::new(read) }
}

impl<T> Answer<T> {
    /// Returns the answer once, after it has arrived. `None` before that, and after it was taken.
    pub fn take(&mut self) -> Option<T> {
        self.outcome.try_recv().ok().and_then(&self.read)
    }

    /// Waits for it; `None` when the engine is gone. Not for a thread that draws.
    pub fn wait(self) -> Option<T> {
        self.outcome.blocking_recv().ok().and_then(self.read)
    }
}

/// The steps of a check, as they become known.
pub struct Steps(pub(super) mpsc::Receiver<CheckStep>);

/// The result of [`Steps::take`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// One more step is known.
    There(CheckStep),
    /// The check goes on.
    Pending,
    /// There are no more.
    Ended,
}

impl Steps {
    /// The next step, if it is known.
    pub fn take(&mut self) -> NextStep {
        match self.0.try_recv() {
            Ok(step) => NextStep::There(step),
            Err(mpsc::error::TryRecvError::Empty) => NextStep::Pending,
            Err(mpsc::error::TryRecvError::Disconnected) => NextStep::Ended,
        }
    }
}
