//! Failed events sent again, and delivered ones once more, as far as the window asks for it. One at a time; the notice at
//! the end says how many.

use std::time::Duration;

use eframe::egui;

use super::{Notice, Poll, Waiting, widgets};
use crate::{
    delivery::{Resent, Which},
    engine::Engine,
};

/// A million events are queued again in well under this.
const WAIT_MAX: Duration = Duration::from_mins(30);

#[derive(Default)]
pub(super) struct Resending {
    waiting: Option<Waiting<Result<Resent, String>>>,
}

impl Resending {
    /// Asks the engine; what is under way goes on, and the user is told so.
    pub(super) fn start(&mut self, engine: &Engine, which: Which) -> Option<Notice> {
        if self.waiting.is_some() {
            return Some(Notice::new("Events are being queued again already".to_owned(), true));
        }
        self.waiting = Some(Waiting::patient(engine.resend(which, None), WAIT_MAX));
        None
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context) -> Option<Notice> {
        let notice = match self.waiting.as_mut()?.poll(ctx) {
            Poll::Pending => return None,
            Poll::There(Ok(resent)) => Notice::new(told(&resent), resent.events() == 0),
            Poll::There(Err(error)) => Notice::new(format!("Not resent: {error}"), true),
            Poll::Lost => Notice::new("Not resent: the engine did not answer".to_owned(), true),
        };
        self.waiting = None;
        Some(notice)
    }
}

fn told(resent: &Resent) -> String {
    let damaged = match resent.damaged {
        0 => String::new(),
        count => format!("; {} are damaged on disk and stay failed", widgets::digits(count)),
    };
    match resent.events() {
        0 => format!("Nothing was queued again: it waits, was resent or is gone already{damaged}"),
        1 => format!("1 event was queued again{damaged}"),
        count => format!("{} events were queued again{damaged}", widgets::digits(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_queued_again_and_what_could_not_be_is_told() {
        let resent =
            |failed, replayed, damaged| told(&Resent { failed, replayed, damaged, ..Resent::default() });
        assert_eq!(resent(1, 0, 0), "1 event was queued again");
        assert_eq!(
            resent(1_000, 5, 2),
            "1\u{2009}005 events were queued again; 2 are damaged on disk and stay failed"
        );
        assert!(resent(0, 0, 0).starts_with("Nothing was queued again"));
    }
}
