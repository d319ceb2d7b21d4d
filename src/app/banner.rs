//! Banners about what needs the user, below the page of every place: what happened, why, what to do, and a way there. They
//! are below the page so that nothing moves under the pointer when one comes. In a low window each is one line until it is
//! opened with a click.

use std::time::Duration;

use eframe::egui::{
    Align, Frame, Id, Label, Layout, Margin, RichText, ScrollArea, Sides, Stroke, Ui, UiBuilder, WidgetText,
};
use lucide_icons::Icon;

use super::{
    command::{Command, LogCommand, PracticeCommand},
    place::{self, Place},
    practice_faults_card,
    seen::Seen,
    sign_in,
    theme::{self, tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    config::Config,
    delivery::{AwsError, EventId, ForwarderState, Intake, Millis},
    event::shown,
    remedy::{self, Remedy},
};

/// Whether there is any banner.
pub(super) fn is_needed(seen: &Seen<'_>) -> bool {
    count(seen) > 0
}

/// How many banners there are.
fn count(seen: &Seen<'_>) -> usize {
    let ones = [
        matches!(seen.status.intake, Intake::Full | Intake::DiskFull | Intake::Failing(_)),
        seen.status.forwarder.fault().is_some(),
        seen.status.stuck.is_some(),
        seen.status.bound.is_some(),
        !seen.practice_faults().is_empty(),
    ];
    seen.status.problems.len() + ones.into_iter().filter(|is| *is).count()
}

/// Below this height of the window each banner is one line until it is opened.
const LOW: f32 = 720.0;
/// Below this height a banner that appears beside another one is one line. The other one does not change.
const LOW_FOR_ANOTHER: f32 = 900.0;
/// The key in egui's memory under which each banner finds whether there are others.
const SEVERAL: &str = "there are several banners";
/// All banners together take at most this share of the window's height; beyond it they scroll.
const SHARE_MAX: f32 = 0.45;

/// Draws all banners; returns their height.
pub(super) fn banner_ui(ui: &mut Ui, seen: &mut Seen<'_>) -> f32 {
    let height_max = ui.content_rect().height() * SHARE_MAX;
    let are_several = count(seen) > 1;
    ui.data_mut(|data| data.insert_temp(Id::unique(SEVERAL), are_several));
    // The panel is as high as the banners were in the frame before: they may ask for more.
    let scrolled = ScrollArea::vertical().max_height(height_max).min_scrolled_height(height_max);
    let shown = scrolled.auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        banners_ui(ui, seen);
        ui.add_space(12.0);
    });
    shown.content_size.y.min(height_max)
}

/// The banner that changes most often is at the top: they stand on the window's lower edge, so the banners below it do not
/// move when it changes.
fn banners_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    match &seen.status.forwarder {
        ForwarderState::Disabled | ForwarderState::Running | ForwarderState::Draining => {}
        ForwarderState::Throttled(fault) => forwarder_ui(ui, seen, Tone::Attention, fault, None),
        ForwarderState::Blocked { fault, next_try } => {
            forwarder_ui(ui, seen, Tone::Bad, fault, Some(*next_try));
        }
        ForwarderState::Offline { fault, next_try } => {
            forwarder_ui(ui, seen, Tone::Attention, fault, Some(*next_try));
        }
    }
    if let Some(stuck) = &seen.status.stuck {
        let [what, action] = remedy::stuck(stuck);
        let event = stuck.event;
        strip_ui(ui, Tone::Attention, "An event is refused", &format!("{what} {action}"), |ui| {
            if widgets::primary_button_ui(ui, Icon::ArrowRight, "Show the event", true).clicked() {
                seen.push(Command::ShowDelivery(event));
            }
            if widgets::button_ui(ui, Icon::Archive, "Set aside").clicked() {
                seen.push(Command::SetAsideStuck);
            }
        });
    }
    if let Some(bound) = &seen.status.bound {
        let text = remedy::bound(bound, seen.config).join(" ");
        strip_ui(ui, Tone::Note, "The queue grows", &text, |ui| {
            if widgets::button_ui(ui, Icon::ArrowRight, "Set up").clicked() {
                seen.go(Place::SetUp);
            }
        });
    }
    let faults = seen.practice_faults();
    if !faults.is_empty() {
        strip_ui(ui, Tone::Note, "Practice faults are on", &practice_faults_card::text(&faults), |ui| {
            if widgets::button_ui(ui, Icon::PowerOff, "Switch all off").clicked() {
                seen.push(Command::Practice(PracticeCommand::SwitchAllOff));
            }
        });
    }
    for problem in &seen.status.problems {
        strip_ui(ui, Tone::Bad, "Tributary needs attention", problem, |_| {});
    }
    intake_ui(ui, seen);
}

