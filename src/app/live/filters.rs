//! What the user looks for in the log: one line of text that says all of it, and chips and menus that write into it. The
//! same text works after `tributary log`.

use std::time::{Duration, Instant};

use eframe::egui::{
    self, Button, Frame, Key, KeyboardShortcut, Margin, Modifiers, PopupCloseBehavior, RichText, Sense,
    Stroke, TextStyle, TextWrapMode, Ui, WidgetText,
    containers::menu::{MenuButton, MenuConfig},
    vec2,
};
use lucide_icons::Icon;

use super::{
    super::{
        Clock, Seen, detail,
        theme::{self, tokens, weight},
        widgets,
    },
    records,
};
use crate::{
    delivery::{
        Field, Ledger, Measure, Millis, Query, State,
        query::{self, Mistake, Name},
    },
    event::Kind,
};

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
    mistake: Option<Mistake>,
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
    pub(super) fn require(&mut self, name: Name, value: &str) -> Option<Query> {
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
        changed = changed.or(self.chips_ui(ui, seen, (shown, retrying)));
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
            let word = &self.text[unknown.place.clone()];
            let mut text = format!("“{word}” is not a field, so it is searched for as text.");
            if unknown.meant.is_none() {
                text = format!("{text} The fields are {}.", Name::ALL.map(|(_, name, _)| name).join(", "));
            }
            ui.add(egui::Label::new(RichText::new(text).color(t.text)).wrap());
            if let Some(name) = unknown.meant
                && ui.link(format!("Did you mean {}:?", name.as_str())).clicked()
            {
                meant = Some(name);
            }
        });
        let mut text = self.text.clone();
        text.replace_range(unknown.place, &format!("{}:", meant?.as_str()));
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
                for (_, name, means) in Name::ALL {
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
        for (name, time) in [(Name::Since, from), (Name::Until, to)] {
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
        let name = Name::Field(Field::Source);
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
        query::with(&query::with(&self.text, Name::Since, ago.as_slice()), Name::Until, &[])
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

    fn chips_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, (shown, retrying): (&Query, u64)) -> Option<Query> {
        let t = tokens(ui);
        let mut chosen = None;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(5.0, 6.0);
            ui.spacing_mut().button_padding = vec2(7.0, 3.0);
            ui.spacing_mut().interact_size.y = 26.0;
            let ledger = &seen.status.ledger;
            // The counts are of the whole log: beside a search they would be taken for its counts.
            let counts_all = is_all_but_states(shown);
            if counts_all {
                accepted_ui(ui, ledger);
            }
            for state in State::ALL {
                let count = match state {
                    State::Queued => ledger.queued.saturating_sub(retrying),
                    State::Retrying => retrying,
                    State::Delivered => ledger.delivered,
                    State::Failed => ledger.failed,
                    State::Resent => ledger.resent,
                    State::Rejected => ledger.rejected,
                };
                let on = shown.states.contains(&state);
                if state == State::Resent && count == 0 && !on {
                    continue;
                }
                let color = detail::state_color(state, t);
                if chip_ui(ui, on, Some(color), detail::state_word(state), counts_all.then_some(count)) {
                    chosen = Some((Name::State, toggled(&shown.states, state, State::as_str)));
                }
                if state == State::Queued {
                    let hint = "On their way to the stream right now; queued until it has confirmed them";
                    figure_ui(ui, "Sending", widgets::digits(seen.status.sending)).on_hover_text(hint);
                }
            }
            if counts_all && seen.status.pruned > 0 {
                figure_ui(ui, "Removed from the log", widgets::digits(seen.status.pruned))
                    .on_hover_text(removed(seen.status.pruned, seen.config.log.keep_events));
            }
            if counts_all && ledger.rejected_unkept > 0 {
                let hint =
                    "Rejected events that came too fast to keep each of them. The counts include them.";
                figure_ui(ui, "Not kept", widgets::digits(ledger.rejected_unkept)).on_hover_text(hint);
            }
            if let Some(mean) = records::events_per_record(&seen.status.puts).filter(|_| counts_all) {
                figure_ui(ui, "Events per record", mean).on_hover_text(records::saved(&seen.status.puts));
            }
            separator_ui(ui);
            for kind in Kind::ALL {
                let on = shown.kinds.contains(&kind);
                if chip_ui(ui, on, None, kind.as_str(), None) {
                    chosen = Some((Name::Type, toggled(&shown.kinds, kind, Kind::as_str)));
                }
            }
        });
        let (name, values) = chosen?;
        self.set(query::with(&self.text, name, &values))
    }
}

