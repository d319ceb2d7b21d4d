//! The pieces that the places are made of: buttons, fields, cards, pills, code. They draw and answer; they know no
//! place and no engine. Each has a name that screen readers and tests find.

use eframe::egui::{
    self, Align, Button, Color32, CornerRadius, FontId, Frame, Key, Label, Layout, Margin, Response,
    RichText, ScrollArea, Sense, Stroke, TextEdit, TextStyle, TextWrapMode, Ui, Vec2, Widget as _,
    WidgetInfo, WidgetText, pos2, vec2,
};
use egui_extras::TableRow;
use lucide_icons::Icon;

use super::{
    json,
    theme::{self, Tokens, tokens, weight},
};
use crate::event::shown;

/// A longer field would look as if it wanted more text.
pub(super) const FIELD_WIDTH_MAX: f32 = 500.0;
/// From here on there are two columns.
const TWO_COLUMNS_WIDTH: f32 = 1160.0;

/// A page of cards: one column, or in a wide window two beside each other, scrolled as one.
pub(super) fn page_ui<S>(
    ui: &mut Ui,
    state: &mut S,
    first: impl FnOnce(&mut S, &mut Ui),
    second: impl FnOnce(&mut S, &mut Ui),
) {
    // The scroll bar floats in the margin of the page, so that cards end where the buttons above them do.
    const MARGIN: f32 = 12.0;
    let width = ui.available_width();
    let with_margin = ui.available_rect_before_wrap().with_max_x(ui.max_rect().right() + MARGIN);
    ui.scope_builder(egui::UiBuilder::new().max_rect(with_margin), |ui| {
        scrolled_page_ui(ui, width, state, first, second);
    });
}

fn scrolled_page_ui<S>(
    ui: &mut Ui,
    width: f32,
    state: &mut S,
    first: impl FnOnce(&mut S, &mut Ui),
    second: impl FnOnce(&mut S, &mut Ui),
) {
    const GAP: f32 = 12.0;
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        if width < TWO_COLUMNS_WIDTH {
            ui.set_max_width(width);
            ui.spacing_mut().item_spacing.y = GAP;
            first(state, ui);
            second(state, ui);
        } else {
            // Not `Ui::columns`: that stretches every button over its column.
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing = vec2(GAP, GAP);
                let size = vec2(((width - GAP) / 2.0).floor(), ui.available_height());
                column_ui(ui, size, |ui| first(state, ui));
                column_ui(ui, size, |ui| second(state, ui));
            });
        }
        ui.add_space(18.0);
        follow_focus(ui);
    });
}

/// Scrolls to what the keyboard has just reached, where it is out of sight. Called at the end of what is scrolled.
pub(super) fn follow_focus(ui: &Ui) {
    let focused = ui.memory(egui::Memory::focused).and_then(|id| ui.read_response(id));
    // What is not scrolled is not clipped either.
    if let Some(focused) = focused.filter(Response::gained_focus)
        && !focused.interact_rect.contains_rect(focused.rect)
    {
        ui.scroll_to_rect(focused.rect.expand(12.0), None);
    }
}

/// Gives the focus to a field that has just been opened to be typed in, and asks again until it has it: the click that
/// opened it takes the focus from everything else.
pub(super) fn focus_once(field: &Response, wanted: &mut bool) {
    if !*wanted {
        return;
    }
    let clicks = field.ctx.input(|input| input.pointer.any_pressed() || input.pointer.any_released());
    if field.has_focus() && !clicks {
        *wanted = false;
    } else {
        field.request_focus();
        field.ctx.request_repaint();
    }
}

/// The keys of a list with rows that can be opened.
#[derive(Clone, Copy, Default)]
pub(super) struct ListKeys {
    pub step: Option<Step>,
    pub escape: bool,
}

/// To the row below, or to the one above.
#[derive(Clone, Copy)]
pub(super) enum Step {
    Down,
    Up,
}

impl Step {
    pub(super) fn reversed(self) -> Self {
        match self {
            Self::Down => Self::Up,
            Self::Up => Self::Down,
        }
    }

    /// The row that it leads to.
    pub(super) fn from(self, row: usize) -> usize {
        match self {
            Self::Down => row + 1,
            Self::Up => row.saturating_sub(1),
        }
    }
}

