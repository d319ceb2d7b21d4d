//! The delivery log as it grows: newest first, any number of lines, of which only a few pages are held. It follows while
//! the top is in sight, and holds still when the user has scrolled away or paused it.

mod charts;
mod columns;
mod filters;
mod flow;
mod menu;
mod records;
mod whole;

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use eframe::egui::{self, Align, CentralPanel, Frame, Layout, Margin, Panel, RichText, Sense, Ui, vec2};
use egui_extras::TableBuilder;
use lucide_icons::Icon;
use serde::{Deserialize, Serialize};

use super::{
    clock::Clock,
    command::{Command, DeliveryCommand, LiveCommand, LogCommand},
    detail::{Looks, Pane},
    hold::Hold,
    place::Place,
    rows::Rows,
    seen::Seen,
    theme::tokens,
    waiting::{Waiting, arrived},
    widgets::{self, ListKeys},
};
use charts::Charts;
use columns::{Columns, Sort};
use filters::{Filters, Saved};

use crate::{
    delivery::{
        Detail, EventId, LogPage, Measure, Query,
        chart::Overview,
        query::{QueryError, QueryKey},
    },
    engine::Answer,
};

/// Even and whole, so that a million of them line up in `f32`.
const ROW_HEIGHT: f32 = 28.0;
/// The log is read again at most so often while it changes.
const READ_EVERY: Duration = Duration::from_millis(200);
/// The same where each time many lines are looked at.
const SEARCH_EVERY: Duration = Duration::from_secs(1);

/// What is in sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Events,
    Charts,
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a thing of its own that the user has or has not done"
)]
pub(super) struct Live {
    view: View,
    charts: Charts,
    rows: Rows,
    waiting: Option<Waiting<Result<LogPage, String>>>,
    error: Option<String>,
    /// The line numbers that were drawn last.
    visible: Range<usize>,
    /// The newest line is in sight: new lines are shown at once, unless the list is held.
    follows: bool,
    hold: Hold,
    /// The user aims at the list, or has opened a line in sight: no line may move.
    held: Held,
    to_newest: bool,
    /// The scroll offset, and how many rows and columns were drawn last.
    drawn: (f32, usize, usize),
    scroll_to: Option<usize>,
    paused: bool,
    revision: u64,
    read_at: Option<Instant>,
    filters: Filters,
    columns: Columns,
    /// Rises when the columns are to be laid out anew.
    layout: u32,
    oldest_first: bool,
    to_remember: bool,
    pane: Option<Pane>,
    /// How the open delivery is shown; the next one is shown in the same way.
    looks: Looks,
    /// The user has had events queued again, and waits to see them: an open line does not hold the list.
    awaits_new: bool,
    /// A delivery that was asked for by name: the list scrolls to it.
    reveal: Option<EventId>,
}

/// Why the list stands still although its newest line is in sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Held {
    #[default]
    No,
    /// The pointer is over it.
    ByPointer,
    /// A line of it is open.
    ByOpenLine,
}

/// What is found again next time.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Kept {
    columns: Columns,
    oldest_first: bool,
    filters: Vec<Saved>,
}

/// The name under which that is kept.
pub(super) const STATE: &str = "live";

impl Live {
    pub(super) fn new(Kept { columns, oldest_first, filters }: Kept) -> Self {
        let filters = Filters::new(filters);
        let (columns, to_newest) = (columns.completed(), true);
        Self { columns, oldest_first, filters, to_newest, follows: true, ..Self::default() }
    }

    /// Opens one delivery. The search stays: the list says so where it leaves that delivery out.
    pub(super) fn show(&mut self, id: EventId) {
        self.view = View::Events;
        self.open(id);
        if self.rows.number_of(id).is_none() {
            self.start_over();
        }
        self.reveal = Some(id);
    }

    /// The user has had events queued again: their lines are to be seen when they come.
    pub(super) fn await_new(&mut self) {
        self.awaits_new = true;
    }

    fn open(&mut self, id: EventId) {
        self.awaits_new = false;
        self.pane = Some(Pane::new(id, self.looks));
    }

    /// Shows the lines that this search finds, and no others.
    pub(super) fn search(&mut self, text: String) {
        self.view = View::Events;
        self.pane = None;
        self.filters.by = None;
        let found = self.filters.set(text);
        self.filter(found);
    }

