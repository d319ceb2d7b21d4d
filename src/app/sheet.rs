//! Sheets over the window: they take the keys and the pointer until they are closed.

use eframe::egui::{Event, Frame, Id, Label, Modal, Sides, Ui};
use lucide_icons::Icon;

use super::{
    command::Command,
    theme::{tokens, weight},
    widgets,
};

/// A sheet. `name`: the key under which egui keeps its height.
pub(super) fn modal(ui: &Ui, name: &str) -> Modal {
    let frame = Frame::popup(ui.style()).inner_margin(14).corner_radius(12);
    Modal::new(Id::unique(name)).frame(frame)
}

/// The title of a sheet, with a button that closes it. True: the button was pressed.
pub(super) fn title_ui(ui: &mut Ui, title: &str, close: &str) -> bool {
    let color = tokens(ui).strong;
    let (_, closes) = Sides::new().show(
        ui,
        |ui| ui.label(weight(title, 680.0).size(17.0).color(color)),
        |ui| widgets::icon_button_ui(ui, Icon::X, close).clicked(),
    );
    closes
}

/// A question before something that cannot be undone: its title, and the name of the thing concerned. `rest` draws the
/// content below. True: the sheet must be closed.
pub(super) fn question_ui(
    ui: &Ui,
    width: f32,
    (title, about): (&str, &str),
    rest: impl FnOnce(&mut Ui),
) -> bool {
    // Each question has a name of its own, because egui keeps the height of a sheet under its name.
    let frame = Frame::popup(ui.style()).inner_margin(20).corner_radius(12);
    let sheet = Modal::new(Id::unique(("question", title))).frame(frame).show(ui, |ui| {
        let color = tokens(ui).strong;
        ui.set_width(width);
        ui.label(weight(title, 660.0).size(15.0).color(color));
        ui.add(Label::new(weight(about, 560.0)).truncate());
        rest(ui);
    });
    sheet.should_close()
}

/// Removes the keyboard input of this frame, so that nothing behind the open sheet reads it too.
pub(super) fn keep_keys(ui: &Ui) {
    ui.input_mut(|input| {
        input.events.retain(|event| {
            !matches!(
                event,
                Event::Key { .. }
                    | Event::Text(_)
                    | Event::Copy
                    | Event::Cut
                    | Event::Paste(_)
                    | Event::Ime(_)
            )
        });
    });
}

/// Whether the keys that opened a sheet were pressed again, which closes it.
pub(super) fn is_key_pressed(ui: &Ui, opener: &Command) -> bool {
    opener.keys().is_some_and(|keys| ui.input_mut(|input| input.consume_shortcut(&keys)))
}
