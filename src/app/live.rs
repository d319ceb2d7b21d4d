//! The delivery log as it grows: newest first, any number of lines, of which only a few pages are held. It follows while
//! the top is in sight, and holds still when the user has scrolled away or paused it.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use eframe::egui::{
    self, Align, Button, CentralPanel, Frame, Key, KeyboardShortcut, Label, Layout, Margin, Modifiers, Panel,
    RichText, Sense, Stroke, Ui, vec2,
};
use egui_extras::{Column, TableBuilder};
use egui_plot::{Line, Plot, PlotPoints};
use lucide_icons::Icon;

use super::{
    Place, Seen, Waiting, arrived,
    detail::{self, Pane},
    rows::{Filter, Rows},
    status_line,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{
    delivery::{Delivery, EventId, Page, State, Status},
    engine::Engine,
    event::Kind,
};

/// Even and whole, so that a million of them line up in `f32`.
const ROW_HEIGHT: f32 = 28.0;
/// The log is read again at most so often while it changes.
const READ_EVERY: Duration = Duration::from_millis(200);
/// Typing ends after so long.
const TYPING: Duration = Duration::from_millis(220);
const SEARCH: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::F);

/// In less room than this a pill would leave too little of the name.
const PILL_AND_NAME: f32 = 170.0;

const LATENCY: &str = "Latency";

/// The chips: queued holds what is retried too, as the ledger does.
const CHIPS: [(&str, &[State]); 4] = [
    ("Queued", &[State::Queued, State::Retrying]),
    ("Delivered", &[State::Delivered]),
    ("Failed", &[State::Failed]),
    ("Rejected", &[State::Rejected]),
];

#[derive(Default)]
pub(super) struct Live {
    rows: Rows,
    waiting: Option<Waiting<Result<Page, String>>>,
    error: Option<String>,
    /// The line numbers that were drawn last.
    visible: Range<usize>,
    at_top: bool,
    to_top: bool,
    scroll_to: Option<usize>,
    paused: bool,
    revision: u64,
    read_at: Option<Instant>,
    search: String,
    typed_at: Option<Instant>,
    pane: Option<Pane>,
}

impl Live {
    /// Opens one delivery.
    pub(super) fn show(&mut self, id: EventId) {
        self.pane = Some(Pane::new(id));
        self.filter(Filter::default());
        self.search.clear();
    }