    /// Takes the list from its newest line again.
    fn start_over(&mut self) {
        self.rows.restart();
        self.waiting = None;
        self.to_newest = true;
        self.follows = true;
    }

    /// Only lines that say this, beside what is asked for already.
    pub(super) fn require(&mut self, name: QueryKey, value: &str) {
        self.view = View::Events;
        let filter = self.filters.require(name, value);
        self.filter(filter);
    }

    /// A page is being read.
    pub(super) fn page_coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    /// The delivery is being read.
    pub(super) fn detail_coming(&mut self, id: EventId, answer: Answer<Result<Option<Detail>, String>>) {
        if let Some(pane) = self.pane.as_mut().filter(|pane| pane.id == id) {
            pane.coming(answer);
        }
    }

    /// What the charts show is being read.
    pub(super) fn overview_coming(&mut self, answer: Answer<Result<Overview, String>>) {
        self.charts.coming(answer);
    }

    /// What the search says now, and means.
    pub(super) fn search_in_force(&self) -> Result<(String, Query), QueryError> {
        let text = self.filters.text.trim();
        Ok((text.to_owned(), Query::parse(text, Clock::now())?))
    }

    /// Does it with the delivery that is open, when that is drawn next. False: none is.
    pub(super) fn act_on_open(&mut self, command: DeliveryCommand) -> bool {
        let Some(pane) = self.pane.as_mut().filter(|_| self.view == View::Events) else { return false };
        pane.asked = Some(command);
        true
    }

    pub(super) fn act(&mut self, command: LiveCommand) {
        match command {
            LiveCommand::Pause => self.paused = !self.paused,
            LiveCommand::Reverse => {
                self.oldest_first = !self.oldest_first;
                self.to_remember = true;
                self.to_newest = true;
                self.follows = true;
            }
            LiveCommand::Sort(by) => {
                self.view = View::Events;
                self.sort(Some(by).filter(|by| self.rows.filter.by != Some(*by)));
            }
            LiveCommand::Since(ago) => {
                self.view = View::Events;
                let since = self.filters.since(ago);
                self.filter(since);
            }
            LiveCommand::Clear => {
                self.view = View::Events;
                let all = self.filters.set(String::new());
                self.filter(all);
            }
            LiveCommand::SwitchView => {
                self.view = match self.view {
                    View::Events => View::Charts,
                    View::Charts => View::Events,
                }
            }
        }
    }

    fn sort(&mut self, by: Option<Measure>) {
        let sorted = self.filters.sort(by);
        self.filter(sorted);
    }

    /// By time, or by the other measure; once more turns the time round, or goes back to it.
    fn sort_by_head(&mut self, sort: Sort) {
        match sort {
            Sort::By(by) => self.act(LiveCommand::Sort(by)),
            Sort::Time if self.rows.filter.by.is_some() => self.sort(None),
            Sort::Time => self.act(LiveCommand::Reverse),
        }
    }

    fn filter(&mut self, filter: Option<Query>) {
        let Some(filter) = filter else { return };
        if self.rows.filter != filter {
            self.rows.set_filter(filter);
            self.waiting = None;
            self.error = None;
            self.to_newest = true;
            self.visible = 0..40;
        }
    }