fn intake_ui(ui: &mut Ui, seen: &mut Seen<'_>) {
    match &seen.status.intake {
        Intake::Full => {
            let go_on = if seen.status.ledger.queued > 0 {
                "It accepts events again once some are delivered, or when you raise the spool size limit."
            } else {
                "Failed events fill it: fix the cause and resend them in Live, or raise the spool size limit."
            };
            let text = format!(
                "The spool is full. Senders get a 429 response and retry; no accepted event is lost. {go_on}"
            );
            strip_ui(ui, Tone::Bad, "No room for more events", &text, |ui| {
                if widgets::primary_button_ui(ui, Icon::ArrowRight, "Settings › Disk", true).clicked() {
                    seen.push(Command::ShowSetting("spool.max_bytes"));
                }
            });
        }
        Intake::DiskFull => {
            let text = disk_text(seen);
            strip_ui(ui, Tone::Bad, "Too little free space on the disk", &text, |ui| {
                if widgets::primary_button_ui(ui, Icon::ArrowRight, "Settings › Disk", true).clicked() {
                    seen.push(Command::ShowSetting("spool.min_free_bytes"));
                }
            });
        }
        Intake::Failing(error) => {
            let text = format!(
                "Senders get a 503 response and retry; no accepted event is lost. {}. Tributary tries again every second \
                 and accepts events again by itself.",
                widgets::capital(error)
            );
            strip_ui(ui, Tone::Bad, "The spool cannot be written", &text, |_| {});
        }
        Intake::Starting | Intake::Ready | Intake::Stopping => {}
    }
}

/// Names the setting and both sizes, because even a disk with much free space may have less than the setting requires.
fn disk_text(seen: &Seen<'_>) -> String {
    let min_free = seen.config.spool.min_free_bytes;
    let dir = &seen.snapshot.fixed.data_dir;
    let why = match seen.status.disk_free {
        Some(free) if free < min_free => format!(
            "The disk has {} free, and {} must stay free (spool.min_free_bytes).",
            widgets::bytes(free),
            widgets::bytes(min_free)
        ),
        // A little more than the limit is wanted before events are accepted again, and more after a write found no room.
        Some(free) => format!(
            "The disk has {} free, which is not enough to accept events again (spool.min_free_bytes is {}).",
            widgets::bytes(free),
            widgets::bytes(min_free)
        ),
        None => "A write found no room on the disk.".to_owned(),
    };
    format!(
        "{why} Senders get a 429 response and retry; delivery continues, and no accepted event is lost. Free space on \
         the disk of {dir}, or lower the limit in Settings; then Tributary accepts events again by itself."
    )
}

fn frame(tone: Tone, ui: &Ui) -> Frame {
    let color = tone.color(tokens(ui));
    Frame::new()
        .fill(color.gamma_multiply(0.10))
        .stroke(Stroke::new(1.0, color.gamma_multiply(0.45)))
        .corner_radius(10)
        .inner_margin(Margin::symmetric(14, 11))
        .outer_margin(Margin { left: 24, right: 20, top: 8, bottom: 0 })
}

fn strip_ui(ui: &mut Ui, tone: Tone, title: &str, text: &str, actions: impl FnOnce(&mut Ui)) {
    let t = tokens(ui);
    let words = WidgetText::from(weight(title, 640.0).color(t.strong));
    let body = |ui: &mut Ui| {
        ui.add(Label::new(RichText::new(shown::lines(text)).color(t.text)).wrap());
    };
    framed_ui(ui, tone, (title, words), body, |ui, _| actions(ui));
}

