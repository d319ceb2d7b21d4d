//! The search of the log: one line of text, and chips and menus that edit it. `tributary log` takes the same text.

mod chips;
mod saved;
mod time_range;

use std::time::{Duration, Instant};

use eframe::egui::{self, Key, KeyboardShortcut, Margin, Modifiers, RichText, Ui, vec2};
use lucide_icons::Icon;

use super::menu::{choice_ui, menu_ui};
use crate::{
    app::{
        clock::Clock,
        seen::Seen,
        theme::{self, tokens},
        widgets,
    },
    delivery::{
        Field, Measure, Millis, Query,
        query::{self, QueryError, QueryKey},
    },
};
pub(super) use chips::removed;
pub(super) use saved::Saved;
use saved::SavedFilters;
use time_range::TimeRange;

/// The text is searched for when typing has paused for this long.
const TYPING_PAUSE: Duration = Duration::from_millis(220);
pub(super) const SEARCH: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);
/// Below this width the search field gets a line of its own.
const SEARCH_WIDTH_MIN: f32 = 240.0;

#[derive(Default)]
pub(super) struct Filters {
    pub text: String,
    /// The measure to sort by; `None`: by time.
    pub by: Option<Measure>,
    pub saved: SavedFilters,
    time_range: TimeRange,
    typed_at: Option<Instant>,
    error: Option<QueryError>,
    /// The search field gets the focus in the next frame.
    pub wants_search: bool,
    /// The width of the menus beside the search field in the last frame.
    menus_width: f32,
}

impl Filters {
    pub(super) fn new(saved: Vec<Saved>) -> Self {
        Self { saved: SavedFilters::new(saved), ..Self::default() }
    }

    /// The query, once typing has paused. `None`: nothing was typed, or the text is not a valid query.
    pub(super) fn logic(&mut self) -> Option<Query> {
        self.typed_at.take_if(|at| at.elapsed() >= TYPING_PAUSE)?;
        self.query()
    }

    /// Whether the text, when it was read last, was not a valid query.
    pub(super) fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// Replaces the text. `None`: it is not a valid query.
    pub(super) fn set(&mut self, text: String) -> Option<Query> {
        self.text = text;
        self.typed_at = None;
        self.query()
    }

    /// Narrows the query to events with this value.
    pub(super) fn require(&mut self, key: QueryKey, value: &str) -> Option<Query> {
        self.set(query::with(&self.text, key, &[value]))
    }

    /// Narrows the query to events with this text in their payload.
    pub(super) fn require_text(&mut self, text: &str) -> Option<Query> {
        self.set(query::with_word(&self.text, text))
    }

    /// Limits the query to events received from `from` on and before `to`.
    pub(super) fn limit_time(&mut self, from: Millis, to: Millis) -> Option<Query> {
        self.set(time_range::between(&self.text, from, to))
    }

    /// Limits the query to events received within this time before now; `None`: of all time.
    pub(super) fn since(&mut self, ago: Option<&str>) -> Option<Query> {
        self.set(time_range::with_time(&self.text, ago))
    }

    /// Sorts by a measure, largest first, or by time.
    pub(super) fn sort(&mut self, by: Option<Measure>) -> Option<Query> {
        self.by = by;
        self.query()
    }

    /// Where a relative time range, such as `since:15m`, begins now. `None` while the user types, or for any other range.
    pub(super) fn slides_to(&self) -> Option<Millis> {
        if self.typed_at.is_some() {
            return None;
        }
        let since = |now| Query::parse(&self.text, now).ok()?.since;
        let now = Clock::now();
        since(now).filter(|since_now| since(now - 1) != Some(*since_now))
    }

