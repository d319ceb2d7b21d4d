//! The rows of the log: reads them as they are needed, draws them, and decides when they may move.
//!
//! The list follows the log while its newest row is in sight. It holds still while it is paused, scrolled away from the
//! newest row, or while the pointer is over it or a row in sight is open.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use eframe::egui::{self, Align, Layout, ProgressBar, Rect, RichText, Sense, Ui};
use egui_extras::TableBuilder;
use lucide_icons::Icon;

use super::{
    cells::{self, NameWidth},
    columns::{self, Columns},
    empty,
    filters::Filters,
    pressed::Pressed,
    scroll::{Extent, ROW_HEIGHT, Scroll},
};
use crate::{
    app::{
        command::{Command, LogCommand},
        list_hold::ListHold,
        place::Place,
        rows::Rows,
        seen::Seen,
        theme::tokens,
        waiting::{Waiting, arrived},
        widgets::{self, Step},
    },
    delivery::{EventId, LogPage, Measure, Query},
};

/// The shortest time between two reads of a changing log.
const READ_EVERY: Duration = Duration::from_millis(200);
/// Like [`READ_EVERY`], for reads that have to search many rows.
const SEARCH_EVERY: Duration = Duration::from_secs(1);
/// No progress is shown for a page that arrives within this time.
const QUIET: Duration = Duration::from_millis(300);

/// Why the list holds still although its newest row is in sight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Held {
    #[default]
    No,
    ByPointer,
    ByOpenRow,
}

#[derive(Default)]
pub(super) struct List {
    rows: Rows,
    pub waiting: Option<Waiting<Result<LogPage, String>>>,
    /// Why the log could not be read.
    error: Option<String>,
    scroll: Scroll,
    hold: ListHold,
    held: Held,
    pub is_paused: bool,
    pub oldest_first: bool,
    /// An open row does not hold the list: the user waits for events that were resent.
    pub awaits_new: bool,
    pub columns: Columns,
    name_width: NameWidth,
    /// Rises when the columns must be laid out again.
    layout: u32,
    /// The revision of the log that the rows show.
    revision: u64,
    read_at: Option<Instant>,
    /// A delivery to scroll to as soon as its row number is known.
    to_reveal: Option<EventId>,
}

impl List {
    pub(super) fn new(columns: Columns, oldest_first: bool) -> Self {
        Self { oldest_first, columns, ..Self::default() }
    }

    pub(super) fn filter(&self) -> &Query {
        &self.rows.filter
    }

    pub(super) fn set_filter(&mut self, filter: Query) {
        if self.rows.filter != filter {
            self.rows.set_filter(filter);
            self.waiting = None;
            self.error = None;
            self.scroll.start_over();
            self.name_width = NameWidth::default();
        }
    }

    /// The first page has come.
    pub(super) fn is_loaded(&self) -> bool {
        self.rows.is_loaded()
    }

    /// The number of all rows that match, if the whole log was read for them.
    pub(super) fn found(&self) -> Option<u64> {
        self.rows.found()
    }

    /// Whether the filter excludes this delivery.
    pub(super) fn excludes(&self, id: EventId) -> bool {
        self.rows.excludes(id)
    }

    /// Scrolls to a delivery. If its row number is not known, the list is read from the newest row again.
    pub(super) fn reveal(&mut self, id: EventId) {
        if self.rows.number_of(id).is_none() {
            self.restart();
        }
        self.to_reveal = Some(id);
    }

    pub(super) fn reverse(&mut self) {
        self.oldest_first = !self.oldest_first;
        self.scroll.go_to_newest();
    }

    /// Reads the list from the newest row again.
    fn restart(&mut self) {
        self.rows.restart();
        self.waiting = None;
        self.scroll.go_to_newest();
    }

    /// The delivery after or before the open one, or the first one in sight.
    pub(super) fn step(&mut self, step: Step, open: Option<EventId>) -> Option<EventId> {
        let step = if self.is_reversed() { step.reversed() } else { step };
        let open = open.and_then(|id| self.rows.find(id));
        let next = open.map_or(self.scroll.visible.start, |number| step.from(number));
        let id = self.rows.get(next)?.id;
        self.scroll.follow(next);
        Some(id)
    }

