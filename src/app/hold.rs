//! A list that grows holds still while the user aims at it, so that a click gets the row that was aimed at. What came
//! meanwhile is counted on a button over the list.

use eframe::egui::{self, Align, Context, Layout, Order, Pos2, Rect, Ui, UiBuilder, vec2};
use lucide_icons::Icon;

use super::widgets;

/// The pointer rests where it is up to this distance.
const REST: f32 = 4.0;
/// What the button takes at most.
const BUTTON: egui::Vec2 = vec2(220.0, 34.0);

#[derive(Default)]
pub(super) struct Hold {
    /// Where the list was drawn last, while it is in sight.
    list: Option<Rect>,
    /// Where the pointer was when it last did something else than to aim at a row. While it rests there, it aims at none.
    let_go_at: Option<Pos2>,
    is_offered: bool,
}

impl Hold {
    /// The list is drawn here.
    pub(super) fn drawn(&mut self, list: Rect) {
        self.list = Some(list);
    }

    /// Whether the pointer is over the list as it was drawn last, or presses there. To be asked once a frame, before
    /// the list changes: it is this frame's pointer.
    pub(super) fn is_aimed_at(&mut self, ctx: &Context) -> bool {
        let pointer = ctx.input(|input| {
            // A finger is gone in the moment in which it lets go, and has clicked all the same.
            let clicks = input.pointer.any_pressed() || input.pointer.any_released();
            input.pointer.latest_pos().or(input.pointer.interact_pos().filter(|_| clicks))
        });
        let (Some(list), Some(pointer)) = (self.list.take(), pointer) else { return false };
        if ctx.layer_id_at(pointer).is_some_and(|layer| layer.order != Order::Background) {
            // It aims at what is open over the list, and at nothing when that has closed.
            self.let_go_at = Some(pointer);
            return false;
        }
        self.let_go_at.take_if(|at| at.distance(pointer) > REST);
        list.contains(pointer) && self.let_go_at.is_none()
    }

    /// The button over the list's newest end. It never comes up under the pointer, where it would take a click that was
    /// meant for a row. True when it was pressed.
    pub(super) fn offer_ui(&mut self, ui: &mut Ui, list: Rect, label: &str, at_end: bool) -> bool {
        let (icon, top) =
            if at_end { (Icon::ArrowDown, list.bottom() - 44.0) } else { (Icon::ArrowUp, list.top() + 34.0) };
        let place = Rect::from_min_size(egui::pos2(list.left(), top), vec2(list.width(), BUTTON.y));
        let pointer = ui.input(|input| input.pointer.latest_pos());
        let near = Rect::from_center_size(place.center(), BUTTON);
        if !self.is_offered && pointer.is_some_and(|pointer| near.contains(pointer)) {
            return false;
        }
        self.is_offered = true;
        let layout = Layout::top_down(Align::Center);
        let mut over = ui.new_child(UiBuilder::new().id_salt("held").max_rect(place).layout(layout));
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
