//! The window's part of a resend of failed or delivered events: the sheet that first says how many events match, and the
//! notice at the end with the number that was queued. One resend at a time.

use std::{num::NonZeroU32, time::Duration};

use eframe::egui::{self, Label, RichText, Ui};
use lucide_icons::Icon;

use super::{
    command::{Command, LogCommand},
    notice::Notice,
    seen::Seen,
    sheet::modal,
    theme::tokens,
    waiting::{Poll, Waiting, arrived},
    widgets,
};
use crate::{
    delivery::{Query, ResendSelection, Resent, State},
    engine::Answer,
};

/// Maximum wait. It is long, because a resend with a rate may take days.
const WAIT_MAX: Duration = Duration::from_hours(24 * 365);

/// Maximum wait for a count, which reads every matching line.
const COUNT_MAX: Duration = Duration::from_mins(10);

#[derive(Default)]
pub(super) struct Resending {
    waiting: Option<Waiting<Result<Resent, String>>>,
    /// The number of events that was counted for the resend under way.
    of: Option<u64>,
    sheet: Option<Sheet>,
}

/// Which of the matching events to resend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    Failed,
    Delivered,
}

/// The sheet that is shown before anything is queued.
struct Sheet {
    /// The search, as the user wrote it.
    text: String,
    query: Query,
    meant: Meant,
    counted: Meant,
    rate: String,
    counting: Option<Waiting<Result<Resent, String>>>,
    count: Option<Result<Resent, String>>,
}

impl Sheet {
    fn which(&self) -> ResendSelection {
        let state = match self.meant {
            Meant::Failed => State::Failed,
            Meant::Delivered => State::Delivered,
        };
        ResendSelection::Fitting(Box::new(Query { states: vec![state], by: None, ..self.query.clone() }))
    }

    /// The events to count next, if the last count was of other ones.
    fn take_uncounted(&mut self) -> Option<ResendSelection> {
        if self.meant == self.counted {
            return None;
        }
        self.count = None;
        self.counting = None;
        self.counted = self.meant;
        Some(self.which())
    }

    fn rate(&self) -> Result<Option<NonZeroU32>, &'static str> {
        match self.rate.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_no_number| "A whole number of at least 1, or empty"),
        }
    }

    /// How many events there are to queue; `None` while that is not known.
    fn events(&self) -> Option<u64> {
        self.count.as_ref()?.as_ref().ok().map(Resent::events)
    }

    /// Says how many events would be queued.
    fn count_ui(&self, ui: &mut Ui) {
        match &self.count {
            None => {
                ui.horizontal(|ui| {
                    ui.spinner();
                    widgets::hint_ui(ui, "Counting; nothing is queued yet …");
                });
            }
            Some(Err(error)) => {
                widgets::message_ui(ui, widgets::Tone::Bad, &format!("Not counted: {error}"));
            }
            Some(Ok(count)) => widgets::message_ui(ui, widgets::Tone::Note, &would(count, self.meant)),
        }
    }

    /// Draws the sheet. `Some(true)`: resend; `Some(false)`: the user has cancelled. `is_busy`: another resend is under way.
    fn ui(&mut self, ui: &Ui, is_busy: bool) -> Option<bool> {
        let mut answer = None;
        let modal = modal(ui, "resend").show(ui, |ui| {
            let t = tokens(ui);
            ui.set_width(470.0);
            ui.spacing_mut().item_spacing.y = 8.0;
            widgets::title_ui(ui, "Resend events");
            let text = match self.text.trim() {
                "" => "From all events in the log:".to_owned(),
                text => format!("From the events that match `{}`:", text.replace('`', "'")),
            };
            ui.add(Label::new(widgets::words(ui, &text, 480.0, t.weak)).wrap());
            let choices = [
                (Meant::Failed, "Failed events", "Send them again once the cause is fixed."),
                (Meant::Delivered, "Delivered events", "A replay: each event is put into the stream once more."),
            ];
            widgets::choices_ui(ui, &mut self.meant, &choices);
            self.count_ui(ui);
            if self.meant == Meant::Delivered && self.events().is_some_and(|events| events > 0) {
                let text =
                    "Consumers get each of these a second time, with the same messageId. The log lists each as a new \
                     event with the mark “Resend”.";
                widgets::message_ui(ui, widgets::Tone::Attention, text);
            }
            let label = "Maximum events per second";
            let rate = self.rate();
            let hint = "As fast as the disk takes them";
            let field = widgets::field_ui(ui, label, &mut self.rate, hint, rate.err());
            ui.add(Label::new(RichText::new("They are queued behind waiting events, oldest first.").color(t.weak)));
            if is_busy {
                let text = "Events are already being resent. Wait for that to end, or stop it.";
                widgets::message_ui(ui, widgets::Tone::Attention, text);
            }
            widgets::answers_ui(ui, |ui| {
                let events = self.events().filter(|events| *events > 0 && rate.is_ok());
                let label = match events {
                    Some(1) => "Resend 1 event".to_owned(),
                    Some(events) => format!("Resend {} events", widgets::digits(events)),
                    None => "Resend".to_owned(),
                };
                let can = events.is_some() && !is_busy;
                let button = widgets::primary_button_ui(ui, Icon::RotateCw, &label, can);
                if button.clicked() || (can && widgets::is_answered_with_enter(ui, &[&field])) {
                    answer = Some(true);
                }
                if widgets::button_ui(ui, Icon::X, "Cancel").clicked() {
                    answer = Some(false);
                }
            });
        });
        answer.or(modal.should_close().then_some(false))
    }
}

