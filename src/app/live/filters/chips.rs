//! The chips below the search field: states and types to search for, and counts of the whole log.

use eframe::egui::{self, Button, RichText, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};
use lucide_icons::Icon;

use super::{
    super::{menu::menu_ui, records},
    facts::Facts,
};
use crate::{
    app::{
        detail,
        seen::Seen,
        theme::{self, tokens, weight},
        widgets::{self, FigureText},
    },
    delivery::{Ledger, Query, State, query::QueryKey},
    event::Kind,
};

/// Draws the chips; if one was pressed, the key of the query with its new values. They show what the tokens in the search
/// field say, and change them.
pub(super) fn chips_ui(
    ui: &mut Ui,
    seen: &Seen<'_>,
    shown: &Query,
    facts: &Facts,
) -> Option<(QueryKey, Vec<&'static str>)> {
    let t = tokens(ui);
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(5.0, 6.0);
        ui.spacing_mut().button_padding = vec2(7.0, 3.0);
        ui.spacing_mut().interact_size.y = 26.0;
        let ledger = &seen.status.ledger;
        // The sums are of the whole log. Beside a search they would look like the counts of the search.
        let shows_counts = is_all_but_states(shown);
        let retrying = facts.retrying;
        if shows_counts {
            accepted_ui(ui, ledger);
        }
        for state in State::ALL {
            let of_log = match state {
                State::Queued => ledger.queued.saturating_sub(retrying),
                State::Retrying => retrying,
                State::Delivered => ledger.delivered,
                State::Failed => ledger.failed,
                State::Resent => ledger.resent,
                State::Rejected => ledger.rejected,
            };
            let on = shown.states.contains(&state);
            let found = facts.by_state.map(|counts| counts.of(state));
            let count = if shows_counts { Some(of_log) } else { found };
            if state == State::Resent && of_log == 0 && !on {
                continue;
            }
            let color = detail::state_color(state, t);
            if chip_ui(ui, on, Some(color), detail::state_word(state), count) {
                chosen = Some((QueryKey::State, toggled(&shown.states, state, State::as_str)));
            }
            if state == State::Queued {
                let hint = "In flight to the stream; an event stays queued until the stream has confirmed it";
                figure_ui(ui, "Sending", widgets::digits(seen.status.sending)).on_hover_text(hint);
            }
        }
        if shows_counts && seen.status.pruned > 0 {
            figure_ui(ui, "Removed from the log", widgets::digits(seen.status.pruned))
                .on_hover_text(removed(seen.status.pruned, seen.config.log.keep_events));
        }
        if shows_counts && ledger.rejected_unkept > 0 {
            let hint = "Rejected events that came too fast to keep each of them. The counts include them.";
            figure_ui(ui, "Not kept", widgets::digits(ledger.rejected_unkept)).on_hover_text(hint);
        }
        if let Some(mean) = records::events_per_record(&seen.status.puts).filter(|_| shows_counts) {
            figure_ui(ui, "Events per record", mean).on_hover_text(records::saved(&seen.status.puts));
        }
        chosen = chosen.take().or(types_ui(ui, shown));
    });
    chosen
}

/// The text that says why the list is shorter than the counts.
pub(crate) fn removed(pruned: u64, keep_events: u64) -> String {
    let events = if pruned == 1 { "event was" } else { "events were" };
    format!(
        "{} older {events} removed from the log, which keeps at most {} delivered events (log.keep_events) and fewer \
         rejected ones. The counts still include them.",
        widgets::digits(pruned),
        widgets::digits(keep_events)
    )
}

/// Whether the query filters by nothing but states.
fn is_all_but_states(shown: &Query) -> bool {
    shown.kinds.is_empty()
        && shown.fields.is_empty()
        && shown.words.is_empty()
        && shown.since.is_none()
        && shown.until.is_none()
}