    /// Takes the page that has come. `open`: the open delivery.
    pub(super) fn receive(&mut self, ctx: &egui::Context, open: Option<EventId>) {
        self.held = self.held(ctx, open);
        match arrived(&mut self.waiting, ctx) {
            Some(Ok(page)) => {
                self.revision = self.revision.max(page.revision);
                self.error = None;
                self.rows.take(page, self.is_held());
                self.reveal_now();
            }
            Some(Err(error)) => {
                self.error = Some(error);
                self.rows.fail();
            }
            None => {}
        }
    }

    fn held(&mut self, ctx: &egui::Context, open: Option<EventId>) -> Held {
        let is_aimed_at = self.hold.is_aimed_at(ctx);
        let open = open.and_then(|id| self.rows.find(id));
        if !self.awaits_new && open.is_some_and(|number| self.scroll.visible.contains(&number)) {
            Held::ByOpenRow
        } else if is_aimed_at {
            Held::ByPointer
        } else {
            Held::No
        }
    }

    fn is_held(&self) -> bool {
        self.held != Held::No
    }

    fn reveal_now(&mut self) {
        let Some(id) = self.to_reveal.filter(|_| !self.rows.is_searching()) else { return };
        if let Some(number) = self.rows.number_of(id) {
            self.scroll.reveal(number);
            self.to_reveal = None;
        } else if self.rows.excludes(id) {
            self.to_reveal = None;
        }
    }

    /// Asks for the page that is needed next: rows in sight that are not held, or what has changed.
    pub(super) fn ask(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>, filters: &Filters) {
        if self.waiting.is_some() || self.error.is_some() {
            return;
        }
        let status = seen.status;
        let mut query = self.rows.missing_page(&self.scroll.visible, status.newest);
        if query.is_none() && !self.is_paused {
            let follows = self.scroll.is_at_newest && !self.is_held();
            let is_ranked = self.rows.filter.by.is_some();
            // Rows that arrived while the list was held are shown as soon as it is not, even if no other event comes.
            let has_unseen = follows && !is_ranked && self.rows.unseen(status.newest) > 0;
            let is_stale = has_unseen || self.rows.is_stale(&self.scroll.visible, self.is_held());
            if status.revision == self.revision && !is_stale {
                return;
            }
            let every = if self.is_held() || self.rows.is_cheap() { READ_EVERY } else { SEARCH_EVERY };
            let since = self.read_at.map_or(every, |at| at.elapsed());
            if since < every {
                ctx.request_repaint_after(every.saturating_sub(since));
                return;
            }
            self.revision = status.revision;
            if let Some(since) = filters.slides_to().filter(|_| !self.is_held()) {
                self.rows.slide(since);
            }
            query = if self.is_held() {
                self.rows.refresh_states(&self.scroll.visible)
            } else {
                self.rows.refresh(&self.scroll.visible, follows, status.newest)
            };
        }
        if let Some(query) = query {
            self.read_at = Some(Instant::now());
            seen.push(Command::Log(LogCommand::ReadPage(Box::new(query), Place::Live)));
        }
    }

    pub(super) fn columns_menu_ui(&mut self, ui: &mut Ui) {
        if self.columns.menu_ui(ui) {
            self.layout += 1;
        }
    }

    /// How far a search is, or what a ranking shows.
    pub(super) fn progress_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        let t = tokens(ui);
        let Some(progress) = self.rows.progress() else {
            return self.ranking_ui(ui);
        };
        ui.horizontal(|ui| {
            let bar = ProgressBar::new(progress.done).desired_width(120.0).desired_height(6.0).fill(t.accent);
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

    fn ranking_ui(&mut self, ui: &mut Ui) {
        let Some(by) = self.rows.filter.by.filter(|_| !self.rows.is_searching()) else { return };
        let what = match by {
            Measure::Latency => "slowest delivered",
            Measure::Size => "largest",
        };
        let len = self.rows.len();
        ui.horizontal(|ui| {
            let text = format!("The {len} {what} of all matching events, at the time of the search.");
            ui.label(RichText::new(text).color(tokens(ui).weak));
            if widgets::button_ui(ui, Icon::RotateCw, "Search again").clicked() {
                self.rows.restart();
            }
        });
    }

    /// Shows why the log could not be read. False: there is no error.
    pub(super) fn error_ui(&mut self, ui: &mut Ui) -> bool {
        let Some(error) = &self.error else { return false };
        let text = format!("The log could not be read: {error}");
        let action = Some((Icon::RotateCw, "Read again"));
        if widgets::empty_ui(ui, Icon::CircleAlert, "No answer", &text, action) {
            self.error = None;
            self.rows.restart();
        }
        true
    }

    /// `open`: the open delivery.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, open: Option<EventId>) -> Option<Pressed> {
        if self.rows.len() == 0 {
            self.scroll.clear();
            return self.empty_ui(ui, seen);
        }
        let rect = ui.available_rect_before_wrap();
        self.hold.drawn(rect);
        let pressed = self.table_ui(ui, seen, open);
        self.newer_ui(ui, seen, rect);
        pressed
    }

    fn empty_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) -> Option<Pressed> {
        if !self.rows.is_searching() {
            return empty::list_ui(ui, seen, &self.rows.filter);
        }
        if self.waiting.as_ref().is_some_and(|waiting| waiting.elapsed() > QUIET) {
            widgets::empty_ui(ui, Icon::Search, "Searching …", "Older events are being searched.", None);
        }
        None
    }

