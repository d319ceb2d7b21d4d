//! What the user looks for in the log: one line of text that says all of it, and chips and menus that write into it. The
//! same text works after `tributary log`.

mod chips;

use std::time::{Duration, Instant};

use eframe::egui::{self, Button, Key, KeyboardShortcut, Margin, Modifiers, RichText, Ui, vec2};
use lucide_icons::Icon;

use super::{
    super::{
        clock::Clock,
        seen::Seen,
        theme::{self, tokens},
        widgets,
    },
    menu::{choice_ui, menu_ui},
};
use crate::delivery::{
    Field, Measure, Millis, Query,
    query::{self, QueryError, QueryKey},
};
pub(super) use chips::removed;

/// Typing ends after so long.
const TYPING: Duration = Duration::from_millis(220);
pub(super) const SEARCH: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);

const RANGES: [(&str, Option<&str>); 5] = [
    ("All time", None),
    ("Last 15 minutes", Some("15m")),
    ("Last hour", Some("1h")),
    ("Last 24 hours", Some("24h")),
    ("Last 7 days", Some("7d")),
];

/// A filter that was given a name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Saved {
    pub name: String,
    pub text: String,
}

/// A search field that would be narrower than this has a line to itself.
const SEARCH_WIDTH_MIN: f32 = 240.0;

/// The text, and what is being typed elsewhere.
#[derive(Default)]
pub(super) struct Filters {
    pub text: String,
    pub by: Option<Measure>,
    pub saved: Vec<Saved>,
    typed_at: Option<Instant>,
    mistake: Option<QueryError>,
    name: String,
    /// The field for the name gets the focus when the menu is opened.
    wants_name: bool,
    /// The search field is to get the focus.
    pub wants_search: bool,
    from: String,
    to: String,
    /// The width of the menus beside the search field in the last frame.
    menus_width: f32,
}

impl Filters {
    pub(super) fn new(saved: Vec<Saved>) -> Self {
        Self { saved, ..Self::default() }
    }

    /// What the text means, once typing has paused; `None`: nothing new, or it is not understood (yet).
    pub(super) fn logic(&mut self) -> Option<Query> {
        self.typed_at.take_if(|at| at.elapsed() >= TYPING)?;
        self.read()
    }

    /// Whether the text, as it was read last, is no valid query.
    pub(super) fn has_mistake(&self) -> bool {
        self.mistake.is_some()
    }

    /// The text was changed as a whole: what it means.
    pub(super) fn set(&mut self, text: String) -> Option<Query> {
        self.text = text;
        self.typed_at = None;
        self.read()
    }

    /// Only lines that say this, beside what is asked for already.
    pub(super) fn require(&mut self, name: QueryKey, value: &str) -> Option<Query> {
        self.set(query::with(&self.text, name, &[value]))
    }

    /// Where the time that is looked at begins now, if the text says so as a time ago. While something is typed: no.
    pub(super) fn slides_to(&self) -> Option<Millis> {
        if self.typed_at.is_some() {
            return None;
        }
        let since = |now| Query::parse(&self.text, now).ok()?.since;
        let now = Clock::now();
        since(now).filter(|since_now| since(now - 1) != Some(*since_now))
    }

    fn read(&mut self) -> Option<Query> {
        match Query::parse(&self.text, Clock::now()) {
            Ok(query) => {
                self.mistake = None;
                Some(Query { by: self.by, ..query })
            }
            Err(mistake) => {
                self.mistake = Some(mistake);
                None
            }
        }
    }