/// Whether the banner is one line until it is opened. This is decided when the banner appears, and again when the window's
/// height changes, so that no button moves when another banner comes or goes.
fn is_low(ui: &Ui, name: &str) -> bool {
    let (frame, height) = (ui.ctx().cumulative_frame_nr(), ui.content_rect().height());
    let id = Id::unique(("banner is low", name));
    let before: Option<(u64, f32, bool)> = ui.data(|data| data.get_temp(id));
    let is_low = match before {
        Some((at, high, was_low)) if at + 1 >= frame && (high - height).abs() < 0.5 => was_low,
        Some(_) | None => {
            let is_another = ui.data(|data| data.get_temp(Id::unique(SEVERAL))).unwrap_or(false);
            height < if is_another { LOW_FOR_ANOTHER } else { LOW }
        }
    };
    ui.data_mut(|data| data.insert_temp(id, (frame, height, is_low)));
    is_low
}

/// One banner: its title, its text, and its buttons. In a low window it is one line until it is opened; `actions`
/// gets whether it is open.
fn framed_ui(
    ui: &mut Ui,
    tone: Tone,
    (name, title): (&str, WidgetText),
    body: impl FnOnce(&mut Ui),
    actions: impl FnOnce(&mut Ui, bool),
) {
    let t = tokens(ui);
    let icon = theme::icon(tone.icon()).size(15.0).color(tone.color(t));
    let is_low = is_low(ui, name);
    let id = Id::unique(("banner is open", name));
    let is_open = !is_low || ui.data(|data| data.get_temp(id).unwrap_or(false));
    let turn_ui = |ui: &mut Ui| {
        let (icon, what) =
            if is_open { (Icon::ChevronDown, "Less about") } else { (Icon::ChevronUp, "More about") };
        if is_low && widgets::icon_button_ui(ui, icon, &format!("{what}: {name}")).clicked() {
            ui.data_mut(|data| data.insert_temp(id, !is_open));
            ui.request_repaint();
        }
    };
    if !is_open {
        let frame = frame(tone, ui).inner_margin(Margin { left: 14, right: 6, top: 4, bottom: 4 });
        frame.show(ui, |ui| {
            Sides::new().shrink_left().truncate().show(
                ui,
                |ui| {
                    ui.label(icon);
                    ui.add(Label::new(title).truncate());
                },
                |ui| {
                    turn_ui(ui);
                    actions(ui, false);
                },
            );
        });
        return;
    }
    frame(tone, ui).show(ui, |ui| {
        ui.take_available_width();
        ui.horizontal_top(|ui| {
            ui.label(icon);
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 3.0;
                ui.add(Label::new(title).wrap());
                body(ui);
                actions_ui(ui, |ui| {
                    actions(ui, true);
                    turn_ui(ui);
                });
            });
        });
    });
}