    fn held(&mut self, ctx: &egui::Context) -> Held {
        let is_aimed_at = self.hold.is_aimed_at(ctx);
        let open = self.pane.as_ref().and_then(|pane| self.rows.find(pane.id));
        if !self.awaits_new && open.is_some_and(|number| self.visible.contains(&number)) {
            Held::ByOpenLine
        } else if is_aimed_at {
            Held::ByPointer
        } else {
            Held::No
        }
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        let status = seen.status;
        self.held = self.held(ctx);
        let is_held = self.held != Held::No;
        match arrived(&mut self.waiting, ctx) {
            Some(Ok(page)) => {
                self.revision = self.revision.max(page.revision);
                self.error = None;
                self.rows.take(page, is_held);
                self.reveal_now();
            }
            Some(Err(error)) => {
                self.error = Some(error);
                self.rows.fail();
            }
            None => {}
        }
        if std::mem::take(&mut self.to_remember) {
            let (columns, filters) = (self.columns.clone(), self.filters.saved.clone());
            seen.keep(STATE, &Kept { columns, oldest_first: self.oldest_first, filters });
        }
        if seen.place != Place::Live {
            return;
        }
        let charts = self.view == View::Charts;
        // The chips show how many events are retried; without any that wait there are none.
        if charts || status.ledger.queued > 0 || self.charts.retrying() > 0 {
            self.charts.logic(ctx, seen, charts);
        }
        if let Some(pane) = &mut self.pane {
            pane.logic(ctx, seen, Place::Live);
        }
        let typed = self.filters.logic();
        self.filter(typed);
        if self.waiting.is_some() || self.error.is_some() {
            return;
        }
        let mut query = self.rows.missing_page(&self.visible, status.newest);
        let follows = self.follows && !is_held;
        // Lines that came while the list was held are shown as soon as it is let go, even if no other line comes.
        let has_unseen = follows && self.rows.filter.by.is_none() && self.rows.unseen(status.newest) > 0;
        let is_behind = has_unseen || self.rows.is_stale(&self.visible, is_held);
        if query.is_none() && !self.paused && (status.revision != self.revision || is_behind) {
            let every = if is_held || self.rows.is_cheap() { READ_EVERY } else { SEARCH_EVERY };
            let since = self.read_at.map_or(every, |at| at.elapsed());
            if since < every {
                ctx.request_repaint_after(every.saturating_sub(since));
                return;
            }
            self.revision = status.revision;
            if let Some(since) = self.filters.slides_to().filter(|_| !is_held) {
                self.rows.slide(since);
            }
            query = if is_held {
                self.rows.refresh_states(&self.visible)
            } else {
                self.rows.refresh(&self.visible, follows, status.newest)
            };
        }
        if let Some(query) = query {
            self.read_at = Some(Instant::now());
            seen.push(Command::Log(LogCommand::ReadPage(Box::new(query), Place::Live)));
        }
    }

    /// Scrolls to the delivery that was asked for, once the list knows its place.
    fn reveal_now(&mut self) {
        let Some(id) = self.reveal.filter(|_| !self.rows.is_searching()) else { return };
        if let Some(number) = self.rows.number_of(id) {
            self.scroll_to = Some(number).filter(|number| !self.visible.contains(number));
            self.reveal = None;
        } else if self.rows.excludes(id) {
            self.reveal = None;
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let searches = ui.input_mut(|input| input.consume_shortcut(&filters::SEARCH));
        if searches {
            self.view = View::Events;
            self.filters.wants_search = true;
        }
        self.keys(ui);
        widgets::heading_ui(ui, "Live", "Every event, and what became of it", |ui| {
            let view = self.view;
            // The rightmost, where it stays when the other actions go. In a row of its own width: without one it would take
            // what the title needs.
            ui.allocate_ui_with_layout(vec2(144.0, 36.0), Layout::left_to_right(Align::Center), |ui| {
                let views = [(View::Events, "Events"), (View::Charts, "Charts")];
                widgets::segments_ui(ui, &mut self.view, "View", &views);
            });
            if view == View::Events {
                whole::more_ui(ui, seen);
                self.actions_ui(ui);
                whole::resend_ui(ui, seen);
            }
        });
        if self.view == View::Charts {
            self.charts.ui(ui, seen);
            return;
        }
        let beside = ui.available_width() > 780.0;
        if searches && !beside {
            self.pane = None;
        }
        if let Some(pane) = self.pane.take_if(|_| !beside) {
            // Too narrow for both: the delivery takes the place of the list.
            self.pane_ui(ui, seen, pane);
            return;
        }
        if ui.content_rect().height() > 640.0 {
            flow::chart_ui(ui, seen.status);
            ui.add_space(8.0);
        }
        self.filters_ui(ui, seen);
        ui.add_space(6.0);
        if let Some(pane) = self.pane.take() {
            let margin = Margin { left: 16, right: 2, top: 2, bottom: 0 };
            Panel::right("delivery")
                .default_size(410.0)
                .size_range(320.0..=(ui.available_width() * 0.6))
                .frame(Frame::new().inner_margin(margin))
                .show(ui, |ui| self.pane_ui(ui, seen, pane));
        }
        let margin = Margin { right: if self.pane.is_some() { 10 } else { 0 }, ..Margin::ZERO };
        CentralPanel::no_frame()
            .frame(Frame::new().inner_margin(margin))
            .show(ui, |ui| self.list_ui(ui, seen));
    }

    /// The open delivery, which stays unless it is closed.
    fn pane_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, mut pane: Pane) {
        let is_filtered = !self.rows.filter.is_all() && !self.filters.has_mistake();
        if is_filtered && self.rows.excludes(pane.id) {
            ui.horizontal_wrapped(|ui| {
                widgets::hint_ui(ui, "The search leaves this event out.");
                if widgets::button_ui(ui, Icon::X, "Show all events").clicked() {
                    self.act(LiveCommand::Clear);
                    self.reveal = Some(pane.id);
                }
            });
        }
        let open = pane.ui(ui, seen);
        self.looks = pane.looks;
        self.pane = open.then_some(pane);
    }