/// Why the list is shorter than the counts say.
pub(super) fn removed(pruned: u64, keep_events: u64) -> String {
    let events = if pruned == 1 { "event was" } else { "events were" };
    format!(
        "{} older {events} removed from the log, which keeps at most {} delivered ones (log.keep_events) and fewer rejected ones. \
         The counts still include them.",
        widgets::digits(pruned),
        widgets::digits(keep_events)
    )
}

/// Whether the query leaves out nothing, except by the states that are chosen with the chips.
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

/// The words of a choice after one of it was pressed.
fn toggled<T: Copy + PartialEq>(now: &[T], one: T, word: fn(T) -> &'static str) -> Vec<&'static str> {
    let mut after: Vec<T> = now.iter().copied().filter(|other| *other != one).collect();
    if after.len() == now.len() {
        after.push(one);
    }
    after.into_iter().map(word).collect()
}

/// A button that opens a menu, which stays open while something in it is being filled in.
pub(super) fn menu_ui(ui: &mut Ui, icon: Icon, label: &str, name: &str, contents: impl FnOnce(&mut Ui)) {
    let t = tokens(ui);
    let atoms = (theme::icon(icon).color(t.weak), weight(label, 550.0));
    let button = Button::new(atoms).wrap_mode(egui::TextWrapMode::Extend);
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let kept = egui::Id::unique(("menu has the focus", name));
    let mut has_focus = ui.data(|data| data.get_temp(kept)).unwrap_or(false);
    let mut is_open = false;
    let (response, _) = MenuButton::from_button(button).config(config).ui(ui, |ui| {
        is_open = true;
        ui.data_mut(|data| data.insert_temp(egui::Id::unique(WANTS_FOCUS), !has_focus));
        ui.spacing_mut().item_spacing.y = 5.0;
        Frame::new().inner_margin(Margin::same(4)).show(ui, contents);
        has_focus = !wants_focus(ui);
    });
    ui.data_mut(|data| data.insert_temp(kept, has_focus && is_open));
    response.accessible_name(name).on_hover_text(name);
}

/// Under this name a menu says whether its choice in force is to get the focus: it has just been opened.
const WANTS_FOCUS: &str = "the open menu wants the focus";

fn wants_focus(ui: &Ui) -> bool {
    ui.data(|data| data.get_temp(egui::Id::unique(WANTS_FOCUS))).unwrap_or(false)
}

/// One of several in a menu, which closes when it is chosen.
fn choice_ui(ui: &mut Ui, label: &str, is_chosen: bool) -> bool {
    let choice = ui.add(Button::new(label).selected(is_chosen));
    if is_chosen && wants_focus(ui) {
        // The arrow keys lead on from here.
        choice.request_focus();
        let has_focus = choice.has_focus();
        ui.data_mut(|data| data.insert_temp(egui::Id::unique(WANTS_FOCUS), !has_focus));
    }
    if choice.clicked() {
        ui.close();
    }
    choice.clicked()
}

/// A line between the chips of states and those of types, where both are on one line.
fn separator_ui(ui: &mut Ui) {
    /// As wide as the first chip behind it, at least.
    const CHIP: f32 = 70.0;
    let size = vec2(7.0, 26.0);
    if ui.available_size_before_wrap().x < size.x + ui.spacing().item_spacing.x + CHIP {
        ui.end_row();
        return;
    }
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    ui.painter().vline(rect.center().x, rect.shrink(6.0).y_range(), Stroke::new(1.0, tokens(ui).edge));
}

/// A figure that is no filter. Where the line has no room for it, it begins the next one.
fn figure_ui(ui: &mut Ui, name: &str, value: impl std::fmt::Display) -> egui::Response {
    const MARGIN: i8 = 9;
    let t = tokens(ui);
    let text = weight(format!("{name} {value}"), 480.0).size(12.0).color(t.weak);
    let text =
        WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, TextStyle::Body);
    if ui.available_size_before_wrap().x < text.size().x + 2.0 * f32::from(MARGIN + 1) {
        ui.end_row();
    }
    let frame = Frame::new().stroke(Stroke::new(1.0, t.line)).corner_radius(13);
    let shown = frame.inner_margin(Margin::symmetric(MARGIN, 0)).show(ui, |ui| {
        ui.set_height(24.0);
        ui.label(text);
    });
    shown.response
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
        atoms.push_right(RichText::new(widgets::digits(count)).size(12.0).color(t.weak));
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