/// The keys of a list that were pressed in this frame; none while a text field or an open menu has the keyboard.
pub(super) fn list_keys(ui: &Ui) -> ListKeys {
    if ui.text_edit_focused() || egui::Popup::is_any_open(ui) {
        return ListKeys::default();
    }
    ui.input(|i| {
        let are_pressed =
            |keys: [Key; 2]| i.modifiers.is_none() && keys.iter().any(|key| i.key_pressed(*key));
        let down = are_pressed([Key::ArrowDown, Key::J]).then_some(Step::Down);
        let up = || are_pressed([Key::ArrowUp, Key::K]).then_some(Step::Up);
        ListKeys { step: down.or_else(up), escape: i.key_pressed(Key::Escape) }
    })
}

/// Whether the user has just left this field with that key.
pub(super) fn is_left_with(field: &Response, key: Key) -> bool {
    field.lost_focus() && field.ctx.input(|input| input.key_pressed(key))
}

/// Keeps the focus in a field whose text is refused, so that what is typed next corrects it: Enter would take it away.
pub(super) fn keep_focus(field: &Response, is_refused: bool) {
    if is_refused && is_left_with(field, Key::Enter) {
        field.request_focus();
    }
}

/// Whether Enter gives the first answer of a sheet: it was pressed in one of these fields, or while nothing had the focus
/// that does something else with it. A key that is held down, perhaps since before the sheet opened, does not count.
pub(super) fn is_answered_with_enter(ui: &Ui, fields: &[&Response]) -> bool {
    let is_enter = |event: &egui::Event| matches!(event, egui::Event::Key { key: Key::Enter, pressed: true, repeat: false, modifiers, .. } if modifiers.is_none());
    ui.input(|input| input.events.iter().any(is_enter))
        && (fields.iter().any(|field| field.lost_focus())
            || ui.memory(egui::Memory::focused).is_none() && !egui::Popup::is_any_open(ui))
}

/// The middle of the free space, at most so wide.
pub(super) fn middle(ui: &Ui, width_max: f32) -> egui::Rect {
    let beside = ((ui.available_width() - width_max) / 2.0).max(0.0);
    ui.available_rect_before_wrap().shrink2(vec2(beside, 0.0))
}

/// Keeps a length that is known only once its contents are drawn, and that the layout needs before. Where it has changed,
/// the frame is drawn again with it.
pub(super) fn keep_length(ui: &Ui, kept: &mut f32, drawn: f32, what: &str) {
    if (drawn - *kept).abs() > 0.5 {
        *kept = drawn;
        ui.request_discard(format!("{what} changed"));
    }
}

/// How many parts of an answer that comes bit by bit have been brought into sight.
#[derive(Default)]
pub(super) struct Revealed(usize);

impl Revealed {
    /// Brings the answer into sight when it has more parts than before. 0 parts: there is no answer.
    pub(super) fn follow(&mut self, ui: &Ui, parts: usize, answer: egui::Rect) {
        if parts > self.0 {
            reveal(ui, answer);
        }
        self.0 = parts;
    }
}

/// Scrolls to an answer that has just appeared out of sight: to its beginning if not all of it fits.
pub(super) fn reveal(ui: &Ui, what: egui::Rect) {
    let align = (what.height() > ui.clip_rect().height()).then_some(Align::TOP);
    ui.scroll_to_rect(what.expand2(vec2(0.0, 8.0)), align);
}

fn column_ui(ui: &mut Ui, size: Vec2, contents: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
        ui.set_width(size.x);
        ui.spacing_mut().item_spacing.x = 8.0;
        contents(ui);
    });
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// By the way.
    Note,
    /// Done, right.
    Good,
    /// Look here.
    Attention,
    /// Wrong.
    Bad,
}

impl Tone {
    pub(super) fn color(self, t: &Tokens) -> Color32 {
        match self {
            Self::Note => t.accent,
            Self::Good => t.ok,
            Self::Attention => t.warn,
            Self::Bad => t.err,
        }
    }

    pub(super) fn icon(self) -> Icon {
        match self {
            Self::Note => Icon::Info,
            Self::Good => Icon::CircleCheck,
            Self::Attention => Icon::TriangleAlert,
            Self::Bad => Icon::CircleAlert,
        }
    }
}

/// A button that is only an icon; its name is its tooltip too.
pub(super) fn icon_button_ui(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = Vec2::splat(4.0);
        let color = tokens(ui).weak;
        Button::new(theme::icon(icon).size(13.5).color(color))
            .frame_when_inactive(false)
            .min_size(Vec2::splat(26.0))
            .ui(ui)
            .accessible_name(name)
            .on_hover_text(name)
    })
    .inner
}