/// A row of buttons. Without buttons it takes no room.
fn actions_ui(ui: &mut Ui, actions: impl FnOnce(&mut Ui)) {
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

fn forwarder_ui(ui: &mut Ui, seen: &mut Seen<'_>, tone: Tone, fault: &AwsError, next_try: Option<Millis>) {
    let remedy = remedy::remedy(fault, seen.config);
    let title = widgets::words(ui, &remedy.what, 640.0, tokens(ui).strong).into();
    let body = |ui: &mut Ui| {
        words_ui(ui, &remedy, fault);
        // The remedy refers to the destination's message, so show it.
        if remedy.speaks_of_message() {
            said_ui(ui, fault);
        }
    };
    framed_ui(ui, tone, (&remedy.what, title), body, |ui, is_open| {
        if is_open {
            place_ui(ui, seen, &remedy, None);
        }
        if let Some(next_try) = next_try {
            if widgets::button_ui(ui, Icon::RotateCw, "Try now").clicked() {
                seen.push(Command::RetryNow);
            }
            countdown_ui(ui, next_try - seen.now, seen.status.ledger.queued > 0);
        }
        if let (Some(place), false) = (remedy.location, is_open)
            && widgets::button_ui(ui, Icon::ArrowRight, place.title()).clicked()
        {
            seen.push(Command::GoToRemedy(place));
        }
    });
}

fn words_ui(ui: &mut Ui, remedy: &Remedy, fault: &AwsError) {
    let t = tokens(ui);
    ui.add(Label::new(widgets::words(ui, &remedy.why, 450.0, t.weak)).wrap())
        .on_hover_text(shown::lines(&fault.to_string()));
    ui.add(Label::new(widgets::words(ui, &remedy.action, 540.0, t.text)).wrap());
}

fn place_ui(ui: &mut Ui, seen: &mut Seen<'_>, remedy: &Remedy, event: Option<Event>) {
    let failed =
        event.and_then(|event| event.failed).filter(|_| remedy.location == Some(remedy::Location::Live));
    if let Some(failed) = failed {
        let button = widgets::primary_button_ui(ui, Icon::RotateCw, "Resend this event", true);
        if button.on_hover_text("Queues this event again, behind waiting events").clicked() {
            seen.push(Command::Log(LogCommand::resend(failed)));
        }
    } else if let Some(place) = remedy.location
        && event.is_none_or(|event| place::of_remedy(place).0 != event.here)
        && widgets::primary_button_ui(ui, Icon::ArrowRight, place.title(), true).clicked()
    {
        seen.push(Command::GoToRemedy(place));
    }
    if let Some(what) = &remedy.sign_in {
        sign_in::sign_in_ui(ui, seen, what);
    }
    if let Some(link) = remedy.link {
        widgets::link_ui(ui, "What AWS says about it", link);
    }
}

fn countdown_ui(ui: &mut Ui, ms: Millis, something_waits: bool) {
    let t = tokens(ui);
    let text = if !something_waits {
        "Tries again with the next event".to_owned()
    } else if ms > 0 {
        ui.request_repaint_after(Duration::from_secs(1));
        format!("Tries again by itself in {} s", (ms + 999) / 1000)
    } else {
        "Trying …".to_owned()
    };
    ui.add(Label::new(RichText::new(text).color(t.weak)).selectable(false));
}

/// An event that a fault is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    /// The place where the event is shown. It gets no button that leads to itself.
    pub here: Place,
    /// The event's id if it has failed, so that it can be sent again.
    pub failed: Option<EventId>,
}

/// The remedy in a place's own column. If the remedy is to send `event` again, the button does that.
pub(super) fn remedy_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: &AwsError, event: Option<Event>) {
    if seen.status.forwarder.fault().is_some_and(|shown| shown.code == fault.code) {
        // The banner says the cause and what to do already.
        let what = remedy::remedy(fault, seen.config).what;
        card_ui(ui, Tone::Attention, &what, |ui| said_ui(ui, fault));
        return;
    }
    once_ui(ui, seen, fault, (&remedy::remedy_once(fault, seen.config), event));
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

fn once_ui(ui: &mut Ui, seen: &mut Seen<'_>, fault: &AwsError, (remedy, event): (&Remedy, Option<Event>)) {
    card_ui(ui, Tone::Attention, &remedy.what, |ui| {
        words_ui(ui, remedy, fault);
        said_ui(ui, fault);
        actions_ui(ui, |ui| place_ui(ui, seen, remedy, event));
    });
}

/// A frame in a place's own column that shows `what` happened; `rest` draws the content below it.
fn card_ui(ui: &mut Ui, tone: Tone, what: &str, rest: impl FnOnce(&mut Ui)) {
    let color = tokens(ui).strong;
    frame(tone, ui).outer_margin(Margin::ZERO).show(ui, |ui| {
        ui.take_available_width();
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.add(Label::new(widgets::words(ui, what, 640.0, color)).wrap());
        rest(ui);
    });
    ui.add_space(4.0);
}

/// The message of the destination, unchanged.
fn said_ui(ui: &mut Ui, fault: &AwsError) {
    let said = RichText::new(shown::lines(&fault.to_string())).monospace().size(11.5).color(tokens(ui).weak);
    ui.add(Label::new(said).wrap());
}
