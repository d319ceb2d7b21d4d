//! The keyboard: the focus of fields, the keys of lists and sheets, and names for screen readers.

use eframe::egui::{Event, Id, Key, Memory, Popup, Response, Role, Stroke, StrokeKind, Ui, WidgetInfo};
use egui_extras::TableRow;

use crate::app::theme::tokens;

/// Gives the focus to a field that was just opened. It is requested until the field has it, because the click that opened the
/// field takes the focus away.
pub(crate) fn focus_once(field: &Response, wanted: &mut bool) {
    if !*wanted {
        return;
    }
    let clicks = field.ctx.input(|input| input.pointer.any_pressed() || input.pointer.any_released());
    if field.has_focus() && !clicks {
        *wanted = false;
    } else {
        field.request_focus();
        field.ctx.request_repaint();
    }
}

/// The keys of a list with rows that can be opened.
#[derive(Clone, Copy, Default)]
pub(crate) struct ListKeys {
    pub step: Option<Step>,
    pub escape: bool,
}

/// A step to the row below or above.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Down,
    Up,
}

impl Step {
    pub(crate) fn reversed(self) -> Self {
        match self {
            Self::Down => Self::Up,
            Self::Up => Self::Down,
        }
    }

    /// The row that the step leads to.
    pub(crate) fn from(self, row: usize) -> usize {
        match self {
            Self::Down => row + 1,
            Self::Up => row.saturating_sub(1),
        }
    }
}

/// The keys of a list that were pressed in this frame; none while a text field or an open menu has the keyboard.
pub(crate) fn list_keys(ui: &Ui) -> ListKeys {
    if ui.text_edit_focused() || Popup::is_any_open(ui) {
        return ListKeys::default();
    }
    ui.input(|i| {
        let are_pressed =
            |keys: [Key; 2]| i.modifiers.is_none() && keys.iter().any(|key| i.key_pressed(*key));
        let down = are_pressed([Key::ArrowDown, Key::J]).then_some(Step::Down);
        let up = || are_pressed([Key::ArrowUp, Key::K]).then_some(Step::Up);
        ListKeys { step: down.or_else(up), escape: i.key_pressed(Key::Escape) }
    })
}

/// Whether the user has just left this field with that key.
pub(crate) fn is_left_with(field: &Response, key: Key) -> bool {
    field.lost_focus() && field.ctx.input(|input| input.key_pressed(key))
}

/// Keeps the focus in a field whose text is refused, so that the user can correct it. Enter would take the focus away.
pub(crate) fn keep_focus(field: &Response, is_refused: bool) {
    if is_refused && is_left_with(field, Key::Enter) {
        field.request_focus();
    }
}

/// Whether Enter gives the first answer of a sheet: it was pressed in one of these fields, or while nothing had the focus
/// that does something else with it. A key that is held down, perhaps since before the sheet opened, does not count.
pub(crate) fn is_answered_with_enter(ui: &Ui, fields: &[&Response]) -> bool {
    let is_enter = |event: &Event| matches!(event, Event::Key { key: Key::Enter, pressed: true, repeat: false, modifiers, .. } if modifiers.is_none());
    ui.input(|input| input.events.iter().any(is_enter))
        && (fields.iter().any(|field| field.lost_focus())
            || ui.memory(Memory::focused).is_none() && !Popup::is_any_open(ui))
}

/// Draws the focus ring of a widget that draws its own outline.
pub(crate) fn ring_ui(ui: &Ui, response: &Response, radius: f32) {
    if response.has_focus() {
        let stroke = Stroke::new(1.5, tokens(ui).strong);
        ui.painter().rect_stroke(response.rect, radius, stroke, StrokeKind::Inside);
    }
}

/// Names the row for screen readers, after its cells are drawn. Not in its first frame: egui knows a cell's position only
/// from the frame before, and a click by a screen reader needs the position.
pub(crate) fn row_name_ui(row: &TableRow<'_, '_>, name: impl Fn() -> String) -> Response {
    let response = row.response();
    if response.rect.is_finite() {
        response.widget_info(|| WidgetInfo::labeled(Role::Row, true, name()));
    } else {
        response.ctx.request_repaint();
    }
    response
}

/// Names something for screen readers that another crate drew without a name, where it is on screen.
pub(crate) fn name_ui(ui: &Ui, id: Id, role: Role, name: &str) {
    if ui.ctx().read_response(id).is_some() {
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_role(role);
            node.set_label(name);
        });
    }
}