fn accepted_ui(ui: &mut Ui, ledger: &Ledger) {
    figure_ui(ui, "Accepted", widgets::digits(ledger.accepted)).on_hover_ui(|ui| {
        let Ledger { accepted, delivered, queued, failed, .. } = *ledger;
        let [accepted, delivered, queued, failed] =
            [accepted, delivered, queued, failed].map(widgets::digits);
        ui.label(format!("{accepted} accepted = {delivered} delivered + {queued} queued + {failed} failed"));
        if !ledger.adds_up() {
            ui.label("This does not add up: please report it, with the output of `tributary doctor`.");
        }
    });
}

/// The menu of the types, of which several can be chosen.
fn types_ui(ui: &mut Ui, shown: &Query) -> Option<(QueryKey, Vec<&'static str>)> {
    let names: Vec<&str> = shown.kinds.iter().map(|kind| kind.as_str()).collect();
    let label = if names.is_empty() { "All types".to_owned() } else { names.join(", ") };
    let mut chosen = None;
    menu_ui(ui, Icon::Shapes, &label, "Type", |ui| {
        ui.set_min_width(120.0);
        for kind in Kind::ALL {
            let mut is_on = shown.kinds.contains(&kind);
            if widgets::checkbox_ui(ui, &mut is_on, kind.as_str()).changed() {
                chosen = Some((QueryKey::Type, toggled(&shown.kinds, kind, Kind::as_str)));
            }
        }
    });
    chosen
}

/// Adds `value` to `values`, or removes it, and returns the words for them.
fn toggled<T: Copy + PartialEq>(values: &[T], value: T, word: fn(T) -> &'static str) -> Vec<&'static str> {
    let mut after: Vec<T> = values.iter().copied().filter(|other| *other != value).collect();
    if after.len() == values.len() {
        after.push(value);
    }
    after.into_iter().map(word).collect()
}

/// A number that is not a filter. It starts a new line if this line has no room for it.
fn figure_ui(ui: &mut Ui, name: &str, value: impl std::fmt::Display) -> egui::Response {
    const MARGIN: f32 = 9.0;
    const HEIGHT: f32 = 26.0;
    let t = tokens(ui);
    let label = format!("{name} {value}");
    let text = FigureText::new(ui, &label, |part| weight(part, 480.0).size(12.0).color(t.weak));
    if ui.available_size_before_wrap().x < text.size().x + 2.0 * (MARGIN + 1.0) {
        ui.end_row();
    }
    // Painted: a frame with a label costs twice as much, and these figures are drawn with every frame.
    let size = vec2(text.size().x + 2.0 * (MARGIN + 1.0), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().rect_stroke(rect, HEIGHT / 2.0, Stroke::new(1.0, t.line), StrokeKind::Inside);
    let at = rect.center() - text.size() / 2.0;
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &*label));
    text.paint(ui, at, t.weak);
    response
}

fn chip_ui(ui: &mut Ui, on: bool, color: Option<egui::Color32>, label: &str, count: Option<u64>) -> bool {
    let t = tokens(ui);
    let text =
        weight(label, if on { 620.0 } else { 480.0 }).size(12.0).color(if on { t.strong } else { t.text });
    let mut atoms = egui::Atoms::default();
    if let Some(color) = color {
        atoms.push_right(theme::icon(Icon::CircleDot).size(10.0).color(color));
    }
    atoms.push_right(text);
    if let Some(count) = count {
        let count = widgets::digits(count);
        let count = FigureText::new(ui, &count, |part| RichText::new(part).size(12.0).color(t.weak));
        atoms.push_right(count.atom());
    }
    let (fill, edge) = if on { (t.accent_soft, t.accent) } else { (t.raised, t.line) };
    let button =
        Button::new(atoms).selected(on).fill(fill).stroke(Stroke::new(1.0, edge)).corner_radius(13).gap(5.0);
    let response = ui.add(button.wrap_mode(egui::TextWrapMode::Extend)).accessible_name(label);
    if let Some(count) = count {
        ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(count.to_string()));
    }
    widgets::ring_ui(ui, &response, 13.0);
    response.clicked()
}