    fn filter(&mut self, filter: Filter) {
        if self.rows.filter != filter {
            self.rows.look_for(filter);
            self.waiting = None;
            self.error = None;
            self.to_top = true;
            self.visible = 0..40;
        }
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, engine: &Engine, status: &Status, in_sight: bool) {
        match arrived(&mut self.waiting, ctx) {
            Some(Ok(page)) => {
                self.revision = self.revision.max(page.revision);
                self.error = None;
                self.rows.take(page);
            }
            Some(Err(error)) => {
                self.error = Some(error);
                self.rows.give_up();
            }
            None => {}
        }
        if !in_sight {
            return;
        }
        if let Some(pane) = &mut self.pane {
            pane.logic(ctx, engine, status);
        }
        if self.typed_at.is_some_and(|at| at.elapsed() >= TYPING) {
            self.typed_at = None;
            let text = self.search.trim().to_owned();
            self.filter(Filter { text, ..self.rows.filter.clone() });
        }
        if self.waiting.is_some() || self.error.is_some() {
            return;
        }
        let mut query = self.rows.missing(&self.visible, status.newest);
        if query.is_none() && !self.paused && status.revision != self.revision {
            let since = self.read_at.map_or(READ_EVERY, |at| at.elapsed());
            if since < READ_EVERY {
                ctx.request_repaint_after(READ_EVERY.saturating_sub(since));
                return;
            }
            self.revision = status.revision;
            query = self.rows.changed(&self.visible, self.at_top, status.newest);
        }
        if let Some(query) = query {
            self.read_at = Some(Instant::now());
            self.waiting = Some(Waiting::new(engine.page(query)));
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        self.keys(ui);
        widgets::heading_ui(ui, "Live", "Every event, and what became of it", |ui| {
            let (icon, label) = if self.paused { (Icon::Play, "Resume") } else { (Icon::Pause, "Pause") };
            let hint = "Pausing holds the list still. Events go on being accepted and delivered.";
            if widgets::button_ui(ui, icon, label).on_hover_text(hint).clicked() {
                self.paused = !self.paused;
            }
        });
        let beside = ui.available_width() > 780.0;
        if let Some(pane) = self.pane.as_mut().filter(|_| !beside) {
            // Too narrow for both: the delivery takes the place of the list.
            if !pane.ui(ui, seen) {
                self.pane = None;
            }
            return;
        }
        if ui.content_rect().height() > 640.0 {
            chart_ui(ui, seen.status);
            ui.add_space(8.0);
        }
        self.filters_ui(ui, seen);
        ui.add_space(6.0);
        if let Some(mut pane) = self.pane.take() {
            let margin = Margin { left: 16, right: 2, top: 2, bottom: 0 };
            let open = Panel::right("delivery")
                .default_size(410.0)
                .size_range(320.0..=(ui.available_width() * 0.6))
                .frame(Frame::new().inner_margin(margin))
                .show(ui, |ui| pane.ui(ui, seen))
                .inner;
            self.pane = open.then_some(pane);
        }
        let margin = Margin { right: if self.pane.is_some() { 10 } else { 0 }, ..Margin::ZERO };
        CentralPanel::no_frame()
            .frame(Frame::new().inner_margin(margin))
            .show(ui, |ui| self.list_ui(ui, seen));
    }

    fn keys(&mut self, ui: &mut Ui) {
        if ui.memory(|memory| memory.focused().is_some()) && ui.text_edit_focused() {
            return;
        }
        let (down, up, escape) = ui.input(|i| {
            let plain = i.modifiers.is_none();
            (
                plain && (i.key_pressed(Key::ArrowDown) || i.key_pressed(Key::J)),
                plain && (i.key_pressed(Key::ArrowUp) || i.key_pressed(Key::K)),
                i.key_pressed(Key::Escape),
            )
        });
        if escape {
            self.pane = None;
        }
        if down || up {
            let current = self.pane.as_ref().and_then(|pane| self.rows.find(pane.id));
            let next = match current {
                None => self.visible.start,
                Some(number) if down => number + 1,
                Some(number) => number.saturating_sub(1),
            };
            if let Some(row) = self.rows.get(next) {
                self.pane = Some(Pane::new(row.id));
                if !(self.visible.start + 1..self.visible.end.saturating_sub(1)).contains(&next) {
                    self.scroll_to = Some(next);
                }
            }
        }
    }

    fn filters_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let t = tokens(ui);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            let edit = widgets::text_edit(&mut self.search, "Search the log")
                .prefix(theme::icon(Icon::Search).color(t.weak))
                .desired_width(214.0)
                .margin(Margin::symmetric(9, 6));
            let search = ui.add(edit).on_hover_text("Ids, names, sources, errors and payloads");
            if search.changed() {
                self.typed_at = Some(Instant::now());
                ui.request_repaint_after(TYPING);
            }
            if ui.input_mut(|i| i.consume_shortcut(&SEARCH)) {
                search.request_focus();
            }
            ui.spacing_mut().button_padding = vec2(9.0, 3.0);
            ui.spacing_mut().interact_size.y = 26.0;
            let ledger = &seen.status.ledger;
            let counts = [ledger.queued, ledger.delivered, ledger.failed, ledger.rejected];
            let mut filter = self.rows.filter.clone();
            for ((label, states), count) in CHIPS.into_iter().zip(counts) {
                let on = states.iter().all(|state| filter.states.contains(state));
                let color = detail::state_color(states[0], t);
                if chip_ui(ui, on, Some(color), label, Some(count)) {
                    filter.states.retain(|state| !states.contains(state));
                    if !on {
                        filter.states.extend_from_slice(states);
                    }
                }
            }
            let (rect, _) = ui.allocate_exact_size(vec2(7.0, 26.0), Sense::hover());
            ui.painter().vline(rect.center().x, rect.shrink(6.0).y_range(), Stroke::new(1.0, t.edge));
            for kind in Kind::ALL {
                let on = filter.kinds.contains(&kind);
                if chip_ui(ui, on, None, kind.as_str(), None) {
                    filter.kinds.retain(|other| *other != kind);
                    if !on {
                        filter.kinds.push(kind);
                    }
                }
            }
            self.filter(filter);
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
                let filter = self.rows.filter.clone();
                self.rows.look_for(filter);
            }
            return;
        }
        if self.rows.len() == 0 {
            self.visible = 0..40;
            self.at_top = true;
            self.empty_ui(ui, seen);
            return;
        }
        let list = ui.available_rect_before_wrap();
        self.table_ui(ui, seen);
        self.held_ui(ui, seen, list);
    }

    fn empty_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        if self.rows.is_searching() {
            // Nothing is said for the moment that a first page takes.
            if self
                .waiting
                .as_ref()
                .is_some_and(|waiting| waiting.since.elapsed() > Duration::from_millis(300))
            {
                widgets::empty_ui(ui, Icon::Search, "Looking …", "Older events are being searched.", None);
            }
        } else if self.rows.filter.is_empty() {
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
            let text = "No event in the log fits this search and these filters.";
            if widgets::empty_ui(ui, Icon::Search, "Nothing fits", text, Some((Icon::X, "Clear filters"))) {
                self.search.clear();
                self.filter(Filter::default());
            }
        }
    }

    /// What is not shown because the list holds still; over the list, so that nothing moves for it.
    fn held_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>, list: egui::Rect) {
        let unseen = self.rows.unseen(seen.status.newest);
        if unseen == 0 || (self.at_top && !self.paused) {
            return;
        }
        let label = if self.rows.filter.is_empty() {
            format!("{} new", widgets::digits(unseen))
        } else {
            "New events".to_owned()
        };
        let place = egui::Rect::from_min_size(list.min + vec2(0.0, 34.0), vec2(list.width(), 34.0));
        let layout = Layout::top_down(Align::Center);
        let mut over = ui.new_child(egui::UiBuilder::new().id_salt("held").max_rect(place).layout(layout));
        let button = widgets::primary_button_ui(&mut over, Icon::ArrowUp, &label, true);
        if button.on_hover_text("Show the newest").clicked() {
            self.paused = false;
            self.to_top = true;
            self.at_top = true;
            let filter = self.rows.filter.clone();
            self.rows.look_for(filter);
            self.waiting = None;
        }
    }

    fn table_ui(&mut self, ui: &mut Ui, seen: &Seen<'_>) {
        let t = tokens(ui);
        let width = ui.available_width();
        let columns = Columns::fitting(width);
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut table = TableBuilder::new(ui)
            .id_salt(("deliveries", columns.count()))
            .sense(Sense::click())
            .auto_shrink(false)
            .animate_scrolling(false)
            .cell_layout(Layout::left_to_right(Align::Center));
        for column in columns.widths() {
            table = table.column(column);
        }
        if std::mem::take(&mut self.to_top) {
            table = table.vertical_scroll_offset(0.0);
        }
        if let Some(number) = self.scroll_to.take() {
            table = table.scroll_to_row(number, None);
        }
        let rows = &self.rows;
        let selected = self.pane.as_ref().map(|pane| pane.id);
        let mut clicked = None;
        let mut drawn: Option<Range<usize>> = None;
        let output = table
            .header(28.0, |mut header| {
                for name in columns.names() {
                    header.col(|ui| column_name_ui(ui, name));
                }
            })
            .body(|body| {
                body.rows(ROW_HEIGHT, rows.len(), |mut row| {
                    let number = row.index();
                    let range = drawn.get_or_insert(number..number);
                    range.start = range.start.min(number);
                    range.end = range.end.max(number + 1);
                    let Some(delivery) = rows.get(number) else {
                        for _ in 0..columns.count() {
                            row.col(|ui| {
                                let (rect, _) = ui.allocate_exact_size(vec2(48.0, 8.0), Sense::hover());
                                ui.painter().rect_filled(rect, 4.0, t.hover);
                            });
                        }
                        return;
                    };
                    row.set_selected(selected == Some(delivery.id));
                    columns.row_ui(&mut row, delivery, seen);
                    if widgets::row_name_ui(&row, || row_name(delivery)).clicked() {
                        clicked = Some(delivery.id);
                    }
                });
            });
        self.at_top = output.state.clamped_offset().y < ROW_HEIGHT / 2.0;
        if let Some(drawn) = drawn.filter(|drawn| *drawn != self.visible) {
            self.visible = drawn;
            ui.request_repaint();
        }
        if let Some(id) = clicked {
            self.pane = if selected == Some(id) { None } else { Some(Pane::new(id)) };
        }
    }
}

