//! Menus that open from a button, and keep the keyboard's focus in order.

use eframe::egui::{
    self, Button, Frame, Margin, PopupCloseBehavior, Ui,
    containers::menu::{MenuButton, MenuConfig},
};
use lucide_icons::Icon;

use super::super::theme::{self, tokens, weight};

/// A button that opens a menu, which stays open while something in it is being filled in.
pub(super) fn menu_ui(ui: &mut Ui, icon: Icon, label: &str, name: &str, contents: impl FnOnce(&mut Ui)) {
    let t = tokens(ui);
    let atoms = (theme::icon(icon).color(t.weak), weight(label, 550.0));
    let button = Button::new(atoms).wrap_mode(egui::TextWrapMode::Extend);
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let kept = egui::Id::unique(("menu has the focus", name));
    let mut has_focus = ui.data(|data| data.get_temp(kept)).unwrap_or(false);
    let mut is_open = false;
    let (response, _) = MenuButton::from_button(button).config(config).ui(ui, |ui| {
        is_open = true;
        ui.data_mut(|data| data.insert_temp(egui::Id::unique(WANTS_FOCUS), !has_focus));
        ui.spacing_mut().item_spacing.y = 5.0;
        Frame::new().inner_margin(Margin::same(4)).show(ui, contents);
        has_focus = !wants_focus(ui);
    });
    ui.data_mut(|data| data.insert_temp(kept, has_focus && is_open));
    response.accessible_name(name).on_hover_text(name);
}

/// Under this name a menu says whether its choice in force is to get the focus: it has just been opened.
const WANTS_FOCUS: &str = "the open menu wants the focus";

fn wants_focus(ui: &Ui) -> bool {
    ui.data(|data| data.get_temp(egui::Id::unique(WANTS_FOCUS))).unwrap_or(false)
}

/// One of several in a menu, which closes when it is chosen.
pub(super) fn choice_ui(ui: &mut Ui, label: &str, is_chosen: bool) -> bool {
    let choice = ui.add(Button::new(label).selected(is_chosen));
    if is_chosen && wants_focus(ui) {
        // The arrow keys lead on from here.
        choice.request_focus();
        let has_focus = choice.has_focus();
        ui.data_mut(|data| data.insert_temp(egui::Id::unique(WANTS_FOCUS), !has_focus));
    }
    if choice.clicked() {
        ui.close();
    }
    choice.clicked()
}
