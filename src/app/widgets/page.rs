//! Pages of cards, and scrolling to what the user should see.

use eframe::egui::{
    Align, Frame, Layout, Margin, Memory, Panel, Rect, Response, ScrollArea, Ui, UiBuilder, Vec2, vec2,
};

/// The minimum width for two columns.
const TWO_COLUMNS_WIDTH: f32 = 1160.0;

/// A page of cards: one column, or in a wide window two beside each other, scrolled as one.
pub(crate) fn page_ui<S>(
    ui: &mut Ui,
    state: &mut S,
    first: impl FnOnce(&mut S, &mut Ui),
    second: impl FnOnce(&mut S, &mut Ui),
) {
    // The scroll bar floats in the margin of the page, so that cards end where the buttons above them do.
    const MARGIN: f32 = 12.0;
    let width = ui.available_width();
    let with_margin = ui.available_rect_before_wrap().with_max_x(ui.max_rect().right() + MARGIN);
    ui.scope_builder(UiBuilder::new().max_rect(with_margin), |ui| {
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

/// Two parts of the same width beside each other; below the width `beside_min`, one below the other.
pub(crate) fn beside_ui<S>(
    ui: &mut Ui,
    beside_min: f32,
    state: &mut S,
    first: impl FnOnce(&mut S, &mut Ui),
    second: impl FnOnce(&mut S, &mut Ui),
) {
    const GAP: f32 = 12.0;
    let width = ui.available_width();
    if width < beside_min {
        first(state, ui);
        return second(state, ui);
    }
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        let size = vec2(((width - GAP) / 2.0).floor(), 0.0);
        column_ui(ui, size, |ui| first(state, ui));
        column_ui(ui, size, |ui| second(state, ui));
    });
}

/// The panel at the right for what is open of a list. Its user can resize it.
pub(crate) fn open_panel(ui: &Ui, name: &'static str) -> Panel {
    let width = ui.available_width();
    Panel::right(name)
        .default_size((width * 0.42).clamp(400.0, 620.0))
        .size_range(340.0..=(width * 0.66))
        .frame(Frame::new().inner_margin(Margin { left: 16, right: 2, top: 2, bottom: 0 }))
}

fn column_ui(ui: &mut Ui, size: Vec2, contents: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
        ui.set_width(size.x);
        ui.spacing_mut().item_spacing.x = 8.0;
        contents(ui);
    });
}

/// The middle of the free space, at most `width_max` wide.
pub(crate) fn middle(ui: &Ui, width_max: f32) -> Rect {
    let beside = ((ui.available_width() - width_max) / 2.0).max(0.0);
    ui.available_rect_before_wrap().shrink2(vec2(beside, 0.0))
}

/// Stores a length that the layout needs before drawing, but that is known only after it. If the length has changed, the frame
/// is drawn again.
pub(crate) fn keep_length(ui: &Ui, kept: &mut f32, drawn: f32, what: &str) {
    if (drawn - *kept).abs() > 0.5 {
        *kept = drawn;
        ui.request_discard(format!("{what} changed"));
    }
}

/// Scrolls to the widget that has just got the focus, if it is out of sight. Call it at the end of the scrolled contents.
pub(crate) fn follow_focus(ui: &Ui) {
    let focused = ui.memory(Memory::focused).and_then(|id| ui.read_response(id));
    // A widget outside of a scroll area is not clipped, so it is left alone.
    if let Some(focused) = focused.filter(Response::gained_focus)
        && !focused.interact_rect.contains_rect(focused.rect)
    {
        ui.scroll_to_rect(focused.rect.expand(12.0), None);
    }
}

/// The number of parts that were scrolled to, of an answer that arrives in parts.
#[derive(Default)]
pub(crate) struct Revealed(usize);

impl Revealed {
    /// Scrolls to the answer when it has more parts than before. 0 parts: there is no answer.
    pub(crate) fn follow(&mut self, ui: &Ui, parts: usize, answer: Rect) {
        if parts > self.0 {
            reveal(ui, answer);
        }
        self.0 = parts;
    }
}

/// Scrolls to an answer that has just appeared out of sight: to its beginning if not all of it fits.
pub(crate) fn reveal(ui: &Ui, what: Rect) {
    let align = (what.height() > ui.clip_rect().height()).then_some(Align::TOP);
    ui.scroll_to_rect(what.expand2(vec2(0.0, 8.0)), align);
}
