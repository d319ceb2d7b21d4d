//! The events that were sent, newest first. The window keeps them for the next start, with the names that the user gave them.
//! A click loads an event again; the results themselves last as long as the window.

use std::collections::VecDeque;

use eframe::egui::{self, Key, Label, RichText, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};
use lucide_icons::Icon;
use serde::{Deserialize, Serialize};

use super::sent::Sent;
use crate::{
    app::{
        command::Command,
        seen::Seen,
        theme::{tokens, weight},
        widgets,
    },
    delivery::Millis,
    event::Kind,
    snippets::edit::{self, Members},
};

/// The name under which the history is kept.
pub(crate) const STATE: &str = "test-history";
/// Maximum events to list. The log has all of them.
const EVENTS_MAX: usize = 30;
/// Maximum results to keep in memory.
const RESULTS_MAX: usize = 12;
/// Maximum bytes of an event that is kept for the next start.
const KEPT_BYTES_MAX: usize = 16 * 1024;
const NAME_CHARS_MAX: usize = 60;
const ROW_HEIGHT: f32 = 30.0;

/// An event that was sent, as it is kept for the next start.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Past {
    kind: Kind,
    /// The event as it was composed.
    json: String,
    at: Millis,
    /// The name that the user gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its state when it was seen last, in one word.
    outcome: String,
}

impl Past {
    /// The user's name for it, or what the event itself says.
    fn title(&self) -> String {
        let own = || {
            let members = Members::of(&self.json)?;
            let named = members.get("event").or_else(|| members.get("name"))?;
            edit::unquoted(named).filter(|name| !name.trim().is_empty())
        };
        self.name.clone().or_else(own).unwrap_or_else(|| self.kind.as_str().to_owned())
    }
}

pub(super) struct Entry {
    /// Distinguishes events that were sent in the same millisecond.
    id: u64,
    past: Past,
    title: String,
    pub result: Option<Sent>,
}

struct Renaming {
    id: u64,
    name: String,
    wants_focus: bool,
}

#[derive(Default)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    ids: u64,
    /// The event whose result is shown.
    shown: u64,
    renaming: Option<Renaming>,
    /// It differs from what was kept last.
    is_changed: bool,
}

/// What the user does with an event of the history.
enum Act {
    Load,
    Rename,
    Remove,
}

impl History {
    pub(super) fn new(kept: Vec<Past>) -> Self {
        let mut history = Self::default();
        for past in kept.into_iter().rev() {
            history.add(past, None);
        }
        history.shown = 0;
        history
    }

    fn add(&mut self, past: Past, result: Option<Sent>) {
        self.ids += 1;
        self.shown = self.ids;
        let title = past.title();
        self.entries.push_front(Entry { id: self.ids, past, title, result });
        self.entries.truncate(EVENTS_MAX);
        for entry in self.entries.iter_mut().skip(RESULTS_MAX) {
            entry.result = None;
        }
    }

    /// Adds an event that is being sent. `json`: as it was composed.
    pub(super) fn sent(&mut self, (kind, json, at): (Kind, String, Millis), result: Sent) {
        let outcome = result.word().to_owned();
        self.add(Past { kind, json, at, name: None, outcome }, Some(result));
        self.is_changed = true;
    }

    pub(super) fn results(&mut self) -> impl Iterator<Item = &mut Sent> {
        self.entries.iter_mut().filter_map(|entry| entry.result.as_mut())
    }