    /// From the right.
    fn actions_ui(&mut self, ui: &mut Ui) {
        let (icon, label) = if self.paused { (Icon::Play, "Resume") } else { (Icon::Pause, "Pause") };
        let hint = "Pausing freezes the list. Events are still accepted and delivered.";
        if widgets::button_ui(ui, icon, label).on_hover_text(hint).clicked() {
            self.act(LiveCommand::Pause);
        }
        let mut changed = false;
        menu::menu_ui(ui, Icon::Columns3, "Columns", "Columns", |ui| changed = self.columns.menu_ui(ui));
        if changed {
            self.layout += 1;
            self.to_remember = true;
        }
        let (icon, label) = if self.oldest_first {
            (Icon::ArrowDown, "Oldest first")
        } else {
            (Icon::ArrowUp, "Newest first")
        };
        if widgets::button_ui(ui, icon, label).on_hover_text("The order of the list").clicked() {
            self.act(LiveCommand::Reverse);
        }
    }

    fn keys(&mut self, ui: &Ui) {
        if self.view != View::Events {
            return;
        }
        let ListKeys { step, escape } = widgets::list_keys(ui);
        if escape {
            self.pane = None;
        }
        if let Some(step) = step.filter(|_| !self.filters.has_mistake()) {
            let step = if self.is_mirrored() { step.reversed() } else { step };
            let open = self.pane.as_ref().and_then(|pane| self.rows.find(pane.id));
            let next = open.map_or(self.visible.start, |number| step.from(number));
            if let Some(id) = self.rows.get(next).map(|row| row.id) {
                self.open(id);
                if !(self.visible.start + 1..self.visible.end.saturating_sub(1)).contains(&next) {
                    self.scroll_to = Some(next);
                }
            }
        }
    }

