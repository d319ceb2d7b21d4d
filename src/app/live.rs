//! The Live place: the delivery log with its search, the delivery that is open beside it, and the charts.

mod bulk;
mod cells;
mod charts;
mod columns;
mod empty;
mod filters;
mod found;
mod histogram;
mod list;
mod menu;
mod pressed;
mod records;
mod scroll;

use eframe::egui::{self, Align, CentralPanel, Frame, Layout, Margin, Ui, vec2};
use lucide_icons::Icon;
use serde::{Deserialize, Serialize};

use super::{
    clock::Clock,
    command::{DeliveryCommand, LiveCommand},
    detail::{Looks, Pane},
    place::Place,
    seen::Seen,
    waiting::Waiting,
    widgets::{self, ListKeys, Step},
};
use crate::{
    delivery::{
        Counts, Detail, EventId, LogPage, Millis, Query, ResendSelection,
        chart::Overview,
        query::{FieldValue, QueryError, QueryKey},
    },
    engine::Answer,
};
use charts::Charts;
use columns::{Columns, Sort};
use filters::{Facts, Filters, Saved};
use found::Found;
use histogram::{Chosen, Histogram};
use list::List;
use pressed::Pressed;

/// The place shows the delivery beside the list from this width on, and instead of the list below it.
const BESIDE_WIDTH_MIN: f32 = 780.0;
/// The place shows the histogram from this height of the window on.
const HISTOGRAM_HEIGHT_MIN: f32 = 640.0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Events,
    Charts,
}

pub(super) struct Live {
    view: View,
    charts: Charts,
    filters: Filters,
    list: List,
    found: Found,
    histogram: Histogram,
    /// The open delivery.
    pane: Option<Pane>,
    /// How the last delivery was shown; the next one is shown in the same way.
    looks: Looks,
    kept: Kept,
}

/// State that is kept for the next start.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Kept {
    columns: Columns,
    oldest_first: bool,
    filters: Vec<Saved>,
}

/// The name under which [`Kept`] is stored.
pub(super) const STATE: &str = "live";

impl Live {
    pub(super) fn new(kept: Kept) -> Self {
        let Kept { columns, oldest_first, filters } = kept.clone();
        Self {
            view: View::default(),
            charts: Charts::default(),
            filters: Filters::new(filters),
            list: List::new(columns.completed(), oldest_first),
            found: Found::default(),
            histogram: Histogram::default(),
            pane: None,
            looks: Looks::default(),
            kept,
        }
    }

    /// Opens a delivery and scrolls to it. The search stays: if it excludes the delivery, the place says so.
    pub(super) fn show(&mut self, id: EventId) {
        self.view = View::Events;
        self.open(id);
        self.list.reveal(id);
    }

    /// The user resends events: the list shows them as soon as they arrive, and the open delivery is followed to its new line.
    pub(super) fn await_resent(&mut self, which: &ResendSelection) {
        self.list.awaits_new = true;
        if let Some(pane) = &mut self.pane {
            pane.follows |= *which == ResendSelection::Lines(vec![pane.id]);
        }
    }

    fn open(&mut self, id: EventId) {
        self.list.awaits_new = false;
        self.pane = Some(Pane::new(id, self.looks.clone()));
    }

    /// Replaces the search.
    pub(super) fn search(&mut self, text: &str) {
        self.view = View::Events;
        self.pane = None;
        self.filters.by = None;
        let query = self.filters.set(text);
        self.filter(query);
    }

    /// Narrows the search to events with this value.
    pub(super) fn require(&mut self, key: QueryKey, value: &str) {
        self.view = View::Events;
        let query = self.filters.require(key, value);
        self.filter(query);
    }

    /// Narrows the search to events with this text in their payload.
    pub(super) fn require_text(&mut self, text: &str) {
        self.view = View::Events;
        let query = self.filters.require_text(text);
        self.filter(query);
    }

    /// Limits the search to events received from `from` on and before `to`.
    pub(super) fn limit_time(&mut self, from: Millis, to: Millis) {
        self.view = View::Events;
        let query = self.filters.limit_time(from, to);
        self.filter(query);
    }