    /// The event whose result is shown.
    pub(super) fn shown(&self) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == self.shown)
    }

    /// Whether the newest event is shown.
    pub(super) fn shows_newest(&self) -> bool {
        self.entries.front().is_some_and(|entry| entry.id == self.shown)
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        for entry in &mut self.entries {
            let Some(result) = &mut entry.result else { continue };
            result.logic(ctx, seen);
            if entry.past.outcome != result.word() {
                result.word().clone_into(&mut entry.past.outcome);
                self.is_changed = true;
            }
        }
        if std::mem::take(&mut self.is_changed) {
            seen.keep(STATE, &self.kept());
        }
    }

    /// The events to keep for the next start.
    fn kept(&self) -> Vec<&Past> {
        let fits = |past: &&Past| past.json.len() <= KEPT_BYTES_MAX;
        self.entries.iter().map(|entry| &entry.past).filter(fits).collect()
    }

    /// Whether this event, as it was composed, can be loaded again.
    pub(super) fn has(&self, kind: Kind, json: &str) -> bool {
        self.entries.iter().any(|Entry { past, .. }| past.kind == kind && past.json == json)
    }

    /// Draws the list. Returns the event that the user wants to load.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) -> Option<(Kind, String)> {
        if self.entries.is_empty() {
            return None;
        }
        let mut chosen = None;
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "History");
            widgets::hint_ui(ui, "A click loads the event again.");
            ui.spacing_mut().item_spacing.y = 2.0;
            for at in 0..self.entries.len() {
                let is_renamed =
                    self.renaming.as_ref().is_some_and(|renaming| renaming.id == self.entries[at].id);
                if is_renamed {
                    self.name_ui(ui, at);
                } else if let Some(act) = row_ui(ui, &self.entries[at], self.shown, seen) {
                    chosen = Some((at, act));
                }
            }
        });
        let (at, act) = chosen?;
        let entry = &self.entries[at];
        match act {
            Act::Load => {
                self.shown = entry.id;
                return Some((entry.past.kind, entry.past.json.clone()));
            }
            Act::Rename => {
                self.renaming = Some(Renaming { id: entry.id, name: entry.title.clone(), wants_focus: true });
            }
            Act::Remove => {
                seen.push(Command::Notify(format!("{} removed from the history", entry.title)));
                self.entries.remove(at);
                self.is_changed = true;
            }
        }
        None
    }

    /// The field for the event's name. Without a name it gets its own back.
    fn name_ui(&mut self, ui: &mut Ui, at: usize) {
        let Some(Renaming { name, wants_focus, .. }) = &mut self.renaming else { return };
        let (mut save, mut cancel) = (false, false);
        ui.horizontal(|ui| {
            let edit = widgets::text_edit(name, "The event's own name").char_limit(NAME_CHARS_MAX);
            let field = ui.add(edit.desired_width(200.0)).accessible_name("Name in the history");
            widgets::focus_once(&field, wants_focus);
            save = widgets::is_left_with(&field, Key::Enter);
            cancel = widgets::is_left_with(&field, Key::Escape);
            save |= widgets::button_ui(ui, Icon::Check, "Save name").clicked();
            cancel |= widgets::button_ui(ui, Icon::X, "Cancel").clicked();
        });
        if save {
            let entry = &mut self.entries[at];
            entry.past.name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
            entry.title = entry.past.title();
            self.is_changed = true;
        }
        if save || cancel {
            self.renaming = None;
        }
    }
}

impl Entry {
    /// When it was sent and what became of it, for an event of an earlier start.
    pub(super) fn last_seen(&self, seen: &Seen<'_>) -> String {
        let Past { at, outcome, .. } = &self.past;
        format!("Sent {}. When it was seen last: {outcome}.", seen.clock.short(*at))
    }
}

