//! The practice stream's fault switches: what goes wrong, so that the user can watch how nothing is lost. Shown only
//! where the practice stream is the destination; a banner names those that are on.

use std::time::Duration;

use eframe::egui::{Label, RichText, Ui};
use lucide_icons::Icon;

use super::{
    Seen, Wish,
    theme::{tokens, weight},
    widgets,
};
use crate::{
    config::{DestinationKind, Operation},
    delivery::Ledger,
    engine::Faults,
};

/// How often, and how slow.
const THROTTLED: f32 = 0.5;
const FAILED: f32 = 0.3;
const CUT_OFF: f32 = 0.3;
const SLOW: Duration = Duration::from_secs(2);

/// One switch.
struct Switch {
    name: &'static str,
    /// What it does, for the user.
    what: &'static str,
    is_on: fn(&Faults) -> bool,
    set: fn(&mut Faults, bool),
}

const SWITCHES: [Switch; 5] = [
    Switch {
        name: THROTTLE,
        what: "Half of the puts are refused, as by a stream over its throughput limit",
        is_on: |faults| faults.throttle > 0.0,
        set: |faults, on| faults.throttle = if on { THROTTLED } else { 0.0 },
    },
    Switch {
        name: FAIL_A_PART,
        what: "Three in ten records of a batch fail; the others are stored",
        is_on: |faults| faults.fail_records > 0.0,
        set: |faults, on| faults.fail_records = if on { FAILED } else { 0.0 },
    },
    Switch {
        name: CUT,
        what: "Three in ten answers never arrive; half of those records are stored anyway",
        is_on: |faults| faults.cut_connection > 0.0,
        set: |faults, on| faults.cut_connection = if on { CUT_OFF } else { 0.0 },
    },
    Switch {
        name: EXPIRE,
        what: "Every call is refused, as by AWS when temporary keys have expired",
        is_on: |faults| faults.expired_credentials,
        set: |faults, on| faults.expired_credentials = on,
    },
    Switch {
        name: SLOW_ANSWERS,
        what: "Each answer takes two seconds",
        is_on: |faults| !faults.delay.is_zero(),
        set: |faults, on| faults.delay = if on { SLOW } else { Duration::ZERO },
    },
];

pub(super) const THROTTLE: &str = "Throttle";
pub(super) const FAIL_A_PART: &str = "Fail a part of each batch";
pub(super) const CUT: &str = "Cut the connection";
pub(super) const EXPIRE: &str = "Expire the credentials";
pub(super) const SLOW_ANSWERS: &str = "Slow answers";
pub(super) const DELETE: &str = "Delete the stream";
/// Why they cannot be switched on.
pub(super) const NEED_PRACTICE: &str = "Practice faults need the practice stream as the destination";

/// The names of the faults that are on; none where the destination is not the practice stream.
pub(super) fn on(seen: &Seen<'_>) -> Vec<&'static str> {
    if seen.config.destination.kind != DestinationKind::Practice {
        return Vec::new();
    }
    let faults = seen.engine.faults();
    let mut names: Vec<_> =
        SWITCHES.iter().filter(|switch| (switch.is_on)(&faults)).map(|switch| switch.name).collect();
    if faults.access_denied {
        names.push("No permission");
    }
    if faults.server_error > 0.0 {
        names.push("Internal errors");
    }
    if faults.shard_limits {
        names.push("Shard limits");
    }
    if seen.status.practice_missing {
        names.push("Stream deleted");
    }
    names
}

/// Switches the fault of that name on, or off again, and says so. Only where the practice stream is in force.
pub(super) fn toggle(seen: &mut Seen<'_>, name: &'static str) {
    let is_on = if let Some(switch) = SWITCHES.iter().find(|switch| switch.name == name) {
        let mut faults = seen.engine.faults();
        let is_on = !(switch.is_on)(&faults);
        (switch.set)(&mut faults, is_on);
        seen.engine.set_faults(faults);
        is_on
    } else if seen.status.practice_missing {
        seen.engine.make_practice_stream();
        false
    } else {
        seen.engine.delete_practice_stream();
        true
    };
    seen.wishes.push(Wish::Notice(format!("{name}: {}", if is_on { "on" } else { "off" })));
}

/// Everything works again.
pub(super) fn switch_off(seen: &Seen<'_>) {
    seen.engine.set_faults(Faults::default());
    if seen.status.practice_missing {
        seen.engine.make_practice_stream();
    }
}

/// The card with the switches.
pub(super) fn card_ui(ui: &mut Ui, seen: &Seen<'_>) {
    let t = tokens(ui);
    widgets::card_ui(ui, |ui| {
        ui.horizontal(|ui| {
            widgets::title_ui(ui, "Practice faults");
            widgets::pill_ui(ui, t.accent, "Practice stream only");
        });
        widgets::hint_ui(ui, "Make something go wrong, send events, and see that none is lost.");
        let mut faults = seen.engine.faults();
        let before = faults;
        for switch in &SWITCHES {
            let in_batches = seen.config.destination.operation == Operation::PutRecords;
            let has_effect = switch.name != FAIL_A_PART || in_batches;
            let what = if has_effect { switch.what } else { "Needs batches: choose PutRecords under Set up" };
            let mut is_on = (switch.is_on)(&faults);
            ui.add_enabled_ui(has_effect || is_on, |ui| switch_ui(ui, &mut is_on, switch.name, what));
            (switch.set)(&mut faults, is_on);
        }
        if faults != before {
            seen.engine.set_faults(faults);
        }
        let mut missing = seen.status.practice_missing;
        let what = "Deletes all its records too. Switching this off creates a new, empty stream";
        if switch_ui(ui, &mut missing, DELETE, what) {
            if missing {
                seen.engine.delete_practice_stream();
            } else {
                seen.engine.make_practice_stream();
            }
        }
        ui.add_space(2.0);
        ui.label(weight(sums(&seen.status.ledger), 560.0).color(t.strong));
        if seen.status.ledger.repeats_possible > 0 {
            widgets::hint_ui(ui, &repeats(&seen.status.ledger));
        }
        if !on(seen).is_empty() && widgets::button_ui(ui, Icon::PowerOff, "Switch all faults off").clicked() {
            switch_off(seen);
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

/// The ledger as a sum.
fn sums(ledger: &Ledger) -> String {
    format!(
        "{} accepted = {} delivered + {} queued + {} failed",
        widgets::digits(ledger.accepted),
        widgets::digits(ledger.delivered),
        widgets::digits(ledger.queued),
        widgets::digits(ledger.failed),
    )
}

/// What puts without a clear answer mean. Each record of each put counts by itself: many of them may be of one event.
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

/// The text of the banner while faults are on.
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

    #[test]
    fn each_switch_switches_its_own_fault_on_and_off() {
        for switch in &SWITCHES {
            let mut faults = Faults::default();
            assert!(!(switch.is_on)(&faults), "{}", switch.name);
            (switch.set)(&mut faults, true);
            assert!((switch.is_on)(&faults), "{}", switch.name);
            let others = SWITCHES.iter().filter(|other| (other.is_on)(&faults)).count();
            assert_eq!(others, 1, "{}", switch.name);
            (switch.set)(&mut faults, false);
            assert_eq!(faults, Faults::default(), "{}", switch.name);
        }
    }
}