/// The ring of what has the keyboard's focus, for what has an outline of its own.
pub(super) fn ring_ui(ui: &Ui, response: &Response, radius: f32) {
    if response.has_focus() {
        let stroke = Stroke::new(1.5, tokens(ui).strong);
        ui.painter().rect_stroke(response.rect, radius, stroke, egui::StrokeKind::Inside);
    }
}

/// The one thing to do next.
pub(super) fn primary_button_ui(ui: &mut Ui, icon: Icon, label: &str, enabled: bool) -> Response {
    let t = tokens(ui);
    ui.scope(|ui| {
        let is_enabled = enabled && ui.is_enabled();
        let v = ui.visuals_mut();
        let w = &mut v.widgets;
        if is_enabled {
            w.inactive.weak_bg_fill = t.accent;
            w.inactive.bg_stroke = Stroke::new(1.0, t.accent);
            w.hovered.weak_bg_fill = t.accent_hover;
            w.hovered.bg_stroke = Stroke::new(1.0, t.accent_hover);
            w.active.weak_bg_fill = t.accent_hover;
            w.active.bg_stroke = Stroke::new(2.0, t.strong);
        } else {
            // A button that cannot be pressed yet is grey: faded colours would be too weak to read.
            v.disabled_alpha = 1.0;
            w.inactive.weak_bg_fill = t.hover;
        }
        let color = if is_enabled { t.on_accent } else { t.weak };
        let atoms = (theme::icon(icon).color(color), weight(label, 620.0).color(color));
        let button = Button::new(atoms).wrap_mode(TextWrapMode::Extend);
        ui.add_enabled(enabled, button).accessible_name(label)
    })
    .inner
}

/// Another thing that can be done.
pub(super) fn button_ui(ui: &mut Ui, icon: Icon, label: &str) -> Response {
    let t = tokens(ui);
    let atoms = (theme::icon(icon).color(t.weak), weight(label, 550.0));
    Button::new(atoms).wrap_mode(TextWrapMode::Extend).ui(ui).accessible_name(label)
}

/// The answers at the foot of a sheet, from the right. Their row has its own height: a layout from the right alone would take
/// all that the sheet had in the frame before, and so keep it from becoming lower.
pub(super) fn answers_ui(ui: &mut Ui, answers: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| ui.with_layout(Layout::right_to_left(Align::Center), answers));
}

/// A thing that cannot be undone.
pub(super) fn danger_button_ui(ui: &mut Ui, icon: Icon, label: &str) -> Response {
    let t = tokens(ui);
    ui.scope(|ui| {
        let w = &mut ui.visuals_mut().widgets;
        w.inactive.bg_stroke.color = t.err;
        w.hovered.bg_stroke.color = t.err;
        Button::new((theme::icon(icon).color(t.err), weight(label, 600.0).color(t.err)))
            .ui(ui)
            .accessible_name(label)
    })
    .inner
}

/// A link to a page on the web.
pub(super) fn link_ui(ui: &mut Ui, label: &str, url: &str) -> Response {
    let t = tokens(ui);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let response = ui.hyperlink_to(RichText::new(label).color(t.accent), url);
        response.on_hover_text(url)
    })
    .inner
}

/// The title of a place, what it is for, and what can be done with all of it.
pub(super) fn heading_ui(ui: &mut Ui, title: &str, subtitle: &str, actions: impl FnOnce(&mut Ui)) {
    let t = tokens(ui);
    // As high as the title and its sentence, so that what is to the right is in their middle.
    egui::Sides::new().height(40.0).shrink_left().show(
        ui,
        |ui| {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.label(weight(title, 680.0).size(19.0).color(t.strong));
                ui.add(Label::new(RichText::new(subtitle).color(t.weak)).truncate());
            });
        },
        actions,
    );
    ui.add_space(6.0);
}

/// A box of things that belong together.
pub(super) fn card_ui<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let t = tokens(ui);
    Frame::new()
        .fill(t.raised)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(12)
        .inner_margin(Margin::symmetric(18, 16))
        .show(ui, |ui| {
            ui.take_available_width();
            contents(ui)
        })
        .inner
}

/// The title of a card.
pub(super) fn title_ui(ui: &mut Ui, title: &str) {
    let t = tokens(ui);
    ui.label(weight(title, 640.0).size(14.0).color(t.strong));
}

/// A sentence under a title or a field.
pub(super) fn hint_ui(ui: &mut Ui, text: &str) {
    let t = tokens(ui);
    ragged_ui(ui, RichText::new(shown::lines(text)).color(t.weak));
}