    /// The button over the list that shows the rows that arrived while it held still.
    fn newer_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, list: Rect) {
        let unseen = self.rows.unseen(seen.status.newest);
        let is_all = self.rows.filter.is_all();
        let stands_still = match self.held {
            _ if self.is_paused || !self.scroll.is_at_newest => true,
            Held::No => false,
            // With a search it is not known whether the new events match, and the pointer will move away soon.
            Held::ByPointer => is_all,
            Held::ByOpenRow => true,
        };
        if unseen == 0 || !stands_still || self.rows.filter.by.is_some() {
            self.hold.offer_nothing();
            return;
        }
        let label =
            if is_all { format!("{} new", widgets::digits(unseen)) } else { "Show newer events".to_owned() };
        if self.hold.offer_ui(ui, list, &label, self.is_reversed()) {
            self.is_paused = false;
            self.restart();
        }
    }

    /// The oldest row is at the top. A ranking has its own order.
    fn is_reversed(&self) -> bool {
        self.oldest_first && self.rows.filter.by.is_none()
    }

    fn table_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, open: Option<EventId>) -> Option<Pressed> {
        // It only grows, so that scrolling moves no column.
        let names = self.scroll.visible.clone().filter_map(|number| self.rows.get(number));
        let name_width = self.name_width.widened(ui, names);
        let shown = self.columns.fitting(ui.available_width(), name_width);
        ui.spacing_mut().item_spacing.y = 0.0;
        let names: Vec<&str> = shown.iter().map(|(column, _)| column.name()).collect();
        let extent = Extent { rows: self.rows.len(), columns: shown.len(), is_reversed: self.is_reversed() };
        let salt = egui::IdSalt::new(("deliveries", &names, self.layout));
        let table_id = ui.scope_id().with(egui::IdSalt::new(salt));
        let is_dragged = ui.input(|input| input.pointer.any_down());
        let mut table = TableBuilder::new(ui)
            .id_salt(salt)
            .sense(Sense::click())
            .auto_shrink(false)
            .animate_scrolling(false)
            .cell_layout(Layout::left_to_right(Align::Center));
        for column in &shown {
            table = table.column(columns::table_column(*column, is_dragged));
        }
        let table = self.scroll.apply(table, extent, !self.is_paused);
        let mut pressed = None;
        let mut visible: Option<Range<usize>> = None;
        let mut widths = Vec::new();
        let (rows, by) = (&self.rows, self.rows.filter.by);
        let output = table
            .header(28.0, |header| {
                pressed = columns::headers_ui(header, &shown, by, self.oldest_first).map(Pressed::Header);
            })
            .body(|body| {
                widths = body.widths().to_vec();
                body.rows(ROW_HEIGHT, extent.rows, |mut row| {
                    let number = extent.number(row.index());
                    let range = visible.get_or_insert(number..number);
                    *range = range.start.min(number)..range.end.max(number + 1);
                    let Some(delivery) = rows.get(number) else { return cells::blank_ui(&mut row, &shown) };
                    row.set_selected(open == Some(delivery.id));
                    cells::row_ui(&mut row, &shown, delivery, seen);
                    if widgets::row_name_ui(&row, || cells::row_name(delivery)).clicked() {
                        pressed = Some(Pressed::Row(delivery.id));
                    }
                });
            });
        columns::handles_ui(ui, table_id, &names);
        if self.scroll.note(&output, extent, visible) {
            ui.request_repaint();
        }
        if !ui.input(|input| input.pointer.any_down()) {
            self.columns.resize(&shown, &widths);
        }
        pressed
    }
}
