//! The present problems of the engine, for [`Status::problems`](crate::delivery::Status::problems): one text per topic. Also
//! remembers the first part that stopped unexpectedly.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::faces::Faces;

/// The topic of [`Problems::job_ended`].
const JOB: &str = "job";

#[derive(Default)]
pub(super) struct Problems {
    texts: Mutex<BTreeMap<&'static str, Arc<str>>>,
    broken: OnceLock<Arc<str>>,
    faces: Arc<Faces>,
}

impl Problems {
    pub(super) fn new(faces: Arc<Faces>) -> Self {
        Self { faces, ..Self::default() }
    }

    fn texts(&self) -> MutexGuard<'_, BTreeMap<&'static str, Arc<str>>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Arc<str>> {
        self.texts().values().cloned().collect()
    }

    /// Whether this topic has a problem.
    pub(super) fn has(&self, topic: &'static str) -> bool {
        self.texts().contains_key(topic)
    }

    /// Replaces the problem of this topic; `None`: it is solved.
    pub(super) fn set(&self, topic: &'static str, text: Option<String>) {
        let is_new = match text {
            Some(text) => {
                let text: Arc<str> = text.into();
                let is_new =
                    self.texts().insert(topic, Arc::clone(&text)).is_none_or(|before| before != text);
                if is_new {
                    tracing::error!("{text}");
                }
                is_new
            }
            None => self.texts().remove(topic).is_some(),
        };
        if is_new {
            self.faces.changed.notify_one();
        }
    }

    /// Reports that an essential part has stopped. Wakes the faces directly, because that part may be the status publisher.
    pub(super) fn set_broken(&self, part: &'static str, why: &str) {
        let text = format!(
            "The {part} stopped unexpectedly{why}. No accepted event is lost; restart Tributary, and please report this."
        );
        self.set(part, Some(text.clone()));
        // The first one is the cause; later ones may be its consequences.
        self.broken.get_or_init(|| text.into());
        self.faces.wake();
    }

    pub(super) fn broken(&self) -> Option<Arc<str>> {
        self.broken.get().cloned()
    }

    /// Reports that a job panicked, because its requester gets no reply. The next job without a panic clears the problem.
    pub(super) fn job_ended(&self, panicked: bool) {
        if panicked {
            let text = "A requested action stopped unexpectedly, without an answer. Try it again, and please report this.";
            self.set(JOB, Some(text.to_owned()));
            self.faces.wake();
        } else {
            self.set(JOB, None);
        }
    }
}

/// Held by a thread or task that must run as long as the engine. When dropped before the engine stops, also by a panic, it
/// reports the part as broken.
pub(super) struct Alarm {
    pub(super) problems: Arc<Problems>,
    pub(super) stopping: CancellationToken,
    pub(super) part: &'static str,
}

impl Alarm {
    /// Runs the part under this alarm.
    pub(super) async fn during<T>(self, part: impl Future<Output = T>) -> T {
        part.await
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if !self.stopping.is_cancelled() {
            self.problems.set_broken(self.part, "");
        }
    }
}
