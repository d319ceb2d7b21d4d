//! The remedy for an error: what happened, why, what to do, and a way there. In a card of a place's own column, and piece by
//! piece for the drawer of the pipeline strip.

use eframe::egui::{Align, Frame, Label, Layout, Margin, Response, RichText, Stroke, Ui, UiBuilder};
use lucide_icons::Icon;

use super::{
    command::{Command, LogCommand},
    place::{self, Place},
    seen::Seen,
    sign_in,
    theme::tokens,
    widgets::{self, Tone},
};
use crate::{
    config::Config,
    delivery::{AwsError, EventId, NewStream},
    event::shown,
    remedy::{self, Remedy},
};

/// An event that a fault is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// The place where the event is shown. It gets no button that leads to itself.
    pub here: Place,
    /// The event's id if it has failed, so that it can be sent again.
    pub failed: Option<EventId>,
    /// What made it fail is over: nothing has to be changed before it is sent again.
    pub is_cause_over: bool,
}

/// The remedy in a place's own column. If `event` has failed, a button sends it again.
pub(super) fn remedy_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: &AwsError, event: Option<Event>) {
    let is_shared = seen.status.forwarder.fault().is_some_and(|shown| shown.code == fault.code);
    let mut remedy = if is_shared {
        // Delivery as a whole has this fault, and is tried again by itself.
        remedy::remedy(fault, seen.config)
    } else {
        remedy::remedy_once(fault, seen.config)
    };
    if event.is_some_and(|event| event.is_cause_over) {
        "The destination did not take this event.".clone_into(&mut remedy.what);
        "The cause is over: the event's record fits now. Resend the event.".clone_into(&mut remedy.action);
    }
    once_ui(ui, seen, fault, (&remedy, event));
}

/// Shown instead of the remedy for a failed event that was resent since. `next`: the line in which it was resent.
pub(super) fn resent_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: &AwsError, next: Option<EventId>) {
    let what = remedy::remedy_once(fault, seen.config).what;
    card_ui(ui, Tone::Note, &what, |ui| {
        let color = tokens(ui).text;
        ui.add(Label::new(RichText::new("It was resent, as a new event in the log.").color(color)).wrap());
        said_ui(ui, fault);
        actions_ui(ui, |ui| {
            if let Some(next) = next
                && widgets::button_ui(ui, Icon::ArrowRight, "Show the resent event").clicked()
            {
                seen.push(Command::ShowDelivery(next));
            }
        });
    });
}

/// The remedy for a request that was made once and stores nothing, with settings that need not be in force. `here`: the place
/// that shows it. It gets no button that leads to itself.
pub(super) fn remedy_for_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    fault: &AwsError,
    config: &Config,
    here: Option<remedy::Location>,
) {
    let mut remedy = remedy::remedy_once(fault, config);
    remedy.location.take_if(|place| Some(*place) == here);
    once_ui(ui, seen, fault, (&remedy, None));
}

/// The remedy for a record that was put once.
pub(super) fn remedy_of_put_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: &AwsError, config: &Config) {
    once_ui(ui, seen, fault, (&remedy::remedy_of_put(fault, config), None));
}

/// The remedy for the creation of a stream, shown in Set up. `stream`: how it was to be created, and whether it was.
pub(super) fn remedy_of_new_stream_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    fault: &AwsError,
    config: &Config,
    stream: &NewStream,
) {
    let mut remedy = remedy::remedy_of_new_stream(fault, config, stream);
    remedy.location.take_if(|place| *place == remedy::Location::SetUpStream);
    once_ui(ui, seen, fault, (&remedy, None));
}

fn once_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: &AwsError, (remedy, event): (&Remedy, Option<Event>)) {
    card_ui(ui, Tone::Attention, &remedy.what, |ui| {
        words_ui(ui, remedy, fault);
        said_ui(ui, fault);
        actions_ui(ui, |ui| {
            ways_ui(ui, seen, remedy, event);
        });
    });
}

