//! The request for keys that is in flight, so that a long wait can be explained to the user.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::delivery::{AwsError, error_code};

/// A request that takes longer is reported.
const UNREMARKABLE: Duration = Duration::from_secs(3);

/// At most one question. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Pending(Arc<Mutex<Option<Question>>>);

struct Question {
    since: Instant,
    asked: String,
}

/// A question that is asked until this is dropped.
pub(super) struct Asking(Pending);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl Pending {
    /// Marks the beginning of a question. `asked`: who is asked.
    pub(super) fn ask(&self, asked: String) -> Asking {
        self.set(Some(Question { since: Instant::now(), asked }));
        Asking(self.clone())
    }

    fn set(&self, question: Option<Question>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = question;
    }

    /// Who has not answered yet, once that takes long.
    pub(super) fn awaited(&self, now: Instant) -> Option<AwsError> {
        let question = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Question { since, asked } = question.as_ref()?;
        let is_long = now.saturating_duration_since(*since) >= UNREMARKABLE;
        is_long.then(|| {
            let message = format!("{asked} was asked for AWS keys and has not answered yet");
            AwsError::new(error_code::WAITING_FOR_KEYS, message)
        })
    }

    /// When [`Self::awaited`] may change by itself; `None`: nobody is asked.
    pub(super) fn awaited_change_at(&self) -> Option<Instant> {
        let question = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(question.as_ref()?.since + UNREMARKABLE)
    }
}
