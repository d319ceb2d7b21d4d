//! The row of one source: its name, its key, the buttons for it, and what it has sent since the start.

use eframe::egui::{self, Align, Frame, Label, Layout, Link, Margin, RichText, Stroke, Ui};
use lucide_icons::Icon;

use super::{check::Check, edit::Edit};
use crate::{
    app::{
        seen::Seen,
        theme::{self, tokens, weight},
        widgets,
    },
    config::Source,
    delivery::{Millis, RATE_SECONDS, SourceSeen},
};

/// A source is shown as active for this long after its last request.
const ACTIVE_FOR: Millis = 60_000;

/// For how long the row says that the share of the source in the spool was full.
const SHARE_FULL_FOR: Millis = 60_000;

/// The action of a button in the row.
pub(super) enum Act {
    Check,
    Copy,
    Reveal,
    ShowRejected,
    Edit(Edit),
}

pub(super) fn row_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    source: &Source,
    is_revealed: bool,
    check: &mut Option<Check>,
) -> Option<Act> {
    let visits = seen.status.sources.iter().find(|visits| *visits.name == *source.name);
    let mut act = None;
    let frame = Frame::new().stroke(Stroke::new(1.0, tokens(ui).line)).corner_radius(9);
    frame.inner_margin(Margin { left: 12, right: 6, top: 6, bottom: 8 }).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                act = actions_ui(ui, source, is_revealed);
                name_ui(ui, source, visits);
            });
        });
        if is_revealed {
            key_ui(ui, &source.write_key);
        }
        let is_checked = check.as_ref().is_some_and(|check| check.source == source.name);
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                let label = "Check this source";
                let name = format!("Check {}", source.name);
                if !is_checked && widgets::button_ui(ui, Icon::Radar, label).accessible_name(name).clicked() {
                    act = Some(Act::Check);
                }
                ui.with_layout(Layout::left_to_right(Align::Center).with_main_wrap(true), |ui| {
                    if visits_ui(ui, visits, seen.now) {
                        act = Some(Act::ShowRejected);
                    }
                });
            });
        });
        if let Some(key) = source.masked_retiring_key()
            && retiring_ui(ui, &source.name, &key)
        {
            act = Some(Act::Edit(Edit::Revoking(source.name.clone())));
        }
        if is_checked {
            check.take_if(|check| !check.ui(ui, seen));
        }
    });
    act
}

fn actions_ui(ui: &mut Ui, source: &Source, revealed: bool) -> Option<Act> {
    let mut act = None;
    ui.spacing_mut().item_spacing.x = 2.0;
    let of = |what: &str| format!("{what} {}", source.name);
    if widgets::icon_button_ui(ui, Icon::Trash2, &of("Remove")).clicked() {
        act = Some(Act::Edit(Edit::Removing(source.name.clone())));
    }
    if widgets::icon_button_ui(ui, Icon::RefreshCw, &of("New write key for")).clicked() {
        act = Some(Act::Edit(Edit::NewKey { source: source.name.clone(), keeps_old: true }));
    }
    if widgets::icon_button_ui(ui, Icon::Pencil, &of("Rename")).clicked() {
        let (source, name) = (source.name.clone(), source.name.clone());
        act = Some(Act::Edit(Edit::Renaming { source, name, focus: true }));
    }
    if widgets::icon_button_ui(ui, Icon::Copy, &of("Copy write key of")).clicked() {
        act = Some(Act::Copy);
    }
    let (eye, what) =
        if revealed { (Icon::EyeOff, "Hide write key of") } else { (Icon::Eye, "Show write key of") };
    if widgets::icon_button_ui(ui, eye, &of(what)).clicked() {
        act = Some(Act::Reveal);
    }
    act
}

