//! Holds a growing list still while the user aims at it, so that a click gets the row that was aimed at. A button over the
//! list counts the rows that came meanwhile.

use eframe::egui::{self, Align, Context, Layout, Order, Pos2, Rect, Ui, UiBuilder, vec2};
use lucide_icons::Icon;

use super::widgets;

/// A pointer that moves less than this rests.
const REST: f32 = 4.0;
/// The button's maximum size: as high as the list's head, so that it covers no row.
const BUTTON: egui::Vec2 = vec2(220.0, 26.0);

#[derive(Default)]
pub(super) struct Hold {
    /// Where the list was drawn last, while it is in sight.
    list: Option<Rect>,
    /// Where the pointer was when it was last used for something over the list, such as a menu, or when the list came into
    /// sight. While it rests there, it aims at no row.
    let_go_at: Option<Pos2>,
    is_offered: bool,
}

impl Hold {
    /// Notes where the list is drawn.
    pub(super) fn drawn(&mut self, list: Rect) {
        self.list = Some(list);
    }

    /// Whether the pointer is over the list as it was drawn last, or presses there. Call it once a frame, before the list
    /// changes: the pointer is this frame's, the list the last one's.
    pub(super) fn is_aimed_at(&mut self, ctx: &Context) -> bool {
        let pointer = ctx.input(|input| {
            // On a touch screen there is no pointer in the frame in which the finger lifts, and that frame has the click.
            let clicks = input.pointer.any_pressed() || input.pointer.any_released();
            input.pointer.latest_pos().or(input.pointer.interact_pos().filter(|_| clicks))
        });
        let Some(list) = self.list.take() else {
            // Where the list comes into sight under a pointer that rests, that pointer was aimed at something else.
            self.let_go_at = pointer;
            return false;
        };
        let Some(pointer) = pointer else { return false };
        if ctx.layer_id_at(pointer).is_some_and(|layer| layer.order != Order::Background) {
            // It aims at a menu or sheet over the list, and at no row once that has closed.
            self.let_go_at = Some(pointer);
            return false;
        }
        self.let_go_at.take_if(|at| at.distance(pointer) > REST);
        list.contains(pointer) && self.let_go_at.is_none()
    }

    /// The button over the list's head. `is_below`: the newest row is at the list's lower end. The button never comes up
    /// under the pointer, where it would take a click that was meant for a row. True when it was pressed.
    pub(super) fn offer_ui(&mut self, ui: &mut Ui, list: Rect, label: &str, is_below: bool) -> bool {
        let icon = if is_below { Icon::ArrowDown } else { Icon::ArrowUp };
        let place = Rect::from_min_size(list.min, vec2(list.width(), BUTTON.y));
        let pointer = ui.input(|input| input.pointer.latest_pos());
        let near = Rect::from_center_size(place.center(), BUTTON);
        if !self.is_offered && pointer.is_some_and(|pointer| near.contains(pointer)) {
            return false;
        }
        self.is_offered = true;
        let layout = Layout::top_down(Align::Center);
        let mut over = ui.new_child(UiBuilder::new().id_salt("held").max_rect(place).layout(layout));
        over.spacing_mut().interact_size.y = BUTTON.y;
        over.spacing_mut().button_padding.y = 2.0;
        let button = widgets::primary_button_ui(&mut over, icon, label, true);
        let pressed = button.on_hover_text("Show the newest, and follow").clicked();
        if pressed {
            self.let_go_at = pointer;
        }
        pressed
    }

    pub(super) fn nothing_to_offer(&mut self) {
        self.is_offered = false;
    }
}