/// Figures stand at the right of their column, and so does its name.
fn column_name_ui(ui: &mut Ui, name: &str) {
    let text = weight(name, 560.0).size(11.5).color(tokens(ui).weak);
    let name_ui = |ui: &mut Ui| ui.add(Label::new(text).selectable(false).truncate());
    if name == LATENCY {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(10.0);
            name_ui(ui);
        });
    } else {
        name_ui(ui);
    }
}

fn row_name(delivery: &Delivery) -> String {
    let kind = delivery.kind.map_or("event", Kind::as_str);
    let name = delivery.name.as_deref().unwrap_or_default();
    let repeat = if delivery.repeat_of.is_some() { " repeat" } else { "" };
    format!("{} {kind} {name} {}{repeat}", detail::state_word(delivery.state), delivery.message_id)
}

/// Which columns fit.
#[derive(Clone, Copy)]
struct Columns {
    source: bool,
    key: bool,
    latency: bool,
}

impl Columns {
    fn fitting(width: f32) -> Self {
        Self { source: width > 800.0, key: width > 560.0, latency: width > 470.0 }
    }

    fn count(self) -> usize {
        4 + usize::from(self.source) + usize::from(self.key) + usize::from(self.latency)
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (true, "State"),
            (true, "Type"),
            (true, "Event"),
            (self.key, "User / key"),
            (true, "Time"),
            (self.latency, LATENCY),
            (self.source, "Source"),
        ];
        all.into_iter().filter_map(|(shown, name)| shown.then_some(name))
    }

    fn widths(self) -> Vec<Column> {
        let mut widths =
            vec![Column::exact(88.0), Column::exact(62.0), Column::remainder().at_least(90.0).clip(true)];
        if self.key {
            widths.push(Column::exact(if self.source { 170.0 } else { 124.0 }).clip(true));
        }
        widths.push(Column::exact(94.0));
        if self.latency {
            widths.push(Column::exact(78.0));
        }
        if self.source {
            widths.push(Column::exact(140.0).clip(true));
        }
        widths
    }

    fn row_ui(self, row: &mut egui_extras::TableRow<'_, '_>, delivery: &Delivery, seen: &Seen<'_>) {
        row.col(|ui| {
            let color = detail::state_color(delivery.state, tokens(ui));
            widgets::pill_ui(ui, color, detail::state_word(delivery.state));
        });
        row.col(|ui| {
            let t = tokens(ui);
            let kind = delivery.kind.map_or("–", Kind::as_str);
            ui.add(Label::new(RichText::new(kind).color(t.weak)).selectable(false).truncate());
        });
        row.col(|ui| {
            let t = tokens(ui);
            let fault = || delivery.fault.as_ref().map(|fault| fault.message.to_string());
            let name = match (&delivery.name, delivery.state) {
                (Some(name), _) => weight(&**name, 560.0).color(t.strong),
                (None, State::Rejected) => RichText::new(fault().unwrap_or_default()).color(t.text),
                (None, _) => RichText::new("–").color(t.weak),
            };
            if delivery.repeat_of.is_some() {
                // From the right, so that a long name leaves room for it.
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add_space(6.0);
                    let mark = if ui.available_width() > PILL_AND_NAME {
                        widgets::pill_ui(ui, t.warn, detail::REPEAT)
                    } else {
                        let icon = theme::icon(Icon::Repeat2).size(13.0).color(t.warn);
                        ui.add(Label::new(icon).selectable(false)).accessible_name(detail::REPEAT)
                    };
                    mark.on_hover_text(detail::REPEAT_MEANS);
                    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                        ui.add(Label::new(name).selectable(false).truncate());
                    });
                });
            } else {
                ui.add(Label::new(name).selectable(false).truncate());
            }
        });
        if self.key {
            row.col(|ui| {
                let t = tokens(ui);
                let key = RichText::new(&*delivery.partition_key).monospace().color(t.text);
                ui.add(Label::new(key).selectable(false).truncate());
            });
        }
        row.col(|ui| {
            let time = RichText::new(seen.clock.time(delivery.received_at)).monospace();
            ui.add(Label::new(time.color(tokens(ui).text)).selectable(false).truncate());
        });
        if self.latency {
            row.col(|ui| {
                let text = delivery.latency_ms().map_or("–".to_owned(), widgets::duration);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add_space(10.0);
                    let text = RichText::new(text).monospace().color(tokens(ui).text);
                    ui.add(Label::new(text).selectable(false));
                });
            });
        }
        if self.source {
            row.col(|ui| {
                let text = RichText::new(&*delivery.source).color(tokens(ui).weak);
                ui.add(Label::new(text).selectable(false).truncate());
            });
        }
    }
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
    widgets::ring_ui(ui, &response, 13.0);
    response.clicked()
}