/// Running text, also in a menu, whose layout would stretch each line over the menu's width.
pub(super) fn ragged_ui(ui: &mut Ui, text: impl Into<WidgetText>) -> Response {
    if ui.layout().horizontal_justify() { ui.vertical(|ui| ui.label(text)).inner } else { ui.label(text) }
}

/// A box to tick, with its name beside it. Its outline can be seen without a tick too.
pub(super) fn checkbox_ui(ui: &mut Ui, ticked: &mut bool, name: &str) -> Response {
    let t = tokens(ui);
    ui.scope(|ui| {
        let w = &mut ui.visuals_mut().widgets;
        for visuals in [&mut w.inactive, &mut w.hovered] {
            visuals.bg_fill = t.field;
            visuals.bg_stroke = Stroke::new(1.0, t.weak);
        }
        ui.checkbox(ticked, name)
    })
    .inner
}

/// A named text field, with what is wrong with it right below.
pub(super) fn field_ui(
    ui: &mut Ui,
    label: &str,
    value: &mut String,
    hint: &str,
    error: Option<&str>,
) -> Response {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 5.0;
        let name = ui.label(weight(label, 560.0));
        let response = ui
            .scope(|ui| {
                edge_ui(ui, error.is_some());
                ui.add(text_edit(value, hint).desired_width(ui.available_width().min(FIELD_WIDTH_MAX)))
                    .labelled_by(name.id)
            })
            .inner;
        error_ui(ui, error);
        keep_focus(&response, error.is_some());
        response
    })
    .inner
}

/// A button that opens a list to choose from.
#[derive(Clone, Copy)]
pub(super) struct List<'a> {
    /// For screen readers.
    pub name: &'a str,
    /// What its button shows; cut where it is too long.
    pub shown: &'a str,
    pub width: f32,
    /// What the list says when there is nothing to choose.
    pub if_empty: &'a str,
}

impl List<'_> {
    /// Draws it; gives its button and the place of the choice that was made. Each choice is its text and whether it is in
    /// force. For the keyboard, the list opens with the focus on that one, and the focus returns to the button at the end.
    pub(super) fn ui(self, ui: &mut Ui, choices: &[(&str, bool)]) -> (Response, Option<usize>) {
        let mut chosen = None;
        let (mut is_open, mut is_done) = (false, false);
        let key = egui::Id::unique(("list has the focus", self.name));
        let mut has_focus = ui.data(|data| data.get_temp(key)).unwrap_or(false);
        let list = egui::ComboBox::from_id_salt(self.name).width(self.width).truncate();
        let shown = list.selected_text(self.shown).show_ui(ui, |ui| {
            is_open = true;
            if choices.is_empty() {
                hint_ui(ui, self.if_empty);
            }
            let pressed = |keys: &[Key]| ui.input(|input| keys.iter().any(|key| input.key_pressed(*key)));
            let (is_chosen, is_left) =
                (pressed(&[Key::Enter, Key::Space]), pressed(&[Key::Escape, Key::Tab]));
            let (down, up) = (pressed(&[Key::ArrowDown]), pressed(&[Key::ArrowUp]));
            let items: Vec<_> = choices.iter().map(|(text, is)| ui.selectable_label(*is, *text)).collect();
            chosen = items.iter().position(Response::clicked);
            let focused = items.iter().position(Response::has_focus);
            is_done = chosen.is_some() && is_chosen || focused.is_some() && is_left;
            if chosen.is_some() || is_done {
                ui.close();
            }
            let in_force = choices.iter().position(|(_, is)| *is).unwrap_or(0);
            let next = match focused {
                None => Some(in_force).filter(|_| !has_focus),
                Some(at) if down => Some(at + 1),
                Some(at) if up => at.checked_sub(1),
                Some(_) => None,
            };
            has_focus |= focused.is_some();
            if let Some(at) = focused {
                // Otherwise the keys would lead to whatever is near the list.
                let keys = egui::EventFilter {
                    vertical_arrows: true,
                    tab: true,
                    escape: true,
                    ..Default::default()
                };
                ui.memory_mut(|memory| memory.set_focus_lock_filter(items[at].id, keys));
            }
            if let Some(item) = next.and_then(|at| items.get(at)) {
                item.request_focus();
                item.scroll_to_me(None);
            }
        });
        ui.data_mut(|data| data.insert_temp(key, has_focus && is_open));
        if is_done {
            shown.response.request_focus();
        }
        (shown.response.accessible_name(self.name), chosen)
    }
}

