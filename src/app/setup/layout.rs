//! The layout of Set up: the steps, and beside them the card, which stays in sight. In a narrow window the card is below the
//! steps: it stays in sight while there is something to decide, and is scrolled with the steps otherwise.

use eframe::egui::{Frame, Margin, Panel, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};

use super::super::widgets;

/// The minimum width for the card beside the steps.
const BESIDE_WIDTH: f32 = 880.0;
const GAP: f32 = 12.0;
/// The scroll bar floats in the margin of the page.
const BAR: f32 = 12.0;

/// How much room the card has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// A column of its own.
    Column,
    /// A few lines below the steps.
    Lines,
}

/// Draws the steps and the card. `decides`: there is something to decide in the card. Returns the height of the card, if it
/// stays below the steps.
pub(super) fn page_ui<S>(
    ui: &mut Ui,
    state: &mut S,
    decides: bool,
    steps_ui: impl FnOnce(&mut S, &mut Ui),
    card_ui: impl FnOnce(&mut S, &mut Ui, Room),
) -> f32 {
    let all = ui.available_rect_before_wrap();
    let width = all.width();
    if width < BESIDE_WIDTH {
        return narrow_ui(ui, state, decides, steps_ui, card_ui);
    }
    let card_width = (width * 0.32).clamp(300.0, 420.0).floor();
    let steps_width = (width - card_width - GAP - BAR).floor();
    let steps = Rect::from_min_size(all.min, vec2(steps_width + BAR, all.height()));
    scrolled_ui(ui, ("steps", steps), steps_width, |ui| steps_ui(state, ui));
    let card =
        Rect::from_min_max(pos2(all.right() - card_width, all.top()), pos2(all.right() + BAR, all.bottom()));
    scrolled_ui(ui, ("card", card), card_width, |ui| card_ui(state, ui, Room::Column));
    ui.advance_cursor_after_rect(all);
    0.0
}

fn narrow_ui<S>(
    ui: &mut Ui,
    state: &mut S,
    decides: bool,
    steps_ui: impl FnOnce(&mut S, &mut Ui),
    card_ui: impl FnOnce(&mut S, &mut Ui, Room),
) -> f32 {
    let width = ui.available_width();
    let mut card_ui = Some(card_ui);
    let mut foot = 0.0;
    if decides && let Some(card_ui) = card_ui.take() {
        let frame = Frame::new().inner_margin(Margin { top: 8, bottom: 10, ..Margin::ZERO });
        let panel = Panel::bottom("the card").show_separator_line(false).frame(frame);
        foot = panel.show(ui, |ui| card_ui(state, ui, Room::Lines)).response.rect.height();
    }
    let all = ui.available_rect_before_wrap();
    let all = all.with_max_x(all.right() + BAR);
    scrolled_ui(ui, ("steps", all), width, |ui| {
        steps_ui(state, ui);
        if let Some(card_ui) = card_ui {
            card_ui(state, ui, Room::Column);
        }
    });
    foot
}

fn scrolled_ui(ui: &mut Ui, (name, rect): (&str, Rect), width: f32, contents: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt(name), |ui| {
        ScrollArea::vertical().id_salt(name).auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(width);
            ui.spacing_mut().item_spacing.y = GAP;
            contents(ui);
            ui.add_space(18.0);
            widgets::follow_focus(ui);
        });
    });
}
