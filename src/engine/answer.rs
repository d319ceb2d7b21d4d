//! What a face holds while the engine works: it looks once a frame, and never waits in a thread that draws.

use tokio::sync::{mpsc, oneshot};

use super::message::{Failure, Outcome, Reply};
use crate::delivery::CheckStep;

/// Steps that may wait for a face: more than any check has.
pub(super) const STEPS_MAX: usize = 16;

/// An answer that comes later.
pub struct Answer<T> {
    outcome: oneshot::Receiver<Outcome>,
    read: Box<dyn Fn(Outcome) -> Option<T> + Send>,
}

/// The answer to a request; `read` takes it out of the reply that belongs to the request.
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
    /// The answer, once, when it has come. `None` before and after.
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

/// What a look at [`Steps`] finds.
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
