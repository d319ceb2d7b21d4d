//! A menu of actions that opens from a button.

use eframe::egui::{
    Button, Id, Response, RichText, TextWrapMode, Ui, Widget as _, containers::menu::MenuButton,
};
use lucide_icons::Icon;

use crate::app::theme::{self, tokens, weight};

/// The key in egui's memory of a flag: the first action of the open menu must get the focus.
const WANTS_FOCUS: &str = "the first action of the open menu wants the focus";

/// A button that opens a menu. The first action gets the focus, so that the keyboard goes on from there.
pub(crate) fn actions_ui(ui: &mut Ui, icon: Icon, label: &str, contents: impl FnOnce(&mut Ui)) -> Response {
    let t = tokens(ui);
    let arrow = theme::icon(Icon::ChevronDown).size(11.0).color(t.weak);
    let atoms = (theme::icon(icon).color(t.weak), weight(label, 550.0), arrow);
    let button = Button::new(atoms).wrap_mode(TextWrapMode::Extend);
    let was_open_key = Id::unique(("the menu is open", label));
    let was_open = ui.data(|data| data.get_temp(was_open_key)).unwrap_or(false);
    let mut is_open = false;
    let (response, _) = MenuButton::from_button(button).ui(ui, |ui| {
        is_open = true;
        if !was_open {
            set_wants_focus(ui, true);
        }
        ui.spacing_mut().item_spacing.y = 2.0;
        contents(ui);
    });
    ui.data_mut(|data| data.insert_temp(was_open_key, is_open));
    response.accessible_name(label)
}

/// One action of a menu; true when it was chosen, which closes the menu. `why_not`: why it is not available.
pub(crate) fn action_ui(
    ui: &mut Ui,
    (icon, label): (Icon, &str),
    keys: &str,
    hint: &str,
    why_not: Option<&str>,
) -> bool {
    let t = tokens(ui);
    let button = Button::new((theme::icon(icon).color(t.weak), label))
        .right_text(RichText::new(keys).small().color(t.weak))
        .wrap_mode(TextWrapMode::Extend);
    let action = ui.add_enabled_ui(why_not.is_none(), |ui| button.ui(ui).accessible_name(label)).inner;
    if why_not.is_none() && wants_focus(ui) {
        action.request_focus();
        set_wants_focus(ui, !action.has_focus());
    }
    let action = action.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default());
    if action.clicked() {
        ui.close();
    }
    action.clicked()
}

fn wants_focus(ui: &Ui) -> bool {
    ui.data(|data| data.get_temp(Id::unique(WANTS_FOCUS))).unwrap_or(false)
}

fn set_wants_focus(ui: &Ui, wants: bool) {
    ui.data_mut(|data| data.insert_temp(Id::unique(WANTS_FOCUS), wants));
}
