//! Holds a growing list still while the pointer is over it, so that a click gets the row that the user aimed at. A button
//! over the list counts the new rows.

use eframe::egui::{self, Align, Context, Layout, Order, Pos2, Rect, Ui, UiBuilder, vec2};
use lucide_icons::Icon;

use super::widgets;

/// A pointer that moves less than this, in points, is at rest.
const REST: f32 = 4.0;
/// The button's maximum size. It is as high as the list's header, so that it covers no row.
const BUTTON: egui::Vec2 = vec2(220.0, 26.0);

#[derive(Default)]
pub(super) struct ListHold {
    /// Where the list was drawn in the last frame; `None` if it was not in sight.
    list: Option<Rect>,
    /// The position of the pointer when it last used something that covered the list, such as a menu, or when the list came
    /// into sight. While the pointer rests there, it does not aim at a row.
    ignored_at: Option<Pos2>,
    is_offered: bool,
}

impl ListHold {
    /// Records where the list is drawn.
    pub(super) fn drawn(&mut self, list: Rect) {
        self.list = Some(list);
    }

    /// Whether the pointer is over the list, or presses there. Call it once a frame and before the list changes: it compares
    /// this frame's pointer with the list as the last frame drew it.
    pub(super) fn is_aimed_at(&mut self, ctx: &Context) -> bool {
        let pointer = ctx.input(|input| {
            // On a touch screen the frame with the click has no pointer, because the finger has lifted.
            let clicks = input.pointer.any_pressed() || input.pointer.any_released();
            input.pointer.latest_pos().or(input.pointer.interact_pos().filter(|_| clicks))
        });
        let Some(list) = self.list.take() else {
            // The list came into sight under the pointer, which was aimed at something else.
            self.ignored_at = pointer;
            return false;
        };
        let Some(pointer) = pointer else { return false };
        if ctx.layer_id_at(pointer).is_some_and(|layer| layer.order != Order::Background) {
            // The pointer uses a menu or sheet over the list. When that closes, it still does not aim at a row.
            self.ignored_at = Some(pointer);
            return false;
        }
        self.ignored_at.take_if(|at| at.distance(pointer) > REST);
        list.contains(pointer) && self.ignored_at.is_none()
    }

    /// Draws the button over the list's header; true when it was pressed. It never appears under the pointer, where it would
    /// take a click meant for a row. `is_below`: the newest row is at the lower end of the list.
    pub(super) fn offer_ui(&mut self, ui: &mut Ui, list: Rect, label: &str, is_below: bool) -> bool {
        let icon = if is_below { Icon::ArrowDown } else { Icon::ArrowUp };
        let header = Rect::from_min_size(list.min, vec2(list.width(), BUTTON.y));
        let pointer = ui.input(|input| input.pointer.latest_pos());
        let near = Rect::from_center_size(header.center(), BUTTON);
        if !self.is_offered && pointer.is_some_and(|pointer| near.contains(pointer)) {
            return false;
        }
        self.is_offered = true;
        let layout = Layout::top_down(Align::Center);
        let mut over = ui.new_child(UiBuilder::new().id_salt("held").max_rect(header).layout(layout));
        over.spacing_mut().interact_size.y = BUTTON.y;
        over.spacing_mut().button_padding.y = 2.0;
        let button = widgets::primary_button_ui(&mut over, icon, label, true);
        let pressed = button.on_hover_text("Show the newest rows and follow the list").clicked();
        if pressed {
            self.ignored_at = pointer;
        }
        pressed
    }

    /// Call it in a frame without the button.
    pub(super) fn offer_nothing(&mut self) {
        self.is_offered = false;
    }
}
