//! The search of the log: one line of text, and chips and menus that edit it. `tributary log` takes the same text.

mod chips;
mod completion;
mod facts;
mod field;
mod saved;
mod search_text;
mod syntax;
mod time_range;

use std::time::{Duration, Instant};

use eframe::egui::{self, Key, KeyboardShortcut, Modifiers, RichText, Ui, vec2};
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
        query::{self, FieldValue, QueryError, QueryKey},
    },
    engine::Answer,
};
pub(super) use chips::removed;
pub(super) use facts::Facts;
use field::{Edited, Looks, SearchField};
pub(super) use saved::Saved;
use saved::SavedFilters;
use time_range::TimeRange;

/// The text is searched for when typing has paused for this long.
const TYPING_PAUSE: Duration = Duration::from_millis(220);
/// Like [`TYPING_PAUSE`], while values are offered that the typed one is the beginning of.
const CHOOSING_PAUSE: Duration = Duration::from_millis(1200);
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
    /// An error about a value that may still become right: it is shown when the field is left, or with Enter.
    unfinished: Option<QueryError>,
    field: SearchField,
    /// The width of the menus beside the search field in the last frame.
    menus_width: f32,
}

impl Filters {
    pub(super) fn new(saved: Vec<Saved>) -> Self {
        Self { saved: SavedFilters::new(saved), ..Self::default() }
    }

    /// The query, once typing has paused. `None`: nothing was typed, or the text is not a valid query.
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) -> Option<Query> {
        self.field.completion.logic(ctx, seen);
        let typed_at = self.typed_at?;
        let is_choosing = self.field.offer.is_completing && Query::parse(&self.text, Clock::now()).is_ok();
        let pause = if is_choosing { CHOOSING_PAUSE } else { TYPING_PAUSE };
        if let Some(rest) = pause.checked_sub(typed_at.elapsed()).filter(|rest| !rest.is_zero()) {
            ctx.request_repaint_after(rest);
            return None;
        }
        self.typed_at = None;
        let query = self.query();
        self.unfinished = self.error.take_if(|error| self.field.may_become_right(error));
        query
    }

    pub(super) fn values_coming(&mut self, answer: Answer<Result<Vec<FieldValue>, String>>) {
        self.field.completion.coming(answer);
    }

    /// Whether the text, when it was read last, was not a valid query.
    pub(super) fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// Replaces the text. `None`: it is not a valid query.
    pub(super) fn set(&mut self, text: &str) -> Option<Query> {
        self.field.set(text);
        self.text = self.field.search.text();
        self.typed_at = None;
        self.query()
    }

    /// Gives the focus to the search field.
    pub(super) fn focus(&mut self) {
        self.field.wants_focus = true;
    }

    /// Narrows the query to events with this value.
    pub(super) fn require(&mut self, key: QueryKey, value: &str) -> Option<Query> {
        self.set(&query::with(&self.text, key, &[value]))
    }

    /// Narrows the query to events with this text in their payload.
    pub(super) fn require_text(&mut self, text: &str) -> Option<Query> {
        self.set(&query::with_word(&self.text, text))
    }

    /// Limits the query to events received from `from` on and before `to`.
    pub(super) fn limit_time(&mut self, from: Millis, to: Millis) -> Option<Query> {
        self.set(&time_range::between(&self.text, from, to))
    }

    /// Limits the query to events received within this time before now; `None`: of all time.
    pub(super) fn since(&mut self, ago: Option<&str>) -> Option<Query> {
        self.set(&time_range::with_time(&self.text, ago))
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
        self.unfinished = None;
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

    /// Draws the search; the new query if it was changed. `shown`: the query of the list.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, shown: &Query, facts: &Facts) -> Option<Query> {
        let mut text = None;
        let mut edited = None;
        let mut by = self.by;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            let search;
            (search, edited) = self.search_ui(ui, seen.clock, facts);
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
        if let Some((key, values)) = chips::chips_ui(ui, seen, shown, facts) {
            text = text.or(Some(query::with(&self.text, key, &values)));
        }
        match text {
            Some(text) => self.set(&text),
            None if by != self.by => self.sort(by),
            None => edited,
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
        self.focus();
        Some(text)
    }

    /// Draws the search field. Returns its rectangle, and the new query if a condition was added or removed.
    fn search_ui(&mut self, ui: &mut Ui, clock: &Clock, facts: &Facts) -> (egui::Rect, Option<Query>) {
        // The field takes the width that the menus leave.
        let line = ui.available_width();
        let room = line - self.menus_width - 1.0;
        let looks = Looks {
            width: if room >= SEARCH_WIDTH_MIN { room } else { line },
            is_wrong: self.error.is_some(),
            keeps_focus: self.error.is_some() || self.unfinished.is_some(),
            tally: facts.tally.as_deref().filter(|_| self.error.is_none()),
            tally_hint: &facts.tally_hint,
        };
        let (rect, edited) = self.field.ui(ui, clock, &looks);
        let mut query = None;
        self.text = self.field.search.text();
        if !self.field.is_typed_in()
            && let Some(error) = self.unfinished.take()
        {
            self.error = Some(error);
            ui.request_discard("a mistake is said");
        }
        match edited {
            Edited::No => {}
            Edited::Typed => {
                self.typed_at = Some(Instant::now());
                ui.request_repaint_after(TYPING_PAUSE);
            }
            Edited::Done => {
                self.typed_at = None;
                query = self.query();
            }
        }
        (rect, query)
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