/// The field of this window's forms.
pub(super) fn text_edit<'t>(value: &'t mut String, hint: &str) -> TextEdit<'t> {
    TextEdit::singleline(value)
        .hint_text(hint.to_owned())
        .margin(Margin::symmetric(10, 7))
        .align(egui::Align2::LEFT_CENTER)
}

/// Makes the outline of the next fields say whether their content is wrong.
pub(super) fn edge_ui(ui: &mut Ui, wrong: bool) {
    if wrong {
        let color = tokens(ui).err;
        let w = &mut ui.visuals_mut().widgets;
        w.inactive.bg_stroke.color = color;
        w.hovered.bg_stroke.color = color;
        // While it has the keyboard's focus.
        ui.visuals_mut().selection.stroke.color = color;
    }
}

/// What is wrong with the field above.
pub(super) fn error_ui(ui: &mut Ui, error: Option<&str>) {
    let t = tokens(ui);
    if let Some(error) = error {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            ui.label(theme::icon(Icon::CircleAlert).size(12.0).color(t.err));
            ui.vertical(|ui| {
                ui.add(
                    Label::new(RichText::new(shown::lines(&capital(error))).size(12.0).color(t.err)).wrap(),
                )
            });
        });
    }
}

/// Rules are written to follow a setting's name; on their own they begin with a capital.
pub(super) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// One of a few, side by side. True when another one was chosen.
pub(super) fn segments_ui<T: Copy + PartialEq>(
    ui: &mut Ui,
    value: &mut T,
    name: &str,
    choices: &[(T, &str)],
) -> bool {
    let t = tokens(ui);
    let before = *value;
    Frame::new().fill(t.field).stroke(Stroke::new(1.0, t.line)).corner_radius(9).inner_margin(3).show(
        ui,
        |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                for (choice, label) in choices {
                    let selected = *value == *choice;
                    let text = weight(*label, if selected { 620.0 } else { 480.0 }).color(if selected {
                        t.strong
                    } else {
                        t.weak
                    });
                    let button =
                        Button::selectable(selected, text).min_size(vec2(0.0, 26.0)).corner_radius(6);
                    let mut button = button.wrap_mode(TextWrapMode::Extend);
                    if selected {
                        button = button.fill(t.press);
                    }
                    let response = ui.add(button).accessible_name(*label);
                    if response.clicked() {
                        *value = *choice;
                    }
                }
            })
            .response
            .widget_info(|| WidgetInfo::labeled(egui::Role::Group, true, name));
        },
    );
    *value != before
}

