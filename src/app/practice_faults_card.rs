//! The practice stream's fault switches: a button in the head of Test that has the number of those that are on, and the card
//! that it opens. Shown only while the practice stream is the destination. The pipeline strip names the faults that are on.

use eframe::egui::{Align, Label, Layout, RichText, Ui};
use lucide_icons::Icon;

use super::{
    command::{Command, PracticeCommand},
    practice_faults::{self, PracticeFault},
    seen::Seen,
    theme::{tokens, weight},
    widgets,
};
use crate::{
    config::{DestinationKind, Operation},
    delivery::Ledger,
};

/// The switches are in two columns from this width on, so that all are in sight in a low window.
const TWO_COLUMNS_WIDTH_MIN: f32 = 560.0;

/// Whether the switches are shown.
#[derive(Default)]
pub(super) struct FaultsCard {
    is_open: bool,
    /// The card has just been opened: scroll to it.
    arrives: bool,
}

impl FaultsCard {
    pub(super) fn open(&mut self) {
        (self.is_open, self.arrives) = (true, true);
    }

    pub(super) fn close(&mut self) {
        self.is_open = false;
    }

    /// Draws the button that opens the card, and closes it again.
    pub(super) fn button_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        if seen.config.destination.kind != DestinationKind::Practice {
            return;
        }
        let count = seen.practice_faults().len();
        let label = match (self.is_open, count) {
            (true, _) => "Hide practice faults".to_owned(),
            (false, 0) => "Practice faults".to_owned(),
            (false, count) => format!("Practice faults: {count} on"),
        };
        let hint = "Make something go wrong in the practice stream, and see that no event is lost";
        if widgets::button_ui(ui, Icon::Bug, &label).on_hover_text(hint).clicked() {
            if self.is_open {
                self.close();
            } else {
                self.open();
            }
        }
    }

    /// Draws the card while it is open.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if !self.is_open || seen.config.destination.kind != DestinationKind::Practice {
            return;
        }
        let card = ui.scope(|ui| switches_ui(ui, seen)).response.rect;
        if std::mem::take(&mut self.arrives) {
            widgets::reveal(ui, card);
        }
        ui.add_space(4.0);
    }
}

fn switches_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    widgets::card_ui(ui, |ui| {
        ui.horizontal(|ui| {
            widgets::title_ui(ui, "Practice faults");
            widgets::pill_ui(ui, t.accent, "Practice stream only");
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| switch_off_ui(ui, seen));
        });
        let (first, second) = PracticeFault::ALL.split_at(PracticeFault::ALL.len().div_ceil(2));
        widgets::beside_ui(
            ui,
            TWO_COLUMNS_WIDTH_MIN,
            seen,
            |seen, ui| {
                for fault in first {
                    fault_ui(ui, seen, *fault);
                }
            },
            |seen, ui| {
                for fault in second {
                    fault_ui(ui, seen, *fault);
                }
                delete_ui(ui, seen);
            },
        );
        ui.add_space(2.0);
        ui.label(weight(sums(&seen.status.ledger), 560.0).color(t.strong));
        if seen.status.ledger.repeats_possible > 0 {
            widgets::hint_ui(ui, &repeats(&seen.status.ledger));
        }
    });
}

fn switch_off_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let name = "Switch all faults off";
    if !seen.practice_faults().is_empty()
        && widgets::button_ui(ui, Icon::PowerOff, "Switch all off").accessible_name(name).clicked()
    {
        seen.push(Command::Practice(PracticeCommand::SwitchAllOff));
    }
}

fn fault_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: PracticeFault) {
    let in_batches = seen.config.destination.operation == Operation::PutRecords;
    let has_effect = fault != PracticeFault::FailPartOfBatch || in_batches;
    let what = if has_effect { fault.effect() } else { "Needs batches: choose PutRecords under Set up" };
    let mut faults = seen.snapshot.faults;
    let mut is_on = fault.is_on(&faults);
    let switch = ui.add_enabled_ui(has_effect || is_on, |ui| switch_ui(ui, &mut is_on, fault.name(), what));
    if switch.inner {
        fault.set(&mut faults, is_on);
        seen.push(Command::Practice(PracticeCommand::SetFaults(faults)));
    }
}

fn delete_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let mut missing = seen.status.practice_missing;
    let what = "Deletes all its records too. Switching this off creates a new, empty stream";
    if switch_ui(ui, &mut missing, practice_faults::DELETE_STREAM, what) {
        seen.push(Command::Practice(PracticeCommand::SetDeleted(missing)));
    }
}

/// A switch, its name and what it does. True when it was flipped.
fn switch_ui(ui: &mut Ui, is_on: &mut bool, name: &str, what: &str) -> bool {
    let t = tokens(ui);
    ui.horizontal_top(|ui| {
        let flipped = widgets::switch_ui(ui, is_on, name).changed();
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.label(weight(name, 560.0));
            ui.add(Label::new(RichText::new(what).size(12.0).color(t.weak)).wrap());
        });
        flipped
    })
    .inner
}

/// The text of the ledger as a sum.
fn sums(ledger: &Ledger) -> String {
    format!(
        "{} accepted = {} delivered + {} queued + {} failed",
        widgets::digits(ledger.accepted),
        widgets::digits(ledger.delivered),
        widgets::digits(ledger.queued),
        widgets::digits(ledger.failed),
    )
}

/// The text about puts without a clear answer. Each record of each put is counted, so one event may be counted many times.
fn repeats(ledger: &Ledger) -> String {
    let puts = widgets::digits(ledger.repeats_possible);
    let events = match ledger.repeats_possible.min(ledger.accepted) {
        1 => "1 event".to_owned(),
        events => format!("{} events", widgets::digits(events)),
    };
    format!(
        "Records put without a clear answer: {puts}. Up to {events} may be in the stream more than once, with the same \
         messageId."
    )
}

/// The text of the pipeline's drawer while faults are on.
pub(super) fn text(names: &[&str]) -> String {
    format!("{}. Only the practice stream is affected; events are kept, and none is lost.", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_without_an_answer_are_no_more_events_than_there_are() {
        let text =
            |accepted, repeats_possible| repeats(&Ledger { accepted, repeats_possible, ..Ledger::default() });
        assert!(text(1, 13).starts_with("Records put without a clear answer: 13. Up to 1 event may be"));
        assert!(text(100, 3).contains("answer: 3.") && text(100, 3).contains("Up to 3 events may be"));
    }
}
