//! JSON as text that folds: search in it, copy a value or its path, and find the events with the same value. Only the rows in
//! sight are drawn, so a long event costs no more than a short one. The caller decides what to do with a [`Done`].

use eframe::egui::{
    Align, Align2, Button, EventFilter, FontId, Frame, Key, Layout, Margin, Rect, Response, RichText, Role,
    Sense, Stroke, TextStyle, Ui, UiBuilder, Vec2, Widget as _, WidgetInfo, pos2, text::LayoutJob, vec2,
};
use lucide_icons::Icon;

use super::{
    json,
    json_rows::{Finds, JsonRows, Match},
    theme::{self, Tokens, tokens},
    widgets,
};

const ROW_HEIGHT: f32 = 18.0;
/// Width of the arrow that folds, and of one step of the indentation.
const ARROW: f32 = 16.0;
const INDENT: f32 = 14.0;
/// A text with more rows than this begins folded below its first level.
const OPEN_ROWS_MAX: usize = 300;
/// Rows this far out of sight are drawn too, so that the Tab key reaches them.
const MARGIN: f32 = 120.0;

/// The text to find. It stays when another event is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Find {
    pub text: String,
    /// The field gets the focus in the next frame.
    pub wants_focus: bool,
}

/// What the user did with a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It is in the clipboard: the value, or its path.
    Copied(&'static str),
    /// Show the events with the same value.
    Filter(Finds),
}

pub(super) struct JsonView {
    rows: JsonRows,
    /// The text as it is stored.
    raw: String,
    folded: Vec<bool>,
    /// The height of each row as it was drawn last at `width`; a guess for rows that were never in sight.
    heights: Vec<f32>,
    width: f32,
    searched: String,
    matches: Vec<Match>,
    current: usize,
    scroll_to: Option<usize>,
    /// The row that has the focus, itself or one of its buttons.
    active: Option<usize>,
}

impl JsonView {
    pub(super) fn new(raw: &str) -> Self {
        let rows = JsonRows::new(raw);
        let is_long = rows.len() > OPEN_ROWS_MAX;
        let is_folded = |row| is_long && rows.depth(row) > 1 && rows.end(row).is_some();
        Self {
            folded: (0..rows.len()).map(is_folded).collect(),
            heights: vec![ROW_HEIGHT; rows.len()],
            raw: raw.to_owned(),
            rows,
            width: 0.0,
            searched: String::new(),
            matches: Vec::new(),
            current: 0,
            scroll_to: None,
            active: None,
        }
    }

    /// The whole text, indented.
    pub(super) fn text(&self) -> &str {
        self.rows.text()
    }

