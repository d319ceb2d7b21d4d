//! The Settings place: one column of settings. A change is saved as soon as its field is left, unless it is not allowed; Undo
//! takes the last one back. A change that opens the endpoint to others is saved only when it is confirmed, also by Undo. The
//! destination is in Set up.

mod alerts;
mod change;
mod field;
mod files;
mod rows;
mod share;

use eframe::egui::{Align, Key, Label, Layout, Modifiers, RichText, ScrollArea, Ui, UiBuilder};
use lucide_icons::Icon;

use super::{
    command::Command,
    place::Place,
    seen::Seen,
    sources,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{
    config::{self, Config},
    delivery::Pushes,
    engine::Answer,
};
use alerts::Alerts;
use change::Change;
use field::Field;
pub(super) use rows::{GROUPS, named_in};
use share::Share;

/// Maximum width of the column, in points.
const COLUMN_WIDTH: f32 = 880.0;
/// Width of a field for text, in points.
const TEXT_WIDTH: f32 = 270.0;
/// With less width than this, a control is below its name.
const BESIDE_WIDTH_MIN: f32 = 500.0;
const LISTEN: &str = "capture.listen";
const KEY_REQUIRED: &str = "capture.require_write_key";
/// The settings that can open the endpoint to others.
const OPENING: [&str; 2] = [LISTEN, KEY_REQUIRED];

pub(super) struct Settings {
    fields: Vec<Field>,
    search: String,
    /// The setting whose control has the focus. It is not saved before it is left.
    focused: Option<&'static str>,
    /// The setting to bring into sight, with the focus.
    wanted: Option<&'static str>,
    /// The change that is being saved.
    saving: Option<Change>,
    /// The change that was saved last.
    saved: Option<Change>,
    share: Share,
    alerts: Alerts,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Self {
        let rows = GROUPS.iter().flat_map(|group| group.rows);
        Self {
            fields: rows.map(|row| Field::new(row, config)).collect(),
            search: String::new(),
            focused: None,
            wanted: None,
            saving: None,
            saved: None,
            share: Share::default(),
            alerts: Alerts::default(),
        }
    }

    /// Takes over settings that were changed elsewhere.
    pub(super) fn adopt(&mut self, before: &Config, now: &Config) {
        for field in &mut self.fields {
            field.adopt(before, now);
        }
        self.check(now);
        // Undo would take back what somebody else has set since.
        self.saved.take_if(|change| !change.is_in(now));
    }

    /// Brings the setting of this key into sight when the place is drawn next, with the focus on its control.
    pub(super) fn show(&mut self, key: &'static str) {
        self.search.clear();
        self.wanted = Some(key);
    }

    pub(super) fn logic(&mut self, seen: &mut Seen<'_>) {
        if !seen.saving
            && let Some(change) = self.saving.take()
        {
            if change.is_in(seen.config) {
                self.saved = Some(change);
            } else {
                let keys: Vec<_> = change.after.iter().map(|(key, _)| *key).collect();
                let failed = self.fields.iter_mut().filter(|field| keys.contains(&field.row.key));
                failed.for_each(Field::refuse);
            }
        }
        if seen.place != Place::Settings {
            // What was typed last is saved also if the place was left by a key.
            self.focused = None;
        }
        self.save_next(seen);
    }

    pub(super) fn alert_test_coming(&mut self, name: String, answer: Answer<Result<(), String>>) {
        self.alerts.test_coming(name, answer);
    }

    fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.row.key == key)
    }

    /// The typed text of this setting; empty if there is none.
    fn typed(&self, key: &str) -> String {
        self.field(key).and_then(|field| field.text().ok()).unwrap_or_default()
    }

    /// Checks what was typed. Must be called when a field or the settings in force have changed.
    fn check(&mut self, config: &Config) {
        for at in 0..self.fields.len() {
            let with = self.fields[at].row.pair.map(|key| self.typed(key)).unwrap_or_default();
            self.fields[at].check(config, with);
        }
    }

    /// Saves a typed value whose field was left. One at a time: the next one follows when it is saved.
    fn save_next(&mut self, seen: &mut Seen<'_>) {
        if seen.saving || self.saving.is_some() {
            return;
        }
        let is_left = |field: &&Field| field.is_switch() || self.focused != Some(field.row.key);
        let next = self.fields.iter().filter(is_left).find_map(|field| {
            let new = field.to_save().filter(|new| !opens(seen.config, new))?;
            Some((field, new))
        });
        if let Some((field, new)) = next {
            let keys = [field.row.key].into_iter().chain(field.row.pair);
            let change = Change::between(field.row.name, keys, (seen.config, new));
            let new = new.clone();
            self.save(seen, new, change);
        }
    }

    fn save(&mut self, seen: &mut Seen<'_>, new: Config, change: Change) {
        self.saving = Some(change);
        self.saved = None;
        seen.save_silently(new);
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let middle = widgets::middle(ui, COLUMN_WIDTH);
        ui.scope_builder(UiBuilder::new().max_rect(middle), |ui| {
            let subtitle = "A change is saved as soon as you leave its field";
            widgets::heading_ui(ui, "Settings", subtitle, |ui| {
                self.search_ui(ui);
                self.saved_ui(ui, seen);
            });
            self.focused = None;
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 12.0;
                // The scroll bar floats over the page.
                ui.set_max_width(ui.available_width() - 4.0);
                self.page_ui(ui, seen);
                ui.add_space(18.0);
                widgets::follow_focus(ui);
            });
        });
        self.check(seen.config);
        self.save_next(seen);
        if self.saving.is_some() {
            ui.request_repaint();
        }
    }

    fn search_ui(&mut self, ui: &mut Ui) {
        let field = widgets::text_edit(&mut self.search, "Search settings").desired_width(170.0);
        let field = ui.add(field).accessible_name("Search settings");
        if ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::F)) {
            field.request_focus();
        }
        if widgets::is_left_with(&field, Key::Escape) {
            self.search.clear();
        }
    }

    /// The change that was saved last, and the button that takes it back; from right to left.
    fn saved_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let t = tokens(ui);
        let Some(change) = &self.saved else { return };
        let undo = !change.is_undo && widgets::button_ui(ui, Icon::Undo2, "Undo").clicked();
        let text = if change.is_undo { "Taken back" } else { "Saved" };
        let name = format!("{text}: {}", change.name);
        ui.add(Label::new(weight(name, 540.0).color(t.text)).truncate());
        ui.label(theme::icon(Icon::Check).color(t.ok));
        if undo && !seen.saving {
            let undone = change.undone();
            match undone.made_in(seen.config) {
                // It must be confirmed, like any change that opens the endpoint.
                Ok(config) if opens(seen.config, &config) => {
                    self.fill_in_opening(&config);
                    self.show(LISTEN);
                }
                Ok(config) => self.save(seen, config, undone),
                Err(why) => seen.push(Command::Refuse(format!("Not undone: {why}"))),
            }
        }
    }

    fn page_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let words = self.search.to_lowercase();
        let mut is_empty = true;
        let mut first = 0;
        for group in &GROUPS {
            let rows = first..first + group.rows.len();
            first = rows.end;
            let is_found = |at: &usize| {
                widgets::contains_words(&[group.title], &words) || self.fields[*at].row.matches(&words)
            };
            let found: Vec<_> = rows.filter(is_found).collect();
            if found.is_empty() {
                continue;
            }
            is_empty = false;
            widgets::card_ui(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 9.0;
                widgets::title_ui(ui, group.title);
                for (nth, at) in found.into_iter().enumerate() {
                    if nth > 0 {
                        widgets::divider_ui(ui);
                    }
                    self.row_ui(ui, seen, at);
                }
            });
        }
        if widgets::contains_words(&alerts::WORDS, &words) {
            is_empty = false;
            widgets::card_ui(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 9.0;
                self.alerts.ui(ui, seen);
            });
        }
        if widgets::contains_words(&["Export and import", "Copy settings"], &words) {
            is_empty = false;
            widgets::card_ui(ui, |ui| {
                widgets::title_ui(ui, "Export and import");
                self.share.ui(ui, seen);
            });
        }
        if widgets::contains_words(&["About", "Settings file", "Data folder", "Version", "licences"], &words)
        {
            is_empty = false;
            widgets::card_ui(ui, |ui| {
                widgets::title_ui(ui, "About");
                files::files_ui(ui, seen);
            });
        }
        if is_empty {
            let text = "The destination, the keys and the format of records are in Set up; write keys are in Sources.";
            if widgets::empty_ui(
                ui,
                Icon::Search,
                "No setting found",
                text,
                Some((Icon::X, "Clear the search")),
            ) {
                self.search.clear();
            }
        }
    }

    fn row_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, at: usize) {
        let held = seen.held().iter().find(|(key, _)| *key == self.fields[at].row.key);
        let held = held.map(|(key, origin)| origin.subject(key).to_owned());
        let top = ui.cursor().top();
        let is_beside = ui.available_width() >= BESIDE_WIDTH_MIN;
        if is_beside {
            ui.horizontal(|ui| {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    self.control_ui(ui, at, (TEXT_WIDTH, held.is_some()));
                    ui.add_space(10.0);
                    ui.with_layout(Layout::top_down(Align::Min), |ui| self.words_ui(ui, at, held.as_deref()));
                });
            });
        } else {
            self.words_ui(ui, at, held.as_deref());
            let width = ui.available_width();
            self.control_ui(ui, at, (width, held.is_some()));
        }
        widgets::error_ui(ui, self.fields[at].fault());
        match self.fields[at].row.key {
            LISTEN => self.exposure_ui(ui, seen),
            "spool.max_bytes" => {
                let used = widgets::bytes(seen.status.ledger.queued_bytes);
                widgets::hint_ui(ui, &format!("{used} in use"));
            }
            "metrics.otlp_endpoint" if !seen.config.metrics.otlp_endpoint.is_empty() => {
                widgets::hint_ui(ui, &pushed(seen.status.pushes));
            }
            _ => {}
        }
        if self.wanted == Some(self.fields[at].row.key) {
            let mut rect = ui.min_rect();
            rect.set_top(top);
            ui.scroll_to_rect(rect, Some(Align::Center));
        }
    }

    /// The name of the setting, what it does, and who decides it.
    fn words_ui(&self, ui: &mut Ui, at: usize, held: Option<&str>) {
        let t = tokens(ui);
        let row = self.fields[at].row;
        ui.spacing_mut().item_spacing.y = 2.0;
        // A line of text is not as high as a button here.
        ui.spacing_mut().interact_size.y = 18.0;
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            ui.label(weight(row.name, 590.0).color(t.strong));
            let key = RichText::new(row.key).monospace().size(11.0).color(t.weak);
            ui.add(Label::new(key).truncate());
        });
        ui.add(Label::new(RichText::new(row.hint).color(t.weak)).wrap());
        if let Some(who) = held {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 5.0;
                ui.label(theme::icon(Icon::Lock).size(12.0).color(t.warn));
                let text = format!("Set by {who} at every start. Change it there.");
                ui.add(Label::new(RichText::new(text).color(t.text)).wrap());
            });
        }
    }

    /// `(width, is_held)`: the width of a field for text, and whether the environment decides the setting.
    fn control_ui(&mut self, ui: &mut Ui, at: usize, (width, is_held): (f32, bool)) {
        let field = &mut self.fields[at];
        let response = ui.add_enabled_ui(!is_held, |ui| field.ui(ui, width)).inner;
        let key = field.row.key;
        if response.has_focus() {
            self.focused = Some(key);
        }
        if self.wanted == Some(key) {
            let mut is_wanted = true;
            widgets::focus_once(&response, &mut is_wanted);
            if !is_wanted || is_held {
                self.wanted = None;
            }
        }
    }

    /// Who can connect, in force and as typed. Mistakes in other fields must not hide it.
    fn exposure_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let in_force = seen.config;
        let (listen, key_required) = (self.typed(LISTEN), self.typed(KEY_REQUIRED));
        match config::with_values(in_force, &[(LISTEN, &listen), (KEY_REQUIRED, &key_required)]) {
            Ok(draft) if draft.capture.exposed() => {
                sources::exposed_ui(ui, in_force, &draft);
                if opens(in_force, &draft) {
                    self.confirm_ui(ui, seen, draft);
                }
            }
            Ok(draft) if draft.capture.listen == in_force.capture.listen => {
                widgets::hint_ui(ui, "Only programs on this computer can connect to this address.");
            }
            Ok(_) => {
                widgets::hint_ui(ui, "Once applied, only programs on this computer can connect.");
            }
            // The typed text is no address: use the one in force.
            Err(_) if in_force.capture.exposed() => sources::exposed_ui(ui, in_force, in_force),
            Err(_) => {}
        }
    }

    /// The buttons of a change that opens the endpoint to others.
    fn confirm_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: Config) {
        let (mut apply, mut cancel) = (false, false);
        ui.horizontal_wrapped(|ui| {
            apply = widgets::primary_button_ui(ui, Icon::Check, "Apply", !seen.saving).clicked();
            cancel = widgets::button_ui(ui, Icon::Undo2, "Cancel").clicked();
        });
        if apply {
            let is_moved = draft.capture.listen != seen.config.capture.listen;
            let key = if is_moved { LISTEN } else { KEY_REQUIRED };
            let name = self.field(key).map_or(key, |field| field.row.name);
            let change = Change::between(name, OPENING.into_iter(), (seen.config, &draft));
            self.save(seen, draft, change);
        } else if cancel {
            self.fill_in_opening(seen.config);
        }
    }

    /// Fills these settings into the fields that can open the endpoint, as if they were typed.
    fn fill_in_opening(&mut self, config: &Config) {
        let fields = self.fields.iter_mut().filter(|field| OPENING.contains(&field.row.key));
        fields.for_each(|field| field.fill_in(config));
    }
}

/// What became of the pushes of the metrics.
fn pushed(Pushes { sent, failed }: Pushes) -> String {
    let text = match sent {
        0 => "None pushed yet".to_owned(),
        sent => format!("{} pushed since the start", widgets::digits(sent)),
    };
    if failed == 0 { text } else { format!("{text}, {} failed", widgets::digits(failed)) }
}

/// Whether these settings let others send who cannot send now.
fn opens(in_force: &Config, new: &Config) -> bool {
    let (before, after) = (&in_force.capture, &new.capture);
    let drops_key = before.require_write_key && !after.require_write_key;
    after.exposed() && (!before.exposed() || drops_key)
}