/// A row of the history, with its buttons.
fn row_ui(ui: &mut Ui, entry: &Entry, shown: u64, seen: &Seen<'_>) -> Option<Act> {
    let t = tokens(ui);
    let mut act = None;
    let is_shown = entry.id == shown;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        let room = (ui.available_width() - 60.0).max(80.0);
        let (rect, response) = ui.allocate_exact_size(vec2(room, ROW_HEIGHT), Sense::click());
        let Past { kind, at, outcome, .. } = &entry.past;
        let (kind, time) = (kind.as_str(), seen.clock.short(*at));
        let name = format!("Load {} ({kind}, {outcome}, {time})", entry.title);
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_shown, &name));
        let fill = if is_shown {
            t.accent_soft
        } else if response.hovered() || response.has_focus() {
            t.hover
        } else {
            egui::Color32::TRANSPARENT
        };
        let edge = if response.has_focus() { Stroke::new(1.0, t.accent) } else { Stroke::NONE };
        ui.painter().rect(rect, 7.0, fill, edge, StrokeKind::Inside);
        let inside = egui::UiBuilder::new()
            .max_rect(rect.shrink2(vec2(8.0, 0.0)))
            .layout(egui::Layout::right_to_left(egui::Align::Center));
        let mut row = ui.new_child(inside);
        row.spacing_mut().item_spacing.x = 8.0;
        row.add(Label::new(RichText::new(time).monospace().color(t.weak)).selectable(false));
        let what = if entry.title == kind { outcome.clone() } else { format!("{kind} · {outcome}") };
        row.add(Label::new(RichText::new(what).color(t.weak)).selectable(false));
        row.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
            let tone = entry.result.as_ref().and_then(Sent::tone);
            widgets::dot_ui(ui, tone.map_or(t.edge, |tone| tone.color(t)));
            let title = weight(crate::event::shown::line(&entry.title), 560.0).color(t.strong);
            ui.add(Label::new(title).selectable(false).truncate());
        });
        if response.clicked() {
            act = Some(Act::Load);
        }
        if widgets::icon_button_ui(ui, Icon::Pencil, &format!("Rename {} in the history", entry.title))
            .clicked()
        {
            act = Some(Act::Rename);
        }
        if widgets::icon_button_ui(ui, Icon::Trash2, &format!("Remove {} from the history", entry.title))
            .clicked()
        {
            act = Some(Act::Remove);
        }
    });
    act
}

#[cfg(test)]
mod tests {
    use super::*;

    fn past(kind: Kind, json: &str, name: Option<&str>) -> Past {
        Past {
            kind,
            json: json.to_owned(),
            at: 0,
            name: name.map(str::to_owned),
            outcome: "Delivered".into(),
        }
    }

    #[test]
    fn an_event_is_listed_by_the_user_s_name_or_by_its_own() {
        assert_eq!(past(Kind::Track, r#"{"event":"Signed Up"}"#, None).title(), "Signed Up");
        assert_eq!(past(Kind::Page, r#"{"name":"Home"}"#, Some("The first page")).title(), "The first page");
        for odd in [r#"{"event":""}"#, r#"{"event":7}"#, "{}", "["] {
            assert_eq!(past(Kind::Track, odd, None).title(), "track", "{odd}");
        }
    }

    #[test]
    fn only_the_newest_small_events_stay_on_disk() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(KEPT_BYTES_MAX));
        let mut all = vec![past(Kind::Track, &long, Some("long"))];
        all.extend((0..40).map(|number| past(Kind::Track, "{}", Some(&format!("number {number}")))));
        let history = History::new(all);
        let kept = history.kept();
        assert_eq!((history.entries.len(), kept.len()), (EVENTS_MAX, EVENTS_MAX - 1));
        assert!(kept.iter().all(|past| past.json.len() <= KEPT_BYTES_MAX));
        assert_eq!(kept[0].name.as_deref(), Some("number 0"), "the newest of those that are kept");
    }

    #[test]
    fn a_kept_history_comes_back_in_its_order() {
        let kept = vec![past(Kind::Track, "{}", Some("newer")), past(Kind::Track, "{}", Some("older"))];
        let text = serde_json::to_string(&kept).expect("JSON");
        let history = History::new(serde_json::from_str(&text).expect("it reads"));
        let titles: Vec<_> = history.entries.iter().map(|entry| &*entry.title).collect();
        assert_eq!(titles, ["newer", "older"]);
        assert!(history.shown().is_none(), "no result of an earlier start is shown");
    }
}
