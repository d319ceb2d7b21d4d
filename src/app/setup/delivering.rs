//! The state of delivery, and the switch that turns it on or off at once.

use eframe::egui::{Label, RichText, Ui};

use super::{
    super::{remedy_card, seen::Seen, status_line, theme::tokens, widgets},
    check::Finding,
    step::{Mark, mark_ui, name_ui},
};
use crate::{config::DestinationKind, delivery::ForwarderState, remedy};

/// Draws the title of the card with the mark of delivery. `in_force`: the result of a check of the settings in force.
pub(super) fn title_ui(ui: &mut Ui, seen: &Seen<'_>, title: &str, in_force: Finding) {
    let t = tokens(ui);
    let forwarder = &seen.status.forwarder;
    let mark = match forwarder {
        ForwarderState::Disabled | ForwarderState::Blocked { .. } | ForwarderState::Offline { .. } => {
            Mark::Attention
        }
        ForwarderState::Running if meaning(seen, in_force).1 => Mark::Attention,
        ForwarderState::Running | ForwarderState::Throttled(_) | ForwarderState::Draining => Mark::Done,
    };
    ui.horizontal(|ui| {
        mark_ui(ui, "Delivery", 0, mark);
        widgets::title_ui(ui, title);
        let color = status_line::forwarder_color(forwarder, t);
        widgets::pill_ui(ui, color, status_line::forwarder_word(forwarder));
    });
}

/// Draws what the state means, and the switch.
pub(super) fn delivering_ui(ui: &mut Ui, seen: &mut Seen<'_>, in_force: Finding) {
    let t = tokens(ui);
    ui.add(Label::new(RichText::new(meaning(seen, in_force).0).color(t.weak)).wrap());
    if let ForwarderState::Blocked { fault, .. } | ForwarderState::Offline { fault, .. } =
        &seen.status.forwarder
    {
        let remedy = remedy::remedy(fault, seen.config);
        ui.add(Label::new(widgets::words(ui, &remedy.what, 600.0, t.text)).wrap());
        remedy_card::words_ui(ui, &remedy, fault);
        remedy_card::said_ui(ui, fault);
    }
    ui.add_space(2.0);
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
