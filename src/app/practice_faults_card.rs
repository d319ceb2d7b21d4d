//! The card with the practice stream's fault switches. Shown only while the practice stream is the destination. The
//! pipeline strip names the faults that are on.

use eframe::egui::{Label, RichText, Ui};
use lucide_icons::Icon;

use super::{
    command::{Command, PracticeCommand},
    practice_faults::{self, PracticeFault},
    seen::Seen,
    theme::{tokens, weight},
    widgets,
};
use crate::{config::Operation, delivery::Ledger};

pub(super) fn card_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    let t = tokens(ui);
    widgets::card_ui(ui, |ui| {
        ui.horizontal(|ui| {
            widgets::title_ui(ui, "Practice faults");
            widgets::pill_ui(ui, t.accent, "Practice stream only");
        });
        widgets::hint_ui(ui, "Make something go wrong, send events, and see that none is lost.");
        let mut faults = seen.snapshot.faults;
        for fault in PracticeFault::ALL {
            let in_batches = seen.config.destination.operation == Operation::PutRecords;
            let has_effect = fault != PracticeFault::FailPartOfBatch || in_batches;
            let what =
                if has_effect { fault.effect() } else { "Needs batches: choose PutRecords under Set up" };
            let mut is_on = fault.is_on(&faults);
            ui.add_enabled_ui(has_effect || is_on, |ui| switch_ui(ui, &mut is_on, fault.name(), what));
            fault.set(&mut faults, is_on);
        }
        if faults != seen.snapshot.faults {
            seen.push(Command::Practice(PracticeCommand::SetFaults(faults)));
        }
        let mut missing = seen.status.practice_missing;
        let what = "Deletes all its records too. Switching this off creates a new, empty stream";
        if switch_ui(ui, &mut missing, practice_faults::DELETE_STREAM, what) {
            seen.push(Command::Practice(PracticeCommand::SetDeleted(missing)));
        }
        ui.add_space(2.0);
        ui.label(weight(sums(&seen.status.ledger), 560.0).color(t.strong));
        if seen.status.ledger.repeats_possible > 0 {
            widgets::hint_ui(ui, &repeats(&seen.status.ledger));
        }
        if !seen.practice_faults().is_empty()
            && widgets::button_ui(ui, Icon::PowerOff, "Switch all faults off").clicked()
        {
            seen.push(Command::Practice(PracticeCommand::SwitchAllOff));
        }
    });
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