    /// `shown`: what the list shows now; `retrying`: how many events are retried. Gives what it is to show instead, and
    /// whether the saved filters have changed.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        seen: &Seen<'_>,
        (shown, retrying): (&Query, u64),
    ) -> (Option<Query>, bool) {
        let mut changed = None;
        let mut saved = false;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            let search = self.search_ui(ui);
            changed = changed.take().or(self.range_ui(ui, seen.clock, shown));
            changed = changed.take().or(self.source_ui(ui, seen, shown));
            changed = changed.take().or(self.sort_ui(ui));
            let (query, was_saved) = self.saved_ui(ui);
            saved = was_saved;
            changed = changed.take().or(query);
            // In a narrow window the menus are on a line of their own.
            let is_below = ui.cursor().top() > search.top() + 1.0;
            let start =
                if is_below { ui.min_rect().left() } else { search.right() + ui.spacing().item_spacing.x };
            let width = ui.cursor().left() - start;
            widgets::keep_length(ui, &mut self.menus_width, width, "the menus' width");
        });
        if let Some(mistake) = &self.mistake {
            widgets::error_ui(ui, Some(&mistake.to_string()));
        } else if self.typed_at.is_none() {
            changed = changed.take().or(self.unknown_ui(ui));
        }
        ui.add_space(2.0);
        if let Some((name, values)) = chips::chips_ui(ui, seen, shown, retrying) {
            changed = changed.or(self.set(query::with(&self.text, name, &values)));
        }
        (changed, saved)
    }

    /// Says that a word which looks like a field and is none is searched for as text, and offers the field that may be meant.
    fn unknown_ui(&mut self, ui: &mut Ui) -> Option<Query> {
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
            if let Some(name) = unknown.meant
                && ui.link(format!("Did you mean {}:?", name.as_str())).clicked()
            {
                meant = Some(name);
            }
        });
        let mut text = self.text.clone();
        text.replace_range(unknown.span, &format!("{}:", meant?.as_str()));
        self.wants_search = true;
        self.set(text)
    }

    fn search_ui(&mut self, ui: &mut Ui) -> egui::Rect {
        let t = tokens(ui);
        // It takes the width that the menus beside it leave free.
        let line = ui.available_width();
        let room = line - self.menus_width - 1.0;
        let width = if room >= SEARCH_WIDTH_MIN { room } else { line };
        let edit = ui
            .scope(|ui| {
                widgets::edge_ui(ui, self.mistake.is_some());
                let edit = widgets::text_edit(&mut self.text, "Search the log")
                    .prefix(theme::icon(Icon::Search).color(t.weak))
                    .desired_width(width)
                    .margin(Margin::symmetric(9, 6));
                ui.add(edit).accessible_name("Search the log")
            })
            .inner;
        if edit.changed() {
            self.typed_at = Some(Instant::now());
            ui.request_repaint_after(TYPING);
        }
        widgets::focus_once(&edit, &mut self.wants_search);
        widgets::keep_focus(&edit, self.mistake.is_some());
        let rect = edit.rect;
        edit.on_hover_ui(|ui| {
            ui.set_max_width(430.0);
            ui.label("Words are searched for in ids, names, sources, shards, errors and payloads. To search in one \
                      field, write its name first:");
            egui::Grid::new("fields").num_columns(2).spacing(vec2(12.0, 3.0)).show(ui, |ui| {
                for (_, name, means) in QueryKey::ALL {
                    ui.label(RichText::new(format!("{name}:")).monospace().color(t.strong));
                    ui.label(RichText::new(means).color(t.weak));
                    ui.end_row();
                }
            });
            ui.label("Quotes keep words together, commas mean “any of these”, and * matches anything.");
        });
        rect
    }

    fn range_ui(&mut self, ui: &mut Ui, clock: &Clock, shown: &Query) -> Option<Query> {
        let label = match (shown.since, shown.until) {
            (None, None) => "All time".to_owned(),
            (Some(since), None) => format!("Since {}", clock.short(since)),
            (None, Some(until)) => format!("Until {}", clock.short(until)),
            (Some(since), Some(until)) => format!("{} – {}", clock.short(since), clock.short(until)),
        };
        let mut chosen = None;
        menu_ui(ui, Icon::Clock, &label, "Time range", |ui| {
            for (name, ago) in RANGES {
                if choice_ui(ui, name, self.is_time(ago)) {
                    chosen = Some(self.with_time(ago));
                }
            }
            ui.separator();
            chosen = chosen.take().or(self.exact_range_ui(ui, clock));
        });
        self.set(chosen?)
    }

    /// A range from one moment to another. The text with it, once it is applied.
    fn exact_range_ui(&mut self, ui: &mut Ui, clock: &Clock) -> Option<String> {
        let fields = [
            ("From (local time)", &mut self.from, "2026-03-02 10:00"),
            ("To", &mut self.to, "2026-03-02 11:30"),
        ];
        let fields = fields.map(|(name, value, hint)| {
            let name = ui.label(name);
            ui.add(widgets::text_edit(value, hint).desired_width(190.0)).labelled_by(name.id)
        });
        let (from, to) = (clock.read(&self.from), clock.read(&self.to));
        let wrong = |text: &str, time: Option<i64>| !text.trim().is_empty() && time.is_none();
        let mistake = if wrong(&self.from, from) || wrong(&self.to, to) {
            Some("A time looks like 2026-03-02 10:00")
        } else if from.zip(to).is_some_and(|(from, to)| to <= from) {
            Some("The range ends before it begins: “To” must be later than “From”")
        } else {
            None
        };
        widgets::error_ui(ui, mistake);
        let can = mistake.is_none() && (from.is_some() || to.is_some());
        let entered = fields.iter().find(|field| widgets::is_left_with(field, Key::Enter));
        let applied = widgets::primary_button_ui(ui, Icon::Check, "Apply range", can).clicked();
        if !(applied || (entered.is_some() && can)) {
            if let Some(field) = entered {
                // It is still to be corrected.
                field.request_focus();
            }
            return None;
        }
        ui.close();
        let mut text = self.with_time(None);
        for (name, time) in [(QueryKey::Since, from), (QueryKey::Until, to)] {
            if let Some(time) = time {
                text = query::with(&text, name, &[&crate::engine::lines::time(time)]);
            }
        }
        Some(text)
    }

    /// Whether the text is about this time and no other.
    fn is_time(&self, ago: Option<&str>) -> bool {
        let now = Clock::now();
        let time = |text: &str| Query::parse(text, now).map(|query| (query.since, query.until));
        time(&self.text).is_ok_and(|is| time(&self.with_time(ago)) == Ok(is))
    }

    fn source_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, shown: &Query) -> Option<Query> {
        let now = shown.patterns(Field::Source).next();
        let label = now.map_or("All sources", |pattern| &*pattern.text).to_owned();
        let mut chosen = None;
        let name = QueryKey::Field(Field::Source);
        menu_ui(ui, Icon::Plug, &label, "Source", |ui| {
            if choice_ui(ui, "All sources", now.is_none()) {
                chosen = Some(query::with(&self.text, name, &[]));
            }
            for source in &seen.config.capture.sources {
                let is_chosen =
                    shown.patterns(Field::Source).any(|pattern| pattern.fits(&source.name, false));
                if choice_ui(ui, &source.name, is_chosen) {
                    chosen = Some(query::with(&self.text, name, &[&*source.name]));
                }
            }
        });
        self.set(chosen?)
    }

    fn sort_ui(&mut self, ui: &mut Ui) -> Option<Query> {
        let choices = [
            (None, "By time"),
            (Some(Measure::Latency), "Slowest first"),
            (Some(Measure::Size), "Largest first"),
        ];
        let label = choices.iter().find(|(by, _)| *by == self.by).map_or("By time", |(_, label)| label);
        let mut chosen = None;
        menu_ui(ui, Icon::ArrowDownWideNarrow, label, "Sort by", |ui| {
            for (by, label) in choices {
                if choice_ui(ui, label, by == self.by) {
                    chosen = Some(by);
                }
            }
        });
        self.sort(chosen?)
    }

    /// Only events since so long ago; `None`: of all time.
    pub(super) fn since(&mut self, ago: Option<&str>) -> Option<Query> {
        self.set(self.with_time(ago))
    }

    /// The text with this time, and no other, in it.
    fn with_time(&self, ago: Option<&str>) -> String {
        query::with(&query::with(&self.text, QueryKey::Since, ago.as_slice()), QueryKey::Until, &[])
    }

    /// Another order: by time, or the most of a measure first.
    pub(super) fn sort(&mut self, by: Option<Measure>) -> Option<Query> {
        self.by = by;
        self.read()
    }

    fn saved_ui(&mut self, ui: &mut Ui) -> (Option<Query>, bool) {
        let mut chosen = None;
        let mut changed = false;
        let mut gone = None;
        let mut is_open = false;
        menu_ui(ui, Icon::Bookmark, "Saved", "Saved filters", |ui| {
            ui.set_min_width(230.0);
            for (at, saved) in self.saved.iter().enumerate() {
                ui.horizontal(|ui| {
                    let is_chosen = saved.text == self.text.trim();
                    let button = Button::new(&*saved.name).min_size(vec2(190.0, 0.0)).selected(is_chosen);
                    if ui.add(button).on_hover_text(&*saved.text).clicked() {
                        chosen = Some(saved.text.clone());
                        ui.close();
                    }
                    let remove = format!("Remove saved filter {}", saved.name);
                    if widgets::icon_button_ui(ui, Icon::X, &remove).clicked() {
                        gone = Some(at);
                    }
                });
            }
            if self.saved.is_empty() {
                widgets::hint_ui(ui, "None yet. Enter a name to save the current search.");
            }
            ui.separator();
            let name = ui.label("Name of this filter");
            let field = ui.add(widgets::text_edit(&mut self.name, "Failed today").desired_width(210.0));
            let field = field.labelled_by(name.id);
            is_open = true;
            widgets::focus_once(&field, &mut self.wants_name);
            let can = !self.name.trim().is_empty() && !self.text.trim().is_empty();
            widgets::keep_focus(&field, !can);
            let button = widgets::primary_button_ui(ui, Icon::BookmarkPlus, "Save filter", can);
            let button = button.on_disabled_hover_text("Enter a search above and a name here");
            if button.clicked() || (can && widgets::is_left_with(&field, Key::Enter)) {
                let name = std::mem::take(&mut self.name).trim().to_owned();
                self.saved.retain(|saved| saved.name != name);
                self.saved.push(Saved { name, text: self.text.trim().to_owned() });
                changed = true;
                ui.close();
            }
        });
        if !is_open {
            // The next time that the menu is opened.
            self.wants_name = true;
        }
        if let Some(gone) = gone {
            self.saved.remove(gone);
            changed = true;
        }
        (chosen.and_then(|text| self.set(text)), changed)
    }
}
