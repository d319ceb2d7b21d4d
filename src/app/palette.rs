//! The command palette: every command by its name.

use eframe::egui::{
    Align2, Button, Key, Modal, Modifiers, Response, RichText, ScrollArea, Ui, Widget as _, vec2,
};

use super::{
    availability,
    command::{self, ALL, Command, Entry, WindowCommand},
    seen::Seen,
    sheet,
    theme::{self, tokens, weight},
    widgets,
};

const LIST_HEIGHT: f32 = 360.0;

#[derive(Default)]
pub(super) struct Palette {
    typed: String,
    chosen: usize,
}

/// The commands whose names contain every typed word.
fn matching(typed: &str) -> impl Iterator<Item = &'static Entry> {
    let typed = typed.to_lowercase();
    ALL.iter()
        .filter(move |entry| typed.split_whitespace().all(|word| entry.title.to_lowercase().contains(word)))
}

impl Palette {
    /// Draws the palette. True: it must be closed.
    pub(super) fn ui(&mut self, ui: &Ui, seen: &mut Seen<'_>) -> bool {
        let [down, up, enter] = [Key::ArrowDown, Key::ArrowUp, Key::Enter]
            .map(|key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)));
        let closes = sheet::is_key_pressed(ui, &Command::Window(WindowCommand::Palette));
        let mut run = None;
        // The height depends on the number of matches. The field stays in the same position.
        let top = ((ui.content_rect().height() - LIST_HEIGHT) / 2.0 - 34.0).max(0.0);
        let modal = sheet::modal(ui, "palette");
        let area = modal.area.anchor(Align2::CENTER_TOP, vec2(0.0, top));
        let modal = Modal { area, ..modal }.show(ui, |ui| {
            ui.set_width(460.0);
            let field = widgets::text_edit(&mut self.typed, "Find a command").desired_width(f32::INFINITY);
            let field = ui.add(field).accessible_name("Find a command");
            if field.changed() {
                self.chosen = 0;
            }
            field.request_focus();
            let is_available =
                |entry: &&Entry| availability::refusal(&entry.command, seen.snapshot).is_none();
            let entries: Vec<_> = matching(&self.typed).filter(is_available).collect();
            self.chosen = self.chosen.min(entries.len().saturating_sub(1));
            if down && self.chosen + 1 < entries.len() {
                self.chosen += 1;
            }
            if up {
                self.chosen = self.chosen.saturating_sub(1);
            }
            ui.spacing_mut().item_spacing.y = 2.0;
            let list = ScrollArea::vertical()
                .max_height(LIST_HEIGHT)
                .min_scrolled_height(LIST_HEIGHT)
                .auto_shrink([false, true]);
            list.show(ui, |ui| {
                if entries.is_empty() {
                    widgets::hint_ui(ui, "No matching command");
                }
                for (at, entry) in entries.iter().enumerate() {
                    let is_chosen = at == self.chosen;
                    let line = line_ui(ui, entry, is_chosen);
                    if (down || up) && is_chosen {
                        line.scroll_to_me(None);
                    }
                    if line.clicked() || (enter && is_chosen) {
                        run = Some(entry.command.clone());
                    }
                }
            });
        });
        let runs = run.is_some();
        seen.commands.extend(run);
        runs || closes || modal.should_close()
    }
}

fn line_ui(ui: &mut Ui, entry: &Entry, is_chosen: bool) -> Response {
    let t = tokens(ui);
    let keys = entry.keys.map(|keys| command::keys_text(ui, keys)).unwrap_or_default();
    let name = weight(entry.title, if is_chosen { 620.0 } else { 480.0 }).color(t.strong);
    let icon = theme::icon(entry.icon).color(if is_chosen { t.accent } else { t.weak });
    let button =
        Button::selectable(is_chosen, (icon, name)).right_text(RichText::new(keys).small().color(t.weak));
    button.min_size(vec2(ui.available_width(), 32.0)).ui(ui).accessible_name(entry.title)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_by_any_of_its_words() {
        let titles = |typed: &str| matching(typed).map(|entry| entry.title).collect::<Vec<_>>();
        assert_eq!(titles("stream go"), ["Go to Stream"]);
        assert_eq!(titles("DARK"), ["Dark theme"]);
        assert_eq!(titles("").len(), ALL.len());
        assert!(titles("nothing like it").is_empty());
    }
}