/// Events in and out of the last two minutes.
fn chart_ui(ui: &mut Ui, status: &Status) {
    let t = tokens(ui);
    if status.accepted_per_sec.iter().chain(&status.delivered_per_sec).any(|count| *count > 0.0) {
        // It moves with the seconds, and the engine does not call for those.
        ui.request_repaint_after(Duration::from_secs(1));
    }
    let frame = Frame::new().fill(t.raised).stroke(Stroke::new(1.0, t.line)).corner_radius(10);
    frame.inner_margin(Margin { left: 14, right: 10, top: 8, bottom: 6 }).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.vertical(|ui| {
                ui.set_width(128.0);
                ui.spacing_mut().item_spacing.y = 2.0;
                for (color, name, series) in
                    [(t.accent, "In", &status.accepted_per_sec), (t.ok, "Out", &status.delivered_per_sec)]
                {
                    ui.horizontal(|ui| {
                        widgets::dot_ui(ui, color);
                        ui.label(RichText::new(name).color(t.weak));
                        let peak = series.iter().copied().fold(0.0, f32::max);
                        let now = status_line::latest(series);
                        ui.label(weight(format!("{}/s", widgets::rate(now)), 620.0).color(t.strong))
                            .on_hover_text(format!("Peak of the last 2 minutes: {}/s", widgets::rate(peak)));
                    });
                }
            });
            let points = |series: &[f32]| -> PlotPoints<'static> {
                let len = series.len() as f64;
                series.iter().enumerate().map(|(i, v)| [(i + 1) as f64 - len, f64::from(*v)]).collect()
            };
            let peak: f32 =
                status.accepted_per_sec.iter().chain(&status.delivered_per_sec).copied().fold(4.0, f32::max);
            let plot = Plot::new("flow")
                .height(64.0)
                .allow_scroll(false)
                .allow_drag(false)
                .allow_zoom(false)
                .allow_boxed_zoom(false)
                .show_axes([false, true])
                .show_grid([false, true])
                .grid_color(t.line)
                .show_background(false)
                .include_x(-120.0)
                .include_x(0.0)
                .include_y(0.0)
                .include_y(f64::from(peak) * 1.15)
                .set_margin_fraction(egui::Vec2::ZERO)
                .y_grid_spacer(move |_| {
                    let mark = |value: f64, step_size: f64| egui_plot::GridMark { value, step_size };
                    vec![mark(0.0, f64::from(peak)), mark(f64::from(peak), f64::from(peak))]
                })
                .y_axis_formatter(|mark, _| format!("{:.0}", mark.value))
                .label_formatter(|_| None);
            let full = |series| points(status_line::full_seconds(series));
            let (accepted, delivered) = (full(&status.accepted_per_sec), full(&status.delivered_per_sec));
            let shown = plot.show(ui, |plot| {
                plot.line(Line::new("In", accepted).color(t.accent).width(1.8).fill(0.0).fill_alpha(0.14));
                plot.line(Line::new("Out", delivered).color(t.ok).width(1.8));
            });
            let name = || {
                egui::WidgetInfo::labeled(egui::Role::Image, true, "Events in and out, the last two minutes")
            };
            shown.response.widget_info(name);
        });
    });
}