/// A frame in a place's own column that shows `what` happened; `rest` draws the content below it.
fn card_ui(ui: &mut Ui, tone: Tone, what: &str, rest: impl FnOnce(&mut Ui)) {
    let (strong, color) = (tokens(ui).strong, tone.color(tokens(ui)));
    let frame = Frame::new()
        .fill(color.gamma_multiply(0.10))
        .stroke(Stroke::new(1.0, color.gamma_multiply(0.45)))
        .corner_radius(10)
        .inner_margin(Margin::symmetric(14, 11));
    frame.show(ui, |ui| {
        ui.take_available_width();
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.add(Label::new(widgets::words(ui, what, 640.0, strong)).wrap());
        rest(ui);
    });
    ui.add_space(4.0);
}

/// Why it happens, and what to do.
pub(super) fn words_ui(ui: &mut Ui, remedy: &Remedy, fault: &AwsError) {
    let t = tokens(ui);
    ui.add(Label::new(widgets::words(ui, &remedy.why, 450.0, t.weak)).wrap())
        .on_hover_text(shown::lines(&fault.to_string()));
    ui.add(Label::new(widgets::words(ui, &remedy.action, 540.0, t.text)).wrap());
}

/// The message of the destination, unchanged.
pub(super) fn said_ui(ui: &mut Ui, fault: &AwsError) {
    let said = RichText::new(shown::lines(&fault.to_string())).monospace().size(11.5).color(tokens(ui).weak);
    ui.add(Label::new(said).wrap());
}

/// The buttons that lead to the remedy: to sign in, to the place where to act, to resend the event. The first is the primary
/// one: a resend only if nothing has to be changed before it. True if there is any.
pub(super) fn ways_ui(ui: &mut Ui, seen: &mut Seen<'_>, remedy: &Remedy, event: Option<Event>) -> bool {
    let mut has_primary = remedy.sign_in.is_some();
    if let Some(what) = &remedy.sign_in {
        sign_in::sign_in_ui(ui, seen, what);
    }
    let failed = event.and_then(|event| event.failed).filter(|_| remedy.location.is_some());
    let only_resend = failed.is_some()
        && (remedy.location == Some(remedy::Location::Live)
            || event.is_some_and(|event| event.is_cause_over));
    if let Some(place) = remedy.location.filter(|place| !only_resend && leads_on(*place, event)) {
        if way_ui(ui, !has_primary, Icon::ArrowRight, place.title()).clicked() {
            seen.push(Command::GoToRemedy(place));
        }
        has_primary = true;
    }
    if let Some(failed) = failed {
        let button = way_ui(ui, !has_primary, Icon::RotateCw, "Resend this event");
        if button.on_hover_text("Queues this event again, behind waiting events").clicked() {
            seen.push(Command::Log(LogCommand::resend(failed)));
        }
        has_primary = true;
    }
    if let Some(link) = remedy.link {
        widgets::link_ui(ui, "What AWS says about it", link);
    }
    has_primary
}

/// Whether the way to this place leads somewhere else than to where the event is shown.
fn leads_on(place: remedy::Location, event: Option<Event>) -> bool {
    // The switches are in Test, but hidden until they are asked for.
    place == remedy::Location::PracticeFaults
        || event.is_none_or(|event| place::of_remedy(place).0 != event.here)
}

/// A button that is the primary one among those beside it, or not.
pub(super) fn way_ui(ui: &mut Ui, is_primary: bool, icon: Icon, label: &str) -> Response {
    if is_primary {
        widgets::primary_button_ui(ui, icon, label, true)
    } else {
        widgets::button_ui(ui, icon, label)
    }
}

/// A row of buttons. Without buttons it takes no room.
pub(super) fn actions_ui(ui: &mut Ui, actions: impl FnOnce(&mut Ui)) {
    const GAP: f32 = 4.0;
    let mut place = ui.available_rect_before_wrap();
    place.min.y += GAP;
    place.max.y = place.min.y + ui.spacing().interact_size.y;
    let layout = Layout::left_to_right(Align::Center).with_main_wrap(true);
    let mut row = ui.new_child(UiBuilder::new().max_rect(place).layout(layout));
    actions(&mut row);
    if row.min_rect().width() > 0.0 {
        ui.advance_cursor_after_rect(row.min_rect());
    }
}