    fn query(&mut self) -> Option<Query> {
        match Query::parse(&self.text, Clock::now()) {
            Ok(query) => {
                self.error = None;
                Some(Query { by: self.by, ..query })
            }
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    /// Draws the search; the new query if it was changed. `shown`: the query of the list. `retrying`: the number of events
    /// that are being retried.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, shown: &Query, retrying: u64) -> Option<Query> {
        let mut text = None;
        let mut by = self.by;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            let search = self.search_ui(ui);
            text = self.time_range.ui(ui, seen.clock, &self.text, shown);
            text = text.take().or(self.source_ui(ui, seen, shown));
            by = self.sort_ui(ui);
            text = text.take().or(self.saved.ui(ui, &self.text));
            // In a narrow window the menus are on a line of their own, below the field.
            let is_below = ui.cursor().top() > search.top() + 1.0;
            let start =
                if is_below { ui.min_rect().left() } else { search.right() + ui.spacing().item_spacing.x };
            let width = ui.cursor().left() - start;
            widgets::keep_length(ui, &mut self.menus_width, width, "the menus' width");
        });
        if let Some(error) = &self.error {
            widgets::error_ui(ui, Some(&error.to_string()));
        } else if self.typed_at.is_none() {
            text = text.or(self.unknown_field_ui(ui));
        }
        ui.add_space(2.0);
        if let Some((key, values)) = chips::chips_ui(ui, seen, shown, retrying) {
            text = text.or(Some(query::with(&self.text, key, &values)));
        }
        match text {
            Some(text) => self.set(text),
            None if by != self.by => self.sort(by),
            None => None,
        }
    }

    /// Tells the user that a word which looks like a field is searched for as text, and suggests a field. Returns the corrected
    /// text if the user chose the suggestion.
    fn unknown_field_ui(&mut self, ui: &mut Ui) -> Option<String> {
        let unknown = query::unknown_field(&self.text)?;
        let t = tokens(ui);
        let mut meant = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            ui.label(theme::icon(Icon::Info).size(12.0).color(t.warn));
            let word = &self.text[unknown.span.clone()];
            let mut text = format!("“{word}” is not a field, so it is searched for as text.");
            if unknown.meant.is_none() {
                text =
                    format!("{text} The fields are {}.", QueryKey::ALL.map(|(_, name, _)| name).join(", "));
            }
            ui.add(egui::Label::new(RichText::new(text).color(t.text)).wrap());
            if let Some(key) = unknown.meant
                && ui.link(format!("Did you mean {}:?", key.as_str())).clicked()
            {
                meant = Some(key);
            }
        });
        let mut text = self.text.clone();
        text.replace_range(unknown.span, &format!("{}:", meant?.as_str()));
        self.wants_search = true;
        Some(text)
    }

    fn search_ui(&mut self, ui: &mut Ui) -> egui::Rect {
        let t = tokens(ui);
        // The field takes the width that the menus leave.
        let line = ui.available_width();
        let room = line - self.menus_width - 1.0;
        let width = if room >= SEARCH_WIDTH_MIN { room } else { line };
        let edit = ui
            .scope(|ui| {
                widgets::edge_ui(ui, self.error.is_some());
                let edit = widgets::text_edit(&mut self.text, "Search the log")
                    .prefix(theme::icon(Icon::Search).color(t.weak))
                    .desired_width(width)
                    .margin(Margin::symmetric(9, 6));
                ui.add(edit).accessible_name("Search the log")
            })
            .inner;
        if edit.changed() {
            self.typed_at = Some(Instant::now());
            ui.request_repaint_after(TYPING_PAUSE);
        }
        widgets::focus_once(&edit, &mut self.wants_search);
        widgets::keep_focus(&edit, self.error.is_some());
        let rect = edit.rect;
        edit.on_hover_ui(syntax_ui);
        rect
    }

    fn source_ui(&self, ui: &mut Ui, seen: &Seen<'_>, shown: &Query) -> Option<String> {
        let now = shown.patterns(Field::Source).next();
        let label = now.map_or("All sources", |pattern| &*pattern.text).to_owned();
        let mut chosen = None;
        let key = QueryKey::Field(Field::Source);
        menu_ui(ui, Icon::Plug, &label, "Source", |ui| {
            if choice_ui(ui, "All sources", now.is_none()) {
                chosen = Some(query::with(&self.text, key, &[]));
            }
            for source in &seen.config.capture.sources {
                let is_chosen =
                    shown.patterns(Field::Source).any(|pattern| pattern.fits(&source.name, false));
                if choice_ui(ui, &source.name, is_chosen) {
                    chosen = Some(query::with(&self.text, key, &[&*source.name]));
                }
            }
        });
        chosen
    }

    /// Draws the choice of the order. Returns the chosen order, or the present one.
    fn sort_ui(&self, ui: &mut Ui) -> Option<Measure> {
        let choices = [
            (None, "By time"),
            (Some(Measure::Latency), "Slowest first"),
            (Some(Measure::Size), "Largest first"),
        ];
        let label = choices.iter().find(|(by, _)| *by == self.by).map_or("By time", |(_, label)| label);
        let mut chosen = self.by;
        menu_ui(ui, Icon::ArrowDownWideNarrow, label, "Sort by", |ui| {
            for (by, label) in choices {
                if choice_ui(ui, label, by == self.by) {
                    chosen = by;
                }
            }
        });
        chosen
    }
}

/// Draws the help for the syntax of the search field.
fn syntax_ui(ui: &mut Ui) {
    let t = tokens(ui);
    ui.set_max_width(430.0);
    ui.label(
        "Words are searched for in ids, names, sources, shards, errors and payloads. To search in one field, write its \
         name first:",
    );
    egui::Grid::new("fields").num_columns(2).spacing(vec2(12.0, 3.0)).show(ui, |ui| {
        for (_, name, means) in QueryKey::ALL {
            ui.label(RichText::new(format!("{name}:")).monospace().color(t.strong));
            ui.label(RichText::new(means).color(t.weak));
            ui.end_row();
        }
    });
    ui.label("Quotes keep words together, commas mean “any of these”, and * matches anything.");
}
