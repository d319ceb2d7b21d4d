//! Answers of the engine that have not come yet. Places keep them and look once a frame; nothing here blocks.

use std::time::{Duration, Instant};

use eframe::egui;

use crate::{
    delivery::{AwsError, error_code},
    engine::Answer,
};

/// The shortest time between two frames that the engine causes.
pub(super) const FRAME: Duration = Duration::from_millis(50);
/// Maximum wait. An answer that is later is taken for lost.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// An answer that is awaited. Until it comes, the window looks again every [`FRAME`].
pub(super) struct Waiting<T> {
    answer: Answer<T>,
    since: Instant,
    wait_max: Duration,
}

/// The state of an awaited answer.
pub(super) enum Poll<T> {
    There(T),
    Pending,
    /// The engine did not answer in time.
    Lost,
}

impl<T> Waiting<T> {
    pub(super) fn new(answer: Answer<T>) -> Self {
        Self::at_most(WAIT_MAX, answer)
    }

    /// For answers that may take longer, because the engine waits for AWS or other programs.
    pub(super) fn at_most(wait_max: Duration, answer: Answer<T>) -> Self {
        Self { answer, since: Instant::now(), wait_max }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.since.elapsed()
    }

    pub(super) fn poll(&mut self, ctx: &egui::Context) -> Poll<T> {
        match self.answer.take() {
            Some(answer) => Poll::There(answer),
            None if self.elapsed() > self.wait_max => Poll::Lost,
            None => {
                ctx.request_repaint_after(FRAME);
                Poll::Pending
            }
        }
    }
}

/// No answer came in time.
pub(super) struct NoAnswer;

impl From<NoAnswer> for String {
    fn from(_: NoAnswer) -> Self {
        "The engine did not answer.".to_owned()
    }
}

impl From<NoAnswer> for AwsError {
    fn from(_: NoAnswer) -> Self {
        Self::new(error_code::NO_ANSWER, "It took too long.")
    }
}

/// Takes the answer out of `waiting` once it has come.
pub(super) fn arrived<T, E: From<NoAnswer>>(
    waiting: &mut Option<Waiting<Result<T, E>>>,
    ctx: &egui::Context,
) -> Option<Result<T, E>> {
    let answer = match waiting.as_mut()?.poll(ctx) {
        Poll::Pending => return None,
        Poll::There(answer) => answer,
        Poll::Lost => Err(E::from(NoAnswer)),
    };
    *waiting = None;
    Some(answer)
}
