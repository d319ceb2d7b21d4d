//! A choice of one of many values, in a list that a button opens.

use eframe::egui::{ComboBox, EventFilter, Id, Key, Response, Ui};

use super::text::hint_ui;

/// A button that opens a list to choose from.
#[derive(Clone, Copy)]
pub(crate) struct List<'a> {
    /// The name for screen readers.
    pub name: &'a str,
    /// The text of its button. It is cut if it is too long.
    pub shown: &'a str,
    pub width: f32,
    /// The text of an empty list.
    pub if_empty: &'a str,
}

impl List<'_> {
    /// Draws the button and the list. Returns the button, and the index of the choice that was made. Each choice is its text
    /// and whether it is selected. The list opens with the focus on the selected choice. When it closes, the button gets the
    /// focus back.
    pub(crate) fn ui(self, ui: &mut Ui, choices: &[(&str, bool)]) -> (Response, Option<usize>) {
        let mut chosen = None;
        let (mut is_open, mut is_done) = (false, false);
        let key = Id::unique(("list has the focus", self.name));
        let mut has_focus = ui.data(|data| data.get_temp(key)).unwrap_or(false);
        let list = ComboBox::from_id_salt(self.name).width(self.width).truncate();
        let shown = list.selected_text(self.shown).show_ui(ui, |ui| {
            is_open = true;
            if choices.is_empty() {
                hint_ui(ui, self.if_empty);
            }
            let pressed = |keys: &[Key]| ui.input(|input| keys.iter().any(|key| input.key_pressed(*key)));
            let (is_chosen, is_left) =
                (pressed(&[Key::Enter, Key::Space]), pressed(&[Key::Escape, Key::Tab]));
            let (down, up) = (pressed(&[Key::ArrowDown]), pressed(&[Key::ArrowUp]));
            let items: Vec<_> = choices.iter().map(|(text, is)| ui.selectable_label(*is, *text)).collect();
            chosen = items.iter().position(Response::clicked);
            let focused = items.iter().position(Response::has_focus);
            is_done = chosen.is_some() && is_chosen || focused.is_some() && is_left;
            if chosen.is_some() || is_done {
                ui.close();
            }
            let in_force = choices.iter().position(|(_, is)| *is).unwrap_or(0);
            let next = match focused {
                None => Some(in_force).filter(|_| !has_focus),
                Some(at) if down => Some(at + 1),
                Some(at) if up => at.checked_sub(1),
                Some(_) => None,
            };
            has_focus |= focused.is_some();
            if let Some(at) = focused {
                // Otherwise the arrow keys would move the focus to widgets near the list.
                let keys =
                    EventFilter { vertical_arrows: true, tab: true, escape: true, ..Default::default() };
                ui.memory_mut(|memory| memory.set_focus_lock_filter(items[at].id, keys));
            }
            if let Some(item) = next.and_then(|at| items.get(at)) {
                item.request_focus();
                item.scroll_to_me(None);
            }
        });
        ui.data_mut(|data| data.insert_temp(key, has_focus && is_open));
        if is_done {
            shown.response.request_focus();
        }
        (shown.response.accessible_name(self.name), chosen)
    }
}