impl Resending {
    pub(super) fn is_under_way(&self) -> bool {
        self.waiting.is_some()
    }

    /// Records that the engine was asked to resend. `count`: the number of events, if they were counted.
    pub(super) fn started(&mut self, answer: Answer<Result<Resent, String>>, count: Option<u64>) {
        self.waiting = Some(Waiting::at_most(WAIT_MAX, answer));
        self.of = count;
    }

    /// Takes the answer of the count for the sheet.
    pub(super) fn count_coming(&mut self, answer: Answer<Result<Resent, String>>) {
        if let Some(sheet) = &mut self.sheet {
            sheet.counting = Some(Waiting::at_most(COUNT_MAX, answer));
        }
    }

    /// Opens the sheet for the events that this search finds. Returns the events to count.
    pub(super) fn ask(&mut self, text: String, query: Query) -> ResendSelection {
        let meant = if query.states == [State::Delivered] { Meant::Delivered } else { Meant::Failed };
        let sheet =
            Sheet { text, query, meant, counted: meant, rate: String::new(), counting: None, count: None };
        let which = sheet.which();
        self.sheet = Some(sheet);
        which
    }

    pub(super) fn is_open(&self) -> bool {
        self.sheet.is_some()
    }

    /// Draws the sheet while it is open.
    pub(super) fn ui(&mut self, ui: &Ui, seen: &mut Seen<'_>) {
        let Some(sheet) = &mut self.sheet else { return };
        let answer = sheet.ui(ui, self.waiting.is_some());
        if let Some(which) = sheet.take_uncounted() {
            seen.push(Command::Log(LogCommand::CountResend(which)));
        }
        let Some(do_it) = answer else { return };
        let Some(sheet) = self.sheet.take().filter(|_| do_it) else { return };
        let (which, count, rate) = (sheet.which(), sheet.events(), sheet.rate().unwrap_or_default());
        seen.push(Command::Log(LogCommand::Resend { which, rate, count }));
    }

    /// The number of events that was counted for the resend under way.
    pub(super) fn count(&self) -> Option<u64> {
        self.of.filter(|_| self.waiting.is_some())
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context) -> Option<Notice> {
        if let Some(sheet) = &mut self.sheet
            && let Some(count) = arrived(&mut sheet.counting, ctx)
        {
            sheet.count = Some(count);
        }
        let notice = match self.waiting.as_mut()?.poll(ctx) {
            Poll::Pending => return None,
            Poll::There(Ok(resent)) if resent.events() == 0 => Notice::error(told(&resent)),
            Poll::There(Ok(resent)) => Notice::done(told(&resent)),
            Poll::There(Err(error)) => Notice::error(format!("Not resent: {error}")),
            Poll::Lost => Notice::error("Not resent: the engine did not answer"),
        };
        self.waiting = None;
        Some(notice)
    }
}

/// The text that says what a resend would do.
fn would(count: &Resent, meant: Meant) -> String {
    let state = match meant {
        Meant::Failed => "failed",
        Meant::Delivered => "delivered",
    };
    let passed_over = match count.passed_over {
        0 => String::new(),
        1 => " 1 more is skipped: it is a replay of an event that is in the log.".to_owned(),
        more => {
            format!(
                " {} more are skipped: they are replays of events that are in the log.",
                widgets::digits(more)
            )
        }
    };
    let events = match count.events() {
        0 => format!("No {state} event matches: there is nothing to resend."),
        1 => format!("1 {state} event, {} of JSON.", widgets::bytes(count.bytes)),
        events => {
            format!("{} {state} events, {} of JSON.", widgets::digits(events), widgets::bytes(count.bytes))
        }
    };
    events + &passed_over
}

fn told(resent: &Resent) -> String {
    let damaged = match resent.damaged {
        0 => String::new(),
        count => format!("; {} are damaged on disk and stay failed", widgets::digits(count)),
    };
    match resent.events() {
        0 => format!("Nothing was resent: the events are waiting, were resent before, or are gone{damaged}"),
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
        assert!(resent(0, 0, 0).starts_with("Nothing was resent"));
    }

    #[test]
    fn what_would_be_queued_is_told_before_it_is() {
        let count = Resent { failed: 1_204, bytes: 2048, passed_over: 1, ..Resent::default() };
        let words = "1\u{2009}204 failed events, 2.0 KiB of JSON. 1 more is skipped: it is a replay of an event that \
                     is in the log.";
        assert_eq!(would(&count, Meant::Failed), words);
        let nothing = "No delivered event matches: there is nothing to resend.";
        assert_eq!(would(&Resent::default(), Meant::Delivered), nothing);
    }
}
