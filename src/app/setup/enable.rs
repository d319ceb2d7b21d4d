//! The enable step: the switch that turns delivery on or off at once, and the state of delivery.

use eframe::egui::{Label, RichText, Ui};
use lucide_icons::Icon;

use super::{
    super::{place::Place, seen::Seen, status_line, theme::tokens, widgets},
    check::Finding,
    step::{Mark, name_ui, step_ui},
};
use crate::{
    config::{Config, DestinationKind},
    delivery::ForwarderState,
};

/// Draws the step. `in_force`: the result of a check of the settings in force.
pub(super) fn enable_ui(ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, in_force: Finding, number: usize) {
    let t = tokens(ui);
    let forwarder = &seen.status.forwarder;
    let (meaning, is_in_doubt) = meaning(seen, in_force);
    let mark = match forwarder {
        ForwarderState::Disabled | ForwarderState::Blocked { .. } | ForwarderState::Offline { .. } => {
            Mark::Attention
        }
        ForwarderState::Running if is_in_doubt => Mark::Attention,
        ForwarderState::Running | ForwarderState::Throttled(_) | ForwarderState::Draining => Mark::Done,
    };
    step_ui(ui, number, "Enable", mark, |ui| {
        let mut enabled = seen.config.destination.enabled;
        let mut wanted = None;
        ui.horizontal_top(|ui| {
            if widgets::switch_ui(ui, &mut enabled, "Deliver events").changed() {
                wanted = Some(enabled);
            }
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                name_ui(ui, "Deliver events");
                let text =
                    "Takes effect at once. Off: events are accepted and wait in the spool, nothing is lost.";
                widgets::hint_ui(ui, text);
            });
        });
        if let Some(enabled) = wanted.filter(|_| !seen.saving) {
            let mut config = seen.config.clone();
            config.destination.enabled = enabled;
            seen.save(config, if enabled { "Events are delivered" } else { "Events wait in the spool" });
        }
        ui.horizontal_wrapped(|ui| {
            let color = status_line::forwarder_color(forwarder, t);
            widgets::pill_ui(ui, color, status_line::forwarder_word(forwarder));
            let text = format!("{meaning} → {}", status_line::destination_in_force(seen));
            ui.add(Label::new(RichText::new(text).color(t.weak)).wrap());
        });
        if draft.destination.kind == DestinationKind::Kinesis
            && widgets::button_ui(ui, Icon::FlaskConical, "Send a test event").clicked()
        {
            seen.go(Place::Test);
        }
    });
}

/// What the forwarder's state means, and whether delivery is in doubt. A running forwarder proves nothing about a destination
/// that has not taken an event yet.
fn meaning(seen: &Seen<'_>, in_force: Finding) -> (&'static str, bool) {
    let is_unproven = seen.config.destination.kind == DestinationKind::Kinesis && !seen.status.takes_records;
    match &seen.status.forwarder {
        ForwarderState::Running if is_unproven => match in_force {
            Finding::Bad => {
                let text = "The check failed, and no event has been delivered with these settings yet. Events wait \
                            in the spool until they can be.";
                (text, true)
            }
            Finding::Unknown | Finding::Good => {
                ("No event has been delivered with these settings yet. Events are put as they arrive.", false)
            }
        },
        forwarder => (status_line::forwarder_meaning(forwarder), false),
    }
}
