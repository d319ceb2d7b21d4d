//! A menu that opens from a button. When the menu opens, the selected choice gets the keyboard's focus.

use eframe::egui::{
    self, Button, Frame, Id, Margin, PopupCloseBehavior, Ui,
    containers::menu::{MenuButton, MenuConfig},
};
use lucide_icons::Icon;

use crate::app::theme::{self, tokens, weight};

/// The key in egui's memory of a flag: the selected choice of the open menu must get the focus.
const WANTS_FOCUS: &str = "the open menu wants the focus";

fn wants_focus(ui: &Ui) -> bool {
    ui.data(|data| data.get_temp(Id::unique(WANTS_FOCUS))).unwrap_or(false)
}

fn set_wants_focus(ui: &Ui, wants: bool) {
    ui.data_mut(|data| data.insert_temp(Id::unique(WANTS_FOCUS), wants));
}

/// The menu stays open while the user fills in a field of it. `name`: for screen readers, and as the tooltip.
pub(super) fn menu_ui(ui: &mut Ui, icon: Icon, label: &str, name: &str, contents: impl FnOnce(&mut Ui)) {
    let t = tokens(ui);
    let atoms = (theme::icon(icon).color(t.weak), weight(label, 550.0));
    let button = Button::new(atoms).wrap_mode(egui::TextWrapMode::Extend);
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let kept = Id::unique(("menu has the focus", name));
    let mut has_focus = ui.data(|data| data.get_temp(kept)).unwrap_or(false);
    let mut is_open = false;
    let (response, _) = MenuButton::from_button(button).config(config).ui(ui, |ui| {
        is_open = true;
        set_wants_focus(ui, !has_focus);
        ui.spacing_mut().item_spacing.y = 5.0;
        Frame::new().inner_margin(Margin::same(4)).show(ui, contents);
        has_focus = !wants_focus(ui);
    });
    ui.data_mut(|data| data.insert_temp(kept, has_focus && is_open));
    response.accessible_name(name).on_hover_text(name);
}

/// One choice of a menu; true when it was chosen, which closes the menu.
pub(super) fn choice_ui(ui: &mut Ui, label: &str, is_selected: bool) -> bool {
    let choice = ui.add(Button::new(label).selected(is_selected));
    if is_selected && wants_focus(ui) {
        // From here the arrow keys lead to the other choices.
        choice.request_focus();
        set_wants_focus(ui, !choice.has_focus());
    }
    if choice.clicked() {
        ui.close();
    }
    choice.clicked()
}
