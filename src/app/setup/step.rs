//! How a step of the form is drawn: its number or mark, its title, and the layout of its fields.

use eframe::egui::{self, Align, Layout, RichText, Sense, Ui, vec2};
use lucide_icons::Icon;

use super::super::{
    theme::{self, tokens, weight},
    widgets,
};

/// The state of a step.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Done,
    Attention,
    Open,
}

pub(super) fn mark(complete: bool, wrong: bool) -> Mark {
    match (complete, wrong) {
        (_, true) => Mark::Attention,
        (true, false) => Mark::Done,
        (false, false) => Mark::Open,
    }
}

pub(super) fn name_ui(ui: &mut Ui, name: &str) {
    let t = tokens(ui);
    ui.label(weight(name, 580.0).color(t.strong));
}

pub(super) fn small_ui(ui: &mut Ui, text: &str) {
    let t = tokens(ui);
    // A column would stretch the words to its width.
    ui.vertical(|ui| ui.label(RichText::new(text).size(12.0).color(t.weak)));
}

/// Two fields beside each other, or below each other where there is no room.
pub(super) fn two_ui<T>(
    ui: &mut Ui,
    left: impl FnOnce(&mut Ui, &mut T),
    right: impl FnOnce(&mut Ui, &mut T),
    value: &mut T,
) {
    if ui.available_width() > 560.0 {
        ui.columns(2, |columns| {
            for column in columns.iter_mut() {
                column.spacing_mut().item_spacing.y = 5.0;
            }
            left(&mut columns[0], value);
            right(&mut columns[1], value);
        });
    } else {
        left(ui, value);
        right(ui, value);
    }
}

/// A step: its number or mark, its title, and what it holds.
pub(super) fn step_ui<R>(
    ui: &mut Ui,
    number: usize,
    title: &str,
    mark: Mark,
    contents: impl FnOnce(&mut Ui) -> R,
) -> R {
    let t = tokens(ui);
    widgets::card_ui(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        ui.horizontal(|ui| {
            let (rect, response) = ui.allocate_exact_size(vec2(22.0, 22.0), Sense::hover());
            let (color, glyph, word) = match mark {
                Mark::Done => (t.ok, Some(Icon::Check), "done"),
                Mark::Attention => (t.warn, Some(Icon::TriangleAlert), "needs attention"),
                Mark::Open => (t.weak, None, "open"),
            };
            response.widget_info(|| {
                egui::WidgetInfo::labeled(egui::Role::Image, true, format!("{title}: {word}"))
            });
            ui.painter().circle_filled(rect.center(), 11.0, color.gamma_multiply(0.16));
            let (text, font) = match glyph {
                Some(glyph) => (char::from(glyph).to_string(), egui::FontId::new(12.0, theme::icons())),
                None => (number.to_string(), egui::FontId::proportional(12.0)),
            };
            ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, font, color);
            widgets::title_ui(ui, title);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(RichText::new(format!("Step {number}")).small().color(t.weak));
            });
        });
        contents(ui)
    })
}
