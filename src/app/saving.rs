//! Settings that are being saved, and the notice when that is done.

use std::time::Duration;

use eframe::egui;

use super::{
    notice::Notice,
    waiting::{Poll, Waiting},
};
use crate::engine::{Answer, Applied, WaitingEvents};

/// Maximum wait with [`WaitingEvents::SetAside`]: puts in flight end first, then the events are written as failed.
const SET_ASIDE_WAIT_MAX: Duration = Duration::from_mins(2);

pub(super) struct Saving {
    answer: Waiting<Result<Applied, String>>,
    /// The notice for the user when the settings are saved; empty: none.
    done: String,
    queued: WaitingEvents,
}

/// The result of a save.
pub(super) struct Saved {
    pub notice: Option<Notice>,
    /// The queued events were set aside, so they count as failed from now on.
    pub has_set_aside: bool,
}

impl Saving {
    pub(super) fn new(answer: Answer<Result<Applied, String>>, done: String, queued: WaitingEvents) -> Self {
        let answer = match queued {
            WaitingEvents::GoOn => Waiting::new(answer),
            WaitingEvents::SetAside => Waiting::at_most(SET_ASIDE_WAIT_MAX, answer),
        };
        Self { answer, done, queued }
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context) -> Option<Saved> {
        let answer = match self.answer.poll(ctx) {
            Poll::Pending => return None,
            Poll::There(answer) => answer,
            Poll::Lost => Err("the engine did not answer".to_owned()),
        };
        let has_set_aside = answer.is_ok() && self.queued == WaitingEvents::SetAside;
        let notice = match answer {
            Ok(Applied::InForce) if self.done.is_empty() => None,
            Ok(Applied::InForce) => Some(Notice::done(std::mem::take(&mut self.done))),
            Ok(Applied::NotAll(why)) => {
                Some(Notice::error(format!("Saved, but not all of it is in force. {why}")))
            }
            Err(error) => Some(Notice::error(format!("Not saved: {error}"))),
        };
        Some(Saved { notice, has_set_aside })
    }
}