/// A switch with its name; what it does stands beside it.
pub(super) fn switch_ui(ui: &mut Ui, on: &mut bool, name: &str) -> Response {
    let t = tokens(ui);
    let size = vec2(36.0, 20.0);
    let (rect, mut response) = ui.allocate_exact_size(size, Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    let value = *on;
    response.widget_info(|| WidgetInfo::selected(egui::Role::Switch, ui.is_enabled(), value, name));
    let how_on = ui.animate_bool_responsive(response.id, *on);
    let radius = rect.height() / 2.0;
    let (track, knob) = if *on { (t.accent, t.on_accent) } else { (t.press, t.weak) };
    ui.painter().rect_filled(rect, radius, track);
    if response.has_focus() || response.hovered() {
        let color = if response.has_focus() { t.strong } else { t.edge };
        ui.painter().rect_stroke(
            rect.expand(2.0),
            radius + 2.0,
            Stroke::new(1.0, color),
            egui::StrokeKind::Outside,
        );
    }
    let x = egui::lerp((rect.left() + radius)..=(rect.right() - radius), how_on);
    ui.painter().circle_filled(pos2(x, rect.center().y), radius - 4.0, knob);
    response
}

/// One of a few that each have a sentence to say, beside each other where there is room.
pub(super) fn choices_ui<T: Copy + PartialEq>(ui: &mut Ui, value: &mut T, choices: &[(T, &str, &str)]) {
    let gap = ui.spacing().item_spacing.x;
    let width = ui.available_width();
    let columns = if width / choices.len() as f32 >= 210.0 { choices.len() } else { 1 };
    let width = ((width - gap * (columns as f32 - 1.0)) / columns as f32).floor();
    for row in choices.chunks(columns) {
        let height = row
            .iter()
            .map(|(_, label, text)| Choice::new(ui, label, text, width).height())
            .fold(0.0, f32::max);
        ui.horizontal(|ui| {
            for (choice, label, text) in row {
                if choice_ui(ui, *value == *choice, label, text, vec2(width, height)).clicked() {
                    *value = *choice;
                }
            }
        });
    }
}

struct Choice {
    title: std::sync::Arc<egui::Galley>,
    detail: std::sync::Arc<egui::Galley>,
}

impl Choice {
    fn new(ui: &Ui, label: &str, text: &str, width: f32) -> Self {
        let t = tokens(ui);
        let width = (width - 48.0).max(80.0);
        Self {
            title: galley(ui, weight(label, 580.0).color(t.strong), width),
            detail: galley(ui, RichText::new(text).size(12.0).color(t.weak), width),
        }
    }

    fn height(&self) -> f32 {
        (self.title.size().y + self.detail.size().y + 3.0 + 20.0).ceil()
    }
}

fn choice_ui(ui: &mut Ui, selected: bool, label: &str, text: &str, size: Vec2) -> Response {
    let t = tokens(ui);
    let id = ui.next_auto_id();
    let Choice { title, detail } = Choice::new(ui, label, text, size.x);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::RadioButton, ui.is_enabled(), selected, label));
    if ui.is_rect_visible(rect) {
        let how = ui.animate_bool_responsive(id, selected);
        let fill = if response.hovered() && !selected { t.hover } else { t.raised };
        let edge = if selected { t.accent } else { t.line };
        ui.painter().rect(rect, 9.0, fill, Stroke::new(1.0, edge), egui::StrokeKind::Inside);
        if how > 0.0 {
            ui.painter().rect_filled(rect, 9.0, t.accent_soft.gamma_multiply(0.55 * how));
        }
        let center = pos2(rect.left() + 20.0, rect.top() + 10.0 + title.size().y / 2.0);
        ui.painter().circle_stroke(center, 7.0, Stroke::new(1.5, if selected { t.accent } else { t.weak }));
        if selected {
            ui.painter().circle_filled(center, 4.0, t.accent);
        }
        let at = rect.min + vec2(36.0, 10.0);
        let below = at + vec2(0.0, title.size().y + 3.0);
        ui.painter().galley(at, title, t.strong);
        ui.painter().galley(below, detail, t.weak);
        ring_ui(ui, &response, 9.0);
    }
    response
}

fn galley(ui: &Ui, text: RichText, width: f32) -> std::sync::Arc<egui::Galley> {
    WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Wrap), width, TextStyle::Body)
}

/// Tells screen readers what the row is, once its cells are drawn. Not in its first frame: egui knows a cell's place
/// only from the frame before, and a click on a name without a place would go nowhere.
pub(super) fn row_name_ui(row: &TableRow<'_, '_>, name: impl Fn() -> String) -> Response {
    let response = row.response();
    if response.rect.is_finite() {
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Row, true, name()));
    } else {
        response.ctx.request_repaint();
    }
    response
}

/// A dot of that colour, as high as a line of text.
pub(super) fn dot_ui(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(8.0, ui.text_style_height(&TextStyle::Body)), Sense::hover());
    ui.painter().circle_filled(rect.center(), 3.5, color);
}

/// A word in a rounded box. Painted by hand: in a centred row a `Frame` stretches to the row's height.
pub(super) fn pill_ui(ui: &mut Ui, color: Color32, text: &str) -> Response {
    // On its own tint, in a selected row too, the plain colour would be too weak to read (WCAG AA).
    let ink = color.lerp_to_gamma(tokens(ui).strong, 0.3);
    let galley = WidgetText::from(weight(text, 580.0).size(11.5).color(ink)).into_galley(
        ui,
        Some(TextWrapMode::Extend),
        f32::INFINITY,
        TextStyle::Small,
    );
    let padding = vec2(8.0, 2.0);
    let (rect, response) = ui.allocate_exact_size(galley.size() + 2.0 * padding, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, text));
    ui.painter().rect_filled(rect, CornerRadius::same(9), color.gamma_multiply(0.15));
    ui.painter().galley(rect.min + padding, galley, ink);
    response
}

/// Running text in which what stands between backticks is code.
pub(super) fn words(ui: &Ui, text: &str, wght: f32, color: Color32) -> egui::text::LayoutJob {
    let t = tokens(ui);
    let body = TextStyle::Body.resolve(ui.style());
    let mono = FontId::new(body.size - 1.0, egui::FontFamily::Monospace);
    let mut job = egui::text::LayoutJob::default();
    for (at, piece) in shown::lines(text).split('`').enumerate() {
        let format = if at % 2 == 1 {
            egui::TextFormat {
                font_id: mono.clone(),
                color: t.strong,
                background: t.hover,
                ..Default::default()
            }
        } else {
            let mut format = egui::TextFormat { font_id: body.clone(), color, ..Default::default() };
            format.coords.push(b"wght", wght);
            format
        };
        job.append(piece, 0.0, format);
    }
    job
}