    pub(super) fn page_coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        self.list.waiting = Some(Waiting::new(answer));
    }

    pub(super) fn counts_coming(&mut self, answer: Answer<Result<Counts, String>>) {
        self.found.coming(answer);
    }

    pub(super) fn values_coming(&mut self, answer: Answer<Result<Vec<FieldValue>, String>>) {
        self.filters.values_coming(answer);
    }

    pub(super) fn detail_coming(&mut self, id: EventId, answer: Answer<Result<Option<Detail>, String>>) {
        if let Some(pane) = self.pane.as_mut().filter(|pane| pane.id == id) {
            pane.coming(answer);
        }
    }

    pub(super) fn overview_coming(&mut self, answer: Answer<Result<Overview, String>>) {
        self.charts.coming(answer);
    }

    /// The search as the user wrote it, and as a query.
    pub(super) fn search_in_force(&self) -> Result<(String, Query), QueryError> {
        let text = self.filters.text.trim();
        Ok((text.to_owned(), Query::parse(text, Clock::now())?))
    }

    /// Carries out a command for the open delivery when the delivery is drawn next. False: none is open.
    pub(super) fn act_on_open(&mut self, command: DeliveryCommand) -> bool {
        let Some(pane) = self.pane.as_mut().filter(|_| self.view == View::Events) else { return false };
        pane.asked = Some(command);
        true
    }

    pub(super) fn act(&mut self, command: LiveCommand) {
        match command {
            LiveCommand::Pause => self.list.is_paused = !self.list.is_paused,
            LiveCommand::Reverse => self.list.reverse(),
            LiveCommand::Sort(by) => {
                self.view = View::Events;
                let query = self.filters.sort(Some(by).filter(|by| self.list.filter().by != Some(*by)));
                self.filter(query);
            }
            LiveCommand::Since(ago) => {
                self.view = View::Events;
                let query = self.filters.since(ago);
                self.filter(query);
            }
            LiveCommand::Clear => {
                self.view = View::Events;
                let query = self.filters.set("");
                self.filter(query);
            }
            LiveCommand::SwitchView => {
                self.view = match self.view {
                    View::Events => View::Charts,
                    View::Charts => View::Events,
                }
            }
            LiveCommand::Next => self.step(Step::Down),
            LiveCommand::Previous => self.step(Step::Up),
        }
    }

    /// A column's header was pressed.
    fn sort_by_header(&mut self, sort: Sort) {
        match sort {
            Sort::By(by) => self.act(LiveCommand::Sort(by)),
            Sort::Time if self.list.filter().by.is_some() => {
                let query = self.filters.sort(None);
                self.filter(query);
            }
            Sort::Time => self.act(LiveCommand::Reverse),
        }
    }

    fn filter(&mut self, query: Option<Query>) {
        if let Some(query) = query {
            self.found.search(&query);
            self.list.set_filter(query);
        }
    }

    fn open_id(&self) -> Option<EventId> {
        self.pane.as_ref().map(|pane| pane.id)
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        self.list.receive(ctx, self.open_id());
        self.keep(seen);
        if seen.place != Place::Live {
            return;
        }
        let are_charts_shown = self.view == View::Charts;
        // The chips show how many events are being retried. That comes with the charts, and is 0 while none is queued.
        if are_charts_shown || seen.status.ledger.queued > 0 || self.charts.retrying() > 0 {
            self.charts.logic(ctx, seen, are_charts_shown);
        }
        if let Some(pane) = &mut self.pane {
            pane.logic(ctx, seen, Place::Live);
        }
        let query = self.filters.logic(ctx, seen);
        self.filter(query);
        self.list.ask(ctx, seen, &self.filters);
        if self.view == View::Events && !self.filters.has_error() {
            // The list comes first.
            let may_begin = self.list.is_loaded() && !self.list.is_paused;
            self.found.logic(ctx, seen, self.filters.slides_to(), may_begin);
        }
    }

    fn keep(&mut self, seen: &mut Seen<'_>) {
        let (list, filters) = (&self.list, &self.filters.saved.all);
        let Kept { columns, oldest_first, filters: kept } = &self.kept;
        if *columns != list.columns || *oldest_first != list.oldest_first || kept != filters {
            let (columns, filters) = (list.columns.clone(), filters.clone());
            self.kept = Kept { columns, oldest_first: list.oldest_first, filters };
            seen.keep(STATE, &self.kept);
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let searches = ui.input_mut(|input| input.consume_shortcut(&filters::SEARCH));
        if searches {
            self.view = View::Events;
            self.filters.focus();
        }
        self.keys(ui);
        self.heading_ui(ui, seen);
        if self.view == View::Charts {
            self.charts.ui(ui, seen);
            return;
        }
        let is_beside = ui.available_width() > BESIDE_WIDTH_MIN;
        if searches && !is_beside {
            self.pane = None;
        }
        if let Some(pane) = self.pane.take_if(|_| !is_beside) {
            self.pane_ui(ui, seen, pane);
            return;
        }
        self.filters_ui(ui, seen);
        ui.add_space(6.0);
        if let Some(pane) = self.pane.take() {
            widgets::open_panel(ui, "delivery").show(ui, |ui| self.pane_ui(ui, seen, pane));
        }
        let margin = Margin { right: if self.pane.is_some() { 10 } else { 0 }, ..Margin::ZERO };
        CentralPanel::no_frame().frame(Frame::new().inner_margin(margin)).show(ui, |ui| {
            if ui.content_rect().height() > HISTOGRAM_HEIGHT_MIN && !self.filters.has_error() {
                self.histogram_ui(ui, seen);
                ui.add_space(4.0);
            }
            self.list_ui(ui, seen);
        });
    }

    fn heading_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        widgets::heading_ui(ui, "Live", "Every event, and what became of it", |ui| {
            let view = self.view;
            // The switch is rightmost, so that it stays in place when the other buttons go. It has a fixed width, because
            // it would take the room of the title otherwise.
            ui.allocate_ui_with_layout(vec2(144.0, 36.0), Layout::left_to_right(Align::Center), |ui| {
                let views = [(View::Events, "Events"), (View::Charts, "Charts")];
                widgets::segments_ui(ui, &mut self.view, "View", &views);
            });
            if view == View::Events {
                bulk::more_ui(ui, seen);
                self.actions_ui(ui);
                bulk::resend_ui(ui, seen);
            }
        });
    }

    /// Draws the open delivery, and closes it if the user closes it.
    fn pane_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, mut pane: Pane) {
        let is_filtered = !self.list.filter().is_all() && !self.filters.has_error();
        if is_filtered && self.list.excludes(pane.id) {
            ui.horizontal_wrapped(|ui| {
                widgets::hint_ui(ui, "This event does not match the search.");
                if widgets::button_ui(ui, Icon::X, "Show all events").clicked() {
                    self.act(LiveCommand::Clear);
                    self.list.reveal(pane.id);
                }
            });
        }
        let stays = pane.ui(ui, seen);
        self.looks.clone_from(&pane.looks);
        self.pane = stays.then_some(pane);
    }

    /// The buttons in the heading, from right to left.
    fn actions_ui(&mut self, ui: &mut Ui) {
        let (icon, label) = if self.list.is_paused { (Icon::Play, "Resume") } else { (Icon::Pause, "Pause") };
        let hint = "Pausing freezes the list. Events are still accepted and delivered.";
        if widgets::button_ui(ui, icon, label).on_hover_text(hint).clicked() {
            self.act(LiveCommand::Pause);
        }
        menu::menu_ui(ui, Icon::Columns3, "Columns", "Columns", |ui| self.list.columns_menu_ui(ui));
        let (icon, label) = if self.list.oldest_first {
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
        if let Some(step) = step {
            self.step(step);
        }
    }

    /// Opens the delivery below or above the open one.
    fn step(&mut self, step: Step) {
        if !self.filters.has_error()
            && let Some(id) = self.list.step(step, self.open_id())
        {
            self.open(id);
        }
    }

    fn filters_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let facts = self.facts(seen);
        let query = self.filters.ui(ui, seen, self.list.filter(), &facts);
        self.filter(query);
        if !self.filters.has_error() {
            self.list.progress_ui(ui, seen);
        }
    }

    fn facts(&self, seen: &Seen<'_>) -> Facts {
        let filter = self.list.filter();
        let mut facts = Facts {
            // The count of events being retried is older than the ledger: some of them may be delivered by now.
            retrying: self.charts.retrying().min(seen.status.ledger.queued),
            ..Facts::default()
        };
        if let Some(tally) = self.found.tally(self.list.found()) {
            facts.tally = Some(tally.text(filter.is_all()));
            facts.tally_hint = tally.hint();
            let shows = tally.is_whole() && filter.states.is_empty();
            facts.by_state = self.found.counts().filter(|_| shows).map(Counts::by_state);
        }
        facts
    }

    fn histogram_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        let filter = self.list.filter();
        let has_range = filter.since.is_some() || filter.until.is_some();
        let Some(counts) = self.found.counts() else {
            if seen.status.newest > 0 {
                // As high as with counts, so that the list does not move when they come.
                ui.allocate_space(vec2(1.0, histogram::HEIGHT));
            }
            return;
        };
        match self.histogram.ui(ui, seen.clock, counts, has_range) {
            Some(Chosen::Range(from, until)) => self.limit_time(from, until),
            Some(Chosen::AllTime) => self.act(LiveCommand::Since(None)),
            None => {}
        }
    }

    fn list_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.list.error_ui(ui) {
            return;
        }
        let pressed = if self.filters.has_error() {
            // The rows that the list holds do not answer this search.
            let text = "The message below the search field says what is wrong with it.";
            let action = Some((Icon::X, "Clear the search"));
            widgets::empty_ui(ui, Icon::SearchX, "No events for this search", text, action)
                .then_some(Pressed::ClearSearch)
        } else {
            self.list.ui(ui, seen, self.open_id())
        };
        match pressed {
            None => {}
            Some(Pressed::ClearSearch) => self.act(LiveCommand::Clear),
            Some(Pressed::ClearRange) => self.act(LiveCommand::Since(None)),
            Some(Pressed::Header(sort)) => self.sort_by_header(sort),
            Some(Pressed::Row(id)) if self.open_id() == Some(id) => self.pane = None,
            Some(Pressed::Row(id)) => self.open(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_delivery_is_followed_when_it_alone_is_resent() {
        for (which, follows) in [
            (ResendSelection::Lines(vec![7]), true),
            (ResendSelection::Lines(vec![8]), false),
            (ResendSelection::Fitting(Box::default()), false),
        ] {
            let mut live = Live::new(Kept::default());
            live.open(7);
            live.await_resent(&which);
            assert_eq!(live.pane.map(|pane| pane.follows), Some(follows), "{which:?}");
            assert!(live.list.awaits_new);
        }
    }
}