/// The name, the library that its events name, and the end of the key, in the room that the buttons leave.
fn name_ui(ui: &mut Ui, source: &Source, visits: Option<&SourceSeen>) {
    let t = tokens(ui);
    ui.add_space(6.0);
    let key = source.masked_key();
    let room = (ui.available_width() * 0.6).max(60.0);
    ui.allocate_ui_with_layout(egui::vec2(room, 22.0), Layout::right_to_left(Align::Center), |ui| {
        ui.add(Label::new(RichText::new(key).monospace().color(t.weak)).truncate());
    });
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        ui.spacing_mut().item_spacing.x = 9.0;
        ui.label(theme::icon(Icon::Plug).color(t.weak));
        ui.add(Label::new(weight(&*source.name, 580.0).color(t.strong)).truncate());
        if let Some(visits) = visits {
            let library = visits.library.as_deref().unwrap_or("SDK not named");
            let library = RichText::new(library).size(12.0).color(t.weak);
            ui.add(Label::new(library).truncate()).on_hover_text("As its events say in context.library");
        }
    });
}

/// The whole key, on as many lines as it takes.
fn key_ui(ui: &mut Ui, key: &str) {
    ui.horizontal(|ui| {
        ui.label(theme::icon(Icon::KeyRound).color(tokens(ui).weak));
        ui.vertical(|ui| {
            ui.add(Label::new(RichText::new(key).monospace().color(tokens(ui).strong)).wrap());
        });
    });
}

/// Draws what the source has sent since the start. True when the user wants to see its rejected events.
fn visits_ui(ui: &mut Ui, visits: Option<&SourceSeen>, now: Millis) -> bool {
    let t = tokens(ui);
    let small = |text: String, color| RichText::new(text).size(12.0).color(color);
    ui.spacing_mut().item_spacing.x = 10.0;
    // A fact that does not fit moves to the next line as a whole.
    ui.style_mut().wrap_mode = Some(egui::TextWrapMode::Extend);
    let Some(visits) = visits else {
        widgets::dot_ui(ui, t.edge);
        ui.label(small("No events since Tributary started".to_owned(), t.weak));
        return false;
    };
    let is_active = now - visits.last_seen < ACTIVE_FOR;
    widgets::dot_ui(ui, if is_active { t.ok } else { t.edge });
    ui.label(small(format!("Last seen {}", widgets::ago_ui(ui, visits.last_seen, now)), t.text));
    ui.label(small(format!("{} events/s", widgets::rate(visits.per_sec)), t.text))
        .on_hover_text(format!("Accepted events a second, over the last {RATE_SECONDS} seconds"));
    ui.label(small(format!("{} accepted", widgets::digits(visits.accepted)), t.text))
        .on_hover_text("Since Tributary was started");
    if visits.share_full_at.is_some_and(|at| now - at < SHARE_FULL_FOR) {
        let hint = "Too many of its events wait: its senders get a 429 response and retry, other sources are not held up. \
                    See in Live why they are not delivered, or raise spool.max_source_percent.";
        ui.label(small("Spool share full".to_owned(), t.warn)).on_hover_text(hint);
    }
    let mut show = false;
    if visits.rejected > 0 {
        let link = Link::new(small(format!("{} rejected", widgets::digits(visits.rejected)), t.err));
        let hint = "Since Tributary was started. Shows them in Live, each with its reason.";
        show = ui.add(link).on_hover_text(hint).clicked();
    }
    show
}

/// Draws the previous key, which still works. True when the user revokes it.
fn retiring_ui(ui: &mut Ui, source: &str, masked_key: &str) -> bool {
    let t = tokens(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        ui.label(theme::icon(Icon::KeyRound).size(12.0).color(t.warn));
        ui.label(RichText::new("Old key still works").size(12.0).color(t.text));
        ui.label(RichText::new(masked_key).monospace().size(12.0).color(t.weak));
        let name = format!("Revoke old key of {source}");
        widgets::button_ui(ui, Icon::Ban, "Revoke").accessible_name(name).clicked()
    })
    .inner
}