/// A message in a place of its own.
pub(super) fn message_ui(ui: &mut Ui, tone: Tone, text: &str) {
    let t = tokens(ui);
    let color = tone.color(t);
    Frame::new()
        .fill(color.gamma_multiply(0.10))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 9))
        .show(ui, |ui| {
            ui.take_available_width();
            ui.horizontal_top(|ui| {
                ui.label(theme::icon(tone.icon()).color(color));
                ui.vertical(|ui| {
                    ui.add(Label::new(RichText::new(shown::lines(text)).color(t.text)).wrap());
                });
            });
        });
}

/// Nothing here yet: why, and what to do about it. True when the action was chosen.
pub(super) fn empty_ui(
    ui: &mut Ui,
    icon: Icon,
    title: &str,
    text: &str,
    action: Option<(Icon, &str)>,
) -> bool {
    let t = tokens(ui);
    let mut chosen = false;
    let height = 150.0;
    ui.vertical_centered(|ui| {
        ui.add_space(((ui.available_height() - height) / 2.4).clamp(16.0, 170.0));
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(48.0), Sense::hover());
        ui.painter().circle_filled(rect.center(), 24.0, t.hover);
        ui.painter().text(
            rect.center(),
            egui::Align2::CENTER_CENTER,
            char::from(icon),
            FontId::new(21.0, theme::icons()),
            t.weak,
        );
        ui.add_space(4.0);
        ui.label(weight(title, 640.0).size(14.5).color(t.strong));
        ui.scope(|ui| {
            ui.set_max_width(420.0);
            ui.label(RichText::new(text).color(t.weak));
        });
        if let Some((icon, label)) = action {
            ui.add_space(6.0);
            chosen = primary_button_ui(ui, icon, label, true).clicked();
        }
    });
    chosen
}

/// Code in a box, coloured, with a button that copies it.
pub(super) fn code_ui(ui: &mut Ui, code: &str, copy_name: &str) -> bool {
    code_marked_ui(ui, code, &[], copy_name)
}

/// The same; what is marked in it stands out.
pub(super) fn code_marked_ui(ui: &mut Ui, code: &str, marks: &[&str], copy_name: &str) -> bool {
    let copy = code_box_ui(ui, code, marks, copy_name);
    if copy {
        ui.copy_text(code.to_owned());
    }
    copy
}

/// The same; what is copied is up to the caller, who is told to.
pub(super) fn code_copy_ui(ui: &mut Ui, code: &str, copy_name: &str) -> bool {
    code_box_ui(ui, code, &[], copy_name)
}

fn code_box_ui(ui: &mut Ui, code: &str, marks: &[&str], copy_name: &str) -> bool {
    let t = tokens(ui);
    let (shown, was_cut) = json::cut(code, json::SHOWN_BYTES_MAX);
    let shown = shown::lines(shown);
    let frame = Frame::new()
        .fill(t.field)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(9)
        // No code runs under the button in the corner.
        .inner_margin(Margin { left: 12, right: 40, top: 12, bottom: 12 });
    let inner = frame.show(ui, |ui| {
        ui.take_available_width();
        ScrollArea::horizontal().id_salt(("code", copy_name)).auto_shrink([false, true]).show(ui, |ui| {
            let mut job =
                json::highlight_marking(&shown, marks, t, &TextStyle::Monospace.resolve(ui.style()));
            job.wrap.max_width = f32::INFINITY;
            let width = ui.available_width();
            let text = ui.add(Label::new(job).wrap_mode(TextWrapMode::Extend).selectable(true));
            if text.rect.width() > width {
                // The scroll bar floats over what is left free here.
                ui.add_space(10.0);
            }
        });
        if was_cut {
            ui.label(RichText::new("Shortened here. Copy gives all of it.").small().color(t.weak));
        }
    });
    let corner = inner.response.rect.right_top() + vec2(-34.0, 6.0);
    let mut over = ui.new_child(
        egui::UiBuilder::new()
            .id_salt(("copy code", copy_name))
            .max_rect(egui::Rect::from_min_size(corner, Vec2::splat(28.0)))
            .layout(Layout::top_down(Align::Max)),
    );
    let button = Frame::new().fill(t.field).corner_radius(6);
    button.show(&mut over, |ui| icon_button_ui(ui, Icon::Copy, copy_name).clicked()).inner
}

