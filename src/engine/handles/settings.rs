//! The settings in force, and state that a face keeps for the next start.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::oneshot;

use super::super::{
    answer::{Answer, answer},
    command::{Applied, Apply, WaitingEvents},
    message::{LogMessage, Message, Reply},
    shared::Shared,
};
use crate::config::Config;

/// The settings in force, and state that a face keeps for the next start.
pub struct Settings<'a>(pub(crate) &'a Shared);

impl<'a> Settings<'a> {
    /// The settings in force.
    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.0.config.borrow())
    }

    /// Puts new settings in force without saving them; no accepted event is lost. What could not be put in force appears in
    /// [`Status::problems`](crate::delivery::Status::problems); an address in use is tried again until it is free.
    pub fn apply(&self, config: Config) -> Answer<Result<Applied, String>> {
        self.send(Apply { config: Box::new(config), save: false, waiting: WaitingEvents::GoOn })
    }

    /// Writes the changes to the settings file, then puts them in force. `Err` says why neither happened, [`Applied`] whether
    /// all of them are in force. With [`WaitingEvents::SetAside`] the answer comes after puts in flight have ended and the events
    /// are set aside on disk. They stay set aside even if saving fails.
    pub fn save_and_apply(&self, config: Config, waiting: WaitingEvents) -> Answer<Result<Applied, String>> {
        self.send(Apply { config: Box::new(config), save: true, waiting })
    }

    fn send(&self, apply: Apply) -> Answer<Result<Applied, String>> {
        let (reply, outcome) = oneshot::channel();
        self.0.send(Message::Apply(apply, reply));
        answer(outcome, |reply| if let Reply::Applied(applied) = reply { Some(applied) } else { None })
    }

    /// What an earlier run kept with [`Self::keep_draft`].
    pub fn kept_draft(&self) -> Option<&'a str> {
        self.0.draft.kept.as_deref()
    }

    /// Keeps what is typed and not applied for the next start; an empty text removes it. It is written soon, on another
    /// thread.
    pub fn keep_draft(&self, text: String) {
        self.0.draft.set(text);
        self.save(LogMessage::SaveDraft(self.0.draft.clone()));
    }

    /// What a face kept under this name with [`Self::remember`].
    pub fn remembered<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.0.face_state.get(name)
    }

    /// Keeps a small document for the next start. It is written soon, on another thread.
    pub fn remember(&self, name: &str, value: &impl Serialize) {
        if self.0.face_state.set(name, value) {
            self.save(LogMessage::SaveFaceState(self.0.face_state.clone()));
        }
    }

    fn save(&self, file: LogMessage) {
        if self.0.log.try_send(file).is_err() {
            tracing::debug!(
                "a file of the window is written with its next change: the reader of the log is busy"
            );
        }
    }
}