    /// The text as it is stored.
    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    /// Draws the search and the buttons for the whole text. True when the button that copies was pressed; the caller copies.
    pub(super) fn tools_ui(&mut self, ui: &mut Ui, find: &mut Find, copy: &str) -> bool {
        let mut copies = false;
        let folds = self.rows.is_json() && self.rows.end(0).is_some();
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            self.search(&find.text);
            let buttons = if folds { 3.0 } else { 1.0 };
            let found = if find.text.is_empty() { 0.0 } else { 62.0 + 2.0 * 28.0 };
            let width = (ui.available_width() - buttons * 28.0 - found - 6.0).clamp(60.0, 300.0);
            self.find_ui(ui, find, width);
            if !find.text.is_empty() {
                self.found_ui(ui);
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                copies = widgets::icon_button_ui(ui, Icon::Copy, copy).clicked();
                if folds {
                    if widgets::icon_button_ui(ui, Icon::ChevronsDownUp, "Fold all").clicked() {
                        self.fold_all(true);
                    }
                    if widgets::icon_button_ui(ui, Icon::ChevronsUpDown, "Unfold all").clicked() {
                        self.fold_all(false);
                    }
                }
            });
        });
        copies
    }

    fn find_ui(&mut self, ui: &mut Ui, find: &mut Find, width: f32) {
        let icon = theme::icon(Icon::Search).size(12.0).color(tokens(ui).weak);
        let edit = widgets::text_edit(&mut find.text, "Find")
            .prefix(icon)
            .margin(Margin::symmetric(7, 4))
            .desired_width(width);
        let field = ui.add(edit).accessible_name("Find in the payload");
        widgets::focus_once(&field, &mut find.wants_focus);
        if field.changed() {
            self.search(&find.text);
            self.show_match(0);
        }
        if widgets::is_left_with(&field, Key::Enter) {
            let is_back = ui.input(|input| input.modifiers.shift);
            self.step(if is_back { -1 } else { 1 });
            field.request_focus();
        }
        if field.has_focus() {
            // Escape leaves the field and clears it. Without the lock egui would take the focus away before, and the same key
            // would close the delivery.
            let keys =
                EventFilter { escape: true, horizontal_arrows: true, vertical_arrows: true, tab: false };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(field.id, keys));
            if ui.input(|input| input.key_pressed(Key::Escape)) {
                find.text.clear();
                field.surrender_focus();
            }
        }
    }

    /// The number of matches, and the buttons that lead from one to the next.
    fn found_ui(&mut self, ui: &mut Ui) {
        let text = match self.matches.len() {
            0 => "No match".to_owned(),
            all => format!("{} of {all}", self.current + 1),
        };
        ui.add_space(4.0);
        ui.label(RichText::new(text).size(12.0).color(tokens(ui).weak));
        ui.add_enabled_ui(!self.matches.is_empty(), |ui| {
            if widgets::icon_button_ui(ui, Icon::ChevronUp, "Previous match").clicked() {
                self.step(-1);
            }
            if widgets::icon_button_ui(ui, Icon::ChevronDown, "Next match").clicked() {
                self.step(1);
            }
        });
    }

    fn search(&mut self, text: &str) {
        if self.searched != text {
            text.clone_into(&mut self.searched);
            self.matches = self.rows.find(text);
            self.current = 0;
        }
    }

    fn step(&mut self, by: isize) {
        let all = self.matches.len().cast_signed();
        if all > 0 {
            self.show_match((self.current.cast_signed() + by).rem_euclid(all).cast_unsigned());
        }
    }

    fn show_match(&mut self, at: usize) {
        let Some(found) = self.matches.get(at) else { return };
        self.current = at;
        self.scroll_to = Some(found.row);
        let mut parent = self.rows.parent(found.row);
        while let Some(row) = parent {
            self.folded[row] = false;
            parent = self.rows.parent(row);
        }
    }

    fn fold_all(&mut self, fold: bool) {
        for (row, folded) in self.folded.iter_mut().enumerate() {
            *folded = fold && self.rows.depth(row) > 0 && self.rows.end(row).is_some();
        }
    }

    /// Draws the text in a box.
    pub(super) fn ui(&mut self, ui: &mut Ui) -> Option<Done> {
        let t = tokens(ui);
        let frame = Frame::new().fill(t.field).stroke(Stroke::new(1.0, t.line)).corner_radius(9);
        let inner = frame.inner_margin(Margin { left: 6, right: 6, top: 8, bottom: 8 }).show(ui, |ui| {
            ui.take_available_width();
            ui.spacing_mut().item_spacing.y = 0.0;
            self.rows_ui(ui)
        });
        if self.rows.left_out() > 0 {
            let more = widgets::digits(self.rows.left_out() as u64);
            widgets::hint_ui(ui, &format!("And {more} more lines. Copy gives all of them."));
        }
        inner.inner
    }

    fn rows_ui(&mut self, ui: &mut Ui) -> Option<Done> {
        let width = ui.available_width();
        if (width - self.width).abs() > 0.5 {
            self.heights.fill(ROW_HEIGHT);
            self.width = width;
        }
        let sight = ui.clip_rect().expand2(vec2(0.0, MARGIN)).y_range();
        let active = self.active.take();
        let (mut done, mut row, mut skipped) = (None, 0, 0.0);
        while row < self.rows.len() {
            let top = ui.cursor().top() + skipped;
            let height = self.heights[row];
            let is_wanted = self.scroll_to == Some(row);
            if is_wanted || (top + height >= sight.min && top <= sight.max) {
                ui.add_space(std::mem::take(&mut skipped));
                done = done.or(self.row_ui(ui, row, active == Some(row)));
            } else {
                skipped += height;
            }
            row = match self.rows.end(row) {
                Some(end) if self.folded[row] => end + 1,
                Some(_) | None => row + 1,
            };
        }
        ui.add_space(skipped);
        done
    }

    fn row_ui(&mut self, ui: &mut Ui, row: usize, is_active: bool) -> Option<Done> {
        let t = tokens(ui);
        let (line, mut job) = self.line(ui, row, t);
        // Deeply nested values keep at least half of the width.
        let indent = (ARROW + self.rows.depth(row) as f32 * INDENT).min(self.width / 2.0);
        job.wrap.max_width = self.width - indent - 4.0;
        let galley = ui.painter().layout_job(job);
        let size = vec2(self.width, galley.size().y.max(ROW_HEIGHT));
        self.heights[row] = size.y;
        let (_, rect) = ui.allocate_space(size);
        let response = ui.interact(rect, ui.make_persistent_id(("row of JSON", row)), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::TreeItem, true, &line));
        if self.scroll_to.take_if(|wanted| *wanted == row).is_some() {
            ui.scroll_to_rect(rect.expand(24.0), None);
        }
        let can_fold = self.rows.end(row).is_some();
        if can_fold {
            let is_open = !self.folded[row];
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_expanded(is_open));
            if response.clicked() {
                self.folded[row] = is_open;
            }
        }
        let is_over = ui.rect_contains_pointer(rect) || is_active || response.context_menu_opened();
        if is_over || response.has_focus() {
            ui.painter().rect_filled(rect, 4.0, t.hover);
        }
        widgets::ring_ui(ui, &response, 4.0);
        let left = rect.left() + indent;
        if can_fold {
            let icon = if self.folded[row] { Icon::ChevronRight } else { Icon::ChevronDown };
            let at = pos2(left - 8.0, rect.top() + ROW_HEIGHT / 2.0);
            let font = FontId::new(12.0, theme::icons());
            ui.painter().text(at, Align2::CENTER_CENTER, char::from(icon), font, t.weak);
        }
        ui.painter().galley(pos2(left, rect.top() + 1.0), galley, t.text);
        if !self.rows.has_value(row) {
            return None;
        }
        let mut done = None;
        if is_over || response.has_focus() {
            let (by_button, has_focus) = self.buttons_ui(ui, row, rect);
            done = by_button;
            if has_focus || response.has_focus() {
                self.active = Some(row);
            }
        }
        response.context_menu(|ui| done = done.take().or(self.menu_ui(ui, row)));
        done
    }

    /// The row as text and as it is drawn, with the matches marked.
    fn line(&self, ui: &Ui, row: usize, t: &Tokens) -> (String, LayoutJob) {
        let font = TextStyle::Monospace.resolve(ui.style());
        let (mut line, is_cut) = self.rows.shown(row);
        let mut job = LayoutJob::default();
        let first = self.matches.partition_point(|found| found.row < row);
        let found = self.matches[first..].iter().take_while(|found| found.row == row);
        let spans: Vec<_> =
            found.enumerate().map(|(n, found)| (found.span.clone(), first + n == self.current)).collect();
        for section in json::highlight(&line, t, &font).sections {
            let (mut from, to) = (section.byte_range.start.0, section.byte_range.end.0);
            while from < to {
                let next = spans.iter().find(|(span, _)| span.end > from && span.start < to);
                let mut format = section.format.clone();
                let until = match next {
                    Some((span, is_current)) if span.start <= from => {
                        format.background = t.warn.gamma_multiply(if *is_current { 0.55 } else { 0.22 });
                        format.color = t.strong;
                        span.end.min(to)
                    }
                    Some((span, _)) => span.start,
                    None => to,
                };
                job.append(&line[from..until], 0.0, format);
                from = until;
            }
        }
        let weak = eframe::egui::TextFormat { font_id: font, color: t.weak, ..Default::default() };
        let more = if is_cut { " …".to_owned() } else { String::new() };
        let more = if self.folded[row] { self.rows.folded(row) } else { more };
        job.append(&more, 0.0, weak);
        line.push_str(&more);
        (line, job)
    }

    /// What can be done with a row's value: name, icon, result.
    fn choices(&self, row: usize) -> Vec<(&'static str, Icon, Choice)> {
        let mut all =
            vec![("Copy value", Icon::Copy, Choice::CopyValue), ("Copy path", Icon::Route, Choice::CopyPath)];
        if let Some(finds) = self.rows.finds(row, &self.raw) {
            all.insert(0, ("Filter by this value", Icon::ListFilter, Choice::Filter(finds)));
        }
        all
    }

    fn make(&self, ui: &Ui, row: usize, choice: Choice) -> Done {
        let (text, what) = match choice {
            Choice::CopyValue => (self.rows.value(row), "Value"),
            Choice::CopyPath => (self.rows.path(row), "Path"),
            Choice::Filter(finds) => return Done::Filter(finds),
        };
        ui.copy_text(text);
        Done::Copied(what)
    }

    /// Buttons over the right end of a row, and whether one of them has the focus.
    fn buttons_ui(&self, ui: &mut Ui, row: usize, rect: Rect) -> (Option<Done>, bool) {
        let t = tokens(ui);
        let (mut done, mut has_focus) = (None, false);
        let place =
            Rect::from_min_max(pos2(rect.left(), rect.top()), pos2(rect.right(), rect.top() + ROW_HEIGHT));
        let choices = self.choices(row);
        let width = choices.len() as f32 * 22.0;
        ui.painter().rect_filled(place.with_min_x(place.right() - width - 4.0), 4.0, t.hover);
        let builder = UiBuilder::new().id_salt(("buttons of a row", row)).max_rect(place);
        let mut over = ui.new_child(builder.layout(Layout::right_to_left(Align::Center)));
        over.spacing_mut().item_spacing.x = 2.0;
        // From the right, so that the most likely one is the leftmost.
        for (name, icon, choice) in choices.into_iter().rev() {
            let button = small_button_ui(&mut over, icon, name);
            has_focus |= button.has_focus();
            if button.clicked() {
                done = Some(self.make(&over, row, choice));
            }
        }
        (done, has_focus)
    }

    fn menu_ui(&self, ui: &mut Ui, row: usize) -> Option<Done> {
        let path = self.rows.path(row);
        if !path.is_empty() {
            widgets::hint_ui(ui, &path);
        }
        let mut done = None;
        for (name, icon, choice) in self.choices(row) {
            if ui.add(Button::new((theme::icon(icon), name))).accessible_name(name).clicked() {
                done = Some(self.make(ui, row, choice));
                ui.close();
            }
        }
        done
    }
}

enum Choice {
    CopyValue,
    CopyPath,
    Filter(Finds),
}

fn small_button_ui(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = Vec2::splat(2.0);
        ui.spacing_mut().interact_size.y = ROW_HEIGHT;
        let icon = theme::icon(icon).size(11.5).color(tokens(ui).strong);
        let button = Button::new(icon).frame_when_inactive(false).min_size(Vec2::splat(ROW_HEIGHT));
        button.ui(ui).accessible_name(name).on_hover_text(name)
    })
    .inner
}