/// A name and its value on one line, with a copy button. True when copied.
pub(super) fn fact_ui(ui: &mut Ui, name: &str, value: &str, copy: bool) -> bool {
    let t = tokens(ui);
    let mut copied = false;
    ui.horizontal(|ui| {
        // As high with a button as without one.
        ui.set_min_height(28.0);
        ui.allocate_ui_with_layout(vec2(118.0, 20.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(118.0);
            ui.add(Label::new(RichText::new(name).color(t.weak)).selectable(false).truncate());
        });
        let room = ui.available_width() - if copy { 34.0 } else { 0.0 };
        ui.allocate_ui_with_layout(vec2(room, 20.0), Layout::left_to_right(Align::Center), |ui| {
            // Where it is cut, its tooltip has all of it.
            ui.add(Label::new(RichText::new(shown::line(value)).monospace().color(t.strong)).truncate());
        });
        if copy && icon_button_ui(ui, Icon::Copy, &format!("Copy {}", name.to_lowercase())).clicked() {
            ui.copy_text(value.to_owned());
            copied = true;
        }
    });
    copied
}

/// `1234567` as `1 234 567`.
pub(super) fn digits(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{2009}');
        }
        out.push(c);
    }
    out
}

/// A rate for the eye.
pub(super) fn rate(per_sec: f32) -> String {
    if per_sec > 0.0 && per_sec < 10.0 {
        return format!("{per_sec:.1}");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is small and not negative"
    )]
    digits(per_sec.round() as u64)
}

/// Bytes for the eye.
pub(super) fn bytes(n: u64) -> String {
    match n {
        0..1024 => format!("{n} B"),
        1024..1_048_576 => format!("{:.1} KiB", n as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.1} MiB", n as f64 / 1_048_576.0),
        1_073_741_824..1_099_511_627_776 => format!("{:.1} GiB", n as f64 / 1_073_741_824.0),
        _ => format!("{:.1} TiB", n as f64 / 1_099_511_627_776.0),
    }
}

/// Milliseconds for the eye.
pub(super) fn duration(ms: i64) -> String {
    match ms {
        ..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// How long ago, for the eye; asks for a frame when that will read differently.
pub(super) fn ago_ui(ui: &Ui, at: i64, now: i64) -> String {
    let (text, changes_in) = ago((now - at).max(0));
    ui.request_repaint_after(changes_in);
    text
}

/// So many milliseconds ago for the eye, and how long that stays true.
fn ago(ms: i64) -> (String, std::time::Duration) {
    const UNITS: [(i64, &str, i64); 4] = [
        (1000, "s", 60_000),
        (60_000, "min", 3_600_000),
        (3_600_000, "h", 48 * 3_600_000),
        (86_400_000, "d", i64::MAX),
    ];
    let (unit, name, _) = UNITS.into_iter().find(|(_, _, below)| ms < *below).unwrap_or(UNITS[3]);
    let text = if ms < 1000 { "just now".to_owned() } else { format!("{} {name} ago", ms / unit) };
    (text, std::time::Duration::from_millis((unit - ms % unit).unsigned_abs()))
}

/// Names something for screen readers that another crate drew without a name, where it is on screen.
pub(super) fn name_ui(ui: &Ui, id: egui::Id, role: egui::Role, name: &str) {
    if ui.ctx().read_response(id).is_some() {
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_role(role);
            node.set_label(name);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        assert_eq!(digits(1_234_567), "1\u{2009}234\u{2009}567");
        assert_eq!((rate(0.0), rate(0.4), rate(1234.4)), ("0".into(), "0.4".into(), "1\u{2009}234".into()));
        assert_eq!((bytes(12), bytes(2048)), ("12 B".into(), "2.0 KiB".into()));
        assert_eq!((duration(80), duration(61_000)), ("80 ms".into(), "1 min 1 s".into()));
    }

    #[test]
    fn an_age_says_when_it_reads_differently() {
        let millis = |ms| std::time::Duration::from_millis(ms);
        assert_eq!(ago(0), ("just now".into(), millis(1000)));
        assert_eq!(ago(3200), ("3 s ago".into(), millis(800)));
        assert_eq!(ago(90_000), ("1 min ago".into(), millis(30_000)));
        assert_eq!(ago(3 * 3_600_000), ("3 h ago".into(), millis(3_600_000)));
        assert_eq!(ago(3 * 86_400_000).0, "3 d ago");
    }
}
