//! Widgets to choose one of a few values, with all values visible.

use std::sync::Arc;

use eframe::egui::{
    Button, Frame, Galley, Response, RichText, Role, Sense, Stroke, StrokeKind, TextStyle, TextWrapMode, Ui,
    Vec2, WidgetInfo, WidgetText, pos2, vec2,
};

use super::keyboard::ring_ui;
use crate::app::theme::{tokens, weight};

/// A choice of one of a few values, side by side. True when another one was chosen.
pub(crate) fn segments_ui<T: Copy + PartialEq>(
    ui: &mut Ui,
    value: &mut T,
    name: &str,
    choices: &[(T, &str)],
) -> bool {
    segments_frame_ui(ui, name, |ui| ui.horizontal(|ui| segments_row_ui(ui, value, choices)).inner)
}

/// Like [`segments_ui`], in as many lines as the values need.
pub(crate) fn segments_wrapped_ui<T: Copy + PartialEq>(
    ui: &mut Ui,
    value: &mut T,
    name: &str,
    choices: &[(T, &str)],
) -> bool {
    segments_frame_ui(ui, name, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            segments_row_ui(ui, value, choices)
        })
        .inner
    })
}

fn segments_frame_ui(ui: &mut Ui, name: &str, row: impl FnOnce(&mut Ui) -> bool) -> bool {
    let t = tokens(ui);
    let frame = Frame::new().fill(t.field).stroke(Stroke::new(1.0, t.line)).corner_radius(9).inner_margin(3);
    let shown = frame.show(ui, row);
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Group, true, name));
    shown.inner
}

fn segments_row_ui<T: Copy + PartialEq>(ui: &mut Ui, value: &mut T, choices: &[(T, &str)]) -> bool {
    let t = tokens(ui);
    let before = *value;
    ui.spacing_mut().item_spacing.x = 2.0;
    for (choice, label) in choices {
        let selected = *value == *choice;
        let (wght, color) = if selected { (620.0, t.strong) } else { (480.0, t.weak) };
        let text = weight(*label, wght).color(color);
        let button = Button::selectable(selected, text).min_size(vec2(0.0, 26.0)).corner_radius(6);
        let mut button = button.wrap_mode(TextWrapMode::Extend);
        if selected {
            button = button.fill(t.press);
        }
        if ui.add(button).accessible_name(*label).clicked() {
            *value = *choice;
        }
    }
    *value != before
}

/// A choice of one of a few values, each with an explanation, side by side if there is room.
pub(crate) fn choices_ui<T: Copy + PartialEq>(ui: &mut Ui, value: &mut T, choices: &[(T, &str, &str)]) {
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
    title: Arc<Galley>,
    detail: Arc<Galley>,
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
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), selected, label));
    if ui.is_rect_visible(rect) {
        let how = ui.animate_bool_responsive(id, selected);
        let fill = if response.hovered() && !selected { t.hover } else { t.raised };
        let edge = if selected { t.accent } else { t.line };
        ui.painter().rect(rect, 9.0, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
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

fn galley(ui: &Ui, text: RichText, width: f32) -> Arc<Galley> {
    WidgetText::from(text).into_galley(ui, Some(TextWrapMode::Wrap), width, TextStyle::Body)
}
