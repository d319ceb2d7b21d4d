//! Whether the endpoint would accept the event that is being composed, and why not.

use eframe::egui::{Label, RichText, Ui};
use lucide_icons::Icon;

use crate::{
    app::{
        seen::Seen,
        theme::{self, tokens},
        widgets,
    },
    delivery::Intake,
};

pub(super) fn has_source(seen: &Seen<'_>) -> bool {
    !seen.config.capture.sources.is_empty() || !seen.config.capture.require_write_key
}

/// Why the endpoint accepts no event now, to follow "This is a valid event, but".
pub(super) fn closed_reason(seen: &Seen<'_>) -> Option<&'static str> {
    match &seen.status.intake {
        Intake::Full => Some("the endpoint refuses all events for now: the spool is full"),
        Intake::DiskFull => {
            Some("the endpoint refuses all events for now: the disk has too little free space")
        }
        Intake::Failing(_) => Some("the endpoint refuses all events for now: the spool cannot be written"),
        Intake::Stopping => Some("the endpoint refuses all events: it is stopping"),
        Intake::Starting | Intake::Ready if !has_source(seen) => {
            Some("there is no source, and without a write key the endpoint refuses it")
        }
        Intake::Starting | Intake::Ready => None,
    }
}

/// Whether the endpoint will accept the event. `closed`: why it accepts none now.
pub(super) fn verdict_ui(ui: &mut Ui, error: Option<&str>, closed: Option<&str>) {
    let t = tokens(ui);
    if error.is_some() {
        widgets::error_ui(ui, error);
        return;
    }
    if let Some(closed) = closed {
        let text = format!("This is a valid event, but {closed}");
        ui.add(Label::new(RichText::new(text).size(12.0).color(t.warn)).wrap());
        return;
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        ui.label(theme::icon(Icon::Check).size(12.0).color(t.ok));
        ui.label(RichText::new("The endpoint will accept it").size(12.0).color(t.weak));
    });
}