    fn filters_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        // The count is a moment old: some of them may be delivered by now.
        let retrying = self.charts.retrying().min(seen.status.ledger.queued);
        let (changed, saved) = self.filters.ui(ui, seen, (&self.rows.filter, retrying));
        self.to_remember |= saved;
        self.filter(changed);
        self.progress_ui(ui, seen);
    }

    /// What a search has found so far and how far it is, or what a ranking is of.
    fn progress_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        if self.filters.has_mistake() {
            return;
        }
        let t = tokens(ui);
        let by = self.rows.filter.by;
        let Some(progress) = self.rows.progress() else {
            if let Some(by) = by.filter(|_| !self.rows.is_searching()) {
                let what = match by {
                    Measure::Latency => "slowest delivered",
                    Measure::Size => "largest",
                };
                ui.horizontal(|ui| {
                    let text = format!(
                        "The {} {what} of all matching events, at the time of the search.",
                        self.rows.len()
                    );
                    ui.label(RichText::new(text).color(t.weak));
                    if widgets::button_ui(ui, Icon::RotateCw, "Search again").clicked() {
                        self.rows.restart();
                    }
                });
            }
            return;
        };
        ui.horizontal(|ui| {
            let bar =
                egui::ProgressBar::new(progress.done).desired_width(120.0).desired_height(6.0).fill(t.accent);
            ui.add(bar).accessible_name("Search progress");
            let state = if progress.is_stopped { "Stopped" } else { "Searching" };
            let text = format!(
                "{state}: {:.0} % of the log, back to {}",
                progress.done * 100.0,
                seen.clock.short(progress.reached)
            );
            ui.label(RichText::new(text).color(t.weak));
            if progress.is_stopped {
                if widgets::button_ui(ui, Icon::Search, "Continue search").clicked() {
                    self.rows.resume_search();
                }
            } else if widgets::button_ui(ui, Icon::X, "Stop searching").clicked() {
                self.rows.stop_search();
                self.waiting = None;
            }
        });
    }

    fn list_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if let Some(error) = &self.error {
            let text = format!("The log could not be read: {error}");
            if widgets::empty_ui(
                ui,
                Icon::CircleAlert,
                "No answer",
                &text,
                Some((Icon::RotateCw, "Read again")),
            ) {
                self.error = None;
                self.rows.restart();
            }
            return;
        }
        if self.filters.has_mistake() {
            // The lines that the list has are no answer to this search.
            let text = "The message below the search field says what is wrong with it.";
            let action = Some((Icon::X, "Clear the search"));
            if widgets::empty_ui(ui, Icon::SearchX, "No events for this search", text, action) {
                self.act(LiveCommand::Clear);
            }
            return;
        }
        if self.rows.len() == 0 {
            self.visible = 0..40;
            self.follows = true;
            self.empty_ui(ui, seen);
            return;
        }
        let list = ui.available_rect_before_wrap();
        self.hold.drawn(list);
        self.table_ui(ui, seen);
        self.held_ui(ui, seen, list);
    }

    fn empty_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.rows.is_searching() {
            // Nothing is said for the moment that a first page takes.
            if self.waiting.as_ref().is_some_and(|waiting| waiting.elapsed() > Duration::from_millis(300)) {
                widgets::empty_ui(ui, Icon::Search, "Looking …", "Older events are being searched.", None);
            }
        } else if self.rows.filter.is_all() && seen.status.pruned > 0 {
            let text = filters::removed(seen.status.pruned, seen.config.log.keep_events);
            widgets::empty_ui(ui, Icon::Activity, "No events in the log", &text, None);
        } else if self.rows.filter.is_all() {
            let text = "Send one from the Test place, or point an SDK at the capture endpoint. It shows up here at once.";
            if widgets::empty_ui(
                ui,
                Icon::Activity,
                "No events yet",
                text,
                Some((Icon::FlaskConical, "Send a test event")),
            ) {
                seen.go(Place::Test);
            }
        } else {
            let mut text = "No event in the log matches this search and these filters.".to_owned();
            if seen.status.pruned > 0 {
                let removed = filters::removed(seen.status.pruned, seen.config.log.keep_events);
                text = format!("{text} {removed}");
            }
            if widgets::empty_ui(ui, Icon::Search, "No matches", &text, Some((Icon::X, "Clear filters"))) {
                self.act(LiveCommand::Clear);
            }
        }
    }

    /// What is not shown because the list holds still; over the list, so that nothing moves for it.
    fn held_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, list: egui::Rect) {
        let unseen = self.rows.unseen(seen.status.newest);
        let is_all = self.rows.filter.is_all();
        let stands_still = match self.held {
            _ if self.paused || !self.follows => true,
            Held::No => false,
            // It is not known whether the new events match the search, and the pointer will be gone in a moment.
            Held::ByPointer => is_all,
            Held::ByOpenLine => true,
        };
        if unseen == 0 || !stands_still || self.rows.filter.by.is_some() {
            self.hold.offer_nothing();
            return;
        }
        let label =
            if is_all { format!("{} new", widgets::digits(unseen)) } else { "Show newer events".to_owned() };
        if self.hold.offer_ui(ui, list, &label, self.is_mirrored()) {
            self.paused = false;
            self.start_over();
        }
    }

    /// The oldest line is at the top. Lines are numbered from the newest all the same.
    fn is_mirrored(&self) -> bool {
        self.oldest_first && self.rows.filter.by.is_none()
    }

    /// The line in a row of the table, or the other way round.
    fn mirrored(&self, place: usize) -> usize {
        if self.is_mirrored() { self.rows.len().saturating_sub(place + 1) } else { place }
    }

    fn table_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        let t = tokens(ui);
        let shown = self.columns.fitting(ui.available_width());
        ui.spacing_mut().item_spacing.y = 0.0;
        let names: Vec<&str> = shown.iter().map(|(column, _)| column.name()).collect();
        let len = self.rows.len();
        let salt = egui::IdSalt::new(("deliveries", &names, self.layout));
        let table_id = ui.scope_id().with(egui::IdSalt::new(salt));
        let mut table = TableBuilder::new(ui)
            .id_salt(salt)
            .sense(Sense::click())
            .auto_shrink(false)
            .animate_scrolling(false)
            .cell_layout(Layout::left_to_right(Align::Center));
        for column in &shown {
            table = table.column(columns::table_column(*column));
        }
        table = self.scrolled(table, len, shown.len());
        let rows = &self.rows;
        let selected = self.pane.as_ref().map(|pane| pane.id);
        let mut clicked = None;
        let mut drawn: Option<Range<usize>> = None;
        let mut widths = Vec::new();
        let mut sort = None;
        let (by, oldest_first) = (rows.filter.by, self.oldest_first);
        let output = table
            .header(28.0, |header| sort = columns::heads_ui(header, &shown, by, oldest_first))
            .body(|body| {
                widths = body.widths().to_vec();
                body.rows(ROW_HEIGHT, len, |mut row| {
                    let number = self.mirrored(row.index());
                    let range = drawn.get_or_insert(number..number);
                    range.start = range.start.min(number);
                    range.end = range.end.max(number + 1);
                    let Some(delivery) = rows.get(number) else {
                        for _ in &shown {
                            row.col(|ui| {
                                let (rect, _) = ui.allocate_exact_size(vec2(48.0, 8.0), Sense::hover());
                                ui.painter().rect_filled(rect, 4.0, t.hover);
                            });
                        }
                        return;
                    };
                    row.set_selected(selected == Some(delivery.id));
                    columns::row_ui(&mut row, &shown, delivery, seen);
                    if widgets::row_name_ui(&row, || columns::row_name(delivery)).clicked() {
                        clicked = Some(delivery.id);
                    }
                });
            });
        columns::handles_ui(ui, table_id, &names);
        let offset = output.state.clamped_offset().y;
        let from_end = output.content_size.y - output.inner_rect.height() - offset;
        self.follows = (if self.is_mirrored() { from_end } else { offset }) < ROW_HEIGHT / 2.0;
        self.drawn = (offset, len, shown.len());
        if !ui.input(|i| i.pointer.any_down()) && self.columns.resized(&shown, &widths) {
            self.to_remember = true;
        }
        if let Some(drawn) = drawn.filter(|drawn| *drawn != self.visible) {
            self.visible = drawn;
            ui.request_repaint();
        }
        if let Some(sort) = sort {
            self.sort_by_head(sort);
        }
        self.clicked(clicked);
    }

    /// A line that was clicked opens; the one that is open closes.
    fn clicked(&mut self, line: Option<EventId>) {
        match (line, &self.pane) {
            (None, _) => {}
            (Some(id), Some(pane)) if pane.id == id => self.pane = None,
            (Some(id), _) => self.open(id),
        }
    }

    /// Where the table is to be scrolled to, where that is not where the user left it.
    fn scrolled<'t>(&mut self, table: TableBuilder<'t>, len: usize, columns: usize) -> TableBuilder<'t> {
        let (offset, len_before, columns_before) = self.drawn;
        let grown = (len as f32 - len_before as f32) * ROW_HEIGHT;
        let to_newest = std::mem::take(&mut self.to_newest);
        if let Some(number) = self.scroll_to.take() {
            return table.scroll_to_row(self.mirrored(number), None);
        }
        // With other columns it is another table, which would begin at its top.
        let table = if columns == columns_before { table } else { table.vertical_scroll_offset(offset) };
        if !self.is_mirrored() {
            return if to_newest { table.vertical_scroll_offset(0.0) } else { table };
        }
        if to_newest {
            return table.stick_to_bottom(true).vertical_scroll_offset(len as f32 * ROW_HEIGHT);
        }
        if self.follows && !self.paused {
            return table.stick_to_bottom(true);
        }
        // Older lines were found above: what is in sight stays where it is.
        if grown > 0.0 { table.vertical_scroll_offset(offset + grown) } else { table }
    }
}
